use axum::http::StatusCode;
use serde_json::json;

use crate::fixture::{Fixture, PASSWORD, new_email};

#[tokio::test]
async fn an_invitation_makes_one_person_a_member_however_many_try_at_once() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let token = owner.invite(json!({"role": "editor"})).await;
    let join = async || {
        let new = json!({"email": new_email(), "password": PASSWORD, "invitation": token});
        api.anyone().post("/v1/sign-up", new).await
    };
    let answers = futures::future::join_all((0..4).map(|_| join())).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 404, 404, 404]);
    assert_eq!(owner.get(&owner.at("/members")).await.body["items"].as_array().unwrap().len(), 2);
    let people = api.sql("select count(*) from person").await[0].get::<_, i64>(0);
    assert_eq!(people, 2, "whoever was too late did not sign up either");
}

#[tokio::test]
async fn an_invitation_is_looked_up_accepted_and_gone() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let guest = api.sign_up("guest@example.com").await;
    let token = json!({"token": owner.invite(json!({"role": "admin", "email": "Guest@example.com"})).await});
    let offer = api.anyone().post("/v1/invitations/look-up", token.clone()).await.expect(StatusCode::OK);
    assert_eq!((&offer.body["workspace_name"], &offer.body["role"]), (&json!("of owner@example.com"), &json!("admin")));
    let other = api.sign_up("other@example.com").await;
    other.post("/v1/invitations/accept", token.clone()).await.refused(409, "conflict");
    let accepted = guest.post("/v1/invitations/accept", token.clone()).await.expect(StatusCode::OK);
    assert_eq!(accepted.body["workspace_id"], owner.workspace);
    guest.get(&owner.at("/audit-entries")).await.expect(StatusCode::OK);
    for path in ["/v1/invitations/look-up", "/v1/invitations/accept"] {
        other.post(path, token.clone()).await.refused(404, "link-ended");
    }
}

#[tokio::test]
async fn revoked_and_expired_invitations_are_like_none() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = owner.post(&owner.at("/invitations"), json!({"role": "viewer"})).await.expect(StatusCode::CREATED);
    let listed = owner.get(&owner.at("/invitations")).await;
    assert_eq!(listed.body["items"], json!([made.body["invitation"]]));
    assert!(!listed.text.contains(made.body["token"].as_str().unwrap()), "the token is shown once");
    owner.delete(made.header("location")).await.expect(StatusCode::NO_CONTENT);
    owner.delete(made.header("location")).await.refused(404, "not-found");
    let look_up = async |token: &str| {
        let answer = api.anyone().post("/v1/invitations/look-up", json!({"token": token})).await;
        answer.refused(404, "link-ended").without_request_id()
    };
    let revoked = look_up(made.body["token"].as_str().unwrap()).await;
    let expired = owner.invite(json!({"role": "viewer"})).await;
    api.sql("update invitation set expires_at = now()").await;
    assert_eq!(look_up(&expired).await, revoked);
    assert_eq!(look_up(&"x".repeat(43)).await, revoked);
}

#[tokio::test]
async fn nobody_gives_away_or_touches_a_role_above_their_own() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let admin = api.member(&owner, "admin").await;
    let viewer = api.member(&owner, "viewer").await;
    for path in ["/invitations", "/api-keys"] {
        let new = json!({"role": "owner", "name": "x"});
        let new = if path == "/invitations" { json!({"role": "owner"}) } else { new };
        admin.post(&owner.at(path), new).await.refused(403, "forbidden");
    }
    let member = |person: &str| owner.at(&format!("/members/{person}"));
    let set = async |by: &crate::fixture::Client, person: &str, role: &str| {
        by.send("PUT", &member(person), Some(json!({"role": role})), &[]).await
    };
    set(&admin, &viewer.person, "owner").await.refused(403, "forbidden");
    set(&admin, &owner.person, "viewer").await.refused(403, "forbidden");
    admin.delete(&member(&owner.person)).await.refused(403, "forbidden");
    set(&admin, &viewer.person, "editor").await.expect(StatusCode::NO_CONTENT);
    admin.delete(&member(&viewer.person)).await.expect(StatusCode::NO_CONTENT);
    viewer.get(&owner.at("")).await.refused(404, "not-found");
    viewer.get("/v1/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn the_last_owner_stays_one_also_when_two_leave_at_once() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let path = owner.at(&format!("/members/{}", owner.person));
    owner.delete(&path).await.refused(409, "last-owner");
    owner.send("PUT", &path, Some(json!({"role": "viewer"})), &[]).await.refused(409, "last-owner");
    owner.post(&owner.at("/leave"), json!({})).await.refused(409, "last-owner");
    let other = api.member(&owner, "owner").await;
    let leave = owner.at("/leave");
    let (one, two) = tokio::join!(owner.post(&leave, json!({})), other.post(&leave, json!({})));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
}

#[tokio::test]
async fn the_audit_log_tells_who_did_what_from_where() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let key = owner.key("admin").await;
    let update = json!({"name": "renamed", "paused": false});
    let headers = [("if-match", "*"), ("x-request-id", "mine-1")];
    key.send("PUT", &owner.at(""), Some(update), &headers).await.expect(StatusCode::OK);
    let entries = owner.get(&owner.at("/audit-entries?action=update_workspace")).await.expect(StatusCode::OK);
    let entry = &entries.body["items"][0];
    assert_eq!(entry["actor"]["name"], "admin");
    assert_eq!((&entry["target"], &entry["request_id"]), (&json!(owner.workspace), &json!("mine-1")));
    assert_eq!(entry["address"], "0.0.0.0");
    let by_owner = owner.get(&owner.at(&format!("/audit-entries?actor={}", owner.person))).await;
    let actions: Vec<_> =
        by_owner.body["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["create_api_key", "sign_up"]);
}

#[tokio::test]
async fn members_and_open_invitations_keep_to_the_quota() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    api.sql("update workspace set quotas = '{\"members\": 2}'").await;
    owner.invite(json!({"role": "editor"})).await;
    owner.post(&owner.at("/invitations"), json!({"role": "editor"})).await.refused(409, "quota-exceeded");
}
