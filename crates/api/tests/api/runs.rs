use std::time::Duration;

use axum::http::StatusCode;
use domain::{Counts, RunState};
use serde_json::{Value, json};
use store::Checkpoint;

use crate::configured::{Configured, all};
use crate::fixture::{Client, Fixture, settings};
use crate::worker::Worker;

async fn start(owner: &Client, made: &Configured, body: Value) -> String {
    let path = owner.at(&format!("/syncs/{}/runs", made.sync));
    let asked = owner.post(&path, body).await.expect(StatusCode::ACCEPTED);
    let id = asked.body["run"]["id"].as_str().unwrap().to_owned();
    assert_eq!(asked.header("location"), owner.at(&format!("/runs/{id}")));
    id
}

#[tokio::test]
async fn one_run_waits_and_takes_requests_along() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let path = owner.at(&format!("/syncs/{}/runs", made.sync));
    let first = owner.post(&path, json!({"kind": "normal"})).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&first.body["already_waiting"], &first.body["run"]["state"]), (&json!(false), &json!("queued")));
    assert_eq!(first.body["run"]["requested_by"]["email"], "owner@example.com");
    let wanted = json!({"kind": "full-resync", "on_change": "send-all", "hold_removals": true, "repair": "older"});
    let second = owner.post(&path, wanted).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&second.body["already_waiting"], &second.body["run"]["kind"]), (&json!(true), &json!("full-resync")));
    assert_eq!(second.body["run"]["id"], first.body["run"]["id"]);
    let options = json!({"on_change": "send-all", "hold_removals": true, "repair": "older"});
    assert_eq!(second.body["run"]["options"], options, "the shape that `runner::RunOptions` reads");
    owner.post(&path, json!({"kind": "reset"})).await.refused(409, "conflict");
    owner.post(&path, json!({"kind": "resend"})).await.refused(422, "invalid");
}

#[tokio::test]
async fn the_same_request_with_an_idempotency_key_is_one_run() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let path = owner.at(&format!("/syncs/{}/runs", made.sync));
    let ask = || owner.send("POST", &path, Some(json!({"kind": "normal"})), &[("idempotency-key", "one")]);
    let first = ask().await.expect(StatusCode::ACCEPTED);
    let second = ask().await.expect(StatusCode::ACCEPTED);
    assert_eq!((second.text.as_str(), second.header("idempotency-replayed")), (first.text.as_str(), "true"));
}

#[tokio::test]
async fn a_run_tells_its_counts_attempts_reason_and_story() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let worker = Worker::new(&api).await;
    let id = start(&owner, &made, json!({"kind": "normal"})).await;
    let claim = worker.claim(&owner, &made.sync).await;
    worker.scope(&owner).write_progress(claim.run, &json!({"phase": "reading"})).await.unwrap();
    let path = owner.at(&format!("/runs/{id}"));
    let working = owner.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&working.body["state"], &working.body["progress"]["phase"]), (&json!("running"), &json!("reading")));
    let counts = Counts { queried: 3, rows: 3, units: 3, unchanged: 3, ..Counts::default() };
    let last = Checkpoint { counts: Some(counts), ..Checkpoint::default() };
    worker.end(&owner, &claim, RunState::Failed, last).await;
    let ended = owner.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&ended.body["state"], &ended.body["counts"]["unchanged"]), (&json!("failed"), &json!(3)));
    let reason = json!({"code": "as-told", "text": "The test says so.", "meaning": null, "advice": null});
    assert_eq!(ended.body["reason"], reason);
    assert_eq!(ended.body["attempts"][0]["outcome"], "finished");
    let events = all(&owner, &format!("{path}/events"), 1).await;
    let kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"requested"), Some(&"ended")), "{kinds:?}");
    let sync = owner.get(&owner.at(&format!("/syncs/{}", made.sync))).await;
    assert_eq!(sync.body["newest_run"], json!({"id": id, "state": "failed"}));
}

