//! The values of a primary key as JSON, for people and for lists.

use domain::{Column, ColumnType, Value};
use engine::canonical::fields;
use engine::fan_out::{self, ELEMENT as UNNAMED};
use engine::layout::{ValuesError, values};
use serde_json::Value as Json;

use crate::Error;

/// The member that tells the element of a fan-out, if no column of the key has this name.
const ELEMENT: &str = "element";
/// Longer ones are cut for people.
const LONGEST_ELEMENT: usize = 1_000;

/// The key of a unit: `columns` are those of the row's key, and behind them the element's, if there is one.
pub(crate) fn unit_json(columns: &[Column], key: &[u8]) -> Result<Json, Error> {
    let Some((element, columns)) = columns.split_last().filter(|(last, _)| last.name == UNNAMED) else {
        return Ok(key_json(columns, &values(columns, key)?));
    };
    let mut json = key_json(columns, &values(columns, key)?);
    if let (Some(value), Json::Object(fields)) = (element_of(element, columns, key)?, &mut json) {
        fields.entry(ELEMENT).or_insert_with(|| element_json(&value));
    }
    Ok(json)
}

/// The element in the key of a unit; none in a key that is from before the fan-out.
pub(crate) fn element_of(element: &Column, columns: &[Column], key: &[u8]) -> Result<Option<Value>, Error> {
    let Some(field) = fields(key).nth(columns.len()).transpose()?.flatten() else { return Ok(None) };
    let value =
        fan_out::value(element, field).map_err(|source| ValuesError::Decode { column: ELEMENT.to_owned(), source });
    Ok(Some(value?))
}

fn element_json(value: &Value) -> Json {
    match value {
        Value::Json(text) if text.len() <= LONGEST_ELEMENT => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::from(text.as_str()))
        }
        value => match json(value) {
            Json::String(text) if text.len() > LONGEST_ELEMENT => {
                Json::from(format!("{}...", &text[..text.floor_char_boundary(LONGEST_ELEMENT)]))
            }
            other => other,
        },
    }
}

/// The key of a row: without the element that lists show with the key of a unit.
pub(crate) fn row_key(key: &Json, columns: &[Column]) -> Json {
    let mut key = key.clone();
    if let Json::Object(fields) = &mut key
        && columns.iter().all(|column| column.name != ELEMENT)
    {
        fields.shift_remove(ELEMENT);
    }
    key
}

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(name: &str, kind: ColumnType) -> Column {
        Column { name: name.to_owned(), kind, source_type: String::new() }
    }

    fn key(element: &[u8]) -> Vec<u8> {
        let mut key = Vec::new();
        engine::canonical::push_field(&mut key, Some(&7_i64.to_be_bytes()));
        engine::canonical::push_field(&mut key, Some(element));
        key
    }

    #[test]
    fn a_unit_is_shown_with_its_element() {
        let columns = |kind| [column("id", ColumnType::Int), column(UNNAMED, kind)];
        let shown = |kind, element: &[u8]| unit_json(&columns(kind), &key(element)).unwrap();
        assert_eq!(shown(ColumnType::Text, b"red"), json!({"id": 7, "element": "red"}));
        assert_eq!(shown(ColumnType::Json, b"{\"a\": [1]}"), json!({"id": 7, "element": {"a": [1]}}));
        let long = shown(ColumnType::Text, "é".repeat(5_000).as_bytes())["element"].as_str().unwrap().len();
        assert!((LONGEST_ELEMENT..LONGEST_ELEMENT + 9).contains(&long), "{long}");
        let long = shown(ColumnType::Json, format!("[{}]", "1,".repeat(5_000)).as_bytes())["element"].clone();
        assert!(long.is_string() && long.to_string().len() < LONGEST_ELEMENT + 9);
        // A key from before the fan-out, and columns from before it.
        assert_eq!(unit_json(&columns(ColumnType::Text), &key(b"")[..12]).unwrap(), json!({"id": 7}));
        assert_eq!(unit_json(&columns(ColumnType::Text)[..1], &key(b"red")).unwrap(), json!({"id": 7}));
    }

    #[test]
    fn the_key_of_a_row_has_no_element_unless_it_is_a_column() {
        let key = json!({"id": 7, "element": "red"});
        assert_eq!(row_key(&key, &[column("id", ColumnType::Int)]), json!({"id": 7}));
        assert_eq!(row_key(&key, &[column("id", ColumnType::Int), column("element", ColumnType::Text)]), key);
        assert_eq!(row_key(&json!([7]), &[column("id", ColumnType::Int)]), json!([7]));
    }
}
