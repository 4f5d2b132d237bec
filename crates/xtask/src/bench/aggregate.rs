//! What KPL aggregation makes of a shard and of a bill: runs into shards with their limits, each message in a record of its own
//! and messages that share records, side by side.

use super::figure::{Figure, median, tell};
use super::options::Options;
use super::rig::{Rig, Told};
use super::shards::sending;
use super::shop;
use crate::Failure;
use crate::shell::{Shell, say};

const BENCH: &str = "aggregate";
const SHARDS: u32 = 4;
/// Of a message.
const SIZES: [u64; 5] = [100, 300, 600, 1_024, 2_048];
/// What a shard takes in a second.
const RECORDS: u64 = 1_000;
const BYTES: u64 = 1 << 20;
/// What a partition key, or the format of aggregated records, adds to a message, about.
const KEY: u64 = 7;
const SHARED: u64 = 20;
/// A shard that was idle takes as much at once as in this time, in seconds.
const CREDIT: f64 = 1.0;
/// What a message has besides the filling: `{"id":1000000,"note":""}`.
const FRAME: u64 = 24;
/// Documents every setting, and with them the prices.
const SETTINGS: &str = include_str!("../../../server/rowcast.example.yaml");

/// US dollars.
struct Prices {
    million_payload_units: f64,
    on_demand_gib: f64,
    advantage_gib: f64,
}

/// What was measured of one way to put messages of one size.
#[derive(Default)]
struct Way {
    /// Rows in a second and shard.
    speed: Vec<f64>,
    /// Of a million rows, in each mode of a stream.
    costs: [f64; 3],
}

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let options = Options::read(BENCH, 400_000, arguments)?;
    let prices = Prices::read()?;
    let rig = Rig::open(shell, "bench-aggregate")?;
    rig.fill(&table(options.rows))?;
    let mut figures = Vec::new();
    for size in SIZES {
        let [mut plain, mut aggregated] = [Way::default(), Way::default()];
        for time in 1..=options.times {
            say(&format!("\n==> messages of {size} bytes, {time} of {}", options.times));
            for (aggregate, way) in [(false, &mut plain), (true, &mut aggregated)] {
                way.push(&one(&rig, size, aggregate, options.rows)?, &prices);
            }
        }
        let figure = |name: &str, unit, ours: f64, beside: f64| {
            Figure::new(BENCH, format!("{size} bytes aggregated, {name}"), ours, unit).beside(beside)
        };
        figures.push(figure("rows a second and shard", "rows/s", median(&aggregated.speed), median(&plain.speed)));
        let modes = ["provisioned", "on-demand standard", "on-demand advantage"];
        for ((mode, ours), beside) in modes.into_iter().zip(aggregated.costs).zip(plain.costs) {
            figures.push(figure(&format!("a million rows, {mode}"), "USD", ours, beside));
        }
    }
    tell(&figures, options.json);
    Ok(())
}

/// Ids of seven digits, so that all messages have one size.
fn table(rows: u64) -> String {
    let last = 1_000_000 + rows - 1;
    format!(
        "create table every_customer as select n id, repeat(md5(n::text), 64) note from generate_series(1000000::bigint, {last}) n;
         vacuum analyze every_customer"
    )
}

fn one(rig: &Rig<'_>, size: u64, aggregate: bool, rows: u64) -> Result<Told, Failure> {
    // What is sent the fastest takes all rows, and everything else as many as take the same time.
    let rows = (rows as f64 * expected(size, aggregate) / expected(SIZES[0], true)) as u64;
    let filling = size - FRAME;
    let view = format!("select id, left(note, {filling}) as note from every_customer where id < {}", 1_000_000 + rows);
    rig.source(&format!("drop view if exists customers; create view customers as {view}"))?;
    rig.forget()?;
    let simulator = rig.simulator(SHARDS, true)?;
    let settings = [format!("aggregate: {aggregate}"), "log: { rows: none }".to_owned()];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let sync = shop::sync_of("select id, note from customers", "id", "customers", simulator.address, &settings);
    let name = if aggregate { "messages that share records" } else { "a record for each message" };
    rig.run(name, &sync, &[])?;
    let told = rig.told()?;
    let (records, throttled) = (told.billed.records, told.throttled);
    say(&format!("        {told}; {} of {rows} rows in {records} records, {throttled} throttled puts", told.delivered));
    Ok(told)
}

/// Rows a second of a shard that is full.
fn expected(size: u64, aggregate: bool) -> f64 {
    let (most, more) = if aggregate { (u64::MAX, SHARED) } else { (RECORDS, KEY) };
    most.min(BYTES / (size + more)) as f64
}

impl Way {
    fn push(&mut self, told: &Told, prices: &Prices) {
        let time = sending(told).as_secs_f64() + CREDIT;
        self.speed.push(told.delivered as f64 / time / f64::from(SHARDS));
        let million = 1e6 / told.delivered as f64;
        let units = told.billed.payload_units / 1e6 * prices.million_payload_units;
        let gib = told.billed.on_demand_bytes / f64::from(1 << 30);
        self.costs = [units, gib * prices.on_demand_gib, gib * prices.advantage_gib].map(|cost| cost * million);
    }
}

impl Prices {
    fn read() -> Result<Self, Failure> {
        let price = |name: &str| {
            let line = SETTINGS.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
            let number = line.and_then(|line| line.split('#').next()?.trim().parse().ok());
            number.ok_or_else(|| Failure::bench("read the prices", format!("rowcast.example.yaml has no {name}")))
        };
        Ok(Self {
            million_payload_units: price("million_payload_units")?,
            on_demand_gib: price("on_demand_gib")?,
            advantage_gib: price("advantage_gib")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_those_of_the_documented_settings() {
        let Prices { million_payload_units, on_demand_gib, advantage_gib } = Prices::read().unwrap();
        assert!(million_payload_units > 0.0 && advantage_gib > 0.0 && advantage_gib < on_demand_gib);
    }
}
