//! What is shown of a sync that nobody has saved is what its runs then send, byte for byte.

use serde_json::{Value, json};

use super::world::{Customer, STREAM, Settings, World};

const ROWS: &str = "create table people (id bigint primary key, name text, balance numeric(20,10), tags text[], born date, more jsonb);
    insert into people select n, case n when 3 then null when 4 then 'other' else 'naïve \"same' end, n / 7.0, array['a', n::text],
        date '2000-02-29' + n::int, jsonb_build_object('big', 9007199254740993, 'n', n) from generate_series(1, 4) n";

const MESSAGE: &str = r#"{
  "op": {{ op }}, "row": {{ row }}, "previous": {{ previous.name }}, "what": {{ changed_columns }},
  "text": "{{ row.name | upcase }} {{ row.born | date: "%d.%m.%Y" }}", "tag": {{ element }},
  "from": [{{ sync.id }}, {{ sync.name }}], "run": "{{ run.id }} {{ run.started_at }}",
  "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}
}"#;

/// Stand-ins in place of what only a run knows.
fn hidden(data: &str, event: &Value, run: &str) -> String {
    let mut text = data.replace(event["id"].as_str().unwrap(), &"0".repeat(32));
    let (start, _) = text.split_once("\"run\": \"").map(|(before, after)| (before.len() + 8, after)).unwrap();
    let end = start + text[start..].find('"').unwrap();
    assert_eq!(&text[start..start + run.len()], run);
    text.replace_range(start..end, &format!("{} {}", "r".repeat(run.len()), "t".repeat(24)));
    text
}

#[tokio::test]
async fn a_draft_shows_the_bytes_that_the_run_then_sends() {
    let world = World::start(Settings::default()).await;
    let all = world.all().await;
    let ann = Customer::sign_up(all.url()).await;
    let shop = world.shop(ROWS).await;
    let source = ann.source(&shop).await;
    let model = ann.model(&source, "select * from people order by id", &["id"]).await;
    let destination = ann.destination(&world).await;
    let sample = ann.post(&format!("/models/{model}/preview"), json!({"sample": true})).await.expect(200).body;
    let shards = ann.post(&format!("/destinations/{destination}/shards"), json!({"stream": STREAM})).await.expect(200);
    let mut draft = json!({
        "name": "people", "model": model, "destination": destination, "stream": STREAM, "message": {"json": MESSAGE},
        "partition_key": {"template": "{{ row.id }}-{{ row.name | default: \"none\" }}"}, "fan_out": {"column": "tags"},
    });
    let refused = ann.post("/syncs/render", json!({"draft": draft, "sample": sample["id"], "row": 9})).await;
    assert_eq!(refused.status, 422, "{}", refused.text);

    // Its own id is the one thing that a sync does not have before it is saved.
    let sync = ann.post("/syncs", draft.clone()).await.expect(201).id();
    // Nobody has saved this.
    draft["hash_key"] = json!({"template": "{{ row.id | times: 1000 }}"});
    let render = async |op: &str, row: u32, previous: Value, sample: &Value| {
        let body = json!({
            "draft": draft, "sync": sync, "sample": sample["id"], "shards": shards.body["id"], "row": row, "op": op,
            "previous": previous,
        });
        ann.post("/syncs/render", body).await.expect(200).body
    };
    let mut expected = Vec::new();
    for row in 0..4 {
        expected.push(render("added", row, Value::Null, &sample).await);
    }
    let path = ann.at(&format!("/syncs/{sync}"));
    let etag = ann.client.get(&path).await.expect(200).header("etag").to_owned();
    ann.client.put(&path, &etag, draft.clone()).await.expect(200);
    compare(&world, &ann.run_now(&sync).await, &expected, 0);

    // Before the change its name was that of the second row, which still has it.
    let sent = world.simulator.record_count(STREAM);
    shop.sql("update people set name = 'neu' where id = 1; delete from people where id = 4").await;
    let removed = render("removed", 3, Value::Null, &sample).await;
    let sample = ann.post(&format!("/models/{model}/preview"), json!({"sample": true})).await.expect(200).body;
    let changed = render("changed", 0, json!({"row": 1, "columns": ["name"]}), &sample).await;
    assert_eq!(changed["changed_columns"], json!(["name"]));
    let plan = ann.post(&format!("/syncs/{sync}/preview"), json!({})).await.expect(200).body["result"].take();
    compare_values(&plan);
    compare(&world, &ann.run_now(&sync).await, &[removed, changed], sent);
    all.terminate().await;
}

/// Each of the records that were shown is in the stream, behind the first `from` ones.
fn compare(world: &World, run: &Value, shown: &[Value], from: usize) {
    let arrived: Vec<_> = world.simulator.records(STREAM).into_iter().skip(from).collect();
    let run = run["id"].as_str().unwrap();
    // Each row has two elements.
    assert!(shown.iter().all(|shown| shown["records"].as_array().unwrap().len() == 2), "{shown:#?}");
    for record in shown.iter().flat_map(|shown| shown["records"].as_array().unwrap()) {
        let stand_in = |name: &str| json!({"id": "0".repeat(32), "name": name});
        let nil = format!("run_{}", "0".repeat(32));
        let wanted = hidden(record["data"].as_str().unwrap(), &stand_in("event"), &nil);
        let found = arrived.iter().find(|arrived| {
            let data = std::str::from_utf8(&arrived.data).unwrap();
            let event = serde_json::from_str::<Value>(data).unwrap()["event"].clone();
            hidden(data, &event, run) == wanted
        });
        let found = found.unwrap_or_else(|| panic!("nothing arrived like {wanted}"));
        assert_eq!(record["partition_key"], *found.partition_key);
        let explicit = found.explicit_hash_key.map(|key| key.to_string());
        assert_eq!(record["explicit_hash_key"].as_str(), explicit.as_deref());
        assert_eq!(record["shard"], *found.shard_id);
        assert_eq!(record["bytes"], found.data.len() + found.partition_key.len());
    }
}

/// The plan of a run shows what each column was and is.
fn compare_values(plan: &Value) {
    let records = plan["records"].as_array().unwrap();
    let of = |op: &str| records.iter().find(|record| record["op"] == op).unwrap_or_else(|| panic!("{plan:#}"));
    let name = |record: &Value, member: &str| {
        let values: Value = serde_json::from_str(record[member].as_str().unwrap()).unwrap();
        values["name"].as_str().unwrap().to_owned()
    };
    let (changed, removed) = (of("changed"), of("removed"));
    assert_eq!((name(changed, "before"), name(changed, "after")), ("naïve \"same".to_owned(), "neu".to_owned()));
    assert_eq!((name(removed, "before"), &removed["after"]), ("other".to_owned(), &Value::Null));
}
