#![doc = include_str!("../README.md")]

mod batch;
mod client;
mod dry_run;
mod error;
mod failure;
mod put;
mod settings;
mod stop;
mod streams;
mod window;
mod writer;

pub use client::Client;
pub use dry_run::DryRun;
pub use error::Error;
pub use failure::Failure;
pub use settings::{Access, Keys, Settings, Timeouts, WriterSettings};
pub use stop::Stop;
pub use streams::{Stream, StreamMode, StreamStatus, StreamSummary};
pub use window::{Call, CallError, CallNumbers, Clock, PutOutcome, RecordFailure, WindowResult};
pub use writer::Writer;
