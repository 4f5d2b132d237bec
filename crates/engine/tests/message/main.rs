//! From what a user wrote, and a row, to a record.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod given;
mod problems;
mod records;
mod rejections;
