use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// Where commands run and what they are told.
pub(crate) struct Shell {
    root: PathBuf,
}

impl Shell {
    pub(crate) fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: folder.ancestors().nth(2).unwrap_or(folder).to_owned() }
    }

    /// The folder of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A command in the repository's folder.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// Cargo as it would run for a user: a statement is checked against `.sqlx`, not against some database, and tests
    /// never find the user's own.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let program = variable("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root);
        command.env_remove("DATABASE_URL").env("SQLX_OFFLINE", "true");
        // Cargo tells us about our own package. Some build scripts depend on such variables: with them they, and all that
        // needs them, would be built again whenever cargo is called from here and not by hand.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Announces a step and runs its command, whose output goes to the terminal.
    pub(crate) fn step(&self, step: &str, mut command: Command) -> Result<(), Failure> {
        announce(step, &command);
        let started = Instant::now();
        let status = command.status().map_err(|source| Failure::Run { command: describe(&command), source })?;
        finish(step, &command, started, status)
    }

    /// The same, and adds the lines that the command printed to `lines`, for a closing summary.
    pub(crate) fn step_into(&self, lines: &mut Vec<String>, step: &str, mut command: Command) -> Result<(), Failure> {
        announce(step, &command);
        let started = Instant::now();
        let text = describe(&command);
        let failed = |source| Failure::Run { command: text.clone(), source };
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).split(b'\n') {
                let line = String::from_utf8_lossy(&line.map_err(failed)?).into_owned();
                println!("{line}");
                lines.push(line);
            }
        }
        let status = child.wait().map_err(failed)?;
        finish(step, &command, started, status)
    }
}

/// Whether a command runs and succeeds; its output is of no interest.
pub(crate) fn succeeds(mut command: Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Tells the user something about the step that follows.
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// A command as a user would type it.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A variable of the environment; an empty one counts as missing.
#[expect(clippy::disallowed_methods, reason = "set-up asks the environment what there is")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn announce(step: &str, command: &Command) {
    println!("\n==> {step}: {}", describe(command));
}

fn finish(step: &str, command: &Command, started: Instant, status: std::process::ExitStatus) -> Result<(), Failure> {
    if status.success() {
        println!("    {step}: done in {}", seconds(started.elapsed()));
        return Ok(());
    }
    println!("    {step}: FAILED after {}", seconds(started.elapsed()));
    Err(Failure::Step { step: step.to_owned(), command: describe(command), status: status.to_string() })
}
