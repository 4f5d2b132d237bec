//! A worker that is told to stop leaves its runs in good order; one that dies over and over is not followed for ever.

use std::sync::Arc;

use domain::{RunKind, RunState};
use runner::{Executed, Report, Reporter, RunOptions, Signals, Worker};
use store::AttemptOutcome;
use testkit::oracle::sums;
use testkit::rig::{Deadline, Rig, STREAM};

use crate::rows::{assert_delivered, rig};

async fn execute(rig: &Rig, worker: &Worker, signals: &Signals) -> Executed {
    Box::pin(worker.execute(rig.sync, &Reporter::default(), signals.clone())).await.unwrap()
}

/// Another worker claims the run at once: no lease is waited for.
async fn taken_over(rig: &Rig) -> Report {
    let second = rig.second_worker().await;
    match execute(rig, &second, &Signals::default()).await {
        Executed::Ended(report) => *report,
        other => panic!("the run was not there to be claimed: {other:?}"),
    }
}

async fn outcomes(rig: &Rig, run: domain::RunId) -> Vec<Option<AttemptOutcome>> {
    let attempts = rig.worker.scope.attempts(run).await.unwrap();
    for attempt in &attempts {
        assert_eq!(sums(&serde_json::to_value(attempt.counts).unwrap()), Vec::<String>::new());
    }
    attempts.into_iter().map(|attempt| attempt.outcome).collect()
}

