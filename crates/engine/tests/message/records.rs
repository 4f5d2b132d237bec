//! What rows become.

use domain::{Change, Value};
use serde_json::json;

use crate::given::{columns, compile, context, data, render, row};

#[test]
fn a_json_message_has_its_holes_filled() {
    let message =
        json!({"json": r#"{"id":{{ row.id }},"mail":"<{{ row.email }}>","op":{{ op }},"attrs":{{ row.attrs }}}"#});
    let expected = r#"{"id":9007199254740993,"mail":"<a\"@b.test>","op":"changed","attrs":{"plan": "pro"}}"#;
    assert_eq!(data(&message, json!({})), expected);
}

#[test]
fn a_column_that_holds_the_json_is_sent_as_it_stands() {
    assert_eq!(data(&json!({"column": "attrs"}), json!({})), r#"{"plan": "pro"}"#);
    let mut row = row();
    row[1] = Some(Value::Text(" [1,\n\"\\ud800\", 1e999] ".to_owned()));
    let record = render(&json!({"column": "email"}), json!({}), &row).unwrap();
    assert_eq!(record.data, b" [1,\n\"\\ud800\", 1e999] ");
}

#[test]
fn all_columns_become_members_of_their_names() {
    let expected = r#"{"id":9007199254740993,"email":"a\"@b.test","balance":"10.50","attrs":{"plan": "pro"},"at":"2026-01-02T03:04:05Z"}"#;
    assert_eq!(data(&json!({"fields": "all"}), json!({})), expected);
    assert_eq!(compile(&json!({"fields": "all"}), json!({})).unwrap().used_columns(), columns());
}

#[test]
fn mapped_fields_nest_in_the_order_they_are_written() {
    let message = json!({"fields": [
        {"to": "person.mail", "column": "email"},
        {"to": "kind", "constant": {"v": [1, null, "{{ row.id }}"]}},
        {"to": r"a\.b", "template": "{{ row.id }}/\"{{ op }}\""},
        {"to": "person.ids.own", "column": "id"},
        {"to": "person.at", "column": "at"},
    ]});
    let expected = concat!(
        r#"{"person":{"mail":"a\"@b.test","ids":{"own":9007199254740993},"at":"2026-01-02T03:04:05Z"},"#,
        r#""kind":{"v":[1,null,"{{ row.id }}"]},"a.b":"9007199254740993/\"changed\""}"#
    );
    assert_eq!(data(&message, json!({})), expected);
}

#[test]
fn mapped_fields_may_be_json_and_leave_out_nulls() {
    let message = json!({"fields": [
        {"to": "a.mail", "column": "email", "null": "omit"},
        {"to": "a.plan", "json": "{{ row.attrs.plan }}", "null": "omit"},
        {"to": "a.list", "json": "[{% for n in (1..3) %}{{ n }}{% endfor %}]"},
        {"to": "text", "template": "{% if row.email %}\"{{ row.email | upcase }}\"{% else %}nobody{% endif %}"},
        {"to": "balance", "column": "balance", "null": "send"},
    ]});
    let full = r#"{"a":{"mail":"a\"@b.test","plan":"pro","list":[1,2,3]},"text":"\"A\"@B.TEST\"","balance":"10.50"}"#;
    assert_eq!(data(&message, json!({})), full);
    let mut row = row();
    (row[1], row[2], row[3]) = (Some(Value::Null), Some(Value::Null), Some(Value::Json("{}".to_owned())));
    let record = render(&message, json!({}), &row).unwrap();
    let without = r#"{"a":{"list":[1,2,3]},"text":"nobody","balance":null}"#;
    assert_eq!(String::from_utf8(record.data).unwrap(), without);
    assert_eq!(compile(&message, json!({})).unwrap().used_columns().len(), 4);
}

#[test]
fn missing_names_are_null_where_the_sync_says_so() {
    let message = json!({"json": "[{{ row.nobody }}]"});
    assert!(compile(&message, json!({})).is_err());
    assert!(compile(&message, json!({"missing": "error"})).is_err());
    assert_eq!(data(&message, json!({"missing": "null"})), "[null]");
}

#[test]
fn every_branch_counts_as_used() {
    let message =
        json!({"json": "{% if row.id == 1 %}{{ row.email }}{% else %}{{ previous.balance | json }}{% endif %}"});
    let compiled = compile(&message, json!({})).unwrap();
    let used: Vec<_> = compiled.used_columns().into_iter().map(|column| column.name).collect();
    assert_eq!(used, ["id", "email", "balance"]);
    assert!(compiled.uses_previous());
    let computed = compile(&json!({"json": "{% assign c = 'email' %}[{{ row[c] }}]"}), json!({})).unwrap();
    assert_eq!(computed.used_columns().len(), 5);
}

#[test]
fn numbers_follow_the_choice_of_the_sync() {
    let numbers = json!({"numbers": {"id": "string", "balance": "number"}});
    assert_eq!(data(&json!({"json": "[{{row.id}},{{row.balance}}]"}), numbers), r#"["9007199254740993",10.50]"#);
}

#[test]
fn keys_come_from_a_column_or_a_template() {
    let message = json!({"column": "attrs"});
    let record = render(&message, json!({}), &row()).unwrap();
    assert_eq!((record.partition_key.as_str(), record.explicit_hash_key), ("9007199254740993", None));
    let more = json!({
        "partition_key": {"template": "{{ sync.name }}:{{ row.email }}"},
        "hash_key": {"template": "1{{ row.id }}"},
    });
    let record = render(&message, more, &row()).unwrap();
    assert_eq!(record.partition_key, "users:a\"@b.test");
    assert_eq!(record.explicit_hash_key.as_deref(), Some("19007199254740993"));
    let more = json!({"hash_key": {"column": "email"}});
    for key in ["0", "340282366920938463463374607431768211455"] {
        let mut row = row();
        row[1] = Some(Value::Text(key.to_owned()));
        assert_eq!(render(&message, more.clone(), &row).unwrap().explicit_hash_key.as_deref(), Some(key));
    }
}

#[test]
fn only_the_used_columns_are_needed_in_the_models_order() {
    let message = json!({"json": "[{{ previous.at }},{{ row.balance }},{{ changed_columns }}]"});
    let compiled = compile(&message, json!({"hash_key": {"column": "id"}})).unwrap();
    let used = compiled.used_columns();
    assert_eq!(used.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["id", "balance", "at"]);
    assert!(compiled.uses_previous());
    let row = [Some(Value::Int(7)), Some(Value::Null), Some(Value::Null)];
    let previous = [Some(Value::Int(7)), Some(Value::Null), Some(Value::Text("then".to_owned()))];
    let mut context = context(Change::Changed, &row);
    context.previous = Some(&previous);
    context.changed_columns = Some(&["at"]);
    let record = compiled.render(&context).unwrap();
    assert_eq!(record.data, br#"["then",null,["at"]]"#);
    assert_eq!((record.partition_key.as_str(), record.explicit_hash_key.as_deref()), ("7", Some("7")));
    assert!(!compile(&json!({"column": "attrs"}), json!({})).unwrap().uses_previous());
}
