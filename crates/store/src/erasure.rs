//! What was deleted here, and lies in the object storage until a worker has removed it.

use domain::{Millis, SyncId, WorkspaceId};
use sqlx::PgTransaction;
use uuid::Uuid;

use crate::codec::millis;
use crate::error::database;
use crate::{Error, Scope, Store};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    pub id: Uuid,
    /// Whose objects have to go; of the whole workspace if none is named.
    pub sync: Option<SyncId>,
    pub requested_at: Millis,
    pub done_at: Option<Millis>,
}

impl Store {
    /// The longest open first.
    pub async fn open_erasures(&self, limit: u32) -> Result<Vec<(WorkspaceId, Uuid)>, Error> {
        let found = sqlx::query!(
            "select workspace_id as \"workspace_id!\", erasure_id as \"erasure_id!\" from open_erasures($1)",
            limit.cast_signed(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(database("find open erasures"))?;
        Ok(found.into_iter().map(|row| (WorkspaceId::from_uuid(row.workspace_id), row.erasure_id)).collect())
    }
}

impl Scope {
    /// The workspace itself may be gone.
    pub async fn erasure(&self, id: Uuid) -> Result<Erasure, Error> {
        let found = sqlx::query!(
            "select sync_id, requested_at, done_at from erasure where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id,
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read an erasure"))?
        .ok_or_else(|| Error::not_found("erasure", id))?;
        Ok(Erasure {
            id,
            sync: found.sync_id.map(SyncId::from_uuid),
            requested_at: millis(found.requested_at),
            done_at: found.done_at.map(millis),
        })
    }

    /// Nothing of it is left. Saying it again changes nothing.
    pub async fn finish_erasure(&self, id: Uuid) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query!(
            "update erasure set done_at = coalesce(done_at, now()) where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("finish an erasure"))?;
        if done.rows_affected() == 0 {
            return Err(Error::not_found("erasure", id));
        }
        tx.commit().await.map_err(database("finish an erasure"))
    }

    /// In the transaction that deletes the rows.
    pub(crate) async fn ask_for_erasure(&self, tx: &mut PgTransaction<'_>, sync: Option<SyncId>) -> Result<(), Error> {
        sqlx::query!(
            "insert into erasure (workspace_id, id, sync_id) values ($1, $2, $3)",
            self.workspace_uuid(),
            Uuid::now_v7(),
            sync.map(SyncId::uuid),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("ask for an erasure"))?;
        Ok(())
    }
}
