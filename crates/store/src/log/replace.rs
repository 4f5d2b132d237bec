//! For whoever forgets keys, and for the collector.

use domain::SyncId;

use super::stored::{objects, parsed};
use super::write::add_log;
use super::{LogKind, LogObject, LogObjectKey, NewLogObject};
use crate::codec::signed;
use crate::error::database;
use crate::{Claim, Error, Scope};

impl Scope {
    /// All objects of a sync, the oldest first; those behind one that came before.
    pub async fn log_of_sync(
        &self,
        sync: SyncId,
        kind: LogKind,
        after: Option<(u64, u32)>,
        limit: u32,
    ) -> Result<Vec<LogObject>, Error> {
        let (epoch, number) = after.map_or((-1, -1), |at| (signed(at.0), at.1.cast_signed()));
        let found = objects!(
            "log_object o
             where o.workspace_id = $1 and o.sync_id = $2 and o.kind = $3 and (o.epoch, o.number) > ($4, $5)
             order by o.epoch, o.number
             limit $6",
            self.workspace_uuid(),
            sync.uuid(),
            kind.as_str(),
            epoch,
            number,
            i64::from(limit),
        );
        let found = found.fetch_all(&mut *self.begin().await?).await;
        parsed(found.map_err(database("list the log of a sync"))?)
    }

    /// Of these names those that no object has.
    pub async fn unnamed_log_objects(&self, sync: SyncId, names: &[String]) -> Result<Vec<String>, Error> {
        sqlx::query_scalar!(
            "select name as \"name!\" from unnest($3::text[]) as listed (name)
             where not exists (
                 select from log_object o
                 where o.workspace_id = $1 and o.sync_id = $2 and o.name = listed.name
             )",
            self.workspace_uuid(),
            sync.uuid(),
            names,
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("look for objects that no log names"))
    }

    /// Puts an object into the place of another one, or nothing; it is as old as that. Fenced.
    pub async fn replace_log_object(
        &self,
        claim: &Claim,
        manifest_version: u64,
        old: &LogObjectKey,
        new: Option<&NewLogObject>,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        self.fence(&mut tx, claim, manifest_version, false).await?;
        if let Some(new) = new {
            add_log(&mut tx, self.workspace_uuid(), claim, std::slice::from_ref(new)).await?;
            sqlx::query!(
                "update log_object o set created_at = was.created_at
                 from log_object was
                 where o.workspace_id = $1 and o.sync_id = $2 and o.epoch = $3 and o.number = $4 and o.kind = $5
                   and was.workspace_id = $1 and was.sync_id = $2 and was.epoch = $6 and was.number = $7 and was.kind = $5",
                self.workspace_uuid(),
                claim.sync.uuid(),
                signed(new.epoch),
                new.number.cast_signed(),
                old.kind.as_str(),
                signed(old.epoch),
                old.number.cast_signed(),
            )
            .execute(&mut *tx)
            .await
            .map_err(database("replace an object of the log"))?;
        }
        self.delete_log_objects(&mut tx, std::slice::from_ref(old)).await?;
        tx.commit().await.map_err(database("replace an object of the log"))
    }

    /// The partition keys that reports of runs name may say whose rows they are.
    pub async fn forget_hot_keys(&self, claim: &Claim, manifest_version: u64) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        self.fence(&mut tx, claim, manifest_version, false).await?;
        sqlx::query!(
            "update run set report = report - 'hot_keys'
             where workspace_id = $1 and sync_id = $2 and report ? 'hot_keys'",
            self.workspace_uuid(),
            claim.sync.uuid(),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("forget the hot keys of runs"))?;
        tx.commit().await.map_err(database("forget the hot keys of runs"))
    }
}
