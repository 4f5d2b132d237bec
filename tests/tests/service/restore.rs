//! The database is lost and a backup of it put in its place, while the streams and the objects went on: nothing runs before its
//! owner decides, and afterwards the streams say what the model says, as far as anybody can know.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::{Value, json};

use crate::world::{Customer, Settings, Shop, World, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rowcast-under-test");
const HOURLY: &str = r#"{"type": "interval", "every": 1, "unit": "hours"}"#;

struct Sent {
    sync: String,
    stream: &'static str,
}

#[tokio::test]
async fn after_a_restore_nothing_runs_before_its_owner_decides_and_then_the_stream_says_what_the_model_says() {
    let world = World::start(Settings::default()).await;
    let all = world.all().await;
    let ann = Customer::sign_up(all.url()).await;
    let shop = world
        .shop("create table items (id bigint primary key, body text not null); insert into items select n, 'old' from generate_series(1, 7) n")
        .await;
    let whole = sent(&world, &ann, &shop, "whole").await;
    let accepted = sent(&world, &ann, &shop, "accepted").await;
    for run in [&whole, &accepted, &whole, &accepted] {
        ann.run_now(&run.sync).await;
    }
    all.terminate().await;
    let live = world.database.url().rsplit_once('/').unwrap().1;
    let backup = format!("backup_of_{live}");
    on_server(&shop, &[format!("create database {backup} template {live}")]).await;

    // What the backup does not know: rows that changed, changed back later, came, went, and came and went.
    let all = world.all().await;
    let ann = ann.moved_to(all.url());
    shop.sql(
        "update items set body = 'new' where id in (1, 2); delete from items where id = 3;
         insert into items values (8, 'new'), (9, 'new')",
    )
    .await;
    both(&ann, &whole, &accepted).await;
    shop.sql("delete from items where id = 9").await;
    both(&ann, &whole, &accepted).await;
    let highest = "select max(epoch) from attempt";
    let highest = world.database.count(highest).await.max(i64::try_from(last_sequence(&world)).unwrap());
    all.terminate().await;
    on_server(&shop, &[format!("drop database {live}"), format!("alter database {backup} rename to {live}")]).await;
    shop.sql("update items set body = 'old' where id = 2").await;

    let restored = restore(&world).await;
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let told = String::from_utf8(restored.stdout).unwrap();
    assert!(told.starts_with("2 syncs are held"), "{told}");
    let lowest = world.database.count("select min(epoch) from sync").await;
    assert!(lowest > highest, "epochs go on at {lowest}, and {highest} has been used");
    every_object_of_a_manifest_exists(&world).await;

    // A tick is due, as it would be after a night.
    world.database.query("update sync set next_fire_at = date_trunc('second', now()) - interval '2 hours'").await;
    let records = [whole.stream, accepted.stream].map(|stream| world.simulator.record_count(stream));
    let runs = "select count(*) from run where state <> 'queued'";
    let runs_before = world.database.count(runs).await;
    let all = world.all().await;
    let ann = ann.moved_to(all.url());
    let due = "select count(*) from sync where next_fire_at < now()";
    until("the ticks to be taken", async || (world.database.count(due).await == 0).then_some(())).await;
    for sync in [&whole.sync, &accepted.sync] {
        held(&ann, sync).await;
    }
    // A run of a sync that is not held comes after those that waited before it.
    let free = sent(&world, &ann, &shop, "free").await;
    ann.run_now(&free.sync).await;
    assert_eq!(world.database.count(runs).await, runs_before + 1, "a run of a held sync was started");
    assert_eq!([whole.stream, accepted.stream].map(|stream| world.simulator.record_count(stream)), records);

    decide(&ann, &whole.sync, "full-resync").await;
    decide(&ann, &accepted.sync, "accept").await;
    for sync in [&whole.sync, &accepted.sync] {
        nothing_waits(&ann, sync).await;
        ann.run_now(sync).await;
    }
    let model = model(&shop).await;
    assert_eq!(says(&world, whole.stream), model);
    // The snapshot of the backup counts: who went back to what it says is not sent, so the stream keeps what came since.
    let mut known = model;
    known.insert(2, "new".to_owned());
    assert_eq!(says(&world, accepted.stream), known);
    every_object_of_a_manifest_exists(&world).await;
    all.terminate().await;
}

async fn sent(world: &World, ann: &Customer, shop: &Shop, stream: &'static str) -> Sent {
    world.simulator.create_stream(stream, 2).unwrap();
    let schedule: Value = serde_json::from_str(HOURLY).unwrap();
    let more = json!({"stream": stream, "schedule": schedule, "first_run": "send-all"});
    Sent { sync: ann.sync(world, shop, "select id, body from items", more).await, stream }
}

async fn both(ann: &Customer, one: &Sent, other: &Sent) {
    for sync in [&one.sync, &other.sync] {
        ann.run_now(sync).await;
    }
}

/// Statements on the cluster that the database of the service and the shop share. Whoever has ended may still be leaving.
async fn on_server(shop: &Shop, statements: &[String]) {
    for statement in statements {
        until(statement, async || shop.client.batch_execute(statement).await.ok()).await;
    }
}

/// `rowcast restore`, with the configuration of the process that ran last.
async fn restore(world: &World) -> Output {
    let files = std::fs::read_dir(world.home()).unwrap().map(|file| file.unwrap().path());
    let config = files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml")).max().unwrap();
    tokio::process::Command::new(PROGRAM)
        .args(["restore", "--config"])
        .arg(config)
        .arg("--home")
        .arg(world.home().join("home"))
        .env_clear()
        .env("ROWCAST_DATABASE__URL", world.database.api_url())
        .env("ROWCAST_MASTER_KEYS__VALUE", world.master_keys())
        .env("ROWCAST_AWS__SECRET_ACCESS_KEY", "secret-of-the-service-itself")
        .output()
        .await
        .unwrap()
}

/// It says so, and a request for a run is told what to do.
async fn held(ann: &Customer, sync: &str) {
    let shown = ann.get(&format!("/syncs/{sync}")).await.expect(200).body;
    assert_eq!(shown["held"], "restored", "{shown:#}");
    for kind in ["normal", "full-resync"] {
        let refused = ann.post(&format!("/syncs/{sync}/runs"), json!({"kind": kind})).await.expect(409);
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains("restore-decision") && detail.contains("full-resync"), "{detail}");
    }
}

