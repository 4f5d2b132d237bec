//! Whatever looks across workspaces. Each statement calls a function of `migrations/0018`, which returns ids only; what
//! they stand for is read within the scope of their workspace.

use domain::WorkspaceId;

use crate::error::database;
use crate::{Error, Store};

/// What waits for workers, in all workspaces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backlog {
    pub due_runs: u64,
    /// How long the oldest of them has been due.
    pub lag_seconds: f64,
    pub queued_jobs: u64,
}

impl Store {
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let found = sqlx::query!(
            "select due_runs as \"due_runs!\", queued_jobs as \"queued_jobs!\",
                    coalesce(extract(epoch from now() - oldest_due), 0)::double precision as \"lag!\"
             from backlog()"
        )
        .fetch_one(&self.pool)
        .await
        .map_err(database("tell what waits"))?;
        let (due_runs, queued_jobs) = (found.due_runs.cast_unsigned(), found.queued_jobs.cast_unsigned());
        Ok(Backlog { due_runs, lag_seconds: found.lag, queued_jobs })
    }

    /// Whether each master key that a data key needs is one of those that this store was given. A store without any has
    /// nothing to compare.
    pub async fn check_master_keys(&self) -> Result<(), Error> {
        let Some(keys) = &self.keys else { return Ok(()) };
        let needed = sqlx::query_scalar!("select master_keys_in_use() as \"id!\"")
            .fetch_all(&self.pool)
            .await
            .map_err(database("tell which master keys are needed"))?;
        match needed.into_iter().find(|id| !keys.has(id)) {
            Some(id) => Err(Error::MissingMasterKey { id, current: keys.current_id().to_owned() }),
            None => Ok(()),
        }
    }

    pub(crate) async fn local_workspace(&self, name: &str) -> Result<Option<WorkspaceId>, Error> {
        let found = sqlx::query_scalar!("select local_workspace($1)", name)
            .fetch_one(&self.pool)
            .await
            .map_err(database("find a workspace"))?;
        Ok(found.map(WorkspaceId::from_uuid))
    }

    /// A page of all workspaces, in the order of their ids.
    pub async fn workspaces_after(&self, last: Option<WorkspaceId>, at_most: u32) -> Result<Vec<WorkspaceId>, Error> {
        let found = sqlx::query_scalar!(
            "select workspaces_after($1, $2) as \"id!\"",
            last.map(WorkspaceId::uuid),
            at_most.cast_signed()
        )
        .fetch_all(&self.pool)
        .await
        .map_err(database("list workspaces"))?;
        Ok(found.into_iter().map(WorkspaceId::from_uuid).collect())
    }
}
