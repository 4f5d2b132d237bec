//! One step of a history: edits, a configuration, faults, and a run that ends in one of many ways.

use std::time::Duration;

use domain::{RunId, RunKind, RunState};
use runner::{Executed, Report, Reporter, RunOptions, Worker};
use serde_json::json;
use store::Decision;
use testkit::rig::Deadline;
use tokio_util::sync::CancellationToken;

use super::faults;
use super::history::{History, message};

impl History {
    pub(super) async fn step(&mut self) {
        if self.chance.percent(80) {
            self.edit().await;
        }
        if self.chance.percent(20) {
            let triggers = [self.chance.percent(60), self.chance.percent(60), self.chance.percent(60)];
            self.set_triggers(triggers).await;
        } else if !self.sends_all && self.chance.percent(50) {
            self.set_triggers([true; 3]).await;
        }
        if self.chance.percent(10) {
            let edition = 1 + self.chance.below(3) as u32;
            self.note(format!("edition {edition}"));
            self.rig.set("/sync/message", json!({"json": message(edition, self.fans_out)})).await;
        }
        if self.chance.percent(30) {
            self.note("settled".to_owned());
            self.rig.settled().await;
        }
        if self.chance.percent(60) {
            self.rig.simulator.clear_faults();
        }
        let rules = faults::some(&mut self.chance);
        if !rules.is_empty() {
            self.note(format!("faults {rules:?}"));
            self.rig.simulator.faults(rules);
        }
        self.run().await;
    }

    async fn edit(&mut self) {
        let mut statements = Vec::new();
        for _ in 0..=self.chance.below(4) {
            let (a, v) = (1 + self.chance.below(6), self.chance.below(3));
            let b = *self.chance.one_of(&["x", "x", "ü|\""]);
            let here = format!("a = {a} and b = '{b}'");
            statements.push(match self.chance.below(20) {
                0..=8 => format!("delete from items where {here}; insert into items values ({a}, '{b}', {v}, 'w')"),
                9..=11 => format!("update items set v = {v} where {here}"),
                12..=15 => format!("delete from items where {here}"),
                // A key twice is held, and so is what it was.
                16 | 17 => format!("insert into items values ({a}, '{b}', {v}, null)"),
                18 => format!("insert into items values ({a}, null, {v}, null)"),
                _ => "delete from items where a < 5".to_owned(),
            });
            if self.fans_out && self.chance.percent(80) {
                let tags = self.tags();
                statements.push(format!("update items set tags = {tags} where {here}"));
            }
        }
        let statements = statements.join(";\n");
        self.note(statements.clone());
        self.rig.sql(&statements).await;
    }

    /// Mostly some elements; some that make the row invalid.
    fn tags(&mut self) -> String {
        match self.chance.below(12) {
            0 => "null".to_owned(),
            1 => "'[\"p\", null]'".to_owned(),
            2 => "'[\"p\", 1, \"q\", 1.0]'".to_owned(),
            3 => "'{\"p\": 1}'".to_owned(),
            _ => {
                let all = ["\"p\"", "\"q\"", "1", "{\"k\": [2]}", "true"];
                let some: Vec<&str> = all.into_iter().filter(|_| self.chance.percent(50)).collect();
                format!("'[{}]'", some.join(", "))
            }
        }
    }

    pub(super) async fn set_triggers(&mut self, [added, changed, removed]: [bool; 3]) {
        self.note(format!("triggers added {added}, changed {changed}, removed {removed}"));
        self.sends_all = added && changed && removed;
        self.from_empty &= added;
        let triggers = json!({"added": added, "changed": changed, "removed": removed});
        self.rig.set("/sync/triggers", triggers).await;
    }

    async fn run(&mut self) {
        if self.lost {
            if self.chance.percent(30) {
                return;
            }
            return self.take_over().await;
        }
        let kind = match self.chance.below(20) {
            0 | 1 => RunKind::FullResync,
            2 => RunKind::Baseline,
            _ => RunKind::Normal,
        };
        self.note(format!("{kind:?}"));
        self.from_empty &= kind != RunKind::Baseline;
        self.silent = kind == RunKind::Baseline || !self.sends_all || self.first_run_only_future;
        if self.silent {
            self.excuse().await;
        }
        let run = self.rig.request(kind, RunOptions::default()).await;
        self.asked = Some(run);
        match self.chance.below(10) {
            0..=2 => self.crash().await,
            3 => self.cancel().await,
            4 if self.chance.percent(50) => self.zombie(run).await,
            _ => {
                let report = self.rig.work().await;
                self.ended(&report).await;
            }
        }
    }

