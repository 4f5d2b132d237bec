//! Windows whose messages share records, where that is safe; see `engine::aggregate`. Such records are put like any others,
//! and what became of one is told of each of its messages.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::aggregate::{Aggregated, Grouped, Ranges, group};
use engine::limits::billed_bytes;
use engine::record::Record;
use engine::shard::hash_key;

use crate::stop::Stop;
use crate::window::{Call, Child, PutIn, PutOutcome, RecordFailure, WindowResult};
use crate::writer::Writer;

/// The code of messages that are in the stream in a record of which a consumer may leave them out.
const SHARD_CHANGED: &str = "shard-changed";

/// What a writer knows of the ranges of shards. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Aggregation(Arc<Mutex<Ranges>>);

impl Aggregation {
    pub(crate) fn new(ranges: Ranges) -> Self {
        Self(Arc::new(Mutex::new(ranges)))
    }

    /// As [`Writer::put`] for records that may share others.
    pub(crate) async fn put(&self, writer: &Writer, records: &[Record], stop: &Stop) -> WindowResult {
        let sent = Sent::new(records, self.group(writer, records));
        let mut first = writer.put_each(&sent.records, stop).await;
        let again = self.look_at(&sent, &mut first);
        let mut result = sent.told_of_each(records.len(), first);
        if !again.is_empty() && result.fatal.is_none() {
            let alone: Vec<_> = again.iter().filter_map(|at| records.get(*at as usize).cloned()).collect();
            let later = writer.put_each(&alone, stop).await;
            self.learn(&alone, &later.outcomes);
            follow(&mut result, &again, later);
        }
        result
    }

    fn group(&self, writer: &Writer, records: &[Record]) -> Grouped {
        let mut ranges = self.ranges();
        ranges.next_window();
        if ranges.are_scattered() {
            return Grouped { alone: (0u32..).zip(records).map(|(at, _)| at).collect(), together: Vec::new() };
        }
        group(records, &ranges, &writer.settings.limits)
    }

    /// Learns from where records landed. Returns the messages of those that landed in a shard that may not hold all of
    /// them: consumers may have left them out, so they have to be put again.
    fn look_at(&self, sent: &Sent, first: &mut WindowResult) -> Vec<u32> {
        self.learn(&sent.records, &first.outcomes);
        let ranges = self.ranges();
        let mut again = Vec::new();
        for (place, outcome) in sent.places.iter().zip(&mut first.outcomes) {
            let Place::Together { children, shard: expected, hash_keys } = place else { continue };
            let PutOutcome::Acknowledged { shard, .. } = &*outcome else { continue };
            if **expected == **shard || ranges.holds(shard, hash_keys) {
                continue;
            }
            let message = format!(
                "{shard} took the record, which was made of messages for {expected}; consumers may leave them out there, so \
                 each is put again by itself"
            );
            doubt(outcome, message.into(), &mut first.calls);
            again.extend(children);
        }
        again.sort_unstable();
        again
    }

    fn learn(&self, records: &[Record], outcomes: &[PutOutcome]) {
        let mut ranges = self.ranges();
        let scattered = ranges.are_scattered();
        for (record, outcome) in records.iter().zip(outcomes) {
            if let (PutOutcome::Acknowledged { shard, .. }, Some(hash)) = (outcome, hash_key(record)) {
                ranges.saw(hash, shard);
            }
        }
        if ranges.are_scattered() && !scattered {
            tracing::warn!("records do not land by their hash keys; they are not aggregated any more");
        }
    }

    fn ranges(&self) -> MutexGuard<'_, Ranges> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records that are put in place of others.
struct Sent {
    records: Vec<Record>,
    /// What each of them holds.
    places: Vec<Place>,
}

enum Place {
    /// The position of the message.
    Alone(u32),
    /// The positions of its messages, the shard that should hold them, and their lowest and highest hash key.
    Together { children: Vec<u32>, shard: Arc<str>, hash_keys: RangeInclusive<u128> },
}

impl Sent {
    fn new(records: &[Record], grouped: Grouped) -> Self {
        let alone = grouped.alone.into_iter();
        let alone = alone.filter_map(|at| Some((Place::Alone(at), records.get(at as usize)?.clone())));
        let together = grouped.together.into_iter().map(|Aggregated { record, children, shard, hash_keys }| {
            (Place::Together { children, shard, hash_keys }, record)
        });
        let mut all: Vec<_> = alone.chain(together).collect();
        // In the order of their first messages, as these would go by themselves.
        all.sort_by_key(|(place, _)| place.first());
        let (places, records) = all.into_iter().unzip();
        Self { records, places }
    }

