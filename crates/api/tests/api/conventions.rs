//! What holds for every operation, shown on some.

use std::time::Duration;

use api::Settings;
use axum::http::StatusCode;
use serde_json::json;

use crate::fixture::{Fixture, PUBLIC_URL, settings};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn each_way_in_which_a_body_can_be_wrong_has_its_code() {
    let api = Fixture::with(Settings { body_limit: 2_000, ..settings() }).await;
    let owner = api.sign_up("owner@example.com").await;
    let post = async |body: &str, headers: &[(&str, &str)]| {
        owner.raw("POST", "/v1/workspaces", body.to_owned(), headers).await
    };
    let fine = "{\"name\": \"x\"}";
    post(fine, &[]).await.refused(415, "unsupported-media-type");
    post(fine, &[("content-type", "text/plain")]).await.refused(415, "unsupported-media-type");
    post("{\"other\": 1,}", &[JSON]).await.refused(400, "malformed-json");
    post(fine, &[("content-type", "application/json; charset=utf-8")]).await.expect(StatusCode::CREATED);
    let broken = post("{\"name\":\n oops}", &[JSON]).await.refused(400, "malformed-json");
    assert!(broken.body["detail"].as_str().unwrap().contains("Line 2, column 2"));
    post("", &[JSON]).await.refused(400, "malformed-json");
    post(&"[".repeat(1_000), &[JSON]).await.refused(400, "malformed-json");
    post(&format!("{{\"name\": \"{}\"}}", "x".repeat(2_000)), &[JSON]).await.refused(413, "too-large");
    for (body, pointer) in [
        ("{}", ""),
        ("[]", ""),
        ("[\"x\"]", ""),
        ("{\"name\": 7}", "/name"),
        ("{\"name\": \"\"}", "/name"),
        ("{\"name\": \"a\\u0007b\"}", "/name"),
        ("{\"name\": \"x\", \"other\": 1}", "/other"),
        ("{\"name\": \"x\", \"name\": \"y\"}", ""),
    ] {
        let refused = post(body, &[JSON]).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
}

#[tokio::test]
async fn each_way_in_which_a_query_can_be_wrong_names_the_parameter() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=nonsense", "cursor"),
        ("colour=blue", "colour"),
    ] {
        let refused = owner.get(&owner.at(&format!("/members?{query}"))).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["parameter"], parameter, "{}", refused.text);
    }
    owner.get(&owner.at("/audit-entries?target=%00")).await.refused(422, "invalid");
}

#[tokio::test]
async fn every_answer_has_the_security_headers_and_its_request_id() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    for path in ["/v1/me", "/v1/nothing", "/problems", "/docs", "/openapi.json", &owner.at("")] {
        let answer = owner.send("GET", path, None, &[("x-request-id", "abc-1")]).await;
        assert_eq!(answer.header("x-request-id"), "abc-1");
        assert!(answer.header("strict-transport-security").contains("max-age=31536000"));
        assert!(answer.header("content-security-policy").contains("default-src 'self'; frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert!(!path.starts_with("/v1") || answer.header("cache-control") == "no-store");
        assert!(answer.headers.get("access-control-allow-origin").is_none());
    }
    assert_ne!(owner.get("/v1/me").await.header("x-request-id"), owner.get("/v1/me").await.header("x-request-id"));
}

#[tokio::test]
async fn a_change_with_a_cookie_is_taken_from_our_own_pages_only() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let key = owner.key("admin").await;
    let from = |origin: &'static str| {
        [("origin", origin), ("sec-fetch-site", if origin == PUBLIC_URL { "same-origin" } else { "cross-site" })]
    };
    let make = json!({"name": "x"});
    owner
        .send("POST", "/v1/workspaces", Some(make.clone()), &from("https://evil.example"))
        .await
        .refused(403, "cross-site");
    owner.send("POST", "/v1/workspaces", Some(make.clone()), &from(PUBLIC_URL)).await.expect(StatusCode::CREATED);
    let credentials = json!({"email": "owner@example.com", "password": "whatever"});
    api.anyone()
        .send("POST", "/v1/sign-in", Some(credentials), &from("https://evil.example"))
        .await
        .refused(403, "cross-site");
    let update = json!({"name": "x", "paused": false});
    let mut headers = from("https://evil.example").to_vec();
    headers.push(("if-match", "*"));
    key.send("PUT", &owner.at(""), Some(update), &headers).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn what_takes_too_long_is_given_up() {
    let api = Fixture::with(Settings { request_timeout: Duration::ZERO, ..settings() }).await;
    let credentials = json!({"email": "someone@example.com", "password": "some pass phrase"});
    api.anyone().post("/v1/sign-in", credentials).await.refused(504, "timed-out");
}

#[tokio::test]
async fn without_a_database_the_answer_says_so_and_no_more() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    api.store.close().await;
    let refused = owner.get("/v1/me").await;
    assert!([500, 503].contains(&refused.status.as_u16()), "{}", refused.text);
    for word in ["pool", "sqlx", "postgres", "session"] {
        assert!(!refused.text.to_lowercase().contains(word), "{}", refused.text);
    }
}

#[tokio::test]
async fn document_page_and_problems_are_served_to_anybody() {
    let api = Fixture::new().await;
    let document = api.anyone().get("/openapi.json").await.expect(StatusCode::OK);
    assert_eq!(document.body, serde_json::to_value(api::openapi()).unwrap());
    let page = api.anyone().get("/docs").await.expect(StatusCode::OK);
    assert!(page.text.contains("create_workspace") && !page.text.contains("<script"));
    api.anyone().get("/docs/style.css").await.expect(StatusCode::OK);
    let problems = api.anyone().get("/problems").await.expect(StatusCode::OK);
    assert_eq!(problems.body["items"].as_array().unwrap().len(), api::Code::ALL.len());
}
