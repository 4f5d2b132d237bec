//! One stream: its shards, and every record that it accepted, in the order of arrival.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Sequence, Shard, shard::even_ranges, shard_id};
use crate::Limits;

/// A record that a stream accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub shard_id: String,
    /// 56 digits, strictly increasing within a shard.
    pub sequence_number: String,
    pub partition_key: String,
    pub explicit_hash_key: Option<u128>,
    pub data: Bytes,
    /// Milliseconds since 1970.
    pub approximate_arrival_ms: u64,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: Sequence,
    pub(crate) partition_key: String,
    pub(crate) explicit_hash_key: Option<u128>,
    pub(crate) data: Bytes,
}

impl Entry {
    pub(crate) fn stored(&self) -> StoredRecord {
        StoredRecord {
            shard_id: shard_id(self.sequence.shard),
            sequence_number: self.sequence.to_string(),
            partition_key: self.partition_key.clone(),
            explicit_hash_key: self.explicit_hash_key,
            data: self.data.clone(),
            approximate_arrival_ms: self.sequence.arrival_ms,
        }
    }
}

/// A record that passed validation and waits for its shard.
#[derive(Debug)]
pub(crate) struct NewRecord {
    pub(crate) partition_key: String,
    pub(crate) explicit_hash_key: Option<u128>,
    /// Where it belongs: the explicit hash key, else the hash of the partition key.
    pub(crate) hash: u128,
    pub(crate) data: Bytes,
}

impl NewRecord {
    /// Bytes as Kinesis counts them: data before base64, and the partition key.
    pub(crate) fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Provisioned,
    OnDemand,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Provisioned => "PROVISIONED",
            Self::OnDemand => "ON_DEMAND",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) created_ms: u64,
    pub(crate) mode: Mode,
    pub(crate) max_record_kib: u32,
    pub(crate) shards: Vec<Shard>,
    pub(crate) records: Vec<Entry>,
    /// The change under way, and when it will be done.
    change: Option<(Status, Instant)>,
    /// Open shards by the start of their range.
    routes: Vec<(u128, usize)>,
}

impl Stream {
    pub(crate) fn new(name: &str, mode: Mode, shards: u32, max_record_kib: u32, created_ms: u64) -> Self {
        let shards = (0..).zip(even_ranges(shards)).map(|(number, range)| Shard::new(number, range, created_ms));
        let mut stream = Self {
            name: name.to_owned(),
            created_ms,
            mode,
            max_record_kib,
            shards: shards.collect(),
            records: Vec::new(),
            change: None,
            routes: Vec::new(),
        };
        stream.rebuild_routes();
        stream
    }

    pub(crate) fn status(&self, now: Instant) -> Status {
        match self.change {
            Some((status, until)) if now < until => status,
            _ => Status::Active,
        }
    }

    pub(crate) fn begin(&mut self, status: Status, takes: Duration) {
        self.change = Some((status, Instant::now() + takes));
    }

    /// Whether the deletion of this stream is done.
    pub(crate) fn is_gone(&self, now: Instant) -> bool {
        matches!(self.change, Some((Status::Deleting, until)) if now >= until)
    }

    pub(crate) fn max_record_bytes(&self) -> usize {
        self.max_record_kib as usize * 1024
    }

    pub(crate) fn open_shards(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(|shard| shard.closed.is_none())
    }

    pub(crate) fn shard(&self, id: &str) -> Option<&Shard> {
        let number: usize = id.strip_prefix("shardId-")?.parse().ok()?;
        self.shards.get(number).filter(|shard| shard.id() == id)
    }

    /// Position of the open shard whose range holds this hash key.
    pub(crate) fn route(&self, hash: u128) -> usize {
        let after = self.routes.partition_point(|(start, _)| *start <= hash);
        self.routes[after.saturating_sub(1)].1
    }

    /// Whether the shard still takes a record of this size in this second; if so, the record is counted.
    pub(crate) fn admit(&mut self, shard: usize, size: usize, limits: &Limits, now: Instant) -> bool {
        let shard = &mut self.shards[shard];
        let fits = shard.bucket.take(limits, size, now);
        shard.load.throttled += u64::from(!fits);
        fits
    }

