use domain::{RunId, RunKind, SyncId};

use crate::ApprovalId;

type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot connect to the control-plane database; check its address and that it is running")]
    Connect(#[source] Cause),
    #[error("cannot bring the control-plane database to this version's schema")]
    Migrate(#[source] Cause),
    #[error("the control-plane database could not {step}")]
    Database { step: &'static str, source: Cause, transient: bool },
    /// Nothing can be said about the last write: the next claim of the sync finds out.
    #[error("the connection broke while the database committed, and it could not be asked since; end this attempt")]
    CommitUnknown(#[source] Cause),
    #[error("{what} in the control-plane database is not what this version writes")]
    Corrupt { what: &'static str, source: Cause },
    #[error("there is no {what} `{id}` in this workspace")]
    NotFound { what: &'static str, id: String },
    /// Another worker has claimed since, or the run has ended. Whoever gets this must stop at once.
    #[error("{sync} is not held by epoch {epoch} at manifest version {manifest_version} any more; stop")]
    Fenced { sync: SyncId, epoch: u64, manifest_version: u64 },
    #[error("window {number} of epoch {epoch} is not open or does not have {outcomes} entries")]
    NotThatWindow { epoch: u64, number: u32, outcomes: usize },
    #[error("counts do not add up: {0}")]
    Counts(String),
    #[error("{run}, of the kind {kind:?}, already waits for this sync; cancel it or let it run first")]
    OtherRunWaits { run: RunId, kind: RunKind },
    #[error("{0} is not open any more; look at the newest request")]
    NotOpen(ApprovalId),
    #[error("{0} is not the state of a run that has ended")]
    NotEnded(&'static str),
}

impl Error {
    /// Whether the database may answer when asked again: it was unreachable, restarting or out of connections.
    pub fn transient(&self) -> bool {
        matches!(self, Self::Database { transient: true, .. } | Self::Connect(_) | Self::CommitUnknown(_))
    }

    pub(crate) fn corrupt(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |error| Self::Corrupt { what, source: Box::new(error) }
    }

    pub(crate) fn not_found(what: &'static str, id: impl std::fmt::Display) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }
}

/// Names what the statement was for: "could not claim a run".
pub(crate) fn database(step: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| Error::Database { step, transient: transient(&error), source: Box::new(error) }
}

fn transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => true,
        // Connection exceptions; too many connections; shut down, crashed or starting; serialization and deadlock.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("57P") || code.starts_with("40") || code == "53300"
        }),
        _ => false,
    }
}
