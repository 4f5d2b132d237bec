use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use domain::Limits;

use super::encode::Blob;
use super::{PARTITION_KEY, RECORD_BYTES, Ranges};
use crate::limits;
use crate::record::Record;
use crate::shard::hash_key;

/// Records to put in place of others.
#[derive(Debug, Default)]
pub struct Grouped {
    /// Positions of those that are put as they are, rising.
    pub alone: Vec<u32>,
    pub together: Vec<Aggregated>,
}

/// A record that holds several messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregated {
    pub record: Record,
    /// Positions of its messages, in their order, which is rising.
    pub children: Vec<u32>,
    /// The shard that holds all of them, unless it was split or merged meanwhile.
    pub shard: Arc<str>,
    /// The lowest and the highest hash key of its messages.
    pub hash_keys: RangeInclusive<u128>,
}

/// Groups messages by shard as far as it is known for certain. Each of them is in one record, or alone: since it is as long
/// as a record, since nobody knows its shard yet, since it has no neighbor, or since Kinesis would not take it.
pub fn group(records: &[Record], ranges: &Ranges, limits: &Limits) -> Grouped {
    let mut grouped = Grouped::default();
    let most = most_bytes(limits);
    // Some consumers read a hash key of the table for a message that has none, so those that have one are among themselves.
    let mut open: HashMap<(&Arc<str>, bool), Group<'_>> = HashMap::new();
    for (position, record) in (0u32..).zip(records) {
        let hash = hash_key(record).filter(|_| limits::check(record, limits).is_ok());
        let Some((hash, shard)) = hash.and_then(|hash| Some((hash, ranges.shard(hash)?))) else {
            grouped.alone.push(position);
            continue;
        };
        if Blob::default().bytes_with(record) > most {
            grouped.alone.push(position);
            continue;
        }
        let kind = (shard, record.explicit_hash_key.is_some());
        let group = open.entry(kind).or_insert_with(|| Group::new(hash));
        if group.blob.bytes_with(record) > most {
            std::mem::replace(group, Group::new(hash)).close(shard, &mut grouped);
        }
        group.push(position, hash, record);
    }
    let mut rest: Vec<_> = open.into_iter().collect();
    rest.sort_unstable_by_key(|(_, group)| group.children.first().copied());
    rest.into_iter().for_each(|((shard, _), group)| group.close(shard, &mut grouped));
    grouped.alone.sort_unstable();
    grouped
}

/// Of the data of an aggregated record.
fn most_bytes(limits: &Limits) -> usize {
    let limits = limits::possible(limits);
    RECORD_BYTES.min(limits.record_bytes).min(limits.call_bytes).saturating_sub(PARTITION_KEY.len())
}

struct Group<'a> {
    blob: Blob<'a>,
    children: Vec<u32>,
    first: u128,
    low: u128,
    high: u128,
}

impl<'a> Group<'a> {
    fn new(hash: u128) -> Self {
        Self { blob: Blob::default(), children: Vec::new(), first: hash, low: hash, high: hash }
    }

    fn push(&mut self, position: u32, hash: u128, record: &'a Record) {
        self.blob.push(record);
        self.children.push(position);
        (self.low, self.high) = (self.low.min(hash), self.high.max(hash));
    }

    fn close(self, shard: &Arc<str>, grouped: &mut Grouped) {
        if let [only] = *self.children {
            grouped.alone.push(only);
            return;
        }
        let record = Record {
            data: self.blob.encode(),
            partition_key: PARTITION_KEY.to_owned(),
            explicit_hash_key: Some(self.first.to_string()),
        };
        let (children, shard) = (self.children, shard.clone());
        grouped.together.push(Aggregated { record, children, shard, hash_keys: self.low..=self.high });
    }
}
