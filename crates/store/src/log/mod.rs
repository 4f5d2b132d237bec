//! The debug log: the objects that it is made of, and which of them to ask. What is in them is the caller's.

mod object;
mod read;
mod replace;
mod retention;
mod sequence;
mod stored;
mod write;

pub use object::{LogKind, LogObject, LogObjectKey, LogObjectRef, LogShard, NewLogObject, UnloggedWindow};
pub use retention::LogUsage;
pub(crate) use write::add_log;
