#![doc = include_str!("../README.md")]

mod block;
mod plan;
mod postponed;
mod rows;
mod scratch;
mod unsorted;

use std::io;
use std::path::PathBuf;

pub use plan::{PlanEntry, PlanReader, PlanWriter, Stored};
pub use postponed::Postponed;
pub use rows::{Item, Partition, PartitionItems, Read, RowSpill};
pub use scratch::{Scratch, sweep};
pub use unsorted::{Note, Spent, Stretch, Unsorted};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {step} the scratch file {path}: {source}; check the free space and the rights of the folder")]
    Io { step: &'static str, path: PathBuf, source: io::Error },
    #[error("the scratch space of this run is full: {limit} bytes are allowed; raise the limit or narrow the model")]
    Full { limit: u64 },
    #[error("the scratch file {path} is damaged at byte {offset}: {what}; the run has to plan again")]
    Damaged { path: PathBuf, offset: u64, what: &'static str },
}
