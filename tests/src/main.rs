//! Rowcast with its fail points compiled in.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::main()
}
