//! What the debug log costs: a first run with every row logged beside the same run without, by turns; and how long it
//! takes to find one key among many outcomes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use embedded::{Cluster, Settings};
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;

use super::http::Connection;
use super::place::build;
use crate::shell::{Shell, say, seconds};
use crate::{Failure, setup};

const SHOP: &str = "shop";
const STORE: &str = "rowcast";
const STREAM: &str = "customers";
const SHARDS: u32 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Options {
    rows: u64,
    pairs: u32,
    outcomes: u64,
    runs: u32,
}

/// One first run.
struct Measured {
    /// Of its attempt, as the store says.
    time: Duration,
    /// Processor time of the worker alone, which says more than `time` where others use the machine.
    worker: Duration,
    logged: String,
}

struct Place {
    runtime: Runtime,
    cluster: Cluster,
    program: PathBuf,
    simulator: PathBuf,
    folder: PathBuf,
}

/// Stopped when it goes.
struct Simulator(Child);

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let options = options(arguments)?;
    if options.rows > 0 {
        setup::run(shell)?;
        let place = Place::open(shell)?;
        place.fill(options.rows)?;
        let mut pairs = Vec::new();
        for pair in 0..options.pairs {
            // By turns, and each of the two is first as often as the other.
            let (one, other) = if pair % 2 == 0 { ("none", "full") } else { ("full", "none") };
            let measured = (place.first_run(shell, one)?, place.first_run(shell, other)?);
            pairs.push(if pair % 2 == 0 { measured } else { (measured.1, measured.0) });
        }
        say(&table(&pairs, options.rows));
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
    let mut options = Options { rows: 1_000_000, pairs: 3, outcomes: 20_000_000, runs: 1 };
    let refused = || Failure::Usage { given: format!("bench debuglog {}", arguments.join(" ")) };
    for option in arguments.chunks(2) {
        let number: u64 = option.get(1).and_then(|text| text.parse().ok()).ok_or_else(refused)?;
        match option[0].as_str() {
            "--rows" => options.rows = number,
            "--pairs" if number > 0 => options.pairs = u32::try_from(number).map_err(|_| refused())?,
            "--outcomes" => options.outcomes = number,
            "--runs" if number > 0 => options.runs = u32::try_from(number).map_err(|_| refused())?,
            _ => return Err(refused()),
        }
    }
    Ok(options)
}

fn failed(step: &'static str) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> Failure + Copy {
    move |source| Failure::bench(step, source)
}

impl Place {
    fn open(shell: &Shell) -> Result<Self, Failure> {
        let program = build(shell, false)?;
        shell.step(
            "build the simulator",
            shell.cargo(&["build", "--release", "-p", "simulator", "--example", "serve"]),
        )?;
        let folder = shell.root().join("target/xtask/bench-log");
        fs::create_dir_all(&folder).map_err(|source| Failure::bench("create its folder", source))?;
        let extra = [("shared_buffers", "256MB"), ("max_wal_size", "4GB")];
        let settings = Settings {
            extra: extra.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..setup::settings(shell, folder.join("postgres"))
        };
        say("\n==> start the PostgreSQL of the bench");
        let cluster = embedded::start(&settings)?;
        let runtime = Runtime::new().map_err(|source| Failure::bench("start a runtime", source))?;
        let simulator = shell.root().join("target/release/examples/serve");
        Ok(Self { runtime, cluster, program, simulator, folder })
    }

    /// Rows of seven columns, about 150 bytes each.
    fn fill(&self, rows: u64) -> Result<(), Failure> {
        self.runtime.block_on(self.cluster.drop_database(SHOP))?;
        self.runtime.block_on(self.cluster.create_database(SHOP))?;
        let fill = format!(
            "create table customers as
             select n::bigint id, 'user' || n || '@example.com' email, 'Ada ' || md5(n::text) name,
                    (array['free', 'team', 'enterprise'])[1 + n % 3] plan, 'active' state,
                    (n % 10000000)::numeric / 100 balance, timestamptz '2026-11-01' + n * interval '1 second' updated_at
             from generate_series(1, {rows}) n;
             vacuum analyze customers"
        );
        for statement in fill.split(';') {
            self.runtime.block_on(self.cluster.run_script(SHOP, statement, "fill the source"))?;
        }
        Ok(())
    }

    /// A store, a stream and a home of its own, so that no run has anything to do with another.
    fn first_run(&self, shell: &Shell, rows: &str) -> Result<Measured, Failure> {
        self.runtime.block_on(self.cluster.drop_database(STORE))?;
        self.runtime.block_on(self.cluster.create_database(STORE))?;
        let (simulator, address) = Simulator::start(shell, &self.simulator)?;
        self.runtime.block_on(prepare(address)).map_err(failed("prepare the stream"))?;
        let home = self.folder.join("home");
        // It may not be there.
        fs::remove_dir_all(&home).unwrap_or_default();
        fs::create_dir_all(&home).map_err(|source| Failure::bench("create a home", source))?;
        let file = home.join("customers.yaml");
        fs::write(&file, sync(address, rows)).map_err(|source| Failure::bench("describe the sync", source))?;
        let mut run = shell.command(&self.program.display().to_string(), &["run"]);
        run.arg(&file).arg("--json").arg("--home").arg(&home);
        run.env("DATABASE_URL", self.cluster.url(STORE)).env("SHOP_URL", self.cluster.url(SHOP)).env("KEY", "bench");
        let before = children();
        shell.step(&format!("a first run, rows: {rows}"), run)?;
        let worker = children().saturating_sub(before);
        drop(simulator);
        let (time, logged) = self.runtime.block_on(self.told()).map_err(failed("ask the store"))?;
        say(&format!("    {rows}: {}, the worker alone {}; {logged}", seconds(time), seconds(worker)));
        Ok(Measured { time, worker, logged })
    }

