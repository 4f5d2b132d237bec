//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
