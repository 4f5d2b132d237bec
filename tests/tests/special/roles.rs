//! A role is used only when it opens to this workspace and to nobody else.

use domain::{RunKind, RunState};
use kinesis::{Base, Keys};
use runner::{Reporter, RunOptions};
use serde_json::{Value as Json, json};
use simulator::{Effect, Operation, Role, Rule};
use testkit::rig::Rig;

const SERVICE: &str = "arn:aws:iam::111122223333:role/rowcast";
const SERVICE_KEY: &str = "AKIASERVICE";
const ROLE: &str = "arn:aws:iam::000000000000:role/customer";

async fn rig() -> Rig {
    let definition = json!({
        "model": {"query": "select n as id from generate_series(1, 3) n", "key": ["id"]},
        "sync": {"message": {"json": "{\"id\": {{ row.id }}}"}, "partition_key": {"column": "id"}},
    });
    let mut rig = Rig::start("", definition).await;
    rig.simulator.put_principal(SERVICE_KEY, SERVICE);
    rig.worker.settings.identity = Some(Base::Keys(Keys {
        access_key_id: SERVICE_KEY.to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
    }));
    rig.worker.settings.sts_endpoint = Some(rig.simulator.endpoint().to_owned());
    let mut definition = rig.definition();
    definition["destination"]["region"] = json!("us-east-1");
    definition["destination"]["credentials"] = json!({"role": {"role_arn": ROLE}});
    rig.put(definition).await;
    rig
}

fn trust(rig: &Rig, external_id: Option<&str>) {
    rig.simulator.put_role(Role::trusting("customer", SERVICE, external_id)).unwrap();
}

/// The right external id, or none at all, but no wrong one.
fn trust_without(rig: &Rig) {
    let right = &rig.worker.workspace.external_id;
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": SERVICE}, "Action": "sts:AssumeRole",
        "Condition": {"StringEqualsIfExists": {"sts:ExternalId": right}},
    }]});
    rig.simulator.put_role(Role::trusting("customer", SERVICE, None).trust_policy(trust)).unwrap();
}

async fn verification(rig: &Rig) -> Option<Json> {
    let sync = rig.worker.scope.sync_details(rig.sync).await.unwrap();
    rig.worker.scope.destination(sync.destination).await.unwrap().verification
}

async fn assert_refused(rig: &Rig, verdict: &str, says: &str) {
    let report = rig.run().await;
    let reason = report.reason.unwrap();
    assert_eq!((report.state, &*reason.code), (RunState::Failed, "role-not-accepted"), "{}", reason.text);
    assert!(reason.text.contains(ROLE) && reason.text.contains(says), "{}", reason.text);
    assert_eq!(verification(rig).await.unwrap()["role_verdict"], verdict);
    assert_eq!(rig.records().len(), 0);
    assert_eq!(rig.simulator.calls_of(Operation::PutRecords) + rig.simulator.calls_of(Operation::ListStreams), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_opens_to_others_or_not_at_all_is_not_used_and_the_reason_says_what_to_do() {
    let rig = rig().await;
    trust(&rig, None);
    assert_refused(&rig, "trusts-everyone", "condition on sts:ExternalId").await;
    trust_without(&rig);
    assert_refused(&rig, "trusts-without-external-id", "without an external id").await;
    trust(&rig, Some("somebody-else"));
    assert_refused(&rig, "refused", "Compare the trust policy").await;
    let right = rig.worker.workspace.external_id.clone();
    trust(&rig, Some(&right));
    rig.simulator.faults([Rule::on(Operation::AssumeRole, Effect::call_error("ServiceUnavailable"))]);
    assert_refused(&rig, "inconclusive", "run again later").await;
    rig.simulator.clear_faults();
    let report = rig.run().await;
    assert_eq!((report.state, rig.records().len()), (RunState::Succeeded, 3), "{:?}", report.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_was_accepted_is_not_tried_again_until_the_destination_changes() {
    let mut rig = rig().await;
    let right = rig.worker.workspace.external_id.clone();
    trust(&rig, Some(&right));
    let tried = || rig.simulator.calls_of(Operation::AssumeRole);
    assert_eq!(rig.run().await.state, RunState::Succeeded);
    // Three to check, and the session.
    assert_eq!(tried(), 4);
    assert_eq!(verification(&rig).await.unwrap()["role_verdict"], "accepted");
    assert_eq!(rig.run().await.state, RunState::Succeeded);
    assert_eq!(tried(), 5);

    let other = "arn:aws:iam::000000000000:role/other";
    rig.simulator.put_role(Role::trusting("other", SERVICE, None)).unwrap();
    rig.set("/destination/credentials/role/role_arn", json!(other)).await;
    let report = rig.run().await;
    assert_eq!(report.reason.unwrap().code, "role-not-accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_needs_an_accepted_role_as_well_and_writes_nothing_about_it() {
    let rig = rig().await;
    let show = || rig.worker.preview("rig", rig.parsed(), RunKind::Normal, RunOptions::default(), 10, &REPORTER);
    trust(&rig, None);
    let error = Box::pin(show()).await.unwrap_err();
    assert_eq!(error.code(), "role-not-accepted", "{error}");
    let right = rig.worker.workspace.external_id.clone();
    trust(&rig, Some(&right));
    assert_eq!(Box::pin(show()).await.unwrap().records.len(), 3);
    assert_eq!(verification(&rig).await, None);
}

static REPORTER: std::sync::LazyLock<Reporter> = std::sync::LazyLock::new(Reporter::default);
