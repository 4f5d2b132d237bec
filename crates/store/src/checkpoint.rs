use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Counts, Millis};
use serde_json::Value;
use sqlx::PgTransaction;

use crate::codec::{signed, to_json};
use crate::error::database;
use crate::log::add_log;
use crate::rejection::{add_invalid_rows, add_rejections};
use crate::{Claim, Error, LayerRef, NewInvalidRow, NewLogObject, NewRejection, Scope};

/// How often the database is asked what became of a COMMIT, and how long to wait in between: some 10 s in all.
const ASKS: u32 = 40;
const BETWEEN: Duration = Duration::from_millis(250);

/// How often a transaction is repeated whose COMMIT was surely not applied.
pub(crate) const TRIES: u32 = 3;

/// What one short transaction does to the snapshot of a sync, and what it tells of the attempt so far.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    /// What became of the records of a window.
    pub close: Option<ClosedWindow>,
    pub layers: LayerChange,
    /// A window whose segment is durable and whose first put follows this checkpoint. It becomes the last layer.
    pub open: Option<NewWindow>,
    /// Of the attempt so far: the sums must hold, what is not decided counts as deferred. `None` leaves them as they are.
    pub counts: Option<Counts>,
    /// All rejections since the last checkpoint.
    pub rejections: Vec<NewRejection>,
    /// Invalid rows to list, and how many there were of each code since the last checkpoint, listed or not.
    pub invalid_rows: Vec<NewInvalidRow>,
    pub invalid_by_code: BTreeMap<String, u64>,
    /// What the log says of it. The objects are durable.
    pub log: Vec<NewLogObject>,
}

#[derive(Debug, Clone)]
pub struct ClosedWindow {
    pub number: u32,
    /// One byte an entry.
    pub outcomes: Vec<u8>,
    /// How long, from this checkpoint on, its puts may still be applied.
    pub settling_ms: Millis,
}

#[derive(Debug, Clone)]
pub struct NewWindow {
    /// Unique within the epoch.
    pub number: u32,
    pub segment: Value,
    pub entries: u64,
}

/// What happens to the list of layers, before `open` is added.
#[derive(Debug, Clone, Default)]
pub enum LayerChange {
    #[default]
    Keep,
    Append(Vec<LayerRef>),
    Replace(Vec<LayerRef>),
}

impl Scope {
    /// One transaction, fenced by epoch and manifest version. `manifest_version` is what the caller has seen last; it
    /// rises when the checkpoint is applied. A lost answer to the COMMIT is resolved here.
    pub async fn checkpoint(
        &self,
        claim: &Claim,
        manifest_version: &mut u64,
        checkpoint: &Checkpoint,
    ) -> Result<(), Error> {
        checkpoint.check()?;
        let seen = *manifest_version;
        let mut tries = 1;
        loop {
            let mut tx = self.begin().await?;
            self.fence(&mut tx, claim, seen, true).await?;
            self.write(&mut tx, claim, seen + 1, checkpoint).await?;
            let Err(lost) = tx.commit().await else { break };
            match self.applied(claim, seen).await {
                Ok(true) => break,
                Ok(false) if tries < TRIES => tries += 1,
                Ok(false) => return Err(database("commit a checkpoint")(lost)),
                Err(error) if error.transient() => return Err(Error::CommitUnknown(Box::new(lost))),
                Err(error) => return Err(error),
            }
        }
        *manifest_version = seen + 1;
        Ok(())
    }

