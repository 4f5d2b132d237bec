//! Hours of runs with faults, in one process of the service: neither its memory nor its open files may grow. A few rounds
//! of it are part of every test run; `cargo xtask soak MINUTES` makes it long, and judges.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Effect, LateAnswer, Operation, Rule, Selection};

use crate::world::{self, Customer, STREAM, Settings, Shop, World};

const ROWS: u32 = 20_000;
const ROUNDS: usize = 3;
/// A sample or two say nothing.
const JUDGED: usize = 40;
/// What the last quarter may have more than the second: caches fill slowly, and an allocator returns pages late.
const MORE: f64 = 1.15;
const MORE_FILES: u64 = 16;

/// What one process has.
#[derive(Debug, Clone, Copy)]
struct Sample {
    after: Duration,
    resident_kib: u64,
    files: u64,
    threads: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_files_stay_flat_over_runs_with_faults() {
    let _turn = world::turn().await;
    let time = minutes();
    let world = World::start(Settings::default()).await;
    let service = world.all().await;
    let customer = Customer::sign_up(service.url()).await;
    let shop = world.shop(&table()).await;
    let query = "select id, body, tags from items";
    let syncs = [
        customer.sync(&world, &shop, query, json!({})).await,
        customer.sync(&world, &shop, query, json!({"log": {"rows": "full", "bodies": "all"}})).await,
        customer.sync(&world, &shop, query, json!({"values": "hashes-only"})).await,
    ];
    for sync in &syncs {
        customer.run_now(sync).await;
    }
    let (started, mut samples, mut runs) = (Instant::now(), Vec::new(), 0);
    for round in 0.. {
        change(&shop, round).await;
        world.simulator.faults(faults(round));
        let mut waiting = Vec::new();
        for sync in &syncs {
            waiting.push(customer.trigger(sync, json!({"kind": "normal"})).await);
        }
        for run in &waiting {
            let ended = customer.ended(run).await;
            assert_ne!(ended["state"], "waiting", "round {round}: nobody is there to be asked: {ended:#}");
            runs += 1;
        }
        world.simulator.clear_faults();
        let sample = Sample::of(service.id(), started.elapsed());
        if round % 20 == 0 {
            let Sample { after, resident_kib, files, threads } = sample;
            eprintln!("round {round}, {after:.0?}: {resident_kib} KiB, {files} files, {threads} threads");
        }
        samples.push(sample);
        if round + 1 >= ROUNDS && started.elapsed() >= time {
            break;
        }
    }
    for sync in &syncs {
        // Doubts settle, rejections are tried again; then there is nothing to do.
        customer.run_now(sync).await;
        let last = customer.run_now(sync).await;
        assert_eq!(planned(&last), 0, "{last:#}");
    }
    eprintln!("{runs} runs in {:?}, {} records in the stream", started.elapsed(), world.simulator.record_count(STREAM));
    judge(&samples);
    service.terminate().await;
}

fn judge(samples: &[Sample]) {
    let quarter = samples.len() / 4;
    if samples.len() < JUDGED {
        return;
    }
    let (early, late) = (&samples[quarter..2 * quarter], &samples[3 * quarter..]);
    let median = |of: &[Sample], what: fn(&Sample) -> u64| {
        let mut all: Vec<u64> = of.iter().map(what).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    let told = |what: &str, of: fn(&Sample) -> u64| {
        let (before, after) = (median(early, of), median(late, of));
        eprintln!("{what}: {before} in the second quarter, {after} in the last");
        (before, after)
    };
    let (memory, files) = (told("KiB resident", |s| s.resident_kib), told("open files", |s| s.files));
    told("threads", |sample| sample.threads);
    assert!(memory.1 as f64 <= memory.0 as f64 * MORE, "memory grows: {memory:?} KiB");
    assert!(files.1 <= files.0 + MORE_FILES, "open files grow: {files:?}");
}

fn table() -> String {
    format!(
        "create table items (id bigint primary key, body text not null, tags jsonb);
         insert into items select n, md5(n::text) || repeat('x', n % 200), jsonb_build_object('n', n)
         from generate_series(1, {ROWS}) n"
    )
}

/// Some rows change, a few go, a few come; now and then nearly all of them change.
async fn change(shop: &Shop, round: usize) {
    let part = if round % 100 == 99 { 1 } else { 100 };
    let (gone, come) = (round % 37, ROWS as usize + 1 + round * 50);
    shop.sql(&format!(
        "update items set body = md5(body) where id % {part} = {} % {part};
         delete from items where id % 997 = {gone};
         insert into items select n, 'new', null from generate_series({come}, {come} + 49) n;
         delete from items where id > {ROWS} and id < {come} - 500",
        round
    ))
    .await;
}

/// Each round has other ones.
fn faults(round: usize) -> Vec<Rule> {
    let put =
        |effect, times| Rule { times: Some(times), seed: round as u64, ..Rule::on(Operation::PutRecords, effect) };
    let all = [
        vec![put(Effect::Throttle(Selection::Fraction(0.3)), 6)],
        vec![put(Effect::ResetAfter, 1), put(Effect::ResetBefore, 1)],
        vec![put(Effect::HttpError { status: 503, written: true }, 2)],
        vec![put(Effect::CutAnswer, 1), put(Effect::InternalFailure(Selection::Fraction(0.5)), 4)],
        vec![put(Effect::ApplyLater { delay_ms: 300, answer: LateAnswer::Reset }, 1)],
        vec![put(Effect::CallError { code: "AccessDeniedException".to_owned(), message: None }, 1)],
        vec![put(Effect::Latency { ms: 200 }, 10)],
        vec![],
    ];
    all.into_iter().nth(round % 8).unwrap_or_default()
}

fn planned(run: &Value) -> u64 {
    run["counts"]["planned"].as_u64().unwrap_or_else(|| panic!("no counts: {run:#}"))
}

impl Sample {
    fn of(process: u32, after: Duration) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap().count() as u64;
        Self { after, resident_kib: number("VmRSS:"), files, threads: number("Threads:") }
    }
}

/// How long, beyond the first rounds.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how long")]
fn minutes() -> Duration {
    let minutes = std::env::var("ROWCAST_SOAK_MINUTES").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(60 * minutes.unwrap_or(0))
}
