//! The API as its clients see it: the real router on a database of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a test stops it")]

mod access;
mod api_keys;
mod approvals;
mod configured;
mod conventions;
mod destinations;
mod drafts;
mod erasures;
mod fixture;
mod idempotency;
mod limits;
mod log;
mod logged;
mod members;
mod models;
mod rejections;
mod runs;
mod schema_names;
mod sessions;
mod sources;
mod syncs;
mod worker;
mod workspaces;
