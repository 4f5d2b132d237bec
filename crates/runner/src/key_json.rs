//! The values of a primary key as JSON, for people and for lists.

use domain::{Column, ColumnType, Value};
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

/// One text a key column, so that it does not matter whether someone writes `7` or `"7"`.
pub(crate) fn texts(key: &Json, columns: &[Column]) -> Result<Vec<String>, String> {
    let names = || columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    match key {
        Json::Array(values) if values.len() == columns.len() => {
            Ok(values.iter().zip(columns).map(|(value, column)| text(value, &column.kind)).collect())
        }
        Json::Array(values) => Err(format!("a key has {} values ({}), not {}", columns.len(), names(), values.len())),
        Json::Object(fields) => {
            if let Some(unknown) = fields.keys().find(|name| columns.iter().all(|column| column.name != **name)) {
                return Err(format!("`{unknown}` is no column of the key ({})", names()));
            }
            let value = |column: &Column| {
                let value =
                    fields.get(&column.name).ok_or_else(|| format!("the column `{}` is missing", column.name))?;
                Ok(text(value, &column.kind))
            };
            columns.iter().map(value).collect()
        }
        _ => Err(format!("a key is an array or an object of the values of {}", names())),
    }
}

pub(crate) fn text(value: &Json, kind: &ColumnType) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if *kind == ColumnType::Uuid {
        return text.to_ascii_lowercase();
    }
    let numeric = matches!(kind, ColumnType::Numeric | ColumnType::Float4 | ColumnType::Float8);
    let plain = text.contains('.') && !text.contains(['e', 'E']);
    // `1.50` and `1.5` are one key.
    if numeric && plain { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
