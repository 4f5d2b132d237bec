//! What holds for any template and any row.

use domain::Value;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value as Json;
use template::RenderError;

use crate::given::{context, render};
use crate::hostile::{hostile, model, row, value};
use crate::written::{Checker, hole, part, source};

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

/// A few thousand of each, or with `ROWCAST_LONG` some millions.
#[expect(clippy::disallowed_methods, reason = "the environment chooses how long these tests take; there is no server")]
fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("ROWCAST_LONG").is_some() { 1_000_000 } else { 1_000 };
    ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::with_cases(cases) }
}

/// A row may be refused, but only for what it made the template do.
fn refused(error: &RenderError) -> bool {
    matches!(error, RenderError::DuplicateName { .. } | RenderError::Failed { .. })
}

/// Text with one token removed, doubled, replaced by another, or moved.
fn damaged(text: &str, from: &Index, to: &Index, how: u8) -> String {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return String::new();
    }
    let (from, to) = (from.index(tokens.len()), to.index(tokens.len()));
    let mut tokens = tokens;
    match how {
        0 => drop(tokens.remove(from)),
        1 => tokens.insert(to, tokens[from]),
        2 => tokens[to] = tokens[from],
        _ => {
            let token = tokens.remove(from);
            tokens.insert(to.min(tokens.len()), token);
        }
    }
    tokens.concat()
}

/// Tags, outputs, the characters of JSON's structure, and what is between them.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match rest.get(..2) {
            Some("{%") => rest.find("%}").map_or(2, |end| end + 2),
            Some("{{") => rest.find("}}").map_or(2, |end| end + 2),
            _ if "\"{}[],:\\".contains(first) => 1,
            _ => rest.find(['"', '{', '}', '[', ']', ',', ':', '\\']).unwrap_or(rest.len()).max(1),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_valid_template_renders_any_row_to_json_of_its_own_structure(part in part(), row in row()) {
        let model = model();
        let text = source(&part);
        let template = model.json(&text).map_err(|problem| TestCaseError::fail(format!("{text}: {problem}")))?;
        let output = render(&template, &context(&row)).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let parsed: Json = serde_json::from_str(&output)
            .map_err(|error| TestCaseError::fail(format!("{text} became {output}: {error}")))?;
        let checker = Checker { model: &model, row: &row };
        checker.check(&part, None, &parsed).map_err(|error| TestCaseError::fail(format!("{text} became {output}: {error}")))?;
    }

    /// A quote, a bracket or a tag goes, comes or moves: the template is refused, or its output is JSON all the same.
    #[test]
    fn a_damaged_template_is_refused_or_renders_json(
        part in part(), row in row(), damage in proptest::collection::vec((any::<Index>(), any::<Index>(), 0_u8..4), 1..3),
    ) {
        let model = model();
        let mut text = source(&part);
        for (from, to, how) in damage {
            text = damaged(&text, &from, &to, how);
        }
        if let Ok(template) = model.json(&text) {
            match render(&template, &context(&row)) {
                Ok(output) => prop_assert!(serde_json::from_str::<Json>(&output).is_ok(), "{} became {}", text, output),
                Err(error) => prop_assert!(refused(&error), "{}: {}", text, error),
            }
        }
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
            Err(error) => prop_assert!(refused(&error), "{}", error),
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
                Err(error) => prop_assert!(refused(&error), "{}", error),
            }
        }
        if let Ok(template) = model.text(&source)
            && let Err(error) = render(&template, &context(&row))
        {
            prop_assert!(refused(&error), "{}: {}", source, error);
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
