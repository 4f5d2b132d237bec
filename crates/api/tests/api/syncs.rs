use axum::http::StatusCode;
use domain::Work;
use serde_json::{Value, json};

use crate::configured::{Configured, all, make, model, source, sync};
use crate::fixture::Fixture;
use crate::worker::Worker;

#[tokio::test]
async fn a_sync_is_made_read_changed_listed_and_deleted() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let path = owner.at(&format!("/syncs/{}", made.sync));
    let read = owner.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&read.body["model"], &read.body["destination"]), (&json!(made.model), &json!(made.destination)));
    assert_eq!(
        (&read.body["version"], &read.body["newest_run"], &read.body["question"]),
        (&json!(1), &Value::Null, &Value::Null)
    );
    assert_eq!(read.body["guards"], json!({"removed_percent": 20.0, "removed_more_than": 100}));
    let mut body = made.sync_body("renamed");
    let constant: Value = serde_json::from_str("9007199254740993.50").unwrap();
    body["message"] = json!({"fields": [{"to": "a.b", "column": "id"}, {"to": "c", "constant": constant}, {"to": "n", "constant": null}]});
    body["watch"] = json!({"columns": ["id", "email"]});
    body["numbers"] = json!({"id": "string"});
    body["triggers"] = json!({"removed": false});
    let changed = owner.put(&path, read.header("etag"), body.clone()).await.expect(StatusCode::OK);
    for field in ["message", "watch", "numbers"] {
        assert_eq!(changed.body[field], body[field], "{field}");
    }
    assert!(changed.text.contains("9007199254740993.50"), "{}", changed.text);
    assert_eq!(changed.body["triggers"], json!({"added": true, "changed": true, "removed": false}));
    assert_eq!(changed.body["version"], 2);
    owner.put(&path, read.header("etag"), body.clone()).await.refused(412, "stale");
    owner.put(&path, "*", body).await.expect(StatusCode::OK);
    make(&owner, "/syncs", made.sync_body("second")).await;
    owner.post(&owner.at("/syncs"), made.sync_body("second")).await.refused(409, "taken");
    assert_eq!(all(&owner, &owner.at("/syncs"), 1).await.len(), 2);
    owner.delete(&path).await.expect(StatusCode::NO_CONTENT);
    owner.get(&path).await.refused(404, "not-found");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_sync_is_told_at_once_with_its_place() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let mut body = made.sync_body("second");
    body["message"] = json!({"json": "{\n \"a\": {{ rwo.id }}}"});
    body["limits"] = json!({"call_records": 501});
    body["schedule"] = json!({"type": "cron", "expression": "61 * * * *", "time_zone": "Europe/Berlin"});
    let refused = owner.post(&owner.at("/syncs"), body).await.refused(422, "invalid");
    let errors = refused.body["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/limits/call_records", "/message/json", "/schedule/expression"], "{}", refused.text);
    assert!(errors[1]["detail"].as_str().unwrap().starts_with("Line 2, column "), "{}", refused.text);
    for (field, value, pointer) in [
        ("stream", json!("a b"), "/stream"),
        ("message", json!({"jsn": "{}"}), "/message"),
        ("schedule", json!({"type": "interval", "every": 0, "unit": "minutes"}), "/schedule/every"),
        (
            "schedule",
            json!({"type": "cron", "expression": "0 9 * * *", "time_zone": "Europe/Berln"}),
            "/schedule/time_zone",
        ),
    ] {
        let mut body = made.sync_body("second");
        body[field] = value;
        let refused = owner.post(&owner.at("/syncs"), body).await.refused(422, "invalid");
        let found = refused.body["errors"][0]["pointer"].as_str().unwrap();
        assert!(found.starts_with(pointer), "{found} {}", refused.text);
    }
}

