#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the command line")]

mod arenas;
mod ask;
mod cli;
mod config;
mod demo;
mod exit;
mod health;
mod keys;
mod logs;
mod metrics;
mod place;
mod preview;
mod run;
mod secrets;
mod service;
mod show;
mod sync_file;
mod template;

use std::process::ExitCode;

use clap::Parser;
use cli::{ConfigCommand, KeysCommand, UsersCommand};
use service::Parts;

pub use exit::Exit;

/// The whole program: reads the command line, does what it says, and tells by the exit code how it ended.
pub fn main() -> ExitCode {
    arenas::limit();
    let cli = cli::Cli::parse();
    if !cli.command.serves() {
        logs::start_for_commands();
    }
    arm_fail_point();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot start: {error}");
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(dispatch(cli)).unwrap_or_else(|error| {
        eprintln!("error: {}", runner::chain(error.as_ref()));
        Exit::Failed
    });
    exit.into()
}

/// Errors of commands are shown and not acted upon, so any will do.
type Result<T, E = Error> = std::result::Result<T, E>;
type Error = Box<dyn std::error::Error + Send + Sync>;

async fn dispatch(cli: cli::Cli) -> Result<Exit> {
    match cli.command {
        cli::Command::Run(arguments) => run::run(arguments).await,
        cli::Command::Preview(arguments) => preview::run(arguments).await,
        cli::Command::Demo(arguments) => demo::run(arguments).await,
        cli::Command::Simulator(arguments) => demo::simulator(arguments).await,
        cli::Command::Template(command) => template::run(&command),
        cli::Command::Serve(arguments) => service::run(arguments, Parts::Api).await,
        cli::Command::Worker(arguments) => service::run(arguments, Parts::Worker).await,
        cli::Command::All(arguments) => service::run(arguments, Parts::Both).await,
        cli::Command::Migrate(arguments) => service::migrate(arguments).await,
        cli::Command::Keys(KeysCommand::New) => service::new_key(),
        cli::Command::Keys(KeysCommand::Rotate { service, rewrap_only }) => {
            service::rotate_keys(service, rewrap_only).await
        }
        cli::Command::Users(UsersCommand::Reset { service, email }) => service::reset(service, &email).await,
        cli::Command::Restore(arguments) => service::restore(arguments).await,
        cli::Command::Openapi => service::openapi(),
        cli::Command::Config(ConfigCommand::Check(arguments)) => service::check_config(&arguments).await,
    }
}

/// Tests make this process fail at a chosen place: `ROWCAST_FAIL_POINT=name:nth:error|panic|exit`.
#[cfg(feature = "fail-points")]
fn arm_fail_point() {
    use runner::fail_point;

    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    let Ok(setting) = std::env::var("ROWCAST_FAIL_POINT") else { return };
    let mut parts = setting.split(':');
    let mode = |word| match word {
        "error" => Some(fail_point::Mode::Error),
        "panic" => Some(fail_point::Mode::Panic),
        "exit" => Some(fail_point::Mode::Exit),
        _ => None,
    };
    match (parts.next(), parts.next().and_then(|nth| nth.parse().ok()), parts.next().and_then(mode)) {
        (Some(name), Some(nth), Some(mode)) if fail_point::ALL.contains(&name) => fail_point::arm(name, nth, mode),
        _ => eprintln!("warning: ROWCAST_FAIL_POINT={setting} names no fail point"),
    }
}

#[cfg(not(feature = "fail-points"))]
const fn arm_fail_point() {}
