use aws_sdk_kinesis::types::ShardIteratorType;

use crate::kinesis::{Kinesis, code, record, record_at};
use crate::resharding::split;

const SHARD: &str = "shardId-000000000000";

pub(crate) async fn iterators_start_where_they_are_told_to(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    kinesis.put_all(&name, ["a", "b", "c"].map(|text| record("key", text))).await;
    let latest = kinesis.iterator(&name, SHARD, ShardIteratorType::Latest).await;
    let all = kinesis.read(&name).await;
    let second = all[1].sequence_number();
    let texts = async |iterator: String| {
        let answer = kinesis.client.get_records().shard_iterator(iterator).send().await.expect("read");
        let texts = answer.records().iter().map(|record| String::from_utf8_lossy(record.data().as_ref()).into_owned());
        texts.collect::<Vec<_>>().concat()
    };
    let from = async |start, number| {
        let request = kinesis.client.get_shard_iterator().stream_name(&name).shard_id(SHARD);
        let request = request.shard_iterator_type(start).starting_sequence_number(number);
        request.send().await.expect("an iterator").shard_iterator.expect("an iterator")
    };
    assert_eq!(texts(from(ShardIteratorType::AtSequenceNumber, second).await).await, "bc");
    assert_eq!(texts(from(ShardIteratorType::AfterSequenceNumber, second).await).await, "c");
    assert_eq!(texts(kinesis.iterator(&name, SHARD, ShardIteratorType::TrimHorizon).await).await, "abc");
    assert_eq!(texts(latest.clone()).await, "");
    kinesis.put_all(&name, [record("key", "d")]).await;
    assert_eq!(texts(latest).await, "d");

    let arrival = all[0].approximate_arrival_timestamp().expect("a time");
    let request = kinesis.client.get_shard_iterator().stream_name(&name).shard_id(SHARD).timestamp(*arrival);
    let at = request.shard_iterator_type(ShardIteratorType::AtTimestamp).send().await.expect("an iterator");
    assert_eq!(texts(at.shard_iterator.expect("an iterator")).await, "abcd");
}

pub(crate) async fn a_page_of_records_is_as_long_as_asked(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    kinesis.put_all(&name, (0..5).map(|number: u8| record("key", vec![number]))).await;
    let mut iterator = kinesis.iterator(&name, SHARD, ShardIteratorType::TrimHorizon).await;
    let mut pages = Vec::new();
    for _ in 0..4 {
        let answer = kinesis.client.get_records().shard_iterator(iterator).limit(2).send().await.expect("read");
        pages.push(answer.records().len());
        iterator = answer.next_shard_iterator.expect("an open shard goes on");
    }
    assert_eq!(pages, [2, 2, 1, 0]);
}

pub(crate) async fn a_closed_shard_ends(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    kinesis.put_all(&name, [record_at(0, "before")]).await;
    split(&kinesis, &name, SHARD, 1 << 127).await;
    kinesis.put_all(&name, [record_at(0, "after")]).await;
    let iterator = kinesis.iterator(&name, SHARD, ShardIteratorType::TrimHorizon).await;
    let mut answer = kinesis.client.get_records().shard_iterator(iterator).send().await.expect("read");
    assert_eq!(answer.records().len(), 1);
    // Kinesis may end the shard with the last record, or with one more, empty page.
    if let Some(iterator) = answer.next_shard_iterator {
        answer = kinesis.client.get_records().shard_iterator(iterator).send().await.expect("read");
        assert!(answer.records().is_empty());
    }
    assert_eq!(answer.next_shard_iterator(), None);
    assert_eq!(kinesis.read(&name).await.len(), 2);
}

pub(crate) async fn foreign_iterators_and_sequence_numbers_are_refused(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let nonsense = kinesis.client.get_records().shard_iterator("AAAA").send().await;
    assert_eq!(code(nonsense), "InvalidArgumentException");
    let start = |shard: &str, number: &str| {
        let request = kinesis.client.get_shard_iterator().stream_name(&name).shard_id(shard);
        request.shard_iterator_type(ShardIteratorType::AtSequenceNumber).starting_sequence_number(number).send()
    };
    assert_eq!(code(start(SHARD, "12345").await), "InvalidArgumentException");
    assert_eq!(code(start(SHARD, "abc").await), "ValidationException");
    assert_eq!(code(start("shardId-000000000099", "12345").await), "ResourceNotFoundException");
}
