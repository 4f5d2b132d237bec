//! After the database was restored from a backup: what happened since the backup is not known here, but in the streams and
//! on the object storage it did happen.

use domain::{RunKind, SyncId};
use serde_json::{Value, json};

use crate::audit::audit;
use crate::codec::unsigned;
use crate::error::database;
use crate::{Audit, Error, Scope};

/// More claims than a sync can have had between a backup and its restore.
const RAISE: i64 = 1_000_000;

/// How a held sync goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRestore {
    /// Every row is sent again.
    FullResync,
    /// The snapshot of the backup counts: what differs from it is sent. A row that was sent since and is again what the
    /// backup says is not. With either choice, rows that came since and are gone before the next run are not known.
    Accept,
}

impl Scope {
    /// Raises the epoch of every sync above whatever was used since the backup, so that no late worker is heard and no
    /// object's name comes twice, and holds each sync that has a snapshot until its owner decides. Returns how many are held.
    pub async fn hold_after_restore(&self) -> Result<u64, Error> {
        let mut tx = self.begin().await?;
        let held = sqlx::query_scalar!(
            "with raised as (
                 update sync set epoch = epoch + $2, manifest_version = manifest_version + $2,
                    held = case when epoch > 0 then 'restored' else held end
                 where workspace_id = $1
                 returning held
             )
             select count(held) as \"held!\" from raised",
            self.workspace_uuid(),
            RAISE,
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(database("hold syncs"))?;
        // Runs that were at work when the backup was made: whoever had them renews no lease of the restored ones.
        sqlx::query!(
            "update run set epoch = epoch + $2, lease_until = now() where workspace_id = $1 and state = 'running'",
            self.workspace_uuid(),
            RAISE,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("take restored runs from their workers"))?;
        tx.commit().await.map_err(database("hold syncs"))?;
        Ok(unsigned(held))
    }

    /// The owner's decision.
    pub async fn decide_after_restore(&self, by: &Audit, sync: SyncId, how: AfterRestore) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let released = sqlx::query_scalar!(
            "update sync set held = null where workspace_id = $1 and id = $2 and held is not null returning id",
            self.workspace_uuid(),
            sync.uuid(),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("release a sync"))?;
        if released.is_none() {
            drop(tx);
            self.sync_state(sync).await?;
            return Err(Error::NotHeld(sync));
        }
        if how == AfterRestore::FullResync {
            self.queue(&mut tx, sync, RunKind::FullResync, Value::Null, &by.actor).await?;
        }
        let choice = json!({ "full_resync": how == AfterRestore::FullResync });
        audit(&mut tx, self.workspace, by, Some(sync.to_string()), choice).await?;
        tx.commit().await.map_err(database("release a sync"))
    }
}
