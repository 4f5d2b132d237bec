//! A worker process: it claims whatever is due, in whatever workspace, until it is told to drain.
//!
//! `dispatch` executes runs, `jobs` does the short work that the API asks for, `schedules` turns ticks into runs, and
//! `housekeeping` removes what is no longer needed. Any number of such processes share a database and an object storage.

mod dispatch;
mod housekeeping;
mod jobs;
mod places;
mod schedules;
mod wake;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::{Millis, WorkspaceId};
use store::{Quotas, Scope, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::settings::{RunLimits, Settings};
use crate::{Error, Worker};

/// What the operator decides about a worker process. `server` fills it from its configuration.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// Runs at work at once in this process; one workspace gets all but one of the places.
    pub runs: usize,
    /// Jobs at work at once in this process; queries and previews get half of the places.
    pub jobs: usize,
    /// Jobs at work at once for one workspace, in all processes.
    pub jobs_per_workspace: u32,
    /// What a workspace may take unless its own quotas say otherwise.
    pub quotas: Quotas,
    /// How often an idle worker looks by itself.
    pub poll: Duration,
    /// How long a job may take.
    pub job_time: Duration,
    /// How long a query may take that somebody tries.
    pub query_time: Duration,
    pub retention: Retention,
}

/// How long things are kept that nothing depends on.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Ended runs, with what they tell.
    pub runs: Duration,
    pub audit: Duration,
    /// Jobs and their results.
    pub jobs: Duration,
    /// How often a worker looks for what can go.
    pub every: Duration,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            runs: 4,
            jobs: 4,
            jobs_per_workspace: 2,
            quotas: Quotas { running_runs: Some(2), ..Quotas::default() },
            poll: Duration::from_secs(1),
            job_time: Duration::from_secs(60),
            query_time: Duration::from_secs(15),
            retention: Retention::default(),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { runs: days(30), audit: days(365), jobs: days(1), every: Duration::from_secs(10 * 60) }
    }
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

/// What all parts of a worker process work with.
#[derive(Debug, Clone)]
pub struct Service {
    /// Of runs; their limits come from the quotas of the workspace.
    pub settings: Settings,
    pub service: ServiceSettings,
    pub store: Store,
}

/// Compiled here, and not again in each program that waits for one.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Service {
    /// Works until `drain`, then hands its runs over and returns. Nothing that fails inside ends it: it tries again.
    pub fn work(self, drain: CancellationToken) -> Work {
        Box::pin(async move {
            let service = Arc::new(self);
            let wake = wake::Wake::listen(service.store.clone(), drain.clone());
            let tasks = TaskTracker::new();
            tasks.spawn(dispatch::run(Arc::clone(&service), wake.clone(), drain.clone()));
            tasks.spawn(jobs::run(Arc::clone(&service), wake, drain.clone()));
            tasks.spawn(schedules::run(Arc::clone(&service), drain.clone()));
            tasks.spawn(housekeeping::run(service, drain));
            tasks.close();
            tasks.wait().await;
        })
    }

    /// A worker of one workspace, held to what the workspace may take.
    pub(crate) async fn worker(&self, workspace: WorkspaceId) -> Result<Worker, Error> {
        let scope = self.store.scope(workspace);
        let workspace = scope.workspace_state().await?;
        let quotas = scope.quotas().await?.or(&self.service.quotas);
        let limits = RunLimits {
            rows: quotas.rows_per_run,
            spilled_bytes: quotas.spilled_bytes_per_run,
            time: quotas.run_seconds.map(Duration::from_secs),
            stored_bytes: quotas.stored_bytes,
        };
        let settings = Settings { limits, ..self.settings.clone() };
        Ok(Worker { settings, workspace, scope })
    }

    pub(crate) fn scope(&self, workspace: WorkspaceId) -> Scope {
        self.store.scope(workspace)
    }
}

pub(crate) const fn millis(time: Duration) -> Millis {
    time.as_millis() as Millis
}