/// Works until a statement of this run waits for a lock in the source, then drains.
async fn drained_while_the_source_waits(rig: &Rig, statement: &str) -> Executed {
    let signals = Signals::default();
    let drains = async {
        let deadline = Deadline::new("the source to wait for a lock");
        // Asked from outside: a transaction sees the activity of its beginning.
        let waits = format!(
            "select 1 from pg_stat_activity where datname = '{}' and wait_event_type = 'Lock' and query ilike '{statement}'",
            rig.source_database.name()
        );
        while rig.store_query(&waits).await.is_empty() {
            deadline.pause().await;
        }
        signals.drain.cancel();
    };
    tokio::join!(execute(rig, &rig.worker, &signals), drains).0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_run_goes_on_elsewhere_and_nothing_that_was_acknowledged_is_sent_again() {
    let mut rig = rig(20_000).await;
    rig.worker.settings.window.records = 1_000;
    let run = rig.request(RunKind::Normal, RunOptions::default()).await;
    let signals = Signals::default();
    let drains = async {
        rig.simulator.wait_for_records(STREAM, 4_000).await;
        signals.drain.cancel();
    };
    let (executed, ()) = tokio::join!(execute(&rig, &rig.worker, &signals), drains);
    assert!(matches!(executed, Executed::Released { run: released } if released == run), "{executed:?}");
    let sent = rig.records().len();
    assert!((4_000..20_000).contains(&sent), "{sent}");
    let first = rig.worker.scope.attempts(run).await.unwrap().remove(0).counts;
    assert_eq!((first.delivered, first.unanswered, first.deferred), (sent as u64, 0, 20_000 - sent as u64));
    assert_eq!(rig.worker.scope.run(run).await.unwrap().state, RunState::Running);

    let report = taken_over(&rig).await;
    assert_eq!((report.run, report.state), (run, RunState::Succeeded));
    assert_eq!(report.counts.delivered, 20_000 - sent as u64);
    assert_eq!(outcomes(&rig, run).await, [Some(AttemptOutcome::Released), Some(AttemptOutcome::Finished)]);
    assert_eq!((rig.records().len(), rig.stream().await.duplicates()), (20_000, 0));
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_while_the_model_is_read_gives_the_run_back_at_once() {
    let mut rig = rig(5).await;
    let query = "select id, v from items, (select pg_advisory_xact_lock_shared(7) is null as locked offset 0) l where not l.locked";
    rig.set("/model/query", query.into()).await;
    rig.sql("select pg_advisory_lock(7)").await;
    let run = rig.request(RunKind::Normal, RunOptions::default()).await;
    let executed = drained_while_the_source_waits(&rig, "%copy%").await;
    assert!(matches!(executed, Executed::Released { .. }), "{executed:?}");
    rig.sql("select pg_advisory_unlock(7)").await;
    assert_eq!(taken_over(&rig).await.counts.delivered, 5);
    assert_eq!(outcomes(&rig, run).await, [Some(AttemptOutcome::Released), Some(AttemptOutcome::Finished)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_before_the_source_has_even_answered_gives_the_run_back_at_once() {
    let rig = rig(5).await;
    rig.sql("begin; lock table items in access exclusive mode").await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let executed = drained_while_the_source_waits(&rig, "%items%").await;
    assert!(matches!(executed, Executed::Released { .. }), "{executed:?}");
    rig.sql("rollback").await;
    assert_eq!(taken_over(&rig).await.counts.delivered, 5);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_worker_that_was_told_before_it_claims_gives_back_what_it_gets() {
    let rig = rig(5).await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let signals = Signals::default();
    signals.drain.cancel();
    let executed = execute(&rig, &rig.worker, &signals).await;
    assert!(matches!(executed, Executed::Released { .. }), "{executed:?}");
    assert_eq!(rig.records().len(), 0);
    assert_eq!(taken_over(&rig).await.counts.delivered, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_the_store_asked_for_does_not_cancel_what_else_the_worker_does() {
    let rig = rig(50).await;
    rig.sql("begin; lock table items in access exclusive mode").await;
    let run = rig.request(RunKind::Normal, RunOptions::default()).await;
    let mut worker = rig.second_worker().await;
    worker.settings.lease = std::time::Duration::from_secs(1);
    let signals = Signals::default();
    let cancels = async {
        let deadline = Deadline::new("the run to start");
        while rig.worker.scope.run(run).await.unwrap().state != RunState::Running {
            deadline.pause().await;
        }
        rig.worker.scope.cancel(run).await.unwrap();
    };
    let (executed, ()) = tokio::join!(execute(&rig, &worker, &signals), cancels);
    assert!(matches!(&executed, Executed::Ended(report) if report.state == RunState::Cancelled), "{executed:?}");
    assert!(!signals.cancel.is_cancelled(), "the signal is the process's own");
    rig.sql("rollback").await;
    assert_eq!(rig.run().await.counts.delivered, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_kills_its_workers_ends_with_the_reason_and_the_next_one_works() {
    let rig = rig(5).await;
    let mut worker = rig.second_worker().await;
    worker.settings.secrets = Some(Arc::new(|_| panic!("this secret kills")));
    worker.settings.max_died_attempts = 2;
    let run = rig.request(RunKind::Normal, RunOptions::default()).await;
    for _ in 0..2 {
        let (worker, sync) = (worker.clone(), rig.sync);
        let task = tokio::spawn(async move { worker.execute(sync, &Reporter::default(), Signals::default()).await });
        assert!(task.await.unwrap_err().is_panic());
        rig.end_lease().await;
    }
    let report = match execute(&rig, &worker, &Signals::default()).await {
        Executed::Ended(report) => report,
        other => panic!("{other:?}"),
    };
    let reason = report.reason.unwrap();
    assert_eq!((report.run, report.state, reason.code.as_str()), (run, RunState::Failed, "crash-loop"));
    assert!(reason.text.contains("2 attempts"), "{}", reason.text);
    let died = Some(AttemptOutcome::Died);
    assert_eq!(outcomes(&rig, run).await, [died, died, Some(AttemptOutcome::Finished)]);
    worker.settings.secrets.clone_from(&rig.worker.settings.secrets);
    rig.request(RunKind::Normal, RunOptions::default()).await;
    assert_eq!(rig.try_work(&worker, &Default::default()).await.unwrap().counts.delivered, 5);
    assert_delivered(&rig).await;
}
