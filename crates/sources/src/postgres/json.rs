//! Rows in canonical form as JSON, for people who look at a model: the way that messages write values by default.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{Column, Value};
use serde_json::Value as Json;

use crate::Error;

/// `number`: of the row in its result, from 1, for messages.
pub(super) fn row_json(columns: &[Column], row: &[u8], number: u64) -> Result<Vec<Json>, Error> {
    let damaged = |_corrupt| Error::Malformed { row: number, reason: "a column has an impossible length" };
    let mut out = Vec::with_capacity(columns.len());
    for (column, field) in columns.iter().zip(engine::canonical::fields(row)) {
        let value = match field.map_err(damaged)? {
            None => Value::Null,
            Some(bytes) => engine::canonical::decode(&column.kind, bytes).map_err(|source| Error::Value {
                row: number,
                column: column.name.clone(),
                source,
            })?,
        };
        out.push(json(value));
    }
    Ok(out)
}

/// Exact: JSON numbers keep their digits here, and what JSON has no number for is a text.
fn json(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(value),
        Value::Int(value) => Json::from(value),
        Value::Float(value) if value.is_finite() => Json::from(value),
        Value::Float(value) if value.is_nan() => Json::from("NaN"),
        Value::Float(value) => Json::from(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Numeric(text) | Value::Text(text) => Json::from(text),
        Value::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
        // One that is nested deeper than is parsed here is shown as the text that it is.
        Value::Json(text) => serde_json::from_str(&text).unwrap_or(Json::String(text)),
        Value::Array(values) => values.into_iter().map(json).collect(),
    }
}
