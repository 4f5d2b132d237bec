//! What a template is compiled from: a JSON text, plain text, a key, or a single column.

use domain::Missing;

use crate::compile::{self, json};
use crate::names::Names;
use crate::problem::Problem;
use crate::program::{Builder, Mode, Place, Reference, Template};

/// How strictly a template is compiled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub missing: Missing,
    /// Nothing is known of the types of the columns: whatever a template does with them may be right.
    pub any_types: bool,
    /// Where rows fan out: the place of the array column among the names. Its elements are written as its numbers are.
    pub element: Option<usize>,
}

impl Template {
    /// Compiles a JSON text with outputs and tags. What it renders is always valid JSON.
    pub fn json(source: &str, names: &Names<'_>) -> Result<Self, Problem> {
        Self::json_with(source, names, Options::default())
    }

    pub fn json_with(source: &str, names: &Names<'_>, options: Options) -> Result<Self, Problem> {
        json::json(source, names, inner(options, names, false))
    }

    /// Compiles plain text; nothing is escaped.
    pub fn text(source: &str, names: &Names<'_>) -> Result<Self, Problem> {
        Self::text_with(source, names, Options::default())
    }

    pub fn text_with(source: &str, names: &Names<'_>, options: Options) -> Result<Self, Problem> {
        compile::text(source, names, Mode::Text, inner(options, names, false))
    }

    /// The same for a partition key or hash key. What differs between two versions of one row whose columns are
    /// equal may not be used: it would put them on different shards, where their order is lost.
    pub fn key(source: &str, names: &Names<'_>) -> Result<Self, Problem> {
        Self::key_with(source, names, Options::default())
    }

    pub fn key_with(source: &str, names: &Names<'_>, options: Options) -> Result<Self, Problem> {
        compile::text(source, names, Mode::Text, inner(options, names, true))
    }

    /// The value of one column as JSON.
    pub fn column(name: &str, names: &Names<'_>) -> Result<Self, Problem> {
        single(name, names, Mode::Json, Place::Value)
    }

    /// The value of one column as text.
    pub fn column_text(name: &str, names: &Names<'_>) -> Result<Self, Problem> {
        single(name, names, Mode::Text, Place::Text)
    }

    /// All columns of the row as a JSON object.
    pub fn row(names: &Names<'_>) -> Result<Self, Problem> {
        Self::json("{{row}}", names)
    }
}

fn inner(options: Options, names: &Names<'_>, key: bool) -> compile::Options {
    compile::Options {
        missing_is_nil: options.missing == Missing::Null,
        key,
        any_types: options.any_types,
        element: options.element.map(|index| names.style(index)),
    }
}

fn single(name: &str, names: &Names<'_>, mode: Mode, place: Place) -> Result<Template, Problem> {
    let index = names.find("", name).map_err(|(message, advice)| Problem { line: 1, column: 1, message, advice })?;
    let mut builder = Builder::new(mode, names);
    builder.hole(Reference::RowColumn(index), place);
    Ok(builder.finish())
}
