//! Exports, read by one process of what another one wrote.

use serde_json::json;

use crate::world::{Customer, Settings, World};

#[tokio::test]
async fn an_export_lists_every_rejection_also_beyond_what_the_database_keeps() {
    let world = World::start(Settings::default()).await;
    let (api, _worker) = (world.serve().await, world.worker().await);
    let ann = Customer::sign_up(api.url()).await;
    // Every third row is too large: were about half of them, the run would be stopped as an accident.
    let rows = "create table items (id bigint primary key, body text not null);
        insert into items select n, repeat('a', case n % 3 when 0 then 500 else 5 end) from generate_series(1, 33000) n";
    let shop = world.shop(rows).await;
    let limits = json!({"limits": {"record_bytes": 400}});
    let sync = ann.sync(&world, &shop, "select id, body from items", limits).await;
    let run = ann.run_now(&sync).await;
    assert_eq!(run["tallies"]["rejections"], json!({"record-too-large": 11_000}));
    let run = run["id"].as_str().unwrap();
    let export = ann.get(&format!("/runs/{run}/rejections/export")).await.expect(200);
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    let mut ids: Vec<i64> = export
        .text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["key"]["id"].as_i64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=11_000).map(|n| n * 3).collect::<Vec<i64>>());
}
