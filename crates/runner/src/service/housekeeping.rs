//! Removes what nobody needs any more: objects of what was deleted, old runs with their lists, jobs, answers, sessions.

use std::sync::Arc;
use std::time::Duration;

use domain::WorkspaceId;
use objects::Objects;
use store::{LogObject, Scope};
use tokio_util::sync::CancellationToken;

use super::{Service, millis};
use crate::{Error, full_list};

/// How often deleted things are looked for.
const ERASURES: Duration = Duration::from_secs(15);
const AT_ONCE: u32 = 500;

pub(super) async fn run(service: Arc<Service>, drain: CancellationToken) {
    let every = service.service.retention.every;
    let mut next = tokio::time::Instant::now() + every;
    while !drain.is_cancelled() {
        if let Err(error) = erase(&service).await {
            tracing::warn!(error = crate::chain(&error), "deleted objects are still there, trying again");
        }
        if let Ok(backlog) = service.store.backlog().await {
            metrics::gauge!("rowcast_due_runs").set(backlog.due_runs as f64);
            metrics::gauge!("rowcast_lag_seconds").set(backlog.lag_seconds);
            metrics::gauge!("rowcast_queued_jobs").set(backlog.queued_jobs as f64);
        }
        if tokio::time::Instant::now() >= next {
            if let Err(error) = forget(&service, &drain).await {
                tracing::warn!(error = crate::chain(&error), "old runs are still there, trying again");
            }
            next = tokio::time::Instant::now() + every;
        }
        tokio::select! {
            () = tokio::time::sleep(ERASURES.min(every)) => {}
            () = drain.cancelled() => {}
        }
    }
}

/// Workers may do the same erasure at once: deleting twice is deleting once. A worker that was at work when its sync was
/// deleted may still write an object, so an erasure waits until leases that held then have ended.
async fn erase(service: &Service) -> Result<(), Error> {
    let settled = millis(service.settings.lease * 2);
    for (workspace, erasure) in service.store.open_erasures(AT_ONCE).await? {
        let scope = service.scope(workspace);
        let erasure = scope.erasure(erasure).await?;
        if crate::clock::now() < erasure.requested_at + settled {
            continue;
        }
        let objects = service.settings.storage()?.within(&workspace.to_string())?;
        let folders = match erasure.sync {
            Some(sync) => vec![snapshots::prefix(sync), full_list::folder(sync), outcomes::prefix(sync)],
            None => vec![String::new()],
        };
        for folder in folders {
            for object in objects.list(&folder).await? {
                objects.delete(&object.name).await?;
            }
        }
        scope.finish_erasure(erasure.id).await?;
        tracing::info!(%workspace, sync = ?erasure.sync, "erased");
    }
    Ok(())
}

async fn forget(service: &Service, drain: &CancellationToken) -> Result<(), Error> {
    service.store.forget_sessions().await?;
    let mut last = None;
    loop {
        let page = service.store.workspaces_after(last, AT_ONCE).await?;
        for workspace in &page {
            if drain.is_cancelled() {
                return Ok(());
            }
            if let Err(error) = forget_in(service, *workspace).await {
                tracing::warn!(%workspace, error = crate::chain(&error), "old runs are still there, trying again");
            }
        }
        last = page.last().copied();
        if last.is_none() {
            return Ok(());
        }
    }
}

async fn forget_in(service: &Service, workspace: WorkspaceId) -> Result<(), Error> {
    let (scope, retention) = (service.scope(workspace), service.service.retention);
    scope.forget_jobs(millis(retention.jobs)).await?;
    scope.forget_audit(millis(retention.audit)).await?;
    let objects = service.settings.storage()?.within(&workspace.to_string())?;
    forget_logs(&scope, &objects).await?;
    loop {
        let gone = scope.forget_runs(millis(retention.runs), AT_ONCE).await?;
        for run in &gone {
            let lists = objects.list(&full_list::folder(run.sync)).await?;
            for list in lists.into_iter().filter(|list| list.name.contains(&run.run.to_string())) {
                objects.delete(&list.name).await?;
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
    }
}

/// Logs that are older than the workspace keeps them. Objects go first: what is named and gone is deleted again, what is there
/// and not named would wait for the next run of its sync.
async fn forget_logs(scope: &Scope, objects: &Objects) -> Result<(), Error> {
    loop {
        let old = scope.expired_log_objects(AT_ONCE).await?;
        for object in &old {
            objects.delete(&object.object.name).await?;
        }
        let keys: Vec<_> = old.iter().map(LogObject::key).collect();
        scope.forget_log_objects(&keys).await?;
        if keys.len() < AT_ONCE as usize {
            return Ok(());
        }
    }
}
