use axum::http::StatusCode;
use serde_json::json;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_key_is_shown_once_works_and_is_stored_as_a_hash() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let new = json!({"name": "ci", "role": "editor", "expires_at": "2999-01-01T00:00:00Z"});
    let made = owner.post(&owner.at("/api-keys"), new).await.expect(StatusCode::CREATED);
    let text = made.body["key"].as_str().unwrap();
    assert!(text.starts_with("rc_live_") && text.len() == 84);
    let secret = &text[41..];
    owner.bearer(text).get(&owner.at("")).await.expect(StatusCode::OK);
    let read = owner.get(made.header("location")).await.expect(StatusCode::OK);
    assert_eq!((&read.body["state"], &read.body["expires_at"]), (&json!("active"), &json!("2999-01-01T00:00:00Z")));
    assert!(read.body["last_used_at"].is_string());
    assert_eq!(read.body["hint"], format!("…{}", &text[80..]));
    for shown in [read, owner.get(&owner.at("/api-keys")).await, owner.get(&owner.at("/audit-entries")).await] {
        assert!(!shown.text.contains(secret));
    }
    let stored = api.sql(&format!("select count(*) from api_key where row(api_key.*)::text like '%{secret}%'")).await;
    assert_eq!(stored[0].get::<_, i64>(0), 0);
}

#[tokio::test]
async fn expired_revoked_wrong_and_malformed_keys_get_the_same_answer() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let make = async |new| owner.post(&owner.at("/api-keys"), new).await.expect(StatusCode::CREATED);
    let expired = make(json!({"name": "old", "role": "viewer"})).await;
    api.sql("update api_key set expires_at = now() - interval '1 minute' where name = 'old'").await;
    let revoked = make(json!({"name": "gone", "role": "viewer"})).await;
    owner.delete(revoked.header("location")).await.expect(StatusCode::NO_CONTENT);
    owner.delete(revoked.header("location")).await.expect(StatusCode::NO_CONTENT);
    let good = make(json!({"name": "good", "role": "viewer"})).await.body["key"].as_str().unwrap().to_owned();
    let wrong = format!("{}{}", &good[..41], "A".repeat(43));
    let unknown = format!("rc_live_{}_{}", "0".repeat(32), &good[41..]);
    let mut bodies = std::collections::BTreeSet::new();
    let expired = expired.body["key"].as_str().unwrap();
    for key in [expired, revoked.body["key"].as_str().unwrap(), &wrong, &unknown, "rc_live_", "x", ""] {
        let refused = owner.bearer(key).get(&owner.at("")).await.refused(401, "unauthenticated");
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
        bodies.insert(refused.without_request_id());
    }
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    owner.bearer(&good).get(&owner.at("")).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_bad_key_is_refused_even_beside_a_good_session() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let both = [("authorization", "Bearer rc_live_wrong")];
    owner.send("GET", &owner.at(""), None, &both).await.refused(401, "unauthenticated");
    owner.send("GET", &owner.at(""), None, &[("authorization", "Basic eDp5")]).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn keys_are_listed_in_pages() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    for number in 0..5 {
        let new = json!({"name": format!("key {number}"), "role": "viewer"});
        owner.post(&owner.at("/api-keys"), new).await.expect(StatusCode::CREATED);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&owner.at(&format!("/api-keys?limit=2{cursor}"))).await.expect(StatusCode::OK);
        names.extend(page.body["items"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["key 4", "key 3", "key 2", "key 1", "key 0"]);
    let other_list = owner.get(&owner.at(&format!("/members?limit=2{cursor}"))).await;
    assert_eq!(other_list.refused(422, "invalid").body["errors"][0]["parameter"], "cursor");
}

#[tokio::test]
async fn a_key_that_has_expired_already_is_not_made() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let new = json!({"name": "old", "role": "viewer", "expires_at": "2001-01-01T00:00:00Z"});
    let refused = owner.post(&owner.at("/api-keys"), new).await.refused(422, "invalid");
    assert_eq!(refused.body["errors"][0]["pointer"], "/expires_at");
}

#[tokio::test]
async fn keys_do_no_more_than_their_maker_and_end_with_their_membership() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let admin = api.member(&owner, "admin").await;
    let first = admin.key("admin").await;
    // Made with a key: the person behind it is the same.
    let second = first.key("admin").await;
    let offer = second.invite(json!({"role": "viewer"})).await;
    let member = owner.at(&format!("/members/{}", admin.person));
    let entries = owner.at("/audit-entries");
    for key in [&first, &second] {
        key.get(&entries).await.expect(StatusCode::OK);
    }
    owner.send("PUT", &member, Some(json!({"role": "viewer"})), &[]).await.expect(StatusCode::NO_CONTENT);
    for key in [&first, &second] {
        key.get(&entries).await.refused(403, "forbidden");
        key.get(&owner.at("/syncs")).await.expect(StatusCode::OK);
    }
    owner.delete(&member).await.expect(StatusCode::NO_CONTENT);
    for key in [&first, &second] {
        key.get(&owner.at("/syncs")).await.refused(401, "unauthenticated");
    }
    api.anyone().post("/v1/invitations/look-up", json!({"token": offer})).await.refused(404, "link-ended");
    let entry = owner.get(&owner.at("/audit-entries?action=remove_member")).await.body["items"][0].clone();
    assert_eq!(entry["detail"]["revoked_api_keys"].as_array().map(Vec::len), Some(2), "{entry}");
    // Who comes back begins anew.
    let token = json!({"token": owner.invite(json!({"role": "owner"})).await});
    admin.post("/v1/invitations/accept", token).await.expect(StatusCode::OK);
    first.get(&owner.at("/syncs")).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_revokes_a_key_above_their_own_role() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let admin = api.member(&owner, "admin").await;
    let new = json!({"name": "of the owner", "role": "owner"});
    let made = owner.post(&owner.at("/api-keys"), new).await.expect(StatusCode::CREATED);
    admin.delete(made.header("location")).await.refused(403, "forbidden");
    let key = owner.bearer(made.body["key"].as_str().unwrap());
    key.get(&owner.at("")).await.expect(StatusCode::OK);
    owner.delete(made.header("location")).await.expect(StatusCode::NO_CONTENT);
    key.get(&owner.at("")).await.refused(401, "unauthenticated");
}
