//! What benches of runs stand on: a PostgreSQL with the source and the store, the program, and a simulator in a process of
//! its own, so that what the program itself needs can be told apart.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use embedded::{Cluster, Settings};
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;

use super::http::Connection;
use super::place::{build, target};
use crate::shell::{Shell, describe, say, seconds};
use crate::{Failure, setup};

const SHOP: &str = "shop";
pub(super) const STREAM: &str = "customers";
const STORE: &str = "rowcast";
/// How often the memory of a process is looked at.
const LOOK: Duration = Duration::from_millis(10);

pub(super) struct Rig<'a> {
    cluster: Cluster,
    pub(super) folder: PathBuf,
    shell: &'a Shell,
    runtime: Runtime,
    program: PathBuf,
    simulator: PathBuf,
}

/// A process that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ran {
    pub(super) wall: Duration,
    /// Processor time.
    pub(super) worked: Duration,
    /// The most memory that it had, in bytes.
    pub(super) peak: u64,
}

/// What the store says of the newest run.
pub(super) struct Told {
    /// Of its attempt.
    pub(super) time: Duration,
    pub(super) planned: u64,
    pub(super) delivered: u64,
    /// Puts of records.
    pub(super) throttled: u64,
    /// What AWS would charge for, by the account of the run.
    pub(super) billed: Billed,
    /// What the shards with most of each have got.
    pub(super) fullest_records: f64,
    pub(super) fullest_bytes: f64,
    /// When each phase began, from the start on.
    pub(super) phases: Vec<(String, Duration)>,
    pub(super) logged: String,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Billed {
    pub(super) records: f64,
    pub(super) payload_units: f64,
    pub(super) on_demand_bytes: f64,
}

/// A shard, as the simulator tells of it.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct ShardLoad {
    pub(super) open: bool,
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// Puts of records.
    pub(super) throttled: u64,
    pub(super) first_ms: Option<u64>,
    pub(super) last_ms: Option<u64>,
}

/// Stopped when it goes.
pub(super) struct Simulator {
    process: Child,
    pub(super) address: SocketAddr,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn failed<E: Into<Failed>>(step: &'static str) -> impl Fn(E) -> Failure + Copy {
    move |source| Failure::bench(step, source)
}

impl<'a> Rig<'a> {
    pub(super) fn open(shell: &'a Shell, folder: &str) -> Result<Self, Failure> {
        setup::run(shell)?;
        let program = build(shell, false)?;
        let folder = shell.root().join("target/xtask").join(folder);
        fs::create_dir_all(&folder).map_err(failed("create its folder"))?;
        let extra = [("shared_buffers", "256MB"), ("max_wal_size", "4GB")];
        let settings = Settings {
            extra: extra.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..setup::settings(shell, folder.join("postgres"))
        };
        say("\n==> start the PostgreSQL of the bench");
        let cluster = embedded::start(&settings)?;
        let runtime = Runtime::new().map_err(failed("start a runtime"))?;
        let simulator = target(shell).join("release/examples/serve");
        Ok(Self { cluster, folder, shell, runtime, program, simulator })
    }

    /// Statements for the source, one transaction each.
    pub(super) fn source(&self, script: &str) -> Result<(), Failure> {
        for statement in script.split(';') {
            self.runtime.block_on(self.cluster.run_script(SHOP, statement, "prepare the source"))?;
        }
        Ok(())
    }

    /// Makes the source, unless it is there from an earlier bench of the same script.
    pub(super) fn fill(&self, script: &str) -> Result<(), Failure> {
        let marker = self.folder.join("filled.sql");
        if fs::read_to_string(&marker).is_ok_and(|known| known == script) {
            return Ok(());
        }
        // It may not be there.
        fs::remove_file(&marker).unwrap_or_default();
        say("\n==> fill the source");
        let started = Instant::now();
        self.runtime.block_on(self.cluster.drop_database(SHOP))?;
        self.runtime.block_on(self.cluster.create_database(SHOP))?;
        self.source(script)?;
        fs::write(&marker, script).map_err(failed("note what the source holds"))?;
        say(&format!("    done in {}", seconds(started.elapsed())));
        Ok(())
    }

