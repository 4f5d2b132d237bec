//! What the user reads for a wrong template.

use domain::{Column, ColumnType};
use template::{MAX_DEPTH, MAX_SOURCE};

use crate::given::Model;

fn model() -> Model {
    Model::new(&[("id", ColumnType::Int), ("email", ColumnType::Text), ("First Name", ColumnType::Text)])
}

#[test]
fn a_wrong_json_template_is_refused_with_line_column_and_what_to_write() {
    let cases = [
        ("", (1, 1), "a value is missing", "{{ row.column }}"),
        ("{\n  \"a\": {{ row.emial }}\n}", (2, 15), "no column `emial`", "Did you mean `row.email`?"),
        ("[{{ row['first name'] }}]", (1, 10), "no column `first name`", "Did you mean `row[\"First Name\"]`?"),
        ("{{ previous.balance }}", (1, 13), "no column `balance`", "Its columns are `id`, `email`, `First Name`."),
        ("{{ email }}", (1, 4), "there is no `email`", "`row.email`"),
        ("{{ rwo.id }}", (1, 4), "there is no `rwo`", "`row`"),
        ("{{ everything }}", (1, 4), "there is no `everything`", "A path begins with"),
        ("{{ event }}", (1, 9), "`event` alone", "`event.id` or `event.sequence`"),
        ("{{ run.end }}", (1, 8), "`run` has no `end`", "`run.started_at`"),
        ("{{ sync['x'] }}", (1, 10), "`sync` has no `x`", "`sync.name`"),
        ("{{ row.id | upcas }}", (1, 13), "there is no filter `upcas`", "Did you mean `upcase`?"),
        ("{{ row.id | append }}", (1, 13), "`append`", "append"),
        ("{{ row.id }", (1, 11), "expected `}}`", "one path"),
        ("[\"é {{ row.id", (1, 5), "this hole is never closed", "}}"),
        ("{{", (1, 1), "this hole is never closed", "}}"),
        ("{{ row[\"id }}", (1, 8), "this text is never closed", "at its end"),
        ("{{ }}", (1, 1), "the hole is empty", "{{ row.column }}"),
        ("{{\"a\":1}}", (1, 6), "`:` cannot follow here", "An object in an object needs a name"),
        ("{{{ row.id }}}", (1, 1), "`{{{` opens no hole", "a space between"),
        ("{{ row. }}", (1, 9), "a name after the dot is missing", "row.column"),
        ("{{ row[id] }}", (1, 8), "there is no `id`", "The column is written `row.id`."),
        ("\"{{ row[\\\"id\\\"] }}\"", (1, 9), "`\\` cannot stand here", "in a JSON string neither"),
        ("{{ row['id' }}", (1, 13), "expected `]`", "row["),
        ("{{ row.id.x }}", (1, 11), "no such part", "json"),
        ("{% if row.id %}1{% endif %}", (1, 1), "a value is needed here", "{% else %}null"),
        ("[\"a {% iff row.id %}\"]", (1, 8), "there is no tag `iff`", "Did you mean `if`?"),
        ("{{% x %}: 1}", (1, 3), "cannot begin with `%`", "path"),
        ("{ {% forr %}: 1}", (1, 6), "there is no tag `forr`", "Did you mean `for`?"),
        ("{\"a\": 1 \"b\": 2}", (1, 9), "expected `,` or `}` in this object", "comma"),
        ("[1 2]", (1, 4), "expected `,` or `]` in this array", "double quotes"),
        ("{\"a\": {{ row.id }}px}", (1, 19), "expected `,` or `}`", "one pair of double quotes"),
        ("{\"a\": {{ row.id }}{{ row.id }}}", (1, 19), "expected `,` or `}`", "one pair of double quotes"),
        ("{\"a\": 1", (1, 1), "this object is never closed", "`}`"),
        ("[{\"a\": [1", (1, 8), "this array is never closed", "`]`"),
        ("[1}", (1, 3), "expected `,` or `]`", "closing bracket"),
        ("{} {}", (1, 4), "the message ends here", "comma"),
        ("{\"a\" 1}", (1, 6), "a `:` is missing", "\"name\": value"),
        ("{\"a\": }", (1, 7), "a value is missing here", "hole"),
        ("{a: 1}", (1, 2), "the name of a member is missing", "\"name\": value"),
        ("{'a': 1}", (1, 2), "no single quotes", "double quotes"),
        ("['a']", (1, 2), "no single quotes", "double quotes"),
        ("{\"a\": 1, \"\\u0061\": 2}", (1, 10), "a second member `a`", "name of its own"),
        ("{\"a\": 1} // why", (1, 10), "the message ends here", "comments"),
        ("[/* x */ 1]", (1, 2), "no comments", "Remove"),
        ("[True]", (1, 2), "`True` is not a JSON value", "`true`"),
        ("[undefined]", (1, 2), "`undefined` is not", "`null`"),
        ("[NaN]", (1, 2), "`NaN` is not", "double quotes"),
        ("[row.id]", (1, 2), "`row` is not a JSON value", "{{ row.column }}"),
        ("[01]", (1, 2), "`01` is not a number", "0.5"),
        ("[1.]", (1, 2), "`1.` is not a number", "0.5"),
        ("[-]", (1, 2), "`-` is not a number", "0.5"),
        ("[-{{ row.id }}]", (1, 2), "`-` is not a number", "0.5"),
        ("\"a\nb\"", (1, 3), "a line break or control character (U+000A)", "`\\n`"),
        ("[\"a\\x\"]", (1, 4), "no such escape", "`\\\\`"),
        ("[\"\\{{ row.id }}\"]", (1, 3), "no such escape", "`\\\\`"),
        ("[\"\\u00{{ row.id }}\"]", (1, 3), "four hexadecimal digits", "\\u00e9"),
        ("[\"\\ud83d\"]", (1, 3), "one half of a character", "\\ud83d\\ude00"),
        ("[\"\\ud83d\\u0041\"]", (1, 3), "one half of a character", "\\ud83d\\ude00"),
        ("[\"\\ude00\\ud83d\"]", (1, 3), "one half of a character", "\\ud83d\\ude00"),
        ("[\n\"a, 1]", (2, 1), "this string is never closed", "quote"),
        ("\u{feff}{}", (1, 1), "byte-order mark", "UTF-8"),
        ("\u{a0}{}", (1, 1), "not a JSON value", "double quotes"),
    ];
    let mut wrong = Vec::new();
    for (source, place, message, advice) in cases {
        match model().json(source) {
            Ok(_) => wrong.push(format!("{source:?}: accepted")),
            Err(problem) => {
                let good = (problem.line, problem.column) == place
                    && problem.message.contains(message)
                    && problem.advice.contains(advice)
                    && !problem.message.ends_with('.')
                    && problem.advice.ends_with(['.', '?']);
                wrong.extend((!good).then(|| format!("{source:?}: {problem}")));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_wrong_text_template_is_refused_too() {
    for (source, column, message) in [
        ("user-{{ row.ID }}", 13, "no column `ID`"),
        ("a {% raw %}", 3, "this `raw` is never closed"),
        ("a {{ row.id", 3, "never closed"),
        ("{{ row.id | md6 }}", 13, "there is no filter `md6`"),
    ] {
        let problem = model().text(source).unwrap_err();
        assert_eq!((problem.line, problem.column), (1, column), "{source}: {problem}");
        assert!(problem.message.contains(message), "{source}: {problem}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let model = model();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(model.json(&nested(MAX_DEPTH)).is_ok());
    let problem = model.json(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(problem.column, MAX_DEPTH + 1);
    assert!(model.json(&"[".repeat(MAX_SOURCE)).is_err());
    assert!(model.json(&"{\"a\":".repeat(10_000)).is_err());
    let string = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    assert!(model.json(&string(MAX_SOURCE)).is_ok());
    assert!(model.json(&string(MAX_SOURCE + 1)).unwrap_err().message.contains("65536 are allowed"));
    assert!(model.text(&string(MAX_SOURCE + 1)).is_err());
}

#[test]
fn columns_of_the_same_name_cannot_be_used() {
    let mut model = model();
    model.columns.push(Column { name: "id".to_owned(), kind: ColumnType::Int, source_type: "int8".to_owned() });
    assert!(model.json("{{ row.email }}").is_ok());
    for source in ["{{ row.id }}", "{{ row }}", "{{ previous }}"] {
        assert!(model.json(source).unwrap_err().message.contains("more than one column `id`"), "{source}");
    }
}

#[test]
fn what_the_user_wrote_stands_in_messages_shortened_and_on_one_line() {
    let problem = model().json(&format!("{{{{ row['{}\n'] }}}}", "y".repeat(59))).unwrap_err();
    assert!(problem.message.ends_with("y\\u{a}`"), "{problem}");
    let problem = model().json(&format!("{{{{ row.{} }}}}", "z".repeat(60_000))).unwrap_err();
    assert!(problem.message.len() < 120, "{problem}");
}
