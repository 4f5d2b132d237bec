//! The debug log of runs, on objects as workers make them.

use std::time::Duration;

use axum::http::StatusCode;
use domain::{Change, Column, ColumnType, Counts, RunState};
use engine::canonical::push_field;
use engine::form::{CANONICAL_VERSION, Form};
use engine::layout::{Hashed, Layout};
use engine::unit::UnitId;
use objects::Objects;
use outcomes::{Body, Call, Outcome, PutIn, RecordFailure, RowOutcome};
use serde_json::{Value, json};
use store::{Checkpoint, Claim};

use crate::configured::{Configured, all};
use crate::fixture::{Client, Fixture};
use crate::logged;
use crate::worker::Worker;

const SHARD: &str = "shardId-000000000001";
const THROTTLED: &str = "Rate exceeded for shard shardId-000000000001 in stream customers under account 111122223333.";
const AT: i64 = 1_900_000_000_000;

/// A sync of a key of one column, and what works on it.
struct World {
    api: Fixture,
    owner: Client,
    worker: Worker,
    sync: String,
    objects: Objects,
    kind: ColumnType,
}

impl World {
    async fn new(kind: ColumnType) -> Self {
        let api = Fixture::new().await;
        let owner = api.sign_up("owner@example.com").await;
        let made = Configured::new(&owner).await;
        let worker = Worker::new(&api).await;
        let objects = api.objects.within(&owner.workspace).unwrap();
        let world = Self { sync: made.sync, api, owner, worker, objects, kind };
        world.worker.scope(&world.owner).add_form(world.sync.parse().unwrap(), &world.form()).await.unwrap();
        world
    }

    fn form(&self) -> Form {
        let id = Column { name: "id".to_owned(), kind: self.kind.clone(), source_type: "t".to_owned() };
        Form {
            canonical_version: CANONICAL_VERSION,
            hash_key_id: 1,
            key: vec![id.clone()],
            watched: vec![id],
            fan_out: None,
        }
    }

    /// As a run finds it out.
    async fn unit(&self, canonical: &[u8]) -> UnitId {
        let workspace = self.worker.scope(&self.owner).workspace_state().await.unwrap();
        let form = Form { hash_key_id: workspace.hash_key_id, ..self.form() };
        let layout = Layout::new(&form.key, &form.key, (1, &form), &[]);
        let mut row = Vec::new();
        push_field(&mut row, Some(canonical));
        match layout.hash_row(&workspace.hash_key, &row, &mut Vec::new(), &mut Vec::new()).unwrap() {
            Hashed::Row { unit, .. } => unit,
            Hashed::NullKey => panic!("it is not null"),
        }
    }

    async fn begin(&self) -> Claim {
        let path = self.owner.at(&format!("/syncs/{}/runs", self.sync));
        self.owner.post(&path, json!({"kind": "normal"})).await.expect(StatusCode::ACCEPTED);
        self.worker.claim(&self.owner, &self.sync).await
    }

    /// One object of rows and one of calls for each pair.
    async fn end(&self, claim: &Claim, parts: Vec<(Vec<RowOutcome<'_>>, Vec<Call<'_>>)>) {
        let mut log = Vec::new();
        for (number, (rows, calls)) in (1..).zip(parts) {
            let origin = logged::origin(self.sync.parse().unwrap(), claim.run, claim.epoch, number);
            if !rows.is_empty() {
                log.push(logged::rows(&self.objects, origin, rows).await);
            }
            if !calls.is_empty() {
                log.push(logged::calls(&self.objects, origin, calls).await);
            }
        }
        let last = Checkpoint { counts: Some(Counts::default()), log, ..Checkpoint::default() };
        self.worker.end(&self.owner, claim, RunState::Succeeded, last).await;
    }

