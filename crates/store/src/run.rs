use domain::{Counts, Millis, RunId, RunKind, RunState, SyncId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use crate::codec::{from_json, from_word, millis, unsigned};
use crate::error::database;
use crate::{Error, Page, Scope};

/// Why a run ended as it did: a code for machines, a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub code: String,
    pub text: String,
}

#[derive(Debug, Clone)]
pub struct Run {
    pub id: RunId,
    pub sync: SyncId,
    pub kind: RunKind,
    pub state: RunState,
    pub sync_version: Option<u32>,
    pub options: Value,
    pub scheduled_for: Option<Millis>,
    pub due_at: Millis,
    pub created_at: Millis,
    pub started_at: Option<Millis>,
    pub ended_at: Option<Millis>,
    pub first_epoch: Option<u64>,
    pub epoch: Option<u64>,
    pub worker: Option<String>,
    pub lease_until: Option<Millis>,
    pub cancel_requested_at: Option<Millis>,
    /// Of the newest attempt, as of its last checkpoint while it works.
    pub counts: Option<Counts>,
    pub reason: Option<Reason>,
    /// An actor, `{"schedule": true}`, or `{"follow_up": true}` for a run that a run queued.
    pub requested_by: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// It ended its run.
    Finished,
    /// Its lease ended; a later claim closed it.
    Died,
    /// Its worker left the run to others, with nothing unknown.
    Released,
}

#[derive(Debug, Clone)]
pub struct Attempt {
    pub epoch: u64,
    pub worker: String,
    pub started_at: Millis,
    pub ended_at: Option<Millis>,
    /// `None` while it works.
    pub outcome: Option<AttemptOutcome>,
    pub counts: Counts,
}

/// Of each run the counts of its newest attempt are looked up by key: as a plain join, a plan made for any sync reads all
/// attempts of the one at hand.
impl Scope {
    pub async fn run(&self, run: RunId) -> Result<Run, Error> {
        sqlx::query_as!(
            StoredRun,
            "select r.id, r.sync_id, r.kind, r.state, r.sync_version, r.options, r.scheduled_for, r.due_at, r.created_at,
                    r.started_at, r.ended_at, r.first_epoch, r.epoch, r.worker, r.lease_until, r.cancel_requested_at,
                    coalesce(r.counts, a.counts) as counts, r.reason_code, r.reason_text, r.requested_by
             from run r left join lateral (
                select a.counts from attempt a
                where a.workspace_id = $1 and a.sync_id = r.sync_id and a.epoch = r.epoch limit 1) a on true
             where r.workspace_id = $1 and r.id = $2",
            self.workspace_uuid(),
            run.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read a run"))?
        .ok_or_else(|| Error::not_found("run", run))?
        .try_into()
    }

    /// What the run came to, as its end told it.
    pub async fn run_report(&self, run: RunId) -> Result<Option<Value>, Error> {
        sqlx::query_scalar!(
            "select report from run where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            run.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read the report of a run"))?
        .ok_or_else(|| Error::not_found("run", run))
    }

    /// Newest first.
    pub async fn runs(&self, sync: SyncId, limit: u32) -> Result<Vec<Run>, Error> {
        self.sync_runs(sync, None, Page::first(limit)).await
    }

