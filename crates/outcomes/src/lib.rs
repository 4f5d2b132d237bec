#![doc = include_str!("../README.md")]

mod call;
mod encode;
mod error;
mod export;
mod file;
mod filter;
mod name;
mod object;
mod reader;
mod row;
mod sequence;

pub use call::{Body, Call, RecordFailure};
pub use encode::{encode_calls, encode_rows, encode_rows_of};
pub use error::{Error, Result};
pub use export::{Export, ExportFormat, Wanted};
pub use filter::{CallFilter, RowFilter};
pub use name::{NameError, ObjectName, Origin, Table, prefix};
pub use object::{CallSummary, Digest, Encoded, KeyHash, MOST_CODES, ObjectRef, RowSummary, ShardRange};
pub use reader::{CallFound, CallPage, Reader, RowFound, RowPage, Values};
pub use row::{Outcome, PutIn, RowOutcome, Text};
pub use sequence::compare_sequence_numbers;
