//! The language as other engines have it: templates, contexts, and what they render.

mod errors;
mod expressions;
mod scopes;
mod strict;
mod tags;
mod whitespace;

use template::{Limits, PlainTemplate};

/// 2024-03-01T12:00:00Z
const NOW: i64 = 1_709_294_400_000_000;

pub(crate) fn rendered(template: &str, context: &str) -> Result<String, String> {
    let context: serde_json::Value = serde_json::from_str(context).unwrap();
    let template =
        PlainTemplate::compile(template, Limits::DEFAULT).map_err(|problem| format!("compile: {problem}"))?;
    template.render(&context, NOW, Limits::DEFAULT).map_err(|error| format!("render: {error}"))
}

/// Template, context, output.
fn check(cases: &[(&str, &str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|(template, context, expected)| {
            let got = rendered(template, context);
            (got.as_deref() != Ok(*expected)).then(|| format!("{template}\n  wanted {expected:?}\n  got    {got:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
