//! The SDK client and the few steps that most cases share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::put_records::{PutRecordsError, PutRecordsOutput};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Record, Shard, ShardIteratorType};

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct Kinesis {
    pub(crate) client: Client,
    streams: Arc<AtomicU32>,
}

pub(crate) async fn start_ferrokinesis() -> String {
    let (app, _store) = ferrokinesis::create_app(ferrokinesis::store::StoreOptions {
        create_stream_ms: 0,
        delete_stream_ms: 0,
        update_stream_ms: 0,
        shard_limit: 1_000,
        enforce_limits: true,
        ..Default::default()
    });
    // Without it the framework's own limit of 2 MB hides those of the emulator.
    let app = app.layer(axum::extract::DefaultBodyLimit::max(64 * 1024 * 1024));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    endpoint
}

impl Kinesis {
    pub(crate) fn new(endpoint: &str) -> Self {
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("AKIDTEST", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(endpoint)
            .build();
        Self { client: Client::from_conf(config), streams: Arc::default() }
    }

    /// A stream name that no other case uses.
    pub(crate) fn new_name(&self) -> String {
        format!("stream-{:03}", self.streams.fetch_add(1, Ordering::Relaxed))
    }

    /// Creates a stream and waits until it can be used.
    pub(crate) async fn stream(&self, shards: i32) -> String {
        let name = self.new_name();
        self.client.create_stream().stream_name(&name).shard_count(shards).send().await.expect("created");
        self.until_active(&name).await;
        name
    }

    pub(crate) async fn until_active(&self, stream: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.client.describe_stream_summary().stream_name(stream).send().await.expect("described");
            if answer.stream_description_summary().expect("a description").stream_status().as_str() == "ACTIVE" {
                return;
            }
            assert!(Instant::now() < deadline, "{stream} does not become active");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn until_gone(&self, stream: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.client.describe_stream_summary().stream_name(stream).send().await.is_ok() {
            assert!(Instant::now() < deadline, "{stream} does not go away");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn arn(&self, stream: &str) -> String {
        let answer = self.client.describe_stream_summary().stream_name(stream).send().await.expect("described");
        answer.stream_description_summary().expect("a description").stream_arn().to_owned()
    }

    pub(crate) async fn shards(&self, stream: &str) -> Vec<Shard> {
        self.client.list_shards().stream_name(stream).send().await.expect("listed").shards.unwrap_or_default()
    }

    pub(crate) async fn put(
        &self,
        stream: &str,
        records: impl IntoIterator<Item = PutRecordsRequestEntry>,
    ) -> Result<PutRecordsOutput, SdkError<PutRecordsError>> {
        let records = records.into_iter().collect();
        self.client.put_records().stream_name(stream).set_records(Some(records)).send().await
    }

    /// Puts records of which every one must be accepted; returns the shard of each.
    pub(crate) async fn put_all(
        &self,
        stream: &str,
        records: impl IntoIterator<Item = PutRecordsRequestEntry>,
    ) -> Vec<String> {
        let answer = self.put(stream, records).await.expect("put");
        assert_eq!(answer.failed_record_count(), Some(0), "{answer:?}");
        answer.records().iter().map(|result| result.shard_id().expect("a shard").to_owned()).collect()
    }

    /// All records of a shard, from the oldest on.
    pub(crate) async fn read_shard(&self, stream: &str, shard: &str) -> Vec<Record> {
        let mut iterator = Some(self.iterator(stream, shard, ShardIteratorType::TrimHorizon).await);
        let mut records = Vec::new();
        while let Some(current) = iterator {
            let answer = self.client.get_records().shard_iterator(current).send().await.expect("read");
            let at_end = answer.records().is_empty() && answer.millis_behind_latest() == Some(0);
            iterator = answer.next_shard_iterator.filter(|_| !at_end);
            records.extend(answer.records);
        }
        records
    }

    pub(crate) async fn read(&self, stream: &str) -> Vec<Record> {
        let mut records = Vec::new();
        for shard in self.shards(stream).await {
            records.extend(self.read_shard(stream, shard.shard_id()).await);
        }
        records
    }

    pub(crate) async fn iterator(&self, stream: &str, shard: &str, start: ShardIteratorType) -> String {
        let request = self.client.get_shard_iterator().stream_name(stream).shard_id(shard).shard_iterator_type(start);
        request.send().await.expect("an iterator").shard_iterator.expect("an iterator")
    }
}

pub(crate) fn record(key: impl Into<String>, data: impl Into<Vec<u8>>) -> PutRecordsRequestEntry {
    PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new(data)).build().expect("complete")
}

pub(crate) fn record_at(hash_key: impl ToString, data: impl Into<Vec<u8>>) -> PutRecordsRequestEntry {
    let record = PutRecordsRequestEntry::builder().partition_key("key").explicit_hash_key(hash_key.to_string());
    record.data(Blob::new(data)).build().expect("complete")
}

/// First and last hash key of a shard.
pub(crate) fn range(shard: &Shard) -> (u128, u128) {
    let range = shard.hash_key_range().expect("a range");
    (range.starting_hash_key().parse().expect("a number"), range.ending_hash_key().parse().expect("a number"))
}

pub(crate) fn is_open(shard: &Shard) -> bool {
    shard.sequence_number_range().expect("a range").ending_sequence_number().is_none()
}

/// The code of a call that must fail.
#[track_caller]
pub(crate) fn code<T, E: ProvideErrorMetadata>(answer: Result<T, SdkError<E>>) -> String {
    refusal(answer).0
}

/// Code and message of a call that must fail.
#[track_caller]
pub(crate) fn refusal<T, E: ProvideErrorMetadata>(answer: Result<T, SdkError<E>>) -> (String, String) {
    let Err(error) = answer else { panic!("the call succeeded, although it must be refused") };
    (error.code().unwrap_or("no code").to_owned(), error.message().unwrap_or_default().to_owned())
}
