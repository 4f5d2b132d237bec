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
