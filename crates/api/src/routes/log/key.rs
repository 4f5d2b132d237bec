//! From a key as people write it to the hash that the log is sorted by.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{Column, ColumnType, RunId};
use engine::canonical::key_field;
use engine::form::CANONICAL_VERSION;
use engine::hash::{Hash128, Purpose, hash};
use outcomes::{RowFilter, Values};
use serde_json::{Map, Value};
use store::{LogKind, Page, SyncDetails, Workspace};

use super::pages::{Log, reference};
use crate::{Caller, Problem};

/// Where a hash cannot be computed, so many of the newest runs and of their objects are searched for the key's text.
const RUNS: u32 = 50;
const OBJECTS: usize = 200;

/// A key that is asked for.
pub(super) struct Wanted {
    /// Of each form that keys of this sync had.
    pub(super) hashes: BTreeSet<Hash128>,
    /// Not everything was searched that may hold it.
    pub(super) cut: bool,
}

/// `text`: a JSON array of the key's values, or an object of them.
pub(super) async fn wanted(log: &Log, caller: &Caller, sync: &SyncDetails, text: &str) -> Result<Wanted, Problem> {
    let names = caller.scope.model(sync.model).await?.config.key;
    let key = parsed(text, &names)?;
    let workspace = caller.scope.workspace_state().await?;
    let (mut hashes, mut by_text) = (BTreeSet::new(), Vec::new());
    for (_, form) in caller.scope.forms(sync.id).await? {
        let known = form.hash_key_id == workspace.hash_key_id && form.canonical_version == CANONICAL_VERSION;
        let Some(values) = values(&key, &form.key) else { continue };
        match hash_of(&workspace, &form.key, &values).filter(|_| known) {
            Some(hash) => drop(hashes.insert(hash)),
            None => by_text.push(form.key),
        }
    }
    by_text.dedup();
    let mut cut = false;
    for columns in by_text {
        if let Some(values) = values(&key, &columns) {
            cut |= search(log, caller, sync, &columns, &values, &mut hashes).await?;
        }
    }
    Ok(Wanted { hashes, cut })
}

fn parsed(text: &str, names: &[String]) -> Result<Map<String, Value>, Problem> {
    let expected = || {
        let detail = format!("A JSON array of the values of {} is expected, or an object of them.", names.join(", "));
        Problem::invalid_parameter("key", detail)
    };
    let scalar = |value: &Value| matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_));
    let key: Map<String, Value> = match serde_json::from_str(text).map_err(|_| expected())? {
        Value::Array(values) if values.len() == names.len() => names.iter().cloned().zip(values).collect(),
        Value::Object(values) => values,
        _ => return Err(expected()),
    };
    let plain = key.iter().all(|(name, value)| scalar(value) || name == "element");
    if key.is_empty() || !plain { Err(expected()) } else { Ok(key) }
}

/// The values in the order of the columns; none if these are not the columns of the key. Lists show the element of a fan-out with
/// the key, which is no part of it.
fn values<'a>(key: &'a Map<String, Value>, columns: &[Column]) -> Option<Vec<&'a Value>> {
    let found: Option<Vec<&Value>> = columns.iter().map(|column| key.get(&column.name)).collect();
    let others = key.keys().filter(|name| columns.iter().all(|column| column.name != **name));
    found.filter(|_| others.into_iter().all(|name| name == "element"))
}

/// None if a value is of a type whose bytes only the source knows to make.
fn hash_of(workspace: &Workspace, columns: &[Column], values: &[&Value]) -> Option<Hash128> {
    let mut bytes = Vec::new();
    for (column, value) in columns.iter().zip(values) {
        key_field(&column.kind, &canonical(&column.kind, &text(value))?, &mut bytes);
    }
    Some(hash(&workspace.hash_key, Purpose::Key, &[&bytes]))
}

