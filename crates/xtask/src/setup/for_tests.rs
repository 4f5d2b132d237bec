//! What only tests and benches need. Each lives in a folder of its own below the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{apt, is_root, with_sudo};
use crate::Failure;
use crate::shell::{Shell, say, succeeds};

/// Checks the API against its OpenAPI document.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Reads the Parquet files of the debug log, as a customer's tools would.
const DUCKDB: &str = "duckdb==2.0.0";
/// The Liquid in Python, and all it stands on.
const PYTHON_LIQUID: &str = include_str!("python-liquid.txt");
/// Takes aggregated records apart, as functions of Lambda do. It does not say that it needs `six`.
const AGGREGATION: &str = "aws-kinesis-agg==1.2.3\nprotobuf==7.36.2\nsix==1.17.0";
/// What a user would put records with.
const BOTO3: &str = "boto3==1.44.5\npsycopg[binary]==3.3.9";
/// The Liquid in JavaScript, as npm locked it.
const LIQUIDJS: [(&str, &str); 2] = [
    ("package.json", include_str!("liquidjs/package.json")),
    ("package-lock.json", include_str!("liquidjs/package-lock.json")),
];

/// Finds or installs schemathesis, and returns its program.
pub(crate) fn schemathesis(shell: &Shell) -> Result<PathBuf, Failure> {
    Ok(python(shell, "schemathesis", SCHEMATHESIS)?.join("schemathesis"))
}

/// Finds or installs python-liquid, and returns the Python that has it.
pub(crate) fn python_liquid(shell: &Shell) -> Result<PathBuf, Failure> {
    Ok(python(shell, "python-liquid", PYTHON_LIQUID)?.join("python"))
}

/// Finds or installs DuckDB; the tests of `outcomes` know where it is.
pub(crate) fn duckdb(shell: &Shell) -> Result<(), Failure> {
    python(shell, "duckdb", DUCKDB).map(drop)
}

/// Finds or installs the de-aggregation library of AWS; the tests of `engine` know where it is.
pub(crate) fn aws_kinesis_agg(shell: &Shell) -> Result<(), Failure> {
    python(shell, "aws-kinesis-agg", AGGREGATION).map(drop)
}

/// Finds or installs boto3 and a client of PostgreSQL, and returns the Python that has them.
pub(crate) fn boto3(shell: &Shell) -> Result<PathBuf, Failure> {
    Ok(python(shell, "boto3", BOTO3)?.join("python"))
}

/// Finds or installs LiquidJS, and returns its folder; none where there is no Node or no network, which is no failure.
pub(crate) fn liquidjs(shell: &Shell) -> Option<PathBuf> {
    let root = shell.root().join(".rowcast").join("liquidjs");
    let package = root.join("node_modules").join("liquidjs");
    if !succeeds(shell.command("node", &["--version"])) || !succeeds(shell.command("npm", &["--version"])) {
        say("    LiquidJS: skipped, Node and its npm are not installed");
        return None;
    }
    let is_there = || package.is_dir() && LIQUIDJS.iter().all(|(name, text)| holds(&root.join(name), text));
    // Written at the end, so that half an installation is done anew.
    let done = root.join("installed");
    if done.is_file() && is_there() {
        say("    LiquidJS: found");
        return Some(package);
    }
    say(&format!("    LiquidJS: not found; installing it into {}", root.display()));
    let written = std::fs::create_dir_all(&root)
        .and_then(|()| LIQUIDJS.iter().try_for_each(|(name, text)| std::fs::write(root.join(name), text)));
    let text = root.display().to_string();
    let install = shell.command("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", &text]);
    let installed = written.is_ok() && shell.step("install LiquidJS", install).is_ok() && is_there();
    if installed && std::fs::write(done, "").is_ok() {
        return Some(package);
    }
    say("    LiquidJS: skipped, it could not be installed");
    None
}

/// A Python environment with the packages that `wanted` lists with their versions; returns its folder of programs.
fn python(shell: &Shell, name: &'static str, wanted: &str) -> Result<PathBuf, Failure> {
    let root = shell.root().join(".rowcast").join(name);
    let programs = root.join("bin");
    let python = programs.join("python");
    // Written when everything is there, so that half an installation is done anew.
    let list = root.join("installed.txt");
    if holds(&list, wanted) && runs(&python) {
        say(&format!("    {name}: found"));
        return Ok(programs);
    }
    let has_python = || succeeds(shell.command("python3", &["-c", "import venv, ensurepip"]));
    let install = || is_root() && apt(shell, "Python", &["python3", "python3-venv"]);
    let found = has_python() || install() && has_python();
    if !found {
        let command = with_sudo("apt-get install -y python3 python3-venv");
        return Err(Failure::Missing { what: "Python 3 with venv", command });
    }
    let (text, pip) = (root.display().to_string(), python.display().to_string());
    say(&format!("    {name}: not found; installing it into {text}"));
    let packages: Vec<&str> = wanted.lines().collect();
    let environment = shell.command("python3", &["-m", "venv", "--clear", &text]);
    let mut install = shell.command(&pip, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    install.args(&packages);
    let installed = shell.step("make a Python environment", environment).is_ok()
        && shell.step("install the packages", install).is_ok()
        && std::fs::write(&list, wanted).is_ok();
    let command = format!("python3 -m venv {text} && {pip} -m pip install {}", packages.join(" "));
    if installed { Ok(programs) } else { Err(Failure::Missing { what: name, command }) }
}

fn runs(program: &Path) -> bool {
    let mut command = Command::new(program);
    command.arg("--version");
    succeeds(command)
}

fn holds(path: &Path, text: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|found| found == text)
}
