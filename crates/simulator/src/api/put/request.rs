//! The requests as they stand in the body, and the constraints on each record.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::api::{ApiError, Target, Violations};
use crate::state::{NewRecord, hash_key};

const MAX_DATA_BYTES: usize = 10 * 1024 * 1024;
const MAX_KEY_CHARACTERS: usize = 256;

#[derive(Debug, Deserialize)]
pub(crate) struct PutRecords {
    #[serde(rename = "StreamName")]
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    #[serde(rename = "Records")]
    pub(super) records: Option<Vec<PutEntry>>,
    #[serde(rename = "DryRun")]
    pub(super) dry_run: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PutRecord {
    #[serde(rename = "StreamName")]
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    #[serde(rename = "SequenceNumberForOrdering")]
    pub(super) sequence_number_for_ordering: Option<String>,
    #[serde(rename = "DryRun")]
    pub(super) dry_run: Option<bool>,
    #[serde(rename = "Data")]
    data: Option<Blob>,
    #[serde(rename = "PartitionKey")]
    partition_key: Option<String>,
    #[serde(rename = "ExplicitHashKey")]
    explicit_hash_key: Option<String>,
    /// The one record, once `target` was called.
    #[serde(skip)]
    pub(super) entry: Vec<PutEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutEntry {
    data: Option<Blob>,
    partition_key: Option<String>,
    explicit_hash_key: Option<String>,
}

impl PutRecords {
    pub(in crate::api) fn target(&mut self) -> Target {
        Target::new(self.stream_name.take(), self.stream_arn.take())
    }

    pub(in crate::api) fn entries(&self) -> &[PutEntry] {
        self.records.as_deref().unwrap_or_default()
    }
}

impl PutRecord {
    pub(in crate::api) fn target(&mut self) -> Target {
        self.entry = vec![PutEntry {
            data: self.data.take(),
            partition_key: self.partition_key.take(),
            explicit_hash_key: self.explicit_hash_key.take(),
        }];
        Target::new(self.stream_name.take(), self.stream_arn.take())
    }

    pub(in crate::api) fn entries(&self) -> &[PutEntry] {
        &self.entry
    }
}

impl PutEntry {
    pub(crate) fn data(&self) -> &[u8] {
        self.data.as_ref().map_or(&[], |blob| &blob.0)
    }

    pub(crate) fn partition_key(&self) -> &str {
        self.partition_key.as_deref().unwrap_or_default()
    }

    /// Where the record belongs, as far as its keys are valid.
    pub(crate) fn hash(&self) -> u128 {
        let explicit = self.explicit_hash_key.as_deref().and_then(|key| key.parse().ok());
        explicit.unwrap_or_else(|| hash_key(self.partition_key()))
    }

    pub(super) fn check(&self, prefix: impl fmt::Display, violations: &mut Violations) {
        violations.required(format_args!("{prefix}data"), self.data.as_ref());
        let size = self.data().len();
        if size > MAX_DATA_BYTES {
            let value = format_args!("'java.nio.HeapByteBuffer[pos=0 lim={size} cap={size}]'");
            violations.length(format_args!("{prefix}data"), value, size, (0, MAX_DATA_BYTES));
        }
        violations.required(format_args!("{prefix}partitionKey"), self.partition_key.as_ref());
        if let Some(key) = &self.partition_key {
            let (value, characters) = (format_args!("'{key}'"), key.chars().count());
            violations.length(format_args!("{prefix}partitionKey"), value, characters, (1, MAX_KEY_CHARACTERS));
        }
        violations.hash_key(format_args!("{prefix}explicitHashKey"), self.explicit_hash_key.as_deref());
    }

    pub(super) fn into_record(self) -> Result<NewRecord, ApiError> {
        let partition_key = self.partition_key.unwrap_or_default();
        let explicit_hash_key = self.explicit_hash_key.map(|key| parse_hash_key(&key)).transpose()?;
        Ok(NewRecord {
            hash: explicit_hash_key.unwrap_or_else(|| hash_key(&partition_key)),
            explicit_hash_key,
            data: self.data.unwrap_or_default().0,
            partition_key,
        })
    }
}

pub(in crate::api) fn parse_hash_key(key: &str) -> Result<u128, ApiError> {
    key.parse().map_err(|_| {
        ApiError::invalid_argument(format!(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {key}"
        ))
    })
}

/// Binary data, base64 on the wire.
#[derive(Debug, Default)]
struct Blob(Bytes);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(BlobVisitor)
    }
}

struct BlobVisitor;

impl Visitor<'_> for BlobVisitor {
    type Value = Blob;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("base64 text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Blob, E> {
        let data = STANDARD.decode(text).map_err(|error| E::custom(format_args!("not base64: {error}")))?;
        Ok(Blob(data.into()))
    }
}
