//! The template language, from outside: cases, problems, and what holds for any template and any row.

mod cases;
mod given;
mod problems;
mod properties;
mod uses;
