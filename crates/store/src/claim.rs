use domain::{Counts, FirstRun, Millis, RunId, RunKind, SyncId, WorkspaceId};
use serde_json::{Value, json};
use sqlx::PgTransaction;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use crate::codec::{from_json, from_word, millis, signed, to_json, unsigned};
use crate::error::database;
use crate::event::event;
use crate::sync::read_version;
use crate::{Definition, Error, Scope, Store};

/// What a worker found when it asked for work on a sync.
#[derive(Debug, Clone)]
pub enum Claimed {
    /// No run has started, and none that waits is due.
    Nothing,
    /// A run is in other hands.
    Busy {
        lease_until: Millis,
    },
    Claimed(Box<Claim>),
}

/// The right to work on a run until its lease ends, and all that is needed to begin.
#[derive(Debug, Clone)]
pub struct Claim {
    pub sync: SyncId,
    /// The name of the sync.
    pub name: String,
    pub run: RunId,
    pub kind: RunKind,
    pub options: Value,
    pub epoch: u64,
    /// The epoch of the run's first claim.
    pub first_epoch: u64,
    /// The version of the sync that the run keeps.
    pub version: u32,
    pub definition: Definition,
    /// The version whose changes a finished run took up last, if it is another one.
    pub accepted: Option<(u32, Definition)>,
    /// To be handed to the first checkpoint.
    pub manifest_version: u64,
    /// The starting epoch of an unfinished full resync. A full resync, and a first run that sends all, begin one here.
    pub resync_epoch: Option<u64>,
    pub first_run_done: bool,
    pub stream: Option<Value>,
    pub question: Option<Value>,
    pub now: Millis,
    /// When the run was claimed first.
    pub started_at: Millis,
    pub lease_until: Millis,
    pub cancel_requested: bool,
    /// This claim closed an attempt whose lease had ended.
    pub previous_attempt_died: bool,
    /// So many attempts of this run died one after the other, just before this one.
    pub died_attempts: u32,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    pub lease_until: Millis,
    pub cancel_requested: bool,
}

impl Store {
    /// Takes the run whose turn it is, in whatever workspace: those whose runs took little of late come first, and at most
    /// `running` runs (or as many as its quota says) work at once in each. Nothing of the workspaces in `not_of`. `None`:
    /// nothing is due.
    pub async fn claim_next(
        &self,
        worker: &str,
        lease_ms: Millis,
        settling_ms: Millis,
        running: u32,
        not_of: &[WorkspaceId],
    ) -> Result<Option<(WorkspaceId, Claim)>, Error> {
        let not_of: Vec<Uuid> = not_of.iter().map(|workspace| workspace.uuid()).collect();
        let mut tx = self.pool.begin().await.map_err(database("begin a transaction"))?;
        let picked = sqlx::query!(
            "select workspace_id as \"workspace_id!\", sync_id as \"sync_id!\" from claimable_sync($1, $2)",
            running.cast_signed(),
            &not_of,
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("find a run to claim"))?;
        let Some(picked) = picked else { return Ok(None) };
        let scope = self.scope(WorkspaceId::from_uuid(picked.workspace_id));
        scope.enter(&mut tx).await?;
        let sync = SyncId::from_uuid(picked.sync_id);
        match scope.claim_in(tx, sync, worker, lease_ms, settling_ms).await? {
            Claimed::Claimed(claim) => Ok(Some((scope.workspace(), *claim))),
            // Only its lock was waited for: whoever held it took the run, or ended it.
            Claimed::Nothing | Claimed::Busy { .. } => Ok(None),
        }
    }
}

impl Scope {
    /// Takes the started run of a sync whose lease has ended, else the waiting one that is due. Windows that were open
    /// are dead from now on, each entry unanswered; their puts settle `settling_ms` after this claim.
    pub async fn claim(
        &self,
        sync: SyncId,
        worker: &str,
        lease_ms: Millis,
        settling_ms: Millis,
    ) -> Result<Claimed, Error> {
        self.claim_in(self.begin().await?, sync, worker, lease_ms, settling_ms).await
    }

