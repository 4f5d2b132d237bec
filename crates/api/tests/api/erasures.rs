use axum::http::StatusCode;
use serde_json::json;

use crate::configured::Configured;
use crate::fixture::Fixture;

#[tokio::test]
async fn a_key_is_erased_by_a_run_and_neither_the_answer_nor_the_audit_log_names_it() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let path = owner.at(&format!("/syncs/{}/erase-key", made.sync));
    let asked = owner.post(&path, json!({"key": ["key-to-erase"]})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(asked.body["already_waiting"], false);
    let again = owner.post(&path, json!({"key": {"id": "key-to-erase-too"}})).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&again.body["run"], &again.body["already_waiting"]), (&asked.body["run"], &json!(true)));
    let run = owner.get(&owner.at(&format!("/runs/{}", asked.body["run"].as_str().unwrap()))).await;
    assert_eq!(run.body["kind"], "erase");
    // The shape that `runner::RunOptions` reads.
    let keys = json!([["key-to-erase"], {"id": "key-to-erase-too"}]);
    assert_eq!(run.body["options"], json!({"erase": {"keys": keys}}));
    let log = owner.get(&owner.at("/audit-entries")).await;
    let entries = api.sql("select detail::text from audit_entry where action = 'erase_key'").await;
    assert_eq!(entries.len(), 2);
    for text in entries.iter().map(|entry| entry.get::<_, String>(0)).chain([log.text, asked.text, again.text]) {
        assert!(!text.contains("key-to-erase"), "{text}");
    }
}

#[tokio::test]
async fn only_admins_erase_and_only_whole_keys() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let path = owner.at(&format!("/syncs/{}/erase-key", made.sync));
    for odd in [json!([]), json!([1, 2]), json!({}), json!(7), json!(null)] {
        let refused = owner.post(&path, json!({"key": odd})).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], "/key");
    }
    owner.key("editor").await.post(&path, json!({"key": [1]})).await.refused(403, "forbidden");
    owner.key("admin").await.post(&path, json!({"key": [1]})).await.expect(StatusCode::ACCEPTED);
    // A pause keeps rows from being sent, and nobody from having keys forgotten.
    owner.post(&owner.at(&format!("/syncs/{}/pause", made.sync)), json!({})).await;
    owner.post(&path, json!({"key": [1]})).await.expect(StatusCode::ACCEPTED);
}