    pub(crate) fn append(&mut self, shard: usize, record: NewRecord, now_ms: u64) -> Sequence {
        let position = self.records.len();
        let shard = &mut self.shards[shard];
        let sequence = shard.next_sequence(now_ms);
        shard.records.push(position);
        shard.load.bytes += record.size() as u64;
        shard.load.first_ms.get_or_insert(now_ms);
        shard.load.last_ms = Some(now_ms);
        self.records.push(Entry {
            sequence,
            partition_key: record.partition_key,
            explicit_hash_key: record.explicit_hash_key,
            data: record.data,
        });
        sequence
    }

    /// Closes a shard and opens two, the second from `at` on.
    pub(crate) fn split(&mut self, shard: u32, at: u128, now_ms: u64) {
        let (start, end) = (self.shards[shard as usize].start, self.shards[shard as usize].end);
        for range in [(start, at - 1), (at, end)] {
            self.open_child(range, shard, None, now_ms);
        }
        self.shards[shard as usize].close(now_ms);
        self.rebuild_routes();
    }

    /// Closes two shards with adjacent ranges and opens one over both.
    pub(crate) fn merge(&mut self, shard: u32, adjacent: u32, now_ms: u64) {
        let (one, other) = (&self.shards[shard as usize], &self.shards[adjacent as usize]);
        let range = (one.start.min(other.start), one.end.max(other.end));
        self.open_child(range, shard, Some(adjacent), now_ms);
        self.shards[shard as usize].close(now_ms);
        self.shards[adjacent as usize].close(now_ms);
        self.rebuild_routes();
    }

    fn open_child(&mut self, range: (u128, u128), parent: u32, adjacent_parent: Option<u32>, now_ms: u64) {
        // Later than its parents, so that sequence numbers grow from parent to child.
        let parents = [Some(parent), adjacent_parent];
        let created_ms = parents
            .iter()
            .flatten()
            .fold(now_ms, |created, parent| created.max(self.shards[*parent as usize].created_ms + 1));
        let number = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
        let mut child = Shard::new(number, range, created_ms);
        child.parent = Some(parent);
        child.adjacent_parent = adjacent_parent;
        self.shards.push(child);
    }

    fn rebuild_routes(&mut self) {
        let open = self.shards.iter().enumerate().filter(|(_, shard)| shard.closed.is_none());
        self.routes = open.map(|(position, shard)| (shard.start, position)).collect();
        self.routes.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::hash_key;

    fn stream(shards: u32) -> Stream {
        Stream::new("orders", Mode::Provisioned, shards, 1024, 1_000)
    }

    #[test]
    fn every_hash_key_belongs_to_the_open_shard_whose_range_holds_it() {
        let mut stream = stream(5);
        stream.split(2, u128::MAX / 2, 2_000);
        stream.merge(0, 1, 3_000);
        let mut hashes: Vec<u128> = (0..200).map(|n| hash_key(&format!("key {n}"))).collect();
        hashes.extend(stream.open_shards().flat_map(|shard| [shard.start, shard.end]).collect::<Vec<_>>());
        for hash in hashes {
            let shard = &stream.shards[stream.route(hash)];
            assert!(shard.closed.is_none() && (shard.start..=shard.end).contains(&hash));
        }
    }

    #[test]
    fn children_know_their_parents_and_number_their_records_after_them() {
        let mut stream = stream(1);
        stream.split(0, 1 << 127, 1_000);
        stream.merge(2, 1, 1_000);
        let child = &stream.shards[3];
        assert_eq!((child.parent, child.adjacent_parent), (Some(2), Some(1)));
        assert_eq!((child.start, child.end), (0, u128::MAX));
        let closed = stream.shards[1].closed.expect("merged");
        assert!(closed < child.first_sequence() && closed.to_string() < child.first_sequence().to_string());
        assert_eq!(stream.open_shards().count(), 1);
    }

    #[test]
    fn a_change_of_a_stream_lasts_as_long_as_it_takes() {
        let mut stream = stream(1);
        stream.begin(Status::Creating, Duration::from_secs(60));
        assert_eq!(stream.status(Instant::now()), Status::Creating);
        assert_eq!(stream.status(Instant::now() + Duration::from_secs(61)), Status::Active);
        stream.begin(Status::Deleting, Duration::ZERO);
        assert!(stream.is_gone(Instant::now()));
    }
}
