//! The typed values of a row. A value is exact: no integer, decimal or text is rounded on its way from the source.

use serde::{Deserialize, Serialize};

/// A value of a row, as messages and templates see it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// May be NaN or infinite; JSON, which has neither, gets them as text.
    Float(f64),
    /// An exact decimal as the source prints it, `NaN`, `Infinity` and `-Infinity` included.
    Numeric(String),
    /// Text, and every type whose text form is its value: uuid, dates and times (RFC 3339), enums, ranges, inet ...
    Text(String),
    Bytes(Vec<u8>),
    /// A JSON text, kept as the source wrote it.
    Json(String),
    Array(Vec<Value>),
}

impl Value {
    pub const fn null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// The type of a column: how its canonical bytes are read. Types that are not listed reach us as their text form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnType {
    Bool,
    /// Any integer width, widened to eight bytes.
    Int,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytea,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Jsonb,
    /// One or more dimensions of one of the types above.
    Array(Box<ColumnType>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// The name of the type in the source, for people.
    pub source_type: String,
}