    async fn claim_in(
        &self,
        tx: PgTransaction<'static>,
        sync: SyncId,
        worker: &str,
        lease_ms: Millis,
        settling_ms: Millis,
    ) -> Result<Claimed, Error> {
        let mut claiming = Claiming { tx, workspace: self.workspace_uuid(), sync };
        let state = claiming.lock_sync().await?;
        if let Some(reason) = state.held {
            return Err(Error::Held { sync, reason });
        }
        let Some(picked) = claiming.pick(state.paused).await? else { return Ok(Claimed::Nothing) };
        if let Some(lease_until) = picked.held_until {
            return Ok(Claimed::Busy { lease_until: millis(lease_until) });
        }
        let version = picked.sync_version.unwrap_or(state.version);
        let definition = read_version(&mut claiming.tx, self.workspace, sync, version).await?;
        let accepted = match state.accepted_version.filter(|accepted| *accepted != version) {
            Some(accepted) => {
                let old = read_version(&mut claiming.tx, self.workspace, sync, accepted).await?;
                Some((accepted.cast_unsigned(), old))
            }
            None => None,
        };
        let epoch = state.epoch + 1;
        let kind = from_word("the kind of a run", picked.kind)?;
        let resync_epoch = match picked.first_epoch {
            None if begins_resync(kind, &state, &definition) => Some(epoch),
            _ => state.resync_epoch,
        };
        let previous_attempt_died = claiming.bury(settling_ms).await?;
        let died_attempts = claiming.died_attempts(picked.id).await?;
        let lease = claiming.take(picked.id, epoch, version, resync_epoch, worker, lease_ms).await?;
        claiming.tx.commit().await.map_err(database("claim a run"))?;
        Ok(Claimed::Claimed(Box::new(Claim {
            sync,
            name: state.name,
            run: RunId::from_uuid(picked.id),
            kind,
            options: picked.options,
            epoch: unsigned(epoch),
            first_epoch: unsigned(picked.first_epoch.unwrap_or(epoch)),
            version: version.cast_unsigned(),
            definition,
            accepted,
            manifest_version: unsigned(state.manifest_version),
            resync_epoch: resync_epoch.map(unsigned),
            first_run_done: state.first_run_done,
            stream: state.stream,
            question: state.question,
            now: millis(state.now),
            started_at: millis(lease.started_at),
            lease_until: millis(lease.until),
            cancel_requested: picked.cancel_requested,
            previous_attempt_died,
            died_attempts,
        })))
    }

    /// Renews the lease, counted from now.
    pub async fn heartbeat(&self, claim: &Claim, lease_ms: Millis) -> Result<Beat, Error> {
        let mut tx = self.begin().await?;
        let beat = sqlx::query!(
            "update run set lease_until = now() + $4::bigint * interval '1 millisecond'
             where workspace_id = $1 and id = $2 and epoch = $3 and state = 'running'
             returning lease_until as \"lease_until!\", cancel_requested_at",
            self.workspace_uuid(),
            claim.run.uuid(),
            signed(claim.epoch),
            lease_ms,
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("renew a lease"))?
        .ok_or_else(|| claim.fenced(claim.manifest_version))?;
        tx.commit().await.map_err(database("renew a lease"))?;
        Ok(Beat { lease_until: millis(beat.lease_until), cancel_requested: beat.cancel_requested_at.is_some() })
    }
}

impl Claim {
    pub(crate) const fn fenced(&self, manifest_version: u64) -> Error {
        Error::Fenced { sync: self.sync, epoch: self.epoch, manifest_version }
    }
}

/// A first run that sends all is a full resync: it is not over before each row that was there has been sent.
fn begins_resync(kind: RunKind, state: &LockedSync, definition: &Definition) -> bool {
    match kind {
        RunKind::FullResync => true,
        RunKind::Normal => {
            !state.first_run_done && state.resync_epoch.is_none() && definition.sync.first_run == FirstRun::SendAll
        }
        RunKind::Baseline | RunKind::Resend | RunKind::Erase => false,
    }
}

/// The counts of an attempt that died, from what it left: the entries of its open windows may have been put, whatever
/// else it had planned was not.
fn counts_at_death(counts: Counts, open_entries: u64) -> Counts {
    let left = counts.planned.saturating_sub(counts.delivered + counts.rejected + counts.unanswered);
    let unanswered = open_entries.min(left);
    Counts { unanswered: counts.unanswered + unanswered, deferred: left - unanswered, ..counts }
}

/// The one transaction of a claim.
struct Claiming {
    tx: PgTransaction<'static>,
    workspace: Uuid,
    sync: SyncId,
}

struct LockedSync {
    name: String,
    version: i32,
    accepted_version: Option<i32>,
    epoch: i64,
    manifest_version: i64,
    resync_epoch: Option<i64>,
    first_run_done: bool,
    stream: Option<Value>,
    question: Option<Value>,
    held: Option<String>,
    /// Itself, its destination or its workspace.
    paused: bool,
    now: OffsetDateTime,
}

struct Picked {
    id: Uuid,
    kind: String,
    options: Value,
    sync_version: Option<i32>,
    first_epoch: Option<i64>,
    cancel_requested: bool,
    /// The end of a lease that has not ended.
    held_until: Option<OffsetDateTime>,
}

struct Lease {
    started_at: OffsetDateTime,
    until: OffsetDateTime,
}

impl Claiming {
    /// Claims of one sync, its checkpoints and its finish wait for each other here.
    async fn lock_sync(&mut self) -> Result<LockedSync, Error> {
        sqlx::query_as!(
            LockedSync,
            "select s.name, s.version, s.accepted_version, s.epoch, s.manifest_version, s.resync_epoch, s.first_run_done,
                    s.stream, s.question, s.held, s.paused or d.paused or w.paused as \"paused!\", now() as \"now!\"
             from sync s
             join destination d on d.workspace_id = $1 and d.id = s.destination_id
             join workspace w on w.id = $1
             where s.workspace_id = $1 and s.id = $2 for no key update of s",
            self.workspace,
            self.sync.uuid(),
        )
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(database("lock a sync"))?
        .ok_or_else(|| Error::not_found("sync", self.sync))
    }

