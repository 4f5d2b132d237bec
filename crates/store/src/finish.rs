use domain::{Millis, RunId, RunKind, RunState};
use serde_json::{Value, json};
use sqlx::PgTransaction;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::checkpoint::{Asking, TRIES};
use crate::codec::{from_word, signed, unsigned, word};
use crate::error::database;
use crate::event::event;
use crate::{ApprovalChange, Checkpoint, Claim, Error, Reason, Scope};

/// How a run ends: a last checkpoint, and what the sync knows from now on.
#[derive(Debug, Clone)]
pub struct Finish {
    /// One of the states in which a run has ended.
    pub state: RunState,
    pub reason: Option<Reason>,
    /// Its counts are those of attempt and run. It opens no window.
    pub last: Checkpoint,
    /// A window that is still open is closed as dead, its puts settle this long from now.
    pub settling_ms: Millis,
    /// The start of the full resync that is still unfinished.
    pub resync_epoch: Option<u64>,
    /// Once true, it stays so.
    pub first_run_done: bool,
    /// The run has taken up what its version of the definition changed.
    pub accepted: bool,
    /// Queues a normal run by itself for this time, unless an earlier one waits.
    pub follow_up: Option<Millis>,
    pub approvals: Vec<ApprovalChange>,
    pub stream: Update<Value>,
    pub question: Update<Value>,
    /// What the run came to, for people.
    pub report: Option<Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Update<T> {
    #[default]
    Keep,
    Set(T),
    Clear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    pub manifest_version: u64,
    /// The run that waits, if a follow-up was asked for.
    pub follow_up: Option<RunId>,
}

impl<T> Update<T> {
    /// Whether to write, and what.
    const fn parts(&self) -> (bool, Option<&T>) {
        match self {
            Self::Keep => (false, None),
            Self::Set(value) => (true, Some(value)),
            Self::Clear => (true, None),
        }
    }
}

impl Finish {
    /// An ending in this state that changes nothing else about the sync.
    pub fn new(claim: &Claim, state: RunState, settling_ms: Millis) -> Self {
        Self {
            state,
            reason: None,
            last: Checkpoint::default(),
            settling_ms,
            resync_epoch: claim.resync_epoch,
            first_run_done: claim.first_run_done,
            accepted: false,
            follow_up: None,
            approvals: Vec::new(),
            stream: Update::Keep,
            question: Update::Keep,
            report: None,
        }
    }
}

impl Scope {
    /// Ends a run: one transaction, fenced like a checkpoint. A run that leaves the layers as they are writes no manifest.
    pub async fn finish(&self, claim: &Claim, manifest_version: u64, finish: &Finish) -> Result<Finished, Error> {
        finish.last.check()?;
        if !finish.state.ended() {
            return Err(Error::NotEnded(finish.state.as_str()));
        }
        let mut tries = 1;
        loop {
            let mut tx = self.begin().await?;
            let finished = self.write_finish(&mut tx, claim, manifest_version, finish).await?;
            let Err(lost) = tx.commit().await else { return Ok(finished) };
            match self.ended_by(claim).await {
                Ok(true) => return Ok(finished),
                Ok(false) if tries < TRIES => tries += 1,
                Ok(false) => return Err(database("commit the end of a run")(lost)),
                Err(error) if error.transient() => return Err(Error::CommitUnknown(Box::new(lost))),
                Err(error) => return Err(error),
            }
        }
    }

    async fn write_finish(
        &self,
        tx: &mut PgTransaction<'_>,
        claim: &Claim,
        seen: u64,
        finish: &Finish,
    ) -> Result<Finished, Error> {
        let rises = finish.last.close.is_some() || finish.last.new_layers(claim.epoch).is_some();
        let version = seen + u64::from(rises);
        self.fence(tx, claim, seen, rises).await?;
        self.write(tx, claim, version, &finish.last).await?;
        self.end_windows(tx, claim, finish.settling_ms).await?;
        self.end_sync(tx, claim, finish).await?;
        self.end_run(tx, claim, finish).await?;
        for change in &finish.approvals {
            self.write_approval(tx, claim, change).await?;
        }
        let follow_up = match finish.follow_up {
            Some(due_at) => Some(self.queue_follow_up(tx, claim, due_at).await?),
            None => None,
        };
        Ok(Finished { manifest_version: version, follow_up })
    }

