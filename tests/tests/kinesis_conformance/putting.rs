use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsResultEntry;
use md5::{Digest, Md5};

use crate::kinesis::{Kinesis, code, range, record, record_at};

const THROTTLED: Option<&str> = Some("ProvisionedThroughputExceededException");
const KIB: usize = 1_024;
const MIB: usize = 1_024 * 1_024;

pub(crate) async fn records_go_to_the_shard_of_their_md5(kinesis: Kinesis) {
    let name = kinesis.stream(5).await;
    let keys: Vec<String> = (0..100).map(|number| format!("key {number} ü")).collect();
    let put_to = kinesis.put_all(&name, keys.iter().map(|key| record(key, "data"))).await;
    let shards = kinesis.shards(&name).await;
    for (key, shard_id) in keys.iter().zip(&put_to) {
        let hash = u128::from_be_bytes(Md5::digest(key.as_bytes()).into());
        let owner = shards.iter().find(|shard| (range(shard).0..=range(shard).1).contains(&hash)).expect("a shard");
        assert_eq!(shard_id, owner.shard_id(), "{key}");
    }
}

pub(crate) async fn explicit_hash_keys_reach_both_ends_of_every_shard(kinesis: Kinesis) {
    let name = kinesis.stream(3).await;
    for shard in kinesis.shards(&name).await {
        let (start, end) = range(&shard);
        let put_to = kinesis.put_all(&name, [record_at(start, "start"), record_at(end, "end")]).await;
        assert_eq!(put_to, [shard.shard_id(), shard.shard_id()]);
    }
}

pub(crate) async fn records_are_read_back_in_order_with_their_data(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let all_bytes: Vec<u8> = (0..=255).collect();
    let texts = [b"first".to_vec(), all_bytes, "žluťoučký 🐎 \u{0}\"\\".into(), b"last".to_vec()];
    let keys = ["a", "b\"\\\n", "ключ", "🐎"];
    for half in [0..2, 2..4] {
        kinesis.put_all(&name, half.map(|number: usize| record(keys[number], texts[number].clone()))).await;
    }
    let read = kinesis.read(&name).await;
    assert_eq!(read.iter().map(|record| record.data().as_ref().to_vec()).collect::<Vec<_>>(), texts);
    assert_eq!(read.iter().map(|record| record.partition_key()).collect::<Vec<_>>(), keys.map(Some));
    assert!(read.iter().all(|record| record.approximate_arrival_timestamp().is_some()));
}

pub(crate) async fn sequence_numbers_have_56_digits_and_grow(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let answer = kinesis.put(&name, (0..50).map(|_| record("key", "data"))).await.expect("put");
        numbers.extend(answer.records.into_iter().map(|result| result.sequence_number.expect("a number")));
    }
    assert!(numbers.iter().all(|number| number.len() == 56), "{numbers:?}");
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
    let read = kinesis.read(&name).await;
    assert_eq!(read.iter().map(|record| record.sequence_number()).collect::<Vec<_>>(), numbers);
}

pub(crate) async fn a_stream_can_be_named_by_its_arn(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let arn = kinesis.arn(&name).await;
    kinesis.client.put_records().stream_arn(arn).records(record("key", "data")).send().await.expect("put");
    assert_eq!(kinesis.read(&name).await.len(), 1);
}

pub(crate) async fn data_may_be_empty(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    kinesis.put_all(&name, [record("key", "")]).await;
    assert_eq!(kinesis.read(&name).await[0].data().as_ref(), b"");
}

pub(crate) async fn one_record_can_be_put_alone(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let put =
        |key: &str| kinesis.client.put_record().stream_name(&name).partition_key(key).data(Blob::new("data")).send();
    let answer = put("key").await.expect("put");
    assert_eq!(answer.shard_id(), "shardId-000000000000");
    assert_eq!(kinesis.read(&name).await[0].sequence_number(), answer.sequence_number());
    assert_eq!(code(put("").await), "ValidationException");
}

pub(crate) async fn a_call_takes_1_to_500_records(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let put = |count: usize| kinesis.put(&name, (0..count).map(|number| record(number.to_string(), "data")));
    assert_eq!(code(put(501).await), "ValidationException");
    assert_eq!(code(put(0).await), "ValidationException");
    assert_eq!(put(500).await.expect("put").records().len(), 500);
    assert_eq!(kinesis.read(&name).await.len(), 500);
}

