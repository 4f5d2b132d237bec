use std::collections::BTreeMap;

use engine::aggregate::{Ranges, decode};
use engine::record::Record;
use engine::rules::Outcome;
use engine::shard::{ShardMap, even_spread, hash_partition_key};
use kinesis::{PutOutcome, WindowResult};
use simulator::{Effect, Operation, Rule, Selection};

use crate::world::{STREAM, World, all, both, never, records, tally};

/// The ranges of a stream of so many shards whose names begin with this.
fn ranges(shards: u32, prefix: &str) -> Ranges {
    let named = even_spread(shards).into_iter().enumerate().map(|(at, range)| (format!("{prefix}{at:012}"), range));
    Ranges::of(&ShardMap::new(named).unwrap())
}

/// How often a consumer sees each message, by partition key and data. One that leaves out all messages of a record that holds
/// one of another shard, as the KCL does.
fn consumed(world: &World) -> BTreeMap<(String, Vec<u8>), usize> {
    let mut seen = BTreeMap::new();
    let spread = even_spread(4);
    for record in world.kinesis.records(STREAM) {
        let shard: usize = record.shard_id.trim_start_matches("shardId-").parse().unwrap();
        let Some(children) = decode(&record.data) else {
            *seen.entry((record.partition_key, record.data.to_vec())).or_default() += 1;
            continue;
        };
        assert!(children.len() > 1, "one message is put as it is");
        let hash = |key: &str| hash_partition_key(key);
        if children.iter().all(|child| spread[shard].contains(&hash(&child.partition_key))) {
            for child in children {
                *seen.entry((child.partition_key, child.data)).or_default() += 1;
            }
        }
    }
    seen
}

fn assert_each_is_consumed_once(world: &World, records: &[Record]) {
    let wanted = records.iter().map(|record| ((record.partition_key.clone(), record.data.to_vec()), 1)).collect();
    assert_eq!(consumed(world), wanted);
}

/// Every acknowledged message is where its outcome says, at its place in that record.
fn assert_places_are_true(world: &World, records: &[Record], result: &WindowResult) {
    let stored = world.kinesis.records(STREAM);
    for (record, outcome) in records.iter().zip(&result.outcomes) {
        let PutOutcome::Acknowledged { shard, sequence_number, call, attempt, puts, .. } = outcome else { continue };
        let found = stored.iter().find(|stored| stored.sequence_number == *sequence_number).unwrap();
        assert_eq!(found.shard_id, *shard);
        let put = puts.last().unwrap();
        assert_eq!((put.call, puts.len()), (*call, *attempt as usize));
        let call = result.calls.iter().find(|logged| logged.id == *call).unwrap();
        assert!((put.position as usize) < call.records.len());
        match put.child {
            None => assert_eq!(found.data[..], record.data[..]),
            Some(child) => {
                let children = decode(&found.data).unwrap();
                let this = &children[child.sub_sequence as usize];
                assert_eq!((&this.partition_key, &this.data[..]), (&record.partition_key, &record.data[..]));
                assert_eq!(child.record_bytes as usize, found.data.len() + found.partition_key.len());
            }
        }
    }
}

#[tokio::test]
async fn messages_of_one_shard_share_records_and_each_has_its_own_place() {
    let world = World::new().await;
    let records = records(3_000);
    let writer = world.writer().await.aggregating(ranges(4, "shardId-"));
    let result = writer.put(&records, &never()).await;
    assert_eq!(tally(&result), all(3_000, Outcome::Acknowledged));
    assert_each_is_consumed_once(&world, &records);
    assert_places_are_true(&world, &records, &result);
    let stored = world.kinesis.record_count(STREAM);
    assert!((4..=12).contains(&stored), "{stored} records for 3,000 messages of 36 bytes");
    assert_eq!(result.calls.iter().map(|call| call.records.len()).sum::<usize>(), stored);
    assert_eq!(world.kinesis.calls_of(Operation::ListShards), 0);
}