    pub(super) fn source_url(&self) -> String {
        self.cluster.url(SHOP)
    }

    /// An empty store and an empty home, so that what follows has nothing to do with what was before.
    pub(super) fn forget(&self) -> Result<(), Failure> {
        self.runtime.block_on(self.cluster.drop_database(STORE))?;
        self.runtime.block_on(self.cluster.create_database(STORE))?;
        let home = self.home();
        // It may not be there.
        fs::remove_dir_all(&home).unwrap_or_default();
        fs::create_dir_all(&home).map_err(failed("create a home"))
    }

    fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// A simulator with the stream. Without limits, unless `limited`.
    pub(super) fn simulator(&self, shards: u32, limited: bool) -> Result<Simulator, Failure> {
        let simulator = Simulator::start(self.shell, &self.simulator)?;
        self.runtime.block_on(simulator.prepare(shards, limited)).map_err(failed("prepare the stream"))?;
        Ok(simulator)
    }

    /// Runs the sync of a file once, with whatever arguments else.
    pub(super) fn run(&self, what: &str, sync: &str, arguments: &[&str]) -> Result<Ran, Failure> {
        let run = self.command("sync.yaml", sync, arguments)?;
        self.measure(what, run)
    }

    /// Runs syncs once, at the same time, each in a process of its own; and does something else meanwhile.
    pub(super) fn run_several(
        &self,
        syncs: &[String],
        meanwhile: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut processes = Vec::new();
        for (number, sync) in syncs.iter().enumerate() {
            let mut command = self.command(&format!("sync-{number}.yaml"), sync, &[])?;
            let text = describe(&command);
            let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
            let process = process.map_err(|source| Failure::Run { command: text.clone(), source })?;
            processes.push((text, process));
        }
        let mut done = meanwhile();
        for (command, mut process) in processes {
            let status = process.wait().map_err(|source| Failure::Run { command: command.clone(), source })?;
            if !status.success() && done.is_ok() {
                let step = "several syncs at once".to_owned();
                done = Err(Failure::Step { step, command, status: status.to_string() });
            }
        }
        done
    }

    /// One call of the simulator, as an owner of the stream makes it.
    pub(super) fn ask(&self, simulator: &Simulator, operation: &str, body: &str) -> Result<(), Failure> {
        let asked = self.runtime.block_on(simulator.call(operation, body));
        asked.map_err(failed("change the stream"))
    }

    /// What was put into the shards of the stream so far, closed ones included.
    pub(super) fn shards(&self, simulator: &Simulator) -> Result<Vec<ShardLoad>, Failure> {
        self.runtime.block_on(simulator.shards()).map_err(failed("ask for the shards"))
    }

    fn command(&self, file: &str, sync: &str, arguments: &[&str]) -> Result<Command, Failure> {
        let file = self.folder.join(file);
        fs::write(&file, sync).map_err(failed("describe the sync"))?;
        let mut run = self.shell.command(&self.program.display().to_string(), &["run"]);
        run.arg(&file).arg("--json").arg("--home").arg(self.home()).args(arguments);
        run.env("DATABASE_URL", self.cluster.url(STORE)).env("SHOP_URL", self.cluster.url(SHOP)).env("KEY", "bench");
        Ok(run)
    }

