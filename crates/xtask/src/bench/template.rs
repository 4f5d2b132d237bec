//! Renders of a message in a second of one core, beside other engines.

use std::process::Command;

use crate::shell::{Shell, say};
use crate::{Failure, setup};

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let flag = match arguments {
        [] => None,
        [flag] if flag == "--json" || flag == "--budget" => Some(flag),
        _ => return Err(Failure::Usage { given: format!("bench template {}", arguments.join(" ")) }),
    };
    let liquidjs = setup::liquidjs(shell);
    let package = shell.root().join("crates/template/bench");
    let target = shell.root().join("target/bench");
    let mut build = shell.cargo(&["build", "--release"]);
    build.arg("--manifest-path").arg(package.join("Cargo.toml")).arg("--target-dir").arg(&target);
    shell.step("build the bench", build)?;
    let mut bench = Command::new(target.join("release/template-bench"));
    bench.arg(liquidjs.unwrap_or_else(|| "-".into()));
    bench.args(flag);
    say("");
    let what = match flag.map(String::as_str) {
        Some("--budget") => "how long the budgets last",
        _ => "renders of a message of ten fields",
    };
    shell.step(what, bench)
}