#[tokio::test]
async fn a_sync_names_only_what_is_of_its_workspace() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let stranger = api.sign_up("stranger@example.com").await;
    let (own, foreign) = (Configured::new(&owner).await, Configured::new(&stranger).await);
    for (field, foreign, missing) in [
        ("model", foreign.model.as_str(), "mdl_00000000000000000000000000000001"),
        ("destination", foreign.destination.as_str(), "dst_00000000000000000000000000000001"),
    ] {
        let mut answers = Vec::new();
        for id in [foreign, missing, ""] {
            let mut body = own.sync_body("second");
            body[field] = json!(id);
            let refused = owner.post(&owner.at("/syncs"), body).await.refused(422, "unknown-reference");
            assert_eq!(refused.body["errors"][0]["pointer"], format!("/{field}"));
            answers.push(refused.without_request_id());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
}

#[tokio::test]
async fn a_schedule_shows_its_next_times_until_the_sync_is_paused() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let path = owner.at(&format!("/syncs/{}", made.sync));
    let mut body = made.sync_body("customers");
    body["schedule"] = json!({"type": "cron", "expression": "0 9 * * *", "time_zone": "UTC"});
    let changed = owner.put(&path, "*", body.clone()).await.expect(StatusCode::OK);
    let next = changed.body["next_fires"].as_array().unwrap();
    assert!(next.len() == 5 && next.iter().all(|at| at.as_str().unwrap().ends_with("T09:00:00Z")), "{next:?}");
    assert_eq!(changed.body["next_fire_at"], next[0]);
    let paused = owner.post(&format!("{path}/pause"), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&paused.body["paused"], &paused.body["next_fire_at"]), (&json!(true), &Value::Null));
    let resumed = owner.post(&format!("{path}/resume"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(resumed.body["next_fire_at"], next[0]);
}

#[tokio::test]
async fn a_copy_is_paused_and_counts_for_the_quota() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let path = owner.at(&format!("/syncs/{}/duplicate", made.sync));
    let copy = owner.post(&path, json!({"name": "copy"})).await.expect(StatusCode::CREATED);
    assert_eq!((&copy.body["paused"], &copy.body["message"]), (&json!(true), &made.sync_body("x")["message"]));
    owner.post(&path, json!({"name": "copy"})).await.refused(409, "taken");
    api.sql("update workspace set quotas = '{\"syncs\": 2}'").await;
    owner.post(&path, json!({"name": "third"})).await.refused(409, "quota-exceeded");
    owner.post(&owner.at("/syncs"), made.sync_body("third")).await.refused(409, "quota-exceeded");
}

#[tokio::test]
async fn a_preview_is_a_job_and_chosen_rows_are_a_run() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let worker = Worker::new(&api).await;
    let at = |rest: &str| owner.at(&format!("/syncs/{}/{rest}", made.sync));
    let preview = at("preview");
    let asked = owner.post(&preview, json!({"records": 3, "full_resync": true}));
    let (answer, work) = tokio::join!(asked, worker.answer(Ok(json!({"records": []}))));
    answer.expect(StatusCode::OK);
    assert!(matches!(work, Work::PreviewSync { records: 3, full_resync: true, .. }));
    owner.post(&preview, json!({"records": 101})).await.refused(422, "invalid");
    let send = at("send-rows");
    for (odd, pointer) in [(json!([]), "/rows"), (json!([[1], [1, 2]]), "/rows/1"), (json!([{"other": 1}]), "/rows/0")]
    {
        let refused = owner.post(&send, json!({"rows": odd})).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
    }
    let sent = owner.post(&send, json!({"rows": [[7], {"id": "8"}]})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(sent.body["run"]["kind"], "send-rows");
    // The shape that `runner::RunOptions` reads. The answer may be kept for those who ask again, and does not tell.
    let run = owner.get(sent.header("location")).await.expect(StatusCode::OK);
    assert_eq!(run.body["options"], json!({"rows": {"keys": [[7], {"id": "8"}], "send": "current"}}));
    assert_eq!(sent.body["run"]["options"], json!({"rows": {"keys": [], "send": "current"}}));
}

