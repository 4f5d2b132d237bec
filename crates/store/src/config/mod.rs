//! What the people of a workspace configure, by id. Each change is one transaction: the change itself, its secrets, a
//! new version of every sync whose definition differs by it, and the entry that tells who made it.

mod compose;
mod destination;
mod model;
mod quotas;
mod slots;
mod source;
mod sync;

pub use destination::{Destination, NewDestination};
pub use model::{Model, NewModel};
pub use quotas::Quotas;
pub use slots::{SET_BESIDE, Secrets};
pub use source::{NewSource, Source};
pub use sync::{NewSync, NewestRun, SyncDetails, SyncFilter};

use std::fmt::Display;

use serde_json::{Value, json};
use sqlx::PgTransaction;

use crate::error::database;
use crate::{Error, Scope};

impl Scope {
    /// Changes of one workspace's configuration follow each other: a definition is composed of several rows, and
    /// secrets of a data key, which somebody else might be changing. Held until the transaction ends; taking it again
    /// does nothing.
    pub(crate) async fn lock_configuration(&self, tx: &mut PgTransaction<'_>) -> Result<(), Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('configuration of ' || $1::text, 0))",
            self.workspace_uuid().to_string(),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("lock the configuration of a workspace"))?;
        Ok(())
    }

    /// A transaction that changes the configuration.
    pub(crate) async fn begin_change(&self) -> Result<PgTransaction<'static>, Error> {
        let mut tx = self.begin().await?;
        self.lock_configuration(&mut tx).await?;
        Ok(tx)
    }
}

fn check_revision(what: &'static str, id: impl Display, found: i64, expected: Option<i64>) -> Result<(), Error> {
    if expected.is_some_and(|expected| expected != found) { Err(Error::stale(what, id)) } else { Ok(()) }
}

/// The name of the constraint that a statement did not keep.
fn broken(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

fn taken(what: &'static str, name: &str) -> Error {
    Error::Taken { what, name: name.to_owned() }
}

/// `names`: the first few that use it, and how many do in all.
fn refuse_if_used(what: &'static str, id: impl Display, by: &str, names: &[String], count: usize) -> Result<(), Error> {
    if names.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let more = count.saturating_sub(names.len());
    let by = match (named.len(), more) {
        (1, 0) => format!("the {by} {}", named.join("")),
        (_, 0) => format!("the {by}s {}", named.join(", ")),
        _ => format!("the {by}s {} and {more} more", named.join(", ")),
    };
    Err(Error::InUse { what, id: id.to_string(), by })
}

/// What an entry of the audit log tells of a change: never a value of a secret.
fn told(name: &str, secrets: &Secrets) -> Value {
    if secrets.is_empty() {
        return json!({ "name": name });
    }
    json!({ "name": name, "secrets": secrets.keys().collect::<Vec<_>>() })
}
