use engine::rules::Outcome;
use engine::shard::{ShardMap, even_spread, hash_key};
use kinesis::{PutOutcome, Timeouts};
use simulator::{Effect, LateAnswer, Operation, Rule, Selection};
use std::time::Duration;

use crate::world::{STREAM, THROTTLED, World, all, both, record, records, tally};

#[tokio::test]
async fn every_record_is_acknowledged_where_the_stream_holds_it() {
    let world = World::new().await;
    let mut records = records(1201);
    records[7].explicit_hash_key = Some("340282366920938463463374607431768211455".to_owned());
    records[8].data.clear();
    let result = world.put(&records).await;

    assert_eq!(tally(&result), all(1201, Outcome::Acknowledged));
    world.assert_arrived_once(&records);
    let stored = world.kinesis.records(STREAM);
    let map =
        ShardMap::new(even_spread(4).into_iter().enumerate().map(|(n, range)| (format!("shardId-{n:012}"), range)));
    let map = map.unwrap();
    for (record, outcome) in records.iter().zip(&result.outcomes) {
        let PutOutcome::Acknowledged { shard, sequence_number, call, attempt: 1, after_doubt: false, .. } = outcome
        else {
            panic!("{outcome:?}");
        };
        let stored = stored.iter().find(|stored| stored.sequence_number == *sequence_number).unwrap();
        assert_eq!((&stored.partition_key, &stored.data[..]), (&record.partition_key, &record.data[..]));
        assert_eq!((&stored.shard_id, map.shard(hash_key(record).unwrap())), (shard, Some(shard.as_str())));
        assert!((1..=3).contains(call));
    }
    let calls: Vec<_> = result.calls.iter().map(|call| (call.id, call.records.len(), call.http_status)).collect();
    assert_eq!(calls, [(1, 500, Some(200)), (2, 500, Some(200)), (3, 201, Some(200))]);
    assert!(result.calls.iter().all(|call| call.request_id.is_some() && call.attempt == 1 && call.started_at == 7));
}

#[tokio::test]
async fn calls_stay_within_the_bytes_of_a_call() {
    let mut world = World::new().await;
    world.settings.limits.call_bytes = 4096;
    let mut records = records(40);
    records.iter_mut().for_each(|record| record.data.resize(1000, b'x'));
    let result = world.put(&records).await;
    assert_eq!(tally(&result), all(40, Outcome::Acknowledged));
    assert!(result.calls.iter().all(|call| call.bytes <= 4096 && call.records.len() == 4));
    assert_eq!(result.calls.len(), 10);
}

#[tokio::test]
async fn records_that_kinesis_would_not_take_are_refused_without_a_call() {
    let world = World::new().await;
    let mut records = records(4);
    records[0].partition_key = String::new();
    records[1].explicit_hash_key = Some("-1".to_owned());
    records[2].data = vec![0; 1 << 20];
    let result = world.put(&records).await;
    assert_eq!(tally(&result), both((3, Outcome::Refused), (1, Outcome::Acknowledged)));
    let codes: Vec<_> = result.outcomes.iter().filter_map(refusal).collect();
    assert_eq!(codes, ["partition-key-empty", "hash-key-invalid", "record-too-large"]);
    assert_eq!(world.puts(), 1);
}

fn refusal(outcome: &PutOutcome) -> Option<&str> {
    match outcome {
        PutOutcome::Refused { code, call: None, attempts: 0, .. } => Some(code),
        _ => None,
    }
}

#[tokio::test]
async fn after_a_partial_failure_only_the_failed_records_are_put_again() {
    let world = World::new().await;
    let records = records(500);
    world.fault(0, 1, Effect::Throttle(Selection::Fraction(0.3)));
    let result = world.put(&records).await;

    assert_eq!(tally(&result), all(500, Outcome::Acknowledged));
    world.assert_arrived_once(&records);
    let [first, second] = result.calls.as_slice() else { panic!("{:?}", result.calls) };
    let failed: Vec<u32> = first.failures.iter().map(|failure| failure.record).collect();
    assert!(
        !failed.is_empty() && failed.len() < 500 && first.failures.iter().all(|failure| &*failure.code == THROTTLED)
    );
    assert_eq!((&second.records, second.attempt), (&failed, 2));
}

