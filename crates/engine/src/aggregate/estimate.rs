use super::encode::Blob;
use super::{DIGEST_BYTES, MAGIC, PARTITION_KEY, RECORD_BYTES};
use crate::limits::billed_bytes;
use crate::record::Record;

/// What a record that messages share has besides them.
pub const FRAME_BYTES: usize = MAGIC.len() + DIGEST_BYTES + PARTITION_KEY.len();
/// The numbers of keys in a full record have one digit more than those of an empty one.
const LONGER_NUMBERS: usize = 1;

/// What a message adds to a record that others share, about: as if no other had its partition key. `None`: it is as long as a
/// record, and has one of its own.
pub fn shared_bytes(record: &Record) -> Option<usize> {
    let alone = Blob::default().bytes_with(record) + PARTITION_KEY.len();
    (alone <= RECORD_BYTES).then_some(alone - FRAME_BYTES + LONGER_NUMBERS)
}

/// Counts records as if messages shared them in the order in which they come, all in one shard. Of more shards each has one
/// record more that is not full.
#[derive(Debug, Default)]
pub struct Filling {
    messages: usize,
    bytes: usize,
    /// Of the first message, had it a record of its own.
    first: usize,
}

impl Filling {
    /// The size of a record that is complete now, as Kinesis counts it.
    pub fn add(&mut self, record: &Record) -> Option<usize> {
        let Some(bytes) = shared_bytes(record) else { return Some(billed_bytes(record)) };
        let full = if FRAME_BYTES + self.bytes + bytes > RECORD_BYTES { self.finish() } else { None };
        if self.messages == 0 {
            self.first = billed_bytes(record);
        }
        self.messages += 1;
        self.bytes += bytes;
        full
    }

    /// The size of the last one, if there is one.
    pub fn finish(&mut self) -> Option<usize> {
        let Self { messages, bytes, first } = std::mem::take(self);
        match messages {
            0 => None,
            1 => Some(first),
            _ => Some(FRAME_BYTES + bytes),
        }
    }
}
