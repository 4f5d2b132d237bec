//! The same for messages: JSON with Liquid, and a hostile row.

use domain::{ColumnType, Value};
use template::{Problem, RenderError};

use crate::given::{self, LIMIT, Model};

enum Ended {
    Refused(Problem),
    Stopped(RenderError),
    Rendered(String),
}

/// Columns for numbers, text and JSON.
fn model() -> Model {
    Model::new(&[("n", ColumnType::Int), ("s", ColumnType::Text), ("j", ColumnType::Jsonb)])
}

fn ended(source: &str, row: [Value; 3]) -> Ended {
    let template = match model().json(source) {
        Ok(template) => template,
        Err(problem) => return Ended::Refused(problem),
    };
    let mut out = b"before".to_vec();
    match template.render(&given::context(&row.map(Some)), &mut out, LIMIT) {
        Ok(()) => Ended::Rendered(String::from_utf8(out.split_off(6)).unwrap()),
        Err(error) => {
            assert_eq!(out, b"before", "an error leaves nothing behind: {source}");
            Ended::Stopped(error)
        }
    }
}

fn row(j: &str) -> [Value; 3] {
    [Value::Int(i64::MIN), Value::Text("\"},\u{0}\\".repeat(1_000)), Value::Json(j.to_owned())]
}

#[test]
fn a_message_that_would_take_too_much_is_refused_or_stopped() {
    let many = format!("[{}]", vec!["1"; 5_000].join(","));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let members = format!("{{{}}}", (0..3_000).map(|n| format!("\"a{n}\":{n}")).collect::<Vec<_>>().join(","));
    for (source, json) in [
        ("[".repeat(30_000), "1"),
        ("{\"a\":".repeat(10_000), "1"),
        ("[".repeat(30_000) + &"]".repeat(30_000), "1"),
        ("{% if row.n %}[".repeat(2_000), "1"),
        ("[{% for i in (1..1000000000) %}{% endfor %}]".to_owned(), "1"),
        ("[{% for i in (1..1000000000) %}1{% endfor %}]".to_owned(), "1"),
        ("[{% for i in (1..1000000000) %},{% endfor %}]".to_owned(), "1"),
        ("{ {% for i in (1..1000000) %}\"k{{ i }}\": {{ row.s }},{% endfor %} }".to_owned(), "1"),
        ("{ {% for i in (1..2) %}\"k\": 1{% endfor %} }".to_owned(), "1"),
        (
            "[{% for i in row.j %}{% for k in row.j %}{% for l in row.j %}{% endfor %}{% endfor %}{% endfor %}]"
                .to_owned(),
            &many,
        ),
        ("[{% for i in row.j %}{{ row.j }}{% endfor %}]".to_owned(), &many),
        ("[{% for i in row.j %}{{ row.j | sort | join: ',' }}{% endfor %}]".to_owned(), &many),
        ("{ \"a\": {{ row.j | json }} }".to_owned(), &deep),
        ("{ \"a\": {{ row.j }} }".to_owned(), &deep),
        ("{ \"a\": \"{{ row.j }}\" }".to_owned(), &deep),
        ("[{% for i in row.j %}{{ i }}{% endfor %}]".to_owned(), &deep),
        ("[{% assign s = row.s %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}]".to_owned(), "1"),
        (
            "[{% for i in row.j %}{% for k in row.j %}{{ i[0] | json }}{{ k }}{% endfor %}{% endfor %}]".to_owned(),
            &members,
        ),
        ("{ \"a\": {{ row.n | divided_by: 0 }} }".to_owned(), "1"),
        ("{ \"a\": {{ 'x' | date: '%9999999999Y' }} }".to_owned(), "1"),
        ("{ \"a\": {{ 'now' | date: '%9999999999Y' }} }".to_owned(), "1"),
        ("x".repeat((64 << 10) + 1), "1"),
    ] {
        let start: String = source.chars().take(80).collect();
        match ended(&source, row(json)) {
            Ended::Refused(problem) => assert!(problem.to_string().len() < 1_000, "{start}"),
            Ended::Stopped(error) => assert!(error.to_string().len() < 1_000, "{start}"),
            // What is no date stays as it is, and the JSON of a column is placed as it is, however deep.
            Ended::Rendered(output) => assert!(
                output == "{ \"a\": \"x\" }" || json == deep && output.contains(&deep),
                "{start}: {}",
                output.chars().take(200).collect::<String>()
            ),
        }
    }
}

#[test]
fn a_hostile_row_stays_inside_its_string() {
    let source = r#"{ "{{ row.s }}": "{{ row.s }}", "l": [{% for i in row.j %}"{{ i }}", {{ i }},{% endfor %}], "n": {{ row.n | minus: 1 }} }"#;
    let Ended::Rendered(output) = ended(source, row(r#"["\"],", "\u0000\u202e", {"a": "\"}"}, 1e400, null]"#)) else {
        panic!("it renders");
    };
    let value: serde_json::Value = serde_json::from_str(&output).unwrap();
    let hostile = "\"},\u{0}\\".repeat(1_000);
    assert_eq!(value[&hostile], serde_json::json!(hostile));
    assert_eq!(value["l"].as_array().unwrap().len(), 10);
    assert_eq!(value["n"].to_string(), "-9223372036854775809");
}
