use std::process::Command;
use std::time::Instant;

use embedded::Binaries;

use crate::shell::{Shell, say, seconds, succeeds, variable};
use crate::{Failure, mutants, setup};

/// What to do about a tool that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Install,
    Skip,
}

/// Sets up, then checks everything, or with arguments only runs the tests that they name. A failed step does not keep
/// the others from running, so that one run shows everything that is wrong.
pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let started = Instant::now();
    let long = arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--long");
    let filter: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| *argument != "--long").collect();
    let postgres = setup::run(shell)?;
    let (schemathesis, python_liquid) = (setup::schemathesis(shell)?, setup::python_liquid(shell)?);
    setup::duckdb(shell)?;
    setup::aws_kinesis_agg(shell)?;
    let liquidjs = setup::liquidjs(shell);
    let mut lines = Vec::new();
    let mut results = Vec::new();
    let mut pages = None;
    if filter.is_empty() {
        // Before the tests build the program, which embeds the pages.
        pages = Some(setup::web(shell));
        results.extend([format(shell), lints(shell), deny(shell, if long { Tool::Install } else { Tool::Skip })]);
    }
    let mut tests = tests(shell, &postgres, &filter, long);
    tests.env("ROWCAST_SCHEMATHESIS", schemathesis).env("ROWCAST_PYTHON_LIQUID", python_liquid);
    if let Some(package) = liquidjs {
        tests.env("ROWCAST_LIQUIDJS", package);
    }
    let tested = shell.step_into(&mut lines, "tests", tests);
    let summary = summary(&lines, tested.is_ok());
    results.push(tested);
    if let Some(built) = pages {
        results.extend(web(shell, built, &postgres));
    }
    if filter.is_empty() && long {
        results.push(mutants::run(shell, None));
    }
    say(&summary);
    conclude(results, started)
}

fn tests(shell: &Shell, postgres: &Binaries, filter: &[&str], long: bool) -> Command {
    let mut command = shell.cargo(&["test", "--no-fail-fast"]);
    if !filter.iter().any(|argument| ["-p", "--package"].contains(argument)) {
        command.arg("--workspace");
    }
    command.args(filter).env("PG_BIN", &postgres.folder);
    if variable("RUST_TEST_THREADS").is_none() {
        // Most of the long tests wait: for settling times, leases, other processes.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        command.env("RUST_TEST_THREADS", (2 * cores).to_string());
    }
    if long {
        command.env("ROWCAST_LONG", "1");
    }
    command
}

/// One process of the service at work for so many minutes.
pub(crate) fn soak(shell: &Shell, minutes: &str) -> Result<(), Failure> {
    let postgres = setup::run(shell)?;
    let filter = ["-p", "tests", "--test", "service", "soak", "--", "--nocapture"];
    let mut command = tests(shell, &postgres, &filter, false);
    command.env("ROWCAST_SOAK_MINUTES", minutes);
    shell.step("runs with faults", command)
}

/// The pages of the web UI: checked, tested, walked through. Their types are those of the API that the tests have built, and
/// the journeys go through the program that the tests have built.
fn web(shell: &Shell, built: Result<(), Failure>, postgres: &Binaries) -> Vec<Result<(), Failure>> {
    if built.is_err() {
        return vec![built];
    }
    let steps = [
        ("web: lints", "lint"),
        ("web: types", "types"),
        ("web: tests", "test"),
        ("web: the client fits the API", "api:check"),
        ("web: size of the first load", "budget"),
    ];
    let step = |(name, script): (&str, &str)| {
        let mut command = shell.command("npm", &["run", "--silent", script]);
        command.current_dir(shell.root().join("web"));
        shell.step(name, command)
    };
    let mut results: Vec<Result<(), Failure>> = steps.into_iter().map(step).collect();
    results.push(journeys(shell, postgres));
    results
}

/// In a browser, against the program with a PostgreSQL and the simulator. Playwright ends what takes too long.
fn journeys(shell: &Shell, postgres: &Binaries) -> Result<(), Failure> {
    let Some(chromium) = setup::chromium(shell) else {
        say("\n==> web: journeys: skipped, there is no Chromium");
        return Ok(());
    };
    let mut command = shell.command("npm", &["run", "--silent", "e2e"]);
    command.current_dir(shell.root().join("web")).env("PG_BIN", &postgres.folder).env("CHROMIUM", chromium);
    shell.step("web: journeys", command)
}

