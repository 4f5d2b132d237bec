//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{self, Loaded, Problems};
use crate::template::TemplateCommand;

/// Syncs the rows of SQL models into Amazon Kinesis streams.
#[derive(Debug, Parser)]
#[command(name = "rowcast", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 everything planned is in the stream; 1 failed; 2 wrong arguments; 3 rows were rejected, unanswered or \
deferred (the next run tries them again); 4 a person has to decide first; 5 stopped by a guard while sending; 6 another \
process works on this sync; 130 cancelled.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a sync that a YAML file describes, once.
    Run(RunArguments),
    /// Shows the exact records that the next run would send, and writes no state.
    Preview(PreviewArguments),
    /// Shows everything on a small shop, with a private PostgreSQL and a simulated Kinesis.
    Demo(DemoArguments),
    /// Starts the Kinesis simulator alone.
    Simulator(SimulatorArguments),
    /// Checks and renders templates.
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Serves the API.
    Serve(ServiceArguments),
    /// Executes runs and jobs.
    Worker(ServiceArguments),
    /// Both in one process; without a database of its own it starts a private one and makes what is missing.
    All(ServiceArguments),
    /// Brings the database to the schema of this version.
    Migrate(ServiceArguments),
    /// Makes and rotates the keys that seal secrets.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Helps people who cannot sign in.
    #[command(subcommand)]
    Users(UsersCommand),
    /// To be run once after a backup of the database was restored: holds each sync until its owner says how it goes on.
    Restore(ServiceArguments),
    /// Prints the OpenAPI document.
    Openapi,
    /// Looks at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

impl Command {
    /// Whether it sets up logging by its own configuration.
    pub(crate) const fn serves(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Worker(_) | Self::All(_))
    }
}

