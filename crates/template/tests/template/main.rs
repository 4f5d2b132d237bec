//! The template language, from outside: cases, problems, and what holds for any template and any row.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod attacks;
mod cases;
mod columns;
mod corpus;
mod docs;
mod filters;
mod given;
mod hostile;
mod language;
mod problems;
mod properties;
mod structure;
mod uses;
mod written;
mod wrong;
