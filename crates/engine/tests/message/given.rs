//! Syncs as a user writes them, a model, and rows of it.

use domain::{Change, Column, ColumnType, Value};
use engine::message::{CompiledMessage, ConfigProblem, RowContext};
use engine::record::{Record, Rejection};
use serde_json::{Value as Json, json};

pub(crate) fn columns() -> Vec<Column> {
    let column = |name: &str, kind, source_type: &str| Column {
        name: name.to_owned(),
        kind,
        source_type: source_type.to_owned(),
    };
    vec![
        column("id", ColumnType::Int, "int8"),
        column("email", ColumnType::Text, "text"),
        column("balance", ColumnType::Numeric, "numeric"),
        column("attrs", ColumnType::Jsonb, "jsonb"),
        column("at", ColumnType::TimestampTz, "timestamptz"),
    ]
}

pub(crate) fn row() -> Vec<Option<Value>> {
    vec![
        Some(Value::Int(9_007_199_254_740_993)),
        Some(Value::Text("a\"@b.test".to_owned())),
        Some(Value::Numeric("10.50".to_owned())),
        Some(Value::Json(r#"{"plan": "pro"}"#.to_owned())),
        Some(Value::Text("2026-01-02T03:04:05Z".to_owned())),
    ]
}

/// A sync with this message, partitioned by `id`; `more` is laid over it.
pub(crate) fn sync(message: &Json, more: Json) -> domain::Sync {
    let mut sync = json!({"stream": "s", "message": message, "partition_key": {"column": "id"}});
    if let (Some(sync), Json::Object(more)) = (sync.as_object_mut(), more) {
        sync.extend(more);
    }
    serde_json::from_value(sync).unwrap()
}

pub(crate) fn compile(message: &Json, more: Json) -> Result<CompiledMessage, Vec<ConfigProblem>> {
    CompiledMessage::compile(&sync(message, more), &columns())
}

/// The record of a row of the whole model.
pub(crate) fn render(message: &Json, more: Json, row: &[Option<Value>]) -> Result<Record, Rejection> {
    compile(message, more).unwrap().aligned(&columns()).render(&context(Change::Changed, row))
}

pub(crate) fn data(message: &Json, more: Json) -> String {
    String::from_utf8(render(message, more, &row()).unwrap().data).unwrap()
}

pub(crate) fn context(op: Change, row: &[Option<Value>]) -> RowContext<'_> {
    RowContext {
        op,
        row,
        previous: None,
        changed_columns: None,
        event_id: "e1",
        event_sequence: 3,
        run_id: "run_1",
        run_started_at: "2026-01-02T03:04:05Z",
        sync_id: "syn_1",
        sync_name: "users",
        element: None,
    }
}
