//! What a worker does, as far as the API sees it.

use std::time::{Duration, Instant};

use domain::{RunState, SyncId, Work};
use serde_json::Value;
use store::{Access, Checkpoint, Claim, Claimed, Finish, JobProblem, Reason, Scope, Store};

use crate::fixture::{Client, Fixture};

pub(crate) struct Worker {
    store: Store,
}

const LEASE: i64 = 60_000;

impl Worker {
    pub(crate) async fn new(api: &Fixture) -> Self {
        Self { store: Store::connect(api.database.url(), Access::Worker, 2).await.unwrap() }
    }

    /// Answers the next job, which has to come soon.
    pub(crate) async fn answer(&self, outcome: Result<Value, JobProblem>) -> Work {
        let began = Instant::now();
        loop {
            if let Some((workspace, job)) = self.store.claim_job("worker", LEASE, 10, &[]).await.unwrap() {
                self.store.scope(workspace).finish_job(job.id, "worker", &outcome).await.unwrap();
                return job.work;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "no job came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn scope(&self, client: &Client) -> Scope {
        self.store.scope(client.workspace.parse().unwrap())
    }

    /// Takes the run that waits.
    pub(crate) async fn claim(&self, client: &Client, sync: &str) -> Claim {
        let sync: SyncId = sync.parse().unwrap();
        match self.scope(client).claim(sync, "worker", LEASE, 0).await.unwrap() {
            Claimed::Claimed(claim) => *claim,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn end(&self, client: &Client, claim: &Claim, state: RunState, last: Checkpoint) {
        let reason = Some(Reason { code: "as-told".to_owned(), text: "The test says so.".to_owned() });
        let last = Checkpoint { counts: Some(last.counts.unwrap_or_default()), ..last };
        let finish = Finish { reason, last, ..Finish::new(claim, state, 0) };
        self.scope(client).finish(claim, claim.manifest_version, &finish).await.unwrap();
    }
}
