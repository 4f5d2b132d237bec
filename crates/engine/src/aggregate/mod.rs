//! Several messages in one Kinesis record, in the format of the Kinesis Producer Library, so that a shard takes more of them
//! than its 1,000 records a second. Consumers have to take such records apart.
//!
//! The client library of Kinesis (KCL) leaves out every message of a record in which the hash key of any one of them lies
//! outside the range of the record's shard. So messages share a record only where all of them are known to belong to one
//! shard, and [`Ranges::holds`] says afterwards whether the shard that took the record is one that holds them.

mod decode;
mod encode;
mod estimate;
mod group;
mod ranges;

pub use decode::{Child, decode};
pub use estimate::{FRAME_BYTES, Filling, shared_bytes};
pub use group::{Aggregated, Grouped, group};
pub use ranges::Ranges;

/// What an aggregated record has at most, with its partition key: one payload unit of provisioned streams. A larger record
/// would cost as much for each message, and would be lost, throttled or put twice as a whole.
pub const RECORD_BYTES: usize = domain::Limits::AGGREGATED_BYTES;
/// The partition key of the record itself, which has an explicit hash key. It is the one that the producer library uses.
pub const PARTITION_KEY: &str = "a";

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const DIGEST_BYTES: usize = 16;

/// Tags of protobuf: the number of a field, and that bytes follow (2) or a number (0).
mod tag {
    pub(super) const PARTITION_KEY_TABLE: u8 = 1 << 3 | 2;
    pub(super) const EXPLICIT_HASH_KEY_TABLE: u8 = 2 << 3 | 2;
    pub(super) const RECORDS: u8 = 3 << 3 | 2;
    pub(super) const PARTITION_KEY_INDEX: u8 = 1 << 3;
    pub(super) const EXPLICIT_HASH_KEY_INDEX: u8 = 2 << 3;
    pub(super) const DATA: u8 = 3 << 3 | 2;
}

#[cfg(test)]
mod tests;
