//! Roles: assuming them, the sessions, and what verifying finds out.

use std::time::Duration;

use domain::aws_setup::{RoleSetup, permission_policy};
use engine::rules::Outcome;
use kinesis::{
    Access, Attempt, Base, CallNumbers, Client, Clock, DryRun, Error, Finding, Keys, RoleAccess, RoleVerdict, Settings,
    Stream, Timeouts, Writer, verify, verify_role,
};
use serde_json::json;
use simulator::{Effect, Operation, Role, Rule, Selection};

use crate::world::{STREAM, World, all, never, quick, records, settings, tally};

const SERVICE: &str = "arn:aws:iam::111122223333:role/rowcast";
const SERVICE_KEY: &str = "AKIASERVICE";
const ROLE: &str = "arn:aws:iam::000000000000:role/customer";
const EXTERNAL_ID: &str = "workspace-external-id";
const ASSUME: Operation = Operation::AssumeRole;

/// A world with a role made by the very policies that users are given.
pub(crate) async fn world() -> World {
    let world = World::new().await;
    world.kinesis.put_principal(SERVICE_KEY, SERVICE);
    let setup = RoleSetup {
        principal_arn: SERVICE.to_owned(),
        external_id: EXTERNAL_ID.to_owned(),
        role_name: "customer".to_owned(),
        region: "us-east-1".to_owned(),
        account: Some(simulator::ACCOUNT_ID.to_owned()),
        stream: None,
    };
    let role = Role::trusting("customer", SERVICE, None);
    world
        .kinesis
        .put_role(role.trust_policy(setup.trust_policy()).permission_policy(setup.permission_policy()))
        .unwrap();
    world
}

fn base(key: &str) -> Base {
    let (access_key_id, secret_access_key) = (key.to_owned(), "secret".to_owned());
    Base::Keys(Keys { access_key_id, secret_access_key, session_token: None })
}

pub(crate) fn access() -> RoleAccess {
    RoleAccess::new(ROLE, EXTERNAL_ID, "ws_1-run_1", base(SERVICE_KEY)).for_stream(STREAM)
}

pub(crate) fn with(world: &World, access: RoleAccess) -> Settings {
    let endpoint = world.kinesis.endpoint();
    let quick = Timeouts { connect: Duration::from_millis(500), call: Duration::from_millis(500) };
    Settings {
        sts_endpoint: Some(endpoint.to_owned()),
        access: Access::Role(access),
        ..settings(endpoint, if world.timeouts.call < Timeouts::default().call { world.timeouts } else { quick })
    }
}

async fn client(world: &World, access: RoleAccess) -> Client {
    let mut settings = with(world, access);
    settings.timeouts = Timeouts::default();
    Client::new(settings).await.unwrap()
}

async fn writer(world: &World, access: RoleAccess) -> Writer {
    let client = client(world, access).await;
    let stream = client.stream(STREAM).await.unwrap().stream();
    Writer::new(client, stream, quick(), CallNumbers::starting_at(1), Clock::new(|| 7)).unwrap()
}

fn trust(world: &World, role: Role) {
    world.kinesis.put_role(role.permission_policy(permission_policy("us-east-1", None, None))).unwrap();
}

#[tokio::test]
async fn records_are_put_in_a_session_of_the_role() {
    let world = world().await;
    let records = records(3);
    let result = writer(&world, access()).await.put(&records, &never()).await;
    assert_eq!(tally(&result), all(3, Outcome::Acknowledged), "{:?}", result.fatal);
    world.assert_arrived_once(&records);
    let sessions = world.kinesis.sessions();
    assert_eq!(sessions.len(), 1, "one session serves all calls");
    assert_eq!((&*sessions[0].session_name, &*sessions[0].principal), ("ws_1-run_1", SERVICE));
    assert_eq!(sessions[0].external_id.as_deref(), Some(EXTERNAL_ID));
}

