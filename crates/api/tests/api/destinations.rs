use axum::http::StatusCode;
use domain::Work;
use serde_json::{Value, json};

use crate::configured::{Configured, make, role};
use crate::fixture::{Fixture, settings};
use crate::worker::Worker;

const SECRET: &str = "canary-of-a-destination-4f2a";

fn access_key(token: Option<&str>) -> Value {
    let mut credentials =
        json!({"type": "access-key", "access_key_id": "canary-of-a-key-id-11aa", "secret_access_key": SECRET});
    if let Some(token) = token {
        credentials["session_token"] = json!(token);
    }
    json!({ "name": "streams", "region": "eu-west-1", "credentials": credentials })
}

#[tokio::test]
async fn parts_of_an_access_key_stay_when_they_are_left_out_and_are_never_shown() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = owner.post(&owner.at("/destinations"), access_key(Some("canary-of-a-token-22bb"))).await;
    let made = made.expect(StatusCode::CREATED);
    let path = made.header("location").to_owned();
    assert_eq!(made.body["credentials"]["secret_access_key"], json!({"set": true, "hint": "…4f2a"}));
    let stays = json!({"name": "renamed", "region": "eu-west-1", "credentials": {"type": "access-key"}});
    let renamed = owner.put(&path, "\"1\"", stays).await.expect(StatusCode::OK);
    assert_eq!(renamed.body["credentials"]["session_token"]["set"], true);
    let new_key = owner.put(&path, "\"2\"", access_key(None)).await.expect(StatusCode::OK);
    assert_eq!(new_key.body["credentials"]["session_token"]["set"], false, "a token belongs to its key");
    let as_role = owner.put(&path, "\"3\"", role("streams")).await.expect(StatusCode::OK);
    assert_eq!(as_role.body["credentials"]["role_arn"], "arn:aws:iam::111122223333:role/rowcast");
    let back = json!({"name": "streams", "region": "eu-west-1", "credentials": {"type": "access-key"}});
    let refused = owner.put(&path, "*", back).await.refused(422, "invalid");
    assert_eq!(refused.body["errors"][0]["pointer"], "/credentials/access_key_id");
    for text in [made.text, renamed.text, new_key.text, as_role.text, refused.text] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn what_the_operator_has_not_allowed_is_refused() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let mut endpoint = role("streams");
    endpoint["endpoint"] = json!("https://kinesis.example.com");
    let refused = owner.post(&owner.at("/destinations"), endpoint).await.refused(422, "endpoint-not-allowed");
    assert_eq!(refused.body["errors"][0]["pointer"], "/endpoint");
    let mut own = role("streams");
    own["credentials"] = json!({"type": "service-identity"});
    owner.post(&owner.at("/destinations"), own).await.refused(403, "service-identity-not-allowed");
}

#[tokio::test]
async fn an_endpoint_is_an_address_and_nothing_else() {
    let api = Fixture::with(api::Settings { endpoint_override: true, ..settings() }).await;
    let owner = api.sign_up("owner@example.com").await;
    let with = |endpoint: &str| {
        let mut body = role(endpoint);
        body["endpoint"] = json!(endpoint);
        body
    };
    for fine in ["https://kinesis.example.com", "http://localhost:4567", "https://[2001:db8::1]:443"] {
        owner.post(&owner.at("/destinations"), with(fine)).await.expect(StatusCode::CREATED);
    }
    for odd in
        ["ftp://a.example", "https://", "https://user@a.example", "https://a.example/x?y", "https://a.example:0", "x"]
    {
        let refused = owner.post(&owner.at("/destinations"), with(odd)).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], "/endpoint", "{odd}");
    }
}

