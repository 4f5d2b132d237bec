//! What somebody would write to hurt the service. The tests of the whole read this list too.

mod growing;
mod shapes;
mod values;

use serde_json::{Value, json};

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) template: String,
    pub(crate) context: Value,
    pub(crate) ends: Ends,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It does not compile.
    Refused,
    /// It compiles, and rendering ends with an error.
    Stopped,
    /// It renders this.
    Renders(String),
    /// It may render or not; nothing else may happen.
    Bounded,
}

pub(crate) fn all() -> Vec<Attack> {
    let kinds = [
        growing::ranges,
        growing::growth,
        growing::quadratic,
        shapes::nesting,
        shapes::long_sources,
        shapes::odd_loops,
        shapes::unicode,
        values::numbers,
        values::dates,
    ];
    kinds.iter().flat_map(|attacks| attacks()).collect()
}

fn attack(name: &'static str, template: impl Into<String>, ends: Ends) -> Attack {
    with(name, template, json!({}), ends)
}

fn with(name: &'static str, template: impl Into<String>, context: Value, ends: Ends) -> Attack {
    Attack { name, template: template.into(), context, ends }
}

fn renders(text: &str) -> Ends {
    Ends::Renders(text.to_owned())
}

/// `count` times `step`, after `before`.
fn again(before: &str, step: &str, count: usize, after: &str) -> String {
    format!("{before}{}{after}", step.repeat(count))
}

/// The text so many times, with a number in the place of `#`.
fn long_names(text: &str, count: usize) -> String {
    (0..count).map(|n| text.replace('#', &n.to_string())).collect()
}
