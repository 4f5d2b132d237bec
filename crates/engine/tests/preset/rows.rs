//! Rows for the columns of each preset.

use domain::{Change, Column, ColumnType, Value};
use engine::message::{CompiledMessage, RowContext};
use engine::preset::{Preset, PresetMessage};
use engine::record::{Record, Rejection};
use serde_json::json;

/// What breaks messages that are put together as text.
pub(crate) const HOSTILE: &str = "\"}],{{ row.id }}{% if %}\\\u{0}\n</script>\u{2028}\u{202e}é";

pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) op: Change,
    pub(crate) row: Vec<Option<Value>>,
    pub(crate) previous: Option<Vec<Option<Value>>>,
    pub(crate) element: Option<Value>,
}

/// The columns of the preset, and one more where it takes them.
pub(crate) fn columns(preset: &Preset) -> Vec<Column> {
    let mut columns: Vec<_> = preset.columns.iter().map(|column| column.column.clone()).collect();
    if preset.other_columns {
        for (name, kind, source_type) in
            [("email", ColumnType::Text, "text"), ("balance", ColumnType::Numeric, "numeric")]
        {
            columns.push(Column { name: name.to_owned(), kind, source_type: source_type.to_owned() });
        }
    }
    columns
}

/// A row added, changed, removed; one of nulls, and one of hostile texts.
pub(crate) fn cases(preset: &Preset) -> Vec<Case> {
    let columns = columns(preset);
    let row = |value: &dyn Fn(&Column) -> Value| columns.iter().map(|column| Some(value(column))).collect::<Vec<_>>();
    let is_key = |column: &Column| preset.key.contains(&column.name) || partitions(preset, column);
    let old = row(&|column| usual(column, false));
    let new = row(&|column| usual(column, true));
    let nulls = row(&|column| if is_key(column) { usual(column, false) } else { Value::Null });
    let bad = row(&|column| hostile(column));
    let element = |text: &str| preset.fan_out.is_some().then(|| Value::Text(text.to_owned()));
    let case = |what, op, row: &Vec<_>, previous: Option<&Vec<_>>, text| Case {
        what,
        op,
        row: row.clone(),
        previous: previous.cloned(),
        element: element(text),
    };
    vec![
        case("added", Change::Added, &old, None, "p-1"),
        case("changed", Change::Changed, &new, Some(&old), "p-1"),
        case("removed", Change::Removed, &new, Some(&new), "p-1"),
        case("nulls", Change::Changed, &nulls, Some(&old), "p-1"),
        case("hostile", Change::Changed, &bad, Some(&bad), HOSTILE),
    ]
}

fn partitions(preset: &Preset, column: &Column) -> bool {
    preset.partition_key == domain::Expression::Column(column.name.clone())
}

/// Before and after a change.
fn usual(column: &Column, changed: bool) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    let audience = |id: &str| {
        json!({"id": id, "qualified_at": "2026-03-01T08:00:00Z", "name": format!("Audience {id}"),
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z",
            "mapping_created_at": "2026-01-03T00:00:00Z", "mapping_updated_at": "2026-01-04T00:00:00.250Z"})
    };
    match column.name.as_str() {
        "id" if column.kind == ColumnType::Text => text("9007199254740993"),
        "id" => Value::Int(9_007_199_254_740_993),
        "profile_id" => text("0b8a0c4e-6f0e-4f0e-9a59-3a1c2f6d7e10"),
        "source_id" => text("5e0c1f6a-27d1-4b9f-8a44-90d9b1a7c3e2"),
        "user_id" => text("user-7"),
        "event_id" => text("evt-1"),
        "event_code" => text("purchase"),
        "occurred_at" => text("2026-03-14T09:26:53.589Z"),
        "first_name" => text("Zoe"),
        "last_name" => text("Berg"),
        "birth_date" => text("1990-02-28"),
        "email" => text(if changed { "zoe@new.example" } else { "zoe@old.example" }),
        "balance" => Value::Numeric("10.50".to_owned()),
        "audience" => text("Big spenders"),
        "source_name" => text("Big spenders"),
        "partner_ids" => Value::Array(vec![text("p-1"), text("p-2")]),
        "partner_number" => Value::Int(12),
        "site_number" => Value::Int(3),
        "source_number" => Value::Int(81),
        "identities" => Value::Json(r#"{"crmid": ["42"], "email": ["zoe@a.example", "zoe@b.example"]}"#.to_owned()),
        "segments" if changed => Value::Json(json!([audience("b"), audience("c")]).to_string()),
        "segments" => Value::Json(json!([audience("a"), audience("b")]).to_string()),
        "profile_vars" => Value::Json(format!(r#"{{"tier": "gold", "visits": {}}}"#, if changed { 8 } else { 7 })),
        "event_data" => Value::Json(r#"{"total": 19.90, "skus": ["A1"]}"#.to_owned()),
        "user_attributes" => Value::Json(r#"{"city": "Oslo"}"#.to_owned()),
        "data" => Value::Json(r#"{"score": 0.10, "vip": true}"#.to_owned()),
        other => panic!("the column {other} is new: give it a value here"),
    }
}

fn hostile(column: &Column) -> Value {
    match (&column.kind, column.name.as_str()) {
        (ColumnType::Text, _) => Value::Text(HOSTILE.to_owned()),
        (ColumnType::Jsonb, "identities") => Value::Json(json!({HOSTILE: [HOSTILE]}).to_string()),
        (ColumnType::Jsonb, "segments") => Value::Json(
            json!([{"id": HOSTILE, "name": HOSTILE, "status": HOSTILE, "qualified_at": HOSTILE}]).to_string(),
        ),
        (ColumnType::Jsonb, _) => Value::Json(json!({HOSTILE: HOSTILE}).to_string()),
        _ => usual(column, true),
    }
}

pub(crate) fn compile(preset: &Preset, message: &PresetMessage) -> CompiledMessage {
    let mut sync = json!({
        "stream": "s",
        "message": {"json": message.json},
        "partition_key": preset.partition_key,
        "triggers": preset.triggers,
    });
    if let Some(fan_out) = &preset.fan_out {
        sync["fan_out"] = json!(fan_out);
    }
    let sync = serde_json::from_value(sync).unwrap();
    CompiledMessage::compile(&sync, &columns(preset)).unwrap_or_else(|problems| panic!("{}: {problems:#?}", preset.id))
}

pub(crate) fn render(preset: &Preset, message: &PresetMessage, case: &Case) -> Result<Record, Rejection> {
    let columns = columns(preset);
    compile(preset, message).aligned(&columns).render(&RowContext {
        op: case.op,
        row: &case.row,
        previous: case.previous.as_deref(),
        changed_columns: None,
        event_id: "1f0c9f4e7a",
        event_sequence: 1077,
        run_id: "run_81",
        run_started_at: "2026-03-14T09:30:00Z",
        sync_id: "sync_7",
        sync_name: "Customers \"all\"",
        element: case.element.as_ref(),
    })
}
