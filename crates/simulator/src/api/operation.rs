use std::fmt;

use serde::{Deserialize, Serialize};

/// The operations that the simulator answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    AssumeRole,
    CreateStream,
    DeleteStream,
    DescribeStream,
    DescribeStreamSummary,
    GetCallerIdentity,
    GetRecords,
    GetShardIterator,
    ListShards,
    ListStreams,
    MergeShards,
    PutRecord,
    PutRecords,
    SplitShard,
    UpdateMaxRecordSize,
}

impl Operation {
    /// Reads the value of an `X-Amz-Target` header.
    pub(crate) fn from_target(target: &str) -> Option<Self> {
        let name = target.strip_prefix("Kinesis_20131202.")?;
        Self::from_name(name).filter(|operation| !operation.is_sts())
    }

    /// Reads the `Action` of a form.
    pub(crate) fn from_action(action: &str) -> Option<Self> {
        Self::from_name(action).filter(|operation| operation.is_sts())
    }

    fn from_name(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }

    /// Whether this is a call of STS, which speaks another protocol.
    pub(crate) fn is_sts(self) -> bool {
        matches!(self, Self::AssumeRole | Self::GetCallerIdentity)
    }

    /// Its name in policies, such as `kinesis:PutRecords`.
    pub(crate) fn action(self) -> String {
        format!("{}:{self}", if self.is_sts() { "sts" } else { "kinesis" })
    }

    pub(crate) fn is_put(self) -> bool {
        matches!(self, Self::PutRecord | Self::PutRecords)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}
