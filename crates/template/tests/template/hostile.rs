//! Rows that would break a message, if anything would.

use std::sync::LazyLock;

use domain::{ColumnType, NumberForm, Value};
use proptest::prelude::*;
use proptest::string::{RegexGeneratorStrategy, string_regex};
use serde_json::Value as Json;

use crate::given::Model;

/// Columns of every kind, in an order that `row` follows.
pub(crate) fn model() -> Model {
    let array = |kind| ColumnType::Array(Box::new(kind));
    Model::new(&[
        ("t", ColumnType::Text),
        ("n", ColumnType::Numeric),
        ("m", ColumnType::Numeric),
        ("i", ColumnType::Int),
        ("f", ColumnType::Float8),
        ("b", ColumnType::Bytea),
        ("j", ColumnType::Json),
        ("a", array(ColumnType::Text)),
        ("odd \" name\n", ColumnType::Text),
        ("flag", ColumnType::Bool),
        ("list", ColumnType::Jsonb),
    ])
    .numbers("m", NumberForm::Number)
    .numbers("i", NumberForm::String)
}

const COLUMNS: usize = 9;
const FLAG: usize = 9;
const LIST: usize = 10;

/// Written as a text, an expression would be read again for each value.
type Expression = LazyLock<RegexGeneratorStrategy<String>>;

/// As `any::<String>()` has it.
static ANY: Expression = LazyLock::new(|| string_regex("\\PC*").unwrap());
static SYNTAX: Expression =
    LazyLock::new(|| string_regex("[\"\\\\{}\\[\\],:%|\u{0}-\u{1f}\u{2028}é😀a1 -]{0,12}").unwrap());
static DIGITS: Expression = LazyLock::new(|| string_regex("-?[0-9]{1,40}(\\.[0-9]{1,20})?").unwrap());

/// Text that would break out of a string, a number or a template, if anything would.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        &*ANY,
        &*SYNTAX,
        Just("\",\"x\":1,\"".to_owned()),
        Just("{{ row.t }}".to_owned()),
        Just("\\".to_owned()),
        Just("\\u0022".to_owned()),
    ]
}

pub(crate) fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        hostile().prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::vec((hostile(), inner), 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
    .prop_map(|json| serde_json::to_string_pretty(&json).unwrap())
}

/// Any value in any column, whatever the column's type.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        prop_oneof![&*DIGITS, Just("NaN".to_owned()), hostile()].prop_map(Value::Numeric),
        hostile().prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
        json_text().prop_map(Value::Json),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::Array))
}

/// Values of any type, then one that is true or not, then a list of texts.
pub(crate) fn row() -> impl Strategy<Value = Vec<Option<Value>>> {
    let list = proptest::collection::vec(hostile(), 0..4).prop_map(|texts| Value::Json(Json::from(texts).to_string()));
    let flag = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::Bool), Just(Value::Int(0))];
    (proptest::collection::vec(value(), COLUMNS), flag, list).prop_map(|(mut row, flag, list)| {
        row.extend([flag, list]);
        row.into_iter().map(Some).collect()
    })
}

pub(crate) fn flag(row: &[Option<Value>]) -> bool {
    !matches!(row[FLAG], Some(Value::Null | Value::Bool(false)))
}

pub(crate) fn list(row: &[Option<Value>]) -> Vec<String> {
    let Some(Value::Json(text)) = &row[LIST] else { return Vec::new() };
    serde_json::from_str(text).unwrap()
}
