//! How long the log is kept, and how much there is of it.

use domain::{Millis, WorkspaceId};
use sqlx::PgTransaction;

use super::stored::{objects, parsed};
use super::{LogObject, LogObjectKey};
use crate::codec::{millis, signed, unsigned};
use crate::error::database;
use crate::{Error, Scope, Store};

/// The log of a workspace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogUsage {
    pub objects: u64,
    pub bytes: u64,
    /// When its oldest object was added.
    pub oldest: Option<Millis>,
}

impl Store {
    /// Those with objects that are older than they keep them, in the order of their ids.
    pub async fn workspaces_with_expired_logs(&self) -> Result<Vec<WorkspaceId>, Error> {
        let found = sqlx::query_scalar!("select workspaces_with_expired_logs() as \"id!\"")
            .fetch_all(&self.pool)
            .await
            .map_err(database("find old logs"))?;
        Ok(found.into_iter().map(WorkspaceId::from_uuid).collect())
    }
}

impl Scope {
    pub async fn log_usage(&self) -> Result<LogUsage, Error> {
        let found = sqlx::query!(
            "select count(*) as \"objects!\", coalesce(sum(bytes), 0)::bigint as \"bytes!\", min(created_at) as oldest
             from log_object where workspace_id = $1",
            self.workspace_uuid(),
        )
        .fetch_one(&mut *self.begin().await?)
        .await
        .map_err(database("add up the sizes of the log"))?;
        let (objects, bytes) = (unsigned(found.objects), unsigned(found.bytes));
        Ok(LogUsage { objects, bytes, oldest: found.oldest.map(millis) })
    }

    /// Those that are older than the workspace keeps them, the oldest first. They are in the log until they are forgotten:
    /// the object storage comes first.
    pub async fn expired_log_objects(&self, limit: u32) -> Result<Vec<LogObject>, Error> {
        let found = objects!(
            "log_object o
             where o.workspace_id = $1
               and o.created_at < now() - make_interval(days => (
                   select w.log_retention_days from workspace w where w.id = $1))
             order by o.created_at
             limit $2",
            self.workspace_uuid(),
            i64::from(limit),
        );
        let found = found.fetch_all(&mut *self.begin().await?).await;
        parsed(found.map_err(database("find old objects of the log"))?)
    }

    /// Whatever their age. Saying it again changes nothing.
    pub async fn forget_log_objects(&self, objects: &[LogObjectKey]) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        self.delete_log_objects(&mut tx, objects).await?;
        tx.commit().await.map_err(database("forget objects of the log"))
    }

    pub(super) async fn delete_log_objects(
        &self,
        tx: &mut PgTransaction<'_>,
        objects: &[LogObjectKey],
    ) -> Result<(), Error> {
        let syncs: Vec<_> = objects.iter().map(|object| object.sync.uuid()).collect();
        let epochs: Vec<_> = objects.iter().map(|object| signed(object.epoch)).collect();
        let numbers: Vec<_> = objects.iter().map(|object| object.number.cast_signed()).collect();
        let kinds: Vec<_> = objects.iter().map(|object| object.kind.as_str().to_owned()).collect();
        sqlx::query!(
            "delete from log_shard s
             using unnest($2::uuid[], $3::bigint[], $4::integer[], $5::text[]) as gone (sync_id, epoch, number, kind)
             where s.workspace_id = $1 and s.sync_id = gone.sync_id and s.epoch = gone.epoch
               and s.number = gone.number and gone.kind = 'rows'",
            self.workspace_uuid(),
            &syncs,
            &epochs,
            &numbers,
            &kinds,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("forget the shards of objects of the log"))?;
        sqlx::query!(
            "delete from log_object o
             using unnest($2::uuid[], $3::bigint[], $4::integer[], $5::text[]) as gone (sync_id, epoch, number, kind)
             where o.workspace_id = $1 and o.sync_id = gone.sync_id and o.epoch = gone.epoch
               and o.number = gone.number and o.kind = gone.kind",
            self.workspace_uuid(),
            &syncs,
            &epochs,
            &numbers,
            &kinds,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("forget objects of the log"))?;
        Ok(())
    }
}
