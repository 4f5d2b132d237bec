//! Within one's own workspace: what the role allows, and nothing else.

use std::collections::BTreeSet;

use api::access::{Needs, OPERATIONS};
use axum::http::StatusCode;
use domain::Role;
use serde_json::json;

use crate::ask::{Ids, Operation, operations};
use crate::cases::CASES;
use crate::fixture::{Fixture, settings};
use crate::place::{Caller, Place, session};

pub(crate) async fn fixture() -> Fixture {
    let principal = "arn:aws:iam::111122223333:role/service".to_owned();
    Fixture::with(api::Settings { aws_principal_arn: Some(principal), open_jobs: 1_000_000, ..settings() }).await
}

pub(crate) fn needs(operation: &str) -> Needs {
    OPERATIONS.iter().find(|(id, _)| *id == operation).unwrap().1
}

#[test]
fn every_operation_has_a_case_and_every_case_is_an_operation() {
    let operations: BTreeSet<_> = operations().into_iter().map(|operation| operation.id).collect();
    let cases: BTreeSet<_> = CASES.iter().map(|case| case.operation.to_owned()).collect();
    assert_eq!(cases.len(), CASES.len(), "a case stands twice");
    assert_eq!(operations, cases);
}

/// Whether the table lets this credential through.
fn may(operation: &str, caller: &Caller) -> bool {
    match needs(operation) {
        Needs::Public => true,
        Needs::Session => !caller.is_key,
        // An API key is no member that could leave.
        Needs::Role(_) if operation == "leave_workspace" && caller.is_key => false,
        Needs::Role(needed) => caller.role >= needed,
    }
}

/// The same ids, but for what the operation uses up.
async fn fresh(api: &Fixture, place: &Place, operation: &Operation, number: u32) -> Ids {
    let owner = &place.owner;
    let mut ids = place.ids.clone();
    match operation.id.as_str() {
        "remove_member" => {
            ids.insert("person_id", place.person(api, Role::Viewer).await.person);
        }
        "revoke_api_key" => {
            let made = owner.post(&owner.at("/api-keys"), json!({"name": "k", "role": "viewer"})).await;
            ids.insert("key_id", made.body["api_key"]["id"].as_str().unwrap().to_owned());
        }
        "revoke_invitation" => {
            let made = owner.post(&owner.at("/invitations"), json!({"role": "viewer"})).await;
            ids.insert("invitation_id", made.body["invitation"]["id"].as_str().unwrap().to_owned());
        }
        "delete_sync" => {
            let path = owner.at(&format!("/syncs/{}/duplicate", ids["sync_id"]));
            let made =
                owner.post(&path, json!({"name": format!("to be deleted {number}")})).await.expect(StatusCode::CREATED);
            ids.insert("sync_id", made.body["id"].as_str().unwrap().to_owned());
        }
        _ => {}
    }
    ids
}

#[tokio::test]
async fn each_role_gets_through_where_the_table_says_so_and_nowhere_else() {
    let api = fixture().await;
    let place = Place::new(&api, "own").await;
    let callers = place.callers(&api).await;
    let mut count = 0;
    for operation in operations() {
        // The last one: nothing is left of the workspace after it.
        if operation.id == "delete_workspace" {
            continue;
        }
        for caller in &callers {
            count += 1;
            tried(&api, &place, &operation, caller, count).await;
        }
    }
    let delete = operations().into_iter().find(|operation| operation.id == "delete_workspace").unwrap();
    for caller in callers.iter().filter(|caller| !may(&delete.id, caller)).chain(callers.last()) {
        count += 1;
        tried(&api, &place, &delete, caller, count).await;
    }
    println!("{count} requests with credentials of the workspace");
}

async fn tried(api: &Fixture, place: &Place, operation: &Operation, caller: &Caller, number: u32) {
    let ids = fresh(api, place, operation, number).await;
    // Signing in or up puts a new session in the place of the one that the request came with.
    let uses_up_the_caller = ["leave_workspace", "sign_in", "sign_out", "sign_out_everywhere", "sign_up"];
    let uses_up_the_caller = uses_up_the_caller.contains(&operation.id.as_str());
    let client = match caller.is_key {
        false if uses_up_the_caller => place.person(api, caller.role).await,
        _ => caller.client.clone(),
    };
    let answer = operation.ask(&ids, place, number).by(&client).await;
    let status = answer.status.as_u16();
    if may(&operation.id, caller) {
        let expected = operation.case().answers;
        assert!(expected.contains(&status), "{} by {}: {status} {}", operation.id, caller.name, answer.text);
    } else {
        answer.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn nobody_gets_through_without_a_credential_that_is_worth_something() {
    let api = fixture().await;
    let place = Place::new(&api, "own").await;
    let worthless = place.worthless(&api).await;
    // Signed out, so that it must not work any more; it did work.
    let signed_out = session(&api, &place.owner, "1 hour").await;
    signed_out.get(&place.owner.at("")).await.expect(StatusCode::OK);
    signed_out.post("/v1/sign-out", json!({})).await.expect(StatusCode::NO_CONTENT);
    let before = place.rows(&api).await;
    let mut count = 0;
    for operation in operations().iter().filter(|operation| needs(&operation.id) != Needs::Public) {
        for (name, client) in worthless.iter().chain([&("a session that was ended", signed_out.clone())]) {
            let answer = operation.ask(&place.ids, &place, 0).by(client).await;
            assert_eq!(answer.status, 401, "{} by {name}: {}", operation.id, answer.text);
            let refused = answer.refused(401, "unauthenticated");
            assert!(refused.headers.contains_key("www-authenticate"));
            assert!(!refused.text.contains(&place.email), "{}", refused.text);
            count += 1;
        }
    }
    assert_eq!(place.rows(&api).await, before);
    println!("{count} requests without a credential, nothing was told or changed");
}