    /// Runs a command, and says what it took.
    pub(super) fn measure(&self, what: &str, mut command: Command) -> Result<Ran, Failure> {
        let text = describe(&command);
        let unable = |source| Failure::Run { command: text.clone(), source };
        let (before, started) = (children(), Instant::now());
        let said = self.folder.join("said.json");
        let output = fs::File::create(&said).map_err(unable)?;
        let mut process = command.stdin(Stdio::null()).stdout(output).spawn().map_err(unable)?;
        let mut peak = 0;
        let status = loop {
            if let Some(status) = process.try_wait().map_err(unable)? {
                break status;
            }
            peak = peak_of(process.id()).unwrap_or(peak);
            std::thread::sleep(LOOK);
        };
        let ran = Ran { wall: started.elapsed(), worked: children().saturating_sub(before), peak };
        if !status.success() {
            say(&fs::read_to_string(said).unwrap_or_default());
            return Err(Failure::Step { step: what.to_owned(), command: text, status: status.to_string() });
        }
        let (wall, worked) = (ran.wall.as_secs_f64(), ran.worked.as_secs_f64());
        say(&format!("    {what}: {wall:.2} s, its CPU {worked:.2} s, {} MiB at most", peak >> 20));
        Ok(ran)
    }

    pub(super) fn told(&self) -> Result<Told, Failure> {
        let told = self.runtime.block_on(told(&self.cluster.url(STORE)));
        told.map_err(failed("ask the store"))
    }

    /// Copies what a query of the source returns to nowhere, the way that costs PostgreSQL and its client least.
    pub(super) fn copy(&self, query: &str) -> Result<Ran, Failure> {
        let psql = self.cluster.binaries().folder.join("psql");
        let psql = if psql.is_file() { psql } else { PathBuf::from("psql") };
        let mut command = self.shell.command(&psql.display().to_string(), &["--no-psqlrc", "--quiet"]);
        command.arg(self.source_url()).arg("--command").arg(format!("copy ({query}) to stdout (format binary)"));
        self.measure("psql, copied to nowhere", command)
    }
}

impl Told {
    /// When a phase began, if it did.
    pub(super) fn phase(&self, name: &str) -> Option<Duration> {
        self.phases.iter().find(|(phase, _)| phase == name).map(|(_, after)| *after)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s", self.time.as_secs_f64())?;
        self.phases.iter().try_for_each(|(phase, after)| write!(f, ", {phase} from {:.2} s", after.as_secs_f64()))?;
        write!(f, "; {}", self.logged)
    }
}

async fn told(store: &str) -> Result<Told, Failed> {
    let (client, connection) = tokio_postgres::connect(store, NoTls).await?;
    let connection = tokio::spawn(connection);
    let run = "select extract(epoch from ended_at - started_at)::float8, state, (counts->>'planned')::bigint,
                      extract(epoch from started_at)::float8, coalesce(report->'phases', '[]')::text,
                      coalesce((counts->>'delivered')::bigint, 0), coalesce((report->>'throttled_puts')::bigint, 0),
                      coalesce((select max((value->>'records')::float8) from jsonb_each(report->'shards')), 0),
                      coalesce((select max((value->>'bytes')::float8) from jsonb_each(report->'shards')), 0),
                      coalesce((report->'delivered'->>'records')::float8, 0),
                      coalesce((report->'delivered'->>'payload_units')::float8, 0),
                      coalesce((report->'delivered'->>'on_demand_bytes')::float8, 0)
               from run where ended_at is not null order by id desc limit 1";
    let run = client.query_one(run, &[]).await?;
    let (state, began, phases): (String, f64, String) = (run.get(1), run.get(3), run.get(4));
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
    Ok(Told {
        time: Duration::from_secs_f64(run.get(0)),
        planned: u64::try_from(run.get::<_, Option<i64>>(2).unwrap_or_default()).unwrap_or_default(),
        delivered: u64::try_from(run.get::<_, i64>(5)).unwrap_or_default(),
        throttled: u64::try_from(run.get::<_, i64>(6)).unwrap_or_default(),
        billed: Billed { records: run.get(9), payload_units: run.get(10), on_demand_bytes: run.get(11) },
        fullest_records: run.get(7),
        fullest_bytes: run.get(8),
        phases: phase_times(&phases, began),
        logged: format!("{objects} objects, {entries} outcomes of {each:.1} bytes, {} KiB of calls", calls / 1024),
    })
}

fn phase_times(phases: &str, began: f64) -> Vec<(String, Duration)> {
    #[derive(serde::Deserialize)]
    struct Phase {
        phase: String,
        started_at: f64,
    }
    let phases: Vec<Phase> = serde_json::from_str(phases).unwrap_or_default();
    let after = |phase: &Phase| Duration::from_secs_f64((phase.started_at / 1_000.0 - began).max(0.0));
    phases.iter().map(|phase| (phase.phase.clone(), after(phase))).collect()
}

impl Simulator {
    fn start(shell: &Shell, program: &Path) -> Result<Self, Failure> {
        let mut command = shell.command(&program.display().to_string(), &[]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut simulator = Self { process: process.map_err(failed("start the simulator"))?, address: nowhere };
        let mut line = String::new();
        if let Some(output) = simulator.process.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(failed("start the simulator"))?;
        }
        let address = line.trim().strip_prefix("http://").and_then(|address| address.parse().ok());
        simulator.address =
            address.ok_or_else(|| Failure::bench("start the simulator", format!("it says {line:?}")))?;
        Ok(simulator)
    }

