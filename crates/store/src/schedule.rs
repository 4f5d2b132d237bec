//! Ticks: which are due, and what became of them. When the next one is, the crate `schedule` tells its callers.

use domain::{Millis, RunId, RunKind, Schedule, SyncId, WorkspaceId};
use serde_json::json;
use uuid::Uuid;

use crate::codec::{from_json, instant, millis, signed, word};
use crate::error::database;
use crate::{Error, Scope, Store};

/// A schedule and where it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticks {
    pub schedule: Schedule,
    /// When it was set: intervals count from here.
    pub anchor: Millis,
    pub next_fire_at: Option<Millis>,
}

/// A tick that is due, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The `next_fire_at` that was read.
    pub expected: Millis,
    /// The tick to run for: of those that are due, the newest.
    pub scheduled_for: Millis,
    /// How many before it are skipped.
    pub skipped: u64,
    pub next: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    Queued(RunId),
    /// A run waits already and does for this tick too: it counts as skipped.
    Skipped,
    /// Somebody else has taken the tick, or the schedule was changed, or the sync paused or deleted.
    Gone,
}

impl Store {
    /// Syncs whose tick is due, the longest due first.
    pub async fn due_syncs(&self, limit: u32) -> Result<Vec<(WorkspaceId, SyncId)>, Error> {
        let found = sqlx::query!(
            "select workspace_id as \"workspace_id!\", sync_id as \"sync_id!\" from due_syncs($1)",
            limit.cast_signed(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(database("find due ticks"))?;
        let due = found.into_iter();
        Ok(due.map(|row| (WorkspaceId::from_uuid(row.workspace_id), SyncId::from_uuid(row.sync_id))).collect())
    }
}

impl Scope {
    pub async fn schedule_state(&self, sync: SyncId) -> Result<Ticks, Error> {
        let found = sqlx::query!(
            "select schedule, schedule_anchor, next_fire_at from sync where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            sync.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read a schedule"))?
        .ok_or_else(|| Error::not_found("sync", sync))?;
        Ok(Ticks {
            schedule: from_json("a schedule", found.schedule)?,
            anchor: millis(found.schedule_anchor),
            next_fire_at: found.next_fire_at.map(millis),
        })
    }

    /// Queues the run of a tick, once, however many sweepers see it. During a run that works it is the follow-up.
    pub async fn fire(&self, sync: SyncId, tick: &Tick) -> Result<Fired, Error> {
        let mut tx = self.begin().await?;
        let taken = sqlx::query!(
            "update sync set next_fire_at = $4, skipped_ticks = skipped_ticks + $5
             where workspace_id = $1 and id = $2 and next_fire_at = $3 and not paused",
            self.workspace_uuid(),
            sync.uuid(),
            instant(tick.expected),
            tick.next.map(instant),
            signed(tick.skipped),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("take a tick"))?;
        if taken.rows_affected() == 0 {
            return Ok(Fired::Gone);
        }
        let queued = sqlx::query_scalar!(
            "insert into run (workspace_id, id, sync_id, kind, scheduled_for, requested_by)
             values ($1, $2, $3, $4, $5, $6)
             on conflict do nothing
             returning id",
            self.workspace_uuid(),
            Uuid::now_v7(),
            sync.uuid(),
            word(&RunKind::Normal)?,
            instant(tick.scheduled_for),
            json!({"schedule": true}),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("queue the run of a tick"))?;
        if queued.is_none() {
            sqlx::query!(
                "update sync set skipped_ticks = skipped_ticks + 1 where workspace_id = $1 and id = $2",
                self.workspace_uuid(),
                sync.uuid(),
            )
            .execute(&mut *tx)
            .await
            .map_err(database("skip a tick"))?;
        }
        tx.commit().await.map_err(database("queue the run of a tick"))?;
        Ok(queued.map_or(Fired::Skipped, |run| Fired::Queued(RunId::from_uuid(run))))
    }
}
