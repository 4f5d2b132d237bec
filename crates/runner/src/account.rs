//! What a run came to, for people: when each phase began, how fast it went, where it was throttled, which partition keys
//! were hot, and what AWS will charge for. It is kept with the run as JSON, and is part of its report.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use domain::Millis;
use engine::limits::billed_bytes;
use engine::outcome::throttled;
use engine::record::Record;
use serde::Serialize;

use crate::clock;
use crate::progress::Phase;

/// PUT payload units of provisioned streams are this large; see the pricing page of Kinesis Data Streams.
const PAYLOAD_UNIT: u64 = 25 * 1024;
/// On-demand streams count each record in whole units of this size.
const ON_DEMAND_UNIT: u64 = 1024;
/// Points of the throughput; when there are more, neighbors are merged.
const POINTS: usize = 120;
/// A partition key is looked at when it has this share of a window.
const HOT_SHARE: usize = 50;
const HOT_KEYS: usize = 10;
/// In which keys are counted together first. A power of two.
const PLACES: usize = 1 << 14;
/// Hot keys that are followed.
const FOLLOWED: usize = 1_000;
/// More shards are not told apart.
const SHARDS: usize = 2_000;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Account {
    phases: Vec<PhaseTime>,
    /// Those of this attempt.
    calls: u64,
    failed_calls: u64,
    /// Puts of records that were throttled, and that failed for other reasons; each may have been tried again.
    throttled_puts: u64,
    failed_puts: u64,
    /// Whether messages shared records; none where nobody asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aggregation: Option<&'static str>,
    /// Messages that were delivered; several may have shared a record.
    messages: u64,
    delivered: Billed,
    shards: BTreeMap<String, ShardLoad>,
    throughput: Vec<Point>,
    #[serde(serialize_with = "hottest")]
    hot_keys: HashMap<String, HotKey>,
}

#[derive(Debug, Serialize)]
struct PhaseTime {
    phase: &'static str,
    started_at: Millis,
}

/// What AWS counts of records.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Billed {
    records: u64,
    pub bytes: u64,
    /// Of 25 KiB, a record at a time: provisioned streams.
    payload_units: u64,
    /// In whole KiB, a record at a time: on-demand streams.
    on_demand_bytes: u64,
}

#[derive(Debug, Default, Serialize)]
struct ShardLoad {
    records: u64,
    bytes: u64,
    throttled: u64,
}

/// A part of the time of sending.
#[derive(Debug, Clone, Copy, Serialize)]
struct Point {
    at: Millis,
    milliseconds: u64,
    records: u64,
    bytes: u64,
    throttled: u64,
}

/// At least so much: a window in which the key was rare is not counted.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct HotKey {
    records: u64,
    bytes: u64,
}

impl Billed {
    pub(crate) const fn add(&mut self, bytes: u64) {
        let units = if bytes == 0 { 1 } else { bytes.div_ceil(PAYLOAD_UNIT) };
        let kib = if bytes == 0 { 1 } else { bytes.div_ceil(ON_DEMAND_UNIT) };
        self.records += 1;
        self.bytes += bytes;
        self.payload_units += units;
        self.on_demand_bytes += kib * ON_DEMAND_UNIT;
    }
}

impl Account {
    pub(crate) fn enter(&mut self, phase: Phase) {
        self.phases.push(PhaseTime { phase: phase.as_str(), started_at: clock::now() });
    }

    pub(crate) fn calls(&mut self, calls: &[kinesis::Call]) {
        for call in calls {
            self.calls += 1;
            self.failed_calls += u64::from(call.error.is_some());
            for failure in &call.failures {
                if throttled(&failure.code) {
                    self.throttled_puts += 1;
                    if let Some(shard) = shard_of(&failure.message) {
                        self.shard(shard, |load| load.throttled += 1);
                    }
                } else {
                    self.failed_puts += 1;
                }
            }
            if let Some(error) = &call.error {
                let records = call.records.len() as u64;
                if throttled(&error.code) { self.throttled_puts += records } else { self.failed_puts += records }
            }
        }
    }

    /// `child`: the place of the message in a record that it shared.
    pub(crate) fn delivered(&mut self, record: &Record, child: Option<kinesis::Child>, shard: &str) {
        self.messages += 1;
        let bytes = match child {
            None => billed_bytes(record) as u64,
            // The first message stands for the record.
            Some(child) if child.sub_sequence == 0 => u64::from(child.record_bytes),
            Some(_) => return,
        };
        self.delivered.add(bytes);
        self.shard(shard, |load| {
            load.records += 1;
            load.bytes += bytes;
        });
    }

    /// Keys that had a share of a window. Whoever has a share of a whole run has it in some of its windows.
    pub(crate) fn keys(&mut self, records: &[Record]) {
        let least = (records.len() / HOT_SHARE).max(2) as u64;
        // Nearly all keys are rare. Those that share too small a place with others are, and need not be counted one by one.
        let mut places = vec![0_u32; PLACES];
        records.iter().for_each(|record| places[place(&record.partition_key)] += 1);
        let mut counted: HashMap<&str, HotKey> = HashMap::new();
        for record in records.iter().filter(|record| u64::from(places[place(&record.partition_key)]) >= least) {
            let key = counted.entry(&record.partition_key).or_default();
            key.records += 1;
            key.bytes += billed_bytes(record) as u64;
        }
        for (key, more) in counted {
            if more.records < least || (self.hot_keys.len() >= FOLLOWED && !self.hot_keys.contains_key(key)) {
                continue;
            }
            let known = self.hot_keys.entry(key.to_owned()).or_default();
            known.records += more.records;
            known.bytes += more.bytes;
        }
    }

