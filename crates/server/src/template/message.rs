//! A template and a context to what is rendered, or why not.

use serde_json::{Map, Value};
use template::{Context, Limits, Names, Options, PlainTemplate, Problem, Template};

use super::context::Given;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// A message: JSON with Liquid.
    Json,
    /// Liquid as other engines have it.
    Text,
}

/// Where elements come from: from no column in particular, so that they are written as their values say.
pub(super) const ELEMENT: usize = usize::MAX;

/// `now` is in microseconds since 1970.
pub(super) fn render(language: Language, source: &str, context: &Value, now: i64) -> Result<String, String> {
    // A context that is left out is an empty one.
    let empty = Value::Object(Map::new());
    let context = if context.is_null() { &empty } else { context };
    match language {
        Language::Json => message(source, &Given::read(context)?, now),
        Language::Text if !context.is_object() => Err("the context is no JSON object".to_owned()),
        Language::Text => {
            let template = PlainTemplate::compile(source, Limits::default()).map_err(|problem| problem.to_string())?;
            template.render(context, now, Limits::default()).map_err(|error| error.to_string())
        }
    }
}

fn message(source: &str, given: &Given, now: i64) -> Result<String, String> {
    let template = compile(source, given).map_err(|problem| problem.to_string())?;
    let written = &given.written;
    let names: Option<Vec<&str>> =
        written.changed_columns.as_ref().map(|names| names.iter().map(String::as_str).collect());
    let started_at = match &written.run.started_at {
        Some(text) => text.clone(),
        None => rfc3339(now)?,
    };
    let context = Context {
        op: written.op,
        row: &given.row,
        previous: given.previous.as_deref(),
        changed_columns: names.as_deref(),
        event_id: &written.event.id,
        event_sequence: written.event.sequence,
        run_id: &written.run.id,
        run_started_at: &started_at,
        sync_id: &written.sync.id,
        sync_name: &written.sync.name,
        element: given.element.as_ref(),
    };
    let mut out = Vec::new();
    template.render(&context, &mut out, Limits::default().output).map_err(|error| error.to_string())?;
    String::from_utf8(out).map_err(|_| "the output is not UTF-8 text".to_owned())
}

/// Where a column has only nulls, nothing is known of its type.
fn compile(source: &str, given: &Given) -> Result<Template, Problem> {
    let element = given.element.as_ref().map(|_| ELEMENT);
    let options = Options { any_types: given.untyped, element, ..Options::default() };
    Template::json_with(source, &Names { columns: &given.columns, numbers: &given.numbers }, options)
}

fn rfc3339(micros: i64) -> Result<String, String> {
    use time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .map_err(|error| error.to_string())
        .and_then(|time| time.format(&Rfc3339).map_err(|error| error.to_string()))
}