    /// `running` sorts after `queued`: the started run comes before the one that waits. `now()` is when this transaction began, so a lease that ended
    /// while it waited for the lock still counts as held: the cautious side. The branches have indexes of open runs alone: a
    /// sync has ended runs without number. Of those that wait, one that forgets keys comes first, and alone where it is paused.
    async fn pick(&mut self, paused: bool) -> Result<Option<Picked>, Error> {
        sqlx::query_as!(
            Picked,
            "select id, kind, options, sync_version, first_epoch,
                    cancel_requested_at is not null as \"cancel_requested!\",
                    case when state = 'running' and lease_until > now() then lease_until end as held_until
             from run
             where workspace_id = $1
               and (state = 'running' or (state = 'queued' and due_at <= now() and (kind = 'erase' or not $3)))
               and id in (
                   select id from run where workspace_id = $1 and sync_id = $2 and state = 'running'
                   union all
                   select id from run where workspace_id = $1 and sync_id = $2 and state = 'queued')
             order by state desc, (kind = 'erase') desc, due_at, id
             limit 1
             for no key update",
            self.workspace,
            self.sync.uuid(),
            paused,
        )
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(database("find a run to claim"))
    }

    /// Closes open windows and attempts as dead, from durable facts alone. Whether there was such an attempt.
    async fn bury(&mut self, settling_ms: Millis) -> Result<bool, Error> {
        let windows = sqlx::query!(
            "update snapshot_window
             set state = 'dead', closed_at = now(), settles_at = now() + $3::bigint * interval '1 millisecond'
             where workspace_id = $1 and sync_id = $2 and state = 'open'
             returning epoch, entries",
            self.workspace,
            self.sync.uuid(),
            settling_ms,
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(database("close the windows of a dead attempt"))?;
        let attempts = sqlx::query!(
            "select epoch, run_id, counts from attempt where workspace_id = $1 and sync_id = $2 and outcome is null",
            self.workspace,
            self.sync.uuid(),
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(database("find a dead attempt"))?;
        for attempt in &attempts {
            let counts = from_json("the counts of an attempt", attempt.counts.clone())?;
            let open = windows.iter().filter(|window| window.epoch == attempt.epoch);
            let counts = counts_at_death(counts, open.map(|window| unsigned(window.entries)).sum());
            sqlx::query!(
                "update attempt set outcome = 'died', ended_at = now(), counts = $4
                 where workspace_id = $1 and sync_id = $2 and epoch = $3",
                self.workspace,
                self.sync.uuid(),
                attempt.epoch,
                to_json("the counts of an attempt", &counts)?,
            )
            .execute(&mut *self.tx)
            .await
            .map_err(database("close a dead attempt"))?;
        }
        for attempt in &attempts {
            let detail = json!({ "epoch": attempt.epoch });
            event(&mut self.tx, self.workspace, attempt.run_id, "attempt-died", detail).await?;
        }
        Ok(!attempts.is_empty())
    }

    async fn died_attempts(&mut self, run: Uuid) -> Result<u32, Error> {
        let died = sqlx::query_scalar!(
            "select count(*) as \"count!\" from attempt
             where workspace_id = $1 and run_id = $2 and outcome = 'died' and epoch > coalesce(
                 (select max(epoch) from attempt where workspace_id = $1 and run_id = $2 and outcome <> 'died'), 0)",
            self.workspace,
            run,
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(database("count dead attempts"))?;
        Ok(u32::try_from(died).unwrap_or(u32::MAX))
    }

    async fn take(
        &mut self,
        run: Uuid,
        epoch: i64,
        version: i32,
        resync_epoch: Option<i64>,
        worker: &str,
        lease_ms: Millis,
    ) -> Result<Lease, Error> {
        sqlx::query!(
            "update sync set epoch = $3, resync_epoch = $4 where workspace_id = $1 and id = $2",
            self.workspace,
            self.sync.uuid(),
            epoch,
            resync_epoch,
        )
        .execute(&mut *self.tx)
        .await
        .map_err(database("raise the epoch of a sync"))?;
        let lease = sqlx::query_as!(
            Lease,
            "update run set
                state = 'running', epoch = $3, first_epoch = coalesce(first_epoch, $3), sync_version = $4, worker = $5,
                started_at = coalesce(started_at, now()), lease_until = now() + $6::bigint * interval '1 millisecond'
             where workspace_id = $1 and id = $2
             returning started_at as \"started_at!\", lease_until as \"until!\"",
            self.workspace,
            run,
            epoch,
            version,
            worker,
            lease_ms,
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(database("claim a run"))?;
        sqlx::query!(
            "insert into attempt (workspace_id, sync_id, epoch, run_id, worker, counts) values ($1, $2, $3, $4, $5, $6)",
            self.workspace,
            self.sync.uuid(),
            epoch,
            run,
            worker,
            to_json("the counts of an attempt", &Counts::default())?,
        )
        .execute(&mut *self.tx)
        .await
        .map_err(database("begin an attempt"))?;
        event(&mut self.tx, self.workspace, run, "claimed", json!({ "worker": worker, "epoch": epoch })).await?;
        Ok(lease)
    }
}
