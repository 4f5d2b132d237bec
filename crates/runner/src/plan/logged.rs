//! Values as the log has them, back in canonical form.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{Change, Column, ColumnType, Value};
use engine::canonical::{encode, push_field};
use engine::hash::{Hash128, HashKey, Purpose, hash};
use engine::layout::Layout;
use outcomes::RowOutcome;
use serde_json::value::RawValue;

use crate::Error;
use crate::plan::picks::{Found, Pick};

/// A row of the log as a chosen unit with its values. `None`: it has no unit, so it was never put.
pub(super) fn pick(layout: &Layout, key: &HashKey, row: &RowOutcome<'_>) -> Result<Option<Pick>, Error> {
    let (Some(unit), Some(op)) = (row.unit, row.op) else { return Ok(None) };
    let chosen = Pick::chosen(unit, op, key_with_element(row));
    let values = if op == Change::Removed { &row.previous } else { &row.row };
    let element = match (layout.element(), &row.element) {
        (None, None) => None,
        (Some(column), Some(text)) => match element(column, text) {
            Some(bytes) => Some(bytes),
            None => return Ok(Some(Pick { found: Found::ValuesDoNotFit, ..chosen })),
        },
        // The sync fans out since then, or no longer.
        _ => return Ok(Some(Pick { found: Found::ValuesDoNotFit, ..chosen })),
    };
    let used = values.as_ref().map(|text| columns(layout.used(), text));
    Ok(Some(match used {
        Some(Some(used)) => whole(layout, key, chosen, used, element)?,
        // A removal may need no values: its message says so, or is rejected.
        _ if op == Change::Removed => key_alone(layout, chosen, row, element),
        None => Pick { found: Found::ValuesNotLogged, ..chosen },
        Some(None) => Pick { found: Found::ValuesDoNotFit, ..chosen },
    }))
}

fn whole(layout: &Layout, key: &HashKey, chosen: Pick, used: Vec<u8>, element: Option<Vec<u8>>) -> Result<Pick, Error> {
    let (unit, watched) = match layout.hash_used(key, &used) {
        Ok(found) if found.0.key == chosen.unit.key => found,
        // The key has other columns by now, or a null.
        _ => return Ok(Pick { found: Found::ValuesDoNotFit, ..chosen }),
    };
    debug_assert_eq!(unit.key, chosen.unit.key, "of the same row");
    let mut kept = Vec::new();
    let content: Hash128 = match element {
        None => {
            let content = hash(key, Purpose::Row, &[&used]);
            kept = used;
            content
        }
        Some(element) => Layout::unit_row(key, &used, &element, &mut kept),
    };
    let unit_key = layout.unit_key_of(&kept)?;
    Ok(Pick { hashes: [content, watched], kept: Some(kept), unit_key, ..chosen })
}

fn key_alone(layout: &Layout, chosen: Pick, row: &RowOutcome<'_>, element: Option<Vec<u8>>) -> Pick {
    let key: Vec<Column> = layout.key_columns().cloned().collect();
    match columns(&key, &row.key) {
        Some(mut unit_key) => {
            if let Some(element) = element {
                push_field(&mut unit_key, Some(&element));
            }
            Pick { unit_key, ..chosen }
        }
        None => Pick { found: Found::ValuesDoNotFit, ..chosen },
    }
}

/// As lists show the key of a unit.
pub(super) fn key_with_element(row: &RowOutcome<'_>) -> String {
    match &row.element {
        Some(element) if row.key.ends_with('}') => {
            let comma = if row.key.len() > 2 { "," } else { "" };
            format!("{}{comma}\"element\":{element}}}", &row.key[..row.key.len() - 1])
        }
        _ => row.key.clone().into_owned(),
    }
}

/// The columns of an object of the log, in canonical form, if it has them all.
fn columns(columns: &[Column], text: &str) -> Option<Vec<u8>> {
    let found: HashMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let mut out = Vec::with_capacity(text.len());
    for column in columns {
        match value(&column.kind, found.get(&column.name)?)? {
            Value::Null => push_field(&mut out, None),
            value => push_field(&mut out, Some(&encode(&column.kind, &value)?)),
        }
    }
    Some(out)
}

fn element(column: &Column, text: &str) -> Option<Vec<u8>> {
    if column.kind == ColumnType::Json {
        return Some(text.as_bytes().to_vec());
    }
    encode(&column.kind, &value(&column.kind, serde_json::from_str(text).ok()?)?)
}

