//! What stands between `{{` and `}}`.

use crate::cursor::Cursor;
use crate::names::{Names, is_name, nearest};
use crate::problem::{Problem, quoted};

/// What a hole is filled with. Columns are indexes into the columns of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    Row,
    RowColumn(usize),
    Previous,
    PreviousColumn(usize),
    ChangedColumns,
    Op,
    EventId,
    EventSequence,
    RunId,
    RunStartedAt,
    SyncId,
    SyncName,
}

const ROOTS: [&str; 7] = ["row", "previous", "changed_columns", "op", "event", "run", "sync"];

/// Reads a hole; the cursor stands at its `{{`.
pub(crate) fn parse(cursor: &mut Cursor<'_>, names: &Names<'_>) -> Result<Reference, Problem> {
    let start = cursor.offset();
    cursor.eat("{{");
    if cursor.peek() == Some('-') {
        return Err(cursor.problem("`{{-` is not supported yet", "Write `{{`."));
    }
    skip_space(cursor);
    let reference = path(cursor, names, start)?;
    skip_space(cursor);
    if cursor.eat("}}") {
        return Ok(reference);
    }
    Err(match cursor.peek() {
        None => never_closed(cursor, start),
        Some('|') => cursor.problem("filters (`|`) are not supported yet", "Do it in the query, and use its column."),
        Some('-') if cursor.starts_with("-}}") => cursor.problem("`-}}` is not supported yet", "Write `}}`."),
        Some('.' | '[') => cursor.problem(
            "paths into the value of a column are not supported yet",
            "Take that part out in the query, as a column of its own.",
        ),
        Some(other) => {
            cursor.problem(format!("expected `}}}}`, found {}", quoted(&other.to_string())), "A hole holds one path.")
        }
    })
}

fn path(cursor: &mut Cursor<'_>, names: &Names<'_>, start: usize) -> Result<Reference, Problem> {
    let at = cursor.offset();
    let root = cursor.take_while(is_name);
    match root {
        "row" => Ok(column(cursor, names, root, start)?.map_or(Reference::Row, Reference::RowColumn)),
        "previous" => Ok(column(cursor, names, root, start)?.map_or(Reference::Previous, Reference::PreviousColumn)),
        "changed_columns" => Ok(Reference::ChangedColumns),
        "op" => Ok(Reference::Op),
        "event" => field(cursor, root, start, &[("id", Reference::EventId), ("sequence", Reference::EventSequence)]),
        "run" => field(cursor, root, start, &[("id", Reference::RunId), ("started_at", Reference::RunStartedAt)]),
        "sync" => field(cursor, root, start, &[("id", Reference::SyncId), ("name", Reference::SyncName)]),
        "" => Err(no_path(cursor, start)),
        other => Err(unknown_root(cursor, names, other, at)),
    }
}

fn no_path(cursor: &Cursor<'_>, start: usize) -> Problem {
    match cursor.peek() {
        None => never_closed(cursor, start),
        Some('}') => cursor.problem("the hole is empty", "Write a path into it, as in `{{ row.column }}`."),
        // A nested object is the likeliest thing that looks like a hole and is none.
        Some('"' | '\'') => cursor.problem(
            "`{{` opens a hole, and a hole cannot begin with a quote",
            "Write a path, as in `{{ row.column }}`; an object in an object needs a name: `{\"name\": {...}}`.",
        ),
        Some('{') => cursor.problem_at(
            start,
            "`{{{` opens no hole",
            "Write `{{ row.column }}`; where an object begins with a hole, put a space between: `{ {{ row.column }}: 1}`.",
        ),
        Some(other) => cursor.problem(
            format!("a hole cannot begin with {}", quoted(&other.to_string())),
            "Write a path, as in `{{ row.column }}`.",
        ),
    }
}

fn unknown_root(cursor: &Cursor<'_>, names: &Names<'_>, name: &str, at: usize) -> Problem {
    let advice = if names.columns.iter().any(|column| column.name == name) {
        format!("The column is written `row.{name}`.")
    } else if let Some(near) = nearest(name, ROOTS.into_iter()) {
        format!("Did you mean `{near}`?")
    } else {
        "A path begins with `row`, `previous`, `changed_columns`, `op`, `event`, `run` or `sync`.".to_owned()
    };
    cursor.problem_at(at, format!("there is no {}", quoted(name)), advice)
}

/// `.name` or `["name"]`; none where the whole row is meant.
fn column(cursor: &mut Cursor<'_>, names: &Names<'_>, root: &str, start: usize) -> Result<Option<usize>, Problem> {
    let Some((name, at)) = step(cursor, start)? else {
        return match duplicate(names) {
            None => Ok(None),
            Some(name) => Err(cursor.problem(
                format!("the model has more than one column {}", quoted(name)),
                "Give each column of the query a name of its own with `AS`.",
            )),
        };
    };
    names.find(root, name).map(Some).map_err(|(message, advice)| cursor.problem_at(at, message, advice))
}

fn duplicate<'a>(names: &Names<'a>) -> Option<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.columns.iter().map(|column| column.name.as_str()).find(|name| !seen.insert(*name))
}

fn field(
    cursor: &mut Cursor<'_>,
    root: &str,
    start: usize,
    fields: &[(&str, Reference)],
) -> Result<Reference, Problem> {
    let list = || fields.iter().map(|(name, _)| format!("`{root}.{name}`")).collect::<Vec<_>>().join(" or ");
    let Some((name, at)) = step(cursor, start)? else {
        return Err(cursor.problem(format!("`{root}` alone has no value"), format!("Write {}.", list())));
    };
    match fields.iter().find(|(field, _)| *field == name) {
        Some((_, reference)) => Ok(*reference),
        None => Err(cursor.problem_at(at, format!("`{root}` has no {}", quoted(name)), format!("Write {}.", list()))),
    }
}

/// A name and where it stands.
fn step<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<Option<(&'a str, usize)>, Problem> {
    if cursor.eat(".") {
        let at = cursor.offset();
        return match cursor.take_while(is_name) {
            "" => Err(cursor.problem("a name is missing after the dot", "Write `row.column`, or `row[\"Any name\"]`.")),
            name => Ok(Some((name, at))),
        };
    }
    if !cursor.eat("[") {
        return Ok(None);
    }
    skip_space(cursor);
    let quote = match cursor.peek() {
        Some(quote @ ('"' | '\'')) => quote,
        Some('\\') => {
            return Err(cursor.problem(
                "quotes in a hole are not escaped",
                "Write `row[\"Any name\"]` or `row['Any name']`, in a JSON string too.",
            ));
        }
        _ => return Err(cursor.problem("a quoted name must stand in the brackets", "Write `row[\"Any name\"]`.")),
    };
    cursor.bump();
    let at = cursor.offset();
    let name = cursor.take_while(|character| character != quote);
    if cursor.bump().is_none() {
        return Err(never_closed(cursor, start));
    }
    skip_space(cursor);
    if !cursor.eat("]") {
        return Err(cursor.problem("expected `]`", "Write `row[\"Any name\"]`."));
    }
    Ok(Some((name, at)))
}

fn skip_space(cursor: &mut Cursor<'_>) {
    cursor.take_while(char::is_whitespace);
}

fn never_closed(cursor: &Cursor<'_>, start: usize) -> Problem {
    cursor.problem_at(start, "this hole is never closed", "Write `}}` after the path.")
}
