//! What a second worker brings where many syncs wait: `cargo xtask bench workers`. Each sync has a stream of its own with one
//! shard, whose limits and not the processor say how fast it goes; so the figure tells how places of workers are used. The
//! program is the one of the tests.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement tells, and stops when it cannot go on"
)]

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/service/world/mod.rs"]
mod world;

use std::time::Instant;

use serde_json::json;
use simulator::Limits;

use world::{Customer, Settings, World};

const SYNCS: usize = 12;
/// Some seconds of one shard.
const ROWS: usize = 4_000;
/// Runs that one worker has in hand at once.
const PLACES: i64 = 2;

#[tokio::main]
async fn main() {
    let as_json = std::env::args().any(|argument| argument == "--json");
    let mut speeds = Vec::new();
    for workers in [1, 2, 3] {
        let speed = rows_per_second(workers).await;
        speeds.push(speed);
        let (baseline, ratio) = (speeds[0], speed / speeds[0]);
        if as_json {
            let figure = format!("{SYNCS} syncs, {workers} workers");
            println!(
                "{}",
                json!({"bench": "workers", "figure": figure, "value": speed, "unit": "rows/s", "baseline": baseline, "ratio": ratio})
            );
        } else {
            println!("    {SYNCS} syncs, {workers} workers of {PLACES} places: {speed:>8.0} rows/s, {ratio:.2} x one");
        }
    }
}

/// Of all syncs together, from when they are asked for to the end of the last.
async fn rows_per_second(workers: usize) -> f64 {
    let settings = Settings::default()
        .set("worker.concurrency", PLACES)
        .set("quotas.running_runs", i64::try_from(SYNCS).unwrap())
        .set("worker.window_time", "2s")
        .limits(Limits::default());
    let world = World::start(settings).await;
    let api = world.serve().await;
    let shop = world.shop(&format!("create table items as select generate_series(1::bigint, {ROWS}) id")).await;
    let customer = Customer::sign_up(api.url()).await;
    let source = customer.source(&shop).await;
    let model = customer.model(&source, "select id from items", &["id"]).await;
    let destination = customer.destination(&world).await;
    let mut syncs = Vec::new();
    for number in 0..SYNCS {
        let stream = format!("items-{number}");
        world.simulator.create_stream(&stream, 1).unwrap();
        syncs.push((customer.sync_of(&model, &destination, json!({"stream": stream})).await, stream));
    }
    let mut all = Vec::new();
    for _ in 0..workers {
        all.push(world.worker().await);
    }
    let (started, mut runs) = (Instant::now(), Vec::new());
    for (sync, _) in &syncs {
        runs.push(customer.trigger(sync, json!({"kind": "normal"})).await);
    }
    for run in &runs {
        let ended = customer.ended(run).await;
        assert_eq!(ended["state"], "succeeded", "{ended:#}");
    }
    let took = started.elapsed();
    for (_, stream) in &syncs {
        assert_eq!(world.simulator.record_count(stream), ROWS, "each row of {stream} once: no sync ran twice");
    }
    for worker in all {
        worker.terminate().await;
    }
    (SYNCS * ROWS) as f64 / took.as_secs_f64()
}
