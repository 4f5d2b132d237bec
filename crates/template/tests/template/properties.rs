//! What holds for any template and any row.

use domain::{ColumnType, NumberForm, Value};
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::given::{Model, context, render};

/// Columns of every kind, in an order that `row` follows.
fn model() -> Model {
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
    ])
    .numbers("m", NumberForm::Number)
    .numbers("i", NumberForm::String)
}

const COLUMNS: usize = 9;

/// Text that would break out of a string, a number or a template, if anything would.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\"\\\\{}\\[\\],:%|\u{0}-\u{1f}\u{2028}é😀a1 -]{0,12}",
        Just("\",\"x\":1,\"".to_owned()),
        Just("{{ row.t }}".to_owned()),
        Just("\\".to_owned()),
        Just("\\u0022".to_owned()),
    ]
}

fn json_text() -> impl Strategy<Value = String> {
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
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        prop_oneof!["-?[0-9]{1,40}(\\.[0-9]{1,20})?", Just("NaN".to_owned()), hostile()].prop_map(Value::Numeric),
        hostile().prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
        json_text().prop_map(Value::Json),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::Array))
}

fn row() -> impl Strategy<Value = Vec<Option<Value>>> {
    proptest::collection::vec(value().prop_map(Some), COLUMNS)
}

fn hole() -> impl Strategy<Value = String> {
    let column = proptest::sample::select(vec!["t", "n", "m", "i", "f", "b", "j", "a"]);
    prop_oneof![
        4 => column.clone().prop_map(|name| format!("{{{{ row.{name} }}}}")),
        1 => column.prop_map(|name| format!("{{{{previous['{name}']}}}}")),
        1 => proptest::sample::select(vec![
            "{{ op }}", "{{ row }}", "{{ previous }}", "{{ changed_columns }}", "{{ event.id }}", "{{ event.sequence }}",
            "{{ run.id }}", "{{ run.started_at }}", "{{ sync.id }}", "{{ sync.name }}", "{{row[\"t\"]}}",
        ]).prop_map(str::to_owned),
    ]
}

/// A piece of string content: literal text that is sure to be no hole, or a hole.
fn piece() -> impl Strategy<Value = String> {
    let literal = hostile().prop_map(|text| text.replace('{', "(").replace('%', "#"));
    prop_oneof![literal, hole()]
}

/// A valid template as a tree: strings are lists of pieces.
#[derive(Debug, Clone)]
enum Part {
    Constant(String),
    Hole(String),
    String(Vec<String>),
    Array(Vec<Part>),
    Object(Vec<Part>),
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        json_text().prop_map(|json| Part::Constant(json.replace("{{", "{ {").replace("{%", "{ %"))),
        hole().prop_map(Part::Hole),
        proptest::collection::vec(piece(), 0..4).prop_map(Part::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Part::Array),
            proptest::collection::vec(inner, 0..4).prop_map(Part::Object),
        ]
    })
}

fn source(part: &Part, out: &mut String) {
    match part {
        Part::Constant(json) => out.push_str(json),
        Part::Hole(hole) => out.push_str(hole),
        Part::String(pieces) => {
            out.push('"');
            for piece in pieces {
                if piece.starts_with("{{") {
                    out.push_str(piece);
                } else {
                    let escaped = serde_json::to_string(piece).unwrap();
                    out.push_str(&escaped[1..escaped.len() - 1]);
                }
            }
            out.push('"');
        }
        Part::Array(parts) => list(parts, out, '[', ']', |_, _| {}),
        Part::Object(parts) => list(parts, out, '{', '}', |at, out| out.push_str(&format!(" \"m{at}\" : "))),
    }
}

fn list(parts: &[Part], out: &mut String, open: char, close: char, name: impl Fn(usize, &mut String)) {
    out.push(open);
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push('\n');
        name(at, out);
        source(part, out);
    }
    out.push(close);
}

/// Checks that the output has the structure of the template, and that strings hold exactly what was put into them.
fn check(part: &Part, output: &Json, model: &Model, row: &[Option<Value>]) -> Result<(), TestCaseError> {
    match (part, output) {
        (Part::Constant(json), output) => prop_assert_eq!(&serde_json::from_str::<Json>(json).unwrap(), output),
        (Part::Hole(_), _) => {}
        (Part::String(pieces), Json::String(string)) => {
            let mut expected = String::new();
            for piece in pieces {
                if piece.starts_with("{{") {
                    expected.push_str(&render(&model.text(piece).unwrap(), &context(row)).unwrap());
                } else {
                    expected.push_str(piece);
                }
            }
            prop_assert_eq!(&expected, string);
        }
        (Part::Array(parts), Json::Array(elements)) => {
            prop_assert_eq!(parts.len(), elements.len());
            for (part, element) in parts.iter().zip(elements) {
                check(part, element, model, row)?;
            }
        }
        (Part::Object(parts), Json::Object(members)) => {
            prop_assert_eq!(parts.len(), members.len());
            for (at, part) in parts.iter().enumerate() {
                check(part, &members[&format!("m{at}")], model, row)?;
            }
        }
        (part, output) => prop_assert!(false, "{part:?} became {output}"),
    }
    Ok(())
}