#[tokio::test]
async fn a_record_throttled_to_the_end_is_refused_with_its_code() {
    let world = World::new().await;
    let rule = Rule::on(Operation::PutRecords, Effect::Throttle(Selection::All)).partition_key("key-00003");
    world.kinesis.faults([rule]);
    let result = world.put(&records(10)).await;
    assert_eq!(tally(&result), both((1, Outcome::Refused), (9, Outcome::Acknowledged)));
    let PutOutcome::Refused { code, message, call: Some(4), attempts: 4, .. } = &result.outcomes[3] else {
        panic!("{:?}", result.outcomes[3]);
    };
    assert_eq!(&**code, THROTTLED);
    assert!(message.contains("shardId-"), "{message}");
    assert_eq!(world.arrived().len(), 9);
}

#[tokio::test]
async fn a_call_throttled_as_a_whole_is_put_again_without_doubt() {
    let world = World::new().await;
    world.fault(0, 2, Effect::call_error("ThrottlingException"));
    let result = world.put(&records(5)).await;
    assert_eq!(tally(&result), all(5, Outcome::Acknowledged));
    assert_eq!(result.calls.iter().map(|call| call.attempt).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn an_internal_failure_leaves_doubt_whether_it_was_written_or_not() {
    for written in [false, true] {
        let world = World::new().await;
        let code = "InternalFailure".to_owned();
        world.fault(0, 1, Effect::FailRecords { code, message: None, records: Selection::All, written });
        let result = world.put(&records(3)).await;
        assert_eq!(tally(&result), all(3, Outcome::AcknowledgedAfterDoubt));
        assert_eq!(world.kinesis.record_count(STREAM), if written { 6 } else { 3 });
    }
}

#[tokio::test]
async fn a_put_without_answer_is_put_again_in_doubt() {
    let effects = [
        (Effect::ResetBefore, 3),
        (Effect::ResetAfter, 6),
        (Effect::CutAnswer, 6),
        (Effect::HttpError { status: 503, written: false }, 3),
        (Effect::HttpError { status: 500, written: true }, 6),
    ];
    for (effect, stored) in effects {
        let world = World::new().await;
        world.fault(0, 1, effect.clone());
        let result = world.put(&records(3)).await;
        assert_eq!(tally(&result), all(3, Outcome::AcknowledgedAfterDoubt), "{effect:?} {:?}", result.calls);
        assert_eq!(world.kinesis.record_count(STREAM), stored, "{effect:?}");
    }
}

#[tokio::test]
async fn a_record_that_never_gets_an_answer_ends_unanswered() {
    let world = World::new().await;
    world.fault(0, 99, Effect::ResetAfter);
    let result = world.put(&records(3)).await;
    assert_eq!(tally(&result), all(3, Outcome::Unanswered));
    assert_eq!(result.calls.len(), 4);
    let PutOutcome::Unanswered { code, attempts: 4, .. } = &result.outcomes[0] else { panic!() };
    assert_eq!(&**code, "connection-lost");
}

#[tokio::test]
async fn a_refusal_after_doubt_does_not_end_the_doubt() {
    let world = World::new().await;
    world.fault(0, 1, Effect::ResetAfter);
    world.fault(0, 99, Effect::Throttle(Selection::All));
    let result = world.put(&records(3)).await;
    assert_eq!(tally(&result), all(3, Outcome::Unanswered));
    let PutOutcome::Unanswered { code, call: 1, attempts: 4, .. } = &result.outcomes[0] else { panic!() };
    assert_eq!(&**code, "connection-lost");
}

#[tokio::test]
async fn a_call_that_hangs_times_out_and_leaves_doubt() {
    let mut world = World::new().await;
    world.timeouts = Timeouts { call: Duration::from_millis(300), ..Timeouts::default() };
    world.settings.retry.max_attempts = 1;
    world.fault(0, 1, Effect::Hang);
    let result = world.put(&records(3)).await;
    assert_eq!(tally(&result), all(3, Outcome::Unanswered));
    assert_eq!(result.calls[0].error.as_ref().map(|error| &*error.code), Some("timed-out"));
    assert_eq!(result.calls[0].http_status, None);
}

#[tokio::test]
async fn a_write_that_is_applied_late_is_acknowledged_after_doubt() {
    let world = World::new().await;
    world.fault(0, 1, Effect::ApplyLater { delay_ms: 200, answer: LateAnswer::Reset });
    let records = records(3);
    let result = world.put(&records).await;
    assert_eq!(tally(&result), all(3, Outcome::AcknowledgedAfterDoubt));
    world.kinesis.wait_for_records(STREAM, 6).await;
    assert!(world.arrived().values().all(|times| *times == 2));
}

#[tokio::test]
async fn a_bad_record_that_the_answer_names_is_cut_out() {
    let world = World::new().await;
    let mut records = records(500);
    records[41].data = b"poison".to_vec();
    let message = "1 validation error detected: Value '' at 'records.42.member.data' failed to satisfy constraint: x";
    let effect = Effect::CallError { code: "ValidationException".to_owned(), message: Some(message.to_owned()) };
    world.kinesis.faults([Rule::on(Operation::PutRecords, effect).data_contains("poison")]);
    let result = world.put(&records).await;

    assert_eq!(tally(&result), both((1, Outcome::Refused), (499, Outcome::Acknowledged)));
    let PutOutcome::Refused { code, attempts: 1, .. } = &result.outcomes[41] else { panic!() };
    assert_eq!(&**code, "ValidationException");
    records.remove(41);
    world.assert_arrived_once(&records);
    assert_eq!(world.puts(), 2);
}

#[tokio::test]
async fn a_bad_record_that_the_answer_does_not_name_is_found_by_halving() {
    let mut world = World::new().await;
    world.settings.limits.record_bytes = 2 << 20;
    let mut records = records(500);
    // More than the stream takes, which only Kinesis knows.
    records[333].data = vec![b'x'; 1_100_000];
    let result = world.put(&records).await;

    assert_eq!(tally(&result), both((1, Outcome::Refused), (499, Outcome::Acknowledged)));
    let PutOutcome::Refused { code, .. } = &result.outcomes[333] else { panic!() };
    assert_eq!(&**code, "InvalidArgumentException");
    records.remove(333);
    world.assert_arrived_once(&records);
    assert!(world.puts() <= 20, "{} calls", world.puts());
}

#[tokio::test]
async fn records_whose_halving_is_cut_short_are_told_from_those_that_are_bad() {
    let mut world = World::new().await;
    world.settings.limits.record_bytes = 2 << 20;
    let mut records = records(4);
    records[2].data = vec![b'x'; 1_100_000];
    // The time of the window is over before the first answer comes.
    world.fault(0, 9999, Effect::Latency { ms: 300 });
    let soon = tokio::time::Instant::now() + Duration::from_millis(200);
    let stop = kinesis::Stop::at(soon, tokio_util::sync::CancellationToken::new());
    let result = world.writer().await.put(&records, &stop).await;
    assert_eq!(world.puts(), 1);
    let cut = |outcome: &PutOutcome| matches!(outcome, PutOutcome::Refused { cut_short: true, .. });
    assert!(result.outcomes.iter().all(cut), "{:?}", result.outcomes);
}

#[tokio::test]
async fn halving_ends_when_its_budget_is_used_up() {
    let mut world = World::new().await;
    world.settings.max_splits = 3;
    world.fault(0, 9999, Effect::call_error("InvalidArgumentException"));
    let result = world.put(&records(500)).await;
    assert_eq!(tally(&result), all(500, Outcome::Refused));
    assert_eq!(result.calls.len(), 7);
}

#[tokio::test]
async fn the_result_can_cross_threads_and_a_record_is_in_one_call_at_a_time() {
    let mut world = World::new().await;
    world.settings.limits.call_records = 10;
    world.settings.retry.max_attempts = 50;
    let rule = Rule::on(Operation::PutRecords, Effect::Throttle(Selection::Fraction(0.4))).seed(3);
    let cut = Rule::on(Operation::PutRecords, Effect::ResetAfter).probability(0.2).seed(4);
    world.kinesis.faults([cut, rule]);
    let writer = world.writer().await;
    let result = tokio::spawn(async move { writer.put(&records(400), &crate::world::never()).await }).await.unwrap();

    let delivered = tally(&result);
    assert_eq!(delivered.values().sum::<usize>(), 400);
    assert!(delivered.keys().all(|outcome| *outcome >= Outcome::Acknowledged as u8), "{delivered:?}");
    let arrived = world.arrived();
    for position in 0..400u32 {
        let puts: Vec<_> = result.calls.iter().filter(|call| call.records.contains(&position)).collect();
        assert!(puts.iter().map(|call| call.attempt).eq(1..=puts.len() as u32));
        let PutOutcome::Acknowledged { attempt, call, after_doubt, .. } = &result.outcomes[position as usize] else {
            panic!()
        };
        assert_eq!((*attempt, Some(*call)), (puts.len() as u32, puts.last().map(|call| call.id)));
        let doubted = puts.iter().any(|call| call.error.is_some());
        assert_eq!(*after_doubt, doubted);
        let times = arrived[&record(position as usize).partition_key];
        assert!(times >= 1 && (times == 1 || doubted));
    }
}
