#![doc = include_str!("../README.md")]

mod compile;
mod compose;
mod fault;
mod filter;
mod limits;
mod mentioned;
mod names;
mod output;
mod problem;
mod program;
mod render;
mod syntax;
mod text;
mod value;

pub use compose::{Member, Node};
pub use limits::Limits;
pub use mentioned::mentioned;
pub use names::{Names, nearest};
pub use problem::Problem;
pub use program::{Mode, Template, Uses};
pub use render::{Context, PlainTemplate, RenderError};
pub use text::Options;
pub use value::size as value_size;

/// The longest source of a template, in bytes.
pub const MAX_SOURCE: usize = 64 << 10;

/// The deepest nesting of objects and arrays, in a template and in the arrays of a row.
pub const MAX_DEPTH: usize = 64;

/// The names of all filters.
pub fn filters() -> impl Iterator<Item = &'static str> {
    filter::all().iter().map(|filter| filter.name)
}

/// The names of all tags.
pub fn tags() -> impl Iterator<Item = &'static str> {
    syntax::TAGS.into_iter()
}
