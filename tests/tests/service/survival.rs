//! Two API processes, two workers, one database, one folder of objects: all of it is killed, stopped and taken away in turn
//! while customers change their tables and write through the API. What was answered stays; every run comes to an end; the
//! streams say what the tables say. `ROWCAST_LONG=1` makes it thorough.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use simulator::{Effect, Operation, Rule};
use testkit::oracle;
use tokio::time::sleep;

use crate::world::{self, Customer, Process, Settings, Shop, World, until};

const TENANTS: usize = 3;
const ROWS: u32 = 500;
/// Promise P2's W: what a kill may cost, in records; a put without an answer one call more.
const WINDOW: usize = 60;
const LEASE: Duration = Duration::from_secs(3);
const MESSAGE: &str = r#"{"op": {{ op }}, "id": {{ row.id }}, "v": {{ row.v }},
    "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}}"#;

struct Tenant {
    customer: Customer,
    shop: Shop,
    sync: String,
    stream: String,
}

/// What goes on while everything fails.
struct Bustle {
    /// The addresses of the API processes as they are now.
    apis: Mutex<Vec<String>>,
    over: AtomicBool,
    acknowledged: Mutex<BTreeSet<String>>,
    unknown: AtomicUsize,
}

impl Bustle {
    fn answered(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_lost_and_every_stream_is_right_whatever_is_killed_stopped_or_taken_away() {
    let _turn = world::turn().await;
    let long = long();
    let (wanted, rounds, dark) = if long { (10_000, 5, 30) } else { (1_000, 1, 6) };
    let settings = Settings::default().own_cluster().set("worker.lease", "3s").set("worker.window_records", WINDOW);
    let world = World::start(settings.set("log.level", "info")).await;
    // Slow enough that every run is hit while it sends.
    world.simulator.faults([Rule::on(Operation::PutRecords, Effect::Latency { ms: 60 })]);
    let mut apis = vec![world.serve().await, world.serve().await];
    let mut workers = vec![world.worker().await, world.worker().await];
    let tenants = tenants(&world, apis[0].url()).await;
    let bustle = Bustle {
        apis: Mutex::new(urls(&apis)),
        over: AtomicBool::new(false),
        acknowledged: Mutex::default(),
        unknown: AtomicUsize::new(0),
    };

    let nemeses = async {
        let mut killed = 0;
        for _ in 0..rounds {
            killed += round(&world, &mut apis, &mut workers, &bustle, Duration::from_secs(dark)).await;
        }
        // Each write has its own deadline, and a service that answers none has failed in a round already.
        while bustle.answered() < wanted {
            sleep(Duration::from_millis(100)).await;
        }
        bustle.over.store(true, Ordering::Relaxed);
        killed
    };
    let edits =
        async { tokio::join!(edit(&tenants[0], &bustle), edit(&tenants[1], &bustle), edit(&tenants[2], &bustle)) };
    let writes =
        async { tokio::join!(write(&tenants[0], &bustle), write(&tenants[1], &bustle), write(&tenants[2], &bustle)) };
    let (killed, _, _, ()) = tokio::join!(nemeses, edits, writes, trigger(&tenants, &bustle));

    for tenant in &tenants {
        settle(tenant, apis[0].url()).await;
        stream_is_right(&world, tenant, killed).await;
    }
    everything_answered_is_there(&tenants, apis[1].url(), &bustle).await;
    no_attempt_wrote_after_its_end(&world).await;
    let answered = bustle.answered();
    eprintln!(
        "{answered} writes acknowledged, {} unknown; {} runs, {} attempts died, {} handed over",
        bustle.unknown.load(Ordering::Relaxed),
        world.database.count("select count(*) from run").await,
        world.database.count("select count(*) from attempt where outcome = 'died'").await,
        world.database.count("select count(*) from attempt where outcome = 'released'").await,
    );
    for process in workers.into_iter().chain(apis) {
        process.terminate().await;
    }
}

/// Every nemesis once. Returns how many attempts it may have cost a window each.
async fn round(
    world: &World,
    apis: &mut Vec<Process>,
    workers: &mut Vec<Process>,
    bustle: &Bustle,
    dark: Duration,
) -> usize {
    let died = "select count(*) from attempt where outcome = 'died'";
    let before = world.database.count(died).await;

    let victim = at_work(world, workers).await;
    workers.remove(victim).kill().await;
    workers.push(world.worker().await);
    until("a killed worker's run to be taken over", async || (world.database.count(died).await > before).then_some(()))
        .await;

    apis.remove(0).kill().await;
    apis.push(world.serve().await);
    *bustle.apis.lock().unwrap() = urls(apis);

    let victim = at_work(world, workers).await;
    workers[victim].signal(Signal::STOP);
    sleep(LEASE * 2).await;
    workers[victim].signal(Signal::CONT);

    let released = "select count(*) from attempt where outcome = 'released'";
    let before_drain = world.database.count(released).await;
    // Its run may end before it hears of it.
    while world.database.count(released).await == before_drain {
        let victim = at_work(world, workers).await;
        workers.remove(victim).terminate().await;
        workers.push(world.worker().await);
    }

    world.database.stop().await;
    world.database.start().await;
    puts(world, 10).await;

    world.database.stop().await;
    sleep(dark).await;
    world.database.start().await;
    puts(world, 10).await;

    let objects = world.home().join("objects");
    let away = world.home().join("objects-away");
    std::fs::rename(&objects, &away).unwrap();
    std::fs::write(&objects, "not a folder").unwrap();
    sleep(Duration::from_secs(2)).await;
    std::fs::remove_file(&objects).unwrap();
    std::fs::rename(&away, &objects).unwrap();
    puts(world, 10).await;

    usize::try_from(world.database.count(died).await - before).unwrap()
}

/// Which of the workers has a run in its hands.
async fn at_work(world: &World, workers: &[Process]) -> usize {
    until("a worker to be at work", async || {
        let running = "select worker from run where state = 'running' and lease_until > now() + interval '1 s'";
        let names: Vec<String> = world.database.query(running).await.iter().map(|row| row.get(0)).collect();
        workers.iter().position(|worker| names.iter().any(|name| name.ends_with(&format!("-{}", worker.id()))))
    })
    .await
}

/// So many calls more: something is being sent.
async fn puts(world: &World, more: u64) {
    let wanted = world.simulator.calls_of(Operation::PutRecords) + more;
    until("records to be put", async || (world.simulator.calls_of(Operation::PutRecords) >= wanted).then_some(()))
        .await;
}

fn urls(apis: &[Process]) -> Vec<String> {
    apis.iter().map(|api| api.url().to_owned()).collect()
}

async fn tenants(world: &World, api: &str) -> Vec<Tenant> {
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        let customer = Customer::sign_up(api).await;
        let setup = format!(
            "create table items (id bigint primary key, v bigint not null);
             insert into items select n, 0 from generate_series(1, {ROWS}) n"
        );
        let (shop, stream) = (world.shop(&setup).await, format!("tenant-{number}"));
        world.simulator.create_stream(&stream, 2).unwrap();
        let more = json!({
            "stream": stream, "message": {"json": MESSAGE},
            "limits": {"call_records": 20}, "guards": {"removed_percent": 100.0},
        });
        let sync = customer.sync(world, &shop, "select id, v from items", more).await;
        tenants.push(Tenant { customer, shop, sync, stream });
    }
    tenants
}

/// Rows come, change and go, each with a value that was never there before.
async fn edit(tenant: &Tenant, bustle: &Bustle) {
    let mut step = 0;
    while !bustle.over.load(Ordering::Relaxed) {
        step += 1;
        let statement = format!(
            "update items set v = {step} where id % 7 = {step} % 7;
             delete from items where id = {} + {step} % {ROWS};
             insert into items values ({} + {step} % {ROWS}, {step}) on conflict (id) do update set v = {step}",
            1,
            1 + ROWS / 2
        );
        tenant.shop.sql(&statement).await;
        sleep(Duration::from_millis(150)).await;
    }
}

/// Makes models through whichever API process is there; what was answered is remembered.
async fn write(tenant: &Tenant, bustle: &Bustle) {
    let source = tenant.customer.source(&tenant.shop).await;
    let mut number = 0_usize;
    while !bustle.over.load(Ordering::Relaxed) {
        let apis = bustle.apis.lock().unwrap().clone();
        number += 1;
        let model =
            json!({"name": format!("written {number}"), "source": source, "query": "select 1 as id", "key": ["id"]});
        let client = tenant.customer.client.at(&apis[number % apis.len()]);
        match client.try_send("POST", &tenant.customer.at("/models"), Some(model), &[]).await {
            Ok(answer) if answer.status == 201 => {
                bustle.acknowledged.lock().unwrap().insert(answer.id());
            }
            _ => {
                bustle.unknown.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn trigger(tenants: &[Tenant], bustle: &Bustle) {
    while !bustle.over.load(Ordering::Relaxed) {
        let apis = bustle.apis.lock().unwrap().clone();
        for (number, tenant) in tenants.iter().enumerate() {
            let client = tenant.customer.client.at(&apis[number % apis.len()]);
            let path = tenant.customer.at(&format!("/syncs/{}/runs", tenant.sync));
            // Whether it is heard is not the question here.
            let _asked = client.try_send("POST", &path, Some(json!({"kind": "normal"})), &[]).await;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Runs until nothing is left to send. Every run comes to an end.
async fn settle(tenant: &Tenant, api: &str) {
    let customer = tenant.customer.moved_to(api);
    until("a run with nothing left over", async || {
        let run = customer.trigger(&tenant.sync, json!({"kind": "normal"})).await;
        let ended = customer.ended(&run).await;
        let left = ["rejected", "unanswered", "deferred"].map(|count| ended["counts"][count].as_u64().unwrap_or(1));
        (ended["state"] == "succeeded" && left == [0, 0, 0]).then_some(())
    })
    .await;
}

/// The last message of each key, by `event.sequence`, says what the table says; what came twice is bounded.
async fn stream_is_right(world: &World, tenant: &Tenant, killed: usize) {
    let mut last: BTreeMap<i64, (u64, Value)> = BTreeMap::new();
    let mut by_event: BTreeMap<String, usize> = BTreeMap::new();
    for record in world.simulator.records(&tenant.stream) {
        let message: Value = serde_json::from_slice(&record.data).unwrap();
        *by_event.entry(message["event"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
        let (id, sequence) = (message["id"].as_i64().unwrap(), message["event"]["sequence"].as_u64().unwrap());
        if last.get(&id).is_none_or(|(before, _)| *before <= sequence) {
            last.insert(id, (sequence, message));
        }
    }
    let rows = tenant.shop.client.query("select id, v from items", &[]).await.unwrap();
    let model: BTreeMap<i64, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let said: BTreeMap<i64, i64> = last
        .into_iter()
        .filter(|(_, (_, message))| message["op"] != "removed")
        .map(|(id, (_, message))| (id, message["v"].as_i64().unwrap()))
        .collect();
    assert_eq!(said, model, "what the stream {} says is not what the table says", tenant.stream);
    let duplicates: usize = by_event.values().map(|times| times - 1).sum();
    let bound = (killed + 1) * 2 * WINDOW;
    assert!(duplicates <= bound, "{duplicates} records came twice, {bound} are allowed after {killed} deaths");
}

async fn everything_answered_is_there(tenants: &[Tenant], api: &str, bustle: &Bustle) {
    let mut found = BTreeSet::new();
    for tenant in tenants {
        let (customer, mut cursor) = (tenant.customer.moved_to(api), Some(String::new()));
        while let Some(at) = cursor {
            let page = customer.get(&format!("/models?limit=200{at}")).await.expect(200).body;
            let ids = page["items"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned());
            found.extend(ids);
            cursor = page["next_cursor"].as_str().map(|next| format!("&cursor={next}"));
        }
    }
    let acknowledged = bustle.acknowledged.lock().unwrap();
    let lost: Vec<&String> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "{} of {} answered writes are lost: {lost:?}", lost.len(), acknowledged.len());
}

/// No window was opened and no manifest written by an attempt that was over; the sums hold for each; nothing hangs.
async fn no_attempt_wrote_after_its_end(world: &World) {
    let over = "a.outcome is not null and a.ended_at <";
    let windows = format!(
        "select count(*) from snapshot_window w join attempt a using (workspace_id, sync_id, epoch) where {over} w.opened_at"
    );
    let manifests = format!(
        "select count(*) from manifest m join attempt a using (workspace_id, sync_id, epoch) where {over} m.created_at"
    );
    assert_eq!(world.database.count(&windows).await, 0, "a stale attempt registered a window");
    assert_eq!(world.database.count(&manifests).await, 0, "a stale attempt wrote a manifest");
    for row in world.database.query("select counts::text from attempt where outcome is not null").await {
        let counts: Value = serde_json::from_str(row.get(0)).unwrap();
        assert_eq!(oracle::sums(&counts), Vec::<String>::new());
    }
    let hanging = "select count(*) from run where state = 'running' and lease_until < now() - interval '30 s'";
    assert_eq!(world.database.count(hanging).await, 0, "a run hangs");
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment how thorough to be")]
fn long() -> bool {
    std::env::var_os("ROWCAST_LONG").is_some()
}
