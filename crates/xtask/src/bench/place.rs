//! A database with a million runs, kept in `target/xtask/bench` for the next time, and the service in front of it.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use embedded::{Cluster, Settings};
use tokio::runtime::Runtime;

use crate::shell::{Shell, describe, say, seconds, variable};
use crate::{Failure, setup};

pub(super) const WORKSPACES: u64 = 1000;
pub(super) const SYNCS: u64 = 10_000;
const DATABASE: &str = "rowcast";
const FILL: &str = include_str!("fill.sql");
const PATIENCE: Duration = Duration::from_secs(60);
/// A load figure tells of the service, not of its limits.
const NO_LIMIT: &str = "1000000/1s";

pub(super) struct Place {
    root: PathBuf,
    cluster: Cluster,
    service: Service,
}

struct Service {
    process: Child,
    address: SocketAddr,
}

/// Builds the program; its path. The simulator is always built with it: apart, the two would take features of shared
/// packages in turns, and Cargo would build those anew each time.
pub(super) fn build(shell: &Shell, dev: bool) -> Result<PathBuf, Failure> {
    let mut arguments = vec!["build", "-p", "server", "-p", "simulator", "--bin", "rowcast", "--example", "serve"];
    if !dev {
        arguments.push("--release");
    }
    let step = if dev { "build" } else { "build (optimized: the first time takes many minutes)" };
    shell.step(step, shell.cargo(&arguments))?;
    Ok(target(shell).join(if dev { "debug" } else { "release" }).join("rowcast"))
}

/// Where Cargo builds.
pub(super) fn target(shell: &Shell) -> PathBuf {
    variable("CARGO_TARGET_DIR").map_or_else(|| shell.root().join("target"), |folder| shell.root().join(folder))
}

impl Place {
    pub(super) fn open(shell: &Shell, runtime: &Runtime, program: &Path) -> Result<Self, Failure> {
        let folder = shell.root().join("target/xtask/bench");
        fs::create_dir_all(&folder).map_err(|source| Failure::bench("create its folder", source))?;
        let extra = [("shared_buffers", "512MB"), ("max_wal_size", "4GB"), ("max_connections", "100")];
        let settings = Settings {
            extra: extra.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..setup::settings(shell, folder.join("postgres"))
        };
        say("\n==> start the PostgreSQL of the bench");
        let cluster = embedded::start(&settings)?;
        let url = cluster.url(DATABASE);
        let known = kind_of_data(&shell.root().join("migrations"))?;
        let marker = folder.join("prepared");
        if fs::read_to_string(&marker).ok().as_ref() != Some(&known) {
            fs::remove_file(&marker).unwrap_or_default();
            prepare(shell, runtime, &cluster, program)?;
            fs::write(&marker, known).map_err(|source| Failure::bench("note what was prepared", source))?;
        }
        // As if no bench had been before.
        let reset = "delete from run where state = 'queued'; truncate run_event, audit_entry, idempotency; checkpoint";
        runtime.block_on(cluster.run_script(DATABASE, reset, "what an earlier bench left"))?;
        let service = Service::start(shell, program, &folder.join("home"), &url)?;
        Ok(Self { root: shell.root().to_owned(), cluster, service })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.service.address
    }

    pub(super) fn database_url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// The one that the service runs to list the runs of a workspace.
    pub(super) fn listing_statement(&self) -> Result<String, Failure> {
        #[derive(serde::Deserialize)]
        struct Query {
            query: String,
        }
        let failed = |source| Failure::bench("read .sqlx/", source);
        for entry in self.root.join(".sqlx").read_dir().map_err(failed)? {
            let text = fs::read_to_string(entry.map_err(failed)?.path()).map_err(failed)?;
            let query: Query = serde_json::from_str(&text).map_err(|source| Failure::bench("read .sqlx/", source))?;
            let line = query.query.split_whitespace().collect::<Vec<_>>().join(" ");
            if line.contains("from run r left join lateral") && line.contains("r.workspace_id = $1 and r.id < $2") {
                return Ok(line);
            }
        }
        Err(failed(std::io::Error::other("the statement that lists runs is not there; change bench/place.rs")))
    }
}

