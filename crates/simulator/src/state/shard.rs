//! Shards: their hash ranges, parents and counters, and which shard a key belongs to.

use md5::{Digest, Md5};

use super::{Bucket, Sequence};

/// The hash key of a partition key: MD5 of its UTF-8 bytes, read as one big-endian number.
#[must_use]
pub fn hash_key(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key.as_bytes()).into())
}

/// `shardId-000000000007` for shard 7.
pub(crate) fn shard_id(number: u32) -> String {
    format!("shardId-{number:012}")
}

#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) number: u32,
    /// First and last hash key, both included.
    pub(crate) start: u128,
    pub(crate) end: u128,
    pub(crate) parent: Option<u32>,
    pub(crate) adjacent_parent: Option<u32>,
    pub(crate) created_ms: u64,
    /// Set once the shard was split or merged; it takes no more records.
    pub(crate) closed: Option<Sequence>,
    /// Positions of its records in the stream's arrival order.
    pub(crate) records: Vec<usize>,
    pub(crate) bucket: Bucket,
    pub(crate) load: Load,
    next: u64,
}

/// What was put into a shard, for those who measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) bytes: u64,
    /// Puts of records for which there was no room.
    pub(crate) throttled: u64,
    pub(crate) first_ms: Option<u64>,
    pub(crate) last_ms: Option<u64>,
}

impl Shard {
    pub(crate) fn new(number: u32, (start, end): (u128, u128), created_ms: u64) -> Self {
        Self {
            number,
            start,
            end,
            parent: None,
            adjacent_parent: None,
            created_ms,
            closed: None,
            records: Vec::new(),
            bucket: Bucket::default(),
            load: Load::default(),
            next: 1,
        }
    }

    pub(crate) fn id(&self) -> String {
        shard_id(self.number)
    }

    /// The number before that of its first record.
    pub(crate) fn first_sequence(&self) -> Sequence {
        Sequence { shard_created_ms: self.created_ms, counter: 0, arrival_ms: self.created_ms, shard: self.number }
    }

    pub(crate) fn next_sequence(&mut self, arrival_ms: u64) -> Sequence {
        let counter = self.next;
        self.next += 1;
        Sequence { counter, arrival_ms, ..self.first_sequence() }
    }

    pub(crate) fn close(&mut self, now_ms: u64) {
        self.closed = Some(self.next_sequence(now_ms));
    }

    /// Whether the shard took records at that time.
    pub(crate) fn was_open_at(&self, time_ms: u64) -> bool {
        self.created_ms <= time_ms && self.closed.is_none_or(|closed| closed.arrival_ms > time_ms)
    }
}

/// The ranges of `count` new shards: equal widths, the last one up to the largest hash key.
pub(crate) fn even_ranges(count: u32) -> impl Iterator<Item = (u128, u128)> {
    let count = u128::from(count.max(1));
    // 2^128 / count without a wider type: it differs from (2^128 - 1) / count only when count divides 2^128, and
    // overflows only for one shard, whose start is 0 times it.
    let width = (u128::MAX / count).wrapping_add(u128::from(count.is_power_of_two()));
    (0..count).map(move |index| {
        let end = if index + 1 == count { u128::MAX } else { (index + 1) * width - 1 };
        (index.wrapping_mul(width), end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_shards_cover_the_whole_range_without_gap_or_overlap() {
        for count in [1_u32, 2, 3, 4, 7, 64, 1_000] {
            let ranges: Vec<_> = even_ranges(count).collect();
            assert_eq!(ranges.len(), count as usize);
            assert_eq!(ranges[0].0, 0);
            assert_eq!(ranges[ranges.len() - 1].1, u128::MAX);
            assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{count} shards");
        }
        assert_eq!(even_ranges(2).next(), Some((0, (1 << 127) - 1)));
        assert_eq!(even_ranges(3).next(), Some((0, 113_427_455_640_312_821_154_458_202_477_256_070_484)));
    }

    #[test]
    fn a_partition_key_hashes_to_the_md5_of_its_bytes() {
        assert_eq!(hash_key(""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        assert_eq!(hash_key("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
    }
}
