use domain::{DestinationId, Millis, ModelId, SyncId};
use serde_json::Value;
use sqlx::PgTransaction;
use uuid::Uuid;

use super::SyncDetails;
use crate::audit::audit;
use crate::codec::{instant, to_json, to_text};
use crate::config::{Secrets, broken, check_revision, taken, told};
use crate::error::database;
use crate::schedule::Ticks;
use crate::{Audit, Error, Scope};

/// A sync as it is to be from now on.
#[derive(Debug, Clone)]
pub struct NewSync {
    pub name: String,
    pub model: ModelId,
    pub destination: DestinationId,
    pub config: domain::Sync,
    /// Taken if its schedule differs from the one that is kept; one that stays keeps its ticks.
    pub ticks: Ticks,
}

impl Scope {
    /// `at_most`: how many syncs the workspace may have.
    pub async fn create_sync(&self, by: &Audit, new: &NewSync, at_most: Option<u32>) -> Result<SyncDetails, Error> {
        let mut tx = self.begin_change().await?;
        self.leave_room(&mut tx, at_most).await?;
        let id = SyncId::from_uuid(Uuid::now_v7());
        sqlx::query!(
            "insert into sync (workspace_id, id, name, model_id, destination_id, config, schedule, schedule_anchor,
                               next_fire_at)
             values ($1, $2, $3, $4, $5, $6::text::json, $7, $8, $9)",
            self.workspace_uuid(),
            id.uuid(),
            new.name,
            new.model.uuid(),
            new.destination.uuid(),
            to_text("a sync", &new.config)?,
            to_json("a schedule", &new.ticks.schedule)?,
            instant(new.ticks.anchor),
            new.ticks.next_fire_at.map(instant),
        )
        .execute(&mut *tx)
        .await
        .map_err(refused(new))?;
        self.told_of_sync(tx, by, id, told(&new.name, &Secrets::new())).await
    }

    /// The definition gets a new version only if something of it differs: a name and a schedule are no part of it.
    pub async fn update_sync(
        &self,
        by: &Audit,
        id: SyncId,
        expected: Option<i64>,
        new: &NewSync,
    ) -> Result<SyncDetails, Error> {
        let mut tx = self.begin_change().await?;
        let before = self.read_sync(&mut tx, id).await?;
        check_revision("sync", id, before.revision, expected)?;
        let reschedules = before.ticks.schedule != new.ticks.schedule;
        sqlx::query!(
            "update sync set
                name = $3, model_id = $4, destination_id = $5, config = $6::text::json,
                schedule = case when $7 then $8 else schedule end,
                schedule_anchor = case when $7 then $9 else schedule_anchor end,
                next_fire_at = case when $7 then $10 else next_fire_at end,
                revision = revision + 1, updated_at = now()
             where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
            new.name,
            new.model.uuid(),
            new.destination.uuid(),
            to_text("a sync", &new.config)?,
            reschedules,
            to_json("a schedule", &new.ticks.schedule)?,
            instant(new.ticks.anchor),
            new.ticks.next_fire_at.map(instant),
        )
        .execute(&mut *tx)
        .await
        .map_err(refused(new))?;
        self.told_of_sync(tx, by, id, told(&new.name, &Secrets::new())).await
    }

    /// A paused copy with the same configuration, no schedule, and a snapshot of its own: an empty one.
    pub async fn duplicate_sync(
        &self,
        by: &Audit,
        id: SyncId,
        name: &str,
        at_most: Option<u32>,
    ) -> Result<SyncDetails, Error> {
        let mut tx = self.begin_change().await?;
        self.leave_room(&mut tx, at_most).await?;
        let copy = SyncId::from_uuid(Uuid::now_v7());
        let made = sqlx::query!(
            "insert into sync (workspace_id, id, name, model_id, destination_id, config, paused)
             select workspace_id, $3, $4, model_id, destination_id, config, true from sync
             where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
            copy.uuid(),
            name,
        )
        .execute(&mut *tx)
        .await
        .map_err(|error| match broken(&error) {
            Some("sync_name_key") => taken("sync", name),
            _ => database("copy a sync")(error),
        })?;
        if made.rows_affected() == 0 {
            return Err(Error::not_found("sync", id));
        }
        let detail = serde_json::json!({"name": name, "copy_of": id.to_string()});
        self.told_of_sync(tx, by, copy, detail).await
    }

    /// No tick is due and no run starts until it is resumed. A run that waits stays; one that works goes on.
    pub async fn pause_sync(&self, by: &Audit, id: SyncId, expected: Option<i64>) -> Result<SyncDetails, Error> {
        self.set_paused(by, id, expected, None).await
    }

    /// `next_fire_at`: the next tick of its schedule after now, so that no tick of the pause is caught up.
    pub async fn resume_sync(
        &self,
        by: &Audit,
        id: SyncId,
        expected: Option<i64>,
        next_fire_at: Option<Millis>,
    ) -> Result<SyncDetails, Error> {
        self.set_paused(by, id, expected, Some(next_fire_at)).await
    }

    /// `resumes_at`: none pauses; else the next tick, if there is one.
    async fn set_paused(
        &self,
        by: &Audit,
        id: SyncId,
        expected: Option<i64>,
        resumes_at: Option<Option<Millis>>,
    ) -> Result<SyncDetails, Error> {
        let mut tx = self.begin_change().await?;
        let before = self.read_sync(&mut tx, id).await?;
        check_revision("sync", id, before.revision, expected)?;
        sqlx::query!(
            "update sync set paused = $3, next_fire_at = case when $3 then next_fire_at else $4 end,
                             revision = revision + 1, updated_at = now()
             where workspace_id = $1 and id = $2 and paused <> $3",
            self.workspace_uuid(),
            id.uuid(),
            resumes_at.is_none(),
            resumes_at.flatten().map(instant),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("pause a sync"))?;
        self.told_of_sync(tx, by, id, told(&before.name, &Secrets::new())).await
    }

    /// Ends a change: the definition, the entry of the audit log, the commit.
    async fn told_of_sync(
        &self,
        mut tx: PgTransaction<'_>,
        by: &Audit,
        id: SyncId,
        detail: Value,
    ) -> Result<SyncDetails, Error> {
        self.compose_anew(&mut tx, id.uuid()).await?;
        audit(&mut tx, self.workspace, by, Some(id.to_string()), detail).await?;
        let sync = self.read_sync(&mut tx, id).await?;
        tx.commit().await.map_err(database("store a sync"))?;
        Ok(sync)
    }

    async fn leave_room(&self, tx: &mut PgTransaction<'_>, at_most: Option<u32>) -> Result<(), Error> {
        let Some(at_most) = at_most else { return Ok(()) };
        let count = sqlx::query_scalar!(
            "select count(*) as \"count!\" from sync where workspace_id = $1",
            self.workspace_uuid()
        )
        .fetch_one(&mut **tx)
        .await
        .map_err(database("count syncs"))?;
        if count < i64::from(at_most) { Ok(()) } else { Err(Error::Limit { what: "syncs", limit: at_most.into() }) }
    }
}

fn refused(new: &NewSync) -> impl Fn(sqlx::Error) -> Error {
    move |error| match broken(&error) {
        Some("sync_name_key") => taken("sync", &new.name),
        Some("sync_model_id_fkey") => Error::not_found("model", new.model),
        Some("sync_destination_id_fkey") => Error::not_found("destination", new.destination),
        _ => database("store a sync")(error),
    }
}
