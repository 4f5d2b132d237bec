//! Rows that cannot become records.

use domain::{Change, Value};
use engine::record::{Code, Rejection};
use serde_json::{Value as Json, json};

use crate::given::{columns, compile, context, render, row};

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

/// The rejection of the row in which `email` has this value.
fn rejected(message: &Json, more: Json, email: Option<Value>) -> Rejection {
    let mut row = row();
    row[1] = email;
    render(message, more, &row).unwrap_err()
}

#[test]
fn a_partition_key_must_have_1_to_256_characters() {
    let (message, by_email) = (json!({"column": "attrs"}), json!({"partition_key": {"column": "email"}}));
    for empty in [text(""), Some(Value::Null), Some(Value::Json("null".to_owned()))] {
        assert_eq!(rejected(&message, by_email.clone(), empty).code, Code::PartitionKeyEmpty);
    }
    for long in ["k".repeat(257), "ü".repeat(257), "😀".repeat(129), "k".repeat(1 << 20)] {
        let rejection = rejected(&message, by_email.clone(), text(&long));
        assert_eq!(rejection.code, Code::PartitionKeyTooLong);
        assert!(rejection.message.len() < 100, "{rejection}");
    }
    for fits in ["k".repeat(256), "語".repeat(256), "😀".repeat(128)] {
        let mut row = row();
        row[1] = text(&fits);
        assert_eq!(render(&message, by_email.clone(), &row).unwrap().partition_key, fits);
    }
}

#[test]
fn a_hash_key_must_be_a_128_bit_number() {
    let more = json!({"hash_key": {"column": "email"}});
    let over = "340282366920938463463374607431768211456";
    for wrong in ["", "01", "+1", "-1", "1.0", "0x1", " 1", "1 ", "١", over, &"9".repeat(5000)] {
        let rejection = rejected(&json!({"column": "attrs"}), more.clone(), text(wrong));
        assert_eq!(rejection.code, Code::HashKeyInvalid, "{wrong}");
    }
}

#[test]
fn a_record_over_the_limit_names_its_size_and_largest_column() {
    let message = json!({"json": r#"{"a":{{ row.id }},"b":"{{ row.email }}"}"#});
    let more = json!({"limits": {"record_bytes": 1000}});
    let around = r#"{"a":9007199254740993,"b":""}"#.len() + "9007199254740993".len();
    let fits = "x".repeat(1000 - around);
    let mut row = row();
    row[1] = text(&fits);
    let record = render(&message, more.clone(), &row).unwrap();
    assert_eq!(record.data.len() + record.partition_key.len(), 1000);
    for (length, size) in [(fits.len() + 1, "1001"), (1_000_000, "1000045"), (17_000_000, "more than 16777216")] {
        let rejection = rejected(&message, more.clone(), text(&"x".repeat(length)));
        assert_eq!(rejection.code, Code::RecordTooLarge);
        let expected = format!(
            "the record has {size} bytes with its partition key, and the limit is 1000; its largest column is `email` \
             with about {length} bytes"
        );
        assert_eq!(rejection.message, expected);
    }
    let json = format!("[\"{}\"]", "x".repeat(1000));
    let rejection = rejected(&json!({"column": "email"}), more, text(&json));
    assert_eq!(rejection.code, Code::RecordTooLarge);
    assert!(rejection.message.contains("has 1020 bytes"), "{rejection}");
}

#[test]
fn a_column_that_must_hold_json_and_does_not_is_told() {
    let message = json!({"column": "email"});
    for wrong in ["", "{", "{} {}", "{'a':1}", "\u{feff}{}", "[1,]", "NaN", "\"\n\""] {
        let rejection = rejected(&message, json!({}), text(wrong));
        assert_eq!(rejection.code, Code::InvalidJson, "{wrong}");
        assert!(rejection.message.starts_with("the column `email` is not JSON"), "{rejection}");
    }
    let rejection = rejected(&message, json!({}), Some(Value::Null));
    assert_eq!(
        (rejection.code, rejection.message.as_str()),
        (Code::InvalidJson, "the column `email` is null, so there is no message")
    );
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut row = row();
    row[1] = text(&deep);
    assert_eq!(render(&message, json!({}), &row).unwrap().data, deep.as_bytes());
}

#[test]
fn a_value_that_is_no_json_in_a_hole_is_told() {
    let rejection = rejected(&json!({"json": "[{{ row.email }}]"}), json!({}), Some(Value::Json("{".to_owned())));
    assert_eq!(rejection.code, Code::InvalidJson);
    assert!(rejection.message.contains("`email`"), "{rejection}");
}

#[test]
fn members_that_meet_in_one_name_are_told() {
    let message = json!({"json": r#"{"id":1,"{{ row.email }}":2}"#});
    assert_eq!(rejected(&message, json!({}), text("id")).code, Code::RenderFailed);
}

#[test]
fn a_fault_of_the_template_is_told_with_its_line_and_column() {
    let message = json!({"json": "{\n\"a\": {{ row.id | divided_by: 0 }}}"});
    let rejection = rejected(&message, json!({}), text("x"));
    assert_eq!(rejection.code, Code::RenderFailed);
    assert!(rejection.message.starts_with("the message cannot be made: line 2, column "), "{rejection}");
    let message =
        json!({"json": "[{% for a in (1..999) %}{% for b in (1..999) %}{% assign c = b %}{% endfor %}{% endfor %}1]"});
    let rejection = rejected(&message, json!({}), text("x"));
    assert!(rejection.message.contains("too much work"), "{rejection}");
    let message = json!({"json": "[{% for a in (1..99) %}{{ row.email }}{% endfor %}]"});
    let rejection = rejected(&message, json!({"limits": {"record_bytes": 9000}}), text(&"x".repeat(100)));
    assert_eq!(rejection.code, Code::RecordTooLarge);
}

#[test]
fn a_removal_without_kept_values_carries_the_key_or_is_rejected() {
    let key_only = [Some(Value::Int(7)), None, None, None, None];
    let remove = |message: Json, more: Json| {
        compile(&message, more).unwrap().aligned(&columns()).render(&context(Change::Removed, &key_only))
    };
    let data = |message: Json| String::from_utf8(remove(message, json!({})).unwrap().data).unwrap();
    assert_eq!(data(json!({"json": r#"{"id":{{ row.id }},"op":{{ op }}}"#})), r#"{"id":7,"op":"removed"}"#);
    assert_eq!(data(json!({"fields": "all"})), r#"{"id":7}"#);
    assert_eq!(data(json!({"json": "[{{ row.id }},{{ previous.email }}]"})), "[7,null]");
    for (message, more) in [
        (json!({"json": "[{{ row.email }}]"}), json!({})),
        (json!({"column": "attrs"}), json!({})),
        (json!({"fields": [{"to": "mail", "column": "email"}]}), json!({})),
        (json!({"json": "[]"}), json!({"partition_key": {"column": "email"}})),
        (json!({"json": "[]"}), json!({"hash_key": {"column": "email"}})),
    ] {
        let rejection = remove(message.clone(), more).unwrap_err();
        assert_eq!(rejection.code, Code::ValuesNotKept, "{message}");
        let column = if message["column"].is_string() { "`attrs`" } else { "`email`" };
        assert!(rejection.message.contains(column), "{rejection}");
    }
}
