#![doc = include_str!("../README.md")]

mod batch;
mod bodies;
mod call_log;
mod client;
mod dry_run;
mod error;
mod failure;
mod http;
mod identity;
mod put;
mod role;
mod settings;
mod shards;
mod slot;
mod stop;
mod streams;
mod sts;
mod texts;
mod verify;
mod window;
mod writer;

pub use call_log::{BodyPolicy, CallLog, Keep};
pub use client::Client;
pub use dry_run::DryRun;
pub use error::Error;
pub use failure::Failure;
pub use role::{Base, RoleAccess, session_name};
pub use settings::{Access, Keys, Settings, Timeouts, WriterSettings};
pub use shards::{Shard, StreamDetails};
pub use stop::Stop;
pub use streams::{Stream, StreamMode, StreamStatus, StreamSummary};
pub use verify::{Attempt, Finding, RoleCheck, RoleVerdict, Verification, verify, verify_role};
pub use window::{Call, CallError, CallNumbers, Clock, PutIn, PutOutcome, RecordFailure, WindowResult};
pub use writer::Writer;