    /// Those of a sync, newest first; `state` leaves out all others.
    pub async fn sync_runs(&self, sync: SyncId, state: Option<RunState>, page: Page) -> Result<Vec<Run>, Error> {
        sqlx::query_as!(
            StoredRun,
            "select r.id, r.sync_id, r.kind, r.state, r.sync_version, r.options, r.scheduled_for, r.due_at, r.created_at,
                    r.started_at, r.ended_at, r.first_epoch, r.epoch, r.worker, r.lease_until, r.cancel_requested_at,
                    coalesce(r.counts, a.counts) as counts, r.reason_code, r.reason_text, r.requested_by
             from run r left join lateral (
                select a.counts from attempt a
                where a.workspace_id = $1 and a.sync_id = r.sync_id and a.epoch = r.epoch limit 1) a on true
             where r.workspace_id = $1 and r.sync_id = $2 and r.id < $3 and ($5::text is null or r.state = $5)
             order by r.id desc
             limit $4",
            self.workspace_uuid(),
            sync.uuid(),
            page.before(),
            page.limit(),
            state.map(RunState::as_str),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list runs"))?
        .into_iter()
        .map(Run::try_from)
        .collect()
    }

    /// Those of the whole workspace, newest first; `state` leaves out all others.
    pub async fn all_runs(&self, state: Option<RunState>, page: Page) -> Result<Vec<Run>, Error> {
        if let Some(state) = state {
            return self.runs_in_state(state, page).await;
        }
        sqlx::query_as!(
            StoredRun,
            "select r.id, r.sync_id, r.kind, r.state, r.sync_version, r.options, r.scheduled_for, r.due_at, r.created_at,
                    r.started_at, r.ended_at, r.first_epoch, r.epoch, r.worker, r.lease_until, r.cancel_requested_at,
                    coalesce(r.counts, a.counts) as counts, r.reason_code, r.reason_text, r.requested_by
             from run r left join lateral (
                select a.counts from attempt a
                where a.workspace_id = $1 and a.sync_id = r.sync_id and a.epoch = r.epoch limit 1) a on true
             where r.workspace_id = $1 and r.id < $2
             order by r.id desc
             limit $3",
            self.workspace_uuid(),
            page.before(),
            page.limit(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list runs"))?
        .into_iter()
        .map(Run::try_from)
        .collect()
    }

    /// A statement of its own: a plan for any state, or none, cannot use the index by state.
    async fn runs_in_state(&self, state: RunState, page: Page) -> Result<Vec<Run>, Error> {
        sqlx::query_as!(
            StoredRun,
            "select r.id, r.sync_id, r.kind, r.state, r.sync_version, r.options, r.scheduled_for, r.due_at, r.created_at,
                    r.started_at, r.ended_at, r.first_epoch, r.epoch, r.worker, r.lease_until, r.cancel_requested_at,
                    coalesce(r.counts, a.counts) as counts, r.reason_code, r.reason_text, r.requested_by
             from run r left join lateral (
                select a.counts from attempt a
                where a.workspace_id = $1 and a.sync_id = r.sync_id and a.epoch = r.epoch limit 1) a on true
             where r.workspace_id = $1 and r.state = $4 and r.id < $2
             order by r.id desc
             limit $3",
            self.workspace_uuid(),
            page.before(),
            page.limit(),
            state.as_str(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list runs"))?
        .into_iter()
        .map(Run::try_from)
        .collect()
    }

    /// Oldest first.
    pub async fn attempts(&self, run: RunId) -> Result<Vec<Attempt>, Error> {
        let stored = sqlx::query!(
            "select epoch, worker, started_at, ended_at, outcome, counts from attempt
             where workspace_id = $1 and run_id = $2 order by epoch",
            self.workspace_uuid(),
            run.uuid(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list the attempts of a run"))?;
        stored
            .into_iter()
            .map(|stored| {
                Ok(Attempt {
                    epoch: unsigned(stored.epoch),
                    worker: stored.worker,
                    started_at: millis(stored.started_at),
                    ended_at: stored.ended_at.map(millis),
                    outcome: stored.outcome.map(|word| from_word("the outcome of an attempt", word)).transpose()?,
                    counts: from_json("the counts of an attempt", stored.counts)?,
                })
            })
            .collect()
    }
}

struct StoredRun {
    id: Uuid,
    sync_id: Uuid,
    kind: String,
    state: String,
    sync_version: Option<i32>,
    options: Value,
    scheduled_for: Option<OffsetDateTime>,
    due_at: OffsetDateTime,
    created_at: OffsetDateTime,
    started_at: Option<OffsetDateTime>,
    ended_at: Option<OffsetDateTime>,
    first_epoch: Option<i64>,
    epoch: Option<i64>,
    worker: Option<String>,
    lease_until: Option<OffsetDateTime>,
    cancel_requested_at: Option<OffsetDateTime>,
    counts: Option<Value>,
    reason_code: Option<String>,
    reason_text: Option<String>,
    requested_by: Value,
}

impl TryFrom<StoredRun> for Run {
    type Error = Error;

    fn try_from(stored: StoredRun) -> Result<Self, Error> {
        Ok(Self {
            id: RunId::from_uuid(stored.id),
            sync: SyncId::from_uuid(stored.sync_id),
            kind: from_word("the kind of a run", stored.kind)?,
            state: from_word("the state of a run", stored.state)?,
            sync_version: stored.sync_version.map(i32::cast_unsigned),
            options: stored.options,
            scheduled_for: stored.scheduled_for.map(millis),
            due_at: millis(stored.due_at),
            created_at: millis(stored.created_at),
            started_at: stored.started_at.map(millis),
            ended_at: stored.ended_at.map(millis),
            first_epoch: stored.first_epoch.map(unsigned),
            epoch: stored.epoch.map(unsigned),
            worker: stored.worker,
            lease_until: stored.lease_until.map(millis),
            cancel_requested_at: stored.cancel_requested_at.map(millis),
            counts: stored.counts.map(|counts| from_json("the counts of a run", counts)).transpose()?,
            reason: stored.reason_code.map(|code| Reason { code, text: stored.reason_text.unwrap_or_default() }),
            requested_by: stored.requested_by,
        })
    }
}
