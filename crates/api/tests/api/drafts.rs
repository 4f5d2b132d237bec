//! What is asked of a sync while it is written.

use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::Work;
use engine::canonical::push_field;
use serde_json::{Value, json};

use crate::configured::Configured;
use crate::fixture::{Client, Fixture};
use crate::worker::Worker;

fn sample() -> Value {
    let row = |id: i64, name: Option<&str>| {
        let mut row = Vec::new();
        push_field(&mut row, Some(&id.to_be_bytes()));
        push_field(&mut row, name.map(str::as_bytes));
        BASE64_STANDARD.encode(row)
    };
    json!({
        "columns": [{"name": "id", "type": "int", "source_type": "bigint"}, {"name": "name", "type": "text", "source_type": "text"}],
        "rows": [[7, "Ann"], [8, null], [9, "Cid"]],
        "sample": {"canonical_version": 1, "rows": [row(7, Some("Ann")), row(8, None), row(9, Some("Cid"))]},
    })
}

/// The id of a job that has found this.
async fn job(owner: &Client, worker: &Worker, path: &str, body: Value, found: Value) -> (String, Work) {
    let (answer, work) = tokio::join!(owner.post(path, body), worker.answer(Ok(found)));
    (answer.expect(StatusCode::OK).body["id"].as_str().unwrap().to_owned(), work)
}

struct Written {
    owner: Client,
    made: Configured,
    worker: Worker,
    sample: String,
    path: String,
    _api: Fixture,
}

async fn written() -> Written {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let worker = Worker::new(&api).await;
    let preview = owner.at(&format!("/models/{}/preview", made.model));
    let (sample, work) = job(&owner, &worker, &preview, json!({"sample": true}), sample()).await;
    assert!(matches!(work, Work::TryQuery { sample: true, .. }));
    let path = owner.at("/syncs/render");
    Written { owner, made, worker, sample, path, _api: api }
}

impl Written {
    fn body(&self, message: &str) -> Value {
        let mut draft = self.made.sync_body("draft");
        draft["message"] = json!({"json": message});
        draft["partition_key"] = json!({"column": "id"});
        draft["destination"] = json!("");
        json!({"draft": draft, "sample": self.sample})
    }

    async fn render(&self, body: Value) -> Value {
        self.owner.post(&self.path, body).await.expect(StatusCode::OK).body
    }
}

