//! The names of a segment's objects: they carry sync, epoch and number, and are parsed back by the collector.

use std::fmt;
use std::str::FromStr;

use domain::SyncId;
use engine::rules::Epoch;
use serde::{Deserialize, Serialize};

/// What a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentKind {
    /// The records of a window, whose outcomes were not known when it was written.
    Window,
    /// What is done to units, outright.
    Delta,
}

/// Which segment it is. Unique: a sync's epoch rises with every claim, and the claim's holder counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentIdentity {
    pub sync: SyncId,
    pub epoch: Epoch,
    pub number: u32,
    pub kind: SegmentKind,
}

/// One of the two objects of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    Hashes,
    Values,
}

/// `snapshots/syn_<32 digits>/e<epoch>-n<number>-<kind>.<part>`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectName {
    pub segment: SegmentIdentity,
    pub part: Part,
}

/// The prefix under which a sync's segments lie.
pub fn prefix(sync: SyncId) -> String {
    format!("snapshots/{sync}")
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the name of a segment's object")]
pub struct NameError(String);

impl SegmentKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Delta => "delta",
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SegmentIdentity { sync, epoch, number, kind } = self.segment;
        let part = match self.part {
            Part::Hashes => "hashes",
            Part::Values => "values",
        };
        write!(f, "{}/e{epoch:010}-n{number:06}-{}.{part}", prefix(sync), kind.as_str())
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
    let (sync, file) = text.strip_prefix("snapshots/")?.split_once('/')?;
    let (rest, part) = file.split_once('.')?;
    let mut fields = rest.split('-');
    let epoch = fields.next()?.strip_prefix('e')?.parse().ok()?;
    let number = fields.next()?.strip_prefix('n')?.parse().ok()?;
    let kind = match fields.next()? {
        "window" => SegmentKind::Window,
        "delta" => SegmentKind::Delta,
        _ => return None,
    };
    let part = match part {
        "hashes" => Part::Hashes,
        "values" => Part::Values,
        _ => return None,
    };
    Some(ObjectName { segment: SegmentIdentity { sync: sync.parse().ok()?, epoch, number, kind }, part })
}
