use domain::{ApprovalId, Role, RunId, RunKind, SyncId, UserId};

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
    #[error("window {number} of epoch {epoch} is in the log already, or was never left open by its attempt")]
    NotUnlogged { epoch: u64, number: u32 },
    #[error("`{0}` is not a sequence number; write it as the stream gave it, in decimal digits")]
    NotASequenceNumber(String),
    #[error("counts do not add up: {0}")]
    Counts(String),
    #[error("{run}, of the kind {kind:?}, already waits for this sync; cancel it or let it run first")]
    OtherRunWaits { run: RunId, kind: RunKind },
    #[error("{0} is not open any more; look at the newest request")]
    NotOpen(ApprovalId),
    #[error("this workspace may have {limit} {what} and has them; end or delete one, or ask the operator for more")]
    Limit { what: &'static str, limit: u64 },
    #[error("{0} is not held; nothing has to be decided")]
    NotHeld(SyncId),
    #[error("the {what} is paused: resume it first")]
    Paused { what: &'static str },
    #[error("{sync} is held ({reason}): its owner has to decide how it goes on")]
    Held { sync: SyncId, reason: String },
    #[error(
        "workspaces are not kept apart in this database: {0}; run `rowcast migrate` with this version, and undo by hand what it did not make"
    )]
    NotIsolated(String),
    #[error(
        "the login {login} of the database {}, so policies hold only while it keeps to its role: connect as a login that \
         is only a member of rowcast_app or rowcast_worker", if *superuser { "is a superuser" } else { "has BYPASSRLS" }
    )]
    LoginAbovePolicies { login: String, superuser: bool },
    #[error(
        "the database has schema version {applied}, and this version of rowcast needs {wanted}; run `rowcast migrate`, or start the version that fits"
    )]
    Schema { applied: i64, wanted: i64 },
    #[error("{0} is not the state of a run that has ended")]
    NotEnded(&'static str),
    #[error("there is a {what} `{name}` already")]
    Taken { what: &'static str, name: String },
    #[error("the {what} `{id}` is used by {by}; change or delete that first")]
    InUse { what: &'static str, id: String, by: String },
    /// The condition of an update (its `If-Match`) does not hold.
    #[error("the {what} `{id}` has been changed since it was read; read it again and repeat the change")]
    Stale { what: &'static str, id: String },
    #[error("{0} is the last owner of this workspace; make someone else an owner first")]
    LastOwner(UserId),
    #[error("this is for the role {} and above", .0.as_str())]
    NeedsRole(Role),
    #[error("somebody has signed up here already; ask an owner of a workspace for an invitation")]
    NotFirst,
    #[error("this {what} was used or revoked, or has expired; ask for a new one")]
    LinkEnded { what: &'static str },
    #[error("this invitation is for another e-mail address; ask for one of your own")]
    OtherEmail,
    #[error("{0} is a member of other workspaces too; the operator can make the link: `rowcast users reset`")]
    MemberElsewhere(UserId),
    #[error("the {what} as it is configured has no secret `{field}`; leave it out")]
    NoSecretField { what: &'static str, field: String },
    #[error("the secret `{field}` of this {what} is not set; give its value")]
    SecretNeeded { what: &'static str, field: String },
    #[error(
        "no master key is configured, so secrets can neither be stored nor opened; write one as `id:key`, the key being \
         32 random bytes in base64, into the file or the environment variable that the setting for master keys names"
    )]
    NoMasterKey,
    #[error("the master keys cannot be used: {0}")]
    MasterKeys(String),
    #[error(
        "the secrets of this workspace need the master key `{id}`, which is not configured; add it again, after the \
         current one, or restore it from where it was kept"
    )]
    UnknownMasterKey { id: String },
    #[error(
        "secrets in this database need the master key `{id}`, which is not configured (the current one is `{current}`); add \
         `{id}:<key>` to master_keys after the current one, from where it was kept. It can go once `rowcast keys rotate \
         --rewrap-only` has run with both"
    )]
    MissingMasterKey { id: String, current: String },
    #[error("{what} does not open: it was damaged or moved, or its master key is not the one of that id; set it anew")]
    DoesNotOpen { what: String },
    #[error("a secret could not be sealed; does this system's generator of random numbers answer?")]
    Seal(#[source] Cause),
}

impl Error {
    /// Whether the database may answer when asked again: it was unreachable, restarting or out of connections.
    pub fn transient(&self) -> bool {
        matches!(self, Self::Database { transient: true, .. } | Self::Connect(_) | Self::CommitUnknown(_))
    }

    pub(crate) fn corrupt(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |error| Self::Corrupt { what, source: Box::new(error) }
    }

    pub(crate) fn stale(what: &'static str, id: impl std::fmt::Display) -> Self {
        Self::Stale { what, id: id.to_string() }
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
