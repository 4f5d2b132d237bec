//! Whether the debug log is true and complete, told by a reader that knows the stream alone.

use std::collections::{HashMap, HashSet};

use crate::logged::{Attempt, Call, Log, Row};
use crate::oracle::{Message, Place, Stream};

/// Of so many invalid rows of a run the log tells.
const INVALID_ROWS: u64 = 10_000;
/// The code of rows whose worker died before it could say what became of them.
const LOST: &str = "worker-lost";

/// Where the log and the stream disagree, and where the log disagrees with itself. For syncs that log every row, once the
/// run after the last crash has ended.
pub fn reconcile(log: &Log, stream: &Stream) -> Vec<String> {
    let mut judge = Judge::new(log, stream);
    for row in &log.rows {
        judge.row(row);
    }
    judge.unclaimed(stream);
    judge.calls();
    for attempt in &log.attempts {
        judge.attempt(attempt);
    }
    judge.faults
}

struct Judge<'a> {
    log: &'a Log,
    records: HashMap<&'a Place, &'a Message>,
    /// By run and number.
    calls: HashMap<(&'a str, u64), &'a Call>,
    events: HashMap<&'a str, Vec<&'a Row>>,
    /// Records that a row says are its own.
    claimed: HashSet<Place>,
    /// Run, call and position of each put.
    puts: HashSet<(&'a str, u64, u32)>,
    /// The same of those that decided a row, and its place in a record that messages share.
    deciding: HashMap<(&'a str, u64, u32), HashSet<Option<u32>>>,
    /// Some messages share records.
    aggregates: bool,
    faults: Vec<String>,
}

impl<'a> Judge<'a> {
    fn new(log: &'a Log, stream: &'a Stream) -> Self {
        let mut events: HashMap<_, Vec<_>> = HashMap::new();
        for row in &log.rows {
            if let Some(id) = &row.event_id {
                events.entry(id.as_str()).or_default().push(row);
            }
        }
        let mut judge = Self {
            log,
            records: stream.0.iter().map(|message| (&message.place, message)).collect(),
            calls: HashMap::new(),
            events,
            claimed: HashSet::new(),
            puts: HashSet::new(),
            deciding: HashMap::new(),
            aggregates: log.rows.iter().any(|row| row.sub_sequence.is_some()),
            faults: Vec::new(),
        };
        for call in &log.calls {
            if judge.calls.insert((&call.run, call.number), call).is_some() {
                judge.fault(format!("two calls have the number {} of {}", call.number, call.run));
            }
        }
        judge
    }

    fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    fn row(&mut self, row: &'a Row) {
        let puts = row.puts();
        for (number, position) in &puts {
            match self.calls.get(&(row.run.as_str(), *number)) {
                None => self.fault(format!("no call {number} is logged, which is named by {row:?}")),
                Some(call) if call.kind != "PutRecords" || call.run_epoch != row.run_epoch => {
                    self.fault(format!("{call:?} is no put of that attempt, and is named by {row:?}"));
                }
                Some(call) if *position >= call.records => {
                    self.fault(format!("call {number} has no position {position}, which is named by {row:?}"));
                }
                Some(_) => {}
            }
            // Where a message was in a record that it shared is told of its last put alone.
            if !self.puts.insert((&row.run, *number, *position)) && !self.aggregates {
                self.fault(format!("position {position} of call {number} is another row's too: {row:?}"));
            }
        }
        if let Some((number, position)) = row.call.zip(row.call_position) {
            let here = self.deciding.entry((&row.run, number, position)).or_default();
            let twice = !here.insert(row.sub_sequence) || (here.contains(&None) && here.len() > 1);
            if twice {
                self.fault(format!("position {position} of call {number} was decided for another row too: {row:?}"));
            }
        }
        if row.sub_sequence.is_some() != row.aggregated_bytes.is_some() {
            self.fault(format!("half of what is told of a shared record: {row:?}"));
        }
        if usize::try_from(row.attempts) != Ok(puts.len()) {
            self.fault(format!("{} puts are named, not as many as it says: {row:?}", puts.len()));
        }
        if row.outcome != "delivered" && (row.shard.is_some() || row.sequence_number.is_some() || row.after_doubt) {
            self.fault(format!("a place is told of a row that was not delivered: {row:?}"));
        }
        match &*row.outcome {
            "delivered" => self.delivered(row),
            "rejected" | "unanswered" | "deferred" => self.not_delivered(row),
            "invalid" if row.op.is_none() && row.event_id.is_none() && row.code.is_some() => {}
            _ => self.fault(format!("an outcome that cannot be: {row:?}")),
        }
    }

    fn delivered(&mut self, row: &'a Row) {
        let (Some(shard), Some(sequence_number)) = (row.shard.clone(), row.sequence_number.clone()) else {
            return self.fault(format!("delivered, and no place is told: {row:?}"));
        };
        let doubt = row.earlier_puts().iter().any(|put| self.leaves_doubt(row, *put));
        if doubt != row.after_doubt {
            self.fault(format!("an earlier put without an answer: {doubt}, which is not what it says: {row:?}"));
        }
        match self.deciding(row) {
            None => self.fault(format!("no call is told that delivered it: {row:?}")),
            Some((call, position)) => {
                if let Some(code) = call.failure(position) {
                    self.fault(format!("call {} failed for it with {code}: {row:?}", call.number));
                }
                if !call.shard_names().contains(&shard) {
                    self.fault(format!("call {} names other shards: {} for {row:?}", call.number, call.shards));
                }
            }
        }
        if row.predicted_shard.as_ref().is_some_and(|predicted| *predicted != shard) {
            self.fault(format!("it landed in another shard than was predicted: {row:?}"));
        }
        let place = Place { shard, sequence_number, sub_sequence: row.sub_sequence };
        let Some(message) = self.records.get(&place).copied() else {
            return self.fault(format!("no record is where this row landed: {row:?}"));
        };
        if !self.claimed.insert(place) {
            self.fault(format!("two rows landed in one place: {row:?}"));
        }
        self.agrees(row, message);
        let bytes = message.text.len() + message.partition_key.len();
        if row.partition_key.as_ref() != Some(&message.partition_key)
            || row.record_bytes.map(|bytes| bytes as usize) != Some(bytes)
            || row.aggregated_bytes != message.aggregated_bytes
        {
            self.fault(format!("partition key or size is not that of the record, {message:?}: {row:?}"));
        }
    }

    fn not_delivered(&mut self, row: &'a Row) {
        let in_doubt = row.puts().iter().any(|put| self.leaves_doubt(row, *put));
        let lost = row.code.as_deref() == Some(LOST) && row.puts().is_empty();
        match &*row.outcome {
            "unanswered" if !in_doubt && !lost => {
                self.fault(format!("unanswered, and each of its calls has an answer: {row:?}"));
            }
            "rejected" | "deferred" if in_doubt => {
                self.fault(format!("one of its calls has no answer, so it may be in the stream: {row:?}"));
            }
            _ => {}
        }
        if row.outcome != "deferred" && row.code.is_none() {
            self.fault(format!("no reason is told: {row:?}"));
        }
        if let Some((call, position)) = self.deciding(row)
            && call.failure(position) != row.code
        {
            let code = call.failure(position);
            self.fault(format!("call {} says {code:?}, which is another reason: {row:?}", call.number));
        }
    }

    fn deciding(&self, row: &Row) -> Option<(&'a Call, u32)> {
        let (number, position) = row.call.zip(row.call_position)?;
        Some((self.calls.get(&(row.run.as_str(), number))?, position))
    }

    fn leaves_doubt(&self, row: &Row, (number, position): (u64, u32)) -> bool {
        self.calls.get(&(row.run.as_str(), number)).is_some_and(|call| call.leaves_doubt(position))
    }

    /// Row and message are one and the same version of one unit.
    fn agrees(&mut self, row: &Row, message: &Message) {
        let told = (row.op.as_deref(), row.event_id.as_deref(), row.event_sequence, row.unit());
        let said = (Some(&*message.op), Some(&*message.id), Some(message.sequence), message.key.clone());
        if told != said {
            self.fault(format!("the record says {said:?}, the log {told:?}: {row:?}"));
        }
        if row.record.as_ref().is_some_and(|record| *record != message.text) {
            self.fault(format!("the record is {}, the log has {row:?}", message.text));
        }
    }

    /// Records of no row: each is a put that a row says may be in the stream.
    fn unclaimed(&mut self, stream: &'a Stream) {
        let mut found: HashMap<&str, Vec<&Message>> = HashMap::new();
        for message in stream.0.iter().filter(|message| !self.claimed.contains(&message.place)) {
            found.entry(&message.id).or_default().push(message);
        }
        for (id, messages) in found {
            let rows = self.events.get(id).cloned().unwrap_or_default();
            let lost = rows.iter().any(|row| row.outcome == "unanswered" && row.code.as_deref() == Some(LOST));
            let doubtful = |row: &&&Row| row.outcome == "unanswered" || row.after_doubt;
            let puts: usize = rows
                .iter()
                .filter(doubtful)
                .map(|row| row.puts().into_iter().filter(|put| self.leaves_doubt(row, *put)).count())
                .sum();
            if !lost && messages.len() > puts {
                self.fault(format!(
                    "{} records, {puts} puts without an answer: {messages:?} of {rows:?}",
                    messages.len()
                ));
            }
            for row in rows {
                self.agrees(row, messages[0]);
            }
        }
    }

    /// Of an attempt that ended, each position of each put is some row's.
    fn calls(&mut self) {
        let ended: HashSet<(&str, u64)> = self
            .log
            .attempts
            .iter()
            .filter(|attempt| attempt.ended)
            .map(|attempt| (&*attempt.run, attempt.epoch))
            .collect();
        for call in &self.log.calls {
            let failed: usize = call.failed_positions().iter().map(|(_, positions)| positions.len()).sum();
            if usize::try_from(call.failed_records) != Ok(failed) {
                self.fault(format!("{failed} failed records are listed: {call:?}"));
            }
            if call.kind != "PutRecords" || !ended.contains(&(&*call.run, call.run_epoch)) {
                continue;
            }
            let unnamed =
                (0..call.records).filter(|position| !self.puts.contains(&(&*call.run, call.number, *position)));
            let unnamed: Vec<u32> = unnamed.collect();
            if !unnamed.is_empty() {
                self.fault(format!("no row is at the positions {unnamed:?} of {call:?}"));
            }
        }
    }

    /// The lines of an attempt are as many as it counts. Only of what is left for later some have no line.
    fn attempt(&mut self, attempt: &Attempt) {
        let lines = |outcome: &str| {
            let same = |row: &&Row| row.run == attempt.run && row.run_epoch == attempt.epoch && row.outcome == outcome;
            self.log.rows.iter().filter(same).count() as u64
        };
        let count = |name: &str| attempt.counts[name].as_u64().unwrap_or_default();
        let mut wrong = Vec::new();
        for outcome in ["delivered", "rejected", "unanswered", "invalid"] {
            let (lines, mut count) = (lines(outcome), count(outcome));
            if outcome == "invalid" {
                count = count.min(INVALID_ROWS);
            }
            if lines != count {
                wrong.push(format!("{lines} rows are logged as {outcome}, {count} are counted by {attempt:?}"));
            }
        }
        if lines("deferred") > count("deferred") {
            wrong.push(format!("more rows are logged as deferred than are counted by {attempt:?}"));
        }
        self.faults.extend(wrong);
    }
}
