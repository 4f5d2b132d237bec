//! Everything around the service and the service itself, for one test:
//!
//! ```text
//! let world = World::start(Settings::default()).await;        // database, simulator, folders; no process yet
//! let all = world.all().await;                                // or world.serve() and world.worker(), any number of each
//! let ann = Customer::sign_up(all.url()).await;               // owner of a workspace of her own, with an API key
//! let shop = world.shop("create table items (id bigint primary key, body text not null)").await;  // her PostgreSQL
//! let sync = ann.sync(&world, &shop, "select id, body from items", json!({})).await;  // source, model, destination, sync
//! let run = ann.trigger(&sync, json!({"kind": "normal"})).await;
//! let run = ann.ended(&run).await;                            // polls, with a deadline
//! assert_eq!((run["state"].as_str(), world.simulator.record_count(STREAM)), (Some("succeeded"), 7));
//! all.terminate().await;                                      // or kill(), signal(..); dropping kills
//! ```
//!
//! `Settings::set("worker.lease", "10s")` changes any setting of `rowcast.example.yaml` for all processes, and
//! `world.start_process(Start::worker().set(..).fail_point(..))` for one. `world.database` is the service's own PostgreSQL: by default
//! one that all tests of this process share, in which the world has a database; with `Settings::own_cluster()` a durable
//! one of its own, that `stop` and `start` take away and bring back. What a process wrote to its log is `process.log()`.
//!
//! Nothing listens beyond 127.0.0.1, every wait has a deadline (`until`), every process is killed with its value.

mod client;
mod customer;
mod database;
mod process;
mod shop;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Config, Handle, Limits};
use tempfile::TempDir;

pub(crate) use client::{Answer, Client};
pub(crate) use customer::Customer;
pub(crate) use database::Database;
pub(crate) use process::{Process, Start};
pub(crate) use shop::Shop;

/// The stream that there is from the start.
pub(crate) const STREAM: &str = "items";
pub(crate) const REGION: &str = "eu-central-1";
/// As whom the service assumes roles.
pub(crate) const PRINCIPAL: &str = "arn:aws:iam::111122223333:user/rowcast";
const ACCESS_KEY: &str = "AKIATHESERVICEITSELF";
/// Nothing that a test waits for may take longer, on a machine as busy as can be.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Fields drop in this order: the simulator may go at any time, a database goes after those who use it.
pub(crate) struct World {
    pub(crate) simulator: Handle,
    /// The service's own.
    pub(crate) database: Database,
    home: TempDir,
    master_keys: String,
    config: Value,
    number: AtomicU32,
}

/// What differs from a service with short times on which everybody may sign up and nobody gets to a limit.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    config: Vec<(String, Value)>,
    limits: Option<Limits>,
    own_cluster: bool,
}

impl Settings {
    /// As in the configuration file, such as `worker.lease`.
    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config.push((key.to_owned(), value.into()));
        self
    }

    /// Of the shards of the simulator, which have none by default.
    pub(crate) fn limits(self, limits: Limits) -> Self {
        Self { limits: Some(limits), ..self }
    }

    /// A durable PostgreSQL for this world alone, which can be stopped, restarted and killed. Costs about two seconds.
    pub(crate) fn own_cluster(self) -> Self {
        Self { own_cluster: true, ..self }
    }
}

/// Tests that keep the whole machine at work take turns: beside another of them, an answer may take longer than a service
/// waits for its database.
pub(crate) async fn turn() -> tokio::sync::MutexGuard<'static, ()> {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    TURN.lock().await
}

impl World {
    pub(crate) async fn start(settings: Settings) -> Self {
        let limits = settings.limits.unwrap_or_else(Limits::off);
        let simulator = simulator::start(Config { limits, ..Config::default() }).await.unwrap();
        simulator.create_stream(STREAM, 2).unwrap();
        simulator.put_principal(ACCESS_KEY, PRINCIPAL);
        // As root, PostgreSQL runs as another user, who has to pass.
        let home = tempfile::Builder::new().prefix("rowcast-service-").tempdir().unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o711)).unwrap();
        let database = match settings.own_cluster {
            true => Database::own(&home.path().join("postgres")).await,
            false => Database::shared().await,
        };
        let mut config = config(home.path(), simulator.endpoint());
        for (key, value) in &settings.config {
            set(&mut config, key, value.clone());
        }
        let master_keys = new_master_key();
        Self { simulator, database, home, master_keys, config, number: AtomicU32::new(0) }
    }

    /// `rowcast all`: API and worker in one process.
    pub(crate) async fn all(&self) -> Process {
        self.start_process(Start::all()).await
    }

    /// `rowcast serve`: one more API process.
    pub(crate) async fn serve(&self) -> Process {
        self.start_process(Start::serve()).await
    }

    /// `rowcast worker`: one more worker.
    pub(crate) async fn worker(&self) -> Process {
        self.start_process(Start::worker()).await
    }

    /// Starts a process and waits until it is ready.
    pub(crate) async fn start_process(&self, start: Start) -> Process {
        Process::start(self, start).await
    }

    /// A customer's PostgreSQL with these tables.
    pub(crate) async fn shop(&self, setup: &str) -> Shop {
        Shop::new(setup).await
    }

    /// Below it `objects` has whatever the service keeps beside its database, and `logs` what processes said.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// All files of the object storage.
    pub(crate) fn objects(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.home().join("objects")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => found.push(path),
                }
            }
        }
        found
    }

    /// The line with which secrets are sealed.
    pub(crate) fn master_keys(&self) -> &str {
        &self.master_keys
    }

    fn next_number(&self) -> u32 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }
}

/// Asks until there is an answer; `what` is told when none ever comes.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// JSON is YAML, so this is a configuration file too.
fn config(home: &Path, simulator: &str) -> Value {
    let often = "1000000/1s";
    json!({
        "database": {"connections": 10, "worker_connections": 12},
        "objects": {"folder": home.join("objects")},
        "http": {
            "listen": "127.0.0.1:0", "public_url": "https://rowcast.example",
            "rate_per_address": often, "rate_of_attempts": often, "rate_per_account": often,
            "rate_per_credential": often, "rate_per_workspace": often,
        },
        "accounts": {"sign_up": "open"},
        "worker": {"lease": "3s", "settling": "1s", "window_time": "500ms", "window_records": 1000, "drain": "5s"},
        "egress": {"allow": ["127.0.0.0/8"]},
        "aws": {
            "identity": "access-key", "access_key_id": ACCESS_KEY, "principal_arn": PRINCIPAL,
            "sts_endpoint": simulator, "allow_endpoint_override": true,
        },
        "log": {"format": "json", "level": "debug"},
        "metrics": {"listen": "127.0.0.1:0"},
    })
}

fn set(config: &mut Value, key: &str, value: Value) {
    let (section, name) = key.split_once('.').unwrap_or_else(|| panic!("`{key}` is no `section.name`"));
    config[section][name] = value;
}

fn new_master_key() -> String {
    let output = std::process::Command::new(process::PROGRAM).args(["keys", "new"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