fn canonical(kind: &ColumnType, text: &str) -> Option<Vec<u8>> {
    match kind {
        ColumnType::Int => text.parse::<i64>().ok().map(|number| number.to_be_bytes().to_vec()),
        ColumnType::Text => Some(text.as_bytes().to_vec()),
        ColumnType::Bool => text.parse::<bool>().ok().map(|value| vec![u8::from(value)]),
        ColumnType::Uuid => uuid::Uuid::try_parse(text).ok().map(|uuid| uuid.as_bytes().to_vec()),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Finds rows by the text of their key; their hashes are in the log. Returns whether there was more to look at.
async fn search(
    log: &Log,
    caller: &Caller,
    sync: &SyncDetails,
    columns: &[Column],
    values: &[&Value],
    hashes: &mut BTreeSet<Hash128>,
) -> Result<bool, Problem> {
    let wanted: Vec<String> =
        columns.iter().zip(values).map(|(column, value)| as_logged(&column.kind, value)).collect();
    let longest = wanted.iter().max_by_key(|text| text.len()).cloned().unwrap_or_default();
    let escaped = Value::from(longest).to_string();
    let filter = RowFilter { key_text: Some(escaped.trim_matches('"').to_owned()), ..RowFilter::default() };
    let runs = caller.scope.sync_runs(sync.id, None, Page::first(RUNS)).await?;
    let mut left = OBJECTS;
    for run in &runs {
        for object in newest(caller, run.id).await? {
            if left == 0 {
                return Ok(true);
            }
            left -= 1;
            let mut from = Some(0);
            while let Some(at) = from {
                let read = match log.reader()?.rows(&reference(&object), &filter, at, 100, Values::Skip).await {
                    Ok(read) => read,
                    // The pages of the timeline tell of it.
                    Err(_) => break,
                };
                let is = |key: &str| {
                    let found = serde_json::from_str::<Map<String, Value>>(key).unwrap_or_default();
                    let mut each = columns.iter().zip(&wanted);
                    each.all(|(column, text)| {
                        found.get(&column.name).is_some_and(|v| as_logged(&column.kind, v) == *text)
                    })
                };
                let found = read.rows.iter().find(|found| is(&found.row.key)).and_then(|found| found.row.unit);
                if let Some(unit) = found {
                    hashes.insert(unit.key);
                    return Ok(false);
                }
                from = read.next;
            }
        }
    }
    Ok(runs.len() == RUNS as usize)
}

async fn newest(caller: &Caller, run: RunId) -> Result<Vec<store::LogObject>, Problem> {
    let mut objects = caller.scope.log_objects(run, LogKind::Rows).await?;
    objects.reverse();
    Ok(objects)
}

/// A value of a key so that equal ones have equal texts, each of which stands in the log where the value does.
fn as_logged(kind: &ColumnType, value: &Value) -> String {
    let text = text(value);
    match kind {
        ColumnType::Uuid => text.to_ascii_lowercase(),
        // `1.50` and `1.5` are one key.
        ColumnType::Numeric | ColumnType::Float4 | ColumnType::Float8
            if text.contains('.') && !text.contains(['e', 'E']) =>
        {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        // Lists show hexadecimal digits, the log base64.
        ColumnType::Bytea => match unhex(&text) {
            Some(bytes) => BASE64_STANDARD.encode(bytes),
            None => text,
        },
        _ => text,
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x").unwrap_or(text);
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(name: &str, kind: ColumnType) -> Column {
        Column { name: name.to_owned(), kind, source_type: String::new() }
    }

    #[test]
    fn a_key_is_an_array_or_an_object_of_its_columns() {
        let names = ["a".to_owned(), "b".to_owned()];
        let columns = [column("a", ColumnType::Int), column("b", ColumnType::Text)];
        for text in ["[1, \"x\"]", "{\"b\": \"x\", \"a\": 1}", "{\"b\": \"x\", \"a\": 1, \"element\": {\"y\": 2}}"] {
            let key = parsed(text, &names).unwrap();
            assert_eq!(values(&key, &columns).unwrap(), [&json!(1), &json!("x")], "{text}");
        }
        let other = parsed("{\"a\": 1, \"c\": 2}", &names).unwrap();
        assert!(values(&other, &columns).is_none());
        for odd in ["", "7", "[1]", "[1, null]", "{}", "{\"a\": [1]}", "[1, 2, 3]"] {
            assert!(parsed(odd, &names).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_the_source_alone_can_write_is_found_by_its_text() {
        let kinds =
            [ColumnType::Numeric, ColumnType::Float8, ColumnType::Bytea, ColumnType::Date, ColumnType::TimestampTz];
        for kind in kinds {
            assert_eq!(canonical(&kind, "1"), None);
        }
        assert_eq!(as_logged(&ColumnType::Numeric, &json!("1.50")), as_logged(&ColumnType::Numeric, &json!(1.5)));
        assert_eq!(as_logged(&ColumnType::Bytea, &json!("00ff")), as_logged(&ColumnType::Bytea, &json!("AP8=")));
        assert_eq!(canonical(&ColumnType::Int, "-1"), Some(vec![255; 8]));
        assert_eq!(canonical(&ColumnType::Int, "x"), None);
    }
}
