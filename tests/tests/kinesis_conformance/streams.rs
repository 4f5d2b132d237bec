use aws_sdk_kinesis::types::{StreamMode, StreamModeDetails};

use crate::kinesis::{Kinesis, code, record};

pub(crate) async fn a_created_stream_is_described_with_its_arn_mode_and_creation_time(kinesis: Kinesis) {
    let name = kinesis.stream(3).await;
    let answer = kinesis.client.describe_stream_summary().stream_name(&name).send().await.expect("described");
    let summary = answer.stream_description_summary().expect("a description");
    assert_eq!(summary.stream_name(), name);
    assert_eq!(summary.stream_arn(), format!("arn:aws:kinesis:us-east-1:000000000000:stream/{name}"));
    assert_eq!(summary.stream_mode_details().expect("a mode").stream_mode(), &StreamMode::Provisioned);
    assert_eq!(summary.open_shard_count(), 3);
    assert_eq!(summary.retention_period_hours(), 24);
    assert!(summary.stream_creation_timestamp().secs() > 1_600_000_000);
    let answer = kinesis.client.describe_stream().stream_name(&name).send().await.expect("described");
    let description = answer.stream_description().expect("a description");
    assert_eq!(description.shards().len(), 3);
    assert!(!description.has_more_shards());
}

pub(crate) async fn an_on_demand_stream_starts_with_four_shards(kinesis: Kinesis) {
    let name = kinesis.new_name();
    let mode = StreamModeDetails::builder().stream_mode(StreamMode::OnDemand).build().expect("complete");
    kinesis.client.create_stream().stream_name(&name).stream_mode_details(mode).send().await.expect("created");
    kinesis.until_active(&name).await;
    let answer = kinesis.client.describe_stream_summary().stream_name(&name).send().await.expect("described");
    let summary = answer.stream_description_summary().expect("a description");
    assert_eq!(summary.stream_mode_details().expect("a mode").stream_mode(), &StreamMode::OnDemand);
    assert_eq!(summary.open_shard_count(), 4);
}

pub(crate) async fn streams_are_listed_by_name_in_pages(kinesis: Kinesis) {
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(kinesis.stream(1).await);
    }
    let (mut listed, mut pages, mut last) = (Vec::new(), 0, None);
    loop {
        let request = kinesis.client.list_streams().limit(2).set_exclusive_start_stream_name(last);
        let page = request.send().await.expect("listed");
        assert!(page.stream_names().len() <= 2);
        pages += 1;
        last = page.stream_names().last().cloned();
        listed.extend(page.stream_names);
        if !page.has_more_streams {
            break;
        }
    }
    assert!(pages >= 2 && listed.is_sorted() && made.iter().all(|name| listed.contains(name)), "{listed:?}");
}

pub(crate) async fn streams_are_listed_with_summaries(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let answer = kinesis.client.list_streams().limit(100).send().await.expect("listed");
    let summary = answer.stream_summaries().iter().find(|summary| summary.stream_name() == name).expect("a summary");
    assert_eq!(summary.stream_arn(), kinesis.arn(&name).await);
    assert_eq!(summary.stream_status().as_str(), "ACTIVE");
    assert_eq!(summary.stream_mode_details().expect("a mode").stream_mode(), &StreamMode::Provisioned);
    assert!(summary.stream_creation_timestamp().is_some());
}

pub(crate) async fn the_next_page_of_streams_is_asked_for_by_token(kinesis: Kinesis) {
    for _ in 0..2 {
        kinesis.stream(1).await;
    }
    let whole = kinesis.client.list_streams().limit(100).send().await.expect("listed").stream_names;
    let (mut listed, mut token) = (Vec::new(), None);
    loop {
        let page = kinesis.client.list_streams().limit(1).set_next_token(token).send().await.expect("listed");
        listed.extend(page.stream_names);
        token = page.next_token;
        assert_eq!(page.has_more_streams, token.is_some());
        if token.is_none() {
            break;
        }
    }
    assert_eq!(listed, whole);
}

pub(crate) async fn a_name_can_be_taken_once(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let again = kinesis.client.create_stream().stream_name(&name).shard_count(1).send().await;
    assert_eq!(code(again), "ResourceInUseException");
}

pub(crate) async fn a_stream_made_anew_under_an_old_name_is_empty(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    kinesis.put_all(&name, [record("key", "old")]).await;
    make_anew(&kinesis, &name).await;
    assert!(kinesis.read(&name).await.is_empty());
}

pub(crate) async fn a_stream_made_anew_within_a_second_has_a_later_creation_time(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let created = async || {
        let answer = kinesis.client.describe_stream_summary().stream_name(&name).send().await.expect("described");
        *answer.stream_description_summary().expect("a description").stream_creation_timestamp()
    };
    let old = created().await;
    make_anew(&kinesis, &name).await;
    assert!(created().await > old);
}

async fn make_anew(kinesis: &Kinesis, name: &str) {
    kinesis.client.delete_stream().stream_name(name).send().await.expect("deleted");
    kinesis.until_gone(name).await;
    kinesis.client.create_stream().stream_name(name).shard_count(1).send().await.expect("created");
    kinesis.until_active(name).await;
}

pub(crate) async fn an_unknown_stream_is_not_found(kinesis: Kinesis) {
    let client = &kinesis.client;
    let missing = "ResourceNotFoundException";
    let put = kinesis.put("missing", [record("key", "data")]).await.expect_err("refused");
    assert!(put.as_service_error().expect("an answer").is_resource_not_found_exception());
    assert_eq!(code(client.describe_stream().stream_name("missing").send().await), missing);
    assert_eq!(code(client.describe_stream_summary().stream_name("missing").send().await), missing);
    assert_eq!(code(client.list_shards().stream_name("missing").send().await), missing);
    assert_eq!(code(client.delete_stream().stream_name("missing").send().await), missing);
}

pub(crate) async fn odd_names_and_shard_counts_are_invalid(kinesis: Kinesis) {
    let create = |name: &str, shards| kinesis.client.create_stream().stream_name(name).shard_count(shards).send();
    for (name, shards) in [("two words", 1), ("", 1), ("ä", 1), (&"x".repeat(129), 1), ("none", 0), ("less", -1)] {
        assert_eq!(code(create(name, shards).await), "ValidationException", "{name:?} {shards}");
    }
}

pub(crate) async fn an_arn_of_another_account_or_region_names_no_stream(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    let arn = kinesis.arn(&name).await;
    for other in [arn.replace("000000000000", "111111111111"), arn.replace("us-east-1", "eu-west-1")] {
        let put = kinesis.client.put_records().stream_arn(&other).records(record("key", "data")).send().await;
        assert_eq!(code(put), "ResourceNotFoundException", "{other}");
    }
}