pub(crate) async fn a_partition_key_has_up_to_256_characters(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    kinesis.put_all(&name, [record("k".repeat(256), "data")]).await;
    assert_eq!(code(kinesis.put(&name, [record("k".repeat(257), "data")]).await), "ValidationException");
}

pub(crate) async fn characters_of_a_key_are_counted_not_bytes(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    kinesis.put_all(&name, [record("ü".repeat(256), "data")]).await;
}

pub(crate) async fn a_record_of_exactly_1_mib_with_its_key_passes(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    kinesis.put_all(&name, [record("key", vec![7; MIB - 3])]).await;
    assert_eq!(kinesis.read(&name).await[0].data().as_ref().len(), MIB - 3);
}

pub(crate) async fn a_call_of_6_mib_passes(kinesis: Kinesis) {
    let name = kinesis.stream(8).await;
    let starts: Vec<u128> = kinesis.shards(&name).await.iter().map(|shard| range(shard).0).collect();
    kinesis.put_all(&name, starts.into_iter().map(|start| record_at(start, vec![7; 768 * KIB]))).await;
}

pub(crate) async fn a_stream_can_take_larger_records_once_it_is_told_to(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let arn = kinesis.arn(&name).await;
    kinesis.client.update_max_record_size().stream_arn(arn).max_record_size_in_kib(2_048).send().await.expect("set");
    kinesis.until_active(&name).await;
    kinesis.put_all(&name, [record("key", vec![7; 2 * MIB - 3])]).await;
    kinesis.put(&name, [record("key", vec![7; 2 * MIB])]).await.expect_err("too large");
}

pub(crate) async fn records_above_1_mib_a_second_fail_one_by_one(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let answer = kinesis.put(&name, (0..4).map(|_| record("key", vec![7; 400 * KIB]))).await.expect("put");
    let codes: Vec<_> = answer.records().iter().map(PutRecordsResultEntry::error_code).collect();
    assert_eq!(codes, [None, None, THROTTLED, THROTTLED]);
    assert_eq!(answer.failed_record_count(), Some(2));
    assert!(answer.records()[..2].iter().all(|result| result.shard_id().is_some()));
    assert!(answer.records()[2..].iter().all(|result| result.sequence_number().is_none()));
    assert_eq!(kinesis.read(&name).await.len(), 2);
}

pub(crate) async fn records_above_1000_a_second_fail_and_are_not_written(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let (mut accepted, mut throttled) = (0, 0);
    // Far more than any second allows; how many pass depends on how long the calls take.
    for _ in 0..100 {
        let answer = kinesis.put(&name, (0..500).map(|_| record("key", "x"))).await.expect("put");
        let failed = answer.records().iter().filter(|result| result.error_code() == THROTTLED).count();
        assert_eq!(answer.failed_record_count(), i32::try_from(failed).ok());
        accepted += answer.records().len() - failed;
        throttled += failed;
        if throttled > 0 {
            break;
        }
    }
    assert!(throttled > 0 && accepted >= 1_000, "{accepted} accepted, {throttled} throttled");
    assert_eq!(kinesis.read(&name).await.len(), accepted);
}

pub(crate) async fn a_full_shard_does_not_stop_records_of_another(kinesis: Kinesis) {
    let name = kinesis.stream(2).await;
    let large = || record_at(0, vec![7; 600 * KIB]);
    let answer = kinesis.put(&name, [large(), large(), record_at(u128::MAX, "small")]).await.expect("put");
    let codes: Vec<_> = answer.records().iter().map(PutRecordsResultEntry::error_code).collect();
    assert_eq!(codes, [None, THROTTLED, None]);
}

pub(crate) async fn a_throttled_record_names_shard_stream_and_account(kinesis: Kinesis) {
    let name = kinesis.stream(2).await;
    let large = || record_at(u128::MAX, vec![7; 600 * KIB]);
    let answer = kinesis.put(&name, [large(), large()]).await.expect("put");
    let message = answer.records()[1].error_message().expect("a message");
    assert_eq!(
        message,
        format!("Rate exceeded for shard shardId-000000000001 in stream {name} under account 000000000000.")
    );
}
