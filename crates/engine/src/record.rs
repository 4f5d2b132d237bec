//! A Kinesis record before it is sent, and why a row may not become one.

use std::fmt;

use crate::limits::Invalid;

/// What a put carries: the message, and what decides the shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub data: Vec<u8>,
    pub partition_key: String,
    /// A decimal number that takes the place of the partition key's hash.
    pub explicit_hash_key: Option<String>,
}

/// Why a row was not made into a record. It is never sent; it stays pending until it can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    pub code: Code,
    /// What is wrong with this row. It names columns, and shows none of their values.
    pub message: String,
    /// The text that could not be rendered, if it is one.
    pub place: Option<Place>,
}

/// A place in what a sync says of its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub part: Part,
    /// The path of the member, where the message is made field by field.
    pub field: Option<String>,
    /// Line and column in that text, both counted from 1.
    pub position: Option<(usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Message,
    PartitionKey,
    HashKey,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message => "the message",
            Self::PartitionKey => "the partition key",
            Self::HashKey => "the hash key",
        })
    }
}

/// The kinds of rejections that rendering has. Their words are part of the interface: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Data and partition key together exceed the limit of a record.
    RecordTooLarge,
    PartitionKeyEmpty,
    /// More than 256 characters (counted as UTF-16 does, the larger of two readings of the limit).
    PartitionKeyTooLong,
    /// Not a decimal number from 0 to 2^128-1 without sign and leading zeros.
    HashKeyInvalid,
    /// A column that must hold JSON does not.
    InvalidJson,
    /// The message of a removal needs values that were not kept.
    ValuesNotKept,
    /// The row's values do not fit the template.
    RenderFailed,
}

impl Code {
    pub const ALL: [Self; 7] = [
        Self::RecordTooLarge,
        Self::PartitionKeyEmpty,
        Self::PartitionKeyTooLong,
        Self::HashKeyInvalid,
        Self::InvalidJson,
        Self::ValuesNotKept,
        Self::RenderFailed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RecordTooLarge => "record-too-large",
            Self::PartitionKeyEmpty => "partition-key-empty",
            Self::PartitionKeyTooLong => "partition-key-too-long",
            Self::HashKeyInvalid => "hash-key-invalid",
            Self::InvalidJson => "invalid-json",
            Self::ValuesNotKept => "values-not-kept",
            Self::RenderFailed => "render-failed",
        }
    }

    /// What the user can do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::RecordTooLarge => {
                "Send fewer or shorter columns; or raise the stream's maximum record size, then `limits.record_bytes`."
            }
            Self::PartitionKeyEmpty => {
                "Choose a column or template that always has a value; the primary key is a good choice."
            }
            Self::PartitionKeyTooLong => "Choose a shorter key, or make one in the query, as in `md5(long_column)`.",
            Self::HashKeyInvalid => {
                "Make it a whole number from 0 to 340282366920938463463374607431768211455, without sign and leading \
                 zeros; or leave the hash key out."
            }
            Self::InvalidJson => {
                "Correct the value in the source, or let the query make it, as in `jsonb_build_object('id', id)`."
            }
            Self::ValuesNotKept => {
                "Let the sync keep values, or let removals use only columns of the primary key; rows that are sent \
                 again have their values kept from then on."
            }
            Self::RenderFailed => "Change the row or the template so that they fit; the message says how they do not.",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Rejection {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), place: None }
    }
}

impl From<Invalid> for Rejection {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::EmptyPartitionKey => Self::new(Code::PartitionKeyEmpty, "the partition key is empty"),
            Invalid::LongPartitionKey { chars } => Self::new(
                Code::PartitionKeyTooLong,
                format!("the partition key has {chars} characters, and Kinesis takes 256"),
            ),
            Invalid::ExplicitHashKey => {
                Self::new(Code::HashKeyInvalid, "the hash key is not a whole number from 0 to 2^128-1")
            }
            Invalid::TooLarge { bytes, limit } => Self::new(
                Code::RecordTooLarge,
                format!("the record has {bytes} bytes with its partition key, and the limit is {limit}"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own_and_advice_in_a_sentence() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert!(code.advice().ends_with('.') && code.advice().len() > 20, "{code}");
        }
    }
}