#[tokio::test]
async fn the_session_policy_keeps_a_run_out_of_other_streams() {
    let world = world().await;
    world.kinesis.create_stream("payroll", 1).unwrap();
    let client = client(&world, access()).await;
    let arn = |name: &str| format!("arn:aws:kinesis:us-east-1:000000000000:stream/{name}");
    let stream = |name: &str| Stream { name: name.to_owned(), arn: arn(name) };
    assert_eq!(client.dry_run(&stream(STREAM)).await.unwrap(), DryRun::Allowed);
    let error = client.dry_run(&stream("payroll")).await.unwrap_err();
    assert!(
        matches!(&error, Error::AccessDenied { cause, .. } if cause.message.contains("session policy")),
        "{error:?}"
    );
    // The role alone would allow it.
    let roaming = RoleAccess { stream: None, ..access() };
    let client = self::client(&world, roaming).await;
    assert_eq!(client.dry_run(&stream("payroll")).await.unwrap(), DryRun::Allowed);
}

#[tokio::test]
async fn a_role_that_is_not_assumed_ends_the_window_with_what_to_do() {
    let world = world().await;
    let (writer, stranger) = (writer(&world, access()).await, base("AKIASTRANGER"));
    world.kinesis.age_sessions(Duration::from_secs(4000));
    trust(&world, Role::trusting("customer", SERVICE, Some("another-external-id")));
    let result = writer.put(&records(3), &never()).await;
    assert_eq!(tally(&result), all(3, Outcome::Refused));
    let text = result.fatal.unwrap().to_string();
    assert!(text.starts_with(&format!("the role {ROLE} cannot be assumed: AWS denies it")), "{text}");
    assert!(text.contains("external id"), "{text}");
    assert_eq!(world.kinesis.record_count(STREAM), 0);

    let client = client(&world, RoleAccess { base: stranger, ..access() }).await;
    assert!(matches!(client.list_streams().await.unwrap_err(), Error::RoleRefused { .. }));
    for (code, check) in [
        ("InvalidClientTokenId", (|error| matches!(error, Error::ServiceIdentity { .. })) as fn(&Error) -> bool),
        ("ExpiredToken", |error| matches!(error, Error::ServiceIdentity { .. })),
        ("RegionDisabledException", |error| matches!(error, Error::RoleNotAccepted { .. })),
        ("PackedPolicyTooLarge", |error| matches!(error, Error::RoleNotAccepted { .. })),
        ("Throttling", |error| matches!(error, Error::StsUnavailable { .. })),
        ("ServiceUnavailable", |error| matches!(error, Error::StsUnavailable { .. })),
    ] {
        world.kinesis.clear_faults();
        world.kinesis.faults([Rule::on(ASSUME, Effect::call_error(code))]);
        let error = client.list_streams().await.unwrap_err();
        assert!(check(&error), "{code} {error:?}");
        assert!(error.to_string().contains(ROLE), "{error}");
    }
}

#[tokio::test]
async fn an_sts_that_fails_for_a_while_leaves_no_put_in_doubt() {
    let world = world().await;
    let writer = writer(&world, access()).await;
    world.kinesis.age_sessions(Duration::from_secs(4000));
    world.kinesis.faults([
        Rule::on(ASSUME, Effect::HttpError { status: 503, written: false }).times(1),
        Rule::on(ASSUME, Effect::ResetBefore).times(1),
    ]);
    let records = records(3);
    // The end of the old session, a failure, a reset, and then it works: four tries.
    let result = writer.put(&records, &never()).await;
    assert_eq!(tally(&result), all(3, Outcome::Acknowledged), "{:?}", result.calls);
    world.assert_arrived_once(&records);
    assert!(!format!("{:?}", result.outcomes).contains("after_doubt: true"));
}