/// Single holes in value position read back as the value that went in.
fn exact(value: &Value, output: &Json) -> bool {
    match (value, output) {
        (Value::Null, Json::Null) => true,
        (Value::Bool(left), Json::Bool(right)) => left == right,
        (Value::Int(int), Json::Number(number)) => number.to_string() == int.to_string(),
        (Value::Float(float), Json::Number(number)) => {
            number.as_f64().is_some_and(|read| read.to_bits() == float.to_bits())
        }
        (Value::Float(float), Json::String(text)) => !float.is_finite() && text.parse::<f64>().is_ok(),
        (Value::Numeric(left) | Value::Text(left), Json::String(right)) => left == right,
        (Value::Bytes(_), Json::String(_)) => true,
        (Value::Json(left), right) => serde_json::from_str::<Json>(left).unwrap() == *right,
        (Value::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| exact(left, right))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_valid_template_renders_any_row_to_json_of_its_own_structure(part in part(), row in row()) {
        let model = model();
        let mut text = String::new();
        source(&part, &mut text);
        let template = model.json(&text).map_err(|problem| TestCaseError::fail(format!("{text}: {problem}")))?;
        let output = render(&template, &context(&row)).unwrap();
        let parsed: Json = serde_json::from_str(&output)
            .map_err(|error| TestCaseError::fail(format!("{text} became {output}: {error}")))?;
        check(&part, &parsed, &model, &row)?;
    }

    #[test]
    fn a_value_reads_back_exactly(value in value()) {
        let model = model();
        let row = [Some(value)];
        let output = render(&model.json("{{ row.t }}").unwrap(), &context(&row)).unwrap();
        let parsed: Json = serde_json::from_str(&output).unwrap();
        prop_assert!(exact(row[0].as_ref().unwrap(), &parsed), "{:?} became {}", row[0], output);
    }

    #[test]
    fn names_with_holes_never_break_the_object(left in value(), right in value()) {
        let model = model();
        let template = model.json(r#"{"a":1,{{ row.t }}:2,"x{{ row.n }}":3,"{{ row.t }}y":4}"#).unwrap();
        let row = [Some(left), Some(right)];
        match render(&template, &context(&row)) {
            Ok(output) => prop_assert_eq!(serde_json::from_str::<Json>(&output).unwrap().as_object().unwrap().len(), 4),
            Err(error) => prop_assert!(matches!(error, template::RenderError::DuplicateName), "{}", error),
        }
    }

    #[test]
    fn no_text_panics_as_a_template_and_what_compiles_renders_json(
        pieces in proptest::collection::vec(
            prop_oneof![hostile(), hole(), "[\\[\\]{}\",:]", Just("{{".to_owned()), Just("}}".to_owned()),
                Just("\"".to_owned()), Just("\"a\":".to_owned()), Just("row.".to_owned()), Just("|{%".to_owned())],
            0..8),
        row in row(),
    ) {
        let (model, source) = (model(), pieces.concat());
        if let Ok(template) = model.json(&source) {
            match render(&template, &context(&row)) {
                Ok(output) => prop_assert!(serde_json::from_str::<Json>(&output).is_ok(), "{} became {}", source, output),
                Err(error) => prop_assert!(matches!(error, template::RenderError::DuplicateName), "{}", error),
            }
        }
        if let Ok(template) = model.text(&source) {
            render(&template, &context(&row)).unwrap();
        }
    }

    #[test]
    fn a_limit_cuts_nothing_in_half(row in row(), limit in 0_usize..200) {
        let model = model();
        let template = model.json(r#"{"a":{{ row.a }},"s":"{{ row.t }}{{ row.j }}{{ row }}","b":{{ row.b }}}"#).unwrap();
        let whole = render(&template, &context(&row)).unwrap();
        let mut out = Vec::new();
        let result = template.render(&context(&row), &mut out, limit);
        prop_assert_eq!(result.is_ok(), whole.len() <= limit);
        prop_assert!(out.is_empty() || out == whole.as_bytes());
        prop_assert_eq!(template.measure(&context(&row), limit), Some(whole.len()).filter(|length| *length <= limit));
    }
}
