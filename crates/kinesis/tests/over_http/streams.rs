use kinesis::{
    Access, CallNumbers, Client, Clock, DryRun, Error, Keys, Settings, Stream, StreamMode, StreamStatus, Timeouts,
    Writer, WriterSettings,
};
use simulator::{Effect, Operation, Rule};

use crate::world::{STREAM, World};

#[tokio::test]
async fn all_pages_of_streams_are_read() {
    let world = World::new().await;
    for number in 0..250 {
        world.kinesis.create_stream(&format!("stream-{number:03}"), 1).unwrap();
    }
    let streams = world.client().await.list_streams().await.unwrap();
    assert_eq!(streams.len(), 251);
    assert!(world.kinesis.calls_of(Operation::ListStreams) >= 3);
    let orders = streams.iter().find(|stream| stream.name == STREAM).unwrap();
    assert_eq!((&orders.status, &orders.mode), (&StreamStatus::Active, &Some(StreamMode::Provisioned)));
    assert!(orders.created_at.unwrap() > 1_700_000_000_000);
    assert_eq!(orders.arn, "arn:aws:kinesis:us-east-1:000000000000:stream/orders");
}

#[tokio::test]
async fn a_missing_stream_is_reported_with_names_like_it() {
    let world = World::new().await;
    world.kinesis.create_stream("Orders-eu", 1).unwrap();
    world.kinesis.create_stream("customers", 1).unwrap();
    let client = world.client().await;
    assert_eq!(client.stream(STREAM).await.unwrap().stream().name, STREAM);
    let error = client.stream("order").await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`order` in us-east-1. Similar names: `Orders-eu`, `orders`."), "{text}");
    let text = client.stream("payments-audit").await.unwrap_err().to_string();
    assert!(text.contains("None of the 3 streams there has a similar name."), "{text}");
}

#[tokio::test]
async fn listing_survives_throttling_and_names_a_missing_right() {
    let world = World::new().await;
    let throttled = Effect::call_error("LimitExceededException");
    world.kinesis.faults([Rule::on(Operation::ListStreams, throttled).times(2)]);
    let client = world.client().await;
    assert_eq!(client.list_streams().await.unwrap().len(), 1);
    world.kinesis.faults([Rule::on(Operation::ListStreams, Effect::call_error("AccessDeniedException"))]);
    let error = client.list_streams().await.unwrap_err();
    assert!(error.to_string().starts_with("kinesis:ListStreams on * is denied"), "{error}");
}

#[tokio::test]
async fn a_dry_run_tests_the_connection_and_writes_nothing() {
    let world = World::new().await;
    let client = world.client().await;
    let stream = client.stream(STREAM).await.unwrap().stream();
    assert_eq!(client.dry_run(&stream).await.unwrap(), DryRun::Allowed);
    assert_eq!(world.kinesis.record_count(STREAM), 0);
    let gone = Stream { name: "gone".to_owned(), arn: stream.arn.replace(STREAM, "gone") };
    assert!(matches!(client.dry_run(&gone).await.unwrap_err(), Error::StreamGone { .. }));
    world.fault(0, 9, Effect::call_error("AccessDeniedException"));
    assert!(matches!(client.dry_run(&stream).await.unwrap_err(), Error::AccessDenied { .. }));
}

fn settings(region: &str, endpoint: Option<&str>, secret: &str) -> Settings {
    let keys = Keys { access_key_id: "AKID".to_owned(), secret_access_key: secret.to_owned(), session_token: None };
    Settings {
        region: region.to_owned(),
        endpoint: endpoint.map(str::to_owned),
        sts_endpoint: None,
        access: Access::Keys(keys),
        timeouts: Timeouts::default(),
        egress: domain::egress::EgressPolicy::open(),
        log: None,
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    for wrong in [
        settings("", None, "s"),
        settings("eu-west-1.example.com/", None, "s"),
        settings("eu-west-1", Some("kinesis.local"), "s"),
        settings("eu-west-1", Some("http://"), "s"),
        settings("eu-west-1", None, ""),
    ] {
        let printed = format!("{wrong:?}");
        assert!(matches!(Client::new(wrong).await.unwrap_err(), Error::Settings { .. }), "{printed}");
    }
}

#[tokio::test]
async fn a_stream_of_another_region_is_refused_before_a_call() {
    let client = match Client::new(settings("eu-west-1", None, "s")).await {
        Err(Error::NoCertificates) => return,
        client => client.unwrap(),
    };
    let open = |arn: &str| {
        let stream = Stream { name: STREAM.to_owned(), arn: arn.to_owned() };
        Writer::new(client.clone(), stream, WriterSettings::default(), CallNumbers::default(), Clock::new(|| 0))
    };
    let error = open("arn:aws:kinesis:us-east-1:111122223333:stream/orders").unwrap_err();
    assert!(matches!(error, Error::RegionMismatch { .. }));
    assert!(error.to_string().ends_with("set the region to us-east-1"), "{error}");
    assert!(open("arn:aws:kinesis:eu-west-1:111122223333:stream/orders").is_ok());
    assert!(matches!(open("orders").unwrap_err(), Error::Settings { .. }));
}
