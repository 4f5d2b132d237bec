//! Everything that can go wrong with a source: what happened, to what, and what to do now.

use std::fmt;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the connection settings cannot be used: {0}")]
    Settings(String),
    #[error("cannot reach PostgreSQL at {address}: {source}. Check host and port, and that a firewall lets us through")]
    Unreachable {
        address: String,
        #[source]
        source: std::io::Error,
    },
    /// The one answer of a service about hosts that it cannot or may not connect to. It holds no cause on purpose.
    #[error(
        "the server {address} cannot be reached from here. Check host and port, and that its firewall lets this \
         service in; an address that is not public has to be allowed by the operator of the service"
    )]
    NotReached { address: String },
    #[error(
        "the server at {address} does not offer TLS. Turn TLS on there, or set tls to `disable` if its network is private"
    )]
    TlsNotOffered { address: String },
    #[error(
        "the certificate of {address} is not valid for this host: {reason}. Use the host's name as in the certificate, name \
         its authority in `ca` or `ca_file`, or set tls to `require` to encrypt without knowing who answers"
    )]
    Certificate {
        address: String,
        reason: String,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("TLS with {address} failed: {reason}")]
    Tls {
        address: String,
        reason: String,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error(
        "PostgreSQL does not let the user `{user}` in: {reason}. Check user and password, and the server's pg_hba.conf"
    )]
    Authentication {
        user: String,
        reason: String,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("the server has no database `{database}`. Check the name; it is case-sensitive")]
    NoSuchDatabase {
        database: String,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("the query is not valid: {0}")]
    Query(Box<ServerError>),
    #[error("the query returns no columns. A model is one SELECT (or VALUES, TABLE, WITH ... SELECT)")]
    NoColumns,
    #[error("the query cannot be read as a table: {0}. A model is one SELECT (or VALUES, TABLE, WITH ... SELECT)")]
    NotATable(Box<ServerError>),
    #[error("the query has parameters such as $1, and nothing to fill them. Write the values into the query")]
    Parameters,
    #[error("the query has two columns named `{0}`. Give each its own name with AS")]
    DuplicateColumn(String),
    #[error("the query has no column `{0}` any more. Change the query back, or the sync")]
    MissingColumn(String),
    #[error("the column `{name}` was read as {was:?} and is now {is:?}. Describe the query again")]
    ChangedColumn { name: String, was: domain::ColumnType, is: domain::ColumnType },
    #[error("no column was asked for. A read needs at least the key columns")]
    NoColumnWanted,
    #[error("the user lacks a permission: {0}. Grant SELECT on what the query reads (and USAGE on its schema)")]
    Permission(Box<ServerError>),
    #[error("PostgreSQL canceled the query: {0}")]
    Canceled(Box<ServerError>),
    #[error("PostgreSQL refused: {0}")]
    Server(Box<ServerError>),
    #[error(
        "the connections of this model do not see the same: {reason}. All of them have to reach one server as it is, and not \
         by way of something that spreads connections over several or leaves settings of others behind. Or read the model \
         through one connection"
    )]
    NotOneState { reason: String },
    #[error("PostgreSQL did not answer within {}: {doing}. Look for locks and load there, or allow more time", Seconds(*.limit))]
    Timeout { doing: &'static str, limit: Duration },
    #[error("the connection to PostgreSQL broke: {reason}. It is safe to run again")]
    Broken {
        reason: String,
        #[source]
        source: Option<tokio_postgres::Error>,
    },
    #[error("the result ended early, after {rows} rows: {reason}. Nothing was taken from it; it is safe to run again")]
    Incomplete { rows: u64, reason: String },
    #[error("row {row} of the result cannot be read: {reason}")]
    Malformed { row: u64, reason: &'static str },
    #[error("row {row} of the result, column `{column}`: {source}")]
    Value {
        row: u64,
        column: String,
        #[source]
        source: engine::canonical::DecodeError,
    },
    #[error("a row of the result has {bytes} bytes, and {limit} are allowed. Leave large columns out of the query")]
    RowTooLarge { bytes: u64, limit: u64 },
    #[error("this read has failed before. Start another one")]
    Failed,
}

/// What the server said.
#[derive(Debug)]
pub struct ServerError {
    pub sqlstate: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// In the user's text.
    pub place: Option<Place>,
    pub source: tokio_postgres::Error,
}

/// A place in a text, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The place of a character, counted from 0.
    pub(crate) fn of(text: &str, character: usize) -> Self {
        let before = text.chars().take(character);
        before.fold(Self { line: 1, column: 1 }, |place, c| match c {
            '\n' => Self { line: place.line + 1, column: 1 },
            _ => Self { column: place.column + 1, ..place },
        })
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "line {}, column {}: ", place.line, place.column)?;
        }
        write!(f, "{} (SQLSTATE {})", self.message, self.sqlstate)?;
        for (name, text) in [("Detail", &self.detail), ("Hint", &self.hint)] {
            if let Some(text) = text {
                write!(f, ". {name}: {}", text.trim_end_matches('.'))?;
            }
        }
        Ok(())
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters() {
        assert_eq!(Place::of("ab", 0), Place { line: 1, column: 1 });
        assert_eq!(Place::of("ä\nöx", 3), Place { line: 2, column: 2 });
        assert_eq!(Place::of("a\r\nb", 3), Place { line: 2, column: 1 });
    }
}
