//! What the debug log is made of: calls of every kind, their bodies, and where each record was put.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::egress::EgressPolicy;
use engine::record::Record;
use engine::rules::Outcome;
use kinesis::{
    Access, BodyPolicy, Call, CallLog, CallNumbers, Client, Clock, DryRun, Error, Keep, Keys, PutIn, PutOutcome,
    Settings, Stream, Timeouts, WindowResult, Writer, WriterSettings,
};
use serde_json::Value;
use simulator::{Effect, Operation, Rule, Selection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::answers::canned;
use crate::roles;
use crate::world::{STREAM, THROTTLED, World, all, both, never, quick, records, settings, tally};

/// A client with a log, and what both count with.
struct Logged {
    client: Client,
    log: CallLog,
    numbers: CallNumbers,
}

impl Logged {
    async fn new(settings: Settings, keep: Keep, sample: u32) -> Self {
        let numbers = CallNumbers::starting_at(1);
        let log = CallLog::new(numbers.clone(), Clock::new(|| 7), BodyPolicy { keep, sample });
        let client = Client::new(Settings { log: Some(log.clone()), ..settings }).await.unwrap();
        Self { client, log, numbers }
    }

    async fn of(world: &World, keep: Keep, sample: u32) -> Self {
        Self::new(settings(world.kinesis.endpoint(), world.timeouts), keep, sample).await
    }

    async fn put(&self, records: &[Record], settings: WriterSettings) -> WindowResult {
        let clock = Clock::new(|| 7);
        let writer = Writer::new(self.client.clone(), stream(), settings, self.numbers.clone(), clock).unwrap();
        writer.put(records, &never()).await
    }
}

fn stream() -> Stream {
    let arn = format!("arn:aws:kinesis:us-east-1:{}:stream/{STREAM}", simulator::ACCOUNT_ID);
    Stream { name: STREAM.to_owned(), arn }
}

/// Passes everything on, and remembers it.
struct Tap {
    endpoint: String,
    sent: Arc<Mutex<Vec<u8>>>,
    answered: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    async fn before(world: &World) -> Self {
        let (sent, answered) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<Mutex<Vec<u8>>>::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (behind, to, fro) = (world.kinesis.address(), sent.clone(), answered.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(behind).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(pass(from_client, to_server, to.clone()));
                tokio::spawn(pass(from_server, to_client, fro.clone()));
            }
        });
        Self { endpoint, sent, answered }
    }
}

/// What was passed on was remembered before.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, seen: Arc<Mutex<Vec<u8>>>) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        seen.lock().unwrap().extend(&piece[..read]);
        if to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}

fn contains(all: &Mutex<Vec<u8>>, part: &[u8]) -> bool {
    all.lock().unwrap().windows(part.len()).any(|window| window == part)
}

fn json(body: Option<&[u8]>) -> Value {
    serde_json::from_slice(body.unwrap()).unwrap()
}

fn kept(call: &Call) -> (bool, bool) {
    (call.request.is_some(), call.response.is_some())
}

#[tokio::test]
async fn a_call_with_throttled_records_keeps_both_bodies_as_they_crossed_the_wire() {
    let world = World::new().await;
    world.fault(0, 1, Effect::Throttle(Selection::Shard("shardId-000000000002".to_owned())));
    let tap = Tap::before(&world).await;
    let logged = Logged::new(settings(&tap.endpoint, world.timeouts), Keep::Failures, 0).await;
    let result = logged.put(&records(500), quick()).await;

    assert_eq!(tally(&result), all(500, Outcome::Acknowledged));
    let [first, second] = result.calls.as_slice() else { panic!("{:?}", result.calls) };
    let (request, response) = (first.request.as_ref().unwrap(), first.response.as_ref().unwrap());
    assert!(contains(&tap.sent, request) && contains(&tap.answered, response));
    let (request, response) = (json(Some(request)), json(Some(response)));
    assert_eq!((request["Records"].as_array().unwrap().len(), &request["StreamARN"]), (500, &stream().arn.into()));
    assert_eq!(response["Records"].as_array().unwrap().len(), 500);
    assert_eq!(response["FailedRecordCount"], first.failures.len());
    for failure in &first.failures {
        assert_eq!(response["Records"][failure.position as usize]["ErrorCode"], THROTTLED);
        assert_eq!(first.records[failure.position as usize], failure.record);
    }
    assert_eq!(kept(second), (false, false), "a good call keeps nothing without a sample");

    let shards: Vec<_> = (0..4).map(|number| format!("shardId-{number:012}")).collect();
    assert_eq!((&first.shards, &second.shards), (&shards, &vec![shards[2].clone()]));
    assert_eq!((first.kind, first.retry_reason.as_deref()), ("PutRecords", None));
    assert_eq!(second.retry_reason.as_deref(), Some(THROTTLED));
    assert!(second.waited > Duration::ZERO);
}

