use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::shell::{Shell, describe, say};
use crate::{Failure, setup};

/// Sets up, then tells the story on the command line; without `--once` it goes on with the web UI, on a workspace that has
/// a history. The last of them takes the place of this process, so that a Ctrl-C and the exit code are its own.
pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let postgres = setup::run(shell)?;
    let web = setup::web(shell);
    if let Err(failure) = &web {
        // The story needs no pages.
        say(&format!("    web UI: skipped. {failure}"));
    }
    let build = shell.cargo(&["build", "--package", "server", "--bin", "rowcast"]);
    shell.step("build (the first time takes some minutes)", build)?;
    let goes_on = web.is_ok() && !arguments.iter().any(|argument| argument == "--once");
    let mut story = shell.cargo(&["run", "--quiet", "--package", "server", "--bin", "rowcast", "--", "demo"]);
    story.args(arguments).env("PG_BIN", &postgres.folder);
    if !goes_on {
        say(&format!("\n==> demo: rowcast {}", [&["demo".to_owned()], arguments].concat().join(" ")));
        return become_of(story);
    }
    shell.step("demo: the story, on the command line", {
        story.arg("--once");
        story
    })?;
    say("\n==> demo: the web UI");
    let mut pages = shell.command("node", &["web/e2e/demo.mjs"]);
    pages.env("PG_BIN", &postgres.folder);
    become_of(pages)
}

/// Comes back only if it could not be run.
fn become_of(mut command: Command) -> Result<(), Failure> {
    let source = command.exec();
    Err(Failure::Run { command: describe(&command), source })
}
