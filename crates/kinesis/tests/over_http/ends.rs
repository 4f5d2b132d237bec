//! Fatal answers, cancel, and the end of the lease.

use std::time::Duration;

use engine::rules::Outcome;
use kinesis::{Error, Stop, Timeouts, WindowResult};
use simulator::{Effect, Operation, Selection};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::world::{STREAM, World, all, both, client, never, quick, records, tally, writer};

async fn fatal(world: &mut World, effect: Effect) -> WindowResult {
    world.settings.concurrency = 1;
    world.fault(1, 1, effect);
    world.put(&records(1500)).await
}

#[tokio::test]
async fn access_denied_ends_the_window_and_says_what_to_allow() {
    let mut world = World::new().await;
    let result = fatal(&mut world, Effect::call_error("AccessDeniedException")).await;
    let counts = [(500, Outcome::Acknowledged), (500, Outcome::Refused), (500, Outcome::NotPut)];
    assert_eq!(tally(&result), counts.map(|(count, outcome)| (outcome as u8, count)).into());
    let error = result.fatal.unwrap();
    assert!(matches!(error, Error::AccessDenied { .. }));
    let text = error.to_string();
    assert!(text.contains("kinesis:PutRecords on arn:aws:kinesis:us-east-1:000000000000:stream/orders"), "{text}");
    assert_eq!(world.puts(), 2);
}

#[tokio::test]
async fn an_expired_token_a_missing_stream_and_a_missing_key_are_fatal() {
    let world = &mut World::new().await;
    let result = fatal(world, Effect::call_error("ExpiredTokenException")).await;
    assert!(matches!(result.fatal, Some(Error::ExpiredCredentials { .. })));
    let result = fatal(world, Effect::call_error("UnrecognizedClientException")).await;
    assert!(matches!(result.fatal, Some(Error::InvalidCredentials { .. })));
    let result = fatal(world, Effect::call_error("KMSAccessDeniedException")).await;
    assert!(matches!(result.fatal, Some(Error::Kms { .. })));

    let missing = simulator::start(simulator::Config::default()).await.unwrap();
    let writer = writer(client(missing.endpoint(), Timeouts::default()).await, quick());
    let result = writer.put(&records(3), &never()).await;
    assert_eq!(tally(&result), all(3, Outcome::Refused));
    assert!(matches!(result.fatal, Some(Error::StreamGone { .. })));
}

#[tokio::test]
async fn a_fatal_answer_ends_the_waits_of_other_batches_at_once() {
    let mut world = World::new().await;
    world.settings.concurrency = 2;
    world.settings.retry.base_backoff = Duration::from_secs(3600);
    world.settings.retry.max_backoff = Duration::from_secs(3600);
    world.settings.retry.retry_for = Duration::MAX;
    world.fault(0, 1, Effect::Throttle(Selection::All));
    world.fault(1, 1, Effect::call_error("AccessDeniedException"));
    let result = world.put(&records(1500)).await;
    assert_eq!(tally(&result), both((1000, Outcome::Refused), (500, Outcome::NotPut)));
    assert!(result.fatal.is_some());
}

#[tokio::test]
async fn no_error_quotes_the_session_token() {
    let world = World::new().await;
    let message = "The request signature we calculated does not match the signature you provided.\n\nThe Canonical \
                   String for this request should have been\n'POST\n/\n\nx-amz-security-token:hush'";
    let code = "InvalidSignatureException".to_owned();
    world.fault(0, 9, Effect::CallError { code, message: Some(message.to_owned()) });
    let result = world.put(&records(1)).await;
    assert!(matches!(result.fatal, Some(Error::InvalidCredentials { .. })));
    let printed = format!("{result:?}");
    assert!(printed.contains("does not match the signature") && !printed.contains("hush"), "{printed}");
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_refuses_without_doubt() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let client = client(&endpoint, Timeouts::default()).await;
    let result = writer(client.clone(), quick()).put(&records(3), &never()).await;
    assert_eq!(tally(&result), all(3, Outcome::Refused));
    assert_eq!(result.calls.len(), 4);
    let error = client.list_streams().await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&endpoint), "{error}");
}

#[tokio::test]
async fn on_cancel_the_call_in_flight_is_awaited_and_nothing_else_is_put() {
    let mut world = World::new().await;
    world.settings.concurrency = 1;
    world.fault(0, 1, Effect::Latency { ms: 300 });
    let cancel = CancellationToken::new();
    let stop = Stop::at(Instant::now() + Duration::from_secs(3600), cancel.clone());
    let (writer, records) = (world.writer().await, records(1500));
    let canceller = async {
        world.kinesis.wait_for_calls(Operation::PutRecords, 1).await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(writer.put(&records, &stop), canceller);
    assert_eq!(tally(&result), both((500, Outcome::Acknowledged), (1000, Outcome::NotPut)));
    assert_eq!((world.puts(), world.kinesis.record_count(STREAM)), (1, 500));
}

#[tokio::test]
async fn cancel_ends_a_wait_at_once() {
    let mut world = World::new().await;
    world.settings.retry.base_backoff = Duration::from_secs(3600);
    world.settings.retry.max_backoff = Duration::from_secs(3600);
    world.settings.retry.retry_for = Duration::MAX;
    world.fault(0, 1, Effect::Throttle(Selection::All));
    let cancel = CancellationToken::new();
    let stop = Stop::at(Instant::now() + Duration::from_secs(3600), cancel.clone());
    let (writer, records) = (world.writer().await, records(3));
    let canceller = async {
        world.kinesis.wait_for_calls(Operation::PutRecords, 1).await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(writer.put(&records, &stop), canceller);
    assert_eq!(tally(&result), all(3, Outcome::Refused));
}

#[tokio::test]
async fn no_put_begins_after_the_end_of_the_lease() {
    let world = World::new().await;
    let stop = Stop::at(Instant::now(), CancellationToken::new());
    let result = world.writer().await.put(&records(1000), &stop).await;
    assert_eq!(tally(&result), all(1000, Outcome::NotPut));
    assert_eq!((world.puts(), result.calls.len()), (0, 0));
}

#[tokio::test]
async fn a_lease_that_ends_while_a_call_is_in_flight_stops_the_rest() {
    let mut world = World::new().await;
    world.settings.concurrency = 1;
    world.fault(0, 1, Effect::Latency { ms: 300 });
    let (lease, end) = watch::channel(Instant::now() + Duration::from_secs(3600));
    let stop = Stop::new(end, CancellationToken::new());
    let (writer, records) = (world.writer().await, records(1500));
    let loser = async {
        world.kinesis.wait_for_calls(Operation::PutRecords, 1).await;
        lease.send(Instant::now()).unwrap();
    };
    let (result, ()) = tokio::join!(writer.put(&records, &stop), loser);
    assert_eq!(tally(&result), both((500, Outcome::Acknowledged), (1000, Outcome::NotPut)));
}
