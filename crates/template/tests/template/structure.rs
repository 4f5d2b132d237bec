//! JSON with tags: members and elements that come and go, values chosen by branches, text in strings.

use domain::{ColumnType, Value};
use template::RenderError;

use crate::given::{Model, context, json, render, text};

fn model() -> Model {
    Model::new(&[
        ("id", ColumnType::Int),
        ("name", ColumnType::Text),
        ("none", ColumnType::Text),
        ("list", ColumnType::Jsonb),
        ("empty", ColumnType::Jsonb),
        ("tags", ColumnType::Array(Box::new(ColumnType::Text))),
        ("amount", ColumnType::Numeric),
    ])
}

fn row() -> Vec<Option<Value>> {
    let tags = Value::Array(vec![text("a"), text("\"b\""), Value::Null]);
    let list = json(r#"[{"n":"x","v":1.50},{"n":"y","v":null},{"n":"\"","v":[1, 2]}]"#);
    let values =
        [Value::Int(7), text("Ada \"A\""), Value::Null, list, json("[]"), tags, Value::Numeric("0.10".to_owned())];
    values.into_iter().map(Some).collect()
}

#[test]
fn tags_among_members_and_elements_get_their_commas() {
    let cases = [
        (r#"[{% for x in row.list %}{{ x.n }}{% endfor %}]"#, r#"["x","y","\""]"#),
        (r#"[{% for x in row.list %}{{ x.n }},{% endfor %}]"#, r#"["x","y","\""]"#),
        (r#"[{% for x in row.list %},{{ x.n }}{% endfor %}]"#, r#"["x","y","\""]"#),
        (
            r#"[{% for x in row.list %}{{ x.n }}{% unless forloop.last %},{% endunless %}{% endfor %}]"#,
            r#"["x","y","\""]"#,
        ),
        (r#"[0{% for x in row.list %}{{ x.v }}{% endfor %}9]"#, r#"[0,1.50,null,[1,2],9]"#),
        (r#"[0, {% for x in row.list %}{{ x.v }}{% endfor %}, 9, ]"#, r#"[0,1.50,null,[1,2], 9 ]"#),
        (r#"[{% for x in row.empty %}{{ x }}{% endfor %}]"#, "[]"),
        (r#"[{% for x in row.empty %}{{ x }}{% endfor %},]"#, "[]"),
        (r#"[{% for x in row.empty %}{{ x }}{% else %}"none"{% endfor %}, 1]"#, r#"["none", 1]"#),
        (r#"[1, {% if row.none %}2{% endif %}]"#, "[1]"),
        (r#"[{% if row.none %}2{% endif %}, 1]"#, "[ 1]"),
        (r#"[{% if row.id %}1, 2{% endif %}{% if row.name %}3{% endif %}]"#, "[1, 2,3]"),
        (r#"[1 {% if row.id %}{% assign x = 1 %}{% endif %} 2, {{ x }}]"#, "[1, 2, 1]"),
        (r#"[1, 2, ]"#, "[1, 2 ]"),
        (r#"{"a": 1, {% if row.none %}"b": 2{% endif %} }"#, r#"{"a": 1 }"#),
        (r#"{ {% if row.id %}"b": 2,{% else %}"c": 3{% endif %} "a": 1}"#, r#"{"b": 2, "a": 1}"#),
        (r#"{ {% case op %}{% when "added" %}"b": 1{% when "changed" %}"b": 2{% endcase %} }"#, r#"{"b": 2 }"#),
        (r#"{ {% for x in row.list limit: 2 %}"{{ x.n }}": {{ forloop.index }}{% endfor %} }"#, r#"{"x": 1,"y": 2 }"#),
        (
            r#"{ {% for x in row.list %}{{ x.n }}: { "v": {{ x.v }} }{% endfor %}}"#,
            r#"{"x": { "v": 1.50 },"y": { "v": null },"\"": { "v": [1,2] }}"#,
        ),
        (r#"[{% for x in (1..3) %}[{% for y in (1..x) %}{{ y }}{% endfor %}]{% endfor %}]"#, "[[1],[1,2],[1,2,3]]"),
        (r#"[{% for x in (1..9) %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}, 0]"#, "[1,2, 0]"),
        (
            r#"[{% for x in (1..4) %}{% if x == 3 %}{% continue %}{% endif %}{{ x }}, {{ x }}{% endfor %}]"#,
            "[1, 1,2, 2,4, 4]",
        ),
        (r#"[{% for t in row.tags %}{{ t }}{% endfor %}]"#, r#"["a","\"b\"",null]"#),
    ];
    let model = model();
    for (source, expected) in cases {
        let template = model.json(source).unwrap_or_else(|problem| panic!("{source}: {problem}"));
        let output = render(&template, &context(&row())).unwrap();
        assert_eq!(output, expected, "{source}");
        serde_json::from_str::<serde_json::Value>(&output).unwrap();
    }
}

#[test]
fn branches_give_values_and_strings_hold_any_tag() {
    let cases = [
        (r#"{% if row.none %}[]{% else %}{"a": 1}{% endif %}"#, r#"{"a": 1}"#),
        (r#"{"a": {% if row.none %}1{% elsif row.id == 7 %} "x" {% else %}null{% endif %}}"#, r#"{"a":  "x" }"#),
        (r#"{"a": {% unless row.none %}1{% else %}2{% endunless %}, "b": 2}"#, r#"{"a": 1, "b": 2}"#),
        (
            r#"[{"a": {% case row.id %}{% when 7 %}"s"{% when 7, 8 %}"t"{% else %}null{% endcase %}}]"#,
            r#"[{"a": "s"}]"#,
        ),
        (
            r#""{% for x in row.list %}{{ x.n }}{% unless forloop.last %}, {% endunless %}{% endfor %}""#,
            r#""x, y, \"""#,
        ),
        (r#""a{% if row.name contains "A" %} \" {{ row.name }}{% endif %}""#, r#""a \" Ada \"A\"""#),
        (
            r#"["{% cycle 'a"', 'b' %}", {% cycle 1, 2 %}, {% increment n %}, "{% decrement m %}"]"#,
            r#"["a\"", 1, 0, "-1"]"#,
        ),
        (
            r#"{% assign x = row.name | upcase %}{"a": {{ x }}, {% assign x = 2 %} "b": {{ x }}}"#,
            r#"{"a": "ADA \"A\"",  "b": 2}"#,
        ),
        (r#"{"a"{% assign x = 1 %}:{% capture y %}"{{ row.name }}{% endcapture %}{{ y }}}"#, r#"{"a":"\"Ada \"A\""}"#),
        (r#"{% if row.id %}{% assign x = 1 %}{% else %}{% assign x = 2 %}{% endif %}[{{ x }}]"#, "[1]"),
        (r#"{% comment %} } ] " {% endcomment %}{% # no "quote %}[1{% comment %},{% endcomment %}]"#, "[1]"),
        (r#"["{% raw %}{{ x }}{% endraw %}"]"#, r#"["{{ x }}"]"#),
        (
            r#"[{{ row.name | json }}, "{{ row.name | json }}", {{ row.list | json }}, {{ row.list[0] | json }}]"#,
            r#"["Ada \"A\"", "\"Ada \\\"A\\\"\"", [{"n":"x","v":1.50},{"n":"y","v":null},{"n":"\"","v":[1,2]}], {"n":"x","v":1.50}]"#,
        ),
        (
            r#"[{{ row.list[0].v }}, {{ row.list.first.n }}, {{ row.list[7].n }}, {{ row.tags[1] }}, {{ row.tags.size }}]"#,
            r#"[1.50, "x", null, "\"b\"", 3]"#,
        ),
        (r#"{ {% if row.id %}"{{ row.name }}": 1{% endif %} }"#, r#"{"Ada \"A\"": 1 }"#),
        (r#"{"{% if row.id %}a{% endif %}b": 1}"#, r#"{"ab": 1}"#),
        (
            r#"[{{ nil }}, {{ true }}, {{ 1.50 }}, {{ "x" }}, {{ row.none | default: 5 }}, {{ row.amount }}]"#,
            r#"[null, true, 1.50, "x", 5, "0.10"]"#,
        ),
        (r#"{ {%- if row.id -%}  "a" : 1  {%- endif -%} }"#, r#"{"a" : 1}"#),
        (
            r#"["{% tablerow x in (1..1) %}{{ row.name }}{% endtablerow %}"]"#,
            r#"["<tr class=\"row1\">\n<td class=\"col1\">Ada \"A\"</td></tr>\n"]"#,
        ),
        (r#"["{% for x in (1..3) %}{% ifchanged %}\"{{ row.id }}{% endifchanged %}{% endfor %}"]"#, r#"["\"7"]"#),
    ];
    let model = model();
    for (source, expected) in cases {
        let template = model.json(source).unwrap_or_else(|problem| panic!("{source}: {problem}"));
        let output = render(&template, &context(&row())).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(output, expected, "{source}");
        serde_json::from_str::<serde_json::Value>(&output).unwrap();
    }
}

#[test]
fn a_structure_that_could_break_is_refused_with_line_column_and_what_to_write() {
    let cases = [
        ("[{% for x in row.list %}1 2{% endfor %}]", (1, 27), "expected `,`", "double quotes"),
        ("[1,, 2]", (1, 4), "a value is missing here", "value"),
        ("[, 1]", (1, 2), "a value is missing here", "value"),
        ("[,]", (1, 2), "a value is missing here", "value"),
        ("{, \"a\": 1}", (1, 2), "the name of a member is missing", "name"),
        ("[{% if row.id %}1,,{% endif %}]", (1, 19), "a value is missing here", "value"),
        (
            "[{% if row.id %}1],[{% endif %}2]",
            (1, 18),
            "this `]` closes what was opened outside of `if`",
            "Close in `if`",
        ),
        (
            "{% if row.id %}{\"a\": 1{% endif %}}",
            (1, 1),
            "a value is needed here, and `if` gives none",
            "{% else %}null",
        ),
        (
            "{% if row.id %}{\"a\": 1{% else %}1{% endif %}",
            (1, 16),
            "this object is opened in `if` and not closed",
            "each branch",
        ),
        ("{\"a\": {% if row.id %}1{% endif %}}", (1, 7), "`if` gives none if no branch fits", "{% else %}null"),
        ("{\"a\": {% case op %}{% when \"x\" %}1{% endcase %}}", (1, 7), "`case` gives none", "{% endcase %}"),
        ("{\"a\": {% if row.id %}1{% else %}{% endif %}}", (1, 7), "this branch gives none", "one value in each"),
        ("{\"a\": {% if row.id %}1, 2{% else %}3{% endif %}}", (1, 23), "this branch gives more", "comma"),
        ("{\"a\": {% for x in row.list %}1{% endfor %}}", (1, 7), "`for` gives any number", "`[` and `]`"),
        ("{\"a\": {% tablerow x in row.list %}1{% endtablerow %}}", (1, 7), "`tablerow` gives text", "quotes"),
        ("[{% ifchanged %}1{% endifchanged %}]", (1, 2), "`ifchanged` can stand only in a string", "`if` or `for`"),
        (
            "{% if row.id %}\"a{% else %}\"b\"{% endif %}",
            (1, 16),
            "this string is opened in `if` and not closed",
            "Close it before",
        ),
        (
            "\"a{% if row.id %}\"{% endif %}\"",
            (1, 18),
            "this quote ends a string that was opened outside of `if`",
            "\\\"",
        ),
        (
            "{ {% if row.id %}\"a\"{% endif %}: 1}",
            (1, 21),
            "`if` goes on or ends between a name and its value",
            "value",
        ),
        ("{ {% if row.id %}\"a\":{% endif %} 1}", (1, 22), "a value is missing", "value"),
        (
            "[{% for x in row.list %}{\"a\": {% break %} 1}{% endfor %}]",
            (1, 31),
            "`break` would leave",
            "between whole members",
        ),
        (
            "[{% for x in row.list %}\"{% continue %}\"{% endfor %}]",
            (1, 26),
            "`continue` would leave",
            "between whole members",
        ),
        (
            "[{% for x in row.list %}[{% if x %}{% break %}{% endif %}]{% endfor %}]",
            (1, 36),
            "`break` would leave",
            "whole",
        ),
        (
            "[{% for x in row.list %}[{% capture y %}{% break %}{% endcapture %}]{% endfor %}]",
            (1, 41),
            "`break` would leave",
            "whole",
        ),
        ("[{% break %}]", (1, 2), "`break` stands outside of a loop", "`for`"),
        ("{\"a\": 1, {% if row.id %}\"a\": 2{% endif %}}", (1, 25), "a second member `a`", "name of its own"),
        ("{ {% if row.id %}\"a\": 2{% endif %}, \"a\": 1}", (1, 37), "a second member `a`", "name of its own"),
        ("{ {% if row.id %}\"a\": 2, \"\\u0061\": 3{% endif %}}", (1, 26), "a second member `a`", "name of its own"),
        ("[1{% raw %}2{% endraw %}]", (1, 12), "expected `,`", "double quotes"),
        ("[\"\\u00{% comment %}{% endcomment %}e9\"]", (1, 3), "four hexadecimal digits", "\\u00e9"),
        ("[\"\n{% if row.id %}x{% endif %}\"]", (1, 3), "line break", "`\\n`"),
        ("[\"{% if row.id %}\n{% endif %}\"]", (1, 18), "line break", "`\\n`"),
        ("{% assign x = 1 %}", (1, 19), "a value is missing", "value"),
        ("{{ row.id }} {{ row.id }}", (1, 14), "the message ends here", "double quotes"),
    ];
    let model = model();
    let mut wrong = Vec::new();
    for (source, place, message, advice) in cases {
        match model.json(source) {
            Ok(_) => wrong.push(format!("{source}: accepted")),
            Err(problem) => {
                let good = (problem.line, problem.column) == place
                    && problem.message.contains(message)
                    && problem.advice.contains(advice);
                wrong.extend((!good).then(|| format!("{source}: {problem}")));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn names_that_may_meet_are_compared_for_each_row() {
    let model = model();
    let refused = [
        r#"{ {% if row.id %}"a": 1{% endif %}{% if row.name %}"a": 2{% endif %} }"#,
        r#"{ {% for x in (1..2) %}"a": {{ x }}{% endfor %} }"#,
        r#"{"a": 1, {% for x in (1..2) %}"{{ x }}": { {% for y in (1..2) %}"b": 1{% endfor %} }{% endfor %} }"#,
        r#"{"7": 1, {% if row.id %}"{{ row.id }}": 2{% endif %} }"#,
        r#"{ {% if row.id %}"7": 1{% endif %}, "{{ row.id }}": 2}"#,
        r#"{ {% case row.id %}{% when 7 %}"a": 1{% when 7 %}"\u0061": 2{% endcase %} }"#,
    ];
    for source in refused {
        let template = model.json(source).unwrap_or_else(|problem| panic!("{source}: {problem}"));
        let error = render(&template, &context(&row())).unwrap_err();
        assert!(matches!(error, RenderError::DuplicateName { .. }), "{source}: {error}");
    }
    let fine = [
        (r#"{ {% if row.none %}"a": 1{% endif %}{% if row.name %}"a": 2{% endif %} }"#, r#"{"a": 2 }"#),
        (r#"{ {% for x in (1..1) %}"a": {{ x }}{% endfor %} }"#, r#"{"a": 1 }"#),
        (r#"[{% for x in (1..2) %}{ "{{ row.id }}": 1 }{% endfor %}]"#, r#"[{ "7": 1 },{ "7": 1 }]"#),
        (
            r#"[{% for x in (1..2) %}{ {% for y in (1..1) %}"a": {"a": 1}{% endfor %} }{% endfor %}]"#,
            r#"[{"a": {"a": 1} },{"a": {"a": 1} }]"#,
        ),
        (r#"{ {% if row.none %}"a": 1{% else %}"a": 2{% endif %} }"#, r#"{"a": 2 }"#),
    ];
    for (source, expected) in fine {
        let template = model.json(source).unwrap_or_else(|problem| panic!("{source}: {problem}"));
        assert_eq!(render(&template, &context(&row())).unwrap(), expected, "{source}");
    }
}

#[test]
fn types_of_columns_are_known_when_a_template_is_compiled() {
    let model = model();
    let cases = [
        ("[{% for x in row.name %}1{% endfor %}]", "name", "array"),
        ("[{% for x in row.id reversed %}1{% endfor %}]", "id", "array"),
        ("[{{ row.name.middle }}]", "name", "json"),
        ("[{{ row.id.x }}]", "id", "json"),
        ("[{{ row.tags | times: 2 }}]", "tags", "numbers"),
        ("{% for x in row.name %}{% assign y = x %}{% endfor %}1", "name", "array"),
    ];
    for (source, column, advice) in cases {
        let problem = model.json(source).unwrap_err();
        assert!(problem.message.contains(&format!("`{column}`")), "{source}: {problem}");
        assert!(problem.advice.contains(advice), "{source}: {problem}");
    }
    for source in ["[{{ row.name.size }}]", "[{{ row.id | plus: 1 }}]", "[{{ row.list | size | plus: 1 }}]"] {
        model.json(source).unwrap_or_else(|problem| panic!("{source}: {problem}"));
    }
}

#[test]
fn a_name_that_is_missing_is_null_where_the_template_or_the_sync_says_so() {
    use domain::Missing;
    use template::{Options, Template};
    let model = model();
    let lax = Options { missing: Missing::Null, ..Options::default() };
    for (source, strict) in [
        ("[{{ row.nme }}]", false),
        ("[{{ row.nme? }}]", true),
        ("[{{ row.nme | default: nil }}]", true),
        ("[{% if row.nme %}1{% else %}null{% endif %}]", false),
        ("[{% for x in row.nme %}{{ x }}{% else %}null{% endfor %}]", false),
    ] {
        assert_eq!(model.json(source).is_ok(), strict, "{source}");
        let template = Template::json_with(source, &model.names(), lax).unwrap_or_else(|p| panic!("{source}: {p}"));
        assert_eq!(render(&template, &context(&row())).unwrap(), "[null]", "{source}");
    }
    let key = Template::key_with("k{{ row.nme }}", &model.names(), lax).unwrap();
    assert_eq!(render(&key, &context(&row())).unwrap(), "k");
}

#[test]
fn a_fault_says_where_in_the_template_it_happened() {
    let model = model();
    for (source, place) in [
        ("{\n  \"a\": {{ row.id | divided_by: 0 }}\n}", "line 2, column 20"),
        ("[\n{% for x in (1..100000000) %}\n1{% endfor %}]", "line 2"),
        ("[{% for x in (1..300) %}{% for y in (1..900) %}{% assign z = y %}{% endfor %}{% endfor %}1]", "line 1"),
    ] {
        let error = render(&model.json(source).unwrap(), &context(&row())).unwrap_err();
        assert!(error.to_string().contains(place), "{source}: {error}");
    }
}
