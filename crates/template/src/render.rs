//! A row to bytes.

use std::collections::BTreeSet;

use domain::{Change, Value};

use crate::hole::Reference;
use crate::names::Style;
use crate::output::{Fault, Output};
use crate::program::{Hole, Place, Segment, Template};
use crate::value;

/// What a row and its event offer to a template.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub op: Change,
    /// The values of the template's columns; those acknowledged last for a removal. None where a value was not kept.
    pub row: &'a [Option<Value>],
    /// The values acknowledged last, of the same columns. A value that was not kept is null.
    pub previous: Option<&'a [Option<Value>]>,
    /// The names of the columns that changed; none where that is not known.
    pub changed_columns: Option<&'a [&'a str]>,
    pub event_id: &'a str,
    pub event_sequence: u64,
    pub run_id: &'a str,
    /// RFC 3339.
    pub run_started_at: &'a str,
    pub sync_id: &'a str,
    pub sync_name: &'a str,
}

#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("the output is longer than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the value of column `{column}` was not kept")]
    NotKept { column: String },
    #[error("the value of column `{column}` is not valid JSON")]
    InvalidJson { column: String, source: serde_json::Error },
    #[error("the value of column `{column}` is nested too deep")]
    TooDeep { column: String },
    #[error("making the output of column `{column}` takes too much work")]
    TooMuchWork { column: String },
    #[error("two members of one object get the same name")]
    DuplicateName,
}

