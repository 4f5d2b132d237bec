//! Template, row -> output.

use domain::{Change, ColumnType, NumberForm, Value};
use template::{Context, Member, Node, RenderError, Template};

use crate::given::{LIMIT, Model, array, context, json, numeric, render, rendered, text, x};

#[test]
fn a_value_becomes_typed_json_in_value_position_and_text_elsewhere() {
    use ColumnType as T;
    let thousand = "9".repeat(1000);
    let cases = [
        (T::Text, Value::Null, "null", ""),
        (T::Bool, Value::Bool(true), "true", "true"),
        (T::Bool, Value::Bool(false), "false", "false"),
        (T::Int, Value::Int(9_007_199_254_740_993), "9007199254740993", "9007199254740993"),
        (T::Int, Value::Int(i64::MIN), "-9223372036854775808", "-9223372036854775808"),
        (T::Numeric, numeric("1.50"), r#""1.50""#, "1.50"),
        (T::Numeric, numeric(&thousand), &format!("\"{thousand}\""), &thousand),
        (T::Numeric, numeric("NaN"), r#""NaN""#, "NaN"),
        (T::Float8, Value::Float(0.1), "0.1", "0.1"),
        (T::Float8, Value::Float(-0.0), "-0.0", "-0.0"),
        (T::Float8, Value::Float(3.0), "3.0", "3.0"),
        (T::Float8, Value::Float(f64::MAX), "1.7976931348623157e+308", "1.7976931348623157e+308"),
        (T::Float8, Value::Float(f64::from(0.1_f32)), "0.10000000149011612", "0.10000000149011612"),
        (T::Float4, Value::Float(f64::from(0.1_f32)), "0.1", "0.1"),
        (T::Float4, Value::Float(0.1), "0.1", "0.1"),
        (T::Float8, Value::Float(f64::NAN), r#""NaN""#, "NaN"),
        (T::Float8, Value::Float(f64::INFINITY), r#""Infinity""#, "Infinity"),
        (T::Float8, Value::Float(f64::NEG_INFINITY), r#""-Infinity""#, "-Infinity"),
        (T::Text, text("plain"), r#""plain""#, "plain"),
        (T::Bytea, Value::Bytes(vec![]), r#""""#, ""),
        (T::Bytea, Value::Bytes(vec![0]), r#""AA==""#, "AA=="),
        (T::Bytea, Value::Bytes(vec![0xff, 0xfe, 0xfd, 0xfc]), r#""//79/A==""#, "//79/A=="),
        (T::Json, json(" { \"a\" : [1, 2.50] }\n"), "{ \"a\" : [1, 2.50] }", r#"{"a":[1,2.50]}"#),
        (T::Json, json(r#""a \" b\u00e9""#), r#""a \" b\u00e9""#, "a \" bé"),
        (T::Json, json("null"), "null", ""),
        (T::Json, json("1e400"), "1e400", "1e400"),
        (T::Json, json(r#"{"s p":" x "}"#), r#"{"s p":" x "}"#, r#"{"s p":" x "}"#),
        (T::Array(Box::new(T::Int)), array([]), "[]", "[]"),
        (
            T::Array(Box::new(T::Text)),
            array([array([text("a"), Value::Null]), array([text("\""), text("NULL")])]),
            r#"[["a",null],["\"","NULL"]]"#,
            r#"[["a",null],["\"","NULL"]]"#,
        ),
        (T::Array(Box::new(T::Float4)), array([Value::Float(f64::from(0.3_f32))]), "[0.3]", "[0.3]"),
        (T::Array(Box::new(T::Jsonb)), array([json(r#"{"a": 1}"#)]), r#"[{"a": 1}]"#, r#"[{"a":1}]"#),
    ];
    for (kind, value, as_json, as_text) in cases {
        let model = x(kind);
        assert_eq!(rendered(&model.json("{{ row.x }}").unwrap(), value.clone()), as_json);
        assert_eq!(rendered(&model.text("{{ row.x }}").unwrap(), value.clone()), as_text);
        let in_string = rendered(&model.json(r#""{{ row.x }}""#).unwrap(), value);
        assert_eq!(serde_json::from_str::<String>(&in_string).unwrap(), as_text);
    }
}

#[test]
fn numbers_are_written_as_the_sync_says() {
    let cases = [
        (ColumnType::Int, NumberForm::String, Value::Int(5), r#""5""#),
        (ColumnType::Int, NumberForm::Number, Value::Int(5), "5"),
        (ColumnType::Numeric, NumberForm::Number, numeric("12345678901234567890.123"), "12345678901234567890.123"),
        (ColumnType::Numeric, NumberForm::Number, numeric("-0.50"), "-0.50"),
        (ColumnType::Numeric, NumberForm::Number, numeric("NaN"), r#""NaN""#),
        (ColumnType::Numeric, NumberForm::Number, numeric("-Infinity"), r#""-Infinity""#),
        (ColumnType::Numeric, NumberForm::Number, numeric("1],[2"), r#""1],[2""#),
        (ColumnType::Numeric, NumberForm::String, numeric("1"), r#""1""#),
        (ColumnType::Float8, NumberForm::String, Value::Float(1.5), r#""1.5""#),
        (
            ColumnType::Array(Box::new(ColumnType::Numeric)),
            NumberForm::Number,
            array([numeric("1.0"), numeric("NaN"), Value::Null]),
            r#"[1.0,"NaN",null]"#,
        ),
    ];
    for (kind, form, value, expected) in cases {
        let model = x(kind).numbers("x", form);
        assert_eq!(rendered(&model.json("{{ row.x }}").unwrap(), value), expected);
    }
}

#[test]
fn text_is_escaped_in_strings_and_nothing_is_normalized() {
    let cases = [
        ("quote \" and \\", r#"quote \" and \\"#),
        ("\u{0}\u{1}\u{1f}\u{7f}", "\\u0000\\u0001\\u001f\u{7f}"),
        ("\u{8}\t\n\u{c}\r", r"\b\t\n\f\r"),
        ("line\u{2028}and\u{2029}paragraph", "line\u{2028}and\u{2029}paragraph"),
        ("😀 e\u{301} é", "😀 e\u{301} é"),
        ("\",\"admin\":true,\"", r#"\",\"admin\":true,\""#),
        ("{{ row.x }} {% if %}", "{{ row.x }} {% if %}"),
        ("</script>", "</script>"),
    ];
    let model = x(ColumnType::Text);
    for (value, expected) in cases {
        let inside = rendered(&model.json(r#"{"a":"<{{row.x}}>"}"#).unwrap(), text(value));
        assert_eq!(inside, format!(r#"{{"a":"<{expected}>"}}"#));
        let whole = rendered(&model.json(r#"[{{row.x}}]"#).unwrap(), text(value));
        assert_eq!(whole, format!(r#"["{expected}"]"#));
        assert_eq!(rendered(&model.text("<{{row.x}}>").unwrap(), text(value)), format!("<{value}>"));
    }
}

#[test]
fn constant_text_stays_as_it_was_written() {
    let model = x(ColumnType::Int);
    let source = " {\n\t\"a\" : [ true , false,null, -0.50e+1 ] ,\r\n \"é\\u00e9\\n\" : { } , \"}}\": {{ row.x }}}\n";
    assert_eq!(rendered(&model.json(source).unwrap(), Value::Int(1)), source.replace("{{ row.x }}", "1"));
    let escaped = r#"["\u007b{ row.x }}"]"#;
    assert_eq!(rendered(&model.json(escaped).unwrap(), Value::Int(1)), escaped);
    assert_eq!(rendered(&model.text("{a} }} { {").unwrap(), Value::Int(1)), "{a} }} { {");
}

#[test]
fn paths_reach_the_row_the_previous_row_and_the_event() {
    let model =
        Model::new(&[("id", ColumnType::Int), ("Any \"name\"", ColumnType::Text), ("naïve-1", ColumnType::Text)]);
    let row = [Some(Value::Int(1)), Some(text("new")), Some(Value::Null)];
    let previous = [Some(Value::Int(1)), Some(text("old")), None];
    let now = context(&row);
    let with_previous = Context { previous: Some(&previous), changed_columns: Some(&["Any \"name\"", "b"]), ..now };
    let cases = [
        ("{{ row['Any \"name\"'] }}", r#""new""#, r#""new""#),
        ("{{row.naïve-1}}", "null", "null"),
        ("{{ row[ \"id\" ] }}", "1", "1"),
        ("{{ previous['Any \"name\"'] }}", "null", r#""old""#),
        ("{{ previous.naïve-1 }}", "null", "null"),
        (
            "{{ row }}",
            r#"{"id":1,"Any \"name\"":"new","naïve-1":null}"#,
            r#"{"id":1,"Any \"name\"":"new","naïve-1":null}"#,
        ),
        ("{{ previous }}", "null", r#"{"id":1,"Any \"name\"":"old"}"#),
        ("\"{{ previous }}\"", r#""""#, r#""{\"id\":1,\"Any \\\"name\\\"\":\"old\"}""#),
        ("{{ changed_columns }}", "null", r#"["Any \"name\"","b"]"#),
        ("\"{{ changed_columns }}\"", r#""""#, r#""Any \"name\",b""#),
        ("{{ op }}", r#""changed""#, r#""changed""#),
        ("[{{ event.id }},{{ event.sequence }}]", r#"["e-1",18446744073709551615]"#, r#"["e-1",18446744073709551615]"#),
        (
            "\"{{ event.sequence }}-{{\nop\t}}\"",
            r#""18446744073709551615-changed""#,
            r#""18446744073709551615-changed""#,
        ),
        (
            "[{{ run.id }},{{ run.started_at }}]",
            r#"["run_7","2026-01-02T03:04:05Z"]"#,
            r#"["run_7","2026-01-02T03:04:05Z"]"#,
        ),
        ("[{{ sync.id }},\"{{ sync.name }}\"]", r#"["syn_9","the \"best\" sync"]"#, r#"["syn_9","the \"best\" sync"]"#),
    ];
    for (source, without, with) in cases {
        let template = model.json(source).unwrap();
        assert_eq!(render(&template, &now).unwrap(), without, "{source}");
        assert_eq!(render(&template, &with_previous).unwrap(), with, "{source}");
    }
    let removed = Context { op: Change::Removed, ..now };
    assert_eq!(render(&model.text("{{op}}").unwrap(), &removed).unwrap(), "removed");
}

#[test]
fn names_of_members_may_have_holes_but_never_meet() {
    let model = x(ColumnType::Text);
    let template = model.json(r#"{"a":1,{{ row.x }}:2,"p_{{ row.x }}":{ {{ row.x }}:3}}"#).unwrap();
    assert_eq!(rendered(&template, text("b\"")), r#"{"a":1,"b\"":2,"p_b\"":{ "b\"":3}}"#);
    assert_eq!(rendered(&template, Value::Null), r#"{"a":1,"":2,"p_":{ "":3}}"#);
    let refused = |source: &str, value: Value| {
        let error = render(&model.json(source).unwrap(), &context(&[Some(value)])).unwrap_err();
        assert!(matches!(error, RenderError::DuplicateName { .. }), "{source}: {error}");
    };
    refused(r#"{"a":1,{{ row.x }}:2}"#, text("a"));
    refused(r#"{ {{ row.x }}:2,"a":1}"#, text("a"));
    refused(r#"{"\u0061b":1,"a{{ row.x }}":2}"#, text("b"));
    refused(r#"{"{{ row.x }}":1,"b{{ row.x }}":2,"bb":[]}"#, text("b"));
}

#[test]
fn a_value_that_was_not_kept_is_an_error_and_a_whole_row_goes_without_it() {
    let model = Model::new(&[("id", ColumnType::Int), ("x", ColumnType::Text)]);
    let row = [Some(Value::Int(1)), None];
    let error = render(&model.json("[{{ row.id }},\"{{ row.x }}\"]").unwrap(), &context(&row)).unwrap_err();
    assert!(matches!(&error, RenderError::NotKept { column } if column == "x"), "{error}");
    assert_eq!(render(&model.json("{{ row }}").unwrap(), &context(&row)).unwrap(), r#"{"id":1}"#);
    for row in [&[None, None][..], &[]] {
        let error = render(&model.json("{{ row }}").unwrap(), &context(row)).unwrap_err();
        assert!(matches!(error, RenderError::NotKept { .. }), "{error}");
    }
}

#[test]
fn json_that_is_none_is_an_error_wherever_it_goes() {
    let model = x(ColumnType::Json);
    for value in ["", "{", "1,2", "]", "\"\u{1}\"", "nul", "{\"a\":1}}", "tru e"] {
        for source in ["{{ row.x }}", "\"{{ row.x }}\"", "{{ row }}", "{\"{{ row.x }}\":1}"] {
            let row = [Some(json(value))];
            let error = render(&model.json(source).unwrap(), &context(&row)).unwrap_err();
            assert!(matches!(error, RenderError::InvalidJson { .. }), "{source} with {value}: {error}");
        }
    }
}

#[test]
fn output_over_the_limit_is_an_error_and_leaves_nothing() {
    let model = x(ColumnType::Text);
    let template = model.json(r#"{"a":"{{ row.x }}","b":{{ row.x }}}"#).unwrap();
    let row = [Some(text(&"\n".repeat(100)))];
    let length = render(&template, &context(&row)).unwrap().len();
    let mut out = b"before".to_vec();
    template.render(&context(&row), &mut out, length).unwrap();
    assert_eq!(out.len(), 6 + length);
    for limit in 0..length {
        let mut out = b"before".to_vec();
        let error = template.render(&context(&row), &mut out, limit).unwrap_err();
        assert!(matches!(error, RenderError::TooLarge { limit: told } if told == limit), "{error}");
        assert_eq!(out, b"before");
        assert_eq!(template.measure(&context(&row), limit), None);
    }
}

#[test]
fn a_row_that_is_made_to_waste_time_is_an_error() {
    let wide = format!("{}1", " ".repeat(30_000));
    let error = |template: &Template, value: Value| {
        template.render(&context(&[Some(value)]), &mut Vec::new(), 4000).unwrap_err()
    };
    for (kind, value) in [
        (ColumnType::Json, json(&wide)),
        (ColumnType::Json, json(&format!("[{wide}]"))),
        (ColumnType::Array(Box::new(ColumnType::Json)), array([json(&wide), json(&wide)])),
    ] {
        for hole in ["{{row.x}}", "{{row}}"] {
            let template = x(kind.clone()).json(&format!("\"{}\"", hole.repeat(90))).unwrap();
            let error = error(&template, value.clone());
            assert!(matches!(error, RenderError::TooMuchWork { .. }), "{error}");
        }
    }
    let huge = error(&x(ColumnType::Json).json("\"{{row.x}}\"").unwrap(), json(&"9".repeat(2_000_000)));
    assert!(matches!(huge, RenderError::TooLarge { .. }), "{huge}");
}

#[test]
fn nested_arrays_that_are_too_deep_are_an_error() {
    let nested = (0..100).fold(Value::Null, |inner, _| array([inner]));
    let model = x(ColumnType::Array(Box::new(ColumnType::Text)));
    for source in ["{{ row.x }}", "\"{{ row.x }}\"", "{{ row }}"] {
        let row = [Some(nested.clone())];
        let error = render(&model.json(source).unwrap(), &context(&row)).unwrap_err();
        assert!(matches!(error, RenderError::TooDeep { .. }), "{error}");
    }
    assert_eq!(template::value_size(&nested), 64);
}

#[test]
fn a_message_is_composed_of_paths_constants_and_templates() {
    let model = Model::new(&[("id", ColumnType::Int), ("x", ColumnType::Text)]);
    let names = model.names();
    let member = |name: &str, value: Node| Member { name: name.to_owned(), value, omit_null: false };
    let node = Node::Object(vec![
        member("a\"", Node::Template(Template::column("x", &names).unwrap())),
        member(
            "n",
            Node::Object(vec![
                member("k", Node::Constant(serde_json::json!({"{{ row.x }}": [1, null, "\n"]}))),
                member("t", Node::Template(model.text("<\"{{ row.x }}\"\n{{ row.id }}>").unwrap())),
                member("j", Node::Template(model.json(r#"{"{{row.x}}":{{ row.id }}}"#).unwrap())),
            ]),
        ),
        member("e", Node::Object(vec![])),
    ]);
    let template = Template::compose(&node, &names);
    let row = [Some(Value::Int(7)), Some(text("\"x"))];
    let expected = r#"{"a\"":"\"x","n":{"k":{"{{ row.x }}":[1,null,"\n"]},"t":"<\"\"x\"\n7>","j":{"\"x":7}},"e":{}}"#;
    assert_eq!(render(&template, &context(&row)).unwrap(), expected);
    assert_eq!(template.uses().row, [0, 1]);
    assert!(LIMIT > expected.len());
}

#[test]
fn a_composed_message_leaves_out_nulls_where_it_is_told_to_and_holds_tags() {
    let model = Model::new(&[("id", ColumnType::Int), ("x", ColumnType::Text), ("j", ColumnType::Json)]);
    let names = model.names();
    let member = |name: &str, value: Node, omit_null: bool| Member { name: name.to_owned(), value, omit_null };
    let column = |name: &str| Node::Template(Template::column(name, &names).unwrap());
    let text = "{% for i in (1..2) %}\"{{ row.x }}\"{% capture y %}\"{% endcapture %}{{ y }}{{ i }}{% endfor %}";
    let json = "{% if row.id == 7 %}null{% else %}[{{ row.id }}]{% endif %}";
    let node = Node::Object(vec![
        member("x", column("x"), true),
        member("id", column("id"), false),
        member("t", Node::Template(model.text(text).unwrap()), false),
        member("j", column("j"), true),
        member("c", Node::Template(model.json(json).unwrap()), true),
        member("n", Node::Object(vec![member("x", column("x"), true)]), false),
        member("z", column("x"), false),
    ]);
    let template = Template::compose(&node, &names);
    assert_eq!(template.uses().row, [0, 1, 2]);
    let mut rows = vec![
        (
            Value::Int(7),
            Value::Null,
            Value::Json(" null".to_owned()),
            r#"{"id":7,"t":"\"\"\"1\"\"\"2","n":{},"z":null}"#,
        ),
        (
            Value::Int(8),
            crate::given::text("a\""),
            Value::Json("[null]".to_owned()),
            r#"{"x":"a\"","id":8,"t":"\"a\"\"\"1\"a\"\"\"2","j":[null],"c":[8],"n":{"x":"a\""},"z":"a\""}"#,
        ),
    ];
    for (id, x, j, expected) in rows.drain(..) {
        let row = [Some(id), Some(x), Some(j)];
        assert_eq!(render(&template, &context(&row)).unwrap(), expected);
        // The same for rows of other columns.
        let others = Model::new(&[("j", ColumnType::Json), ("x", ColumnType::Text), ("id", ColumnType::Int)]).columns;
        let turned = [row[2].clone(), row[1].clone(), row[0].clone()];
        assert_eq!(render(&template.clone().aligned(&others), &context(&turned)).unwrap(), expected);
    }
}

#[test]
fn what_fails_in_a_field_of_a_composed_message_names_the_field() {
    let model = Model::new(&[("x", ColumnType::Text), ("j", ColumnType::Json), ("n", ColumnType::Int)]);
    let names = model.names();
    let field = |value: Template, omit_null: bool| {
        let zip = Member { name: "zip.code".to_owned(), value: Node::Template(value), omit_null };
        let other = Member { name: "j".to_owned(), value: Node::Constant(serde_json::json!(1)), omit_null: false };
        let address = Member { name: "address".to_owned(), value: Node::Object(vec![other, zip]), omit_null: false };
        Template::compose(&Node::Object(vec![address]), &names)
    };
    let json = |source: &str| model.json(source).unwrap();
    let endless = "{% for i in (1..1000) %}{% for k in (1..1000) %}{{ k }}{% endfor %}{% endfor %}";
    let row = [Some(text("x")), Some(Value::Json("{".to_owned())), Some(Value::Int(0))];
    for (value, reason) in [
        (Template::column("j", &names).unwrap(), "the value of column `j` is not valid JSON"),
        (json("[{{ row.n }}, {{ row.j }}]"), "the value of column `j` is not valid JSON"),
        (json("{{ row.j.a }}"), "the value of column `j` is not valid JSON"),
        (model.text("a\n {{ row.x }}{{ 1 | divided_by: row.n }}").unwrap(), "line 2, column"),
        (json("{\"{{ row.x }}\":1,\"{{ row.x }}\":2}"), "two members of one object get the name `x`"),
        (model.text(endless).unwrap(), "line 1, column"),
    ] {
        for omit_null in [false, true] {
            let error = render(&field(value.clone(), omit_null), &context(&row)).unwrap_err().to_string();
            let expected = format!("in the field `address.zip\\.code`: {reason}");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
    // The output is that of the whole message.
    let mut out = Vec::new();
    let error =
        field(model.text("{{ row.x | upcase }}").unwrap(), true).render(&context(&row), &mut out, 3).unwrap_err();
    assert_eq!(error.to_string(), "the output is longer than 3 bytes");
}