#[tokio::test]
async fn a_put_whose_session_comes_too_late_does_not_begin() {
    let world = world().await;
    let writer = writer(&world, access()).await;
    world.kinesis.age_sessions(Duration::from_secs(4000));
    // The first put finds the session ended, and waits for another when the lease ends.
    world.kinesis.faults([Rule::on(ASSUME, Effect::Latency { ms: 400 })]);
    let records = records(3);
    let cancel = tokio_util::sync::CancellationToken::new();
    let stop = kinesis::Stop::at(tokio::time::Instant::now() + Duration::from_secs(3600), cancel.clone());
    let canceller = async {
        world.kinesis.wait_for_calls(ASSUME, 2).await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(writer.put(&records, &stop), canceller);
    assert_eq!(tally(&result), all(3, Outcome::Refused), "{:?}", result.calls);
    assert_eq!((world.puts(), world.kinesis.record_count(STREAM)), (1, 0));
}

#[tokio::test]
async fn a_session_that_ends_between_two_windows_is_followed_by_another() {
    let world = world().await;
    let writer = writer(&world, access()).await;
    let all_records = records(1500);
    for (window, part) in all_records.chunks(500).enumerate() {
        let result = writer.put(part, &never()).await;
        assert_eq!(tally(&result), all(500, Outcome::Acknowledged), "{window} {:?}", result.fatal);
        world.kinesis.age_sessions(Duration::from_secs(4000));
    }
    world.assert_arrived_once(&all_records);
    assert_eq!(world.kinesis.sessions().len(), 3);
}

#[tokio::test]
async fn a_session_that_ends_while_four_calls_are_in_flight_is_replaced_once() {
    let mut world = world().await;
    world.settings.concurrency = 4;
    let client = client(&world, access()).await;
    let stream = client.stream(STREAM).await.unwrap().stream();
    let writer = Writer::new(client, stream, world.settings.clone(), CallNumbers::starting_at(1), Clock::new(|| 7));
    let (writer, records) = (writer.unwrap(), records(2000));
    world.fault(0, 4, Effect::Latency { ms: 200 });
    let ager = async {
        world.kinesis.wait_for_calls(Operation::PutRecords, 4).await;
        world.kinesis.age_sessions(Duration::from_secs(4000));
    };
    let never = never();
    let (result, ()) = tokio::join!(writer.put(&records, &never), ager);
    assert_eq!(tally(&result), all(2000, Outcome::Acknowledged), "{:?}", result.fatal);
    world.assert_arrived_once(&records);
    assert_eq!(world.kinesis.sessions().len(), 2);
}

#[tokio::test]
async fn sessions_that_end_as_they_begin_are_not_tried_for_ever() {
    let world = world().await;
    let client = client(&world, access()).await;
    let streams = Rule::on(Operation::ListStreams, Effect::call_error("ExpiredTokenException"));
    world.kinesis.faults([streams]);
    assert!(matches!(client.list_streams().await.unwrap_err(), Error::ExpiredCredentials { .. }));
    assert_eq!(world.kinesis.sessions().len(), 2);
}

#[tokio::test]
async fn a_session_is_replaced_before_it_ends_and_used_on_while_sts_is_away() {
    let world = world().await;
    // Every session is about to end from its beginning.
    let aging = RoleAccess { refresh_before: Duration::from_secs(3600), ..access() };
    let client = client(&world, aging).await;
    for sessions in 1..=3 {
        client.list_streams().await.unwrap();
        assert_eq!(world.kinesis.sessions().len(), sessions);
    }
    world.kinesis.faults([Rule::on(ASSUME, Effect::HttpError { status: 500, written: false })]);
    for _ in 0..3 {
        client.list_streams().await.unwrap();
    }
    assert_eq!(world.kinesis.calls_of(ASSUME), 4, "a failing STS is left alone for a while");
    // What is denied is not used on.
    world.kinesis.clear_faults();
    let client = self::client(&world, RoleAccess { refresh_before: Duration::from_secs(3600), ..access() }).await;
    client.list_streams().await.unwrap();
    world.kinesis.faults([Rule::on(ASSUME, Effect::call_error("AccessDenied"))]);
    assert!(matches!(client.list_streams().await.unwrap_err(), Error::RoleRefused { .. }));
}

#[tokio::test]
async fn two_clients_share_no_session() {
    let world = world().await;
    trust(&world, Role::trusting("other", SERVICE, Some("other-external-id")));
    let mut other = access();
    other.role_arn = ROLE.replace("customer", "other");
    (other.external_id, other.session_name) = ("other-external-id".to_owned(), "ws_2-run_2".to_owned());
    let (one, two) = (client(&world, access()).await, client(&world, other).await);
    let same = client(&world, access()).await;
    for client in [&one, &two, &same, &one.clone()] {
        client.list_streams().await.unwrap();
    }
    let names: Vec<_> = world.kinesis.sessions().into_iter().map(|session| session.session_name).collect();
    assert_eq!(names, ["ws_1-run_1", "ws_2-run_2", "ws_1-run_1"]);
    // The end of one role's trust does not touch the other.
    world.kinesis.age_sessions(Duration::from_secs(4000));
    trust(&world, Role::trusting("other", SERVICE, Some("changed-external-id")));
    assert!(one.list_streams().await.is_ok() && two.list_streams().await.is_err());
}

#[tokio::test]
async fn a_role_is_accepted_when_only_the_right_external_id_opens_it() {
    let world = world().await;
    let check = verify_role(&with(&world, access()), &access(), "x7").await.unwrap();
    assert_eq!(check.verdict(), RoleVerdict::Accepted, "{check:?}");
    assert_eq!(check.right, Attempt::Assumed);
    let Attempt::Refused { reason } = &check.wrong else { panic!("{check:?}") };
    assert!(reason.contains("is not authorized to perform: sts:AssumeRole"), "{reason}");
    assert_eq!(world.kinesis.calls_of(ASSUME), 3);
}

#[tokio::test]
async fn a_role_that_trusts_everybody_is_found_out() {
    let world = world().await;
    let presence = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": SERVICE},
        "Condition": {"StringLike": {"sts:ExternalId": "*"}},
    }]});
    let mut prefix = presence.clone();
    prefix["Statement"][0]["Condition"] = json!({"StringLike": {"sts:ExternalId": format!("{EXTERNAL_ID}*")}});
    let mut if_exists = presence.clone();
    if_exists["Statement"][0]["Condition"] = json!({"StringEqualsIfExists": {"sts:ExternalId": EXTERNAL_ID}});
    let plain = Role::trusting("customer", SERVICE, None);
    for (role, expected) in [
        (plain.clone(), RoleVerdict::TrustsEveryone),
        (Role::trusting("customer", "*", None), RoleVerdict::TrustsEveryone),
        (plain.clone().trust_policy(presence), RoleVerdict::TrustsEveryone),
        (plain.clone().trust_policy(prefix), RoleVerdict::TrustsEveryone),
        (plain.trust_policy(if_exists), RoleVerdict::TrustsWithoutExternalId),
        (Role::trusting("customer", SERVICE, Some("another")), RoleVerdict::Refused),
    ] {
        trust(&world, role.clone());
        let check = verify_role(&with(&world, access()), &access(), "x7").await.unwrap();
        assert_eq!(check.verdict(), expected, "{role:?} {check:?}");
        // It may be a stranger's: nothing is seen through it.
        let verified = verify(with(&world, access()), Some(STREAM), "x7").await.unwrap();
        let untried = matches!((&verified.streams, &verified.put), (Finding::NotTried(_), Finding::NotTried(_)));
        assert!(untried && !verified.usable(), "{verified:?}");
    }
}

