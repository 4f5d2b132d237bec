use domain::SyncId;
use sqlx::PgTransaction;

use crate::audit::audit;
use crate::config::{Secrets, check_revision, told};
use crate::error::database;
use crate::{Audit, Error, Scope};

/// One statement that deletes the rows of a sync from a table.
macro_rules! delete {
    ($scope:expr, $tx:expr, $sync:expr, $statement:literal) => {
        sqlx::query!($statement, $scope.workspace_uuid(), $sync.uuid())
            .execute(&mut **$tx)
            .await
            .map_err(database("delete what belongs to a sync"))?
    };
}

impl Scope {
    /// All that the database holds of it. A worker that is at work on it is fenced, and stops; the objects go by the
    /// erasure that this asks for.
    pub async fn delete_sync(&self, by: &Audit, id: SyncId, expected: Option<i64>) -> Result<(), Error> {
        let mut tx = self.begin_change().await?;
        // First of all, as a checkpoint does: whoever writes for a run, or asks for one, waits here.
        let found = sqlx::query!(
            "select name, revision from sync where workspace_id = $1 and id = $2 for update",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("lock a sync"))?
        .ok_or_else(|| Error::not_found("sync", id))?;
        check_revision("sync", id, found.revision, expected)?;
        self.delete_rows(&mut tx, id).await?;
        self.ask_for_erasure(&mut tx, Some(id)).await?;
        audit(&mut tx, self.workspace, by, Some(id.to_string()), told(&found.name, &Secrets::new())).await?;
        tx.commit().await.map_err(database("delete a sync"))
    }

    /// What refers to another table goes before it.
    async fn delete_rows(&self, tx: &mut PgTransaction<'_>, id: SyncId) -> Result<(), Error> {
        delete!(self, tx, id, "delete from log_shard where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from log_object where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from approval where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from rejection where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from invalid_row where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from tally where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from attempt where workspace_id = $1 and sync_id = $2");
        // Progress and events go with their run.
        delete!(self, tx, id, "delete from run where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from snapshot_window where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from manifest where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from form where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from sync_version where workspace_id = $1 and sync_id = $2");
        delete!(self, tx, id, "delete from sync where workspace_id = $1 and id = $2");
        Ok(())
    }
}