/// How the service is configured; `rowcast.example.yaml` lists all settings.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceArguments {
    /// The file of settings; variables such as ROWCAST_HTTP__LISTEN win over it.
    #[arg(long, env = "ROWCAST_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder for whatever has no other place [default: $XDG_DATA_HOME/rowcast or ~/.local/share/rowcast].
    #[arg(long, env = "ROWCAST_HOME")]
    pub(crate) home: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Prints a new master key: put it before the others in the file or variable of master keys, then rotate.
    New,
    /// Seals every secret anew, with new data keys under the current master key.
    Rotate {
        #[command(flatten)]
        service: ServiceArguments,
        /// Only wrap the data keys with the current master key, so that older ones can go.
        #[arg(long)]
        rewrap_only: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Prints a link with which a person chooses a new password, once.
    Reset {
        #[command(flatten)]
        service: ServiceArguments,
        /// As it was written at sign-up; capitals do not matter.
        email: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Tells all that is wrong, or all settings and where each comes from, without secrets.
    Check(ServiceArguments),
}

impl ServiceArguments {
    /// The configuration, read and checked.
    pub(crate) fn load(&self) -> Result<Loaded, Problems> {
        // What is not text is no setting of ours.
        let variables = std::env::vars_os();
        let environment =
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        config::load(self.config.as_deref(), &environment)
    }
}

/// Where state is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceArguments {
    /// The folder for snapshots, scratch files and the private PostgreSQL [default: $XDG_DATA_HOME/rowcast or
    /// ~/.local/share/rowcast].
    #[arg(long, env = "ROWCAST_HOME")]
    pub(crate) home: Option<PathBuf>,
    /// Rowcast's own PostgreSQL; without it a private one is started in the home folder.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Let destinations use the AWS SDK's default chain, that is the rights of this machine or user.
    #[arg(long)]
    pub(crate) allow_default_chain: bool,
    /// Seconds for which a put without an answer may still be applied.
    #[arg(long, default_value_t = 60.0, value_parser = seconds)]
    pub(crate) settling: f64,
    /// Seconds after which another process may take over a run whose process died.
    #[arg(long, default_value_t = 30.0, value_parser = lease_seconds)]
    pub(crate) lease: f64,
    /// Records that may be sent twice after a crash.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) window: u32,
    /// Megabytes of memory that planning may take.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(8..=65_536))]
    pub(crate) plan_memory: u32,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The file that describes the sync.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    #[command(flatten)]
    pub(crate) choice: ChoiceArguments,
    /// If rows wait for puts that may still be applied, wait too and run again.
    #[arg(long)]
    pub(crate) wait: bool,
    /// One JSON object a run instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What kind of run, and answers to what an earlier run asked.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ChoiceArguments {
    /// Send every row again.
    #[arg(long, conflicts_with = "reset")]
    pub(crate) full_resync: bool,
    /// Take the rows as they are for acknowledged, without sending.
    #[arg(long)]
    pub(crate) reset: bool,
    /// The configuration changed: send all rows again, or only future changes.
    #[arg(long, value_name = "ANSWER")]
    pub(crate) on_change: Option<OnChange>,
    /// What a guard asked about: send it, send only the rest, forget it without sending, or leave it pending.
    #[arg(long, value_name = "ANSWER")]
    pub(crate) guarded: Option<Guarded>,
    /// The snapshot is damaged: go back to an older one, or start without.
    #[arg(long, value_name = "WAY")]
    pub(crate) repair: Option<RepairWay>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnChange {
    SendAll,
    OnlyFuture,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Guarded {
    Approve,
    Hold,
    Forget,
    Dismiss,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RepairWay {
    Older,
    SendAll,
}

#[derive(Debug, Args)]
pub(crate) struct PreviewArguments {
    /// The file that describes the sync.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    #[command(flatten)]
    pub(crate) choice: ChoiceArguments,
    /// How many records to show.
    #[arg(long, default_value_t = 10)]
    pub(crate) limit: usize,
    /// One JSON object a record, and one for the totals.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// End after the story; without it the demo goes on and syncs what you change.
    #[arg(long)]
    pub(crate) once: bool,
    /// Rows of the shop.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(500..=1_000_000))]
    pub(crate) rows: u32,
    /// The folder for everything; it is emptied at the start [default: the rowcast home and `demo`].
    #[arg(long)]
    pub(crate) home: Option<PathBuf>,
    /// One JSON object a step instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SimulatorArguments {
    #[arg(long, default_value = "127.0.0.1:4567")]
    pub(crate) listen: std::net::SocketAddr,
    /// Make this stream at the start; may be repeated.
    #[arg(long = "stream", value_name = "NAME")]
    pub(crate) streams: Vec<String>,
    /// Shards of each of them.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) shards: u32,
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.0)
}

fn lease_seconds(text: &str) -> Result<f64, String> {
    number(text, 1.0)
}

fn number(text: &str, least: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|value| (least..=86_400.0).contains(value))
        .ok_or_else(|| format!("expected a number of seconds from {least} to 86400"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Command {
        Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}")).command
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_commands_of_the_service_take_a_configuration() {
        let of = |command| match command {
            Command::Serve(service) | Command::Worker(service) | Command::All(service) => service,
            Command::Migrate(service) | Command::Restore(service) => service,
            Command::Config(ConfigCommand::Check(service)) => service,
            Command::Keys(KeysCommand::Rotate { service, rewrap_only: true }) => service,
            Command::Users(UsersCommand::Reset { service, email }) if email == "ann@shop.example" => service,
            other => panic!("{other:?}"),
        };
        for line in [
            "serve",
            "worker",
            "all",
            "migrate",
            "restore",
            "config check",
            "keys rotate --rewrap-only",
            "users reset ann@shop.example",
        ] {
            let service = of(parse(&format!("rowcast {line} --config c.yaml --home /h")));
            assert_eq!(service.config.as_deref(), Some(std::path::Path::new("c.yaml")));
            assert_eq!(service.home.as_deref(), Some(std::path::Path::new("/h")));
        }
        assert!(matches!(parse("rowcast keys new"), Command::Keys(KeysCommand::New)));
        assert!(matches!(parse("rowcast openapi"), Command::Openapi));
        assert!(matches!(parse("rowcast run f.yaml"), Command::Run(_)));
        for wrong in ["rowcast users reset", "rowcast keys", "rowcast config", "rowcast serve now"] {
            assert!(Cli::try_parse_from(wrong.split(' ')).is_err(), "{wrong}");
        }
    }
}
