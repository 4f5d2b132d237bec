//! The source text of a template as a tree.

pub(crate) mod ast;
pub(crate) mod blank;
mod expression;
mod lexer;
mod parser;
mod scanner;
mod tags;

pub(crate) use parser::{parse, parse_plain};
pub(crate) use tags::NAMES as TAGS;
