mod for_tests;
mod web;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use embedded::{Binaries, Settings};

use crate::Failure;
use crate::shell::{Shell, describe, say, succeeds, variable};

pub(crate) use for_tests::{aws_kinesis_agg, boto3, duckdb, liquidjs, python_liquid, schemathesis};
pub(crate) use web::{chromium, web};

/// The npm packages that hold PostgreSQL for each platform; no rights are needed to install one.
const NPM_VERSION: &str = "18.4.0-beta.17";

/// Finds or installs what the product and its tests need, says what it does, and returns the folder of PostgreSQL.
pub(crate) fn run(shell: &Shell) -> Result<Binaries, Failure> {
    say("==> set-up");
    c_compiler(shell)?;
    postgres(shell)
}

/// What `embedded` needs to know to find the PostgreSQL of this machine, or the one that `run` has installed.
pub(crate) fn settings(shell: &Shell, home: PathBuf) -> Settings {
    Settings {
        pg_bin: variable("PG_BIN").map(PathBuf::from),
        path: variable("PATH"),
        npm_roots: vec![npm_root(shell), shell.root().to_owned()],
        ignore_system: ignores_system(),
        ..Settings::new(home)
    }
}

/// Two of our dependencies are written in C.
fn c_compiler(shell: &Shell) -> Result<(), Failure> {
    if compiles() {
        say("    C compiler: found");
        return Ok(());
    }
    if is_root() && apt(shell, "C compiler", &["build-essential"]) && compiles() {
        return Ok(());
    }
    Err(Failure::Missing { what: "a C compiler", command: with_sudo("apt-get install -y build-essential") })
}

fn compiles() -> bool {
    let mut command = Command::new("cc");
    command.args(["-fsyntax-only", "-x", "c", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut input) = child.stdin.take() {
        // The compiler may be gone already; its status tells.
        input.write_all(b"#include <stdlib.h>\nint main(void) { return 0; }\n").unwrap_or_default();
    }
    child.wait().is_ok_and(|status| status.success())
}

fn postgres(shell: &Shell) -> Result<Binaries, Failure> {
    let settings = settings(shell, PathBuf::new());
    let search = || embedded::find_binaries(&settings);
    match search() {
        Ok(found) => return Ok(report(found)),
        // The user named a folder, and it is wrong: that is not for us to mend.
        Err(error @ embedded::Error::WrongBinaries { .. }) => return Err(error.into()),
        Err(_) => {}
    }
    let tries: [fn(&Shell) -> bool; 2] =
        [|shell| is_root() && !ignores_system() && apt(shell, "PostgreSQL", &["postgresql"]), |shell| npm(shell)];
    for install in tries {
        if install(shell)
            && let Ok(found) = search()
        {
            return Ok(report(found));
        }
    }
    Err(Failure::Missing { what: "PostgreSQL 14 or newer", command: with_sudo("apt-get install -y postgresql") })
}

fn report(found: Binaries) -> Binaries {
    say(&format!("    PostgreSQL: found {} in {}", found.version, found.folder.display()));
    found
}

/// Installs packages of a Debian-like system. Whoever has no rights or no apt-get is told elsewhere what to do.
fn apt(shell: &Shell, what: &str, packages: &[&str]) -> bool {
    if !succeeds(shell.command("apt-get", &["--version"])) {
        return false;
    }
    let mut update = shell.command("apt-get", &["update", "-q"]);
    let mut install = shell.command("apt-get", &["install", "-y", "-q", "--no-install-recommends"]);
    install.args(packages);
    for command in [&mut update, &mut install] {
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    }
    say(&format!("    {what}: not found; installing it with {}", describe(&install)));
    // An old list of packages often is good enough.
    if let Err(failure) = shell.step("update the list of packages", update) {
        say(&format!("    {failure}; trying with the list that is there"));
    }
    shell.step("install packages", install).is_ok()
}

/// Installs PostgreSQL below the repository.
fn npm(shell: &Shell) -> bool {
    let Some(platform) = platform() else { return false };
    if !succeeds(shell.command("npm", &["--version"])) {
        return false;
    }
    let package = format!("@embedded-postgres/{platform}");
    let root = npm_root(shell);
    let root_text = root.display().to_string();
    let versioned = format!("{package}@{NPM_VERSION}");
    let install =
        shell.command("npm", &["install", "--no-save", "--no-audit", "--no-fund", "--prefix", &root_text, &versioned]);
    say(&format!("    PostgreSQL: not found; installing it with {}", describe(&install)));
    if std::fs::create_dir_all(&root).is_err() || shell.step("install the package", install).is_err() {
        return false;
    }
    // Packages cannot hold links, so a script makes them. Newer versions of npm do not run it by themselves.
    let folder = root.join("node_modules").join(package);
    let mut links = shell.command("node", &["scripts/hydrate-symlinks.js"]);
    links.current_dir(folder);
    embedded::find_binaries(&settings(shell, PathBuf::new())).is_ok() || succeeds(links)
}

fn npm_root(shell: &Shell) -> PathBuf {
    shell.root().join(".rowcast").join("postgres")
}

fn platform() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux-x64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        ("macos", "x86_64") => Some("darwin-x64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        _ => None,
    }
}

fn ignores_system() -> bool {
    variable("ROWCAST_IGNORE_SYSTEM_POSTGRES").is_some()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn with_sudo(command: &str) -> String {
    if is_root() { command.to_owned() } else { format!("sudo {command}") }
}
