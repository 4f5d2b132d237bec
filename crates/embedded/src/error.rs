use std::io;
use std::path::PathBuf;

/// Why a private PostgreSQL could not be started, used or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(
        "no PostgreSQL {oldest} or newer was found (looked at: {looked}). Install one (Debian: apt-get install -y \
         postgresql), or name the folder that holds `postgres` and `initdb` in PG_BIN"
    )]
    NoBinaries { oldest: u32, looked: String },

    #[error("{} is not a folder with the `postgres` and `initdb` of PostgreSQL {oldest} or newer: correct PG_BIN", .folder.display())]
    WrongBinaries { folder: PathBuf, oldest: u32 },

    #[error(
        "the data in {} was made by PostgreSQL {made_by}, but only {found} was found. Point PG_BIN at the programs of \
         PostgreSQL {made_by}, or move the folder away to begin with an empty database", .data.display()
    )]
    OtherVersion { data: PathBuf, made_by: u32, found: String },

    #[error(
        "another process{} is using the database in {}. Stop it, or choose another folder for this one",
        .pid.map(|pid| format!(" ({pid})")).unwrap_or_default(), .home.display()
    )]
    InUse { home: PathBuf, pid: Option<u32> },

    #[error(
        "PostgreSQL refuses to run as root, and user `{user}` cannot reach its programs in {}. Either run this as a \
         normal user, or make that folder readable for everyone, or install the system's packages (Debian: apt-get \
         install -y postgresql)", .binaries.display()
    )]
    NoUser { user: String, binaries: PathBuf },

    #[error(
        "PostgreSQL refuses to run as root, and this system has neither a user `postgres` nor `nobody` to run it as. \
         Run this as a normal user, or add one: useradd --system postgres"
    )]
    NoSuchUser,

    #[error("the password file {} is missing beside existing data. Restore it, or move the folder away to begin anew", .file.display())]
    PasswordMissing { file: PathBuf },

    #[error("{} cannot hold the database socket: it belongs to another user. Remove it", .folder.display())]
    ForeignSocketFolder { folder: PathBuf },

    #[error("initdb failed: {output}")]
    Initdb { output: String },

    #[error("PostgreSQL ended while starting; the end of {}:\n{tail}", .log.display())]
    Ended { log: PathBuf, tail: String },

    #[error("PostgreSQL was not ready after {seconds} s; the end of {}:\n{tail}", .log.display())]
    NotReady { log: PathBuf, seconds: u64, tail: String },

    #[error(
        "PostgreSQL (process {pid}) is left over from an earlier run in {} and does not end. Stop it: kill -9 {pid}",
        .home.display()
    )]
    Leftover { home: PathBuf, pid: i32 },

    #[error("cannot {step} {}", .path.display())]
    Io { step: &'static str, path: PathBuf, source: io::Error },

    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },

    #[error("cannot {step}")]
    Database { step: String, source: tokio_postgres::Error },
}

impl Error {
    /// For `map_err`: an input or output error at a path.
    pub(crate) fn io<'a>(step: &'static str, path: &'a std::path::Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { step, path: path.to_owned(), source }
    }
}
