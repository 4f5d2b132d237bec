//! The program under test, as a process of its own.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::Command;

use crate::place::Place;
use crate::waiting::{PATIENCE, until};

/// How a child is started; the defaults fit a clean run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// In seconds. A short one is waited for by the next run, a long one is cut by `Place::expire_leases`.
    pub(crate) lease: f64,
    /// `name:nth:mode`.
    pub(crate) fail_point: Option<String>,
    /// Run again for rows that wait for puts which may still be applied.
    pub(crate) wait: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { lease: 20.0, fail_point: None, wait: true }
    }
}

/// A running child. It is killed when this is dropped.
pub(crate) struct Child {
    process: tokio::process::Child,
    output: PathBuf,
}

/// What is left of a child.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// One report for each run, as the program printed them.
    pub(crate) reports: Vec<Value>,
    pub(crate) errors: String,
}

impl Child {
    pub(crate) fn start(place: &Place, options: &Options) -> Self {
        let output = place.home().join(format!("output-{}", place.next_number()));
        let file = |suffix: &str| Stdio::from(File::create(output.with_extension(suffix)).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_rowcast-under-test"));
        command
            .arg("run")
            .arg(place.sync_file())
            .arg("--json")
            .arg("--home")
            .arg(place.home())
            .args(["--window", &place.window().to_string()])
            .args(["--lease", &options.lease.to_string()])
            .args(["--settling", &place.settling().as_secs_f64().to_string()])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .env_remove("DATABASE_URL")
            .env_remove("ROWCAST_HOME")
            .env_remove("ROWCAST_FAIL_POINT")
            .env("RUST_BACKTRACE", "0")
            .env("SHOP_DATABASE_URL", place.shop_url())
            .env("SHOP_KEY", "test")
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .kill_on_drop(true);
        if options.wait {
            command.arg("--wait");
        }
        if let Some(url) = place.store_url() {
            command.env("DATABASE_URL", url);
        }
        if let Some(fail_point) = &options.fail_point {
            command.env("ROWCAST_FAIL_POINT", fail_point);
        }
        Self { process: command.spawn().unwrap(), output }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// Waits until so many records of all runs have arrived, which has to happen before it ends.
    pub(crate) async fn until_arrived(&mut self, place: &Place, records: usize) {
        until("enough records or the end of the run", || place.arrived() >= records || self.has_ended()).await;
        assert!(place.arrived() >= records, "the run ended too early; it said:\n{}", self.errors());
    }

    /// `kill -9`. Whether it was still running.
    pub(crate) async fn kill(mut self) -> bool {
        // An error means that it has ended, which its status tells.
        drop(self.process.start_kill());
        let ended = self.ended().await;
        ended.status.signal() == Some(Signal::KILL.as_raw())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.process.id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// What it wrote to standard error so far.
    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(self.output.with_extension("err")).unwrap()
    }

    pub(crate) async fn ended(mut self) -> Ended {
        let Ok(status) = tokio::time::timeout(PATIENCE, self.process.wait()).await else {
            panic!("a run did not end in {PATIENCE:?}; it said:\n{}", self.errors());
        };
        let errors = self.errors();
        let output = fs::read_to_string(self.output.with_extension("out")).unwrap();
        let reports = output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ended { status: status.unwrap(), reports, errors }
    }
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The report of its last run.
    pub(crate) fn report(&self) -> &Value {
        self.reports.last().unwrap_or_else(|| panic!("it reported nothing: {}", self.errors))
    }

    /// A number of its last run, such as `planned`.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.report()["counts"][name].as_u64().unwrap()
    }
}