    async fn prepare(&self, shards: u32, limited: bool) -> Result<(), Failed> {
        if !limited {
            let json = "content-type: application/json\r\n";
            let none = r#"{"records_per_second": null, "bytes_per_second": null}"#;
            self.post("/_simulator/limits", json, none).await?;
        }
        self.call("CreateStream", &format!(r#"{{"StreamName": "{STREAM}", "ShardCount": {shards}}}"#)).await
    }

    async fn call(&self, operation: &str, body: &str) -> Result<(), Failed> {
        let head = format!(
            "content-type: application/x-amz-json-1.1\r\nx-amz-target: Kinesis_20131202.{operation}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=BENCH/20260101/eu-central-1/kinesis/aws4_request, \
             SignedHeaders=host, Signature=00\r\n"
        );
        self.post("/", &head, body).await
    }

    async fn shards(&self) -> Result<Vec<ShardLoad>, Failed> {
        let mut connection = Connection::open(self.address).await?;
        let path = format!("/_simulator/streams/{STREAM}/shards");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        match connection.ask(&request).await? {
            200 => Ok(serde_json::from_str(&connection.text())?),
            status => Err(format!("{path} was answered with {status}: {}", connection.text()).into()),
        }
    }

    async fn post(&self, path: &str, head: &str, body: &str) -> Result<(), Failed> {
        let (address, length) = (self.address, body.len());
        let mut connection = Connection::open(address).await?;
        let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{head}content-length: {length}\r\n\r\n");
        let status = connection.ask(&(head + body)).await?;
        if (200..300).contains(&status) {
            return Ok(());
        }
        Err(format!("{path} was answered with {status}: {}", connection.text()).into())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Whether it had ended before is of no interest.
        self.process.kill().unwrap_or_default();
        self.process.wait().map(|_| ()).unwrap_or_default();
    }
}

/// Processor time of the children that have ended, in the hundredths of a second of the system.
fn children() -> Duration {
    let told = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before may hold spaces.
    let fields = told.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(13).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

/// The most memory that a process has had so far, in bytes. One that has just ended has none.
fn peak_of(process: u32) -> Option<u64> {
    let told = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kib = told.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?;
    Some(kib.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_of_a_run_are_told_from_its_start_on() {
        let phases = r#"[{"phase": "reading", "started_at": 100250}, {"phase": "comparing", "started_at": 101000}]"#;
        let told = phase_times(phases, 100.0);
        let wanted = [("reading", Duration::from_millis(250)), ("comparing", Duration::from_secs(1))];
        assert_eq!(told, wanted.map(|(phase, after)| (phase.to_owned(), after)));
    }

    #[test]
    fn this_process_has_memory_and_one_that_is_not_there_has_none() {
        assert!(peak_of(std::process::id()).unwrap() > 1 << 20);
        assert_eq!(peak_of(u32::MAX), None);
    }
}
