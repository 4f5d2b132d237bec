//! A process of the service.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::Command;

use super::{PATIENCE, World, set, until};

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_rowcast-under-test");

/// How one process is started.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    command: &'static str,
    config: Vec<(String, Value)>,
    environment: Vec<(String, String)>,
    wait: bool,
}

impl Start {
    pub(crate) fn all() -> Self {
        Self::command("all")
    }

    pub(crate) fn serve() -> Self {
        Self::command("serve")
    }

    pub(crate) fn worker() -> Self {
        Self::command("worker")
    }

    fn command(command: &'static str) -> Self {
        Self { command, config: Vec::new(), environment: Vec::new(), wait: true }
    }

    /// A setting of this process alone.
    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config.push((key.to_owned(), value.into()));
        self
    }

    /// A variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `name:nth:error|panic|exit`, with a name of `runner::fail_point::ALL`.
    pub(crate) fn fail_point(self, fail_point: &str) -> Self {
        self.env("ROWCAST_FAIL_POINT", fail_point)
    }

    /// Comes back at once: for starts that are to fail, or while the database is away.
    pub(crate) fn without_waiting(self) -> Self {
        Self { wait: false, ..self }
    }
}

/// Killed when it is dropped.
pub(crate) struct Process {
    process: tokio::process::Child,
    log: PathBuf,
    command: &'static str,
    url: String,
    inner_url: String,
}

impl Process {
    pub(super) async fn start(world: &World, start: Start) -> Self {
        let name = format!("{}-{}", world.next_number(), start.command);
        let mut config = world.config.clone();
        // Two processes of one machine could share it; apart, it is seen who left something.
        set(&mut config, "scratch.folder", world.home().join(format!("scratch-{name}")).to_str().into());
        for (key, value) in &start.config {
            set(&mut config, key, value.clone());
        }
        let config_file = world.home().join(format!("{name}.yaml"));
        fs::write(&config_file, format!("{config:#}")).unwrap();
        let logs = world.home().join("logs");
        fs::create_dir_all(&logs).unwrap();
        let log = logs.join(format!("{name}.log"));
        let process = Command::new(PROGRAM)
            .args([start.command, "--config"])
            .arg(&config_file)
            .arg("--home")
            .arg(world.home().join("home"))
            .current_dir(world.home())
            .env_clear()
            .env("RUST_BACKTRACE", "0")
            .env("ROWCAST_DATABASE__URL", world.database.api_url())
            .env("ROWCAST_DATABASE__WORKER_URL", world.database.worker_url())
            .env("ROWCAST_MASTER_KEYS__VALUE", &world.master_keys)
            .env("ROWCAST_AWS__SECRET_ACCESS_KEY", "secret-of-the-service-itself")
            .envs(start.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut started = Self { process, log, command: start.command, url: String::new(), inner_url: String::new() };
        if start.wait {
            started.until_ready().await;
        }
        started
    }

    /// Where the API is: `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        assert!(!self.url.is_empty(), "`rowcast {}` serves no API, or was not waited for", self.command);
        &self.url
    }

    /// Where `/metrics`, `/healthz` and `/readyz` are.
    pub(crate) fn inner_url(&self) -> &str {
        &self.inner_url
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id().expect("it has ended")
    }

    /// Its log so far: a JSON object a line.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// `kill -9`, also of one that is stopped.
    pub(crate) async fn kill(mut self) {
        // An error means that it has ended already, which its status tells.
        drop(self.process.start_kill());
        let status = self.ended().await;
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "it had ended before: {status}");
    }

    /// SIGTERM, then waits for the end of the drain.
    pub(crate) async fn terminate(mut self) {
        self.signal(Signal::TERM);
        let status = self.ended().await;
        assert!(status.success(), "{status}; it said:\n{}", self.log());
    }

    /// `Signal::STOP` and `Signal::CONT` suspend it and let it go on.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        ended.unwrap_or_else(|_| panic!("it did not end in {PATIENCE:?}; it said:\n{}", self.log())).unwrap()
    }

    /// Its addresses are in its log, because the system chose the ports.
    pub(crate) async fn until_ready(&mut self) {
        let serves = self.command != "worker";
        until("the process to be ready", async || {
            let log = self.log();
            assert!(!self.has_ended(), "`rowcast {}` ended at its start; it said:\n{log}", self.command);
            self.inner_url = address(&log, "metrics and health")?;
            self.url = if serves { address(&log, "serving")? } else { String::new() };
            let ready = super::Client::new(&self.inner_url).try_send("GET", "/readyz", None, &[]).await;
            ready.is_ok_and(|answer| answer.status == 200).then_some(())
        })
        .await;
    }
}

/// What the line with this message names.
fn address(log: &str, message: &str) -> Option<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.into_iter().find(|line| line["message"] == message)?;
    Some(format!("http://{}", line["address"].as_str()?))
}
