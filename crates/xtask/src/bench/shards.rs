//! How far runs fill a stream whose shards have their limits, and how much of what they put is throttled on the way.
//!
//! The fullest shard says how long sending has to take at least; the time that it took is compared with that. Where shards
//! come and go, or have less to do than the fullest, the simulator says of each when it was busy.

use std::time::Duration;

use super::figure::{Figure, median, tell};
use super::options::Options;
use super::rig::{Rig, ShardLoad, Simulator, Told};
use super::shop;
use crate::Failure;
use crate::shell::{Shell, say};

const BENCH: &str = "shards";
/// What a shard takes in a second.
const RECORDS: f64 = 1_000.0;
const BYTES: f64 = (1 << 20) as f64;

struct Case {
    name: &'static str,
    shards: u32,
    /// Of the rows that the command line says, or of the default.
    share: f64,
    partition_key: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// Some shards get more than others, which are looked at too.
    Skewed,
    /// A shard is split and two others are merged while the run sends.
    Reshard,
    /// Two processes with a sync each, that know nothing of each other.
    TwoSyncs,
}

/// A few keys have most rows of the skewed case: the one in place n has a share of 1/n.
const CASES: [Case; 5] = [
    Case { name: "8 shards", shards: 8, share: 0.25, partition_key: "uid", kind: Kind::Plain },
    Case { name: "64 shards", shards: 64, share: 1.0, partition_key: "uid", kind: Kind::Plain },
    Case { name: "8 shards, Zipf-skewed keys", shards: 8, share: 0.25, partition_key: "skewed", kind: Kind::Skewed },
    Case { name: "8 shards, a split and a merge", shards: 8, share: 0.25, partition_key: "uid", kind: Kind::Reshard },
    Case { name: "8 shards, two syncs", shards: 8, share: 0.25, partition_key: "uid", kind: Kind::TwoSyncs },
];

/// Percent.
struct Found {
    reach: f64,
    throttled: f64,
    /// The least that a shard reached of what its keys allow, while there was something for it.
    coldest: Option<f64>,
}

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let options = Options::read(BENCH, 800_000, arguments)?;
    let rig = Rig::open(shell, "bench-shards")?;
    rig.fill(&shop::rows("every_customer", options.rows))?;
    let mut figures = Vec::new();
    for case in &CASES {
        let mut found = Vec::new();
        for time in 1..=options.times {
            say(&format!("\n==> {}, {time} of {}", case.name, options.times));
            found.push(one(&rig, case, (options.rows as f64 * case.share) as u64)?);
        }
        let of = |figure: fn(&Found) -> f64| median(&found.iter().map(figure).collect::<Vec<_>>());
        let mut tell = |what, value| figures.push(Figure::new(BENCH, format!("{}, {what}", case.name), value, "%"));
        tell("reach of the limit", of(|found| found.reach));
        tell("throttled puts", of(|found| found.throttled));
        if found.iter().all(|found| found.coldest.is_some()) {
            tell("least reach of a shard", of(|found| found.coldest.unwrap_or(f64::NAN)));
        }
    }
    tell(&figures, options.json);
    Ok(())
}

