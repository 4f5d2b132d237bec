//! Words, times and numbers as columns hold them.

use domain::Millis;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use crate::Error;

const NANOS: i128 = 1_000_000;

/// Rounded down: "now" is never ahead of the database's clock, and a lease never ends later than it says.
pub(crate) fn millis(at: OffsetDateTime) -> Millis {
    at.unix_timestamp_nanos().div_euclid(NANOS) as Millis
}

/// Rounded up: nothing settles earlier than it says.
pub(crate) fn millis_up(at: OffsetDateTime) -> Millis {
    (at.unix_timestamp_nanos() + NANOS - 1).div_euclid(NANOS) as Millis
}

/// Beyond what a column can hold, the start of time: due at once.
pub(crate) fn instant(at: Millis) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * NANOS).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The word that an enum of plain variants is stored as.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String, Error> {
    match to_json("a word", value)? {
        Value::String(word) => Ok(word),
        other => Ok(other.to_string()),
    }
}

pub(crate) fn from_word<T: DeserializeOwned>(what: &'static str, word: String) -> Result<T, Error> {
    from_json(what, Value::String(word))
}

pub(crate) fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(Error::corrupt(what))
}

/// For columns of the type `json`, which keep a text as it is. A bound JSON value would pass through `jsonb`, which
/// sorts members and rewrites numbers.
pub(crate) fn to_text<T: Serialize>(what: &'static str, value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::corrupt(what))
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(Error::corrupt(what))
}

/// PostgreSQL's texts cannot hold the character NUL, but an error message or a key of another source may.
pub(crate) fn clean_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub(crate) fn clean_json(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean_text(text)),
        Value::Array(items) => Value::Array(items.iter().map(clean_json).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (clean_text(name), clean_json(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Epochs and versions count up from 0 and fit either type.
pub(crate) const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

pub(crate) const fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}
