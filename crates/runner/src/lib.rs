#![doc = include_str!("../README.md")]

mod access;
mod account;
mod aggregation;
mod ahead;
mod approval;
mod batch;
mod clock;
mod compaction;
mod course;
mod crowd;
mod erase;
mod error;
pub mod fail_point;
mod finish;
mod full_list;
mod job;
mod key_json;
mod lease;
mod log;
mod manifest;
mod pipeline;
mod plan;
mod prepared;
mod preview;
mod progress;
mod render;
mod repair;
mod role;
mod secrets;
mod send;
pub mod service;
mod settings;
mod shard_maps;
mod worker;

pub use account::Billed;
pub use course::{
    Answer, ChosenRejections, ChosenRows, EraseKeys, GuardAnswer, PutOutcome, Repair, RunOptions, SendRows,
};
pub use error::{Error, chain};
pub use finish::Report;
pub use lease::Signals;
pub use plan::NotSent;
pub use preview::{Preview, PreviewRecord, PreviewRejection};
pub use progress::{Phase, Progress, Reporter};
pub use settings::{DefaultChain, RunLimits, Secrets, Settings, WindowLimits};
pub use shard_maps::ShardMaps;
pub use worker::{Executed, Worker};
