//! The service as a process: what it refuses to start with, and its life from the first start to a drain.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod life;
mod process;
mod refusals;
