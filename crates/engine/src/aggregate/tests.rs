use domain::Limits;
use proptest::prelude::*;

use super::*;
use crate::limits::billed_bytes;
use crate::record::Record;
use crate::shard::{ShardMap, even_spread, hash_key, hash_partition_key};

fn record(key: &str, hash: Option<&str>, data: &[u8]) -> Record {
    Record { data: data.to_vec(), partition_key: key.to_owned(), explicit_hash_key: hash.map(str::to_owned) }
}

fn name(number: usize) -> String {
    format!("shardId-{number:012}")
}

fn spread(shards: u32) -> Ranges {
    let named = even_spread(shards).into_iter().enumerate().map(|(at, range)| (name(at), range));
    Ranges::of(&ShardMap::new(named).unwrap())
}

/// Hash keys that begin with a byte.
fn hash(first: u8) -> u128 {
    u128::from(first) << 120
}

fn child(record: &Record) -> Child {
    let Record { data, partition_key, explicit_hash_key } = record.clone();
    Child { partition_key, explicit_hash_key, data }
}

/// Written down once from the description of the format, and not from this code.
#[test]
fn the_bytes_are_those_of_the_producer_library() {
    let explicit = [record("k", Some("7"), b"one"), record("k", Some("8"), b"two"), record("l", Some("7"), b"")];
    let plain = [record("k", None, b"one"), record("l", None, b"two"), record("k", None, b"")];
    let protobufs: [&[u8]; 2] = [
        b"\x0a\x01k\x0a\x01l\x12\x017\x12\x018\
          \x1a\x09\x08\x00\x10\x00\x1a\x03one\x1a\x09\x08\x00\x10\x01\x1a\x03two\x1a\x06\x08\x01\x10\x00\x1a\x00",
        b"\x0a\x01k\x0a\x01l\x1a\x07\x08\x00\x1a\x03one\x1a\x07\x08\x01\x1a\x03two\x1a\x04\x08\x00\x1a\x00",
    ];
    for ((records, protobuf), hash) in [explicit, plain].iter().zip(protobufs).zip([7, hash_partition_key("k")]) {
        let grouped = group(records, &spread(1), &Limits::default());
        let [one] = grouped.together.as_slice() else { panic!("{grouped:?}") };
        assert_eq!(one.record.data[..4], [0xf3, 0x89, 0x9a, 0xc2]);
        assert_eq!(one.record.data[4..4 + protobuf.len()], protobuf[..]);
        assert_eq!(one.record.data.len(), 4 + protobuf.len() + 16);
        assert_eq!((one.record.partition_key.as_str(), &one.children), ("a", &vec![0, 1, 2]));
        assert_eq!(hash_key(&one.record), Some(hash));
        assert_eq!(decode(&one.record.data).unwrap(), records.iter().map(child).collect::<Vec<_>>());
    }
}

#[test]
fn messages_with_and_without_a_hash_key_of_their_own_do_not_share_a_record() {
    let records =
        [record("a", None, b""), record("b", Some("7"), b""), record("c", None, b""), record("d", Some("7"), b"")];
    let grouped = group(&records, &spread(1), &Limits::default());
    let children: Vec<_> = grouped.together.iter().map(|one| one.children.clone()).collect();
    assert_eq!(children, [[0, 2], [1, 3]]);
}

