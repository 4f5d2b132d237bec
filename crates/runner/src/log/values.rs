//! Values and keys as the JSON text of the log: exact, in the order of the columns.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{Column, ColumnType, Value};
use engine::fan_out::ELEMENT;
use engine::layout::values;
use snapshots::Shape;

use crate::Error;
use crate::key_json::element_of;

/// Key and element of a unit. `columns` are those of the row's key, and behind them the element's, if there is one.
pub(crate) fn key_text(columns: &[Column], key: &[u8]) -> Result<(String, Option<String>), Error> {
    let (element, columns) = match columns.split_last() {
        Some((last, columns)) if last.name == ELEMENT => (Some(last), columns),
        _ => (None, columns),
    };
    let text = object(columns, values(columns, key)?.iter().map(Some));
    let element = match element {
        Some(column) => element_of(column, columns, key)?.map(|value| {
            let mut text = Vec::new();
            push(&mut text, &value, is_single(&column.kind));
            utf8(text)
        }),
        None => None,
    };
    Ok((text, element))
}

/// A row as a snapshot keeps it.
pub(crate) fn row_text(shape: &Shape, row: &[u8]) -> Result<String, Error> {
    Ok(object(&shape.columns, values(&shape.columns, row)?.iter().map(Some)))
}

/// An object of the columns whose values are there.
pub(crate) fn object<'a>(columns: &[Column], values: impl Iterator<Item = Option<&'a Value>>) -> String {
    let mut text = Vec::with_capacity(32 * columns.len() + 2);
    text.push(b'{');
    for (column, value) in columns.iter().zip(values) {
        let Some(value) = value else { continue };
        if text.len() > 1 {
            text.push(b',');
        }
        push_string(&mut text, &column.name);
        text.push(b':');
        push(&mut text, value, is_single(&column.kind));
    }
    text.push(b'}');
    utf8(text)
}

/// As messages have it: numerics as strings, JSON as it stands, bytes as base64.
fn push(text: &mut Vec<u8>, value: &Value, single: bool) {
    match value {
        Value::Null => text.extend_from_slice(b"null"),
        Value::Bool(true) => text.extend_from_slice(b"true"),
        Value::Bool(false) => text.extend_from_slice(b"false"),
        // Writing into a vector cannot fail.
        Value::Int(value) => serde_json::to_writer(text, value).unwrap_or_default(),
        Value::Float(value) if !value.is_finite() => push_string(text, not_finite(*value)),
        Value::Float(value) if single => text.extend_from_slice(json(&(*value as f32)).as_bytes()),
        Value::Float(value) => text.extend_from_slice(json(value).as_bytes()),
        Value::Numeric(value) | Value::Text(value) => push_string(text, value),
        Value::Json(value) => text.extend_from_slice(value.as_bytes()),
        Value::Bytes(bytes) => push_string(text, &BASE64_STANDARD.encode(bytes)),
        Value::Array(values) => {
            text.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                push(text, value, single);
            }
            text.push(b']');
        }
    }
}

const fn not_finite(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

fn is_single(kind: &ColumnType) -> bool {
    match kind {
        ColumnType::Float4 => true,
        ColumnType::Array(kind) => is_single(kind),
        _ => false,
    }
}

fn push_string(text: &mut Vec<u8>, value: &str) {
    // Writing a text into a vector cannot fail.
    serde_json::to_writer(text, value).unwrap_or_default();
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Only texts were written.
fn utf8(text: Vec<u8>) -> String {
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: ColumnType) -> Column {
        Column { name: name.to_owned(), kind, source_type: String::new() }
    }

    #[test]
    fn values_are_exact_and_always_json() {
        let array = |kind| ColumnType::Array(Box::new(kind));
        let cases = [
            (column("i", ColumnType::Int), Value::Int(i64::MAX), "9223372036854775807"),
            (column("n", ColumnType::Numeric), Value::Numeric("1.10".to_owned()), r#""1.10""#),
            (column("f", ColumnType::Float4), Value::Float(f64::from(0.1_f32)), "0.1"),
            (column("d", ColumnType::Float8), Value::Float(0.1), "0.1"),
            (column("nan", ColumnType::Float8), Value::Float(f64::NAN), r#""NaN""#),
            (column("inf", ColumnType::Float8), Value::Float(f64::NEG_INFINITY), r#""-Infinity""#),
            (column("t\"", ColumnType::Text), Value::Text("a\"\u{1}\u{2028}".to_owned()), "\"a\\\"\\u0001\u{2028}\""),
            (column("b", ColumnType::Bytea), Value::Bytes(vec![0, 255]), r#""AP8=""#),
            (column("j", ColumnType::Json), Value::Json(r#"{ "a": 1.0 }"#.to_owned()), r#"{ "a": 1.0 }"#),
            (
                column("a", array(ColumnType::Float4)),
                Value::Array(vec![Value::Float(f64::from(0.2_f32)), Value::Null]),
                "[0.2,null]",
            ),
        ];
        let columns: Vec<_> = cases.iter().map(|(column, ..)| column.clone()).collect();
        let text = object(&columns, cases.iter().map(|(_, value, _)| Some(value)));
        let wanted: Vec<_> = cases
            .iter()
            .map(|(column, _, json)| format!("{}:{json}", serde_json::to_string(&column.name).unwrap()))
            .collect();
        assert_eq!(text, format!("{{{}}}", wanted.join(",")));
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }

    #[test]
    fn values_that_were_not_kept_are_left_out() {
        let columns = [column("a", ColumnType::Int), column("b", ColumnType::Int)];
        assert_eq!(object(&columns, [None, Some(&Value::Int(2))].into_iter()), r#"{"b":2}"#);
        assert_eq!(object(&columns, [None, None].into_iter()), "{}");
    }
}
