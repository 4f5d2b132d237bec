use std::io;
use std::path::PathBuf;

/// Why a subcommand did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("`cargo xtask {given}` is not a command; `cargo xtask help` lists them")]
    Usage { given: String },

    #[error("{step} failed (`{command}` ended with {status})")]
    Step { step: String, command: String, status: String },

    #[error("cannot run `{command}`")]
    Run { command: String, source: io::Error },

    #[error("cannot {action} {}", .path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },

    #[error("{what} is missing and could not be installed. Type this, then try again:\n\n    {command}\n")]
    Missing { what: &'static str, command: String },

    #[error("the private PostgreSQL of this command failed")]
    Database(#[from] embedded::Error),

    #[error("these files differ from what the migrations say: {files}. Type `cargo xtask prepare` and commit .sqlx/")]
    Outdated { files: String },

    #[error("{} is no list of mutants", .path.display())]
    MutantList { path: PathBuf, source: toml::de::Error },

    #[error("mutant `{name}`: {problem}")]
    Mutant { name: String, problem: String },

    #[error("the bench failed at `{step}`")]
    Bench { step: &'static str, source: Box<dyn std::error::Error + Send + Sync> },

    #[error("{missed} of {all} mutants were missed by the tests")]
    Missed { missed: usize, all: usize },
}

impl Failure {
    pub(crate) fn bench(step: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Bench { step, source: source.into() }
    }
}