fn one(rig: &Rig<'_>, case: &Case, rows: u64) -> Result<Found, Failure> {
    // Of a number from 0 to 1 that follows from the row.
    let skewed = "floor(exp(ln(10000.0) * (hashint8(id)::bigint + 2147483648) / 4294967296.0))::bigint";
    let view = format!("select *, {skewed} as skewed from every_customer where id <= {rows}");
    rig.source(&format!("drop view if exists customers; create view customers as {view}"))?;
    rig.forget()?;
    let simulator = rig.simulator(case.shards, true)?;
    let sync = |name: &str, which: &str| {
        let query = format!("select id, uid, email, name, age, note, skewed from customers{which}");
        shop::sync_of(&query, case.partition_key, name, simulator.address, &["log: { rows: outcomes }"])
    };
    match case.kind {
        Kind::Plain | Kind::Skewed => {
            rig.run(case.name, &sync("customers", ""), &[])?;
        }
        Kind::Reshard => rig.run_several(&[sync("customers", "")], || reshard(rig, &simulator, rows))?,
        Kind::TwoSyncs => {
            let two = [sync("odd", " where id % 2 = 1"), sync("even", " where id % 2 = 0")];
            rig.run_several(&two, || Ok(()))?;
        }
    }
    let shards = rig.shards(&simulator)?;
    let (taken, throttled) = (sum(&shards, |shard| shard.records), sum(&shards, |shard| shard.throttled));
    if taken < rows as f64 {
        return Err(Failure::bench("count the records", format!("{taken} of {rows} arrived")));
    }
    let began = shards.iter().filter_map(|shard| shard.first_ms).min().unwrap_or_default();
    let told = rig.told()?;
    let least = needed(told.fullest_records, told.fullest_bytes);
    let took = sending(&told).as_secs_f64();
    let found = match case.kind {
        Kind::Plain => Found { reach: 100.0 * least / took, throttled: 0.0, coldest: None },
        Kind::Skewed => {
            let reaches = shards.iter().filter_map(|shard| reach(shard, began));
            let coldest = reaches.fold(f64::INFINITY, f64::min);
            Found { reach: 100.0 * least / took, throttled: 0.0, coldest: Some(coldest) }
        }
        // The shard of the merge gets twice as much as others, and has something to do from its first record to its last.
        Kind::Reshard => {
            let merged = shards.iter().max_by_key(|shard| shard.first_ms);
            let merged = merged.and_then(|shard| reach(shard, shard.first_ms?));
            Found { reach: merged.unwrap_or(f64::NAN), throttled: 0.0, coldest: None }
        }
        Kind::TwoSyncs => {
            let fullest = shards.iter().max_by_key(|shard| shard.records).and_then(|shard| reach(shard, began));
            Found { reach: fullest.unwrap_or(f64::NAN), throttled: 0.0, coldest: None }
        }
    };
    let found = Found { throttled: 100.0 * throttled / (taken + throttled), ..found };
    let Found { reach, throttled, coldest } = &found;
    say(&format!("        {told}; at least {least:.2} s of sending, and it took {took:.2} s"));
    say(&format!("        reach {reach:.1} %, throttled {throttled:.3} %, coldest {coldest:.1?} %"));
    Ok(found)
}

/// A shard in the middle is split into halves, and later two others become one.
fn reshard(rig: &Rig<'_>, simulator: &Simulator, rows: u64) -> Result<(), Failure> {
    let stream = super::rig::STREAM;
    let eighth = u128::MAX / 8 + 1;
    let split = format!(
        r#"{{"StreamName": "{stream}", "ShardToSplit": "shardId-000000000002", "NewStartingHashKey": "{}"}}"#,
        2 * eighth + eighth / 2
    );
    wait_for(rig, simulator, rows / 5)?;
    rig.ask(simulator, "SplitShard", &split)?;
    let merge = format!(
        r#"{{"StreamName": "{stream}", "ShardToMerge": "shardId-000000000005", "AdjacentShardToMerge": "shardId-000000000006"}}"#
    );
    wait_for(rig, simulator, rows / 5 * 2)?;
    rig.ask(simulator, "MergeShards", &merge)
}

fn wait_for(rig: &Rig<'_>, simulator: &Simulator, records: u64) -> Result<(), Failure> {
    for _ in 0..1_200 {
        if sum(&rig.shards(simulator)?, |shard| shard.records) >= records as f64 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(Failure::bench("wait for records", format!("fewer than {records} arrived in two minutes")))
}

fn sum(shards: &[ShardLoad], of: impl Fn(&ShardLoad) -> u64) -> f64 {
    shards.iter().map(of).sum::<u64>() as f64
}

/// The seconds that a shard needs.
fn needed(records: f64, bytes: f64) -> f64 {
    (records / RECORDS).max(bytes / BYTES)
}

/// Of what a shard could have taken from some time to its last record.
fn reach(shard: &ShardLoad, from: u64) -> Option<f64> {
    let took = shard.last_ms?.saturating_sub(from) as f64 / 1_000.0;
    Some(100.0 * needed(shard.records as f64, shard.bytes as f64) / took).filter(|_| took > 0.0 && shard.open)
}

/// From the first window to the end of the last.
pub(super) fn sending(told: &Told) -> Duration {
    let from = told.phase("sending").unwrap_or_default();
    let after = told.phases.iter().map(|(_, after)| *after).find(|after| *after > from);
    after.unwrap_or(told.time).saturating_sub(from)
}
