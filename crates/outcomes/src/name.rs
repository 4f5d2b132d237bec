//! The names of the log's objects: they carry sync, run, epoch and number, and are parsed back by the collector.

use std::fmt;
use std::str::FromStr;

use domain::{RunId, SyncId};
use engine::rules::Epoch;

/// Which checkpoint an object belongs to. Unique: a sync's epoch rises with every claim, and the claim's holder counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    pub sync: SyncId,
    pub run: RunId,
    pub epoch: Epoch,
    pub number: u32,
}

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    Rows,
    Calls,
}

/// `outcomes/<sync>/<run>-e<epoch>-n<number>-<rows|calls>.parquet`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectName {
    pub origin: Origin,
    pub table: Table,
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the name of an object of the debug log")]
pub struct NameError(String);

/// The prefix under which the log of a sync lies.
pub fn prefix(sync: SyncId) -> String {
    format!("outcomes/{sync}")
}

impl Table {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Calls => "calls",
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { sync, run, epoch, number } = self.origin;
        write!(f, "{}/{run}-e{epoch:010}-n{number:06}-{}.parquet", prefix(sync), self.table.as_str())
    }
}

impl FromStr for ObjectName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // Only what prints the same again: `e+1`, `e1` and the like are no names of ours.
        parse(text).filter(|name| name.to_string() == text).ok_or_else(|| NameError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<ObjectName> {
    let (sync, rest) = text.strip_prefix("outcomes/")?.split_once('/')?;
    let mut parts = rest.strip_suffix(".parquet")?.splitn(4, '-');
    let run = parts.next()?.parse().ok()?;
    let epoch = parts.next()?.strip_prefix('e')?.parse().ok()?;
    let number = parts.next()?.strip_prefix('n')?.parse().ok()?;
    let table = match parts.next()? {
        "rows" => Table::Rows,
        "calls" => Table::Calls,
        _ => return None,
    };
    Some(ObjectName { origin: Origin { sync: sync.parse().ok()?, run, epoch, number }, table })
}
