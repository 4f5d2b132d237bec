//! How far a run fills a stream whose shards have their limits, and how much of what it puts is throttled on the way.
//!
//! The fullest shard says how long it has to take at least; the time that sending took is compared with that.

use std::time::Duration;

use super::figure::{Figure, median, tell};
use super::options::Options;
use super::rig::{Rig, Told};
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
}

/// A few keys have most rows of the last: the one in place n has a share of 1/n.
const CASES: [Case; 3] = [
    Case { name: "8 shards", shards: 8, share: 0.25, partition_key: "uid" },
    Case { name: "64 shards", shards: 64, share: 1.0, partition_key: "uid" },
    Case { name: "8 shards, Zipf-skewed keys", shards: 8, share: 0.25, partition_key: "skewed" },
];

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let options = Options::read(BENCH, 800_000, arguments)?;
    let rig = Rig::open(shell, "bench-shards")?;
    rig.fill(&shop::rows("every_customer", options.rows))?;
    let mut figures = Vec::new();
    for case in &CASES {
        let (mut reached, mut throttled) = (Vec::new(), Vec::new());
        for time in 1..=options.times {
            say(&format!("\n==> {}, {time} of {}", case.name, options.times));
            let told = one(&rig, case, (options.rows as f64 * case.share) as u64)?;
            let least = told.fullest_records / RECORDS;
            let least = least.max(told.fullest_bytes / BYTES);
            let took = sending(&told).as_secs_f64();
            reached.push(100.0 * least / took);
            throttled.push(100.0 * told.throttled as f64 / (told.delivered + told.throttled) as f64);
            say(&format!("        {told}; at least {least:.2} s of sending, and it took {took:.2} s"));
        }
        figures.push(Figure::new(BENCH, format!("{}, reach of the limit", case.name), median(&reached), "%"));
        figures.push(Figure::new(BENCH, format!("{}, throttled puts", case.name), median(&throttled), "%"));
    }
    tell(&figures, options.json);
    Ok(())
}

fn one(rig: &Rig<'_>, case: &Case, rows: u64) -> Result<Told, Failure> {
    // Of a number from 0 to 1 that follows from the row.
    let skewed = "floor(exp(ln(10000.0) * (hashint8(id)::bigint + 2147483648) / 4294967296.0))::bigint";
    let view = format!("select *, {skewed} as skewed from every_customer where id <= {rows}");
    rig.source(&format!("drop view if exists customers; create view customers as {view}"))?;
    rig.forget()?;
    let simulator = rig.simulator(case.shards, true)?;
    let query = "select id, uid, email, name, age, note, skewed from customers";
    let sync = shop::sync_of(query, case.partition_key, "customers", simulator.address, &["log: { rows: outcomes }"]);
    rig.run(case.name, &sync, &[])?;
    rig.told()
}

/// From the first window to the end of the last.
fn sending(told: &Told) -> Duration {
    let from = told.phases.iter().find(|(phase, _)| phase == "sending").map_or(Duration::ZERO, |(_, after)| *after);
    let after = told.phases.iter().map(|(_, after)| *after).find(|after| *after > from);
    after.unwrap_or(told.time).saturating_sub(from)
}
