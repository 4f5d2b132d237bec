#![doc = include_str!("../README.md")]

mod compose;
mod cursor;
mod hole;
mod json;
mod names;
mod output;
mod problem;
mod program;
mod render;
mod string;
mod text;
mod value;

pub use compose::Node;
pub use names::{Names, nearest};
pub use problem::Problem;
pub use program::{Template, Uses};
pub use render::{Context, RenderError};
pub use value::size as value_size;

/// The longest source of a template, in bytes.
pub const MAX_SOURCE: usize = 64 << 10;

/// The deepest nesting of objects and arrays, in a template and in the arrays of a row.
pub const MAX_DEPTH: usize = 64;
