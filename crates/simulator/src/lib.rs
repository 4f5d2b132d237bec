#![doc = include_str!("../README.md")]

mod api;
mod faults;
mod handle;
mod http;
mod iam;
mod state;

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use api::Operation;
pub use faults::{Effect, FaultReport, LateAnswer, Rule, Selection};
pub use handle::{Handle, start};
pub use iam::{Role, Session};
pub use state::{StoredRecord, hash_key};

/// The account that owns every stream and every role of the simulator.
pub const ACCOUNT_ID: &str = "000000000000";

/// How a simulator is started.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; port 0 picks a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Write limits of every shard. Default: those of Kinesis.
    pub limits: Limits,
    /// How long a stream stays CREATING, UPDATING or DELETING, in milliseconds. Default 0: changes are immediate.
    pub stream_activation_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), limits: Limits::default(), stream_activation_ms: 0 }
    }
}

/// Write limits of one shard; `None` switches a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Records per second. Kinesis: 1,000.
    pub records_per_second: Option<u32>,
    /// Bytes (data and partition key) per second. Kinesis: 1 MiB.
    pub bytes_per_second: Option<u32>,
}

impl Limits {
    /// No limits: every valid record is accepted.
    #[must_use]
    pub fn off() -> Self {
        Self { records_per_second: None, bytes_per_second: None }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { records_per_second: Some(1_000), bytes_per_second: Some(1024 * 1024) }
    }
}

/// Why the simulator could not do what its owner asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listening socket could not be opened.
    #[error("the simulator cannot listen on {address}: choose a free port, or port 0 to get one")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    /// The request was refused as Kinesis would refuse it.
    #[error("the simulator refused {operation} of stream `{stream}` with {code}: {message}")]
    Refused { operation: Operation, stream: String, code: String, message: String },
    /// A role that the simulator could not judge.
    #[error("the simulator does not take the role `{arn}`: {what}")]
    Role { arn: String, what: String },
}
