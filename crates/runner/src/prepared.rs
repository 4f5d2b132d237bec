//! A record on its way through one window or several.

use std::sync::Arc;

use domain::Millis;
use engine::hash::EventId;
use engine::limits::billed_bytes;
use engine::outcome::RetryPolicy;
use engine::pace::Load;
use engine::record::Record;
use engine::rules::Outcome;
use kinesis::{PutOutcome, Puts};
use spill::PlanEntry;
use tokio::time::Instant;

use crate::render::Logged;

/// The writer's code for a call that never left this machine.
const UNREACHABLE: &str = "unreachable";

/// What is known of a record apart from the record itself.
pub(crate) struct Prepared {
    pub(crate) entry: PlanEntry,
    pub(crate) event_id: EventId,
    /// Of the message.
    data: usize,
    /// The values, if the log keeps them.
    pub(crate) logged: Option<Logged>,
    /// Over all windows it was part of.
    pub(crate) outcome: Outcome,
    pub(crate) attempts: u32,
    pub(crate) first_put: Option<Instant>,
    /// Code and message of its newest refusal.
    pub(crate) refusal: Option<(Arc<str>, Arc<str>)>,
    /// All its puts, the oldest first.
    pub(crate) puts: Puts,
    /// The call that says most of it.
    pub(crate) deciding: Option<u64>,
    /// Shard and sequence number.
    pub(crate) landed: Option<(String, String)>,
    /// Why it did not land, in the words of the call that decided it.
    pub(crate) failure: Option<(Arc<str>, Arc<str>)>,
    /// When its outcome was known.
    pub(crate) at: Millis,
}

/// Records in the order of their units. They lie apart from what is known of them, so that none is copied to be put.
#[derive(Default)]
pub(crate) struct Window {
    rows: Vec<Prepared>,
    records: Vec<Record>,
}

impl Window {
    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn rows(&self) -> &[Prepared] {
        &self.rows
    }

    pub(crate) fn rows_mut(&mut self) -> &mut [Prepared] {
        &mut self.rows
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Of all that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.iter().map(Prepared::bytes).sum()
    }

    pub(crate) fn reserve(&mut self, more: usize) {
        self.rows.reserve(more);
        self.records.reserve(more);
    }

    pub(crate) fn push(&mut self, prepared: Prepared, record: Record) {
        self.rows.push(prepared);
        self.records.push(record);
    }

    pub(crate) fn append(&mut self, mut later: Self) {
        self.rows.append(&mut later.rows);
        self.records.append(&mut later.records);
    }

    /// Puts them in the order of their units, if they are not.
    pub(crate) fn sort(&mut self) {
        if self.rows.is_sorted_by_key(|prepared| prepared.entry.unit) {
            return;
        }
        let mut order: Vec<_> = (0..self.rows.len()).collect();
        order.sort_by_key(|at| self.rows.get(*at).map(|prepared| prepared.entry.unit));
        for to in 0..order.len() {
            // What was there before has gone where it was exchanged with.
            let mut from = order[to];
            while from < to {
                from = order[from];
            }
            self.rows.swap(to, from);
            self.records.swap(to, from);
        }
    }

    /// Takes out the first records.
    pub(crate) fn split(&mut self, records: usize) -> Self {
        if records >= self.len() {
            return std::mem::take(self);
        }
        let rest = Self { rows: self.rows.split_off(records), records: self.records.split_off(records) };
        std::mem::replace(self, rest)
    }

    /// Takes out the records at these places, which ascend.
    pub(crate) fn take(&mut self, places: &[usize]) -> Self {
        let mut taken = Self::default();
        if places.is_empty() {
            return taken;
        }
        if places.len() == self.len() {
            return std::mem::take(self);
        }
        let (all, mut places) = (std::mem::take(self), places.iter().peekable());
        for (at, (prepared, record)) in all.rows.into_iter().zip(all.records).enumerate() {
            let goes = places.next_if_eq(&&at).is_some();
            if goes { &mut taken } else { &mut *self }.push(prepared, record);
        }
        taken
    }

    pub(crate) fn into_pairs(self) -> impl Iterator<Item = (Prepared, Record)> {
        self.rows.into_iter().zip(self.records)
    }

    pub(crate) fn into_rows(self) -> impl Iterator<Item = Prepared> {
        self.rows.into_iter()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Prepared, &Record)> {
        self.rows.iter().zip(&self.records)
    }
}

