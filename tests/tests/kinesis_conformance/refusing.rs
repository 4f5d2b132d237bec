use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;

use crate::kinesis::{Kinesis, code, range, record, record_at, refusal};

const KIB: usize = 1_024;
const MIB: usize = 1_024 * 1_024;

pub(crate) async fn one_empty_partition_key_refuses_the_whole_call(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let (code, message) = refusal(kinesis.put(&name, [record("key", "good"), record("", "bad")]).await);
    assert_eq!(code, "ValidationException");
    assert!(message.contains("records.2.member.partitionKey"), "{message}");
    assert!(kinesis.read(&name).await.is_empty());
}

pub(crate) async fn a_missing_partition_key_refuses_the_whole_call(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let keyless = PutRecordsRequestEntry::builder().data(Blob::new("bad")).build().expect("the SDK allows it");
    let (code, message) = refusal(kinesis.put(&name, [keyless]).await);
    assert_eq!(code, "ValidationException");
    assert!(message.contains("records.1.member.partitionKey"), "{message}");
}

pub(crate) async fn a_malformed_hash_key_is_invalid(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    for key in ["abc", ""] {
        let (code, message) = refusal(kinesis.put(&name, [record("key", "good"), record_at(key, "bad")]).await);
        assert_eq!(code, "ValidationException", "{key:?}");
        assert!(message.contains("records.2.member.explicitHashKey"), "{message}");
    }
    assert!(kinesis.read(&name).await.is_empty());
}

pub(crate) async fn signs_fractions_and_leading_zeros_in_a_hash_key_are_invalid(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    for key in ["-1", "1.5", "01"] {
        assert_eq!(code(kinesis.put(&name, [record_at(key, "bad")]).await), "ValidationException", "{key:?}");
    }
}

pub(crate) async fn a_hash_key_of_2_to_the_128_is_out_of_range(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let key = "340282366920938463463374607431768211456";
    assert_eq!(code(kinesis.put(&name, [record_at(key, "bad")]).await), "InvalidArgumentException");
}

pub(crate) async fn the_key_counts_toward_the_size_of_a_record(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    kinesis.put(&name, [record("k", vec![7; MIB])]).await.expect_err("1 MiB and one byte");
}

/// Kinesis' own text for it is not known, so that neither code nor message is asserted.
pub(crate) async fn a_record_above_the_limit_refuses_the_whole_call(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let records = [record("key", "good"), record("key", vec![7; MIB + 64 * KIB])];
    let refused = kinesis.put(&name, records).await.expect_err("too large");
    assert_eq!(refused.raw_response().expect("an answer").status().as_u16(), 400);
    assert!(kinesis.read(&name).await.is_empty());
}

pub(crate) async fn a_call_above_10_mib_is_refused(kinesis: Kinesis) {
    let name = kinesis.stream(16).await;
    let starts: Vec<u128> = kinesis.shards(&name).await.iter().map(|shard| range(shard).0).collect();
    let records = starts.into_iter().map(|start| record_at(start, vec![7; 700 * KIB]));
    kinesis.put(&name, records).await.expect_err("too large");
    assert!(kinesis.read(&name).await.is_empty());
}

pub(crate) async fn a_dry_run_writes_nothing_and_says_so(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let request = kinesis.client.put_records().stream_name(&name).records(record("key", "data")).dry_run(true);
    assert_eq!(code(request.send().await), "DryRunOperationException");
    let unknown = kinesis.client.put_records().stream_name("missing").records(record("key", "data")).dry_run(true);
    assert_eq!(code(unknown.send().await), "ResourceNotFoundException");
    assert!(kinesis.read(&name).await.is_empty());
}