#[tokio::test]
async fn a_destination_is_paused_resumed_verified_and_stays_while_it_is_used() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let path = owner.at(&format!("/destinations/{}", made.destination));
    assert_eq!(owner.post(&format!("{path}/pause"), json!({})).await.expect(StatusCode::OK).body["paused"], true);
    let run = owner.at(&format!("/syncs/{}/runs", made.sync));
    owner.post(&run, json!({"kind": "normal"})).await.refused(409, "conflict");
    assert_eq!(owner.post(&format!("{path}/resume"), json!({})).await.expect(StatusCode::OK).body["paused"], false);
    owner.delete(&path).await.refused(409, "in-use");
    let worker = Worker::new(&api).await;
    let verify = format!("{path}/verify");
    let found = json!({"works": true});
    let (answer, work) =
        tokio::join!(owner.post(&verify, json!({"stream": "orders"})), worker.answer(Ok(found.clone())));
    answer.expect(StatusCode::OK);
    let Work::VerifyDestination { destination, stream: Some(stream) } = work else { panic!("{work:?}") };
    assert_eq!((destination.to_string(), stream.as_str()), (made.destination.clone(), "orders"));
    let known = owner.get(&path).await.header("etag").to_owned();
    let scope = worker.scope(&owner);
    assert!(scope.set_verification(destination, 3, &found).await.unwrap(), "the revision is {known}");
    let read = owner.send("GET", &path, None, &[("if-none-match", &known)]).await.expect(StatusCode::OK);
    assert_eq!(read.body["verification"], found, "it is shown although the ETag is the same");
    owner.post(&verify, json!({"stream": "a/b"})).await.refused(422, "invalid");
    let shards = format!("{path}/shards");
    let (answer, work) = tokio::join!(owner.post(&shards, json!({"stream": "x"})), worker.answer(Ok(json!({}))));
    answer.expect(StatusCode::OK);
    assert!(matches!(work, Work::DescribeStream { .. }));
}

#[tokio::test]
async fn the_texts_for_a_role_hold_the_external_id_of_the_workspace() {
    let principal = "arn:aws:iam::999988887777:role/service";
    let api = Fixture::with(api::Settings { aws_principal_arn: Some(principal.to_owned()), ..settings() }).await;
    let owner = api.sign_up("owner@example.com").await;
    let other = api.sign_up("other@example.com").await;
    let path = "/aws-setup?region=eu-west-1&stream=orders&account=111122223333";
    let mine = owner.get(&owner.at(path)).await.expect(StatusCode::OK);
    let theirs = other.get(&other.at(path)).await.expect(StatusCode::OK);
    let id = mine.body["external_id"].as_str().unwrap();
    assert!(!id.is_empty() && theirs.body["external_id"] != id);
    let condition = &mine.body["trust_policy"]["Statement"][0];
    assert_eq!(condition["Condition"]["StringEquals"]["sts:ExternalId"], id);
    assert_eq!(condition["Principal"]["AWS"], principal);
    for text in ["terraform", "cloudformation"] {
        assert!(mine.body[text].as_str().unwrap().contains(id), "{text}");
    }
    owner.get(&owner.at("/aws-setup?region=EU")).await.refused(422, "invalid");
    owner.get(&owner.at("/aws-setup")).await.refused(422, "invalid");
    let without = Fixture::new().await;
    let owner = without.sign_up("owner@example.com").await;
    owner.get(&owner.at(path)).await.refused(409, "conflict");
}

#[tokio::test]
async fn the_identity_of_the_service_is_for_the_workspaces_that_the_operator_names() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let named = api::Settings { default_chain: vec![owner.workspace.parse().unwrap()], ..settings() };
    let router = api::router(api::App::new(named, api.store.clone()));
    let owner = owner.through(router);
    let mut own = role("streams");
    own["credentials"] = json!({"type": "service-identity"});
    let id = make(&owner, "/destinations", own).await;
    let read = owner.get(&owner.at(&format!("/destinations/{id}"))).await.expect(StatusCode::OK);
    assert_eq!(read.body["credentials"], json!({"type": "service-identity"}));
}

#[tokio::test]
async fn secrets_are_needed_again_where_they_would_be_sent_elsewhere() {
    let api = Fixture::with(api::Settings { endpoint_override: true, ..settings() }).await;
    let owner = api.sign_up("owner@example.com").await;
    let mut body = access_key(Some("canary-of-a-token-22bb"));
    body["endpoint"] = json!("https://kinesis.example.com");
    let made = owner.post(&owner.at("/destinations"), body.clone()).await.expect(StatusCode::CREATED);
    let path = made.header("location").to_owned();
    let mut kept = body.clone();
    kept["credentials"] = json!({"type": "access-key"});
    for (field, value) in [
        ("endpoint", json!("https://kinesis.attacker.example")),
        ("endpoint", json!(null)),
        ("region", json!("eu-west-2")),
    ] {
        let mut elsewhere = kept.clone();
        elsewhere[field] = value;
        let refused = owner.put(&path, "*", elsewhere).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], "/credentials/access_key_id");
    }
    owner.put(&path, "*", kept).await.expect(StatusCode::OK);
    let mut again = access_key(None);
    again["endpoint"] = json!("https://kinesis.other.example");
    let moved = owner.put(&path, "*", again).await.expect(StatusCode::OK);
    assert_eq!(moved.body["credentials"]["session_token"]["set"], false, "the token stays behind");
}
