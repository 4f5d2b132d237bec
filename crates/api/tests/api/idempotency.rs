use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::configured::Configured;
use crate::fixture::Fixture;
use crate::worker::Worker;

#[tokio::test]
async fn operations_whose_answer_is_not_kept_take_no_key() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let header = [("idempotency-key", "one")];
    let key = json!({"name": "k", "role": "viewer"});
    owner.send("POST", &owner.at("/api-keys"), Some(key), &header).await.refused(422, "idempotency-unsupported");
    let workspace = json!({"name": "x"});
    owner.send("POST", "/v1/workspaces", Some(workspace), &header).await.refused(422, "idempotency-unsupported");
    owner.send("GET", &owner.at(""), None, &header).await.expect(StatusCode::OK);
    for odd in ["", &"x".repeat(256), "a\tb"] {
        let answer = owner.send("POST", &owner.at("/leave"), None, &[("idempotency-key", odd)]).await;
        assert_eq!(answer.refused(422, "invalid").body["errors"][0]["header"], "idempotency-key");
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_another_one_is_refused() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let editor = api.member(&owner, "editor").await;
    let path = owner.at("/leave");
    let again = [("idempotency-key", "leave once")];
    editor.send("POST", &path, None, &again).await.expect(StatusCode::NO_CONTENT);
    // Back again, so that the gate lets the repeated request through to its answer.
    let token = owner.invite(json!({"role": "editor"})).await;
    editor.post("/v1/invitations/accept", json!({"token": token})).await.expect(StatusCode::OK);
    let replayed = editor.send("POST", &path, None, &again).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    let still = owner.get(&owner.at("/members")).await;
    assert_eq!(still.body["items"].as_array().unwrap().len(), 2, "it was not done again");
    let other = editor.send("POST", &path, Some(json!({"other": 1})), &again).await;
    other.refused(422, "idempotency-key-reused");
    // Somebody else's key of the same text is another key.
    let viewer = api.member(&owner, "viewer").await;
    let first = viewer.send("POST", &path, None, &again).await.expect(StatusCode::NO_CONTENT);
    assert!(first.headers.get("idempotency-replayed").is_none());
}

#[tokio::test]
async fn a_refused_request_is_judged_anew() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let key = [("idempotency-key", "leave")];
    owner.send("POST", &owner.at("/leave"), None, &key).await.refused(409, "last-owner");
    api.member(&owner, "owner").await;
    owner.send("POST", &owner.at("/leave"), None, &key).await.expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_request_that_is_still_at_work_is_told_so() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let header = [("idempotency-key", "leave")];
    owner.send("POST", &owner.at("/leave"), None, &header).await.refused(409, "last-owner");
    // As if another process had begun it, and not ended.
    api.member(&owner, "owner").await;
    let person = owner.person.strip_prefix("usr_").unwrap();
    let scope = api.store.scope(owner.workspace.parse().unwrap());
    let path = owner.at("/leave");
    let mut hasher = <sha2::Sha256 as sha2::Digest>::new();
    for part in [b"POST".as_slice(), path.as_bytes(), b""] {
        sha2::Digest::update(&mut hasher, (part.len() as u64).to_be_bytes());
        sha2::Digest::update(&mut hasher, part);
    }
    let hash = sha2::Digest::finalize(hasher);
    scope.begin_idempotent(person.parse().unwrap(), "leave", &hash).await.unwrap();
    let refused = owner.send("POST", &path, None, &header).await.refused(409, "idempotency-in-progress");
    assert_eq!(refused.header("retry-after"), "1");
}

#[tokio::test]
async fn no_kept_answer_shows_a_key_or_a_row() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let (made, worker) = (Configured::new(&owner).await, Worker::new(&api).await);
    let at = |rest: &str| owner.at(&format!("/syncs/{}/{rest}", made.sync));
    let once = async |path: &str, body: Value| owner.send("POST", path, Some(body), &[("idempotency-key", path)]).await;
    let (send, rows) = (at("send-rows"), json!({"rows": [["planted-key"]]}));
    let first = once(&send, rows.clone()).await.expect(StatusCode::ACCEPTED);
    let again = once(&send, rows).await.expect(StatusCode::ACCEPTED);
    assert_eq!((again.text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));

    let preview = at("preview");
    let found = json!({"records": ["planted-key"]});
    let (first, _) = tokio::join!(once(&preview, json!({})), worker.answer(Ok(found.clone())));
    assert_eq!(first.expect(StatusCode::OK).body["result"], found);
    // Whoever asks again is told where it is.
    let again = once(&preview, json!({})).await.expect(StatusCode::ACCEPTED);
    assert_eq!((again.header("idempotency-replayed"), &again.body["result"]), ("true", &Value::Null));
    assert_eq!(owner.get(again.header("location")).await.expect(StatusCode::OK).body["result"], found);

    once(&at("erase-key"), json!({"key": ["planted-key"]})).await;
    let kept = api.sql("select convert_from(body, 'utf8') || headers::text || key from idempotency").await;
    assert!(kept.len() >= 2);
    for row in kept {
        let text: String = row.get(0);
        assert!(!text.contains("planted-key"), "{text}");
    }
}
