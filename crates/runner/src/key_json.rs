//! The values of a primary key as JSON, for people and for lists.

use domain::{Column, Value};
use serde_json::Value as Json;

pub(crate) fn key_json(columns: &[Column], values: &[Value]) -> Json {
    columns.iter().zip(values).map(|(column, value)| (column.name.clone(), json(value))).collect()
}

pub(crate) fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Float(value) if value.is_finite() => Json::from(*value),
        Value::Float(value) => Json::from(value.to_string()),
        Value::Numeric(text) | Value::Text(text) | Value::Json(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        Value::Array(values) => values.iter().map(json).collect(),
    }
}