#[tokio::test]
async fn runs_are_listed_by_workspace_sync_and_state() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let stranger = api.sign_up("stranger@example.com").await;
    let (made, foreign) = (Configured::new(&owner).await, Configured::new(&stranger).await);
    start(&stranger, &foreign, json!({"kind": "normal"})).await;
    let worker = Worker::new(&api).await;
    for _ in 0..3 {
        start(&owner, &made, json!({"kind": "normal"})).await;
        let claim = worker.claim(&owner, &made.sync).await;
        worker.end(&owner, &claim, RunState::Succeeded, Checkpoint::default()).await;
    }
    start(&owner, &made, json!({"kind": "normal"})).await;
    for path in [owner.at("/runs"), owner.at(&format!("/syncs/{}/runs", made.sync))] {
        assert_eq!(all(&owner, &path, 2).await.len(), 4);
        assert_eq!(all(&owner, &format!("{path}?state=succeeded"), 2).await.len(), 3);
        owner.get(&format!("{path}?state=odd")).await.refused(422, "invalid");
    }
    let cursor = owner.get(&owner.at("/runs?limit=1")).await.body["next_cursor"].as_str().unwrap().to_owned();
    owner.get(&owner.at(&format!("/syncs/{}/runs?cursor={cursor}", made.sync))).await.refused(422, "invalid");
}

#[tokio::test]
async fn a_run_that_waits_is_cancelled_at_once_and_one_that_works_is_asked_to_end() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let waiting = start(&owner, &made, json!({"kind": "normal"})).await;
    let cancel = |id: &str| owner.at(&format!("/runs/{id}/cancel"));
    assert_eq!(owner.post(&cancel(&waiting), json!({})).await.expect(StatusCode::OK).body["state"], "cancelled");
    let working = start(&owner, &made, json!({"kind": "normal"})).await;
    Worker::new(&api).await.claim(&owner, &made.sync).await;
    let asked = owner.post(&cancel(&working), json!({})).await.expect(StatusCode::OK);
    assert!(asked.body["state"] == "running" && asked.body["cancel_requested_at"].is_string(), "{}", asked.text);
    let stranger = api.sign_up("stranger@example.com").await;
    stranger.post(&stranger.at(&format!("/runs/{working}/cancel")), json!({})).await.refused(404, "not-found");
}

#[tokio::test]
async fn a_stream_tells_progress_and_story_and_ends_with_the_run() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let worker = Worker::new(&api).await;
    let id = start(&owner, &made, json!({"kind": "normal"})).await;
    let claim = worker.claim(&owner, &made.sync).await;
    worker.scope(&owner).write_progress(claim.run, &json!({"phase": "sending"})).await.unwrap();
    let path = owner.at(&format!("/runs/{id}/stream"));
    let end = async {
        // Whether the watcher has looked by now or not, it gets everything.
        tokio::task::yield_now().await;
        worker.end(&owner, &claim, RunState::Succeeded, Checkpoint::default()).await;
    };
    let (stream, ()) = tokio::join!(owner.get(&path), end);
    assert_eq!(stream.header("content-type"), "text/event-stream");
    let of = |name: &str| stream.text.matches(&format!("event: {name}\n")).count();
    assert!(of("run-event") >= 3 && of("progress") == 1 && of("ended") == 1, "{}", stream.text);
    assert!(stream.text.trim_end().lines().last().unwrap().contains("\"state\":\"succeeded\""), "{}", stream.text);
    let last = stream.text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap();
    let again = owner.send("GET", &path, None, &[("last-event-id", last)]).await;
    assert!(!again.text.contains("event: run-event") && again.text.contains("event: ended"), "{}", again.text);
}

#[tokio::test]
async fn nobody_has_more_than_so_many_streams_open() {
    let api = Fixture::with(api::Settings { open_streams: 1, ..settings() }).await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let id = start(&owner, &made, json!({"kind": "normal"})).await;
    let path = owner.at(&format!("/runs/{id}/stream"));
    let open = owner.open(&path).await;
    let refused = owner.get(&path).await.refused(429, "rate-limited");
    assert!(!refused.header("retry-after").is_empty());
    drop(open);
    owner.post(&owner.at(&format!("/runs/{id}/cancel")), json!({})).await.expect(StatusCode::OK);
    owner.get(&path).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_watcher_is_let_go_at_once_when_the_process_stops() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let id = start(&owner, &made, json!({"kind": "normal"})).await;
    let path = owner.at(&format!("/runs/{id}/stream"));
    let watched = async { tokio::join!(owner.get(&path), async { api.app.end_streams() }).0 };
    // The run waits for ever, and a stream of it ends by itself after five minutes.
    let watched = tokio::time::timeout(Duration::from_secs(60), watched).await.expect("it stays open");
    assert_eq!(watched.status, StatusCode::OK);
    assert!(!watched.text.contains("event: ended"), "{}", watched.text);
}
