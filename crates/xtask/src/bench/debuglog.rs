//! What the debug log costs: a first run with the outcomes of every row, and with their values besides, beside the same run
//! without, by turns; and how long it takes to find one key among many outcomes.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use super::figure::median;
use super::rig::{Rig, STREAM};
use crate::Failure;
use crate::shell::{Shell, say, seconds};

const SHARDS: u32 = 4;
/// What the log has of each row. The others are compared with the first.
const LEVELS: [&str; 3] = ["none", "outcomes", "full"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Options {
    rows: u64,
    times: u32,
    outcomes: u64,
    runs: u32,
}

/// One first run.
#[derive(Default)]
struct Measured {
    /// Of its attempt, as the store says.
    time: Duration,
    /// Processor time of the worker alone, which says more than `time` where others use the machine.
    worker: Duration,
    logged: String,
}

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let options = options(arguments)?;
    if options.rows > 0 {
        let rig = Rig::open(shell, "bench-log")?;
        rig.fill(&fill(options.rows))?;
        let mut rounds = Vec::new();
        for round in 0..options.times {
            // By turns, and each of them is first as often as the others.
            let mut measured = [const { None }; LEVELS.len()];
            for at in 0..LEVELS.len() {
                let level = (at + round as usize) % LEVELS.len();
                measured[level] = Some(first_run(&rig, LEVELS[level])?);
            }
            rounds.push(measured.map(Option::unwrap_or_default));
        }
        say(&table(&rounds, options.rows));
    }
    if options.outcomes > 0 {
        let (outcomes, runs) = (options.outcomes.to_string(), options.runs.to_string());
        let folder = shell.root().join("target/xtask/bench-log");
        fs::create_dir_all(&folder).map_err(|source| Failure::bench("create its folder", source))?;
        let mut find = shell.cargo(&["bench", "--package", "testkit", "--bench", "find", "--"]);
        find.args(["--outcomes", &outcomes, "--runs", &runs, "--folder"]).arg(folder);
        shell.step("find one key among many outcomes", find)?;
    }
    Ok(())
}

fn options(arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options { rows: 1_000_000, times: 3, outcomes: 20_000_000, runs: 1 };
    let refused = || Failure::Usage { given: format!("bench debuglog {}", arguments.join(" ")) };
    for option in arguments.chunks(2) {
        let number: u64 = option.get(1).and_then(|text| text.parse().ok()).ok_or_else(refused)?;
        match option[0].as_str() {
            "--rows" => options.rows = number,
            "--times" if number > 0 => options.times = u32::try_from(number).map_err(|_| refused())?,
            "--outcomes" => options.outcomes = number,
            "--runs" if number > 0 => options.runs = u32::try_from(number).map_err(|_| refused())?,
            _ => return Err(refused()),
        }
    }
    Ok(options)
}

/// Rows of seven columns, about 150 bytes each.
fn fill(rows: u64) -> String {
    format!(
        "create table customers as
         select n::bigint id, 'user' || n || '@example.com' email, 'Ada ' || md5(n::text) name,
                (array['free', 'team', 'enterprise'])[1 + n % 3] plan, 'active' state,
                (n % 10000000)::numeric / 100 balance, timestamptz '2026-11-01' + n * interval '1 second' updated_at
         from generate_series(1, {rows}) n;
         vacuum analyze customers"
    )
}

/// A store, a stream and a home of its own, so that no run has anything to do with another.
fn first_run(rig: &Rig<'_>, rows: &str) -> Result<Measured, Failure> {
    rig.forget()?;
    let simulator = rig.simulator(SHARDS, false)?;
    let worker = rig.run(&format!("a first run, rows: {rows}"), &sync(simulator.address, rows), &[])?.worked;
    let told = rig.told()?;
    let (time, logged) = (told.time, told.logged);
    say(&format!("    {rows}: {}, the worker alone {}; {logged}", seconds(time), seconds(worker)));
    Ok(Measured { time, worker, logged })
}

fn sync(address: SocketAddr, rows: &str) -> String {
    format!(
        r#"name: customers
source:
  postgres:
    url: {{ env: SHOP_URL }}
model:
  query: select id, email, name, plan, state, balance, updated_at from customers
  key: [id]
destination:
  region: eu-central-1
  endpoint: http://{address}
  credentials:
    access_key:
      access_key_id: {{ env: KEY }}
      secret_access_key: {{ env: KEY }}
sync:
  stream: {STREAM}
  message:
    json: |
      {{
        "type": {{{{ op }}}}, "id": {{{{ row.id }}}}, "email": {{{{ row.email }}}}, "name": {{{{ row.name }}}},
        "plan": {{{{ row.plan }}}}, "state": {{{{ row.state }}}}, "balance": {{{{ row.balance }}}},
        "updated_at": {{{{ row.updated_at }}}},
        "event": {{ "id": {{{{ event.id }}}}, "sequence": {{{{ event.sequence }}}} }}
      }}
  partition_key: {{ column: id }}
  log: {{ rows: {rows} }}
"#
    )
}

fn table(rounds: &[[Measured; LEVELS.len()]], rows: u64) -> String {
    let mut text = format!("\n==> a first run of {rows} rows, by what the debug log has of each\n");
    text.push_str("    rows          rows/s    ratio     worker's CPU a row    ratio\n");
    let (mut speeds, mut costs) = ([const { Vec::new() }; LEVELS.len()], [const { Vec::new() }; LEVELS.len()]);
    for round in rounds {
        for (at, (level, measured)) in LEVELS.iter().zip(round).enumerate() {
            let speed = round[0].time.as_secs_f64() / measured.time.as_secs_f64();
            let cost = measured.worker.as_secs_f64() / round[0].worker.as_secs_f64();
            text.push_str(&format!(
                "    {level:<9} {:>10.0} {speed:>8.3} {:>19.1} us {cost:>8.3}\n",
                rows as f64 / measured.time.as_secs_f64(),
                measured.worker.as_secs_f64() * 1e6 / rows as f64,
            ));
            speeds[at].push(speed);
            costs[at].push(cost);
        }
    }
    for (at, level) in LEVELS.iter().enumerate().skip(1) {
        let logged = rounds.last().map_or("", |round| &*round[at].logged);
        let (speed, cost) = (median(&speeds[at]), median(&costs[at]));
        text.push_str(&format!("    {level}, median: throughput {speed:.3}, CPU {cost:.3}; {logged}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_others_refused() {
        let read = |text: &str| options(&text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>());
        let whole = Options { rows: 1_000_000, times: 3, outcomes: 20_000_000, runs: 1 };
        assert_eq!(read("").unwrap(), whole);
        assert_eq!(read("--rows 5 --outcomes 0").unwrap(), Options { rows: 5, outcomes: 0, ..whole });
        for wrong in ["--rows", "--rows x", "--times 0", "--quick 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
