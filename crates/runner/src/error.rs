//! Why a run could not go on.

use std::sync::Arc;

/// Each variant is a step that failed. `Fenced` and `LeaseLost` end the attempt, not the run: another worker has it, or
/// will have it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the lease of this run ended before it could be renewed; another worker goes on with it")]
    LeaseLost,
    #[error("the run was cancelled")]
    Cancelled,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the source: {0}")]
    Source(#[from] sources::Error),
    #[error("the destination: {0}")]
    Destination(#[from] kinesis::Error),
    #[error(transparent)]
    Snapshot(#[from] snapshots::Error),
    #[error(transparent)]
    Objects(#[from] objects::Error),
    #[error(transparent)]
    Scratch(#[from] spill::Error),
    #[error("the configuration of the sync does not fit its model:\n{0}")]
    Configuration(String),
    #[error("a secret is missing: {0}")]
    Secret(String),
    #[error("this destination asks for the credentials of the service itself, which the operator does not allow")]
    DefaultChain,
    #[error("a row from the source cannot be read: {0}")]
    Row(#[from] engine::layout::ValuesError),
    #[error("the manifest of the snapshot cannot be read")]
    Manifest(#[source] Arc<dyn std::error::Error + Send + Sync>),
    #[error("the manifest of the snapshot names an outcome that is not known")]
    Outcomes,
    #[error("the options of the run cannot be read")]
    Options(#[source] serde_json::Error),
    #[error("no older snapshot of this sync is whole; repair it with `send-all`")]
    NoWholeSnapshot,
    #[error("a run of kind `resend` cannot be started this way")]
    Unsupported,
    #[error("fail point {name}")]
    FailPoint { name: &'static str },
}

impl Error {
    /// A short word for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LeaseLost => "lease-lost",
            Self::Cancelled => "cancelled",
            Self::Store(_) => "store",
            Self::Source(_) => "source",
            Self::Destination(_) => "destination",
            Self::Snapshot(snapshots::Error::Missing { .. } | snapshots::Error::Corrupt { .. }) => "snapshot-damaged",
            Self::Snapshot(_) | Self::Objects(_) => "object-storage",
            Self::Scratch(_) => "scratch",
            Self::Configuration(_) | Self::Options(_) | Self::Unsupported => "configuration",
            Self::Secret(_) | Self::DefaultChain => "credentials",
            Self::Row(_) => "row",
            Self::Manifest(_) | Self::Outcomes | Self::NoWholeSnapshot => "snapshot-damaged",
            Self::FailPoint { .. } => "fail-point",
        }
    }

    /// Whether the run may still be ended by this attempt: its claim holds and the store answers.
    pub(crate) const fn ends_run(&self) -> bool {
        !matches!(self, Self::LeaseLost | Self::Store(_) | Self::FailPoint { .. })
    }
}

/// The message of an error with all its causes, for people.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl From<engine::canonical::Corrupt> for Error {
    fn from(corrupt: engine::canonical::Corrupt) -> Self {
        Self::Row(corrupt.into())
    }
}