    /// Works on until the attempt is dropped somewhere.
    async fn crash(&mut self) {
        let polls = 1 + self.chance.below(260) as u32;
        self.note(format!("  at most {polls} polls"));
        match self.rig.work_for_polls(polls).await {
            Some(ended) => self.ended(&ended.unwrap()).await,
            None => {
                self.note("  crashed".to_owned());
                self.lost = true;
            }
        }
    }

    /// Another worker, or the same one after a restart, goes on with the run that was lost.
    pub(super) async fn take_over(&mut self) {
        self.note("  taken over".to_owned());
        // What it reads may differ from what the attempt before read. It has the configuration of its first claim.
        if self.silent || !self.sends_all {
            self.excuse().await;
        }
        self.rig.end_lease().await;
        self.lost = false;
        let run = self.rig.worker.scope.run(self.asked.unwrap()).await.unwrap();
        if run.state.ended() {
            // It crashed after its last transaction.
            self.note(format!("    {:?} {:?}", run.state, run.counts));
            return self.check_stream().await;
        }
        let report = self.rig.work().await;
        self.ended(&report).await;
    }

    async fn cancel(&mut self) {
        let calls = self.rig.simulator.calls_of(simulator::Operation::PutRecords) + self.chance.below(3);
        self.note(format!("  cancelled at call {calls}"));
        let cancel = CancellationToken::new();
        let when = async {
            self.rig.simulator.wait_for_calls(simulator::Operation::PutRecords, calls).await;
            cancel.cancel();
            std::future::pending().await
        };
        let report = tokio::select! {
            report = self.rig.try_work(&self.rig.worker, &cancel) => report.unwrap(),
            () = when => return,
        };
        self.ended(&report).await;
    }

    /// A worker that cannot renew its lease, and another one that takes over while the first still lives.
    async fn zombie(&mut self, run: RunId) {
        self.note("  its lease ends while it works".to_owned());
        let mut first = self.rig.worker.clone();
        first.settings.lease = Duration::from_millis(1_000);
        let second = self.rig.second_worker().await;
        let cancel = CancellationToken::new();
        let (first, second) = tokio::join!(self.rig.try_work(&first, &cancel), self.rival(run, &second));
        self.note(format!("  first {first:?}"));
        match (first, second) {
            (Ok(report), None) | (Err(_), Some(report)) => self.ended(&report).await,
            // The first one had ended before its lease did.
            other => panic!("one of them ends the run: {other:?}"),
        }
    }

    /// Keeps the run's row locked until its lease has ended, so that it cannot be renewed; then takes over.
    async fn rival(&self, run: RunId, second: &Worker) -> Option<Report> {
        let run = run.uuid();
        let lock = format!("select 1 from run where id = '{run}' and lease_until > now() for update");
        let ended = format!("select 1 from run where id = '{run}' and state not in ('queued', 'running')");
        let over = format!("select 1 from run where id = '{run}' and lease_until <= clock_timestamp()");
        let deadline = Deadline::new("a claim");
        loop {
            self.rig.store_query("begin").await;
            if !self.rig.store_query(&lock).await.is_empty() {
                break;
            }
            self.rig.store_query("rollback").await;
            deadline.pause().await;
        }
        while self.rig.store_query(&over).await.is_empty() {
            deadline.pause().await;
        }
        self.rig.store_query("rollback").await;
        let (reporter, cancel) = (Reporter::default(), CancellationToken::new());
        while self.rig.store_query(&ended).await.is_empty() {
            match Box::pin(second.execute(self.rig.sync, &reporter, cancel.clone())).await {
                Ok(Executed::Ended(report)) => return Some(*report),
                Ok(_) => deadline.pause().await,
                Err(error) => panic!("the second worker: {error:?}"),
            }
        }
        None
    }

    async fn ended(&mut self, report: &Report) {
        self.check(report).await;
        if report.state == RunState::NeedsApproval {
            let decision = *self.chance.one_of(&[
                None,
                Some(Decision::Approved),
                Some(Decision::Approved),
                Some(Decision::Dismissed),
                Some(Decision::Forgotten),
            ]);
            if let Some(decision) = decision {
                self.decide(decision).await;
            }
        }
    }

    pub(super) async fn decide(&mut self, decision: Decision) {
        self.note(format!("  {decision:?}"));
        if decision == Decision::Forgotten {
            // Every key, since any may be gone when the next run comes.
            let gone = self.rig.stream().await.by_sequence().into_keys().collect::<Vec<_>>();
            for key in gone {
                self.excused.entry(key).or_default().insert(None);
            }
        }
        let open = self.rig.worker.scope.approvals(self.rig.sync, true).await.unwrap();
        self.rig.worker.scope.decide_approval(open[0].id, decision, "as asked").await.unwrap();
    }
}
