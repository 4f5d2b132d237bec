//! The end of a workspace.

use sqlx::PgTransaction;
use uuid::Uuid;

use crate::error::database;
use crate::{Error, Scope};

/// Runs statements whose only parameter is the workspace.
macro_rules! each {
    ($tx:expr, $workspace:expr, $step:literal, $run:ident: $($statement:literal)+) => {$(
        sqlx::query!($statement, $workspace).$run(&mut **$tx).await.map_err(database($step))?;
    )+};
}

impl Scope {
    /// Everything of it that is in the database goes at once, its audit entries too; its objects follow by an erasure.
    /// Runs are not waited for: their workers find their claims fenced. People stay.
    pub async fn delete_workspace(&self) -> Result<(), Error> {
        let mut tx = self.begin_change().await?;
        let workspace = self.workspace_uuid();
        lock_roots(&mut tx, workspace).await?;
        if !self.is_there(&mut tx).await? {
            return Err(Error::not_found("workspace", self.workspace));
        }
        delete_runs_and_snapshots(&mut tx, workspace).await?;
        delete_configuration(&mut tx, workspace).await?;
        sqlx::query!("insert into erasure (workspace_id, id) values ($1, $2)", workspace, Uuid::now_v7())
            .execute(&mut *tx)
            .await
            .map_err(database("ask for the objects of a workspace to be removed"))?;
        tx.commit().await.map_err(database("delete a workspace"))
    }

    async fn is_there(&self, tx: &mut PgTransaction<'_>) -> Result<bool, Error> {
        let found = sqlx::query_scalar!(
            "select exists (select from workspace where id = $1) as \"there!\"",
            self.workspace_uuid()
        );
        found.fetch_one(&mut **tx).await.map_err(database("read a workspace"))
    }
}

/// Whatever is added below refers to one of these, so it has to wait, and then finds nothing to refer to. The rows of the
/// syncs are the fences: a checkpoint on its way is finished first, the next one fails.
async fn lock_roots(tx: &mut PgTransaction<'_>, workspace: Uuid) -> Result<(), Error> {
    each!(tx, workspace, "lock a workspace", fetch_all:
        "select 1 as one from workspace where id = $1 for update"
        "select 1 as one from data_key where workspace_id = $1 for update"
        "select 1 as one from source where workspace_id = $1 order by id for update"
        "select 1 as one from destination where workspace_id = $1 order by id for update"
        "select 1 as one from model where workspace_id = $1 order by id for update"
        "select 1 as one from sync where workspace_id = $1 order by id for update"
    );
    Ok(())
}

async fn delete_runs_and_snapshots(tx: &mut PgTransaction<'_>, workspace: Uuid) -> Result<(), Error> {
    each!(tx, workspace, "delete the runs of a workspace", execute:
        "delete from log_shard where workspace_id = $1"
        "delete from log_object where workspace_id = $1"
        "delete from rejection where workspace_id = $1"
        "delete from invalid_row where workspace_id = $1"
        "delete from tally where workspace_id = $1"
        "delete from approval where workspace_id = $1"
        "delete from attempt where workspace_id = $1"
        "delete from run_progress where workspace_id = $1"
        "delete from run_event where workspace_id = $1"
        "delete from run where workspace_id = $1"
        "delete from snapshot_window where workspace_id = $1"
        "delete from manifest where workspace_id = $1"
        "delete from form where workspace_id = $1"
        "delete from job where workspace_id = $1"
    );
    Ok(())
}

/// Audit entries go with the workspace's row: nobody may delete them otherwise.
async fn delete_configuration(tx: &mut PgTransaction<'_>, workspace: Uuid) -> Result<(), Error> {
    each!(tx, workspace, "delete the configuration of a workspace", execute:
        "delete from sync_version where workspace_id = $1"
        "delete from sync where workspace_id = $1"
        "delete from model where workspace_id = $1"
        "delete from source where workspace_id = $1"
        "delete from destination where workspace_id = $1"
        "delete from secret where workspace_id = $1"
        "delete from data_key where workspace_id = $1"
        "delete from idempotency where workspace_id = $1"
        "delete from api_key where workspace_id = $1"
        "delete from invitation where workspace_id = $1"
        "delete from member where workspace_id = $1"
        "delete from dispatch where workspace_id = $1"
        "delete from erasure where workspace_id = $1"
        "delete from workspace where id = $1"
    );
    Ok(())
}
