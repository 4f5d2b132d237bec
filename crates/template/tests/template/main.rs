//! The template language, from outside: cases, problems, and what holds for any template and any row.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod cases;
mod given;
mod problems;
mod properties;
mod uses;
