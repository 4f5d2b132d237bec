//! The filters that every Liquid has, as Liquid in Ruby answers. A case per line: a template, its context, and either
//! what it gives or that it is an error.

use serde_json::Value;
use template::{Limits, PlainTemplate};

/// 2016-03-14, twelve o'clock UTC.
pub(super) const NOW: i64 = 1_457_956_800_000_000;

pub(super) fn render(template: &str, context: &Value) -> Result<String, String> {
    let compiled = PlainTemplate::compile(template, Limits::DEFAULT).map_err(|problem| problem.to_string())?;
    compiled.render(context, NOW, Limits::DEFAULT).map_err(|error| error.to_string())
}

#[test]
fn standard_filters_answer_as_in_ruby() {
    let mut wrong = Vec::new();
    for line in include_str!("standard.ndjson").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let nothing = serde_json::json!({});
        let given = render(case["template"].as_str().unwrap(), case.get("context").unwrap_or(&nothing));
        let fits = match (case.get("expected"), &given) {
            (Some(expected), Ok(output)) => expected.as_str() == Some(output),
            (None, Err(_)) => true,
            _ => false,
        };
        if !fits {
            wrong.push(format!("{line}\n    gives {given:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}
