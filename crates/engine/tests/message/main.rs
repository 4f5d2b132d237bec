//! From what a user wrote, and a row, to a record.

mod given;
mod problems;
mod records;
mod rejections;
