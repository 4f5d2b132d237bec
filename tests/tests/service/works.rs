//! That the world itself turns: what other tests stand on.

use rustix::process::Signal;
use serde_json::json;
use simulator::Limits;

use crate::world::{Client, Customer, PRINCIPAL, STREAM, Settings, Start, World, until};

const ITEMS: &str = "create table items (id bigint primary key, body text not null);
    insert into items select n, 'a' from generate_series(1, 7) n";

#[tokio::test]
async fn a_customer_of_two_processes_gets_rows_into_a_stream() {
    let world = World::start(Settings::default()).await;
    let (api, worker) = (world.serve().await, world.worker().await);
    let ann = Customer::sign_up(api.url()).await;
    let shop = world.shop(ITEMS).await;
    let sync = ann.sync(&world, &shop, "select id, body from items", json!({})).await;
    let run = ann.run_now(&sync).await;
    assert_eq!(run["counts"]["delivered"], 7, "{run:#}");
    assert_eq!(world.simulator.record_count(STREAM), 7);
    // Of a run shorter than any interval too, what it told last is kept.
    let id = run["id"].as_str().unwrap();
    until("the last progress", async || (ann.run(id).await["progress"]["calls"] == 1).then_some(())).await;
    shop.sql("update items set body = 'b' where id = 3").await;
    assert_eq!(ann.run_now(&sync).await["counts"]["delivered"], 1);
    assert!(!world.objects().is_empty());
    // As the owner of the tables one sees every workspace.
    assert_eq!(world.database.count("select count(*) from run").await, 2);
    let metrics = Client::new(worker.inner_url()).get("/metrics").await.expect(200).text;
    assert!(metrics.contains("rowcast_"), "{metrics}");
    worker.terminate().await;
    api.terminate().await;
}

#[tokio::test]
async fn a_destination_may_be_a_role_and_workers_come_and_go() {
    let world = World::start(Settings::default().limits(Limits::default()).set("worker.lease", "5s")).await;
    let api = world.serve().await;
    let mut doomed = world.start_process(Start::worker().fail_point("after-put:1:exit")).await;
    let ann = Customer::sign_up(api.url()).await;
    assert_eq!(ann.session.get("/v1/me").await.expect(200).body["email"], ann.email);
    let shop = world.shop(ITEMS).await;
    let source = ann.source(&shop).await;
    let model = ann.model(&source, "select id, body from items", &["id"]).await;
    let destination = ann.role_destination(&world).await;
    let sync = ann.sync_of(&model, &destination, json!({"first_run": "send-all"})).await;
    let run = ann.trigger(&sync, json!({"kind": "normal"})).await;
    assert!(!doomed.ended().await.success());
    let session = world.simulator.sessions().pop().unwrap();
    assert_eq!(session.principal, PRINCIPAL);
    assert!(session.external_id.is_some());
    let second = world.start_process(Start::worker().set("worker.concurrency", 2)).await;
    let ended = ann.ended(&run).await;
    assert_eq!((&ended["state"], ended["attempts"].as_array().unwrap().len()), (&json!("succeeded"), 2), "{ended:#}");
    second.signal(Signal::STOP);
    second.kill().await;
    // The same at another process.
    let all = world.all().await;
    let ann = ann.moved_to(all.url());
    ann.run_now(&sync).await;
    let sync = ann.at(&format!("/syncs/{sync}"));
    let etag = ann.client.get(&sync).await.expect(200).header("etag").to_owned();
    ann.client.put(&sync, &etag, json!({})).await.expect(422);
    ann.client.delete(&sync).await.expect(204);
}

#[tokio::test]
async fn the_database_of_its_own_goes_and_comes_back() {
    let world = World::start(Settings::default().own_cluster()).await;
    let api = world.serve().await;
    let ann = Customer::sign_up(api.url()).await;
    world.database.stop().await;
    let away = ann.client.try_send("GET", &ann.at(""), None, &[]).await.unwrap();
    assert_eq!(away.status, 503, "{}", away.text);
    world.database.start().await;
    until("the service to find its database again", async || (ann.get("").await.status == 200).then_some(())).await;
    // A process that cannot start says why, and not what the secret is.
    let wrong = Start::worker().env("ROWCAST_MASTER_KEYS__VALUE", "no key").without_waiting();
    let mut wrong = world.start_process(wrong).await;
    assert!(!wrong.ended().await.success());
    assert!(wrong.log().contains("master_keys"), "{}", wrong.log());
    for said in [api.log(), wrong.log()] {
        for secret in [world.master_keys(), world.database.url(), world.database.api_url(), world.database.worker_url()]
        {
            assert!(!said.contains(secret), "{said}");
        }
    }
}
