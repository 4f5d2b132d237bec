//! Plain text with holes, and a single column as a template.

use crate::cursor::Cursor;
use crate::hole::{self, Reference};
use crate::names::Names;
use crate::problem::Problem;
use crate::program::{Builder, Mode, Place, Template};

impl Template {
    /// Compiles plain text with holes; nothing is escaped.
    pub fn text(source: &str, names: &Names<'_>) -> Result<Self, Problem> {
        parse(source, names, &|_| None)
    }

    /// The same for a partition key or hash key. What differs between two versions of one row whose columns are
    /// equal may not be used: it would put them on different shards, where their order is lost.
    pub fn key(source: &str, names: &Names<'_>) -> Result<Self, Problem> {
        parse(source, names, &|reference| match reference {
            Reference::EventId => Some("event.id"),
            Reference::EventSequence => Some("event.sequence"),
            Reference::RunId => Some("run.id"),
            Reference::RunStartedAt => Some("run.started_at"),
            Reference::Op => Some("op"),
            Reference::Previous | Reference::PreviousColumn(_) => Some("previous"),
            Reference::ChangedColumns => Some("changed_columns"),
            Reference::Row | Reference::RowColumn(_) | Reference::SyncId | Reference::SyncName => None,
        })
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

fn parse(
    source: &str,
    names: &Names<'_>,
    forbidden: &dyn Fn(Reference) -> Option<&'static str>,
) -> Result<Template, Problem> {
    let mut cursor = Cursor::new(source)?;
    let mut builder = Builder::new(Mode::Text, names);
    while let Some(next) = cursor.peek() {
        let start = cursor.offset();
        if cursor.starts_with("{{") {
            let reference = hole::parse(&mut cursor, names)?;
            if let Some(path) = forbidden(reference) {
                return Err(cursor.problem_at(
                    start,
                    format!(
                        "a key cannot use `{path}`: messages of one row would land on different shards, out of order"
                    ),
                    "Use columns of the primary key, as in `{{ row.id }}`.",
                ));
            }
            builder.hole(reference, Place::Text);
        } else if cursor.starts_with("{%") {
            return Err(cursor.problem(
                "tags (`{% ... %}`) are not supported yet",
                "Only holes like `{{ row.column }}` can be used; do the rest in the query.",
            ));
        } else if next == '{' {
            cursor.bump();
            builder.text("{");
        } else {
            builder.text(cursor.take_while(|character| character != '{'));
        }
    }
    Ok(builder.finish())
}

fn single(name: &str, names: &Names<'_>, mode: Mode, place: Place) -> Result<Template, Problem> {
    let index = names.find("", name).map_err(|(message, advice)| Problem { line: 1, column: 1, message, advice })?;
    let mut builder = Builder::new(mode, names);
    builder.hole(Reference::RowColumn(index), place);
    Ok(builder.finish())
}
