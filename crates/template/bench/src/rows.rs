//! Rows of ten columns, without characters that JSON would escape: stock engines do not escape.

use domain::{Column, ColumnType, NumberForm, Value};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub id: i64,
    pub uid: String,
    pub email: String,
    pub name: String,
    pub age: i64,
    pub balance: Digits,
    pub active: bool,
    pub updated_at: String,
    pub attrs: Box<RawValue>,
    pub note: String,
}

/// A decimal: serde_json writes its digits as they are.
pub type Digits = serde_json::Number;

pub fn rows(count: usize) -> Vec<Row> {
    (0..count)
        .map(|n| Row {
            id: n as i64,
            uid: format!("{:032x}", n * 7_919),
            email: format!("User{n}@mail.test"),
            name: format!("{} {n:08}", ["Ann", "Bob", "Eve"][n % 3]),
            age: (n % 80) as i64,
            balance: serde_json::from_str(&format!("{}.{:02}", n * 37 % 9_999, n % 100)).expect("a number"),
            active: n % 3 == 0,
            updated_at: format!("2024-01-01T{:02}:{:02}:{:02}Z", n / 3_600 % 24, n / 60 % 60, n % 60),
            attrs: RawValue::from_string(format!("{{\"plan\":\"pro\",\"seats\":{}}}", n % 9)).expect("JSON"),
            note: format!("{:060x}", n * 104_729),
        })
        .collect()
}

impl Row {
    /// As the engine gets it from a source.
    pub fn typed(&self) -> Vec<Option<Value>> {
        [
            Value::Int(self.id),
            Value::Text(self.uid.clone()),
            Value::Text(self.email.clone()),
            Value::Text(self.name.clone()),
            Value::Int(self.age),
            Value::Numeric(self.balance.to_string()),
            Value::Bool(self.active),
            Value::Text(self.updated_at.clone()),
            Value::Json(self.attrs.get().to_owned()),
            Value::Text(self.note.clone()),
        ]
        .map(Some)
        .into()
    }

    /// As stock `liquid` likes it best: an object that is made before.
    pub fn object(&self) -> liquid::Object {
        liquid::object!({
            "id": self.id,
            "uid": self.uid,
            "email": self.email,
            "name": self.name,
            "age": self.age,
            "balance": self.balance.to_string(),
            "active": self.active,
            "updated_at": self.updated_at,
            "attrs": self.attrs.get(),
            "note": self.note,
        })
    }

    /// As LiquidJS likes it: digits that it must not round, and JSON, are text.
    pub fn javascript(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id, "uid": self.uid, "email": self.email, "name": self.name, "age": self.age,
            "balance": self.balance.to_string(), "active": self.active, "updated_at": self.updated_at,
            "attrs": self.attrs.get(), "note": self.note,
        })
    }
}

pub fn columns() -> Vec<Column> {
    use ColumnType::{Bool, Int, Jsonb, Numeric, Text};
    let columns = [
        ("id", Int),
        ("uid", Text),
        ("email", Text),
        ("name", Text),
        ("age", Int),
        ("balance", Numeric),
        ("active", Bool),
        ("updated_at", Text),
        ("attrs", Jsonb),
        ("note", Text),
    ];
    columns.map(|(name, kind)| Column { name: name.to_owned(), kind, source_type: String::new() }).into()
}

pub fn numbers() -> BTreeMap<String, NumberForm> {
    BTreeMap::from([("balance".to_owned(), NumberForm::Number)])
}
