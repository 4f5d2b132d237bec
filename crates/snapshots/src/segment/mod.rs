//! A segment: an immutable pair of objects, hashes and values, whose every byte is vouched for by what the manifest
//! keeps of it. The format is described byte by byte in the crate's README.

mod bytes;
mod cursor;
mod entry;
mod footer;
mod header;
mod reader;
mod writer;

use domain::SyncId;
use engine::rules::Epoch;
use serde::{Deserialize, Serialize};

use crate::name::SegmentKind;

pub use header::{FORMAT_VERSION, Shape};
pub use writer::{SegmentWriter, Value};

pub(crate) use cursor::{Cursor, Step, Wanted};
#[cfg(test)]
pub(crate) use entry::put_value;
pub(crate) use entry::{Effect, Plain, Position};
pub(crate) use reader::{OpenLayer, ValueBlock};

/// What the manifest keeps of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    pub sync: SyncId,
    pub epoch: Epoch,
    pub number: u32,
    pub kind: SegmentKind,
    pub entries: u64,
    pub hashes: ObjectRef,
    pub values: ObjectRef,
}

/// What the manifest keeps of one object of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    pub name: String,
    /// The lengths of the whole object, of its header and of its footer.
    pub bytes: u64,
    pub header: u64,
    pub footer: u64,
    pub digest: Digest,
}

impl SegmentRef {
    /// The length of both objects.
    pub const fn bytes(&self) -> u64 {
        self.hashes.bytes + self.values.bytes
    }

    /// The names of both objects.
    pub fn objects(&self) -> [&str; 2] {
        [&self.hashes.name, &self.values.name]
    }
}

/// BLAKE3 over header and footer of an object; the footer vouches for the blocks. Printed as hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(hash.into())
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&blake3::Hash::from(self.0).to_hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        blake3::Hash::from_hex(text.as_bytes()).map(Self::from).map_err(serde::de::Error::custom)
    }
}
