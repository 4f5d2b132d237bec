//! Claims runs and executes them, each in a task of its own: what one of them does to itself ends no other.

use std::sync::Arc;
use std::time::Duration;

use domain::WorkspaceId;
use store::Claim;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::places::Places;
use super::wake::Wake;
use super::{Service, millis};
use crate::{Error, Executed, Reporter, Signals, Worker};

/// How often the progress of a run is written for those who watch.
const PROGRESS: Duration = Duration::from_millis(500);
/// Wait after a failed look for work.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// A run whose attempt panicked is tried again after this time, doubled with each further one.
const BACKOFF: Duration = Duration::from_secs(1);

pub(super) async fn run(service: Arc<Service>, wake: Wake, drain: CancellationToken) {
    let places = Arc::new(Semaphore::new(service.service.runs.max(1)));
    let of_workspaces = Places::new(service.service.runs);
    let tasks = TaskTracker::new();
    while !drain.is_cancelled() {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = drain.cancelled() => break,
        };
        let Ok(place) = place else { break };
        match next(&service, &of_workspaces.full()).await {
            Ok(Some((workspace, claim, claimed_at))) => {
                let taken = of_workspaces.take(workspace);
                let (service, drain, wake) = (Arc::clone(&service), drain.clone(), wake.clone());
                let span =
                    tracing::info_span!("run", %workspace, sync = %claim.sync, run = %claim.run, epoch = claim.epoch);
                tasks.spawn(
                    async move {
                        execute(&service, workspace, claim, claimed_at, drain).await;
                        drop((taken, place));
                        wake.look_for_runs();
                    }
                    .instrument(span),
                );
            }
            Ok(None) => {
                drop(place);
                tokio::select! {
                    () = wake.run(service.service.poll) => {}
                    () = drain.cancelled() => {}
                }
            }
            Err(error) => {
                drop(place);
                tracing::warn!(error = crate::chain(&error), "cannot look for runs, trying again");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn next(
    service: &Service,
    not_of: &[WorkspaceId],
) -> Result<Option<(WorkspaceId, Claim, Instant)>, store::Error> {
    let claimed_at = Instant::now();
    let (lease, settling) = (millis(service.settings.lease), millis(service.settings.settling));
    let running = service.service.quotas.running_runs.unwrap_or(u32::MAX >> 1);
    let claimed = service.store.claim_next(&service.settings.worker, lease, settling, running, not_of).await?;
    Ok(claimed.map(|(workspace, claim)| (workspace, claim, claimed_at)))
}

async fn execute(
    service: &Service,
    workspace: WorkspaceId,
    claim: Claim,
    claimed_at: Instant,
    drain: CancellationToken,
) {
    tracing::info!(worker = service.settings.worker, "claimed");
    let worker = match service.worker(workspace).await {
        Ok(worker) => worker,
        // The lease ends, and the run is claimed again.
        Err(error) => return tracing::warn!(error = crate::chain(&error), "the run cannot begin"),
    };
    let progress = Reporter::default();
    let ended = CancellationToken::new();
    let watching = watch(&worker, &claim, &progress, ended.clone());
    let signals = Signals { drain, ..Signals::default() };
    let task = {
        let (worker, claim, progress) = (worker.clone(), claim.clone(), progress.clone());
        tokio::spawn(async move { worker.go_on(claim, claimed_at, &progress, signals).await }.in_current_span())
    };
    match task.await {
        Ok(ended) => tell(&ended),
        Err(panic) => {
            tracing::error!(%panic, "the attempt panicked");
            metrics::counter!("rowcast_run_panics_total").increment(1);
            // What it held is free for others after a while; a claim counts the attempt as dead.
            let wait = BACKOFF * 2_u32.pow(claim.died_attempts.min(6));
            if let Err(error) = worker.scope.heartbeat(&claim, millis(wait)).await {
                tracing::warn!(error = crate::chain(&error), "its lease ends by itself");
            }
        }
    }
    ended.cancel();
    drop(watching.await);
}

fn tell(ended: &Result<Executed, Error>) {
    match ended {
        Ok(Executed::Ended(report)) => {
            let counts = report.counts;
            metrics::counter!("rowcast_runs_total", "state" => report.state.as_str()).increment(1);
            metrics::counter!("rowcast_rows_read_total").increment(counts.queried);
            for (outcome, count) in [
                ("delivered", counts.delivered),
                ("rejected", counts.rejected),
                ("unanswered", counts.unanswered),
                ("deferred", counts.deferred),
                ("invalid", counts.invalid),
            ] {
                metrics::counter!("rowcast_records_total", "outcome" => outcome).increment(count);
            }
            tracing::info!(state = report.state.as_str(), delivered = counts.delivered, "ended");
        }
        Ok(Executed::Released { .. }) => tracing::info!("handed over"),
        Ok(Executed::Nothing | Executed::Busy { .. }) => {}
        Err(error) => {
            if matches!(error, Error::LeaseLost) {
                metrics::counter!("rowcast_leases_lost_total").increment(1);
            }
            tracing::warn!(error = crate::chain(error), "the attempt ended, another one goes on with the run");
        }
    }
}

/// Writes what the run tells about itself until it has ended, and what it told last.
fn watch(worker: &Worker, claim: &Claim, progress: &Reporter, ended: CancellationToken) -> JoinHandle<()> {
    let (scope, run, mut told) = (worker.scope.clone(), claim.run, progress.watch());
    tokio::spawn(async move {
        let mut throttled = 0;
        loop {
            let over = tokio::select! {
                () = ended.cancelled() => true,
                changed = told.changed() => changed.is_err(),
            };
            let now = *told.borrow_and_update();
            metrics::counter!("rowcast_throttled_records_total").increment(now.throttled.saturating_sub(throttled));
            throttled = now.throttled;
            if let Ok(value) = serde_json::to_value(now)
                && let Err(error) = scope.write_progress(run, &value).await
            {
                tracing::debug!(error = crate::chain(&error), "progress was not written");
            }
            if over {
                return;
            }
            drop(tokio::time::timeout(PROGRESS, ended.cancelled()).await);
        }
    })
}
