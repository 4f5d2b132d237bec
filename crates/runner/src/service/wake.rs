//! A hint from the database that something was queued. It may be lost: whoever waits for it also looks by himself.

use std::sync::Arc;
use std::time::Duration;

use store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone)]
pub(super) struct Wake {
    runs: Arc<Notify>,
    jobs: Arc<Notify>,
}

const AGAIN: Duration = Duration::from_secs(5);

impl Wake {
    pub(super) fn listen(store: Store, drain: CancellationToken) -> Self {
        let wake = Self { runs: Arc::new(Notify::new()), jobs: Arc::new(Notify::new()) };
        let (runs, jobs) = (Arc::clone(&wake.runs), Arc::clone(&wake.jobs));
        tokio::spawn(async move {
            let hear = |hint: &str| match hint {
                "job" => jobs.notify_one(),
                _ => runs.notify_one(),
            };
            while !drain.is_cancelled() {
                tokio::select! {
                    heard = store.listen(&hear) => if let Err(error) = heard {
                        tracing::debug!(error = crate::chain(&error), "not listening, looking by time alone");
                    },
                    () = drain.cancelled() => break,
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        wake
    }

    /// Until a run may be due, or so long.
    pub(super) async fn run(&self, at_most: Duration) {
        let _late = tokio::time::timeout(at_most, self.runs.notified()).await;
    }

    pub(super) async fn job(&self, at_most: Duration) {
        let _late = tokio::time::timeout(at_most, self.jobs.notified()).await;
    }

    /// A place became free.
    pub(super) fn look_for_runs(&self) {
        self.runs.notify_one();
    }

    pub(super) fn look_for_jobs(&self) {
        self.jobs.notify_one();
    }
}
