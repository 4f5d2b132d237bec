use std::collections::BTreeMap;
use std::time::Duration;

use domain::egress::EgressPolicy;
use engine::outcome::RetryPolicy;
use engine::record::Record;
use engine::rules::Outcome;
use kinesis::{
    Access, CallNumbers, Client, Clock, Keys, Settings, Stop, Stream, Timeouts, WindowResult, Writer, WriterSettings,
};
use simulator::{Config, Effect, Handle, Limits, Operation, Rule};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) const STREAM: &str = "orders";
pub(crate) const THROTTLED: &str = "ProvisionedThroughputExceededException";

/// A simulator with one stream of four shards and no limits.
pub(crate) struct World {
    pub(crate) kinesis: Handle,
    pub(crate) settings: WriterSettings,
    pub(crate) timeouts: Timeouts,
}

impl World {
    pub(crate) async fn new() -> Self {
        let kinesis = simulator::start(Config { limits: Limits::off(), ..Config::default() }).await.unwrap();
        kinesis.create_stream(STREAM, 4).unwrap();
        Self { kinesis, settings: quick(), timeouts: Timeouts::default() }
    }

    /// All calls but the first `skip` PutRecords calls, up to `times`, meet this effect.
    pub(crate) fn fault(&self, skip: u64, times: u64, effect: Effect) {
        self.kinesis.faults([Rule::on(Operation::PutRecords, effect).skip(skip).times(times)]);
    }

    pub(crate) async fn client(&self) -> Client {
        client(self.kinesis.endpoint(), self.timeouts).await
    }

    pub(crate) async fn writer(&self) -> Writer {
        writer(self.client().await, self.settings.clone())
    }

    pub(crate) async fn put(&self, records: &[Record]) -> WindowResult {
        self.writer().await.put(records, &never()).await
    }

    /// How often each partition key is in the stream.
    pub(crate) fn arrived(&self) -> BTreeMap<String, usize> {
        let mut arrived = BTreeMap::new();
        for record in self.kinesis.records(STREAM) {
            *arrived.entry(record.partition_key).or_default() += 1;
        }
        arrived
    }

    pub(crate) fn assert_arrived_once(&self, records: &[Record]) {
        let expected = records.iter().map(|record| (record.partition_key.clone(), 1)).collect();
        assert_eq!(self.arrived(), expected);
    }

    pub(crate) fn puts(&self) -> u64 {
        self.kinesis.calls_of(Operation::PutRecords)
    }
}

pub(crate) async fn client(endpoint: &str, timeouts: Timeouts) -> Client {
    Client::new(settings(endpoint, timeouts)).await.unwrap()
}

pub(crate) fn settings(endpoint: &str, timeouts: Timeouts) -> Settings {
    let keys = Keys { access_key_id: "AKID".to_owned(), secret_access_key: "secret".to_owned(), session_token: None };
    Settings {
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        sts_endpoint: None,
        access: Access::Keys(keys),
        timeouts,
        egress: EgressPolicy::open(),
        log: None,
    }
}

pub(crate) fn writer(client: Client, settings: WriterSettings) -> Writer {
    let arn = format!("arn:aws:kinesis:us-east-1:{}:stream/{STREAM}", simulator::ACCOUNT_ID);
    let stream = Stream { name: STREAM.to_owned(), arn };
    Writer::new(client, stream, settings, CallNumbers::starting_at(1), Clock::new(|| 7)).unwrap()
}

/// Retries without noticeable waits.
pub(crate) fn quick() -> WriterSettings {
    let retry = RetryPolicy {
        max_attempts: 4,
        retry_for: Duration::from_secs(60),
        base_backoff: Duration::from_millis(1),
        max_backoff: Duration::from_millis(4),
    };
    WriterSettings { retry, ..WriterSettings::default() }
}

pub(crate) fn never() -> Stop {
    Stop::at(Instant::now() + Duration::from_secs(3600), CancellationToken::new())
}

pub(crate) fn record(number: usize) -> Record {
    Record {
        data: format!(r#"{{"id":{number}}}"#).into_bytes(),
        partition_key: format!("key-{number:05}"),
        explicit_hash_key: None,
    }
}

pub(crate) fn records(count: usize) -> Vec<Record> {
    (0..count).map(record).collect()
}

/// How many records ended in each outcome.
pub(crate) fn tally(result: &WindowResult) -> BTreeMap<u8, usize> {
    let mut tally = BTreeMap::new();
    for outcome in &result.outcomes {
        *tally.entry(outcome.outcome() as u8).or_default() += 1;
    }
    tally
}

pub(crate) fn all(count: usize, outcome: Outcome) -> BTreeMap<u8, usize> {
    BTreeMap::from([(outcome as u8, count)])
}

pub(crate) fn both(first: (usize, Outcome), second: (usize, Outcome)) -> BTreeMap<u8, usize> {
    [first, second].map(|(count, outcome)| (outcome as u8, count)).into()
}