    /// The fence: whoever passes holds the sync's row until the transaction ends.
    pub(crate) async fn fence(
        &self,
        tx: &mut PgTransaction<'_>,
        claim: &Claim,
        seen: u64,
        rises: bool,
    ) -> Result<(), Error> {
        let done = sqlx::query!(
            "update sync set manifest_version = manifest_version + $5
             where workspace_id = $1 and id = $2 and epoch = $3 and manifest_version = $4 and exists (
                 select from run
                 where workspace_id = $1 and run.id = $6 and sync_id = $2 and run.epoch = $3 and state = 'running'
             )",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(claim.epoch),
            signed(seen),
            i64::from(rises),
            claim.run.uuid(),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("pass the fence of a sync"))?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(claim.fenced(seen)) }
    }

    /// All that a checkpoint writes behind the fence. `version`: of the manifest, should it change.
    pub(crate) async fn write(
        &self,
        tx: &mut PgTransaction<'_>,
        claim: &Claim,
        version: u64,
        checkpoint: &Checkpoint,
    ) -> Result<(), Error> {
        if let Some(window) = &checkpoint.close {
            self.close_window(tx, claim, window).await?;
        }
        if let Some(window) = &checkpoint.open {
            self.open_window(tx, claim, window).await?;
        }
        if let Some((replaces, layers)) = checkpoint.new_layers(claim.epoch) {
            self.write_manifest(tx, claim, version, replaces, &layers).await?;
        }
        if let Some(counts) = &checkpoint.counts {
            self.write_counts(tx, claim, counts).await?;
        }
        add_rejections(tx, self.workspace_uuid(), claim, &checkpoint.rejections).await?;
        let (rows, tally) = (&checkpoint.invalid_rows, &checkpoint.invalid_by_code);
        add_invalid_rows(tx, self.workspace_uuid(), claim, rows, tally).await?;
        add_log(tx, self.workspace_uuid(), claim, &checkpoint.log).await
    }

    async fn close_window(
        &self,
        tx: &mut PgTransaction<'_>,
        claim: &Claim,
        window: &ClosedWindow,
    ) -> Result<(), Error> {
        let done = sqlx::query!(
            "update snapshot_window
             set state = 'checkpointed', outcomes = $5::bytea, closed_at = now(),
                 settles_at = now() + $6::bigint * interval '1 millisecond'
             where workspace_id = $1 and sync_id = $2 and epoch = $3 and number = $4 and state = 'open'
               and entries = octet_length($5::bytea)",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(claim.epoch),
            window.number.cast_signed(),
            &window.outcomes,
            window.settling_ms,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("close a window"))?;
        let (epoch, number, outcomes) = (claim.epoch, window.number, window.outcomes.len());
        if done.rows_affected() == 1 { Ok(()) } else { Err(Error::NotThatWindow { epoch, number, outcomes }) }
    }

    async fn open_window(&self, tx: &mut PgTransaction<'_>, claim: &Claim, window: &NewWindow) -> Result<(), Error> {
        sqlx::query!(
            "insert into snapshot_window (workspace_id, sync_id, epoch, number, segment, entries, run_id)
             values ($1, $2, $3, $4, $5, $6, $7)",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(claim.epoch),
            window.number.cast_signed(),
            window.segment,
            signed(window.entries),
            claim.run.uuid(),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("register a window"))?;
        Ok(())
    }

    /// The run's newest manifest takes the place of its last.
    async fn write_manifest(
        &self,
        tx: &mut PgTransaction<'_>,
        claim: &Claim,
        version: u64,
        replaces: bool,
        layers: &[LayerRef],
    ) -> Result<(), Error> {
        sqlx::query!(
            "insert into manifest (workspace_id, sync_id, version, epoch, run_id, body)
             select $1, $2, $3, $4, $5, jsonb_build_object('layers', coalesce((
                 select m.body -> 'layers' from manifest m
                 where m.workspace_id = $1 and m.sync_id = $2 and not $6
                 order by m.version desc limit 1
             ), '[]') || $7::jsonb)",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(version),
            signed(claim.epoch),
            claim.run.uuid(),
            replaces,
            to_json("a list of layers", &layers)?,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("write a manifest"))?;
        sqlx::query!(
            "delete from manifest where workspace_id = $1 and sync_id = $2 and run_id = $3 and version < $4",
            self.workspace_uuid(),
            claim.sync.uuid(),
            claim.run.uuid(),
            signed(version),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("delete the manifest before"))?;
        Ok(())
    }

    async fn write_counts(&self, tx: &mut PgTransaction<'_>, claim: &Claim, counts: &Counts) -> Result<(), Error> {
        sqlx::query!(
            "update attempt set counts = $4 where workspace_id = $1 and sync_id = $2 and epoch = $3",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(claim.epoch),
            to_json("the counts of an attempt", counts)?,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("write the counts of an attempt"))?;
        Ok(())
    }

    /// Whether the checkpoint after `seen` was applied. The lock waits for a COMMIT that is still on its way.
    async fn applied(&self, claim: &Claim, seen: u64) -> Result<bool, Error> {
        let mut asking = Asking::default();
        let version = loop {
            match self.version_in(claim).await {
                Err(error) if asking.again(&error).await => {}
                answer => break answer?,
            }
        };
        match version {
            Some(version) if version == signed(seen) => Ok(false),
            Some(version) if version == signed(seen + 1) => Ok(true),
            _ => Err(claim.fenced(seen)),
        }
    }

    async fn version_in(&self, claim: &Claim) -> Result<Option<i64>, Error> {
        let mut tx = self.begin().await?;
        sqlx::query_scalar!(
            "select manifest_version from sync
                     where workspace_id = $1 and id = $2 and epoch = $3 for no key update",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(claim.epoch),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("read a checkpoint back"))
    }
}

/// Asks again while the database cannot be reached. No closure: the futures that held one could not be spawned.
#[derive(Default)]
pub(crate) struct Asking(u32);

impl Asking {
    pub(crate) async fn again(&mut self, error: &Error) -> bool {
        self.0 += 1;
        let again = error.transient() && self.0 < ASKS;
        if again {
            tokio::time::sleep(BETWEEN).await;
        }
        again
    }
}

impl Checkpoint {
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.counts.as_ref().map_or(Ok(()), |counts| counts.check().map_err(Error::Counts))
    }

    /// The layers to write and whether they replace all; `None` if the list stays as it is.
    pub(crate) fn new_layers(&self, epoch: u64) -> Option<(bool, Vec<LayerRef>)> {
        let (replaces, mut layers) = match &self.layers {
            LayerChange::Keep => (false, Vec::new()),
            LayerChange::Append(layers) => (false, layers.clone()),
            LayerChange::Replace(layers) => (true, layers.clone()),
        };
        layers.extend(self.open.iter().map(|window| LayerRef::Window { epoch, number: window.number }));
        (replaces || !layers.is_empty()).then_some((replaces, layers))
    }
}