    /// A run: rows 7 (throttled, then delivered), 8 (too large) and 9 (unanswered).
    async fn first_run(&self) -> String {
        let claim = self.begin().await;
        let (seven, eight, nine) = (self.id(7).await, self.id(8).await, self.id(9).await);
        let rows = vec![
            RowOutcome {
                op: Some(Change::Changed),
                put: Some(PutIn { call: 2, position: 0 }),
                earlier_puts: vec![PutIn { call: 1, position: 1 }],
                attempts: 2,
                previous: Some(r#"{"id":7,"email":"old@example.com","balance":1.10}"#.into()),
                row: Some(r#"{"id":7,"email":"new@example.com","balance":1.10}"#.into()),
                record: Some(r#"{"id":7}"#.into()),
                ..delivered(seven, 7, "49590338271490256608559692538361571095921575989136588898")
            },
            RowOutcome {
                outcome: Outcome::Rejected,
                code: Some("record-too-large".into()),
                message: Some(
                    "the record has 2000000 bytes with its partition key, and the limit is 1048576; its largest \
                               column is `bio` with about 1990000 bytes"
                        .into(),
                ),
                ..row(eight, 8)
            },
            RowOutcome {
                outcome: Outcome::Unanswered,
                code: Some("timed-out".into()),
                message: Some("no answer".into()),
                put: Some(PutIn { call: 1, position: 0 }),
                attempts: 1,
                ..row(nine, 9)
            },
        ];
        let failed = Call {
            failures: vec![RecordFailure {
                position: 1,
                code: "ProvisionedThroughputExceededException".into(),
                message: THROTTLED.into(),
            }],
            request: Some(Body::whole("{\"Records\": 1}")),
            response: Some(Body::whole("{\"FailedRecordCount\": 1}")),
            ..call(1)
        };
        self.end(&claim, vec![(rows, vec![failed]), (Vec::new(), vec![Call { attempt: 2, ..call(2) }])]).await;
        claim.run.to_string()
    }

    /// A run in which 9 gets through.
    async fn second_run(&self) -> String {
        let claim = self.begin().await;
        let nine = self.id(9).await;
        let row = RowOutcome { put: Some(PutIn { call: 1, position: 0 }), ..delivered(nine, 9, "50") };
        self.end(&claim, vec![(vec![row], vec![call(1)])]).await;
        claim.run.to_string()
    }

    async fn id(&self, id: i64) -> UnitId {
        self.unit(&id.to_be_bytes()).await
    }

    async fn of_run(&self, run: &str, rest: &str) -> Value {
        self.owner.get(&self.owner.at(&format!("/runs/{run}{rest}"))).await.expect(StatusCode::OK).body
    }

    async fn timeline(&self, key: &Value) -> Value {
        let key: String = form_urlencoded(&key.to_string());
        let path = self.owner.at(&format!("/syncs/{}/timeline?key={key}", self.sync));
        self.owner.get(&path).await.expect(StatusCode::OK).body
    }
}

fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn row(unit: UnitId, id: i64) -> RowOutcome<'static> {
    RowOutcome {
        unit: Some(unit),
        key: json!({ "id": id }).to_string().into(),
        op: Some(Change::Added),
        event_id: Some(format!("event-{id}").into()),
        event_sequence: Some(1),
        epoch: 1,
        partition_key: Some("p".into()),
        record_bytes: Some(2_000),
        at: AT,
        ..RowOutcome::default()
    }
}

fn delivered(unit: UnitId, id: i64, number: &'static str) -> RowOutcome<'static> {
    RowOutcome {
        outcome: Outcome::Delivered,
        attempts: 1,
        shard: Some(SHARD.into()),
        sequence_number: Some(number.into()),
        ..row(unit, id)
    }
}

fn call(number: u64) -> Call<'static> {
    Call {
        number,
        kind: "PutRecords".into(),
        epoch: 1,
        attempt: 1,
        started_at: AT,
        latency: Duration::from_millis(12),
        http_status: Some(200),
        request_id: Some("r-1".into()),
        records: 2,
        bytes: 4_000,
        shards: vec![SHARD.into()],
        ..Call::default()
    }
}

fn ids(items: &Value) -> Vec<u64> {
    items.as_array().unwrap().iter().map(|row| row["key"]["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn calls_are_listed_filtered_and_shown_with_bodies_and_records() {
    let world = World::new(ColumnType::Int).await;
    let run = world.first_run().await;
    let path = world.owner.at(&format!("/runs/{run}/calls"));
    let numbers = |calls: &[Value]| calls.iter().map(|call| call["number"].as_u64().unwrap()).collect::<Vec<_>>();
    for limit in [1, 2, 50] {
        assert_eq!(numbers(&all(&world.owner, &path, limit).await), [1, 2]);
    }
    for (filter, found) in [
        ("failed=true", &[1][..]),
        ("code=ProvisionedThroughputExceededException", &[1]),
        ("code=other", &[]),
        ("kind=PutRecords&failed=false", &[1, 2]),
        ("kind=ListStreams", &[]),
        ("shard=shardId-000000000001", &[1, 2]),
        ("shard=shardId-000000000009", &[]),
    ] {
        assert_eq!(numbers(&all(&world.owner, &format!("{path}?{filter}"), 10).await), found, "{filter}");
    }
    let list = world.of_run(&run, "/calls").await;
    assert_eq!((&list["expired"], &list["damaged"], &list["later_cursor"]), (&json!(false), &json!([]), &json!(null)));
    let first = &list["items"][0];
    assert_eq!((&first["latency_us"], &first["request_bytes"]), (&json!(12_000), &json!(14)));
    let failure = &first["failures"][0];
    assert_eq!(failure["positions"], json!([1]));
    assert!(failure["meaning"].as_str().unwrap().starts_with("shardId-000000000001 of the stream `customers`"));
    let whole = world.of_run(&run, "/calls/1").await;
    assert_eq!(whole["request"], json!({"text": "{\"Records\": 1}", "bytes": 14, "cut": false}));
    let records = whole["in_request"].as_array().unwrap();
    assert_eq!(ids(&whole["in_request"]), [9, 7]);
    assert_eq!((&records[0]["decided_here"], &records[0]["failure"]), (&json!(true), &json!(null)));
    assert_eq!((&records[1]["outcome"], &records[1]["decided_here"]), (&json!("delivered"), &json!(false)));
    assert_eq!(records[1]["failure"]["code"], "ProvisionedThroughputExceededException");
    assert_eq!(world.of_run(&run, "/calls/2").await["request"], json!(null));
    for odd in ["/calls/3", "/calls/x", "/calls/18446744073709551615"] {
        world.owner.get(&world.owner.at(&format!("/runs/{run}{odd}"))).await.refused(404, "not-found");
    }
}

#[tokio::test]
async fn outcomes_are_listed_and_filtered_and_show_values_where_these_are_asked_for() {
    let world = World::new(ColumnType::Int).await;
    let run = world.first_run().await;
    let path = world.owner.at(&format!("/runs/{run}/outcomes"));
    for limit in [1, 2, 50] {
        let mut found = ids(&Value::from(all(&world.owner, &path, limit).await));
        found.sort_unstable();
        assert_eq!(found, [7, 8, 9]);
        assert_eq!(all(&world.owner, &format!("{path}?values=true"), limit).await.len(), 3);
    }
    for (filter, id) in [
        ("outcome=delivered", Some(7)),
        ("outcome=unanswered", Some(9)),
        ("op=changed", Some(7)),
        ("code=record-too-large", Some(8)),
        ("shard=shardId-000000000001", Some(7)),
        ("call=2", Some(7)),
        ("key=%3A9", Some(9)),
        ("outcome=invalid", None),
        ("call=77", None),
    ] {
        let found = ids(&world.of_run(&run, &format!("/outcomes?{filter}")).await["items"]);
        assert_eq!(found, id.into_iter().collect::<Vec<u64>>(), "{filter}");
    }
    let seven = world.of_run(&run, "/outcomes?call=2&values=true").await["items"][0].clone();
    assert_eq!(seven["call"], json!({"call": 2, "position": 0}));
    assert_eq!(seven["earlier_calls"], json!([{"call": 1, "position": 1}]));
    assert_eq!(seven["hash"], engine::shard::hash_partition_key("p").to_string());
    assert_eq!(seven["values"]["record"], "{\"id\":7}");
    let change = json!([{"column": "email", "before": "old@example.com", "after": "new@example.com"}]);
    assert_eq!(seven["values"]["changes"], change);
    assert!(world.of_run(&run, "/outcomes?call=2").await["items"][0].get("values").is_none());
    let eight = world.of_run(&run, "/outcomes?outcome=rejected").await["items"][0].clone();
    assert!(eight["advice"].as_str().unwrap().starts_with("Leave out or shorten the column `bio`"));
    for odd in ["outcome=lost", "call=x", "cursor=nonsense", "limit=0", "values=maybe"] {
        world.owner.get(&format!("{path}?{odd}")).await.refused(422, "invalid");
    }
    // Exactly as it was read, to the last zero.
    let text = world.owner.get(&format!("{path}?call=2&values=true")).await.text;
    assert!(text.contains("\"balance\":1.10}"), "{text}");
}

#[tokio::test]
async fn a_running_run_is_read_on_from_where_its_log_ends() {
    let world = World::new(ColumnType::Int).await;
    let claim = world.begin().await;
    let run = claim.run.to_string();
    let empty = world.of_run(&run, "/outcomes").await;
    assert_eq!((&empty["items"], &empty["next_cursor"]), (&json!([]), &json!(null)));
    let cursor = empty["later_cursor"].as_str().unwrap().to_owned();
    let seven = world.id(7).await;
    world.end(&claim, vec![(vec![delivered(seven, 7, "49")], Vec::new())]).await;
    let later = world.of_run(&run, &format!("/outcomes?cursor={cursor}")).await;
    assert_eq!((ids(&later["items"]), &later["later_cursor"]), (vec![7], &json!(null)));
}

#[tokio::test]
async fn a_timeline_tells_what_happened_to_a_row_the_newest_first() {
    let world = World::new(ColumnType::Int).await;
    let (first, second) = (world.first_run().await, world.second_run().await);
    for key in [json!([9]), json!({"id": 9}), json!(["9"]), json!({"id": 9, "element": "x"})] {
        let found = world.timeline(&key).await;
        let items = found["items"].as_array().unwrap();
        let told: Vec<_> = items.iter().map(|entry| (&entry["run"], &entry["outcome"])).collect();
        assert_eq!(told, [(&json!(second), &json!("delivered")), (&json!(first), &json!("unanswered"))], "{key}");
        assert_eq!(items[0]["got_through"], json!(null));
        let through = &items[1]["got_through"];
        assert_eq!((&through["run"], &through["same_event"]), (&json!(second), &json!(true)));
        assert_eq!((&through["shard"], &through["sequence_number"]), (&json!(SHARD), &json!("50")));
        assert!(items[1]["explanation"].as_str().unwrap().contains("its position is unknown"));
        assert_eq!((&found["incomplete"], &found["expired"]), (&json!(false), &json!(false)));
    }
    // Page by page, the acknowledgement is still known.
    let path = world.owner.at(&format!("/syncs/{}/timeline?key=%5B9%5D", world.sync));
    let pages = all(&world.owner, &path, 1).await;
    assert_eq!(pages.len(), 2);
    assert_eq!(pages[1]["got_through"]["run"], json!(second));
    let seven = world.timeline(&json!([7])).await;
    assert_eq!(seven["items"][0]["values"]["changes"][0]["column"], "email");
    assert_eq!(world.timeline(&json!([70])).await["items"], json!([]));
    for odd in ["7", "[1,2]", "{}", "nonsense", "[null]"] {
        let path = world.owner.at(&format!("/syncs/{}/timeline?key={}", world.sync, form_urlencoded(odd)));
        let refused = world.owner.get(&path).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["parameter"], "key");
    }
}

#[tokio::test]
async fn a_key_whose_bytes_only_the_source_can_make_is_found_by_its_text() {
    let world = World::new(ColumnType::Numeric).await;
    let claim = world.begin().await;
    // What the bytes are does not matter here.
    let (unit, other) = (world.unit(&[0, 1, 0, 0, 0, 0, 0, 1, 0, 1]).await, world.unit(&[9]).await);
    let of = |unit: UnitId, key: &'static str| RowOutcome { key: key.into(), ..delivered(unit, 1, "49") };
    world.end(&claim, vec![(vec![of(unit, r#"{"id":"1.50"}"#), of(other, r#"{"id":"11.5"}"#)], Vec::new())]).await;
    for key in [json!(["1.50"]), json!([1.5]), json!({"id": "1.5"})] {
        let found = world.timeline(&key).await;
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{key}");
        assert_eq!(found["items"][0]["key"], json!({"id": "1.50"}), "{key}");
    }
    assert_eq!(world.timeline(&json!(["15"])).await["items"], json!([]));
}

#[tokio::test]
async fn a_place_in_a_stream_leads_to_its_row() {
    let world = World::new(ColumnType::Int).await;
    let run = world.first_run().await;
    let at = |query: &str| world.owner.at(&format!("/positions?{query}"));
    let number = "49590338271490256608559692538361571095921575989136588898";
    let found = world.owner.get(&at(&format!("shard={SHARD}&sequence_number={number}"))).await.expect(StatusCode::OK);
    let items = found.body["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["sync"], &items[0]["stream"]), (1, &json!(world.sync), &json!("customers")));
    assert_eq!((&items[0]["row"]["key"], &items[0]["row"]["run"]), (&json!({"id": 7}), &json!(run)));
    assert_eq!(items[0]["row"]["values"]["record"], "{\"id\":7}");
    for none in [
        format!("shard={SHARD}&sequence_number=4"),
        format!("shard=shardId-000000000002&sequence_number={number}"),
        format!("stream=other&shard={SHARD}&sequence_number={number}"),
    ] {
        let found = world.owner.get(&at(&none)).await.expect(StatusCode::OK);
        assert_eq!(found.body["items"], json!([]), "{none}");
    }
    for odd in ["shard=s", "shard=s&sequence_number=-1", "shard=&sequence_number=1", "shard=s&sequence_number="] {
        world.owner.get(&at(odd)).await.refused(422, "invalid");
    }
}

#[tokio::test]
async fn the_log_of_a_run_is_exported_in_each_format() {
    let world = World::new(ColumnType::Int).await;
    let run = world.first_run().await;
    let get = async |query: &str| {
        let path = world.owner.at(&format!("/runs/{run}/log-export?{query}"));
        let response = world.owner.open(&path).await;
        let (parts, body) = response.into_parts();
        assert_eq!(parts.status, StatusCode::OK, "{query}");
        (parts.headers, axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec())
    };
    let (headers, csv) = get("table=rows&format=csv").await;
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
    assert!(headers["content-disposition"].to_str().unwrap().ends_with(&format!("\"{run}-rows.csv\"")));
    assert!(String::from_utf8(csv).unwrap().starts_with("hash,key_hash,child,key,"));
    let (_, lines) = get("table=rows&format=ndjson&values=true").await;
    let lines: Vec<Value> =
        lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(get("table=rows&format=ndjson&outcome=delivered").await.1.iter().filter(|b| **b == b'\n').count(), 1);
    let (headers, parquet) = get("table=calls&format=parquet&values=true").await;
    assert_eq!(headers["content-type"], "application/vnd.apache.parquet");
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    for odd in ["table=rows", "format=csv", "table=rows&format=xml", "table=calls&format=csv&outcome=delivered"] {
        world.owner.get(&world.owner.at(&format!("/runs/{run}/log-export?{odd}"))).await.refused(422, "invalid");
    }
}

#[tokio::test]
async fn a_report_adds_up_and_names_what_is_hot_and_what_it_costs() {
    let world = World::new(ColumnType::Int).await;
    let run = world.first_run().await;
    let report = world.of_run(&run, "/report").await;
    assert_eq!(report["rows"]["by_outcome"], json!({"delivered": 1, "rejected": 1, "unanswered": 1}));
    assert_eq!(report["rows"]["by_code"], json!({"record-too-large": 1, "timed-out": 1}));
    assert_eq!((&report["calls"]["calls"], &report["calls"]["failed"]), (&json!(2), &json!(1)));
    assert_eq!(report["throttles"], json!([{"shard": SHARD, "records": 1, "calls": 1}]));
    let sent = json!({"records": 1, "bytes": 2_000, "payload_units": 1, "billed_kib": 2, "estimated": false});
    assert_eq!(report["sent"], sent);
    assert_eq!(report["shards"], json!([{"shard": SHARD, "records": 1, "bytes": 2_000}]));
    assert!(
        report["cost"]["on_demand_standard"].as_f64().unwrap() > 0.0 && report["cost"]["prices"]["as_of"].is_string()
    );
    assert_eq!((&report["log"]["objects"], &report["hot_keys"]), (&json!(3), &json!([])));
    let used = world.owner.get(&world.owner.at("/usage")).await.body["log"].clone();
    assert_eq!((&used["objects"], &used["bytes"]), (&json!(3), &report["log"]["bytes"]));
    assert_eq!(used["retention_days"], 30);
}

#[tokio::test]
async fn a_damaged_object_is_named_and_the_others_are_shown() {
    let world = World::new(ColumnType::Int).await;
    let run = world.first_run().await;
    let calls: Vec<_> = world.objects.list("outcomes").await.unwrap().into_iter().map(|o| o.name).collect();
    let first = calls.iter().find(|name| name.ends_with("n000001-calls.parquet")).unwrap();
    let bytes = world.objects.read(first, 0..world.objects.len(first).await.unwrap()).await.unwrap();
    let broken: Vec<u8> = bytes.iter().map(|byte| byte ^ 1).collect();
    world.objects.delete(first).await.unwrap();
    world.objects.put(first, &broken).await.unwrap();
    let list = world.of_run(&run, "/calls").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["number"], 2);
    assert_eq!((list["damaged"].as_array().unwrap().len(), &list["damaged"][0]["object"]), (1, &json!(first)));
    let refused = world.owner.get(&world.owner.at(&format!("/runs/{run}/calls/1"))).await.refused(500, "log-damaged");
    assert!(refused.body["detail"].as_str().unwrap().contains(first.as_str()));
    world.of_run(&run, "/calls/2").await;
    world.objects.delete(first).await.unwrap();
    assert_eq!(world.of_run(&run, "/calls").await["damaged"][0]["problem"], "it is missing");
    let export = world.owner.at(&format!("/runs/{run}/log-export?table=calls&format=csv"));
    world.owner.get(&export).await.refused(500, "log-damaged");
    assert_eq!(world.of_run(&run, "/report").await["damaged"][0]["object"], json!(first));
    // The rows are whole.
    assert_eq!(world.of_run(&run, "/outcomes").await["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_older_than_the_log_is_kept_is_told_from_what_is_missing() {
    let world = World::new(ColumnType::Int).await;
    let run = world.first_run().await;
    let path = world.owner.at("");
    let keep = |days: u32| json!({"name": "w", "paused": false, "log_retention_days": days});
    for odd in [0, 3_651] {
        world.owner.put(&path, "*", keep(odd)).await.refused(422, "invalid");
    }
    let changed = world.owner.put(&path, "*", keep(1)).await.expect(StatusCode::OK);
    assert_eq!(changed.body["log_retention_days"], 1);
    let same = world.owner.put(&path, "*", json!({"name": "w", "paused": false})).await.expect(StatusCode::OK);
    assert_eq!(same.body["log_retention_days"], 1);
    assert_eq!(world.of_run(&run, "/calls").await["expired"], false);
    world.api.sql("update log_object set created_at = now() - interval '2 days'").await;
    world.api.sql("update run set started_at = now() - interval '2 days'").await;
    // Objects go first, then what names them.
    for object in world.objects.list("outcomes").await.unwrap() {
        world.objects.delete(&object.name).await.unwrap();
    }
    for named in [true, false] {
        if !named {
            world.api.sql("delete from log_object").await;
        }
        let list = world.of_run(&run, "/calls").await;
        assert_eq!((&list["items"], &list["expired"], &list["damaged"]), (&json!([]), &json!(true), &json!([])));
        world.owner.get(&world.owner.at(&format!("/runs/{run}/calls/1"))).await.refused(410, "log-expired");
        let export = world.owner.at(&format!("/runs/{run}/log-export?table=rows&format=csv"));
        world.owner.get(&export).await.refused(410, "log-expired");
        assert_eq!(world.of_run(&run, "/report").await["expired"], true);
    }
}

#[tokio::test]
async fn the_catalogue_of_codes_is_for_anybody() {
    let api = Fixture::new().await;
    let found = api.anyone().get("/v1/error-codes").await.expect(StatusCode::OK);
    let items = found.body["items"].as_array().unwrap();
    let denied = items.iter().find(|item| item["code"] == "AccessDeniedException").unwrap();
    assert_eq!((&denied["occurs"], &denied["retried"]), (&json!(["call"]), &json!("no")));
    assert!(denied["source"].as_str().unwrap().starts_with("https://docs.aws.amazon.com/"));
}
