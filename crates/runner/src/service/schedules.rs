//! Turns ticks of schedules into queued runs. Every worker process does; a tick makes one run whoever sees it first.

use std::sync::Arc;
use std::time::Duration;

use domain::{SyncId, WorkspaceId};
use store::{Fired, Tick};
use tokio_util::sync::CancellationToken;

use super::Service;
use crate::clock;

const EVERY: Duration = Duration::from_secs(1);
const AT_ONCE: u32 = 500;

pub(super) async fn run(service: Arc<Service>, drain: CancellationToken) {
    while !drain.is_cancelled() {
        if let Err(error) = sweep(&service).await {
            tracing::warn!(error = crate::chain(&error), "ticks of schedules cannot be looked for, trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = drain.cancelled() => {}
        }
    }
}

async fn sweep(service: &Service) -> Result<(), store::Error> {
    for (workspace, sync) in service.store.due_syncs(AT_ONCE).await? {
        if let Err(error) = tick(service, workspace, sync).await {
            tracing::warn!(%workspace, %sync, error = crate::chain(&error), "a tick was not taken up, trying again");
        }
    }
    Ok(())
}

/// At most one run for however many ticks have passed. What cannot be read as a schedule any more stops ticking.
async fn tick(service: &Service, workspace: WorkspaceId, sync: SyncId) -> Result<(), store::Error> {
    let scope = service.scope(workspace);
    let state = scope.schedule_state(sync).await?;
    let Some(expected) = state.next_fire_at else { return Ok(()) };
    let tick = match schedule::Plan::new(&state.schedule) {
        Ok(plan) => match schedule::due(&plan, expected, clock::now(), state.anchor) {
            Some(due) => {
                Tick { expected, scheduled_for: due.scheduled_for, skipped: due.skipped as u64, next: due.next }
            }
            // The database's clock is a little ahead of ours.
            None => return Ok(()),
        },
        Err(problem) => {
            tracing::error!(%workspace, %sync, %problem, "a schedule cannot be read, and ticks no more");
            Tick { expected, scheduled_for: expected, skipped: 0, next: None }
        }
    };
    let fired = scope.fire(sync, &tick).await?;
    metrics::counter!("rowcast_ticks_total").increment(u64::from(fired != Fired::Gone));
    metrics::counter!("rowcast_ticks_skipped_total").increment(tick.skipped + u64::from(fired == Fired::Skipped));
    Ok(())
}