#[tokio::test]
async fn syncs_and_models_are_listed_by_what_they_use() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let stranger = api.sign_up("stranger@example.com").await;
    let (made, foreign) = (Configured::new(&owner).await, Configured::new(&stranger).await);
    let source = make(&owner, "/sources", source("another")).await;
    let model = make(&owner, "/models", model("another", &source)).await;
    let other = make(&owner, "/syncs", sync("another", &model, &made.destination)).await;
    let listed = async |path: String| {
        let answer = owner.get(&owner.at(&path)).await.expect(StatusCode::OK);
        let items = answer.body["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let none = Vec::<String>::new();
    assert_eq!(listed(format!("/models?source={source}")).await, std::slice::from_ref(&model));
    assert_eq!(listed(format!("/models?source={}", made.source)).await, std::slice::from_ref(&made.model));
    assert_eq!(listed(format!("/syncs?model={model}")).await, std::slice::from_ref(&other));
    assert_eq!(listed(format!("/syncs?destination={}", made.destination)).await, [other.clone(), made.sync.clone()]);
    assert_eq!(listed(format!("/syncs?destination={}&limit=1", made.destination)).await, [other]);
    assert_eq!(listed(format!("/syncs?model={}&destination={}", made.model, made.destination)).await, [made.sync]);
    // What is another workspace's, or nobody's, finds nothing; what is no id is refused.
    assert_eq!(listed(format!("/syncs?model={}", foreign.model)).await, none);
    assert_eq!(listed(format!("/syncs?destination={}", foreign.destination)).await, none);
    assert_eq!(listed(format!("/models?source={}", foreign.source)).await, none);
    for (odd, parameter) in
        [("/syncs?model=x", "model"), ("/syncs?destination=x", "destination"), ("/models?source=x", "source")]
    {
        let refused = owner.get(&owner.at(odd)).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["parameter"], parameter, "{}", refused.text);
    }
}

#[tokio::test]
async fn a_question_is_answered_by_a_run_and_a_held_sync_by_a_decision() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let at = |rest: &str| owner.at(&format!("/syncs/{}{rest}", made.sync));
    owner.post(&at("/answer"), json!({"on_change": "only-future"})).await.refused(409, "conflict");
    owner.post(&at("/restore-decision"), json!({"decision": "accept"})).await.refused(409, "conflict");
    api.sql("update sync set question = '{\"text\": \"what now?\"}'").await;
    assert_eq!(owner.get(&at("")).await.body["question"]["text"], "what now?");
    let answered = owner.post(&at("/answer"), json!({"on_change": "only-future"})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(answered.body["run"]["options"], json!({"on_change": "only-future"}));
    let run = answered.body["run"]["id"].as_str().unwrap();
    owner.post(&owner.at(&format!("/runs/{run}/cancel")), json!({})).await.expect(StatusCode::OK);
    api.sql("update sync set held = 'restored'").await;
    assert_eq!(owner.get(&at("")).await.body["held"], "restored");
    owner.post(&at("/runs"), json!({"kind": "normal"})).await.refused(409, "conflict");
    let decided = owner.post(&at("/restore-decision"), json!({"decision": "full-resync"})).await.expect(StatusCode::OK);
    assert_eq!(decided.body["held"], Value::Null);
    let runs = owner.get(&at("/runs?state=queued")).await.expect(StatusCode::OK);
    assert_eq!(runs.body["items"][0]["kind"], "full-resync");
}

#[tokio::test]
async fn a_sync_says_what_its_log_keeps_and_which_columns_it_uses() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let path = owner.at(&format!("/syncs/{}", made.sync));
    let sync = owner.get(&path).await.expect(StatusCode::OK).body;
    assert_eq!(sync["log"], json!({"rows": "full", "bodies": "failures", "sample": 100}));
    let uses = json!({
        "message": ["email", "id"], "partition_key": ["id"], "hash_key": null, "watched": ["email", "id"],
        "previous": false, "previous_columns": [],
    });
    assert_eq!(sync["uses"], uses);
    let mut body = made.sync_body("customers");
    body["log"] = json!({"rows": "outcomes", "sample": 0});
    body["message"] = json!({"json": "{\"was\": {{ previous }}}"});
    let changed = owner.put(&path, "*", body.clone()).await.expect(StatusCode::OK).body;
    assert_eq!(changed["log"], json!({"rows": "outcomes", "bodies": "failures", "sample": 0}));
    assert_eq!((&changed["uses"]["message"], &changed["uses"]["previous"]), (&json!("all"), &json!(true)));
    assert!(owner.get(&owner.at("/syncs")).await.body["items"][0].get("uses").is_none());
    for (log, pointer) in [
        (json!({"sample": 10_001}), "/log/sample"),
        (json!({"rows": "some"}), "/log/rows"),
        (json!({"headers": true}), "/log/headers"),
    ] {
        body["log"] = log;
        let refused = owner.put(&path, "*", body.clone()).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
    }
}
