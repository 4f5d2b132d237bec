use std::os::unix::process::CommandExt;

use crate::shell::{Shell, describe, say};
use crate::{Failure, setup};

/// Sets up, then becomes `rowcast demo`, so that a Ctrl-C and the exit code are its own.
pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let postgres = setup::run(shell)?;
    // The demo shows everything on the command line too, so it goes on without the pages.
    if let Err(failure) = setup::web(shell) {
        say(&format!("    web UI: skipped. {failure}"));
    }
    let build = shell.cargo(&["build", "--package", "server", "--bin", "rowcast"]);
    shell.step("build (the first time takes some minutes)", build)?;
    let mut command = shell.cargo(&["run", "--quiet", "--package", "server", "--bin", "rowcast", "--", "demo"]);
    command.args(arguments).env("PG_BIN", &postgres.folder);
    say(&format!("\n==> demo: rowcast {}", [&["demo".to_owned()], arguments].concat().join(" ")));
    // Comes back only if it could not be run.
    let source = command.exec();
    Err(Failure::Run { command: describe(&command), source })
}