    /// What became of the records, told of each message. A call names an aggregated record by its first message.
    fn told_of_each(self, messages: usize, first: WindowResult) -> WindowResult {
        let WindowResult { outcomes, mut calls, fatal } = first;
        let firsts: Vec<_> = self.places.iter().map(Place::first).collect();
        calls.iter_mut().for_each(|call| rename(call, &firsts));
        let mut told = vec![PutOutcome::NotPut; messages];
        for ((place, record), outcome) in self.places.into_iter().zip(&self.records).zip(outcomes) {
            match place {
                Place::Alone(at) => set(&mut told, at, outcome),
                Place::Together { children, .. } => {
                    let record_bytes = u32::try_from(billed_bytes(record)).unwrap_or(u32::MAX);
                    for (sub_sequence, at) in (0..).zip(children) {
                        set(&mut told, at, of_child(&outcome, Child { sub_sequence, record_bytes }));
                    }
                }
            }
        }
        WindowResult { outcomes: told, calls, fatal }
    }
}

impl Place {
    fn first(&self) -> u32 {
        match self {
            Self::Alone(at) => *at,
            Self::Together { children, .. } => children.first().copied().unwrap_or_default(),
        }
    }
}

/// Adds what became of messages that were put again by themselves; `again` says which they are.
fn follow(result: &mut WindowResult, again: &[u32], later: WindowResult) {
    let WindowResult { outcomes, mut calls, fatal } = later;
    calls.iter_mut().for_each(|call| rename(call, again));
    result.calls.extend(calls);
    result.calls.sort_unstable_by_key(|call| call.id);
    result.fatal = result.fatal.take().or(fatal);
    for (at, outcome) in again.iter().zip(outcomes) {
        if let Some(earlier) = result.outcomes.get_mut(*at as usize) {
            *earlier = after_doubt(std::mem::replace(earlier, PutOutcome::NotPut), outcome);
        }
    }
}

/// What is known of a message after puts that left it in doubt and others that followed.
fn after_doubt(earlier: PutOutcome, later: PutOutcome) -> PutOutcome {
    let PutOutcome::Unanswered { code, message, call, attempts: before, puts: mut all, .. } = earlier else {
        return later;
    };
    match later {
        PutOutcome::Acknowledged { shard, sequence_number, call, attempt, puts, .. } => {
            all.extend(puts);
            let attempt = before + attempt;
            PutOutcome::Acknowledged { shard, sequence_number, call, attempt, after_doubt: true, puts: all }
        }
        PutOutcome::Unanswered { code, message, call, attempts, cut_short, puts } => {
            all.extend(puts);
            PutOutcome::Unanswered { code, message, call, attempts: before + attempts, cut_short, puts: all }
        }
        PutOutcome::Refused { attempts, cut_short, puts, .. } => {
            all.extend(puts);
            PutOutcome::Unanswered { code, message, call, attempts: before + attempts, cut_short, puts: all }
        }
        PutOutcome::NotPut => {
            PutOutcome::Unanswered { code, message, call, attempts: before, cut_short: true, puts: all }
        }
    }
}

/// An aggregated record was taken, and its messages may not be: the record counts as one in doubt, and its call says why.
fn doubt(outcome: &mut PutOutcome, message: Arc<str>, calls: &mut [Call]) {
    let PutOutcome::Acknowledged { call, attempt, puts, .. } = std::mem::replace(outcome, PutOutcome::NotPut) else {
        return;
    };
    let code: Arc<str> = SHARD_CHANGED.into();
    let put = puts.last().copied().filter(|put| put.call == call);
    if let (Some(PutIn { position, .. }), Some(call)) = (put, calls.iter_mut().find(|logged| logged.id == call)) {
        let record = call.records.get(position as usize).copied().unwrap_or_default();
        call.failures.push(RecordFailure { record, position, code: code.clone(), message: message.clone() });
        call.failures.sort_by_key(|failure| failure.position);
    }
    *outcome = PutOutcome::Unanswered { code, message, call, attempts: attempt, cut_short: true, puts };
}

/// What became of an aggregated record, as it concerns one of its messages.
fn of_child(outcome: &PutOutcome, child: Child) -> PutOutcome {
    let mut outcome = outcome.clone();
    if let PutOutcome::Acknowledged { puts, .. }
    | PutOutcome::Refused { puts, .. }
    | PutOutcome::Unanswered { puts, .. } = &mut outcome
    {
        puts.iter_mut().for_each(|put| put.child = Some(child));
    }
    outcome
}

/// From positions among the records that were put to positions in the window.
fn rename(call: &mut Call, names: &[u32]) {
    let failed = call.failures.iter_mut().map(|failure| &mut failure.record);
    for at in call.records.iter_mut().chain(failed) {
        *at = names.get(*at as usize).copied().unwrap_or(*at);
    }
}

fn set(outcomes: &mut [PutOutcome], position: u32, outcome: PutOutcome) {
    if let Some(slot) = outcomes.get_mut(position as usize) {
        *slot = outcome;
    }
}
