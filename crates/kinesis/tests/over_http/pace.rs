//! Shards with the limits of Kinesis, and a writer that keeps to them.

use engine::record::Record;
use engine::rules::Outcome;
use kinesis::{Client, Pace, PutOutcome, Timeouts, WindowResult, Writer, WriterSettings};
use simulator::{Config, Effect, Handle, Limits, Operation, Rule, Selection};

use crate::world::{STREAM, THROTTLED, all, client, never, quick, records, tally, writer};

struct Paced {
    kinesis: Handle,
    client: Client,
    pace: Pace,
}

impl Paced {
    async fn new(limits: Limits) -> Self {
        let kinesis = simulator::start(Config { limits, ..Config::default() }).await.unwrap();
        kinesis.create_stream(STREAM, 4).unwrap();
        let client = client(kinesis.endpoint(), Timeouts::default()).await;
        let pace = Pace::new(&client);
        Self { kinesis, client, pace }
    }

    /// A stream that may be asked for its shards.
    async fn listed(limits: Limits) -> Self {
        let paced = Self::new(limits).await;
        let stream = paced.client.stream(STREAM).await.unwrap().stream();
        paced.pace.know(&paced.client.list_shards(&stream).await.unwrap());
        paced
    }

    fn writer(&self) -> Writer {
        writer(self.client.clone(), WriterSettings { pace: Some(self.pace.clone()), ..quick() })
    }

    async fn put(&self, records: &[Record]) -> WindowResult {
        self.writer().put(records, &never()).await
    }
}

/// Records of one shard, so that its limits are met soon.
fn of_one_shard(count: usize) -> Vec<Record> {
    let mut records = records(count);
    records.iter_mut().for_each(|record| record.explicit_hash_key = Some("7".to_owned()));
    records
}

fn throttled(result: &WindowResult) -> usize {
    result.calls.iter().flat_map(|call| &call.failures).filter(|failure| &*failure.code == THROTTLED).count()
}

#[tokio::test]
async fn a_stream_is_not_given_more_than_its_shards_take() {
    for paced in [Paced::listed(Limits::default()).await, Paced::new(Limits::default()).await] {
        let result = paced.put(&of_one_shard(4_000)).await;
        assert_eq!(tally(&result), all(4_000, Outcome::Acknowledged));
        // A short probe tells whether there are limits.
        assert!(throttled(&result) <= 60, "{}", throttled(&result));
        assert_eq!(paced.kinesis.record_count(STREAM), 4_000);
        assert!(result.calls.iter().any(|call| !call.waited.is_zero()));
    }
}

#[tokio::test]
async fn two_writers_of_one_pace_share_the_limits() {
    let paced = Paced::listed(Limits::default()).await;
    let (one, other) = (paced.writer(), paced.writer());
    let records = of_one_shard(2_000);
    let stop = never();
    let (first, second) = tokio::join!(one.put(&records, &stop), other.put(&records, &stop));
    let expected = all(2_000, Outcome::Acknowledged);
    assert_eq!((tally(&first), tally(&second)), (expected.clone(), expected));
    assert!(throttled(&first) + throttled(&second) <= 60);
}

#[tokio::test]
async fn a_hot_shard_does_not_hold_back_the_others() {
    let paced = Paced::listed(Limits::default()).await;
    let mut records = records(10_000);
    // The first shard gets most of them.
    records.iter_mut().step_by(2).for_each(|record| record.explicit_hash_key = Some("7".to_owned()));
    let result = paced.put(&records).await;
    let (mut hot, mut left, mut left_of_others) = (0, 0, 0);
    for (record, outcome) in records.iter().zip(&result.outcomes) {
        match outcome {
            PutOutcome::Acknowledged { .. } => hot += usize::from(record.explicit_hash_key.is_some()),
            // The window ended for the sake of the shards that had nothing left.
            PutOutcome::NotPut => {
                left += 1;
                left_of_others += usize::from(engine::shard::hash_key(record).unwrap() >> 126 != 0);
            }
            other => panic!("{other:?}"),
        }
    }
    // Shards begin with unequal buckets, so the last of the others may have a little left then.
    assert!(hot > 500 && left > 500 && 4 * left_of_others < left, "{hot} {left} {left_of_others}");
    assert!(throttled(&result) <= 60);
}

#[tokio::test]
async fn a_sink_without_limits_is_soon_given_all_at_once() {
    let paced = Paced::new(Limits::off()).await;
    let records = records(30_000);
    let result = paced.put(&records).await;
    assert_eq!(tally(&result), all(30_000, Outcome::Acknowledged));
    let full = result.calls.iter().filter(|call| call.records.len() == 500).count();
    assert!(full > 30, "{full} of {} calls are full", result.calls.len());
}

#[tokio::test]
async fn throttled_records_of_one_shard_wait_apart() {
    let paced = Paced::listed(Limits::off()).await;
    let shard = "shardId-000000000002";
    let rule = Rule::on(Operation::PutRecords, Effect::Throttle(Selection::Shard(shard.to_owned()))).times(3);
    paced.kinesis.faults([rule]);
    let result = paced.put(&records(1_600)).await;
    let refused: Vec<_> = result.calls.iter().filter(|call| !call.failures.is_empty()).collect();
    assert!(!refused.is_empty());
    assert!(refused.iter().all(|call| call.failures.iter().all(|failure| failure.message.contains(shard))));
    assert!(result.calls.iter().all(|call| call.attempt == 1 || call.retry_reason.as_deref() == Some(THROTTLED)));
    // The window may end before that shard has had all of its own; it has them in the next one.
    let left = records(1_600).into_iter().zip(&result.outcomes);
    let left: Vec<_> =
        left.filter(|(_, outcome)| outcome.outcome() != Outcome::Acknowledged).map(|left| left.0).collect();
    assert!(left.iter().all(|record| engine::shard::hash_key(record).unwrap() >> 126 == 2));
    let rest = paced.put(&left).await;
    assert_eq!(tally(&rest), all(left.len(), Outcome::Acknowledged));
}
