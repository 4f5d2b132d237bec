//! The API as its clients see it: the real router on a database of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a test stops it")]

mod access;
mod api_keys;
mod conventions;
mod fixture;
mod idempotency;
mod limits;
mod members;
mod sessions;
mod workspaces;