#[tokio::test]
async fn anything_but_access_denied_is_inconclusive() {
    let world = world().await;
    for (name, effect) in [
        ("500", Effect::HttpError { status: 500, written: false }),
        ("503", Effect::HttpError { status: 503, written: false }),
        ("reset", Effect::ResetBefore),
        ("time-out", Effect::Hang),
        ("throttled", Effect::Throttle(Selection::All)),
        ("region", Effect::call_error("RegionDisabledException")),
        ("identity", Effect::call_error("InvalidClientTokenId")),
        ("cut", Effect::CutAnswer),
    ] {
        // All three, then only those that should have been refused.
        for times in [3, 2] {
            world.kinesis.clear_faults();
            world.kinesis.faults([Rule::on(ASSUME, effect.clone()).skip(3 - times)]);
            let check = verify_role(&with(&world, access()), &access(), "x7").await.unwrap();
            assert_eq!(check.verdict(), RoleVerdict::Inconclusive, "{name} {check:?}");
        }
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let away = Some(format!("http://{}", nobody.local_addr().unwrap()));
    drop(nobody);
    let settings = Settings { sts_endpoint: away, ..with(&world, access()) };
    let check = verify_role(&settings, &access(), "x7").await.unwrap();
    assert!(matches!(&check.right, Attempt::Inconclusive { .. }), "{check:?}");
}

#[tokio::test]
async fn verifying_tells_each_finding_apart() {
    let world = world().await;
    let verified = verify(with(&world, access()), Some(STREAM), "x7").await.unwrap();
    assert_eq!(verified.role_verdict, Some(RoleVerdict::Accepted));
    assert_eq!(verified.put, Finding::Works(DryRun::Allowed));
    let Finding::Works(shards) = &verified.shards else { panic!("{verified:?}") };
    assert_eq!((shards.len(), &*shards[0].first_hash_key), (4, "0"));
    assert!(matches!(&verified.details, Finding::Works(details) if details.open_shards == 4), "{verified:?}");
    assert!(verified.usable());
    assert_eq!(world.kinesis.record_count(STREAM), 0);
    let text = serde_json::to_string(&verified).unwrap();
    assert!(text.contains(r#""role_verdict":"accepted""#) && text.contains(r#""put":{"result":"works""#), "{text}");
    assert_eq!(serde_json::from_str::<kinesis::Verification>(&text).unwrap(), verified);

    // The least that is enough.
    let least = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["kinesis:PutRecords", "kinesis:ListStreams"], "Resource": "*"},
    ]});
    let role = Role::trusting("customer", SERVICE, Some(EXTERNAL_ID));
    world.kinesis.put_role(role.clone().permission_policy(least)).unwrap();
    let verified = verify(with(&world, access()), Some(STREAM), "x7").await.unwrap();
    assert!(verified.usable());
    assert!(matches!((&verified.details, &verified.shards), (Finding::NotPermitted(_), Finding::NotPermitted(_))));

    let nothing = json!({"Version": "2012-10-17", "Statement": []});
    world.kinesis.put_role(role.clone().permission_policy(nothing)).unwrap();
    let verified = verify(with(&world, access()), Some(STREAM), "x7").await.unwrap();
    assert!(matches!(&verified.streams, Finding::NotPermitted(why) if why.contains("kinesis:ListStreams")));
    assert!(matches!(&verified.put, Finding::NotTried(_)) && !verified.usable());

    world.kinesis.put_role(Role::trusting("customer", SERVICE, Some("another"))).unwrap();
    let verified = verify(with(&world, access()), None, "x7").await.unwrap();
    assert_eq!(verified.role_verdict, Some(RoleVerdict::Refused));
    assert!(matches!(&verified.streams, Finding::NotTried(_)) && !verified.usable());
}