    /// No window outlives its run open; and the run's manifest is from now on the last of its run.
    async fn end_windows(&self, tx: &mut PgTransaction<'_>, claim: &Claim, settling_ms: Millis) -> Result<(), Error> {
        sqlx::query!(
            "update snapshot_window
             set state = 'dead', closed_at = now(), settles_at = now() + $3::bigint * interval '1 millisecond'
             where workspace_id = $1 and sync_id = $2 and state = 'open'",
            self.workspace_uuid(),
            claim.sync.uuid(),
            settling_ms,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("close the windows of a run"))?;
        sqlx::query!(
            "update manifest set final = true
             where workspace_id = $1 and sync_id = $2 and run_id = $3 and not final",
            self.workspace_uuid(),
            claim.sync.uuid(),
            claim.run.uuid(),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("keep the last manifest of a run"))?;
        Ok(())
    }

    async fn end_sync(&self, tx: &mut PgTransaction<'_>, claim: &Claim, finish: &Finish) -> Result<(), Error> {
        let (sets_stream, stream) = finish.stream.parts();
        let (sets_question, question) = finish.question.parts();
        sqlx::query!(
            "update sync set
                resync_epoch = $3,
                first_run_done = first_run_done or $4,
                accepted_version = case when $5 then $6 else accepted_version end,
                stream = case when $7 then $8 else stream end,
                question = case when $9 then $10 else question end,
                last_run_seconds = coalesce((
                    select extract(epoch from now() - r.started_at) from run r
                    where r.workspace_id = $1 and r.id = $11), last_run_seconds)
             where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            claim.sync.uuid(),
            finish.resync_epoch.map(signed),
            finish.first_run_done,
            finish.accepted,
            claim.version.cast_signed(),
            sets_stream,
            stream,
            sets_question,
            question,
            claim.run.uuid(),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("write what a run leaves to its sync"))?;
        Ok(())
    }

    /// However a run that forgets keys ended, it is not tried again, and must not be what remembers them.
    async fn end_run(&self, tx: &mut PgTransaction<'_>, claim: &Claim, finish: &Finish) -> Result<(), Error> {
        sqlx::query!(
            "with ending as (
                 update attempt set outcome = 'finished', ended_at = now()
                 where workspace_id = $1 and sync_id = $2 and epoch = $4 returning counts
             )
             update run set state = $5, ended_at = now(), reason_code = $6, reason_text = $7,
                            counts = (select counts from ending),
                            options = case when kind = 'erase'
                                then jsonb_set(options, '{erase,keys}', '[]', false) else options end,
                            report = $8
             where workspace_id = $1 and id = $3",
            self.workspace_uuid(),
            claim.sync.uuid(),
            claim.run.uuid(),
            signed(claim.epoch),
            word(&finish.state)?,
            finish.reason.as_ref().map(|reason| crate::codec::clean_text(&reason.code)),
            finish.reason.as_ref().map(|reason| crate::codec::clean_text(&reason.text)),
            finish.report.as_ref().map(crate::codec::clean_json),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("end a run"))?;
        let detail = json!({
            "state": finish.state.as_str(),
            "reason": finish.reason.as_ref().map(|reason| &reason.code),
            "epoch": claim.epoch,
        });
        event(tx, self.workspace_uuid(), claim.run.uuid(), "ended", detail).await
    }

    async fn queue_follow_up(&self, tx: &mut PgTransaction<'_>, claim: &Claim, due_at: Millis) -> Result<RunId, Error> {
        let due_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(due_at) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let id = sqlx::query_scalar!(
            "insert into run (workspace_id, id, sync_id, kind, due_at, requested_by)
             values ($1, $2, $3, $4, $5, '{\"follow_up\": true}')
             on conflict (workspace_id, sync_id, (kind in ('resend', 'erase'))) where state = 'queued'
                do update set due_at = least(run.due_at, excluded.due_at)
             returning id",
            self.workspace_uuid(),
            Uuid::now_v7(),
            claim.sync.uuid(),
            word(&RunKind::Normal)?,
            due_at,
        )
        .fetch_one(&mut **tx)
        .await
        .map_err(database("queue the next run"))?;
        Ok(RunId::from_uuid(id))
    }

    /// Whether this claim ended its run. The lock waits for a COMMIT that is still on its way.
    async fn ended_by(&self, claim: &Claim) -> Result<bool, Error> {
        let mut asking = Asking::default();
        let (state, epoch) = loop {
            match self.state_of(claim).await {
                Err(error) if asking.again(&error).await => {}
                answer => break answer?,
            }
        };
        if epoch.map(unsigned) != Some(claim.epoch) {
            return Err(claim.fenced(claim.manifest_version));
        }
        Ok(from_word::<RunState>("the state of a run", state)?.ended())
    }

    async fn state_of(&self, claim: &Claim) -> Result<(String, Option<i64>), Error> {
        let mut tx = self.begin().await?;
        let found = sqlx::query!(
            "select state, epoch from run where workspace_id = $1 and id = $2 for no key update",
            self.workspace_uuid(),
            claim.run.uuid(),
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(database("read the end of a run back"))?;
        Ok((found.state, found.epoch))
    }
}
