use domain::{Counts, Millis, RunId, RunKind, RunState, SyncId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use crate::codec::{from_json, from_word, millis, unsigned, word};
use crate::error::database;
use crate::{Error, Scope};

/// The answer to a request: the run that will do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requested {
    pub run: RunId,
    /// A run waited already and takes this request along; it is due now.
    pub already_waiting: bool,
}

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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// It ended its run.
    Finished,
    /// Its lease ended; a later claim closed it.
    Died,
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

impl Scope {
    /// Queues a run that is due now; `options` is an object, or null for none. One run waits per sync: a normal run that
    /// waits becomes what is asked for and takes the options too, and a waiting special run takes a request for a plain
    /// normal one along. Two different special runs do not mix.
    pub async fn request_run(&self, sync: SyncId, kind: RunKind, options: Value) -> Result<Requested, Error> {
        let id = Uuid::now_v7();
        let options = if options.is_null() { Value::Object(serde_json::Map::new()) } else { options };
        let stored = sqlx::query!(
            "insert into run (workspace_id, id, sync_id, kind, options)
             select s.workspace_id, $3, s.id, $4, $5 from sync s where s.workspace_id = $1 and s.id = $2
             on conflict (workspace_id, sync_id) where state = 'queued' do update set
                due_at = least(run.due_at, now()),
                kind = case when run.kind = 'normal' then excluded.kind else run.kind end,
                options = case when run.kind = 'normal' then run.options || excluded.options else run.options end
             returning id, kind, options @> $5 as \"takes_options!\"",
            self.workspace_uuid(),
            sync.uuid(),
            id,
            word(&kind)?,
            options,
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(database("queue a run"))?
        .ok_or_else(|| Error::not_found("sync", sync))?;
        let (run, stored_kind) = (RunId::from_uuid(stored.id), from_word::<RunKind>("the kind of a run", stored.kind)?);
        if !stored.takes_options || (kind != RunKind::Normal && stored_kind != kind) {
            return Err(Error::OtherRunWaits { run, kind: stored_kind });
        }
        Ok(Requested { run, already_waiting: stored.id != id })
    }

    /// A waiting run is cancelled at once; a started one is asked to end, and its worker learns it by its heartbeat.
    /// Returns the state after the request: `Running` means "asked".
    pub async fn cancel(&self, run: RunId) -> Result<RunState, Error> {
        let cancelled = sqlx::query_scalar!(
            "update run set
                cancel_requested_at = coalesce(cancel_requested_at, now()),
                state = case when state = 'queued' then 'cancelled' else state end,
                ended_at = case when state = 'queued' then now() else ended_at end
             where workspace_id = $1 and id = $2 and state in ('queued', 'running')
             returning state",
            self.workspace_uuid(),
            run.uuid(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(database("cancel a run"))?;
        match cancelled {
            Some(state) => from_word("the state of a run", state),
            None => Ok(self.run(run).await?.state),
        }
    }

    pub async fn run(&self, run: RunId) -> Result<Run, Error> {
        sqlx::query_as!(
            StoredRun,
            "select r.id, r.sync_id, r.kind, r.state, r.sync_version, r.options, r.scheduled_for, r.due_at, r.created_at,
                    r.started_at, r.ended_at, r.first_epoch, r.epoch, r.worker, r.lease_until, r.cancel_requested_at,
                    coalesce(r.counts, a.counts) as counts, r.reason_code, r.reason_text
             from run r left join attempt a
                on a.workspace_id = r.workspace_id and a.sync_id = r.sync_id and a.epoch = r.epoch
             where r.workspace_id = $1 and r.id = $2",
            self.workspace_uuid(),
            run.uuid(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(database("read a run"))?
        .ok_or_else(|| Error::not_found("run", run))?
        .try_into()
    }

    /// Newest first.
    pub async fn runs(&self, sync: SyncId, limit: u32) -> Result<Vec<Run>, Error> {
        sqlx::query_as!(
            StoredRun,
            "select r.id, r.sync_id, r.kind, r.state, r.sync_version, r.options, r.scheduled_for, r.due_at, r.created_at,
                    r.started_at, r.ended_at, r.first_epoch, r.epoch, r.worker, r.lease_until, r.cancel_requested_at,
                    coalesce(r.counts, a.counts) as counts, r.reason_code, r.reason_text
             from run r left join attempt a
                on a.workspace_id = r.workspace_id and a.sync_id = r.sync_id and a.epoch = r.epoch
             where r.workspace_id = $1 and r.sync_id = $2
             order by r.created_at desc, r.id desc
             limit $3",
            self.workspace_uuid(),
            sync.uuid(),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
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
        .fetch_all(&self.pool)
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
        })
    }
}