#[tokio::test]
async fn good_calls_keep_their_bodies_as_the_policy_says() {
    for (keep, sample, expected) in [
        (Keep::Failures, 0, [false; 6]),
        (Keep::Failures, 2, [true, false, true, false, true, false]),
        (Keep::Failures, 100, [true, false, false, false, false, false]),
        (Keep::All, 0, [true; 6]),
        (Keep::None, 1, [false; 6]),
    ] {
        let world = World::new().await;
        let logged = Logged::of(&world, keep, sample).await;
        // Calls of other kinds do not use up the sample of the puts.
        logged.client.list_streams().await.unwrap();
        let mut settings = WriterSettings { concurrency: 1, ..quick() };
        settings.limits.call_records = 10;
        let result = logged.put(&records(60), settings).await;
        let found: Vec<_> = result.calls.iter().map(kept).collect();
        assert_eq!(found, expected.map(|kept| (kept, kept)), "{keep:?} {sample}");
        for call in result.calls.iter().filter(|call| call.request.is_some()) {
            assert_eq!(json(call.request.as_deref())["Records"].as_array().unwrap().len(), 10);
        }
        assert_eq!(kept(&logged.log.drain()[0]).0, expected[0], "{keep:?} {sample}");
    }
}

#[tokio::test]
async fn nothing_is_kept_of_failed_calls_either_if_the_policy_says_so() {
    let world = World::new().await;
    world.fault(0, 1, Effect::Throttle(Selection::All));
    let logged = Logged::of(&world, Keep::None, 1).await;
    let result = logged.put(&records(3), quick()).await;
    assert_eq!(result.calls.iter().map(kept).collect::<Vec<_>>(), [(false, false); 2]);
}

