//! What a run costs that finds nothing to do, or little: beside a copy of the same query to nowhere, by turns.

use super::figure::{Figure, least_and_median, tell};
use super::options::Options;
use super::rig::{Ran, Rig, Simulator, Told};
use super::shop::{self, QUERY};
use crate::Failure;
use crate::shell::{Shell, say};

const BENCH: &str = "plan";
/// So many that what is sent does not wait for their limits: that is no matter of the plan.
const SHARDS: u32 = 256;

/// What the model holds this time, and what a run has to find in it.
struct Case {
    name: &'static str,
    /// What `customers` is.
    view: &'static str,
    changed: fn(u64) -> u64,
    /// What the log keeps of a row. With values it shows what a change replaces, which has to be read.
    log: &'static str,
    connections: u32,
}

const ORDERED: &str = "select * from ordered";
const CHANGED: &str = "select id, uid, email, name, age + (id % 100 = 0)::int age, balance, active, updated_at, attrs, \
                       note from ordered";

/// By turns, so that each of them follows what it is compared with. Every other change takes back the one before.
const CASES: [Case; 7] = [
    Case { name: "no change, the order of last time", view: ORDERED, changed: |_| 0, log: FULL, connections: 1 },
    Case {
        name: "no change, another order",
        view: "select * from shuffled",
        changed: |_| 0,
        log: FULL,
        connections: 1,
    },
    Case { name: "no change, two connections", view: ORDERED, changed: |_| 0, log: FULL, connections: 2 },
    Case { name: "1 % changed", view: CHANGED, changed: hundredth, log: FULL, connections: 1 },
    Case { name: "1 % changed back", view: ORDERED, changed: hundredth, log: FULL, connections: 1 },
    Case { name: "1 % changed, values not logged", view: CHANGED, changed: hundredth, log: OUTCOMES, connections: 1 },
    Case {
        name: "1 % changed back, values not logged",
        view: ORDERED,
        changed: hundredth,
        log: OUTCOMES,
        connections: 1,
    },
];

const FULL: &str = "log: { rows: full }";
const OUTCOMES: &str = "log: { rows: outcomes }";

const fn hundredth(rows: u64) -> u64 {
    rows / 100
}

/// Of a case: seconds of whole runs, of their parts until records were sent, and of the copies beside them.
#[derive(Default)]
struct Measured {
    whole: Vec<f64>,
    /// How fast a sink takes records is no matter of the plan.
    planned: Vec<f64>,
    psql: Vec<f64>,
    peak: u64,
}

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let options = Options::read(BENCH, 5_000_000, arguments)?;
    let rig = Rig::open(shell, "bench-plan")?;
    let shuffled = "create table shuffled as select * from ordered order by md5(id::text); vacuum analyze shuffled";
    rig.fill(&format!("{}; {shuffled}; checkpoint", shop::rows("ordered", options.rows)))?;
    rig.forget()?;
    let simulator = rig.simulator(SHARDS, false)?;
    say("\n==> a run of a model without rows, and one that takes all rows for acknowledged");
    show(&rig, "select * from ordered where false")?;
    let idle = rig.run("a run without rows", &shop::sync("nothing", simulator.address, &[]), &[])?;
    show(&rig, CASES[0].view)?;
    rig.run("all rows for the first time", &shop::sync("customers", simulator.address, &[FULL]), &["--reset"])?;
    let mut figures = Vec::new();
    let mut measured: [Measured; CASES.len()] = Default::default();
    for time in 1..=options.times {
        say(&format!("\n==> {time} of {}", options.times));
        for (case, found) in CASES.iter().zip(&mut measured) {
            show(&rig, case.view)?;
            found.psql.push(rig.copy(QUERY)?.wall.as_secs_f64());
            let (ran, told) = one(&rig, case, options.rows, &simulator)?;
            found.peak = ran.peak.max(found.peak);
            found.whole.push(told.time.as_secs_f64());
            let sent = told.phase("sending").filter(|_| told.planned > 0);
            found.planned.extend(sent.map(|after| after.as_secs_f64()));
        }
    }
    for (case, Measured { whole, planned, psql, peak }) in CASES.iter().zip(&measured) {
        figures.extend(least_and_median(BENCH, case.name, "s", whole, psql));
        if !planned.is_empty() {
            let name = format!("{}, until sending began", case.name);
            figures.extend(least_and_median(BENCH, &name, "s", planned, psql));
        }
        let above = peak.saturating_sub(idle.peak) as f64 / f64::from(1 << 20);
        figures.push(Figure::new(BENCH, format!("{}, memory above idle", case.name), above, "MiB"));
    }
    tell(&figures, options.json);
    Ok(())
}

fn one(rig: &Rig<'_>, case: &Case, rows: u64, simulator: &Simulator) -> Result<(Ran, Told), Failure> {
    let sync = shop::sync_through(case.connections, "customers", simulator.address, &[case.log]);
    let ran = rig.run(case.name, &sync, &[])?;
    let told = rig.told()?;
    let (wanted, planned) = ((case.changed)(rows), told.planned);
    if planned != wanted {
        return Err(Failure::bench("compare", format!("{planned} changes were found where there are {wanted}")));
    }
    say(&format!("        {told}"));
    Ok((ran, told))
}

fn show(rig: &Rig<'_>, view: &str) -> Result<(), Failure> {
    rig.source(&format!("create or replace view customers as {view}"))
}
