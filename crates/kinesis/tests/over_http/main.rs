//! The client and the writer over HTTP, with the real SDK: against the simulator, and against canned answers where
//! the simulator is too well-behaved.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails by a panic, as tests do")]

mod aggregate;
mod answers;
mod egress;
mod ends;
mod log;
mod pace;
mod puts;
mod roles;
mod signed;
mod streams;
mod world;
