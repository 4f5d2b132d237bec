//! The row that examples see, and what becomes of it.

use std::collections::BTreeMap;

use domain::{Change, Column, ColumnType, Missing, NumberForm, Value};
use serde_json::Value as Json;
use template::{Context, Limits, Names, Options, Template};

use super::LANGUAGE;
use super::page::{Page, SAMPLE, cell, cells, code, tables};

/// The row that all examples see.
pub(crate) struct Sample {
    columns: Vec<Column>,
    numbers: BTreeMap<String, NumberForm>,
    row: Vec<Value>,
}

impl Sample {
    pub(crate) fn of_language() -> Self {
        Self::read(&Page::read(LANGUAGE).text)
    }

    pub(super) fn read(page: &str) -> Self {
        let mut sample = Self { columns: Vec::new(), numbers: BTreeMap::new(), row: Vec::new() };
        for row in tables(page).filter(|row| row.head.starts_with(SAMPLE)) {
            let (name, source_type, value) = (code(row.cells[0]).remove(0), row.cells[1], code(row.cells[2]).remove(0));
            let kind = kind(source_type.split(',').next().unwrap_or_default());
            if source_type.ends_with("`numbers: number`") {
                sample.numbers.insert(name.clone(), NumberForm::Number);
            } else if source_type.ends_with("`numbers: string`") {
                sample.numbers.insert(name.clone(), NumberForm::String);
            }
            let json = match kind {
                ColumnType::Json | ColumnType::Jsonb | ColumnType::Array(_) => value,
                _ if value == "null" => value,
                _ => Json::from(value).to_string(),
            };
            sample.row.push(typed(&json, &kind));
            sample.columns.push(Column { name, kind, source_type: source_type.to_owned() });
        }
        sample
    }

    /// One row of a table, with what its example gives.
    pub(super) fn row(&self, head: &str, line: &str, at: usize) -> String {
        let found = cells(line);
        let mut out: Vec<String> = found.iter().map(|cell| (*cell).to_owned()).collect();
        let last = out.len() - 1;
        let one = |source: &str, info: &str| {
            let (outcome, gives) = self.run(source, info, "");
            assert_ne!(outcome, Outcome::Error, "line {at}: {source}: {gives}");
            cell(&gives)
        };
        if head.starts_with(SAMPLE) {
            let name = code(found[0]).remove(0);
            let reference = format!("row[\"{name}\"]");
            out[last - 1] = one(&format!("{{{{ {reference} }}}}"), "");
            out[last] = one(&format!("\"{{{{ {reference} }}}}\""), "");
        } else {
            let example = code(found[last - 1]).concat();
            let text = example.contains("{%");
            let source = if text { example } else { format!("{{{{ {example} }}}}") };
            out[last] = one(&source, if text { "text" } else { "" });
        }
        format!("| {} |", out.join(" | "))
    }

    /// `info`: `text`, `key`, `missing=null`, `element`. `row`: values that differ, and what else differs.
    pub(crate) fn run(&self, source: &str, info: &str, row: &str) -> (Outcome, String) {
        let names = Names { columns: &self.columns, numbers: &self.numbers };
        let element = info.contains("element").then(|| self.place("tags"));
        let missing = if info.contains("missing=null") { Missing::Null } else { Missing::Error };
        let options = Options { missing, element, ..Options::default() };
        let (plain, compiled) = match info.split(' ').next() {
            Some("text") => (true, Template::text_with(source, &names, options)),
            Some("key") => (true, Template::key_with(source, &names, options)),
            _ => (false, Template::json_with(source, &names, options)),
        };
        match compiled {
            Err(problem) => (Outcome::Error, problem.to_string()),
            Ok(template) => match self.rendered(&template, row) {
                Err(error) => (Outcome::Error, error),
                Ok(output) if plain => (Outcome::Text, output),
                Ok(output) => {
                    serde_json::from_str::<Json>(&output).unwrap();
                    (Outcome::Json, output)
                }
            },
        }
    }

