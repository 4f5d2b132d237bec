#![doc = include_str!("../README.md")]

mod approval;
mod clock;
mod compaction;
mod course;
mod error;
pub mod fail_point;
mod finish;
mod full_list;
mod job;
mod key_json;
mod lease;
mod manifest;
mod pipeline;
mod plan;
mod prepared;
mod preview;
mod progress;
mod render;
mod repair;
mod send;
mod settings;
mod worker;

pub use course::{Answer, GuardAnswer, Repair, RunOptions};
pub use error::{Error, chain};
pub use finish::Report;
pub use preview::{Preview, PreviewRecord, PreviewRejection};
pub use progress::{Phase, Progress, Reporter};
pub use settings::{Secrets, Settings, WindowLimits};
pub use worker::{Executed, Worker};
