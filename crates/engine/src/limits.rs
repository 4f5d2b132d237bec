//! What Kinesis accepts. One bad record fails the whole call it is in, so every record is checked before it is put.
//!
//! Sources: the service's own model of PutRecords, its page on sizes and limits, and its page on large records.

use domain::Limits;

use crate::record::Record;
use crate::shard;

/// Records of one PutRecords call, at most.
pub const CALL_RECORDS: usize = 500;
/// Bytes of one PutRecords call that every region is known to take.
pub const CALL_BYTES: usize = 5 << 20;
/// Bytes of one PutRecords call since October 2025, where the region has it.
pub const CALL_BYTES_MAX: usize = 10 << 20;
/// Bytes of one record, unless the stream was told to take more.
pub const RECORD_BYTES: usize = 1 << 20;
/// The most that a stream can be told to take.
pub const RECORD_BYTES_MAX: usize = 10 << 20;
/// Length of a partition key. The service says "Unicode characters"; UTF-16 units are never fewer than these, and it
/// is not documented which of both it counts.
pub const PARTITION_KEY_CHARS: usize = 256;

/// Why a record would be refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    #[error("the partition key is empty; choose a column or template that always has a value")]
    EmptyPartitionKey,

    #[error("the partition key has {chars} characters, Kinesis takes {PARTITION_KEY_CHARS}; choose a shorter one")]
    LongPartitionKey { chars: usize },

    #[error(
        "the explicit hash key is not a whole number from 0 to 2^128-1 in decimal digits, without sign and leading zeros"
    )]
    ExplicitHashKey,

    #[error(
        "the record has {bytes} bytes with its partition key, the limit is {limit}. Send fewer columns, or raise the \
         stream's maximum record size and then the sync's limits"
    )]
    TooLarge { bytes: usize, limit: usize },
}

/// The bytes of a record as Kinesis counts them: data before base64, and the partition key. The explicit hash key is
/// not counted.
pub const fn billed_bytes(record: &Record) -> usize {
    record.data.len() + record.partition_key.len()
}

/// Whether Kinesis would take the record, and the limits of the sync allow it.
pub fn check(record: &Record, limits: &Limits) -> Result<(), Invalid> {
    if record.partition_key.is_empty() {
        return Err(Invalid::EmptyPartitionKey);
    }
    let chars = record.partition_key.encode_utf16().count();
    if chars > PARTITION_KEY_CHARS {
        return Err(Invalid::LongPartitionKey { chars });
    }
    if let Some(key) = &record.explicit_hash_key
        && shard::parse_explicit(key).is_none()
    {
        return Err(Invalid::ExplicitHashKey);
    }
    let (bytes, limits) = (billed_bytes(record), possible(limits));
    let limit = limits.record_bytes.min(limits.call_bytes);
    if bytes > limit { Err(Invalid::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// The limits of a sync within those of Kinesis.
pub fn possible(limits: &Limits) -> Limits {
    Limits {
        record_bytes: limits.record_bytes.clamp(1, RECORD_BYTES_MAX),
        call_bytes: limits.call_bytes.clamp(1, CALL_BYTES_MAX),
        call_records: limits.call_records.clamp(1, CALL_RECORDS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(data: usize, key: &str, hash: Option<&str>) -> Record {
        Record { data: vec![b'x'; data], partition_key: key.to_owned(), explicit_hash_key: hash.map(str::to_owned) }
    }

    #[test]
    fn the_partition_key_is_counted_and_the_limit_itself_is_allowed() {
        let limits = Limits::default();
        assert_eq!(billed_bytes(&record(10, "schlüssel", Some("7"))), 20);
        assert_eq!(check(&record(RECORD_BYTES - 3, "key", None), &limits), Ok(()));
        assert_eq!(
            check(&record(RECORD_BYTES - 2, "key", None), &limits),
            Err(Invalid::TooLarge { bytes: RECORD_BYTES + 1, limit: RECORD_BYTES })
        );
        assert_eq!(check(&record(0, "k", None), &limits), Ok(()));
    }

    #[test]
    fn keys_outside_the_format_are_refused() {
        let limits = Limits::default();
        assert_eq!(check(&record(1, "", None), &limits), Err(Invalid::EmptyPartitionKey));
        assert_eq!(check(&record(1, &"ü".repeat(256), None), &limits), Ok(()));
        assert_eq!(check(&record(1, &"k".repeat(257), None), &limits), Err(Invalid::LongPartitionKey { chars: 257 }));
        assert_eq!(check(&record(1, &"😀".repeat(129), None), &limits), Err(Invalid::LongPartitionKey { chars: 258 }));
        assert_eq!(check(&record(1, "k", Some("0")), &limits), Ok(()));
        for key in ["", "-1", "+1", "01", " 1", "1.0", "0x1", "340282366920938463463374607431768211456"] {
            assert_eq!(check(&record(1, "k", Some(key)), &limits), Err(Invalid::ExplicitHashKey), "{key}");
        }
    }

    #[test]
    fn limits_never_exceed_those_of_kinesis() {
        let wild = Limits { record_bytes: usize::MAX, call_bytes: usize::MAX, call_records: 0 };
        let limits = possible(&wild);
        assert_eq!((limits.record_bytes, limits.call_bytes, limits.call_records), (10 << 20, 10 << 20, 1));
        assert_eq!(possible(&Limits::default()), Limits::default());
        let narrow = Limits { call_bytes: 100, ..Limits::default() };
        assert_eq!(check(&record(100, "k", None), &narrow), Err(Invalid::TooLarge { bytes: 101, limit: 100 }));
    }
}