/// Names every step that failed; the first one is the result.
fn conclude(results: Vec<Result<(), Failure>>, started: Instant) -> Result<(), Failure> {
    let mut failures: Vec<Failure> = results.into_iter().filter_map(Result::err).collect();
    let time = seconds(started.elapsed());
    if failures.is_empty() {
        say(&format!("everything passed in {time}"));
        return Ok(());
    }
    say(&format!("after {time}:"));
    for failure in &failures {
        say(&format!("    {failure}"));
    }
    Err(failures.swap_remove(0))
}

/// Licenses, sources and banned crates. Advisories are checked where their database can be had: on GitHub.
pub(crate) fn deny(shell: &Shell, missing: Tool) -> Result<(), Failure> {
    let own = shell.root().join("target/tools");
    let program = own.join("bin/cargo-deny").display().to_string();
    let installed = |program: &str| succeeds(shell.command(program, &["--version"]));
    let program = if installed("cargo-deny") {
        "cargo-deny".to_owned()
    } else {
        if !installed(&program) {
            if missing == Tool::Skip {
                say("\n==> dependencies: skipped, cargo-deny is not installed (cargo xtask deny installs and runs it)");
                return Ok(());
            }
            let root = own.display().to_string();
            let install = shell.cargo(&["install", "cargo-deny", "--locked", "--root", &root]);
            shell.step("install cargo-deny (some minutes)", install)?;
        }
        program
    };
    let mut arguments = vec!["--all-features", "--config", ".deny.toml"];
    if missing == Tool::Skip {
        // Duplicate versions are worth a look now and then, not in every test run.
        arguments.extend(["--log-level", "error"]);
    }
    arguments.extend(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
    shell.step("dependencies", shell.command(&program, &arguments))
}

fn format(shell: &Shell) -> Result<(), Failure> {
    component(shell, "format", "rustfmt", shell.cargo(&["fmt", "--all", "--check"]))
}

/// Clippy needs the dependencies checked, not built, so it shares nothing with the tests but build scripts and macros;
/// running it first shows mistakes early.
fn lints(shell: &Shell) -> Result<(), Failure> {
    let command = shell.cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    component(shell, "lints", "clippy", command)
}

/// Runs a part of the Rust toolchain that a minimal installation does not have.
fn component(shell: &Shell, step: &str, name: &str, command: Command) -> Result<(), Failure> {
    let subcommand = if name == "rustfmt" { "fmt" } else { name };
    if !succeeds(shell.cargo(&[subcommand, "--version"])) {
        say(&format!("\n==> {step}: skipped, {name} is not installed (rustup component add {name} installs it)"));
        return Ok(());
    }
    shell.step(step, command)
}

/// The closing lines of all test programs, and their sum. A program that did not compile or crashed has no such line, so
/// the verdict comes from Cargo.
fn summary(lines: &[String], all_passed: bool) -> String {
    let results: Vec<&String> = lines.iter().filter(|line| line.starts_with("test result: ")).collect();
    let sum = |what| results.iter().map(|line| count(line, what)).sum::<u64>();
    let mut text = String::from("\n==> summary\n");
    for line in results.iter().filter(|line| count(line, "passed") + count(line, "failed") > 0) {
        text.push_str(line);
        text.push('\n');
    }
    let verdict = if all_passed { "ok" } else { "FAILED" };
    let (passed, failed, ignored) = (sum("passed"), sum("failed"), sum("ignored"));
    text + &format!(
        "all tests: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; {} programs",
        results.len()
    )
}

/// The number before a word in "test result: ok. 5 passed; 0 failed; 1 ignored; ...".
fn count(line: &str, what: &str) -> u64 {
    let words: Vec<&str> = line.split([' ', ';']).filter(|word| !word.is_empty()).collect();
    let numbers = words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok());
    numbers.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_adds_up_what_every_test_program_said() {
        let lines = [
            "running 2 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ];
        let text = summary(&lines.map(ToOwned::to_owned), false);
        assert!(text.ends_with("all tests: FAILED. 15 passed; 2 failed; 1 ignored; 3 programs"), "{text}");
        assert_eq!(text.matches("test result").count(), 2);
    }
}
