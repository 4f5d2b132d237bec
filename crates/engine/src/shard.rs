//! Where a record lands: its 128-bit hash key, and the shard whose range holds it.

use std::ops::RangeInclusive;

use md5::{Digest, Md5};

use crate::record::Record;

/// The hash key of a record: the explicit one, else that of the partition key. `None`: the explicit one is not valid.
pub fn hash_key(record: &Record) -> Option<u128> {
    match &record.explicit_hash_key {
        Some(key) => parse_explicit(key),
        None => Some(hash_partition_key(&record.partition_key)),
    }
}

/// MD5 of the key's UTF-8 bytes as a big-endian number.
pub fn hash_partition_key(key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(key.as_bytes()).into())
}

/// An explicit hash key: `0`, or decimal digits that do not begin with 0, below 2^128.
pub fn parse_explicit(key: &str) -> Option<u128> {
    let digits = key.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = key.len() > 1 && key.starts_with('0');
    if digits && !leading_zero { key.parse().ok() } else { None }
}

/// The ranges of `shards` new shards that share the hash keys evenly, as a stream is created.
pub fn even_spread(shards: u32) -> Vec<RangeInclusive<u128>> {
    let count = u128::from(shards);
    if count < 2 {
        return (0..count).map(|_| 0..=u128::MAX).collect();
    }
    let width = (u128::MAX - (count - 1)) / count + 1;
    let end = |index: u128| if index + 1 == count { u128::MAX } else { (index + 1) * width - 1 };
    (0..count).map(|index| index * width..=end(index)).collect()
}

/// The open shards of a stream and their ranges of hash keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardMap {
    /// By start, without overlap; gaps are hash keys whose shard is not known.
    shards: Vec<(RangeInclusive<u128>, String)>,
}

/// Two shards cannot both hold a hash key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the hash ranges of {first} and {second} overlap, or one of them is empty: use open shards only")]
pub struct Overlap {
    pub first: String,
    pub second: String,
}

impl ShardMap {
    pub fn new(shards: impl IntoIterator<Item = (String, RangeInclusive<u128>)>) -> Result<Self, Overlap> {
        let mut shards: Vec<_> = shards.into_iter().map(|(name, range)| (range, name)).collect();
        shards.sort_by_key(|(range, _)| *range.start());
        if let Some((_, name)) = shards.iter().find(|(range, _)| range.is_empty()) {
            return Err(Overlap { first: name.clone(), second: name.clone() });
        }
        for pair in shards.windows(2) {
            if let [(left, first), (right, second)] = pair
                && right.start() <= left.end()
            {
                return Err(Overlap { first: first.clone(), second: second.clone() });
            }
        }
        Ok(Self { shards })
    }

    /// The shard in which a record of this hash key lands, as far as it is known.
    pub fn shard(&self, hash_key: u128) -> Option<&str> {
        let after = self.shards.partition_point(|(range, _)| *range.start() <= hash_key);
        let (range, name) = self.shards.get(after.checked_sub(1)?)?;
        range.contains(&hash_key).then_some(name.as_str())
    }

    /// The shards and their ranges, by start.
    pub fn ranges(&self) -> impl Iterator<Item = (&str, &RangeInclusive<u128>)> {
        self.shards.iter().map(|(range, name)| (name.as_str(), range))
    }

    pub fn len(&self) -> usize {
        self.shards.len()
    }

    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_partition_key_hashes_to_its_md5() {
        assert_eq!(hash_partition_key(""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        assert_eq!(hash_partition_key("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
        assert_eq!(hash_partition_key("ü"), 0xc034_10a5_204b_21cd_8229_ff75_4688_d743);
    }

    #[test]
    fn an_explicit_hash_key_replaces_the_hash_of_the_partition_key() {
        let record = |explicit: Option<&str>| Record {
            data: Vec::new(),
            partition_key: "a".to_owned(),
            explicit_hash_key: explicit.map(str::to_owned),
        };
        assert_eq!(hash_key(&record(None)), Some(hash_partition_key("a")));
        assert_eq!(hash_key(&record(Some("0"))), Some(0));
        assert_eq!(hash_key(&record(Some("340282366920938463463374607431768211455"))), Some(u128::MAX));
        assert_eq!(hash_key(&record(Some("340282366920938463463374607431768211456"))), None);
    }

    #[test]
    fn a_closed_parent_beside_its_children_is_refused() {
        let spread = even_spread(2);
        let with_parent = [("parent", 0..=u128::MAX), ("left", spread[0].clone()), ("right", spread[1].clone())];
        assert!(ShardMap::new(with_parent.map(|(name, range)| (name.to_owned(), range))).is_err());
    }

    #[test]
    fn hash_keys_in_a_gap_have_no_known_shard() {
        let map = ShardMap::new([("b".to_owned(), 20..=29), ("a".to_owned(), 5..=9)]).unwrap();
        let found: Vec<_> = [4, 5, 9, 10, 20, 29, 30].into_iter().map(|hash| map.shard(hash)).collect();
        assert_eq!(found, [None, Some("a"), Some("a"), None, Some("b"), Some("b"), None]);
        assert_eq!(ShardMap::default().shard(7), None);
    }

    proptest! {
        #[test]
        fn an_even_spread_covers_every_hash_key_once(shards in 1u32..2000, hash: u128) {
            let ranges = even_spread(shards);
            prop_assert_eq!(ranges.len(), shards as usize);
            prop_assert_eq!(*ranges[0].start(), 0);
            prop_assert_eq!(*ranges[ranges.len() - 1].end(), u128::MAX);
            for pair in ranges.windows(2) {
                prop_assert_eq!(pair[0].end() + 1, *pair[1].start());
            }
            let named = ranges.iter().enumerate().map(|(index, range)| (index.to_string(), range.clone()));
            let map = ShardMap::new(named).unwrap();
            let shard: usize = map.shard(hash).unwrap().parse().unwrap();
            prop_assert!(ranges[shard].contains(&hash));
        }
    }
}
