//! The rows of a run on their way into its log. What a window came to is encoded and put while the next window is
//! rendered and written; the checkpoint that follows waits for it.

use domain::{Column, LoggedRows};
use engine::limits::billed_bytes;
use engine::rules::Outcome as Decided;
use engine::shard::{ShardMap, hash_key};
use outcomes::{Outcome, RowOutcome};
use spill::PlanEntry;
use store::{Claim, Scope};
use tokio::task::JoinHandle;

use super::{AttemptLog, key_text};
use crate::job::Job;
use crate::prepared::Prepared;
use crate::render::Logged;
use crate::{Error, clock};

pub(crate) struct RowLog {
    log: AttemptLog,
    scope: Scope,
    claim: Claim,
    kept: LoggedRows,
    /// The columns of a unit's key.
    key: Vec<Column>,
    shards: ShardMap,
    rows: Vec<RowOutcome<'static>>,
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
            key: job.unit_key(),
            shards: ShardMap::default(),
            rows: Vec::new(),
            calls: Vec::new(),
            writing: None,
        }
    }

    /// Where records should land; asked for only when there are some.
    pub(crate) async fn know_shards(&mut self, job: &Job) {
        if self.kept != LoggedRows::None {
            self.shards = job.settings.shard_maps.of(job.workspace.id, &job.client, &job.stream.stream()).await;
        }
    }

    pub(crate) fn calls(&mut self, calls: Vec<kinesis::Call>) {
        self.calls.extend(calls);
    }

    /// A record whose outcome is known.
    pub(crate) fn decided(&mut self, prepared: Prepared) -> Result<(), Error> {
        if self.kept == LoggedRows::None {
            return Ok(());
        }
        let mut row = self.row(&prepared.entry, &prepared.event_id)?;
        row.outcome = match prepared.outcome {
            Decided::Acknowledged | Decided::AcknowledgedAfterDoubt => Outcome::Delivered,
            Decided::Refused => Outcome::Rejected,
            Decided::Unanswered => Outcome::Unanswered,
            Decided::NotPut => Outcome::Deferred,
        };
        row.after_doubt = prepared.outcome == Decided::AcknowledgedAfterDoubt;
        row.predicted_shard =
            hash_key(&prepared.record).and_then(|hash| self.shards.shard(hash)).map(|shard| shard.to_owned().into());
        row.record_bytes = Some(u32::try_from(billed_bytes(&prepared.record)).unwrap_or(u32::MAX));
        let Prepared { record, landed, deciding, puts, attempts, logged, failure, .. } = prepared;
        if let Some((code, message)) = failure {
            (row.code, row.message) = (Some(code.to_string().into()), Some(message.to_string().into()));
        }
        row.partition_key = Some(record.partition_key.into());
        row.explicit_hash_key = record.explicit_hash_key.map(Into::into);
        if let Some((shard, number)) = landed {
            (row.shard, row.sequence_number) = (Some(shard.into()), Some(number.into()));
        }
        let put_in = |put: kinesis::PutIn| outcomes::PutIn { call: put.call, position: put.position };
        row.put = puts.iter().copied().find(|put| Some(put.call) == deciding).map(put_in);
        row.earlier_puts = puts.into_iter().filter(|put| Some(put.call) != deciding).map(put_in).collect();
        row.attempts = attempts;
        if let Some(logged) = logged {
            (row.previous, row.row) = (logged.previous.map(Into::into), logged.row.map(Into::into));
            row.record = String::from_utf8(record.data).ok().map(Into::into);
        }
        self.rows.push(row);
        Ok(())
    }

    /// A row that could not be a record.
    pub(crate) fn rejected(&mut self, unsent: Unsent<'_>) -> Result<(), Error> {
        if self.kept == LoggedRows::None {
            return Ok(());
        }
        let mut row = self.row(unsent.entry, unsent.event_id)?;
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
            let row = self.row(entry, "")?;
            self.rows.push(RowOutcome { outcome: Outcome::Deferred, event_id: None, event_sequence: None, ..row });
        }
        Ok(())
    }

    /// Rows that were never planned.
    pub(crate) fn invalid(&mut self, rows: Vec<RowOutcome<'static>>) {
        if self.kept != LoggedRows::None {
            self.rows.extend(rows);
        }
    }

    fn row(&self, entry: &PlanEntry, event_id: &str) -> Result<RowOutcome<'static>, Error> {
        let (key, element) =
            if entry.key.is_empty() { ("null".to_owned(), None) } else { key_text(&self.key, &entry.key)? };
        Ok(RowOutcome {
            unit: Some(entry.unit),
            key: key.into(),
            element: element.map(Into::into),
            op: Some(entry.op),
            event_id: Some(event_id.to_owned().into()),
            event_sequence: Some(entry.sequence),
            epoch: self.log.epoch(),
            at: clock::now(),
            ..RowOutcome::default()
        })
    }

    /// Begins to write what came so far.
    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        self.wait().await?;
        let (log, mut rows, mut calls) =
            (self.log.clone(), std::mem::take(&mut self.rows), std::mem::take(&mut self.calls));
        calls.extend(log.calls().drain());
        self.tell_earlier(&mut rows).await?;
        if !rows.is_empty() || !calls.is_empty() {
            let write = async move {
                log.write_rows(rows).await?;
                log.write_calls(calls).await
            };
            self.writing = Some(tokio::spawn(tracing::Instrument::in_current_span(write)));
        }
        Ok(())
    }

    /// A rejection says since when its row has been rejected, and how often.
    async fn tell_earlier(&self, rows: &mut [RowOutcome<'static>]) -> Result<(), Error> {
        let rejected = |row: &&mut RowOutcome<'_>| row.outcome == Outcome::Rejected;
        let units: Vec<_> = rows.iter_mut().filter(rejected).filter_map(|row| row.unit).collect();
        if units.is_empty() {
            return Ok(());
        }
        let known = self.scope.rejected_before(&self.claim, &units).await?;
        for row in rows.iter_mut().filter(rejected) {
            let before = row.unit.and_then(|unit| known.get(&unit));
            let (first_seen, tries) = before.copied().unwrap_or((row.at, 0));
            (row.first_seen, row.times_tried) = (Some(first_seen), Some(tries + 1));
        }
        Ok(())
    }

    /// All that came so far is durable: a checkpoint counts rows that came since the last window, which had no put.
    pub(crate) async fn end(&mut self) -> Result<(), Error> {
        self.begin().await?;
        self.wait().await
    }

    /// Waits until all that was begun is durable.
    async fn wait(&mut self) -> Result<(), Error> {
        match self.writing.take() {
            None => Ok(()),
            Some(writing) => match writing.await {
                Ok(written) => written,
                Err(failed) => std::panic::resume_unwind(failed.into_panic()),
            },
        }
    }
}
