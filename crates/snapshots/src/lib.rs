#![doc = include_str!("../README.md")]

mod cache;
mod collect;
mod compact;
mod error;
mod manifest;
mod name;
mod outcomes;
mod repair;
mod segment;
mod snapshot;
mod values;

pub use collect::{COLLECT_AFTER, garbage};
pub use compact::{MOST_LAYERS, choose, compact, compact_without};
pub use error::{Error, Result};
pub use manifest::{Layer, Manifest};
pub use name::{NameError, ObjectName, Part, SegmentIdentity, SegmentKind, prefix};
pub use outcomes::{Outcomes, OutcomesError};
pub use repair::{Damage, Verified, verify};
pub use segment::{Digest, FORMAT_VERSION, ObjectRef, SegmentRef, SegmentWriter, Shape, Value};
pub use snapshot::{Census, DEFAULT_CACHE, FIRST_UNIT, Scan, Snapshot, SnapshotUnit, StoredValue, ValueAt};
pub use values::Values;