#[tokio::test]
async fn a_call_without_an_answer_keeps_its_request_alone() {
    for effect in [Effect::Hang, Effect::ResetBefore, Effect::ResetAfter, Effect::CutAnswer] {
        let mut world = World::new().await;
        world.timeouts = Timeouts { call: Duration::from_millis(300), ..Timeouts::default() };
        world.fault(0, 1, effect.clone());
        let result = Logged::of(&world, Keep::Failures, 0).await.put(&records(3), quick()).await;
        assert_eq!(tally(&result), all(3, Outcome::AcknowledgedAfterDoubt), "{effect:?}");
        assert_eq!(kept(&result.calls[0]), (true, false), "{effect:?}");
        assert_eq!(json(result.calls[0].request.as_deref())["Records"].as_array().unwrap().len(), 3);
        let code = result.calls[0].error.as_ref().map(|error| error.code.clone());
        assert_eq!(result.calls[1].retry_reason, code, "{effect:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_an_error_is_kept_with_its_request() {
    let world = World::new().await;
    world.fault(0, 1, Effect::call_error("ThrottlingException"));
    let result = Logged::of(&world, Keep::Failures, 0).await.put(&records(3), quick()).await;
    assert!(json(result.calls[0].response.as_deref())["__type"].as_str().unwrap().contains("ThrottlingException"));
    assert_eq!(kept(&result.calls[0]), (true, true));
}

#[tokio::test]
async fn calls_of_all_kinds_are_logged_and_numbered_with_the_puts() {
    let world = roles::world().await;
    let settings = Settings { timeouts: Timeouts::default(), ..roles::with(&world, roles::access()) };
    let logged = Logged::new(settings, Keep::All, 0).await;
    logged.client.list_streams().await.unwrap();
    let first = logged.put(&records(2), quick()).await;
    assert_eq!(logged.client.dry_run(&stream()).await.unwrap(), DryRun::Allowed);
    logged.client.list_shards(&stream()).await.unwrap();
    world.kinesis.faults([Rule::on(Operation::DescribeStreamSummary, Effect::call_error("AccessDeniedException"))]);
    logged.client.describe(&stream()).await.unwrap_err();
    let second = logged.put(&records(2), quick()).await;

    let mut calls = logged.log.drain();
    assert!(calls.iter().map(|call| call.id).is_sorted() && logged.log.drain().is_empty());
    let kinds = ["AssumeRole", "ListStreams", "DryRun", "ListShards", "DescribeStreamSummary"];
    assert_eq!(calls.iter().map(|call| call.kind).collect::<Vec<_>>(), kinds);
    let good: Vec<_> = calls.iter().map(|call| (call.http_status, call.is_good())).collect();
    // The error that a dry run is answered with says that all is well.
    let ok = (Some(200), true);
    assert_eq!(good, [ok, ok, (Some(400), true), ok, (Some(400), false)]);
    for call in &calls {
        assert!(call.request_id.is_some() && call.latency > Duration::ZERO, "{call:?}");
        assert_eq!((call.attempt, call.started_at, call.ended_at, call.records.len()), (1, 7, 7, 0));
        // An answer of AssumeRole is a session.
        assert_eq!(kept(call), (true, call.kind != "AssumeRole"));
    }
    assert!(json(calls[1].response.as_deref())["StreamSummaries"].is_array());

    calls.extend(first.calls.into_iter().chain(second.calls));
    calls.sort_by_key(|call| call.id);
    assert!(calls.iter().map(|call| call.id).eq(1..=7), "{calls:?}");
    assert_eq!((calls[2].kind, calls[6].kind), ("PutRecords", "PutRecords"));
    assert_no_secret(&world, &calls);
}

/// No key, no token and no signature, in no body and in no message.
fn assert_no_secret(world: &World, calls: &[Call]) {
    let bodies = calls.iter().flat_map(|call| [call.request.as_deref(), call.response.as_deref()]).flatten();
    let bodies = bodies.map(|body| String::from_utf8(body.to_vec()).unwrap());
    let text = bodies.chain(calls.iter().map(|call| format!("{:?}", call.error))).collect::<String>();
    assert!(text.contains("RoleArn") && text.contains("ExternalId"), "{text}");
    let sessions = world.kinesis.sessions();
    assert!(!sessions.is_empty());
    let issued = sessions.iter().map(|session| session.access_key_id.as_str());
    for secret in issued.chain([
        "secret",
        "simulated-session-token",
        "AWS4-HMAC",
        "Signature",
        "SessionToken",
        "security-token",
        "Credential",
    ]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_role_that_is_refused_is_told_by_its_own_call_and_not_by_the_put() {
    let world = roles::world().await;
    world.kinesis.faults([Rule::on(Operation::AssumeRole, Effect::call_error("AccessDenied"))]);
    let settings = Settings { timeouts: Timeouts::default(), ..roles::with(&world, roles::access()) };
    let logged = Logged::new(settings, Keep::Failures, 0).await;
    let result = logged.put(&records(2), quick()).await;
    assert!(matches!(result.fatal, Some(Error::RoleRefused { .. })), "{:?}", result.fatal);
    let asked = &logged.log.drain()[0];
    assert_eq!((asked.kind, kept(asked)), ("AssumeRole", (true, false)));
    assert!(asked.request_id.is_some() && asked.http_status.is_some());
    assert_eq!(asked.error.as_ref().map(|error| &*error.code), Some("AccessDenied"));
    // The put was never sent: nothing of AssumeRole's answer is taken for its own.
    let put = &result.calls[0];
    assert_eq!((put.http_status, &put.request_id, kept(put)), (None, &None, (false, false)));
}

#[tokio::test]
async fn each_try_of_a_call_that_reads_is_logged() {
    let world = World::new().await;
    let throttled = Rule::on(Operation::ListStreams, Effect::call_error("LimitExceededException")).times(1);
    world.kinesis.faults([throttled]);
    let logged = Logged::of(&world, Keep::Failures, 0).await;
    logged.client.list_streams().await.unwrap();
    let calls = logged.log.drain();
    let [first, second] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((first.attempt, first.is_good(), kept(first)), (1, false, (true, true)));
    assert_eq!((second.attempt, second.is_good(), kept(second)), (2, true, (false, false)));
    assert_eq!(second.retry_reason.as_deref(), Some("LimitExceededException"));
    assert!(first.waited.is_zero() && second.waited > Duration::ZERO);
}

/// Each put of each record is where the calls have it.
fn assert_puts(result: &WindowResult) {
    for (number, outcome) in (0..).zip(&result.outcomes) {
        let found: Vec<_> = result
            .calls
            .iter()
            .filter_map(|call| {
                let position = call.records.iter().position(|record| *record == number)?;
                Some(PutIn { call: call.id, position: u32::try_from(position).unwrap(), child: None })
            })
            .collect();
        assert!(!found.is_empty() && outcome.puts() == found, "{number} {outcome:?} {found:?}");
    }
    for call in &result.calls {
        assert!(call.failures.iter().all(|failure| call.records[failure.position as usize] == failure.record));
    }
}

#[tokio::test]
async fn every_put_of_a_record_is_known_after_partial_failures() {
    let world = World::new().await;
    for seed in [1, 2, 3] {
        let effect = Effect::Throttle(Selection::Fraction(0.4));
        world.kinesis.faults([Rule::on(Operation::PutRecords, effect).seed(seed).times(2)]);
    }
    let mut settings = quick();
    settings.retry.max_attempts = 20;
    let result = Logged::of(&world, Keep::Failures, 0).await.put(&records(900), settings).await;
    assert_eq!(tally(&result), all(900, Outcome::Acknowledged));
    assert!(result.calls.len() > 3);
    assert_puts(&result);
}

#[tokio::test]
async fn every_put_of_a_record_is_known_after_a_bad_one_is_cut_out() {
    for named in [true, false] {
        let world = World::new().await;
        let mut records = records(100);
        records[41].data = b"poison".to_vec();
        let message = named.then(|| {
            "Value '' at 'records.42.member.data' failed to satisfy constraint: Member must be shorter".to_owned()
        });
        let effect = Effect::CallError { code: "ValidationException".to_owned(), message };
        world.kinesis.faults([Rule::on(Operation::PutRecords, effect).data_contains("poison")]);
        let result = Logged::of(&world, Keep::Failures, 0).await.put(&records, quick()).await;
        assert_eq!(tally(&result), both((1, Outcome::Refused), (99, Outcome::Acknowledged)), "{named}");
        assert_puts(&result);
        let again = result.calls.iter().skip(1);
        assert!(again.clone().all(|call| call.retry_reason.as_deref() == Some("ValidationException")));
        assert_eq!(again.count() > 1, !named);
    }
}

#[tokio::test]
async fn a_record_that_was_not_put_has_no_puts() {
    let world = World::new().await;
    let mut records = records(1);
    records[0].partition_key = String::new();
    let result = Logged::of(&world, Keep::All, 0).await.put(&records, quick()).await;
    let PutOutcome::Refused { call: None, puts, .. } = &result.outcomes[0] else { panic!("{:?}", result.outcomes) };
    assert!(puts.is_empty() && result.calls.is_empty());
}

#[tokio::test]
async fn an_answer_that_quotes_credentials_is_not_kept() {
    const QUOTED: &str = r#"{"__type":"InvalidSignatureException","message":"The request signature we calculated does
        not match. The Canonical String for this request should have been 'POST x-amz-security-token:..'"}"#;
    const ECHOED: &str =
        r#"{"__type":"ThrottlingException","message":"busy","seen":"not-a-real\/0123456789abcdefghij"}"#;
    const HARMLESS: &str = r#"{"__type":"ThrottlingException","message":"busy"}"#;
    for (body, expected) in [(QUOTED, false), (ECHOED, false), (HARMLESS, true)] {
        let keys = Keys {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: Some("not-a-real/0123456789abcdefghij".to_owned()),
        };
        let endpoint = canned("400 Bad Request", body).await;
        let settings = Settings { access: Access::Keys(keys), ..settings(&endpoint, Timeouts::default()) };
        let result = Logged::new(settings, Keep::All, 0).await.put(&records(1), quick()).await;
        assert_eq!(kept(&result.calls[0]), (true, expected), "{body}");
    }
}

#[tokio::test]
async fn what_answers_at_another_address_is_not_read_by_way_of_the_log() {
    let endpoint = canned("403 Forbidden", "<html>a page of somebody else</html>").await;
    let limited = EgressPolicy::default().allow("127.0.0.0/8".parse().unwrap());
    for (egress, expected) in [(limited, false), (EgressPolicy::open(), true)] {
        let settings = Settings { egress, ..settings(&endpoint, Timeouts::default()) };
        let logged = Logged::new(settings, Keep::All, 0).await;
        let result = logged.put(&records(1), quick()).await;
        assert_eq!(kept(&result.calls[0]), (true, expected));
        logged.client.list_streams().await.unwrap_err();
        assert_eq!(kept(&logged.log.drain()[0]), (true, expected));
    }
}
