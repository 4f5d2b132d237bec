use axum::http::StatusCode;
use domain::Work;
use serde_json::json;

use crate::configured::{Configured, make, model, source};
use crate::fixture::Fixture;
use crate::worker::Worker;

#[tokio::test]
async fn a_model_is_made_read_changed_and_deleted() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let source = make(&owner, "/sources", source("shop")).await;
    let made = owner.post(&owner.at("/models"), model("customers", &source)).await.expect(StatusCode::CREATED);
    let path = made.header("location").to_owned();
    assert_eq!(owner.get(&path).await.expect(StatusCode::OK).body, made.body);
    assert_eq!(made.body["connections"], 1);
    let mut other = model("orders", &source);
    other["key"] = json!(["id", "line"]);
    other["connections"] = json!(16);
    let changed = owner.put(&path, "\"1\"", other.clone()).await.expect(StatusCode::OK);
    assert_eq!((&changed.body["key"], changed.header("etag")), (&json!(["id", "line"]), "\"2\""));
    assert_eq!(owner.get(&path).await.expect(StatusCode::OK).body["connections"], 16);
    owner.put(&path, "\"1\"", other).await.refused(412, "stale");
    owner.delete(&path).await.expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_is_wrong_with_a_model_is_named() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let source = make(&owner, "/sources", source("shop")).await;
    for (field, value, pointer) in [
        ("query", json!("  "), "/query"),
        ("key", json!([]), "/key"),
        ("key", json!(["id", "id"]), "/key"),
        ("key", json!(["id", ""]), "/key/1"),
        ("name", json!(""), "/name"),
        ("connections", json!(0), "/connections"),
        ("connections", json!(17), "/connections"),
    ] {
        let mut body = model("customers", &source);
        body[field] = value;
        let refused = owner.post(&owner.at("/models"), body).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
}

#[tokio::test]
async fn validating_runs_the_query_for_its_columns_and_a_preview_for_its_rows() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let worker = Worker::new(&api).await;
    let at = |rest: &str| owner.at(&format!("/models/{}/{rest}", made.model));
    let (validate, preview) = (at("validate"), at("preview"));
    let (answer, work) = tokio::join!(owner.post(&validate, json!({})), worker.answer(Ok(json!({"columns": []}))));
    answer.expect(StatusCode::OK);
    assert!(matches!(work, Work::TryQuery { rows: 0, key, .. } if key == ["id"]));
    let (answer, work) = tokio::join!(owner.post(&preview, json!({"rows": 7})), worker.answer(Ok(json!({"rows": []}))));
    answer.expect(StatusCode::OK);
    assert!(matches!(work, Work::TryQuery { rows: 7, .. }));
    owner.post(&preview, json!({"rows": 101})).await.refused(422, "invalid");
}

#[tokio::test]
async fn a_model_that_a_sync_uses_stays() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    owner.delete(&owner.at(&format!("/models/{}", made.model))).await.refused(409, "in-use");
}