#[tokio::test]
async fn without_a_list_of_shards_the_answers_teach_where_messages_belong() {
    let world = World::new().await;
    let records = records(3_000);
    let writer = world.writer().await.aggregating(Ranges::default());
    let (first, rest) = records.split_at(500);
    let result = writer.put(first, &never()).await;
    assert_eq!(tally(&result), all(500, Outcome::Acknowledged));
    assert_eq!(world.kinesis.record_count(STREAM), 500, "nothing is known yet");
    let result = writer.put(rest, &never()).await;
    assert_eq!(tally(&result), all(2_500, Outcome::Acknowledged));
    assert_each_is_consumed_once(&world, &records);
    let more = world.kinesis.record_count(STREAM) - 500;
    assert!(more < 150, "{more} records for 2,500 messages");
}

#[tokio::test]
async fn messages_of_throttled_and_of_unanswered_records_are_told_alike() {
    let world = World::new().await;
    world.fault(0, 1, Effect::Throttle(Selection::Fraction(0.5)));
    world.fault(1, 1, Effect::ResetAfter);
    let records = records(3_000);
    let writer = world.writer().await.aggregating(ranges(4, "shardId-"));
    let result = writer.put(&records, &never()).await;
    let after_doubt = tally(&result).remove(&(Outcome::AcknowledgedAfterDoubt as u8)).unwrap_or_default();
    assert!((1..3_000).contains(&after_doubt));
    let acknowledged = (3_000 - after_doubt, Outcome::Acknowledged);
    assert_eq!(tally(&result), both(acknowledged, (after_doubt, Outcome::AcknowledgedAfterDoubt)));
    assert_places_are_true(&world, &records, &result);
    // What was reset had been written.
    assert_eq!(consumed(&world).values().filter(|times| **times == 2).count(), after_doubt);
    let throttled: usize = result.calls.iter().map(|call| call.failures.len()).sum();
    assert!(throttled > 0 && throttled <= 12, "{throttled} records failed");
}

#[tokio::test]
async fn a_record_throttled_to_the_end_is_refused_with_all_of_its_messages() {
    let world = World::new().await;
    world.kinesis.faults([Rule::on(Operation::PutRecords, Effect::Throttle(Selection::All)).partition_key("a")]);
    let records = records(100);
    let writer = world.writer().await.aggregating(ranges(4, "shardId-"));
    let result = writer.put(&records, &never()).await;
    assert_eq!(tally(&result), all(100, Outcome::Refused));
    assert!(result.outcomes.iter().all(|outcome| outcome.puts().len() == 4));
    assert_eq!(consumed(&world), BTreeMap::new());
}

#[tokio::test]
async fn messages_of_a_record_that_another_shard_took_are_put_again_by_themselves() {
    let world = World::new().await;
    let records = records(1_000);
    // What was listed before each of two shards was split. Names that are shorter are older.
    let writer = world.writer().await.aggregating(ranges(2, "shard-"));
    let result = writer.put(&records, &never()).await;
    assert_eq!(tally(&result), all(1_000, Outcome::AcknowledgedAfterDoubt));
    assert_each_is_consumed_once(&world, &records);
    assert_places_are_true(&world, &records, &result);
    let codes: Vec<_> = result.calls.iter().flat_map(|call| &call.failures).map(|failure| &*failure.code).collect();
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == "shard-changed"), "{codes:?}");
    assert!(result.outcomes.iter().all(|outcome| outcome.puts().len() == 2));

    // What it learnt holds.
    let before = world.kinesis.record_count(STREAM);
    let result = writer.put(&records, &never()).await;
    assert_eq!(tally(&result), all(1_000, Outcome::Acknowledged));
    assert!(world.kinesis.record_count(STREAM) - before < 100);
    assert!(consumed(&world).values().all(|times| *times == 2));
}
