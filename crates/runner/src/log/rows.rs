//! The rows of a run on their way into its log. What a window came to is encoded and put before the checkpoint that closes the
//! window, which waits for it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use domain::{Column, LoggedRows, Millis};
use engine::limits::billed_bytes;
use engine::record::Record;
use engine::rules::{Epoch, Outcome as Decided};
use engine::shard::{ShardMap, hash_key};
use engine::unit::UnitId;
use outcomes::{Encoded, Origin, Outcome, RowOutcome, RowSummary, encode_rows_of};
use spill::PlanEntry;
use store::{Claim, Scope};
use tokio::task::JoinHandle;

use super::{AttemptLog, key_text};
use crate::job::Job;
use crate::prepared::{Prepared, Window};
use crate::render::Logged;
use crate::{Error, clock};

pub(crate) struct RowLog {
    log: AttemptLog,
    scope: Scope,
    claim: Claim,
    kept: LoggedRows,
    words: Arc<Words>,
    rows: Vec<RowOutcome<'static>>,
    decided: Vec<Window>,
    calls: Vec<kinesis::Call>,
    writing: Option<JoinHandle<Result<(), Error>>>,
}

/// A row that never became a record.
pub(crate) struct Unsent<'a> {
    pub(crate) entry: &'a PlanEntry,
    pub(crate) event_id: &'a str,
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
    pub(crate) logged: Option<Logged>,
}

impl RowLog {
    pub(crate) fn new(job: &Job) -> Self {
        Self {
            log: job.log.clone(),
            scope: job.scope.clone(),
            claim: job.claim.clone(),
            kept: job.definition().sync.log.rows,
            words: Arc::new(Words { epoch: job.log.epoch(), key: job.unit_key(), shards: ShardMap::default() }),
            rows: Vec::new(),
            decided: Vec::new(),
            calls: Vec::new(),
            writing: None,
        }
    }

    /// Where records should land; asked for only when there are some.
    pub(crate) async fn know_shards(&mut self, job: &Job) {
        if self.kept != LoggedRows::None {
            let shards = job.settings.shard_maps.of(job.workspace.id, &job.client, &job.stream.stream()).await;
            self.words = Arc::new(Words { shards, epoch: self.words.epoch, key: self.words.key.clone() });
        }
    }

    pub(crate) fn calls(&mut self, calls: Vec<kinesis::Call>) {
        self.calls.extend(calls);
    }

    /// Records whose outcomes are known.
    pub(crate) fn decided(&mut self, window: Window) {
        if self.kept != LoggedRows::None && !window.is_empty() {
            self.decided.push(window);
        }
    }

    /// A row that could not be a record.
    pub(crate) fn rejected(&mut self, unsent: Unsent<'_>) -> Result<(), Error> {
        if self.kept == LoggedRows::None {
            return Ok(());
        }
        let mut row = self.words.row(unsent.entry)?;
        row.event_id = Some(unsent.event_id.to_owned().into());
        row.outcome = Outcome::Rejected;
        (row.code, row.message) = (Some(unsent.code.to_owned().into()), Some(unsent.message.to_owned().into()));
        if let Some(logged) = unsent.logged {
            (row.previous, row.row) = (logged.previous.map(Into::into), logged.row.map(Into::into));
        }
        self.rows.push(row);
        Ok(())
    }

    /// A row that was planned and is left to the next run. It has no event.id yet.
    pub(crate) fn unreached(&mut self, entry: &PlanEntry) -> Result<(), Error> {
        if self.kept != LoggedRows::None {
            let row = self.words.row(entry)?;
            self.rows.push(RowOutcome { outcome: Outcome::Deferred, event_sequence: None, ..row });
        }
        Ok(())
    }

    /// Rows that were never planned.
    pub(crate) fn invalid(&mut self, rows: Vec<RowOutcome<'static>>) {
        if self.kept != LoggedRows::None {
            self.rows.extend(rows);
        }
    }

    /// Begins to write what came so far.
    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        self.written().await?;
        let (log, mut calls) = (self.log.clone(), std::mem::take(&mut self.calls));
        calls.extend(log.calls().drain());
        let (mut rows, decided) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.decided));
        if rows.is_empty() && decided.is_empty() && calls.is_empty() {
            return Ok(());
        }
        let earlier = self.earlier(&rows, &decided).await?;
        rows.iter_mut().for_each(|row| tell(row, &earlier));
        let words = Arc::clone(&self.words);
        let write = async move {
            if !rows.is_empty() || !decided.is_empty() {
                log.write_rows(move |origin| words.encode(origin, &rows, &decided, &earlier)).await?;
            }
            log.write_calls(calls).await
        };
        self.writing = Some(tokio::spawn(tracing::Instrument::in_current_span(write)));
        Ok(())
    }

    /// Since when rows that are rejected have been, and how often.
    async fn earlier(&self, rows: &[RowOutcome<'_>], decided: &[Window]) -> Result<Earlier, Error> {
        let unsent = rows.iter().filter(|row| row.outcome == Outcome::Rejected).filter_map(|row| row.unit);
        let refused = decided.iter().flat_map(Window::rows).filter(|row| row.outcome == Decided::Refused);
        let units: Vec<_> = unsent.chain(refused.map(|row| row.entry.unit)).collect();
        Ok(if units.is_empty() { Earlier::default() } else { self.scope.rejected_before(&self.claim, &units).await? })
    }

    /// All that came so far is durable: a checkpoint counts rows that came since the last window, which had no put.
    pub(crate) async fn end(&mut self) -> Result<(), Error> {
        self.begin().await?;
        self.written().await
    }

    /// Waits until all that was begun is durable.
    pub(crate) async fn written(&mut self) -> Result<(), Error> {
        match self.writing.take() {
            None => Ok(()),
            Some(writing) => match writing.await {
                Ok(written) => written,
                Err(failed) => std::panic::resume_unwind(failed.into_panic()),
            },
        }
    }
}