    fn place(&self, name: &str) -> usize {
        self.columns.iter().position(|column| column.name == name).unwrap_or_else(|| panic!("no column {name}"))
    }

    fn rendered(&self, template: &Template, differs: &str) -> Result<String, String> {
        let mut row: Vec<_> = self.row.iter().cloned().map(Some).collect();
        let mut previous = row.clone();
        previous[self.place("email")] = Some(Value::Text("zoe@old.example".to_owned()));
        let (mut op, mut known) = (Change::Changed, true);
        let differs = if differs.is_empty() { "{}" } else { differs };
        let differs: BTreeMap<String, Box<serde_json::value::RawValue>> = serde_json::from_str(differs).unwrap();
        for (name, value) in &differs {
            match (name.as_str(), value.get()) {
                ("op", r#""removed""#) => op = Change::Removed,
                ("op", r#""added""#) => (op, known) = (Change::Added, false),
                (name, value) => {
                    let at = self.place(name);
                    row[at] = Some(typed(value, &self.columns[at].kind));
                }
            }
        }
        let element = match &self.row[self.place("tags")] {
            Value::Array(tags) => tags.first(),
            _ => None,
        };
        let context = Context {
            op,
            row: &row,
            previous: known.then_some(&*previous),
            changed_columns: known.then_some(&["email"]),
            event_id: "1f0c9f4e7a",
            event_sequence: 1_077,
            run_id: "run_81",
            run_started_at: "2026-03-14T09:26:53Z",
            sync_id: "sync_7",
            sync_name: "Customers to the stream",
            element,
        };
        let mut out = Vec::new();
        template.render(&context, &mut out, Limits::DEFAULT.output).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Json,
    Text,
    /// The template is wrong, or the row is rejected.
    Error,
}

impl Outcome {
    pub(super) const fn fence(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Error => "error",
        }
    }
}

fn kind(name: &str) -> ColumnType {
    match name {
        "bigint" | "integer" => ColumnType::Int,
        "boolean" => ColumnType::Bool,
        "real" => ColumnType::Float4,
        "double precision" => ColumnType::Float8,
        "numeric" => ColumnType::Numeric,
        "text" => ColumnType::Text,
        "bytea" => ColumnType::Bytea,
        "date" => ColumnType::Date,
        "time" => ColumnType::Time,
        "timestamp" => ColumnType::Timestamp,
        "timestamptz" => ColumnType::TimestampTz,
        "interval" => ColumnType::Interval,
        "uuid" => ColumnType::Uuid,
        "json" => ColumnType::Json,
        "jsonb" => ColumnType::Jsonb,
        other => ColumnType::Array(Box::new(kind(other.strip_suffix("[]").unwrap_or_else(|| panic!("{other}"))))),
    }
}

/// The value of a column, from JSON: a string has the text of any type.
fn typed(json: &str, kind: &ColumnType) -> Value {
    if matches!(kind, ColumnType::Json | ColumnType::Jsonb) {
        return Value::Json(json.to_owned());
    }
    if let ColumnType::Array(element) = kind {
        let elements: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(json).unwrap();
        return Value::Array(elements.iter().map(|json| typed(json.get(), element)).collect());
    }
    let text = match serde_json::from_str(json).unwrap() {
        Json::Null => return Value::Null,
        Json::String(text) => text,
        _ => json.to_owned(),
    };
    match kind {
        ColumnType::Int => Value::Int(text.parse().unwrap()),
        ColumnType::Bool => Value::Bool(text == "true"),
        ColumnType::Float4 => Value::Float(f64::from(text.parse::<f32>().unwrap())),
        ColumnType::Float8 => Value::Float(text.parse().unwrap()),
        ColumnType::Numeric => Value::Numeric(text),
        ColumnType::Bytea => {
            let digits = text.strip_prefix("\\x").unwrap();
            Value::Bytes(
                (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect(),
            )
        }
        _ => Value::Text(text),
    }
}
