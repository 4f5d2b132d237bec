//! Runs in process, with a real PostgreSQL and the simulator: forgetting keys, and roles that are not accepted.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod erase;
mod found;
mod resend;
mod roles;
