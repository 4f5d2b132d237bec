//! Short work on a tenant's host: the API queues it, a worker does it.

use serde::{Deserialize, Serialize};

use crate::{DestinationId, SourceId, SyncId};

/// What a job does. It names things by their ids, so it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Work {
    /// Connects to the source, and tells what it finds of rights and version.
    TestSource {
        source: SourceId,
    },
    /// Lists what the source's user may select from.
    ListTables {
        source: SourceId,
    },
    /// Checks a query and its key, and shows its columns and first rows.
    TryQuery {
        source: SourceId,
        query: String,
        key: Vec<String>,
        rows: u32,
        /// Also gives the rows as runs keep them, for rendering messages of them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sample: bool,
    },
    /// Plans the next run of a sync, and shows the exact records that it would send.
    PreviewSync {
        sync: SyncId,
        records: u32,
        full_resync: bool,
    },
    /// Whether the destination's access works, and is not open to others.
    VerifyDestination {
        destination: DestinationId,
        stream: Option<String>,
    },
    ListStreams {
        destination: DestinationId,
    },
    /// The shards of a stream, where the access permits to see them.
    DescribeStream {
        destination: DestinationId,
        stream: String,
    },
}

impl Work {
    /// The kinds that take as long as somebody's query does.
    pub const LONG: [&str; 2] = ["try-query", "preview-sync"];

    pub fn is_long(&self) -> bool {
        Self::LONG.contains(&self.kind())
    }

    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TestSource { .. } => "test-source",
            Self::ListTables { .. } => "list-tables",
            Self::TryQuery { .. } => "try-query",
            Self::PreviewSync { .. } => "preview-sync",
            Self::VerifyDestination { .. } => "verify-destination",
            Self::ListStreams { .. } => "list-streams",
            Self::DescribeStream { .. } => "describe-stream",
        }
    }
}
