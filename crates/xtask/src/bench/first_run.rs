//! What the first run of a model costs, into a stream without limits, beside a script that reads the same query and puts
//! its rows with boto3.

use super::figure::{least_and_median, tell};
use super::options::Options;
use super::rig::{Ran, Rig, STREAM};
use super::shop::{self, QUERY};
use crate::Failure;
use crate::setup;
use crate::shell::{Shell, say};

const BENCH: &str = "first-run";
const SHARDS: u32 = 8;
const SCRIPT: &str = include_str!("boto3_put.py");

/// What each row took, on average.
#[derive(Debug, Default)]
struct PerRow {
    /// Microseconds of the processor, start and end of the process left out.
    worked: Vec<f64>,
    /// Rows in a second.
    speed: Vec<f64>,
}

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let options = Options::read(BENCH, 1_000_000, arguments)?;
    let rig = Rig::open(shell, "bench-first-run")?;
    rig.fill(&shop::rows("every_customer", options.rows))?;
    let python = match setup::boto3(shell) {
        Ok(python) => Some(python),
        Err(failure) => {
            say(&format!("    boto3: skipped. {failure}"));
            None
        }
    };
    let script = rig.folder.join("boto3_put.py");
    std::fs::write(&script, SCRIPT).map_err(|source| Failure::bench("write the script", source))?;
    let (mut outcomes, mut full, mut boto3) = (PerRow::default(), PerRow::default(), PerRow::default());
    for time in 1..=options.times {
        say(&format!("\n==> {time} of {}", options.times));
        for (rows, found) in [("outcomes", &mut outcomes), ("full", &mut full)] {
            let idle = first_run(&rig, rows, "where false")?.0;
            let (ran, took) = first_run(&rig, rows, "")?;
            found.push(idle, ran, took, options.rows);
        }
        if let Some(python) = &python {
            let put = |limit: &str| {
                show(&rig, limit)?;
                let simulator = rig.simulator(SHARDS, false)?;
                let mut command = shell.command(&python.display().to_string(), &[]);
                command.arg(&script).args([&rig.source_url(), QUERY, &format!("http://{}", simulator.address), STREAM]);
                rig.measure("boto3", command)
            };
            let (idle, ran) = (put("where false")?, put("")?);
            boto3.push(idle, ran, (ran.wall - idle.wall).as_secs_f64(), options.rows);
        }
    }
    let mut figures = Vec::new();
    for (name, found) in [("outcomes logged", &outcomes), ("rows and values logged", &full)] {
        let us = least_and_median(BENCH, &format!("CPU a row, {name}"), "us", &found.worked, &boto3.worked);
        figures.extend(us);
        figures.extend(least_and_median(BENCH, &format!("speed, {name}"), "rows/s", &found.speed, &boto3.speed));
    }
    tell(&figures, options.json);
    Ok(())
}

impl PerRow {
    fn push(&mut self, idle: Ran, ran: Ran, took: f64, rows: u64) {
        self.worked.push((ran.worked.as_secs_f64() - idle.worked.as_secs_f64()) * 1e6 / rows as f64);
        self.speed.push(rows as f64 / took);
    }
}

/// In a store, a stream and a home of its own; with the seconds that the store says it took.
fn first_run(rig: &Rig<'_>, rows: &str, limit: &str) -> Result<(Ran, f64), Failure> {
    show(rig, limit)?;
    rig.forget()?;
    let simulator = rig.simulator(SHARDS, false)?;
    let sync = shop::sync("customers", simulator.address, &[&format!("log: {{ rows: {rows} }}")]);
    let ran = rig.run(&format!("a first run, rows logged: {rows}"), &sync, &[])?;
    let told = rig.told()?;
    say(&format!("        {told}"));
    Ok((ran, told.time.as_secs_f64()))
}

fn show(rig: &Rig<'_>, limit: &str) -> Result<(), Failure> {
    rig.source(&format!("create or replace view customers as select * from every_customer {limit}"))
}
