//! Why a run could not go on.

use std::sync::Arc;
use std::time::Duration;

/// Each variant is a step that failed. `Fenced`, `LeaseLost` and `Drained` end the attempt, not the run: another worker has it, or
/// will have it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the lease of this run ended before it could be renewed; another worker goes on with it")]
    LeaseLost,
    #[error("the run was cancelled")]
    Cancelled,
    /// Not an end either: the run is handed over.
    #[error("this worker was told to hand its runs over")]
    Drained,
    #[error(
        "the run took longer than the {} s that a run may take; what was acknowledged is kept: run it again, make the query \
         faster, or have the limit raised", limit.as_secs_f64()
    )]
    TookTooLong { limit: Duration },
    #[error(
        "the query returned more than the {limit} rows that a run may read, and nothing was sent; narrow the model, or have \
         the limit raised"
    )]
    TooManyRows { limit: u64 },
    #[error(
        "the rows of the model need more than the {limit} bytes of scratch space that a run may take, and nothing was sent; \
         select fewer rows or columns, or have the limit raised"
    )]
    TooManyBytes { limit: u64 },
    #[error(
        "the snapshots of this workspace take {stored} bytes, and {limit} are allowed; delete a sync, keep hashes only, or \
         have the limit raised"
    )]
    TooMuchStored { stored: u64, limit: u64 },
    #[error(
        "{attempts} attempts of this run died in a row without saying why, so it is not tried again by itself; look at the \
         logs of the workers at the times of these attempts, then run it again"
    )]
    CrashLoop { attempts: u32 },
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
    #[error(
        "this service does not read secrets from its own environment or files, which the {what} names; store the secret in \
         the service instead"
    )]
    SecretOfMachine { what: &'static str },
    #[error("a stored secret cannot be used")]
    StoredSecret(#[source] store::Error),
    #[error(
        "this destination names a role, and the service has no AWS identity to take it on with; use an access key, or ask \
         the operator for one"
    )]
    NoIdentity,
    #[error("this destination names an endpoint, which the operator does not allow; leave it out to use that of AWS")]
    EndpointOverride,
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
    #[error("the debug log: {0}")]
    Log(#[from] outcomes::Error),
    #[error("the summary of an object of the debug log cannot be written")]
    Summary(#[source] serde_json::Error),
    #[error("the answer of a job cannot be written")]
    Answer(#[source] serde_json::Error),
    #[error("no older snapshot of this sync is whole; repair it with `send-all`")]
    NoWholeSnapshot,
    #[error("the chosen rows cannot be used: {0}")]
    ChosenRows(String),
    #[error(
        "nothing is logged any more of what {run} put, so its rows cannot be sent again: logs are kept for the time that the \
         workspace chose"
    )]
    LogExpired { run: domain::RunId },
    #[error("the keys to forget cannot be used: {0}")]
    ErasedKeys(String),
    #[error("key {place} of those to forget cannot be used: {problem}; nothing was forgotten")]
    ErasedKey { place: usize, problem: String },
    #[error("the role {role_arn} is not used, and nothing was sent: {why}")]
    RoleNotAccepted { role_arn: String, why: String },
    #[error("fail point {name}")]
    FailPoint { name: &'static str },
}

impl Error {
    /// A short word for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LeaseLost => "lease-lost",
            Self::Cancelled => "cancelled",
            Self::Drained => "drained",
            Self::TookTooLong { .. } => "took-too-long",
            Self::TooManyRows { .. } => "too-many-rows",
            Self::TooManyBytes { .. } => "too-many-bytes",
            Self::TooMuchStored { .. } => "too-much-stored",
            Self::CrashLoop { .. } => "crash-loop",
            Self::Store(_) => "store",
            Self::Source(_) => "source",
            Self::Destination(_) => "destination",
            Self::Snapshot(snapshots::Error::Missing { .. } | snapshots::Error::Corrupt { .. }) => "snapshot-damaged",
            Self::Snapshot(_) | Self::Objects(_) => "object-storage",
            Self::Scratch(_) => "scratch",
            Self::Configuration(_) | Self::Options(_) | Self::ChosenRows(_) => "configuration",
            Self::LogExpired { .. } => "log-expired",
            Self::ErasedKeys(_) | Self::ErasedKey { .. } => "configuration",
            Self::RoleNotAccepted { .. } => "role-not-accepted",
            Self::Log(_) | Self::Summary(_) => "log",
            Self::Answer(_) => "internal",
            Self::EndpointOverride => "configuration",
            Self::Secret(_) | Self::SecretOfMachine { .. } | Self::StoredSecret(_) => "credentials",
            Self::DefaultChain | Self::NoIdentity => "credentials",
            Self::Row(_) => "row",
            Self::Manifest(_) | Self::Outcomes | Self::NoWholeSnapshot => "snapshot-damaged",
            Self::FailPoint { .. } => "fail-point",
        }
    }

    /// Whether the run may still be ended by this attempt: its claim holds and the store answers.
    pub(crate) const fn ends_run(&self) -> bool {
        !matches!(self, Self::LeaseLost | Self::Drained | Self::Store(_) | Self::FailPoint { .. })
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
