use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Error;

const SCRIPT: &str = include_str!("supervisor.sh");

/// How long a start may take; crash recovery of a large database takes a while.
const START: Duration = Duration::from_secs(120);

/// A little longer than the script takes to come to SIGKILL.
const STOP: Duration = Duration::from_secs(35);

const POLL: Duration = Duration::from_millis(5);

/// A running server and the small shell that outlives us just long enough to end it.
#[derive(Debug)]
pub(crate) struct Supervisor {
    shell: Child,
    pipe: Option<ChildStdin>,
    pid: String,
}

impl Supervisor {
    /// Starts `server` (already set to run as its user), with its messages in `log`.
    pub(crate) fn spawn(mut shell: Command, server: Vec<std::ffi::OsString>, log: &Path) -> Result<Self, Error> {
        let output = File::create(log).map_err(Error::io("create", log))?;
        shell.args(["-c", SCRIPT, "rowcast-postgres"]).args(server);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(output);
        // A Ctrl-C at the terminal goes to a whole process group. It is for us: the server ends after us.
        shell.process_group(0);
        let failed = |source| Error::Run { program: "sh".to_owned(), source };
        let mut shell = shell.spawn().map_err(failed)?;
        let pipe = shell.stdin.take();
        let mut pid = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout).read_line(&mut pid).map_err(failed)?;
        }
        Ok(Self { shell, pipe, pid: pid.trim().to_owned() })
    }

    /// Blocks until the server accepts connections, which it writes into its `postmaster.pid`.
    pub(crate) fn wait_until_ready(&mut self, data: &Path, log: PathBuf) -> Result<(), Error> {
        let deadline = Instant::now() + START;
        loop {
            let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            let mut lines = state.lines();
            // Line 1 is the process, line 8 its state. The file of a crashed predecessor has another process.
            if lines.next() == Some(&self.pid) && lines.nth(6).is_some_and(|state| state.trim() == "ready") {
                return Ok(());
            }
            if self.has_ended() {
                let tail = tail(&log);
                return Err(Error::Ended { log, tail });
            }
            if Instant::now() > deadline {
                let tail = tail(&log);
                return Err(Error::NotReady { log, seconds: START.as_secs(), tail });
            }
            std::thread::sleep(POLL);
        }
    }

    /// Whether the server has ended, by itself or because it was told to.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.shell.try_wait(), Ok(None))
    }

    pub(crate) fn pid(&self) -> &str {
        &self.pid
    }

    /// Ends the server: SIGINT, then SIGQUIT, then SIGKILL, sent by the script when the pipe closes. Blocks until it
    /// has ended; false if that cannot be seen.
    pub(crate) fn stop(&mut self) -> bool {
        drop(self.pipe.take());
        let deadline = Instant::now() + STOP;
        while !self.has_ended() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(POLL);
        }
        true
    }
}

/// The last lines of the log.
fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
