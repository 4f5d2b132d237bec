//! Engines as processes: each reads cases on lines and answers them on lines.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// No case takes an engine this long.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Engine {
    name: &'static str,
    command: Command,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Output(String),
    Error(String),
}

impl Engine {
    pub(crate) fn ours() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rowcast-under-test"));
        command.args(["template", "render", "--batch", "--text"]);
        Self { name: "rowcast", command }
    }

    /// `python` is a Python that has python-liquid.
    pub(crate) fn python(python: &OsStr) -> Self {
        let mut command = Command::new(python);
        command.arg(folder().join("reference.py")).env("TZ", "UTC");
        Self { name: "python-liquid", command }
    }

    /// `package` is the folder of the package.
    pub(crate) fn liquidjs(package: &OsStr) -> Self {
        let mut command = Command::new("node");
        command.arg(folder().join("reference.cjs")).arg(package).env("TZ", "UTC");
        Self { name: "LiquidJS", command }
    }

    pub(crate) fn answers(mut self, lines: Vec<String>) -> Vec<Answer> {
        let command = self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let count = lines.len();
        // An engine that died closes its input; its missing answers tell.
        let writer = std::thread::spawn(move || lines.iter().try_for_each(|line| writeln!(input, "{line}")));
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || BufReader::new(output).lines().try_for_each(|line| sender.send(line)));
        let mut answers = Vec::with_capacity(count);
        while answers.len() < count {
            match receiver.recv_timeout(PATIENCE) {
                Ok(line) => answers.push(Answer::read(&line.unwrap())),
                Err(error) => {
                    child.kill().unwrap();
                    panic!("{} did not answer case {}: {error}", self.name, answers.len());
                }
            }
        }
        writer.join().unwrap().unwrap();
        assert!(child.wait().unwrap().success(), "{}", self.name);
        answers
    }
}

impl Answer {
    fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        match (value["output"].as_str(), value["error"].as_str()) {
            (Some(output), None) => Self::Output(output.to_owned()),
            (None, Some(error)) => Self::Error(error.to_owned()),
            _ => panic!("an answer is an output or an error: {line}"),
        }
    }

    pub(crate) const fn is_output(&self) -> bool {
        matches!(self, Self::Output(_))
    }

    pub(crate) const fn is_error(&self) -> bool {
        !self.is_output()
    }

    /// Nothing if it is an error.
    pub(crate) fn text(&self) -> &str {
        if let Self::Output(output) = self { output } else { "" }
    }

    pub(crate) fn error(&self) -> Option<&str> {
        if let Self::Error(error) = self { Some(error) } else { None }
    }

    /// Errors are alike, whatever they say.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Output(one), Self::Output(other)) => one == other,
            (Self::Error(_), Self::Error(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(output) => write!(f, "{output:?}"),
            Self::Error(error) => write!(f, "error: {}", error.lines().next().unwrap_or_default()),
        }
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/template")
}