#[test]
fn what_is_damaged_or_plain_is_no_aggregated_record() {
    let records = [record("k", None, b"one"), record("k", None, b"two")];
    let data = group(&records, &spread(1), &Limits::default()).together.remove(0).record.data;
    assert!(decode(&data).is_some());
    for at in 0..data.len() {
        let mut damaged = data.clone();
        damaged[at] ^= 1;
        assert_eq!(decode(&damaged), None, "byte {at}");
        assert_eq!(decode(&data[..at]), None, "{at} bytes");
    }
    assert_eq!(decode(br#"{"a": 1}"#), None);
}

#[test]
fn a_record_holds_messages_of_one_shard_and_one_message_is_put_as_it_is() {
    let explicit = |first: u8| record("k", Some(&hash(first).to_string()), b"{}");
    let records = [explicit(0x10), explicit(0xf0), explicit(0x11), explicit(0x50), explicit(0xf1)];
    let grouped = group(&records, &spread(4), &Limits::default());
    let found: Vec<_> = grouped.together.iter().map(|one| (&*one.shard, one.children.as_slice())).collect();
    assert_eq!(found, [(&*name(0), [0, 2].as_slice()), (&*name(3), &[1, 4])]);
    assert_eq!(grouped.together[0].hash_keys, hash(0x10)..=hash(0x11));
    assert_eq!(grouped.alone, [3]);
}

#[test]
fn a_message_whose_shard_nobody_knows_is_put_as_it_is() {
    let records = [record("a", None, b"{}"), record("b", None, b"{}")];
    let grouped = group(&records, &Ranges::default(), &Limits::default());
    assert_eq!((grouped.alone.as_slice(), grouped.together.len()), ([0, 1].as_slice(), 0));
}

#[test]
fn what_no_record_may_hold_stays_apart() {
    let long = vec![b'x'; RECORD_BYTES];
    let records =
        [record("a", None, b"{}"), record("", None, b"{}"), record("b", Some("no"), b"{}"), record("c", None, &long)];
    let grouped = group(&records, &spread(1), &Limits::default());
    assert_eq!((grouped.alone.as_slice(), grouped.together.len()), ([0, 1, 2, 3].as_slice(), 0));
}

#[test]
fn ranges_are_learnt_from_what_was_acknowledged() {
    let mut ranges = Ranges::default();
    ranges.saw(hash(0x10), "shardId-000000000001");
    ranges.saw(hash(0x40), "shardId-000000000001");
    ranges.saw(hash(0x60), "shardId-000000000002");
    let shard = |first: u8| ranges.shard(hash(first)).map(|shard| &**shard);
    assert_eq!((shard(0x0f), shard(0x41), shard(0x61)), (None, None, None));
    assert_eq!((shard(0x10), shard(0x20), shard(0x40)), (Some(&*name(1)), Some(&*name(1)), Some(&*name(1))));
    assert_eq!(shard(0x60), Some(&*name(2)));
    assert!(ranges.holds(&name(1), &(hash(0x11)..=hash(0x40))) && !ranges.holds(&name(1), &(hash(0x11)..=hash(0x41))));
    assert!(!ranges.are_scattered());
}

#[test]
fn a_split_forgets_the_parent_and_a_merge_both() {
    let mut ranges = spread(2);
    ranges.saw(hash(0x10), &name(2));
    assert_eq!((ranges.shard(hash(0x20)), ranges.shard(hash(0x10)).map(|shard| &**shard)), (None, Some(&*name(2))));
    // A put of the same window, answered by the parent before it was split.
    ranges.saw(hash(0x11), &name(0));
    assert_eq!(ranges.shard(hash(0x11)), None);
    ranges.saw(hash(0x18), &name(4));
    ranges.saw(hash(0xf0), &name(4));
    assert_eq!(ranges.shard(hash(0x90)).map(|shard| &**shard), Some(&*name(4)));
    assert!(!ranges.are_scattered());
}

#[test]
fn an_answer_of_the_parent_that_is_told_after_one_of_its_child_changes_nothing() {
    let mut ranges = Ranges::default();
    ranges.saw(hash(0x20), &name(3));
    ranges.saw(hash(0x10), &name(0));
    ranges.saw(hash(0x30), &name(0));
    assert_eq!(ranges.shard(hash(0x20)).map(|shard| &**shard), Some(&*name(3)));
    assert_eq!((ranges.shard(hash(0x10)), ranges.are_scattered()), (None, false));
}

#[test]
fn a_closed_shard_that_takes_records_again_shows_that_hash_keys_decide_nothing() {
    let mut ranges = spread(2);
    ranges.saw(hash(0x10), &name(1));
    ranges.saw(hash(0x10), &name(0));
    assert!(!ranges.are_scattered());
    ranges.next_window();
    ranges.saw(hash(0x10), &name(0));
    assert!(ranges.are_scattered());
}

fn messages() -> impl Strategy<Value = Vec<Record>> {
    let hash = prop_oneof![
        3 => Just(None),
        1 => any::<u128>().prop_map(|hash| Some(hash.to_string())),
        1 => Just(Some("7".to_owned())),
    ];
    let sizes = prop_oneof![20 => 0usize..400, 1 => 12_000usize..30_000, 1 => 25_500usize..25_610];
    let one = ("[a-c]{1,200}|.{0,3}", hash, sizes)
        .prop_map(|(key, hash, size)| record(&key, hash.as_deref(), &vec![b'x'; size]));
    prop::collection::vec(one, 0..300)
}

proptest! {
    #[test]
    fn each_message_is_alone_or_in_one_record_of_its_shard_in_order_and_unchanged(
        records in messages(),
        shards in 1u32..6,
        record_bytes in prop_oneof![Just(1usize << 20), 100usize..30_000],
    ) {
        let ranges = spread(shards);
        let limits = Limits { record_bytes, ..Limits::default() };
        let grouped = group(&records, &ranges, &limits);
        let mut seen = grouped.alone.clone();
        for one in &grouped.together {
            prop_assert!(one.children.len() > 1 && one.children.is_sorted());
            seen.extend(&one.children);
            prop_assert!(billed_bytes(&one.record) <= RECORD_BYTES.min(record_bytes));
            prop_assert_eq!(crate::limits::check(&one.record, &limits), Ok(()));
            let outer = hash_key(&one.record).unwrap();
            prop_assert_eq!(ranges.shard(outer), Some(&one.shard));
            prop_assert!(ranges.holds(&one.shard, &one.hash_keys));
            let decoded = decode(&one.record.data).unwrap();
            let wanted: Vec<_> = one.children.iter().map(|at| child(&records[*at as usize])).collect();
            prop_assert_eq!(decoded, wanted);
            for at in &one.children {
                prop_assert!(one.hash_keys.contains(&hash_key(&records[*at as usize]).unwrap()));
            }
        }
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..records.len() as u32).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        use md5::{Digest, Md5};
        let mut framed = MAGIC.to_vec();
        framed.extend(&bytes);
        framed.extend(Md5::digest(&bytes));
        decode(&framed);
        decode(&bytes);
    }

    /// A stream whose shards are split now and then, and whose ranges are known from its answers alone.
    #[test]
    fn what_is_known_of_ranges_is_never_wrong(
        steps in prop::collection::vec((any::<u128>(), prop::bool::weighted(0.05)), 1..400),
    ) {
        let mut stream: Vec<_> = even_spread(3).into_iter().enumerate().map(|(at, range)| (name(at), range)).collect();
        let (mut ranges, mut next) = (Ranges::default(), stream.len());
        for (hash, split) in steps {
            let at = stream.iter().position(|(_, range)| range.contains(&hash)).unwrap();
            if split && stream[at].1.start() < &hash {
                let (start, end) = stream.remove(at).1.into_inner();
                stream.push((name(next), start..=hash - 1));
                stream.push((name(next + 1), hash..=end));
                next += 2;
                continue;
            }
            if let Some(shard) = ranges.shard(hash).cloned() {
                // It is right, or the shard is closed, which the answer tells.
                let open = stream.iter().find(|(name, _)| **name == *shard);
                prop_assert!(open.is_none_or(|(_, range)| range.contains(&hash)));
            }
            ranges.saw(hash, &stream[at].0);
            ranges.next_window();
            prop_assert_eq!(ranges.shard(hash).map(|shard| &**shard), Some(&*stream[at].0));
            prop_assert!(!ranges.are_scattered());
        }
    }
}

#[test]
fn an_estimate_is_near_what_grouping_makes() {
    let records: Vec<_> = (0..5_000).map(|n: u32| record(&format!("customer-{n}"), None, &[b'x'; 250])).collect();
    let grouped = group(&records, &spread(1), &Limits::default());
    let exact: usize = grouped.together.iter().map(|one| billed_bytes(&one.record)).sum();
    let mut filling = Filling::default();
    let mut sizes: Vec<usize> = records.iter().filter_map(|record| filling.add(record)).collect();
    sizes.extend(filling.finish());
    let near = |left: usize, right: usize| left.abs_diff(right) * 100 <= right;
    assert!(near(sizes.iter().sum(), exact), "{} bytes, not {exact}", sizes.iter().sum::<usize>());
    assert!(sizes.len().abs_diff(grouped.together.len()) <= 1 && sizes.iter().all(|size| *size <= RECORD_BYTES));

    let long = record("long", None, &[0; RECORD_BYTES]);
    assert_eq!((shared_bytes(&long), filling.add(&long), filling.finish()), (None, Some(RECORD_BYTES + 4), None));
    assert_eq!((filling.add(&records[0]), filling.finish()), (None, Some(billed_bytes(&records[0]))));
}
