//! What the store keeps of an object, so that a question finds the few objects that can answer it.

use std::collections::BTreeMap;
use std::fmt;

use domain::Millis;
use engine::hash::Hash128;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::row::{Outcome, RowOutcome};
use crate::sequence::compare_sequence_numbers;

/// A summary counts so many codes; objects with more have none of these counts.
pub const MOST_CODES: usize = 100;

/// BLAKE3; 64 hexadecimal digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

/// An object as a reader has to know it: the digest vouches for its footer, the footer for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    pub name: String,
    pub bytes: u64,
    /// The footer, with its length and the mark at the end.
    pub footer_bytes: u32,
    pub footer_digest: Digest,
}

/// An object that is still to be put, and what the store should know of it.
#[derive(Debug, Clone)]
pub struct Encoded<S> {
    pub object: ObjectRef,
    pub bytes: Vec<u8>,
    pub summary: S,
}

/// The rows of an object. Ranges include both ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSummary {
    pub rows: u64,
    pub outcomes: BTreeMap<Outcome, u64>,
    /// `None`: there are more than `MOST_CODES`.
    pub codes: Option<BTreeMap<String, u64>>,
    /// The lowest and the highest hash of a key.
    pub keys: Option<(KeyHash, KeyHash)>,
    /// By shard.
    pub shards: Vec<ShardRange>,
    /// The numbers of the calls that hold its rows.
    pub calls: Option<(u64, u64)>,
    pub times: Option<(Millis, Millis)>,
}

/// A shard, and the lowest and the highest sequence number of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRange {
    pub shard: String,
    pub lowest: String,
    pub highest: String,
}

/// The calls of an object. Ranges include both ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSummary {
    pub calls: u64,
    /// Those that failed, or some of whose records did.
    pub failed: u64,
    /// Failed calls and failed records. `None`: there are more than `MOST_CODES`.
    pub codes: Option<BTreeMap<String, u64>>,
    pub numbers: Option<(u64, u64)>,
    pub times: Option<(Millis, Millis)>,
}

/// 32 hexadecimal digits in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyHash(pub Hash128);

impl RowSummary {
    pub(crate) fn of(rows: &[&RowOutcome<'_>]) -> Self {
        let mut shards: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        let mut codes = Codes::default();
        let mut summary = Self { rows: rows.len() as u64, ..Self::default() };
        let mut outcomes = [0; Outcome::ALL.len()];
        for row in rows {
            outcomes[row.outcome as usize] += 1;
            if let Some(code) = &row.code {
                codes.add(code, 1);
            }
            if let (Some(shard), Some(number)) = (&row.shard, &row.sequence_number) {
                let (low, high) = shards.entry(shard).or_insert((number, number));
                if compare_sequence_numbers(number, low).is_lt() {
                    *low = number;
                } else if compare_sequence_numbers(number, high).is_gt() {
                    *high = number;
                }
            }
            if let Some(unit) = row.unit {
                widen(&mut summary.keys, KeyHash(unit.key));
            }
            for put in row.put.iter().chain(&row.earlier_puts) {
                widen(&mut summary.calls, put.call);
            }
            widen(&mut summary.times, row.at);
        }
        let counted = Outcome::ALL.into_iter().zip(outcomes).filter(|(_, count)| *count > 0);
        summary.outcomes = counted.collect();
        summary.codes = codes.finish();
        let range = |(shard, (lowest, highest)): (&str, (&str, &str))| ShardRange {
            shard: shard.to_owned(),
            lowest: lowest.to_owned(),
            highest: highest.to_owned(),
        };
        summary.shards = shards.into_iter().map(range).collect();
        summary
    }

    /// Adds other rows of the same object.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.codes = match (self.codes.take(), other.codes) {
            (Some(known), Some(more)) => {
                let mut codes = Codes { counts: known, too_many: false };
                more.iter().for_each(|(code, count)| codes.add(code, *count));
                codes.finish()
            }
            _ => None,
        };
        for range in other.shards {
            match self.shards.binary_search_by(|known| known.shard.cmp(&range.shard)) {
                Ok(at) => self.shards[at].add(range),
                Err(at) => self.shards.insert(at, range),
            }
        }
        join(&mut self.keys, other.keys);
        join(&mut self.calls, other.calls);
        join(&mut self.times, other.times);
    }

    /// Whether the object can hold rows of this key.
    pub fn may_hold_key(&self, key: Hash128) -> bool {
        self.keys.is_some_and(|(low, high)| (low.0..=high.0).contains(&key))
    }

    /// Whether the object can hold the row that landed there.
    pub fn may_hold_position(&self, shard: &str, sequence_number: &str) -> bool {
        self.shards.iter().any(|range| {
            range.shard == shard
                && compare_sequence_numbers(&range.lowest, sequence_number).is_le()
                && compare_sequence_numbers(sequence_number, &range.highest).is_le()
        })
    }
}

impl ShardRange {
    fn add(&mut self, other: Self) {
        if compare_sequence_numbers(&other.lowest, &self.lowest).is_lt() {
            self.lowest = other.lowest;
        }
        if compare_sequence_numbers(&other.highest, &self.highest).is_gt() {
            self.highest = other.highest;
        }
    }
}

impl CallSummary {
    pub(crate) fn of(calls: &[Call<'_>]) -> Self {
        let mut summary = Self { calls: calls.len() as u64, ..Self::default() };
        let mut codes = Codes::default();
        for call in calls {
            summary.failed += u64::from(call.failed());
            if let Some(code) = &call.error_code {
                codes.add(code, 1);
            }
            for group in call.groups() {
                codes.add(&group.code, group.positions.len() as u64);
            }
            widen(&mut summary.numbers, call.number);
            widen(&mut summary.times, call.started_at);
        }
        summary.codes = codes.finish();
        summary
    }
}

fn widen<T: Copy + Ord>(range: &mut Option<(T, T)>, value: T) {
    *range = Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
}

fn join<T: Copy + Ord>(range: &mut Option<(T, T)>, other: Option<(T, T)>) {
    if let Some((low, high)) = other {
        widen(range, low);
        widen(range, high);
    }
}

#[derive(Default)]
struct Codes {
    counts: BTreeMap<String, u64>,
    too_many: bool,
}

impl Codes {
    fn add(&mut self, code: &str, count: u64) {
        if let Some(known) = self.counts.get_mut(code) {
            *known += count;
        } else if self.counts.len() < MOST_CODES {
            self.counts.insert(code.to_owned(), count);
        } else {
            self.too_many = true;
        }
    }

    fn finish(self) -> Option<BTreeMap<String, u64>> {
        (!self.too_many).then_some(self.counts)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        unhex(&String::deserialize(deserializer)?).map(Self).ok_or_else(|| serde::de::Error::custom("not a digest"))
    }
}

impl Serialize for KeyHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0.0))
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = unhex(&String::deserialize(deserializer)?);
        bytes.map(|bytes| Self(Hash128(bytes))).ok_or_else(|| serde::de::Error::custom("not the hash of a key"))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