#[tokio::test]
async fn verifying_access_keys_checks_streams_and_puts() {
    let world = World::new().await;
    let settings = settings(world.kinesis.endpoint(), Timeouts::default());
    let verified = verify(settings.clone(), Some(STREAM), "x7").await.unwrap();
    assert!(verified.role.is_none() && verified.usable());
    let verified = verify(settings.clone(), Some("missing"), "x7").await.unwrap();
    assert!(matches!(&verified.put, Finding::Failed(_)) && !verified.usable());
    world.kinesis.faults([Rule::on(Operation::PutRecords, Effect::call_error("AccessDeniedException"))]);
    let verified = verify(settings, Some(STREAM), "x7").await.unwrap();
    assert!(matches!(&verified.put, Finding::NotPermitted(_)) && !verified.usable());
}

#[tokio::test]
async fn all_pages_of_shards_are_read_and_closed_shards_left_out() {
    let world = World::new().await;
    world.kinesis.create_stream("wide", 1100).unwrap();
    let client = world.client().await;
    let stream = client.stream("wide").await.unwrap().stream();
    assert_eq!(client.list_shards(&stream).await.unwrap().len(), 1100);
    assert_eq!(world.kinesis.calls_of(Operation::ListShards), 2);
}

#[tokio::test]
async fn a_role_that_cannot_be_one_is_refused_before_a_call() {
    let world = world().await;
    let cases = [
        RoleAccess { role_arn: "arn:aws:iam::000000000000:user/u".to_owned(), ..access() },
        RoleAccess { external_id: "x".to_owned(), ..access() },
        RoleAccess { external_id: "a b".to_owned(), ..access() },
        RoleAccess { session_name: "a/b".to_owned(), ..access() },
        RoleAccess { session_name: "n".repeat(65), ..access() },
    ];
    for wrong in cases {
        let printed = format!("{wrong:?}");
        let error = Client::new(with(&world, wrong)).await.unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{printed} {error:?}");
    }
    assert!(verify_role(&with(&world, access()), &access(), "").await.is_err());
    assert_eq!(world.kinesis.calls_of(ASSUME), 0);
}