impl Prepared {
    pub(crate) fn new(entry: PlanEntry, event_id: EventId, record: &Record, logged: Option<Logged>) -> Self {
        Self {
            entry,
            event_id,
            data: record.data.len(),
            logged,
            outcome: Outcome::NotPut,
            attempts: 0,
            first_put: None,
            refusal: None,
            puts: Puts::new(),
            deciding: None,
            landed: None,
            failure: None,
            at: 0,
        }
    }

    /// Whether there is time for another put of it.
    pub(crate) fn may_be_tried(&self, retry: &RetryPolicy) -> bool {
        let late = self.first_put.is_some_and(|first| first.elapsed() >= retry.retry_for);
        self.attempts < retry.max_attempts && !late
    }

    pub(crate) fn bytes(&self) -> usize {
        let stored = |stored: &Option<spill::Stored>| stored.as_ref().map_or(0, |stored| stored.row.len());
        self.data + stored(&self.entry.row) + stored(&self.entry.previous)
    }

    /// What it takes of its shard and of a window.
    pub(crate) fn load(&self, record: &Record) -> Load {
        Load::of_record(billed_bytes(record), self.bytes())
    }

    fn note(&mut self, mut puts: Puts) {
        if self.puts.is_empty() {
            self.puts = puts;
        } else {
            self.puts.append(&mut puts);
        }
    }

    /// What one window did to it.
    pub(crate) fn follow(&mut self, outcome: PutOutcome, began: Instant) {
        let decided = outcome.outcome();
        let mut left = true;
        let attempts = match outcome {
            PutOutcome::Acknowledged { shard, sequence_number, call, attempt, puts, .. } => {
                self.note(puts);
                (self.deciding, self.landed, self.failure) = (Some(call), Some((shard, sequence_number)), None);
                attempt
            }
            PutOutcome::Refused { code, message, call, attempts, puts, .. } => {
                self.note(puts);
                self.refusal = Some((code.clone(), message.clone()));
                // What never left is as if it had not been tried: the next run sends it.
                left = *code != *UNREACHABLE;
                // A put in doubt says more of a record than a later refusal.
                if self.outcome != Outcome::Unanswered {
                    (self.deciding, self.failure) = (call, Some((code, message)));
                }
                attempts
            }
            PutOutcome::Unanswered { code, message, call, attempts, puts, .. } => {
                self.note(puts);
                (self.deciding, self.failure) = (Some(call), Some((code, message)));
                attempts
            }
            PutOutcome::NotPut => 0,
        };
        self.attempts += attempts;
        if attempts > 0 {
            self.first_put.get_or_insert(began);
        }
        self.outcome = after(self.outcome, if left { decided } else { Outcome::NotPut });
    }
}

/// Whether the time of its window cut the record short.
pub(crate) const fn was_cut_short(outcome: &PutOutcome) -> bool {
    match outcome {
        PutOutcome::Acknowledged { .. } => false,
        PutOutcome::NotPut => true,
        PutOutcome::Unanswered { cut_short, .. } | PutOutcome::Refused { cut_short, .. } => *cut_short,
    }
}

/// What to tell when no put of a window got any answer, in the words of the last failure.
pub(crate) fn silent(outcomes: &[PutOutcome]) -> Option<String> {
    let mut text = None;
    for outcome in outcomes {
        match outcome {
            PutOutcome::Unanswered { code, message, .. } => text = Some(format!("{code}: {message}")),
            PutOutcome::Refused { code, message, .. } if **code == *UNREACHABLE => {
                text = Some(format!("{code}: {message}"));
            }
            PutOutcome::NotPut => {}
            PutOutcome::Acknowledged { .. } | PutOutcome::Refused { .. } => return None,
        }
    }
    text
}

/// The outcome over several windows: a doubt stays until the stream acknowledges.
const fn after(earlier: Outcome, later: Outcome) -> Outcome {
    match (earlier, later) {
        (Outcome::Unanswered, Outcome::Acknowledged) => Outcome::AcknowledgedAfterDoubt,
        (_, Outcome::Acknowledged | Outcome::AcknowledgedAfterDoubt) => later,
        (Outcome::Unanswered, _) => Outcome::Unanswered,
        (earlier, Outcome::NotPut) => earlier,
        (_, later) => later,
    }
}