impl Template {
    /// Appends the row's output to `out`, at most `limit` bytes. After an error `out` is as it was.
    pub fn render(&self, context: &Context<'_>, out: &mut Vec<u8>, limit: usize) -> Result<(), RenderError> {
        let start = out.len();
        let result = self.run(context, &mut Output::bounded(out, limit), limit);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// The length of the row's output, counted without keeping it; none above `cap`.
    pub fn measure(&self, context: &Context<'_>, cap: usize) -> Option<usize> {
        const CHUNK: usize = 64 << 10;
        let mut buffer = Vec::new();
        let mut out = Output::counting(&mut buffer, CHUNK, cap);
        self.run(context, &mut out, cap).ok()?;
        Some(out.counted()).filter(|length| *length <= cap)
    }

    fn run(&self, context: &Context<'_>, out: &mut Output<'_>, limit: usize) -> Result<(), RenderError> {
        let mut names = BTreeSet::new();
        let mut key_start = 0;
        for segment in &self.segments {
            match segment {
                Segment::Text(range) => out
                    .push(self.text.as_bytes().get(range.clone()).unwrap_or_default())
                    .map_err(|_| RenderError::TooLarge { limit })?,
                Segment::Hole(hole) => {
                    self.fill(hole, context, out).map_err(|fault| self.error(fault, hole.reference, limit))?;
                }
                Segment::KeyStart => key_start = out.written(),
                Segment::KeyEnd(object) => {
                    if let Some(key) = out.since(key_start) {
                        self.check_key(*object, key, &mut names)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Names are compared as what they stand for: `a` and `\u0061` are the same.
    fn check_key(&self, object: usize, key: &[u8], names: &mut BTreeSet<(usize, String)>) -> Result<(), RenderError> {
        let quoted = [b"\"", key, b"\""].concat();
        let name: String = serde_json::from_slice(&quoted)
            .map_err(|source| RenderError::InvalidJson { column: "name of a member".to_owned(), source })?;
        let literal = self.objects.get(object).is_some_and(|literal| literal.contains(&name));
        if literal || !names.insert((object, name)) { Err(RenderError::DuplicateName) } else { Ok(()) }
    }

    fn fill(&self, hole: &Hole, context: &Context<'_>, out: &mut Output<'_>) -> Result<(), Stop> {
        let place = hole.place;
        match hole.reference {
            Reference::RowColumn(index) => match context.row.get(index) {
                Some(Some(value)) => write(out, value, hole.style, place),
                _ => return Err(Stop::NotKept),
            },
            Reference::PreviousColumn(index) => {
                let value = context.previous.and_then(|previous| previous.get(index)).and_then(Option::as_ref);
                write(out, value.unwrap_or(&Value::Null), hole.style, place)
            }
            Reference::Row if context.row.iter().all(Option::is_none) && !self.columns.is_empty() => {
                return Err(Stop::NotKept);
            }
            Reference::Row => self.whole(out, context.row, place),
            Reference::Previous => match context.previous {
                Some(previous) if previous.iter().any(Option::is_some) => self.whole(out, previous, place),
                _ => write(out, &Value::Null, hole.style, place),
            },
            Reference::ChangedColumns => changed(out, context.changed_columns, place),
            Reference::EventSequence => out.push(itoa::Buffer::new().format(context.event_sequence).as_bytes()),
            Reference::Op => word(out, context.op.as_str(), place),
            Reference::EventId => word(out, context.event_id, place),
            Reference::RunId => word(out, context.run_id, place),
            Reference::RunStartedAt => word(out, context.run_started_at, place),
            Reference::SyncId => word(out, context.sync_id, place),
            Reference::SyncName => word(out, context.sync_name, place),
        }
        .map_err(Stop::Fault)
    }

    /// All columns as an object. One whose value was not kept is left out.
    fn whole(&self, out: &mut Output<'_>, values: &[Option<Value>], place: Place) -> Result<(), Fault> {
        if place != Place::Value {
            let text = out.aside(|out| self.whole(out, values, Place::Value))?;
            return value::characters(out, &text, place == Place::String);
        }
        let mut before: &[u8] = b"{";
        for listed in &self.columns {
            let Some(Some(value)) = values.get(listed.index) else { continue };
            out.push(before)?;
            before = b",";
            out.string(&listed.name)?;
            out.push(b":")?;
            value::json(out, value, listed.style)?;
        }
        out.push(if before == b"{" { b"{}" } else { b"}" })
    }

    fn error(&self, stop: Stop, reference: Reference, limit: usize) -> RenderError {
        let column = match reference {
            Reference::RowColumn(index) | Reference::PreviousColumn(index) => {
                let listed = self.columns.iter().find(|listed| listed.index == index);
                listed.map_or_else(|| "unknown".to_owned(), |listed| listed.name.clone())
            }
            Reference::Previous => "previous".to_owned(),
            _ => "row".to_owned(),
        };
        match stop {
            Stop::NotKept => RenderError::NotKept { column },
            Stop::Fault(Fault::Full) => RenderError::TooLarge { limit },
            Stop::Fault(Fault::TooMuchWork) => RenderError::TooMuchWork { column },
            Stop::Fault(Fault::TooDeep) => RenderError::TooDeep { column },
            Stop::Fault(Fault::InvalidJson(source)) => RenderError::InvalidJson { column, source },
        }
    }
}

/// Why a hole could not be filled.
enum Stop {
    NotKept,
    Fault(Fault),
}

fn write(out: &mut Output<'_>, value: &Value, style: Style, place: Place) -> Result<(), Fault> {
    match place {
        Place::Value => value::json(out, value, style),
        Place::String => value::text(out, value, style, true),
        Place::Text => value::text(out, value, style, false),
    }
}

fn word(out: &mut Output<'_>, text: &str, place: Place) -> Result<(), Fault> {
    match place {
        Place::Value => out.string(text),
        Place::String => out.escaped(text),
        Place::Text => out.push(text.as_bytes()),
    }
}

fn changed(out: &mut Output<'_>, names: Option<&[&str]>, place: Place) -> Result<(), Fault> {
    let Some(names) = names else { return write(out, &Value::Null, Style::default(), place) };
    if place == Place::Value {
        out.push(b"[")?;
    }
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.push(b",")?;
        }
        word(out, name, place)?;
    }
    if place == Place::Value { out.push(b"]") } else { Ok(()) }
}