    /// A window: from `at` on, for `time`.
    pub(crate) fn window(&mut self, at: Millis, time: Duration, before: (u64, u64, u64)) {
        let (records, bytes, throttled) = self.sums();
        self.throughput.push(Point {
            at,
            milliseconds: time.as_millis() as u64,
            records: records - before.0,
            bytes: bytes - before.1,
            throttled: throttled - before.2,
        });
        if self.throughput.len() > 2 * POINTS {
            self.throughput = self.throughput.chunks(2).map(merged).collect();
        }
    }

    /// Messages and bytes that were delivered, and puts that were throttled.
    pub(crate) const fn sums(&self) -> (u64, u64, u64) {
        (self.messages, self.delivered.bytes, self.throttled_puts)
    }

    pub(crate) fn json(&mut self) -> serde_json::Value {
        self.phases.push(PhaseTime { phase: "ended", started_at: clock::now() });
        serde_json::to_value(&*self).unwrap_or_default()
    }

    fn shard(&mut self, shard: &str, change: impl FnOnce(&mut ShardLoad)) {
        if let Some(load) = self.shards.get_mut(shard) {
            change(load);
        } else if self.shards.len() < SHARDS {
            change(self.shards.entry(shard.to_owned()).or_default());
        }
    }
}

/// One of `PLACES`, by a hash that need not withstand anyone: at worst all keys share one, and are counted.
fn place(key: &str) -> usize {
    let step = |hash: u32, bytes: &[u8]| {
        let word = bytes.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        (hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B1)
    };
    let (words, rest) = key.as_bytes().as_chunks::<4>();
    let hash = words.iter().fold(0, |hash, word| step(hash, word));
    (step(hash, rest) >> (u32::BITS - PLACES.ilog2())) as usize
}

fn merged(points: &[Point]) -> Point {
    let (first, last) = (points[0], points[points.len() - 1]);
    Point {
        at: first.at,
        milliseconds: (last.at - first.at).unsigned_abs() + last.milliseconds,
        records: points.iter().map(|point| point.records).sum(),
        bytes: points.iter().map(|point| point.bytes).sum(),
        throttled: points.iter().map(|point| point.throttled).sum(),
    }
}

/// `Rate exceeded for shard shardId-000000000001 in stream ...`: the only place where Kinesis names it.
fn shard_of(message: &str) -> Option<&str> {
    message.split([' ', ',', '.']).find(|word| word.starts_with("shardId-"))
}

fn hottest<S: serde::Serializer>(keys: &HashMap<String, HotKey>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Named<'a> {
        partition_key: &'a str,
        records: u64,
        bytes: u64,
    }
    let mut all: Vec<_> = keys
        .iter()
        .map(|(key, HotKey { records, bytes })| Named { partition_key: key, records: *records, bytes: *bytes })
        .collect();
    all.sort_by(|left, right| right.records.cmp(&left.records).then(left.partition_key.cmp(right.partition_key)));
    all.truncate(HOT_KEYS);
    all.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, bytes: usize) -> Record {
        Record { data: vec![b'x'; bytes - key.len()], partition_key: key.to_owned(), explicit_hash_key: None }
    }

    #[test]
    fn aws_counts_each_record_in_whole_units() {
        let mut account = Account::default();
        for bytes in [1, 1024, 1025, 25 * 1024, 25 * 1024 + 1] {
            account.delivered(&record("k", bytes), None, "shardId-000000000000");
        }
        let Billed { records, bytes, payload_units, on_demand_bytes } = account.delivered;
        assert_eq!((records, bytes, payload_units), (5, 1 + 1024 + 1025 + 25 * 1024 + 25 * 1024 + 1, 6));
        assert_eq!(on_demand_bytes, (1 + 1 + 2 + 25 + 26) * 1024);
    }

    #[test]
    fn messages_that_share_a_record_are_billed_as_one() {
        let mut account = Account::default();
        for sub_sequence in 0..3 {
            let child = kinesis::Child { sub_sequence, record_bytes: 25 * 1024 };
            account.delivered(&record("k", 8_000), Some(child), "shardId-000000000000");
        }
        let Billed { records, bytes, payload_units, on_demand_bytes } = account.delivered;
        assert_eq!((records, bytes, payload_units, on_demand_bytes), (1, 25 * 1024, 1, 25 * 1024));
        assert_eq!(account.sums().0, 3);
    }

    #[test]
    fn a_key_with_a_share_of_the_records_is_named_and_rare_ones_are_not() {
        let mut account = Account::default();
        for window in 0..3 {
            let records: Vec<_> = (0..100)
                .map(|n| if n % 10 == 0 { record("hot", 9) } else { record(&format!("{window}-{n}"), 9) })
                .collect();
            account.keys(&records);
        }
        let json = account.json();
        assert_eq!(json["hot_keys"], serde_json::json!([{"partition_key": "hot", "records": 30, "bytes": 270}]));
    }

    #[test]
    fn the_throughput_keeps_its_sums_however_long_a_run_is() {
        let mut account = Account::default();
        for at in 0..10_000 {
            let before = account.sums();
            account.delivered(&record("k", 10), None, "shardId-000000000000");
            account.window(at * 1000, Duration::from_secs(1), before);
        }
        assert!(account.throughput.len() <= 2 * POINTS);
        assert_eq!(account.throughput.iter().map(|point| point.records).sum::<u64>(), 10_000);
        assert_eq!(account.throughput.iter().map(|point| point.milliseconds).sum::<u64>(), 10_000_000);
    }

    #[test]
    fn a_throttled_shard_is_found_in_the_text_that_names_it() {
        let text = "Rate exceeded for shard shardId-000000000001 in stream items under account 123456789012.";
        assert_eq!(shard_of(text), Some("shardId-000000000001"));
        assert_eq!(shard_of("Rate exceeded"), None);
    }
}
