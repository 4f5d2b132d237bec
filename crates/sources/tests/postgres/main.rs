//! The PostgreSQL source against a real server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod common;
mod connect;
mod describe;
mod egress;
mod look;
mod parts;
mod read;
mod tls;
mod types;
