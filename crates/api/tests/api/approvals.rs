use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::configured::Configured;
use crate::fixture::{Client, Fixture};

/// A run that asked, and what it asked: the id of the request.
async fn asked(api: &Fixture, owner: &Client, made: &Configured) -> String {
    let path = owner.at(&format!("/syncs/{}/runs", made.sync));
    owner.post(&path, json!({"kind": "normal"})).await.expect(StatusCode::ACCEPTED);
    api.sql("update run set state = 'needs-approval', ended_at = now() where state = 'queued'").await;
    let shown = "{\"removals\": 7}";
    let rows = api
        .sql(&format!(
            "insert into approval (workspace_id, id, sync_id, run_id, kind, covered, shown)
             select workspace_id, gen_random_uuid(), sync_id, id, 'guards', '{{\"segment\": \"hidden\"}}', '{shown}' from run
             order by id desc limit 1
             returning replace(id::text, '-', '')"
        ))
        .await;
    let list = owner.get(&owner.at(&format!("/syncs/{}/approvals?open=true", made.sync))).await.expect(StatusCode::OK);
    let id = list.body["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(id.ends_with(rows[0].get::<_, &str>(0)) && !list.text.contains("hidden"), "{}", list.text);
    id
}

#[tokio::test]
async fn each_answer_is_a_run_with_the_options_that_the_worker_reads() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    for (decision, options) in [
        ("approve", json!({"guard": {"approval": "ID", "decision": "approved"}})),
        ("forget", json!({"guard": {"approval": "ID", "decision": "forgotten"}})),
        ("hold", json!({"hold_removals": true})),
    ] {
        let id = asked(&api, &owner, &made).await;
        let path = owner.at(&format!("/approvals/{id}"));
        assert_eq!(owner.get(&path).await.expect(StatusCode::OK).body["shown"], json!({"removals": 7}));
        let decided = owner.post(&format!("{path}/decide"), json!({"decision": decision})).await.expect(StatusCode::OK);
        let options = serde_json::from_str::<Value>(&options.to_string().replace("ID", &id)).unwrap();
        assert_eq!(decided.body["requested"]["run"]["options"], options, "{decision}");
        assert_eq!(decided.body["approval"]["state"], "open", "the run gives the answer when it starts");
        let run = decided.body["requested"]["run"]["id"].as_str().unwrap();
        owner.post(&owner.at(&format!("/runs/{run}/cancel")), json!({})).await.expect(StatusCode::OK);
        api.sql("delete from approval").await;
    }
}

#[tokio::test]
async fn a_dismissed_request_queues_nothing_and_is_answered_once() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let id = asked(&api, &owner, &made).await;
    let path = owner.at(&format!("/approvals/{id}/decide"));
    let viewer = owner.key("viewer").await;
    viewer.post(&path, json!({"decision": "dismiss"})).await.refused(403, "forbidden");
    owner.post(&path, json!({"decision": "perhaps"})).await.refused(422, "invalid");
    let decided = owner.post(&path, json!({"decision": "dismiss"})).await.expect(StatusCode::OK);
    assert_eq!((&decided.body["approval"]["state"], &decided.body["requested"]), (&json!("dismissed"), &Value::Null));
    owner.post(&path, json!({"decision": "approve"})).await.refused(409, "conflict");
    let open = owner.get(&owner.at(&format!("/syncs/{}/approvals?open=true", made.sync))).await;
    assert_eq!(open.body["items"], json!([]));
    let stranger = api.sign_up("stranger@example.com").await;
    stranger
        .post(&stranger.at(&format!("/approvals/{id}/decide")), json!({"decision": "hold"}))
        .await
        .refused(404, "not-found");
}