async fn decide(ann: &Customer, sync: &str, decision: &str) {
    let path = format!("/syncs/{sync}/restore-decision");
    let shown = ann.post(&path, json!({"decision": decision})).await.expect(200).body;
    assert_eq!(shown["held"], Value::Null, "{shown:#}");
    ann.post(&path, json!({"decision": decision})).await.expect(409);
}

/// What the decision and the tick queued has ended.
async fn nothing_waits(ann: &Customer, sync: &str) {
    until("the waiting runs to end", async || {
        let runs = ann.get(&format!("/syncs/{sync}/runs")).await.expect(200).body;
        let open = |run: &Value| ["queued", "running"].contains(&run["state"].as_str().unwrap());
        (!runs["items"].as_array().unwrap().iter().any(open)).then_some(())
    })
    .await;
}

async fn every_object_of_a_manifest_exists(world: &World) {
    let names = "select distinct name #>> '{}' from (
            select jsonb_path_query(body, '$.**.name') as name from manifest
            union all
            select jsonb_path_query(segment, '$.**.name') from snapshot_window) named";
    let named: Vec<String> = world.database.query(names).await.iter().map(|row| row.get(0)).collect();
    assert!(named.len() >= 4, "two syncs with a snapshot name more than {named:?}");
    let there: Vec<String> = world.objects().iter().map(|path| path.to_string_lossy().into_owned()).collect();
    for name in named {
        assert!(there.iter().any(|path| path.contains(&name)), "{name} is gone; there are {there:#?}");
    }
}

fn messages(world: &World, stream: &str) -> Vec<Value> {
    let records = world.simulator.records(stream);
    records.iter().map(|record| serde_json::from_slice(&record.data).unwrap()).collect()
}

fn last_sequence(world: &World) -> u64 {
    let streams = ["whole", "accepted"].into_iter().flat_map(|stream| messages(world, stream));
    streams.map(|message| message["event"]["sequence"].as_u64().unwrap()).max().unwrap()
}

/// By the last message of each key.
fn says(world: &World, stream: &str) -> BTreeMap<i64, String> {
    let mut last: BTreeMap<i64, (u64, Value)> = BTreeMap::new();
    for message in messages(world, stream) {
        let (id, sequence) = (message["row"]["id"].as_i64().unwrap(), message["event"]["sequence"].as_u64().unwrap());
        if last.get(&id).is_none_or(|(before, _)| *before <= sequence) {
            last.insert(id, (sequence, message));
        }
    }
    let present = last.into_iter().filter(|(_, (_, message))| message["op"] != "removed");
    present.map(|(id, (_, message))| (id, message["row"]["body"].as_str().unwrap().to_owned())).collect()
}

async fn model(shop: &Shop) -> BTreeMap<i64, String> {
    let rows = shop.client.query("select id, body from items", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