/// Of units: since when they have been rejected, and how often before.
type Earlier = HashMap<UnitId, (Millis, u32)>;

/// A rejection says since when its row has been rejected, and how often.
fn tell(row: &mut RowOutcome<'_>, earlier: &Earlier) {
    if row.outcome == Outcome::Rejected {
        let before = row.unit.and_then(|unit| earlier.get(&unit));
        let (first_seen, tries) = before.copied().unwrap_or((row.at, 0));
        (row.first_seen, row.times_tried) = (Some(first_seen), Some(tries + 1));
    }
}

/// What becomes a row of the log.
enum Item<'a> {
    Row(&'a RowOutcome<'a>),
    Record(&'a Prepared, &'a Record),
}

impl Item<'_> {
    fn unit(&self) -> Option<UnitId> {
        match self {
            Self::Row(row) => row.unit,
            Self::Record(prepared, _) => Some(prepared.entry.unit),
        }
    }

    /// Of the row's texts, about.
    fn bytes(&self) -> usize {
        match self {
            Self::Row(row) => row.text_bytes(),
            Self::Record(Prepared { entry, logged, event_id, .. }, record) => {
                let logged = logged.as_ref().map_or(0, |logged| logged.bytes() + record.data.len());
                logged + entry.key.len() + event_id.len() + record.partition_key.len() + POSITION_BYTES
            }
        }
    }
}

/// Of a sequence number.
const POSITION_BYTES: usize = 56;

/// What outcomes are told with.
struct Words {
    epoch: Epoch,
    /// The columns of a unit's key.
    key: Vec<Column>,
    shards: ShardMap,
}

impl Words {
    /// `rows` and records become rows of the log where they are encoded, some thousands at a time.
    fn encode(
        &self,
        origin: Origin,
        rows: &[RowOutcome<'_>],
        decided: &[Window],
        earlier: &Earlier,
    ) -> Result<Encoded<RowSummary>, Error> {
        let records = decided.iter().flat_map(Window::iter).map(|(prepared, record)| Item::Record(prepared, record));
        let mut items: Vec<_> = rows.iter().map(Item::Row).chain(records).collect();
        items.sort_by_key(Item::unit);
        encode_rows_of(origin, &items, Item::bytes, |item| match *item {
            Item::Row(row) => Ok(Cow::Borrowed(row)),
            Item::Record(prepared, record) => {
                let mut row = self.decided(prepared, record)?;
                tell(&mut row, earlier);
                Ok::<_, Error>(Cow::Owned(row))
            }
        })
    }

    fn decided<'a>(&'a self, prepared: &'a Prepared, record: &'a Record) -> Result<RowOutcome<'a>, Error> {
        let Prepared { entry, event_id, outcome, landed, deciding, puts, attempts, logged, failure, at, .. } = prepared;
        let put_in = |put: &kinesis::PutIn| outcomes::PutIn { call: put.call, position: put.position };
        let values = logged.as_ref();
        let put = puts.iter().find(|put| Some(put.call) == *deciding);
        let child = put.and_then(|put| put.child);
        Ok(RowOutcome {
            outcome: match outcome {
                Decided::Acknowledged | Decided::AcknowledgedAfterDoubt => Outcome::Delivered,
                Decided::Refused => Outcome::Rejected,
                Decided::Unanswered => Outcome::Unanswered,
                Decided::NotPut => Outcome::Deferred,
            },
            after_doubt: *outcome == Decided::AcknowledgedAfterDoubt,
            event_id: Some(event_id.as_str().into()),
            predicted_shard: hash_key(record).and_then(|hash| self.shards.shard(hash)).map(Into::into),
            record_bytes: Some(u32::try_from(billed_bytes(record)).unwrap_or(u32::MAX)),
            code: failure.as_ref().map(|(code, _)| (&**code).into()),
            message: failure.as_ref().map(|(_, message)| (&**message).into()),
            partition_key: Some((&record.partition_key).into()),
            explicit_hash_key: record.explicit_hash_key.as_ref().map(Into::into),
            shard: landed.as_ref().map(|(shard, _)| shard.into()),
            sequence_number: landed.as_ref().map(|(_, number)| number.into()),
            put: put.map(put_in),
            sub_sequence: child.map(|child| child.sub_sequence),
            aggregated_bytes: child.map(|child| child.record_bytes),
            earlier_puts: puts.iter().filter(|put| Some(put.call) != *deciding).map(put_in).collect(),
            attempts: *attempts,
            at: *at,
            previous: values.and_then(|logged| logged.previous.as_ref()).map(Into::into),
            row: values.and_then(|logged| logged.row.as_ref()).map(Into::into),
            record: values.and_then(|_| std::str::from_utf8(&record.data).ok()).map(Into::into),
            ..self.row(entry)?
        })
    }

    fn row(&self, entry: &PlanEntry) -> Result<RowOutcome<'static>, Error> {
        let (key, element) =
            if entry.key.is_empty() { ("null".to_owned(), None) } else { key_text(&self.key, &entry.key)? };
        Ok(RowOutcome {
            unit: Some(entry.unit),
            key: key.into(),
            element: element.map(Into::into),
            op: Some(entry.op),
            event_sequence: Some(entry.sequence),
            epoch: self.epoch,
            at: clock::now(),
            ..RowOutcome::default()
        })
    }
}
