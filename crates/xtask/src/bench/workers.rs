//! What a second worker brings: the measurement itself is a bench of the package `tests`, which knows how to start them.

use crate::shell::Shell;
use crate::{Failure, setup};

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    if arguments.iter().any(|argument| argument != "--json") {
        return Err(Failure::Usage { given: format!("bench workers {}", arguments.join(" ")) });
    }
    let postgres = setup::run(shell)?;
    // The processor is not what is measured, and this one is built already.
    let mut bench = shell.cargo(&["bench", "--profile", "dev", "--package", "tests", "--bench", "workers", "--"]);
    bench.args(arguments).env("PG_BIN", &postgres.folder);
    shell.step("many syncs, with one worker and with several", bench)
}