#[tokio::test]
async fn a_draft_is_rendered_of_a_row_with_its_keys_size_and_cost() {
    let it = written().await;
    let found = it.render(it.body(r#"{"op": {{ op }}, "name": {{ row.name }}, "event": {{ event.id }}}"#)).await;
    let record = &found["records"][0];
    let data = format!(r#"{{"op": "added", "name": "Ann", "event": "{}"}}"#, "0".repeat(32));
    assert_eq!((&record["data"], &record["partition_key"]), (&json!(data), &json!("7")), "{found:#}");
    assert_eq!(record["hash_key"], "190188081314515644627836686569786975555", "{found:#}");
    assert_eq!(record["bytes"], data.len() + 1);
    assert_eq!((&record["shard"], &found["changed_columns"]), (&Value::Null, &Value::Null));
    assert_eq!(found["stand_ins"], json!([{"name": "event.id", "value": "0".repeat(32)}]));
    assert_eq!(
        (&found["tried"]["rows"], &found["tried"]["records"], &found["problems"]),
        (&json!(3), &json!(3), &json!([]))
    );
    assert!((found["million_rows"]["provisioned"].as_f64().unwrap() - 0.014).abs() < 1e-9, "{found:#}");
}

#[tokio::test]
async fn a_change_takes_its_earlier_values_from_another_row() {
    let it = written().await;
    let mut body = it.body(r#"[{{ row.name }}, {{ previous.name }}, {{ changed_columns }}]"#);
    (body["op"], body["row"]) = (json!("changed"), json!(2));
    let found = it.render(body.clone()).await;
    assert_eq!(found["records"][0]["data"], r#"["Cid", "Ann", ["name"]]"#, "the row after the last is the first");
    assert_eq!(found["changed_columns"], json!(["name"]));
    body["previous"] = json!({"row": 1, "columns": []});
    assert_eq!(it.render(body).await["records"][0]["data"], r#"["Cid", "Cid", []]"#);
}

#[tokio::test]
async fn what_is_wrong_with_a_draft_stands_at_its_place() {
    let it = written().await;
    let refused = it.owner.post(&it.path, it.body("{\n \"a\": {{ row.nmae }}}")).await.refused(422, "invalid");
    assert_eq!(refused.body["errors"][0]["pointer"], "/draft/message/json", "{}", refused.text);
    let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("Line 2, column ") && detail.contains("`row.name`"), "{detail}");
    // Only some rows do not fit.
    let mut body = it.body("{\n \"a\": {% assign z = row.id | minus: 8 %}{{ 1 | divided_by: z }}}");
    body["row"] = json!(1);
    let found = it.render(body).await;
    let problem = &found["problems"][0];
    assert_eq!((&problem["row"], &problem["code"]), (&json!(1), &json!("render-failed")), "{found:#}");
    assert_eq!((&problem["pointer"], &problem["line"]), (&json!("/draft/message/json"), &json!(2)), "{found:#}");
    assert_eq!((&found["tried"]["refused"], &found["tried"]["records"]), (&json!(1), &json!(2)), "{found:#}");
    assert!(found["records"].as_array().unwrap().is_empty() && found["million_rows"].is_object(), "{found:#}");
}

#[tokio::test]
async fn a_sample_is_of_the_model_as_it_is_and_of_ones_own_workspace() {
    let it = written().await;
    let message = "{{ row.name }}";
    let stranger = it._api.sign_up("stranger@example.com").await;
    let foreign = Configured::new(&stranger).await;
    for (member, value, code, pointer) in [
        ("sample", json!("job_00000000000000000000000000000001"), "unknown-reference", "/sample"),
        ("sync", json!(foreign.sync), "unknown-reference", "/sync"),
        ("row", json!(3), "invalid", "/row"),
        ("previous", json!({"row": 3}), "invalid", "/previous/row"),
    ] {
        let mut body = it.body(message);
        body["op"] = json!("changed");
        body[member] = value;
        let refused = it.owner.post(&it.path, body).await.refused(422, code);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
    stranger.post(&stranger.at("/syncs/render"), it.body(message)).await.refused(422, "unknown-reference");
    // Rows of another query would be other rows.
    let model = it.owner.at(&format!("/models/{}", it.made.model));
    let mut changed = it.owner.get(&model).await.expect(StatusCode::OK).body;
    let changed = json!({"name": changed["name"].take(), "source": changed["source"].take(), "key": ["id"], "query": "select 2 as id"});
    it.owner.put(&model, "*", changed).await.expect(StatusCode::OK);
    let refused = it.owner.post(&it.path, it.body(message)).await.refused(422, "invalid");
    assert_eq!(refused.body["errors"][0]["pointer"], "/sample", "{}", refused.text);
}

#[tokio::test]
async fn shards_are_predicted_once_they_are_known_and_an_existing_sync_has_its_own_id() {
    let it = written().await;
    let half = 1_u128 << 127;
    let found = json!({"shards": {"found": [
        {"id": "shardId-000000000000", "first_hash_key": "0", "last_hash_key": (half - 1).to_string()},
        {"id": "shardId-000000000001", "first_hash_key": half.to_string(), "last_hash_key": u128::MAX.to_string()},
    ]}});
    let path = it.owner.at(&format!("/destinations/{}/shards", it.made.destination));
    let (shards, _) = job(&it.owner, &it.worker, &path, json!({"stream": "customers"}), found).await;
    let mut body = it.body(r#"[{{ sync.id }}, {{ sync.name }}, {{ event.sequence }}]"#);
    body["shards"] = json!(shards);
    body["sync"] = json!(it.made.sync);
    let found = it.render(body).await;
    assert_eq!(found["records"][0]["shard"], "shardId-000000000001", "{found:#}");
    assert_eq!(found["records"][0]["data"], format!(r#"["{}", "draft", 1]"#, it.made.sync));
    assert_eq!(found["stand_ins"], json!([{"name": "event.sequence", "value": "1"}]));
}

#[tokio::test]
async fn a_schedule_tells_its_next_times_before_it_is_saved() {
    let api = Fixture::new().await;
    let nobody = api.anyone();
    let cron = json!({"schedule": {"type": "cron", "expression": "0 9 * * *", "time_zone": "UTC"}});
    let found = nobody.post("/v1/schedules/next", cron).await.expect(StatusCode::OK).body;
    let next = found["next"].as_array().unwrap();
    assert!(next.len() == 5 && next.iter().all(|at| at.as_str().unwrap().ends_with("T09:00:00Z")), "{next:?}");
    let manual =
        nobody.post("/v1/schedules/next", json!({"schedule": {"type": "manual"}})).await.expect(StatusCode::OK);
    assert_eq!(manual.body["next"], json!([]));
    for (schedule, pointer, words) in [
        (json!({"type": "interval", "every": -1, "unit": "minutes"}), "/schedule/every", "whole number of minutes"),
        (
            json!({"type": "cron", "expression": "0 9 31 2 *", "time_zone": "UTC"}),
            "/schedule/expression",
            "never fires",
        ),
        (
            json!({"type": "cron", "expression": "0 9 * * *", "time_zone": "Europe/Berln"}),
            "/schedule/time_zone",
            "Europe/Berlin",
        ),
    ] {
        let refused = nobody.post("/v1/schedules/next", json!({"schedule": schedule})).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.text);
        assert!(refused.body["errors"][0]["detail"].as_str().unwrap().contains(words), "{}", refused.text);
    }
}
