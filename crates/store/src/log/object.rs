use domain::{Millis, RunId, SyncId};
use engine::hash::Hash128;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogKind {
    /// What became of rows.
    Rows,
    /// Calls of the API.
    Calls,
}

/// An object as a reader has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogObjectRef {
    pub name: String,
    pub bytes: u64,
    pub footer_bytes: u32,
    pub footer_digest: [u8; 32],
}

/// An object that is durable, and is part of the log from the checkpoint on that names it. Ranges include both ends.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLogObject {
    pub kind: LogKind,
    /// The run that it tells of.
    pub run: RunId,
    /// Of the attempt that made it.
    pub epoch: u64,
    /// Unique within epoch and kind.
    pub number: u32,
    pub object: LogObjectRef,
    pub summary: Value,
    pub entries: u64,
    pub keys: Option<(Hash128, Hash128)>,
    pub calls: Option<(u64, u64)>,
    pub times: Option<(Millis, Millis)>,
    /// Where its rows landed; each shard once.
    pub shards: Vec<LogShard>,
    /// Epoch and number of the window of a dead attempt that it accounts for.
    pub window: Option<(u64, u32)>,
}

/// A shard, and the lowest and the highest sequence number of an object's rows there: decimal numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogShard {
    pub shard: String,
    pub lowest: String,
    pub highest: String,
}

/// An object of the log, as [`NewLogObject`] has it. Shards are in the order of their names.
#[derive(Debug, Clone, PartialEq)]
pub struct LogObject {
    pub sync: SyncId,
    pub kind: LogKind,
    pub run: RunId,
    pub epoch: u64,
    pub number: u32,
    pub object: LogObjectRef,
    pub summary: Value,
    pub entries: u64,
    pub keys: Option<(Hash128, Hash128)>,
    pub calls: Option<(u64, u64)>,
    pub times: Option<(Millis, Millis)>,
    pub shards: Vec<LogShard>,
    pub window: Option<(u64, u32)>,
    pub created_at: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogObjectKey {
    pub sync: SyncId,
    pub epoch: u64,
    pub number: u32,
    pub kind: LogKind,
}

/// A window that its attempt never closed, and of which the log says nothing yet.
#[derive(Debug, Clone, PartialEq)]
pub struct UnloggedWindow {
    pub run: RunId,
    pub epoch: u64,
    pub number: u32,
    pub segment: Value,
    pub entries: u64,
    pub opened_at: Millis,
}

impl LogKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Calls => "calls",
        }
    }
}

impl LogObject {
    pub const fn key(&self) -> LogObjectKey {
        LogObjectKey { sync: self.sync, epoch: self.epoch, number: self.number, kind: self.kind }
    }
}