impl Service {
    fn start(shell: &Shell, program: &Path, home: &Path, database: &str) -> Result<Self, Failure> {
        let failed = |source| Failure::bench("start the service", source);
        let key = program_command(shell, program, &["keys", "new"]).stdout(Stdio::piped()).output().map_err(failed)?;
        let mut command = program_command(shell, program, &["serve"]);
        command.arg("--home").arg(home).stderr(Stdio::piped());
        for (name, value) in [
            ("DATABASE__URL", database),
            ("MASTER_KEYS__VALUE", String::from_utf8_lossy(&key.stdout).trim()),
            ("HTTP__LISTEN", "127.0.0.1:0"),
            ("HTTP__RATE_PER_ADDRESS", NO_LIMIT),
            ("HTTP__RATE_PER_CREDENTIAL", NO_LIMIT),
            ("HTTP__RATE_PER_WORKSPACE", NO_LIMIT),
            ("LOG__FORMAT", "json"),
        ] {
            command.env(format!("ROWCAST_{name}"), value);
        }
        say(&format!("\n==> start the service: {}", describe(&command)));
        let mut process = command.spawn().map_err(failed)?;
        let log = process.stderr.take();
        // From here on it ends with the value.
        let mut service = Self { process, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            // Its log is read to the end, or it would stop to wait for us.
            for line in log.into_iter().flat_map(|log| BufReader::new(log).lines()).map_while(Result::ok) {
                tell.send(line).unwrap_or_default();
            }
        });
        let deadline = Instant::now() + PATIENCE;
        let mut said = String::new();
        loop {
            let Ok(line) = told.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                return Err(failed(std::io::Error::other(format!("it does not serve, and says:\n{said}"))));
            };
            if let Some(address) = serving_at(&line) {
                service.address = address;
                return Ok(service);
            }
            said.push_str(&line);
            said.push('\n');
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Whether it had ended before is of no interest.
        self.process.kill().unwrap_or_default();
        self.process.wait().map(|_| ()).unwrap_or_default();
    }
}

/// The service by its own rules, however this process was started.
fn program_command(shell: &Shell, program: &Path, arguments: &[&str]) -> Command {
    let mut command = shell.command(&program.display().to_string(), arguments);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// The address in the line of its log that says so.
fn serving_at(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("\"serving\"").and_then(|_| line.split_once("\"address\":\""))?;
    rest.split('"').next()?.parse().ok()
}

/// Takes a minute.
fn prepare(shell: &Shell, runtime: &Runtime, cluster: &Cluster, program: &Path) -> Result<(), Failure> {
    runtime.block_on(cluster.drop_database(DATABASE))?;
    runtime.block_on(cluster.create_database(DATABASE))?;
    let mut migrate = program_command(shell, program, &["migrate"]);
    migrate.env("ROWCAST_DATABASE__URL", cluster.url(DATABASE)).env("HOME", shell.root().join("target/xtask/bench"));
    shell.step("migrate", migrate)?;
    say("\n==> write 1,000 workspaces and 1,000,000 runs (a minute)");
    let started = Instant::now();
    runtime.block_on(cluster.run_script(DATABASE, FILL, "fill the database"))?;
    runtime.block_on(cluster.run_script(DATABASE, "vacuum analyze", "analyze the database"))?;
    say(&format!("    done in {}", seconds(started.elapsed())));
    Ok(())
}

/// Changes with what the data depends on.
fn kind_of_data(migrations: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::bench("read migrations/", source);
    let entries = migrations.read_dir().map_err(failed)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(failed)?;
    paths.sort();
    let mut hasher = DefaultHasher::new();
    FILL.hash(&mut hasher);
    for path in paths {
        fs::read(path).map_err(failed)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// As `fill.sql` makes them.
pub(super) fn uuid(kind: u32, number: u64) -> String {
    format!("{kind:08x}-0000-7000-8000-{number:012x}")
}

pub(super) fn id(prefix: &str, kind: u32, number: u64) -> String {
    format!("{prefix}_{}", uuid(kind, number).replace('-', ""))
}

pub(super) fn api_key(workspace: u64) -> String {
    format!("rc_live_{}_{workspace:043}", uuid(2, workspace).replace('-', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_script_and_the_address_is_found_in_the_log() {
        assert_eq!(uuid(7, 1_000_000), "00000007-0000-7000-8000-0000000f4240");
        assert_eq!(api_key(12).len(), 84);
        let line = r#"{"level":"INFO","fields":{"message":"serving","address":"127.0.0.1:4711","public_url":"x"}}"#;
        assert_eq!(serving_at(line), Some("127.0.0.1:4711".parse().unwrap()));
        assert_eq!(serving_at(&line.replace("serving", "metrics and health")), None);
    }
}
