use axum::http::StatusCode;
use serde_json::json;

use api::{Settings, SignUp};

use crate::fixture::{Fixture, PASSWORD, PUBLIC_URL, settings};

#[tokio::test]
async fn signing_up_signs_in_by_a_cookie_that_only_this_site_gets() {
    let api = Fixture::new().await;
    let new = json!({"email": "Someone@example.com", "password": PASSWORD, "workspace_name": "first"});
    let answer = api.anyone().post("/v1/sign-up", new).await.expect(StatusCode::CREATED);
    let cookie = answer.header("set-cookie");
    let (pair, flags) = cookie.split_once("; ").unwrap();
    let token = pair.strip_prefix("__Host-rowcast_session=").unwrap();
    assert_eq!(token.len(), 43);
    assert_eq!(flags, "Path=/; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax");
    let me = answer.signed_in(&api).get("/v1/me").await.expect(StatusCode::OK);
    assert_eq!(me.body["email"], "Someone@example.com");
    let stored = api.sql("select encode(token_hash, 'hex') from session").await;
    assert_ne!(stored[0].get::<_, String>(0), token, "only a hash is stored");
    assert!(!answer.text.contains(token));
}

#[tokio::test]
async fn signing_in_gives_a_new_token_and_ends_the_one_that_came_along() {
    let api = Fixture::new().await;
    let person = api.sign_up("someone@example.com").await;
    let credentials = json!({"email": "SOMEONE@example.com", "password": PASSWORD});
    let again = person.post("/v1/sign-in", credentials).await.expect(StatusCode::OK);
    assert_ne!(again.cookie(), person.headers[0].1);
    person.get("/v1/me").await.refused(401, "unauthenticated");
    again.signed_in(&api).get("/v1/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let api = Fixture::new().await;
    api.sign_up("someone@example.com").await;
    let attempt = async |email: &str| {
        let credentials = json!({"email": email, "password": "not the pass phrase"});
        api.anyone().post("/v1/sign-in", credentials).await.refused(401, "sign-in-failed")
    };
    let (known, unknown) = (attempt("someone@example.com").await, attempt("nobody@example.com").await);
    assert_eq!(known.without_request_id(), unknown.without_request_id());
}

#[tokio::test]
async fn signing_out_ends_this_session_and_signing_out_everywhere_ends_all() {
    let api = Fixture::new().await;
    let first = api.sign_up("someone@example.com").await;
    let sign_in = async || {
        let credentials = json!({"email": "someone@example.com", "password": PASSWORD});
        api.anyone().post("/v1/sign-in", credentials).await.expect(StatusCode::OK).signed_in(&api)
    };
    let (second, third) = (sign_in().await, sign_in().await);
    let sessions = first.get("/v1/me/sessions").await.expect(StatusCode::OK);
    let current = sessions.body["items"].as_array().unwrap().iter().filter(|item| item["current"] == true).count();
    assert_eq!((sessions.body["items"].as_array().unwrap().len(), current), (3, 1));

    let out = second.post("/v1/sign-out", json!({})).await.expect(StatusCode::NO_CONTENT);
    assert!(out.header("set-cookie").starts_with("__Host-rowcast_session=; Path=/; Max-Age=0;"));
    second.get("/v1/me").await.refused(401, "unauthenticated");
    first.get("/v1/me").await.expect(StatusCode::OK);
    first.post("/v1/sign-out-everywhere", json!({})).await.expect(StatusCode::NO_CONTENT);
    for ended in [&first, &third] {
        ended.get("/v1/me").await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn an_expired_session_is_worth_nothing() {
    let api = Fixture::new().await;
    let person = api.sign_up("someone@example.com").await;
    api.sql("update session set expires_at = now()").await;
    person.get("/v1/me").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session_and_renews_this_one() {
    let api = Fixture::new().await;
    let first = api.sign_up("someone@example.com").await;
    let credentials = json!({"email": "someone@example.com", "password": PASSWORD});
    let second = api.anyone().post("/v1/sign-in", credentials.clone()).await.signed_in(&api);
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let wrong = first.post("/v1/me/password", change("something else", "another pass phrase")).await;
    assert_eq!(wrong.refused(422, "invalid").body["errors"][0]["pointer"], "/current_password");
    let weak = first.post("/v1/me/password", change(PASSWORD, "Password1234")).await;
    assert_eq!(weak.refused(422, "invalid").body["errors"][0]["pointer"], "/new_password");

    let changed = first.post("/v1/me/password", change(PASSWORD, "another pass phrase")).await;
    let renewed = changed.expect(StatusCode::NO_CONTENT).signed_in(&api);
    for ended in [&first, &second] {
        ended.get("/v1/me").await.refused(401, "unauthenticated");
    }
    renewed.get("/v1/me").await.expect(StatusCode::OK);
    api.anyone().post("/v1/sign-in", credentials).await.refused(401, "sign-in-failed");
}

#[tokio::test]
async fn an_owners_link_sets_a_password_once_and_ends_the_sessions() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let member = api.member(&owner, "editor").await;
    let path = owner.at(&format!("/members/{}/password-reset", member.person));
    let made = owner.post(&path, json!({})).await.expect(StatusCode::CREATED);
    let link = made.body["link"].as_str().unwrap();
    let token = link.strip_prefix(&format!("{PUBLIC_URL}/reset-password#")).unwrap();
    let reset = json!({"token": token, "new_password": "another pass phrase"});
    api.anyone().post("/v1/password-reset", reset.clone()).await.expect(StatusCode::NO_CONTENT);
    member.get("/v1/me").await.refused(401, "unauthenticated");
    api.anyone().post("/v1/password-reset", reset).await.refused(404, "link-ended");
    let never = json!({"token": "x".repeat(43), "new_password": "another pass phrase"});
    api.anyone().post("/v1/password-reset", never).await.refused(404, "link-ended");
}

#[tokio::test]
async fn an_owner_gets_no_link_for_somebody_who_is_at_home_elsewhere_but_the_operator_does() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let guest = api.sign_up("guest@example.com").await;
    let token = owner.invite(json!({"role": "viewer"})).await;
    guest.post("/v1/invitations/accept", json!({"token": token})).await.expect(StatusCode::OK);
    let path = owner.at(&format!("/members/{}/password-reset", guest.person));
    owner.post(&path, json!({})).await.refused(409, "conflict");
    let link = api.app.password_reset_link("GUEST@example.com").await.unwrap().unwrap();
    assert!(link.starts_with(PUBLIC_URL));
    assert!(api.app.password_reset_link("nobody@example.com").await.unwrap().is_none());
}

#[tokio::test]
async fn who_may_sign_up_is_the_operators_choice() {
    let new = |email: &str| json!({"email": email, "password": PASSWORD, "workspace_name": "mine"});
    let api = Fixture::with(Settings { sign_up: SignUp::FirstUserOnly, ..settings() }).await;
    let first = api.sign_up("first@example.com").await;
    api.anyone().post("/v1/sign-up", new("second@example.com")).await.refused(403, "sign-up-closed");
    api.member(&first, "viewer").await;

    let api = Fixture::with(Settings { sign_up: SignUp::Invitation, ..settings() }).await;
    api.anyone().post("/v1/sign-up", new("first@example.com")).await.refused(403, "sign-up-closed");
}

#[tokio::test]
async fn of_many_who_would_be_first_at_once_one_is() {
    let api = Fixture::with(Settings { sign_up: SignUp::FirstUserOnly, ..settings() }).await;
    let sign_up = async |email: String| {
        let new = json!({"email": email, "password": PASSWORD, "workspace_name": "mine"});
        api.anyone().post("/v1/sign-up", new).await.status.as_u16()
    };
    let emails = (0..4).map(|number| format!("person-{number}@example.com"));
    let mut statuses = futures::future::join_all(emails.map(sign_up)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403, 403, 403]);
}

#[tokio::test]
async fn signing_up_refuses_taken_addresses_weak_passwords_and_halves() {
    let api = Fixture::new().await;
    api.sign_up("someone@example.com").await;
    let attempt = async |body| api.anyone().post("/v1/sign-up", body).await;
    let taken = json!({"email": "Someone@Example.com", "password": PASSWORD, "workspace_name": "x"});
    attempt(taken).await.refused(409, "taken");
    let weak = json!({"email": "other@example.com", "password": "short", "workspace_name": "x"});
    assert_eq!(attempt(weak).await.refused(422, "invalid").body["errors"][0]["pointer"], "/password");
    let odd = json!({"email": "other", "password": PASSWORD, "workspace_name": "x"});
    assert_eq!(attempt(odd).await.refused(422, "invalid").body["errors"][0]["pointer"], "/email");
    attempt(json!({"email": "other@example.com", "password": PASSWORD})).await.refused(422, "invalid");
    let ended = json!({"email": "other@example.com", "password": PASSWORD, "invitation": "x".repeat(43)});
    attempt(ended).await.refused(404, "link-ended");
}
