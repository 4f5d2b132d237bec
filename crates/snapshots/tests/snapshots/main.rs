//! The acknowledged snapshot, over files.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails by a panic, as tests do")]

mod common;
mod compaction;
mod damage;
mod fixture;
mod segments;
mod values;
