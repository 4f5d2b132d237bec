//! What the user reads for a wrong configuration.

use domain::Column;
use engine::message::CompiledMessage;
use serde_json::{Value as Json, json};

use crate::given::{columns, compile, sync};

fn problems(message: Json, more: Json) -> Vec<String> {
    compile(&message, more).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn each_problem_names_its_field_and_what_to_write() {
    let ok = || json!({"json": "{}"});
    let cases = [
        (
            json!({"json": "{\n\"a\": {{ row.mail }}}"}),
            json!({}),
            "message.json, line 2, column 13: the model has no column `mail`. Did you mean `row.email`?",
        ),
        (json!({"column": "atrs"}), json!({}), "message.column: the model has no column `atrs`. Did you mean `attrs`?"),
        (
            json!({"column": "id"}),
            json!({}),
            "message.column: the column `id` is of the type `int8` and cannot hold a message. Choose a column of the type json, jsonb or text, or let the query make one with `to_jsonb(...)`.",
        ),
        (
            json!({"fields": []}),
            json!({}),
            "message.fields: no field is mapped. Map at least one field, or write `fields: all`.",
        ),
        (
            json!({"fields": [{"to": "a", "column": "id"}, {"to": "b", "template": "\n{{ row.x }}"}]}),
            json!({}),
            "message.fields[1].template, line 2, column 8: the model has no column `x`. Its columns are `id`, `email`, `balance`, `attrs`, `at`.",
        ),
        (
            json!({"fields": [{"to": "a", "column": "ID"}]}),
            json!({}),
            "message.fields[0].column: the model has no column `ID`. Did you mean `id`?",
        ),
        (
            json!({"fields": [{"to": "a", "column": "id"}, {"to": "a", "column": "at"}]}),
            json!({}),
            "message.fields[1].to: an earlier field goes to `a` too. Give each field a path of its own.",
        ),
        (
            json!({"fields": [{"to": "a.b", "column": "id"}, {"to": "a", "column": "at"}]}),
            json!({}),
            "message.fields[1].to: `a` and the earlier `a.b` cannot both be: one would be inside the value of the other. Give both a path of their own.",
        ),
        (
            json!({"fields": [{"to": "a", "constant": {}}, {"to": "a.b", "column": "at"}]}),
            json!({}),
            "message.fields[1].to: `a.b` and the earlier `a` cannot both be: one would be inside the value of the other. Give both a path of their own.",
        ),
        (
            json!({"fields": [{"to": "a..b", "column": "id"}]}),
            json!({}),
            "message.fields[0].to: the path `a..b` has an empty name. Write names with one dot between them, as in `person.name`.",
        ),
        (
            json!({"fields": [{"to": "a", "json": "[1"}]}),
            json!({}),
            "message.fields[0].json, line 1, column 1: this array is never closed. Write `]`.",
        ),
        (
            json!({"fields": [{"to": "a", "template": "x", "null": "omit"}]}),
            json!({}),
            "message.fields[0].null: a constant and the text of a template are never left out. Remove `null`, or write the value as `json`, with a branch that gives `null`.",
        ),
        (
            ok(),
            json!({"partition_key": {"column": "key"}}),
            "partition_key.column: the model has no column `key`. Its columns are `id`, `email`, `balance`, `attrs`, `at`.",
        ),
        (
            ok(),
            json!({"partition_key": {"template": ""}}),
            "partition_key.template: the template is empty. Name a column of the primary key, as in `{{ row.id }}`.",
        ),
        (
            ok(),
            json!({"hash_key": {"template": "{{ run.id }}"}}),
            "hash_key.template, line 1, column 1: a key cannot use `run.id`: messages of one row would land on different shards, out of order. Use columns of the primary key, as in `{{ row.id }}`.",
        ),
        (ok(), json!({"numbers": {"ids": "string"}}), "numbers.ids: the model has no column `ids`. Did you mean `id`?"),
        (
            ok(),
            json!({"numbers": {"email": "string"}}),
            "numbers.email: the column `email` is of the type `text` and holds no numbers. Remove it.",
        ),
        (
            ok(),
            json!({"watch": {"columns": ["id", "emial"]}}),
            "watch.columns[1]: the model has no column `emial`. Did you mean `email`?",
        ),
        (
            ok(),
            json!({"watch": {"columns": []}}),
            "watch.columns: no column is watched, so no row would ever be changed. Name at least one column, or write `watch: used`.",
        ),
    ];
    for (message, more, expected) in cases {
        assert_eq!(problems(message, more), [expected]);
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let message = json!({"fields": [{"to": "", "column": "x"}, {"to": "b", "template": "{{"}]});
    let more = json!({
        "partition_key": {"template": "{{ event.id }}"},
        "hash_key": {"column": "y"},
        "numbers": {"z": "number"},
    });
    let found = compile(&message, more).unwrap_err();
    let fields: Vec<_> = found.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "message.fields[0].column",
            "message.fields[0].to",
            "message.fields[1].template",
            "partition_key.template",
            "hash_key.column",
            "numbers.z"
        ]
    );
}

#[test]
fn a_query_with_two_columns_of_one_name_is_refused() {
    let mut columns: Vec<Column> = columns();
    columns.push(columns[0].clone());
    let found = CompiledMessage::compile(&sync(&json!({"json": "{}"}), json!({})), &columns).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "model.query: the query has more than one column `id`. Give each column a name of its own with `AS`."
    );
}