    /// What the store says of the run.
    async fn told(&self) -> Result<(Duration, String), Box<dyn std::error::Error + Send + Sync>> {
        let (client, connection) = tokio_postgres::connect(&self.cluster.url(STORE), NoTls).await?;
        let connection = tokio::spawn(connection);
        let run = "select extract(epoch from ended_at - started_at)::float8, state from run where ended_at is not null";
        let run = client.query_one(run, &[]).await?;
        let state: String = run.get(1);
        if state != "succeeded" {
            return Err(format!("the run ended as {state}").into());
        }
        let sizes = "select coalesce(sum(bytes) filter (where kind = 'rows'), 0)::bigint,
                            coalesce(sum(entries) filter (where kind = 'rows'), 0)::bigint,
                            coalesce(sum(bytes) filter (where kind = 'calls'), 0)::bigint, count(*) from log_object";
        let sizes = client.query_one(sizes, &[]).await?;
        let (rows, entries, calls, objects): (i64, i64, i64, i64) =
            (sizes.get(0), sizes.get(1), sizes.get(2), sizes.get(3));
        connection.abort();
        let each = rows as f64 / entries.max(1) as f64;
        let text = format!("{objects} objects, {entries} outcomes of {each:.1} bytes, {} KiB of calls", calls / 1024);
        Ok((Duration::from_secs_f64(run.get(0)), text))
    }
}

impl Simulator {
    fn start(shell: &Shell, program: &Path) -> Result<(Self, SocketAddr), Failure> {
        let mut command = shell.command(&program.display().to_string(), &[]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut simulator = Self(child.map_err(|source| Failure::bench("start the simulator", source))?);
        let mut line = String::new();
        if let Some(output) = simulator.0.stdout.take() {
            BufReader::new(output)
                .read_line(&mut line)
                .map_err(|source| Failure::bench("start the simulator", source))?;
        }
        let address = line.trim().strip_prefix("http://").and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| Failure::bench("start the simulator", format!("it says {line:?}")))?;
        Ok((simulator, address))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Whether it had ended before is of no interest.
        self.0.kill().unwrap_or_default();
        self.0.wait().map(|_| ()).unwrap_or_default();
    }
}

/// No limits, and a stream.
async fn prepare(address: SocketAddr) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut connection = Connection::open(address).await?;
    let signed = "authorization: AWS4-HMAC-SHA256 Credential=BENCH/20260101/eu-central-1/kinesis/aws4_request, \
                  SignedHeaders=host, Signature=00\r\n";
    let create = format!(r#"{{"StreamName": "{STREAM}", "ShardCount": {SHARDS}}}"#);
    for (path, head, body) in [
        (
            "/_simulator/limits",
            "content-type: application/json\r\n".to_owned(),
            r#"{"records_per_second": null, "bytes_per_second": null}"#,
        ),
        (
            "/",
            format!(
                "content-type: application/x-amz-json-1.1\r\nx-amz-target: Kinesis_20131202.CreateStream\r\n{signed}"
            ),
            &create,
        ),
    ] {
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
        let status = connection.ask(&request).await?;
        if !(200..300).contains(&status) {
            return Err(format!("{path} was answered with {status}: {}", connection.text()).into());
        }
    }
    Ok(())
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

/// Processor time of the children that have ended, in the hundredths of a second of the system.
fn children() -> Duration {
    let told = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before may hold spaces.
    let fields = told.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(13).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

fn table(pairs: &[(Measured, Measured)], rows: u64) -> String {
    let mut text = format!("\n==> a first run of {rows} rows, without and with every row in the debug log\n");
    text.push_str("    rows/s without     with    ratio     worker's CPU without     with    ratio\n");
    let (mut times, mut workers) = (Vec::new(), Vec::new());
    for (none, full) in pairs {
        let per_second = |one: &Measured| rows as f64 / one.time.as_secs_f64();
        let (time, worker) =
            (per_second(full) / per_second(none), full.worker.as_secs_f64() / none.worker.as_secs_f64());
        text.push_str(&format!(
            "    {:>14.0} {:>8.0} {time:>8.3} {:>22.1} s {:>6.1} s {worker:>8.3}\n",
            per_second(none),
            per_second(full),
            none.worker.as_secs_f64(),
            full.worker.as_secs_f64()
        ));
        times.push(time);
        workers.push(worker);
    }
    let (time, worker) = (median(times), median(workers));
    let logged = pairs.last().map_or("", |(_, full)| &*full.logged);
    text.push_str(&format!("    median: throughput {time:.3} (at least 0.900 is wanted), CPU {worker:.3}; {logged}\n"));
    text
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_others_refused() {
        let read = |text: &str| options(&text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>());
        let whole = Options { rows: 1_000_000, pairs: 3, outcomes: 20_000_000, runs: 1 };
        assert_eq!(read("").unwrap(), whole);
        assert_eq!(read("--rows 5 --outcomes 0").unwrap(), Options { rows: 5, outcomes: 0, ..whole });
        for wrong in ["--rows", "--rows x", "--pairs 0", "--quick 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
