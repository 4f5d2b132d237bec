use axum::http::StatusCode;
use serde_json::json;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_workspace_is_made_read_renamed_paused_and_listed() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = owner.post("/v1/workspaces", json!({"name": "second"})).await.expect(StatusCode::CREATED);
    let path = made.header("location").to_owned();
    assert_eq!((made.body["name"].as_str(), made.header("etag")), (Some("second"), "\"1\""));
    let read = owner.get(&path).await.expect(StatusCode::OK);
    assert_eq!(read.body, made.body);
    let changed = owner.put(&path, "\"1\"", json!({"name": "renamed", "paused": true})).await.expect(StatusCode::OK);
    assert_eq!((&changed.body["name"], &changed.body["paused"]), (&json!("renamed"), &json!(true)));
    assert_eq!(changed.header("etag"), "\"2\"");
    let mine = owner.get("/v1/workspaces").await.expect(StatusCode::OK);
    let names: Vec<_> = mine.body["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    assert_eq!(names, [json!("of owner@example.com"), json!("renamed")]);
}

#[tokio::test]
async fn a_change_takes_the_current_etag() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let path = owner.at("");
    let update = json!({"name": "renamed", "paused": false});
    owner.send("PUT", &path, Some(update.clone()), &[]).await.refused(428, "precondition-required");
    owner.put(&path, "\"1\"", update.clone()).await.expect(StatusCode::OK);
    owner.put(&path, "\"1\"", update.clone()).await.refused(412, "stale");
    owner.put(&path, "\"x\"", update.clone()).await.refused(412, "stale");
    let odd = owner.put(&path, "2", update.clone()).await.refused(422, "invalid");
    assert_eq!(odd.body["errors"][0]["header"], "if-match");
    owner.put(&path, "*", update).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn of_two_changes_from_the_same_state_one_is_stale() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let path = owner.at("");
    let change = |name: &str| owner.put(&path, "\"1\"", json!({"name": name, "paused": false}));
    let (one, other) = tokio::join!(change("one"), change("other"));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test]
async fn who_has_it_already_gets_304() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let path = owner.at("");
    let read = |known: &'static str| {
        let (owner, path) = (owner.clone(), path.clone());
        async move { owner.send("GET", &path, None, &[("if-none-match", known)]).await }
    };
    for known in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let answer = read(known).await.expect(StatusCode::NOT_MODIFIED);
        assert!(answer.text.is_empty() && answer.header("etag") == "\"1\"");
    }
    read("\"2\"").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_workspace_is_deleted_only_by_its_name_and_is_then_as_if_it_had_never_been() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let key = owner.key("owner").await;
    let path = owner.at("");
    owner.delete(&path).await.refused(422, "invalid");
    let wrong = owner.delete(&format!("{path}?name=other")).await.refused(422, "invalid");
    assert_eq!(wrong.body["errors"][0]["parameter"], "name");
    owner.delete(&format!("{path}?name=of%20owner@example.com")).await.expect(StatusCode::NO_CONTENT);
    owner.get(&path).await.refused(404, "not-found");
    key.get(&path).await.refused(401, "unauthenticated");
    assert_eq!(owner.get("/v1/workspaces").await.body["items"], json!([]));
}

#[tokio::test]
async fn usage_tells_the_quotas_that_hold() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    api.sql("update workspace set quotas = '{\"syncs\": 7}'").await;
    let usage = owner.get(&owner.at("/usage")).await.expect(StatusCode::OK);
    assert_eq!((&usage.body["stored_bytes"], &usage.body["quotas"]["syncs"]), (&json!(0), &json!(7)));
    assert_eq!(usage.body["quotas"]["members"], json!(null));
}