/// What `log::object` wrote. A null of JSON cannot be told from a null of SQL, and messages show both alike.
fn value(kind: &ColumnType, raw: &RawValue) -> Option<Value> {
    let text = raw.get();
    if text == "null" {
        return Some(Value::Null);
    }
    let string = || serde_json::from_str::<String>(text).ok();
    Some(match kind {
        ColumnType::Bool => Value::Bool(text.parse().ok()?),
        ColumnType::Int => Value::Int(text.parse().ok()?),
        ColumnType::Float4 | ColumnType::Float8 => Value::Float(match string().as_deref() {
            Some("NaN") => f64::NAN,
            Some("Infinity") => f64::INFINITY,
            Some("-Infinity") => f64::NEG_INFINITY,
            Some(_) => return None,
            None => text.parse().ok()?,
        }),
        ColumnType::Numeric => Value::Numeric(string()?),
        ColumnType::Bytea => Value::Bytes(BASE64_STANDARD.decode(string()?).ok()?),
        ColumnType::Json | ColumnType::Jsonb => Value::Json(text.to_owned()),
        ColumnType::Array(element) => {
            let values: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let json = matches!(**element, ColumnType::Json | ColumnType::Jsonb);
            let one = |raw: &&RawValue| {
                let nested = !json && raw.get().starts_with('[');
                value(if nested { kind } else { element }, raw)
            };
            Value::Array(values.iter().map(one).collect::<Option<_>>()?)
        }
        _ => Value::Text(string()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::object;
    use engine::layout::values;

    fn column(name: &str, kind: ColumnType) -> Column {
        Column { name: name.to_owned(), kind, source_type: String::new() }
    }

    #[test]
    fn what_the_log_wrote_has_the_bytes_that_it_was_written_of() {
        let array = |kind| ColumnType::Array(Box::new(kind));
        let text = |text: &str| Value::Text(text.to_owned());
        let all = [
            (column("i", ColumnType::Int), Value::Int(i64::MIN)),
            (column("n", ColumnType::Numeric), Value::Numeric("-12.3400".to_owned())),
            (column("f", ColumnType::Float4), Value::Float(0.1)),
            (column("d", ColumnType::Float8), Value::Float(-1e300)),
            (column("inf", ColumnType::Float8), Value::Float(f64::NEG_INFINITY)),
            (column("t\"", ColumnType::Text), text("a\"\u{1}é")),
            (column("b", ColumnType::Bytea), Value::Bytes(vec![0, 255])),
            (column("j", ColumnType::Json), Value::Json(r#"{ "a": [1.0, null] }"#.to_owned())),
            (column("jb", ColumnType::Jsonb), Value::Json(r#""text""#.to_owned())),
            (column("w", ColumnType::TimestampTz), text("2024-02-29T01:02:03.5Z")),
            (column("day", ColumnType::Date), text("0044-03-15 BC")),
            (column("u", ColumnType::Uuid), text("0190b3f0-c4d2-7c3e-9a51-f2b8d6e07a14")),
            (column("null", ColumnType::Text), Value::Null),
            (column("no", ColumnType::Bool), Value::Bool(false)),
            (column("at", array(ColumnType::Text)), Value::Array(vec![text("["), Value::Null])),
            (
                column("an", array(ColumnType::Int)),
                Value::Array(vec![Value::Array(vec![Value::Int(1)]), Value::Array(vec![Value::Null])]),
            ),
        ];
        let (kinds, known): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let mut bytes = Vec::new();
        for (column, value) in kinds.iter().zip(&known) {
            let field = (!value.null()).then(|| encode(&column.kind, value).unwrap());
            push_field(&mut bytes, field.as_deref());
        }
        let read = values(&kinds, &bytes).unwrap();
        assert_eq!(read, known);
        let text = object(&kinds, read.iter().map(Some));
        assert_eq!(columns(&kinds, &text), Some(bytes), "{text}");
        assert_eq!(columns(&[column("other", ColumnType::Int)], &text), None);
        assert_eq!(columns(&[column("i", ColumnType::Text)], &text), None);
    }

    #[test]
    fn the_element_stands_with_the_key() {
        let row = |key: &'static str, element: Option<&'static str>| RowOutcome {
            key: key.into(),
            element: element.map(Into::into),
            ..RowOutcome::default()
        };
        assert_eq!(key_with_element(&row(r#"{"id":7}"#, None)), r#"{"id":7}"#);
        assert_eq!(key_with_element(&row(r#"{"id":7}"#, Some("\"red\""))), r#"{"id":7,"element":"red"}"#);
    }
}
