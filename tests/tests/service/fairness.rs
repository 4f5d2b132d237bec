//! Many customers, one of whom has far more to do than all the others: nobody waits behind them.

use std::collections::HashMap;

use serde_json::json;

use crate::world::{self, Customer, STREAM, Settings, World, until};

const SMALL: usize = 99;
/// Runs at work at once, in two workers together.
const PLACES: i64 = 8;
/// A waiting run of a small workspace starts within this time of a free place, in milliseconds.
const SOON: i64 = 5000;

#[tokio::test(flavor = "multi_thread")]
async fn each_of_99_small_workspaces_starts_soon_while_another_has_a_thousand_runs_waiting() {
    let _turn = world::turn().await;
    let settings = Settings::default().set("worker.concurrency", PLACES / 2).set("quotas.running_runs", PLACES);
    let world = World::start(settings.set("log.level", "info")).await;
    let api = world.serve().await;
    let shop = world.shop("create table items (id bigint primary key); insert into items values (1), (2)").await;
    let query = "select id from items";
    let mut small = HashMap::new();
    for _ in 0..SMALL {
        let customer = Customer::sign_up(api.url()).await;
        let sync = customer.sync(&world, &shop, query, json!({})).await;
        small.insert(sync, customer);
    }
    let big = Customer::sign_up(api.url()).await;
    let sync = big.sync(&world, &shop, query, json!({})).await;
    thousand_runs(&world, &sync).await;
    let workers = [world.worker().await, world.worker().await];
    let of_big = "workspace_id = (select workspace_id from sync where name like 'copy 1')";
    let started = format!("select count(*) from run where {of_big} and started_at is not null");
    until("the big one to take all places", async || (world.database.count(&started).await > 2 * PLACES).then_some(()))
        .await;

    let before = world.database.count(&started).await;
    for (sync, customer) in &small {
        customer.trigger(sync, json!({"kind": "normal"})).await;
    }
    let unfinished = format!("select count(*) from run where not ({of_big}) and ended_at is null");
    until("all small ones to end", async || (world.database.count(&unfinished).await == 0).then_some(())).await;
    let left = world.database.count(&format!("select count(*) from run where {of_big} and ended_at is null")).await;

    let runs = runs(&world).await;
    let last = runs.iter().filter(|run| !run.big).map(|run| run.started).max().unwrap();
    let between = runs.iter().filter(|run| run.big && run.started <= last).count() - usize::try_from(before).unwrap();
    let longest = runs.iter().filter(|run| !run.big).map(|run| free_while_waiting(&runs, run)).max().unwrap();
    let first = runs.iter().filter(|run| !run.big).map(|run| run.started).min().unwrap();
    let took: i64 = runs.iter().map(|run| run.ended - run.started).sum::<i64>() / runs.len() as i64;
    eprintln!(
        "{SMALL} small workspaces started within {} ms; the longest wait with a free place was {longest} ms; {between} runs \
         of the big one started meanwhile, and {left} were left; a run took {took} ms",
        last - first
    );
    assert!(longest <= SOON, "a small workspace waited {longest} ms while a place was free");
    assert!(between <= SMALL, "the big one had {between} turns while small ones waited");
    assert!(left > 500, "the big one was through anyway: {left} left");
    assert!(world.simulator.record_count(STREAM) >= 2 * SMALL);
    for worker in workers {
        worker.terminate().await;
    }
}

struct Run {
    big: bool,
    asked: i64,
    started: i64,
    /// Or now.
    ended: i64,
}

/// All that have started, by the database's clock in milliseconds.
async fn runs(world: &World) -> Vec<Run> {
    let millis = |time: &str| format!("(extract(epoch from {time}) * 1000)::bigint");
    let (asked, started, ended) =
        (millis("r.created_at"), millis("r.started_at"), millis("coalesce(r.ended_at, clock_timestamp())"));
    let query = format!(
        "select exists (select from sync s where s.workspace_id = r.workspace_id and s.name = 'copy 1'),
                {asked}, {started}, {ended} from run r where r.started_at is not null"
    );
    let rows = world.database.query(&query).await;
    rows.iter().map(|row| Run { big: row.get(0), asked: row.get(1), started: row.get(2), ended: row.get(3) }).collect()
}

/// The longest time, while this run waited, in which a place was free and nothing was started. Whose turn it was is another
/// question: that of the runs that started meanwhile.
fn free_while_waiting(runs: &[Run], waiting: &Run) -> i64 {
    let mut moments: Vec<i64> = runs.iter().flat_map(|run| [run.started, run.ended]).collect();
    moments.extend([waiting.asked, waiting.started]);
    moments.retain(|moment| (waiting.asked..=waiting.started).contains(moment));
    moments.sort_unstable();
    let (mut free_since, mut longest) = (None, 0);
    for moment in moments {
        if let Some(since) = free_since {
            longest = longest.max(moment - since);
        }
        let at_work = runs.iter().filter(|run| run.started <= moment && moment < run.ended).count();
        let starts = runs.iter().any(|run| run.started == moment);
        free_since = match free_since {
            _ if at_work as i64 >= PLACES => None,
            Some(since) if !starts => Some(since),
            _ => Some(moment),
        };
    }
    longest
}

/// Copies a sync 999 times, and queues a run of each.
async fn thousand_runs(world: &World, sync: &str) {
    let sync = sync.trim_start_matches("syn_");
    for statement in [
        format!(
            "insert into sync (workspace_id, id, name, model_id, destination_id, version, config)
             select workspace_id, gen_random_uuid(), 'copy ' || n, model_id, destination_id, version, config
             from sync, generate_series(1, 999) n where id = '{sync}'"
        ),
        format!(
            "insert into sync_version (workspace_id, sync_id, version, definition)
             select c.workspace_id, c.id, v.version, v.definition
             from sync_version v join sync c on c.workspace_id = v.workspace_id and c.id <> v.sync_id
             where v.sync_id = '{sync}'"
        ),
        format!(
            "insert into run (workspace_id, id, sync_id, kind)
             select c.workspace_id, gen_random_uuid(), c.id, 'normal'
             from sync s join sync c on c.workspace_id = s.workspace_id where s.id = '{sync}'"
        ),
    ] {
        world.database.query(&statement).await;
    }
}
