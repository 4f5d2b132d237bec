//! Filters that came to Liquid lately, and our own: hashes, JSON, zones, names, members.

use serde_json::json;

use super::standard::render;

/// The values that the cases name.
fn context() -> serde_json::Value {
    json!({
        "people": [
            {"name": "Ada", "age": 36, "admin": true, "tags": [1, 2]},
            {"name": "bob", "age": null, "admin": false},
            {"name": "Cid", "age": 1.5},
        ],
        "person": {"name": "Ada", "age": 36, "email": "ada@example.com"},
        "numbers": [3, 1, 2.5, "4"],
        "nested": [[1, [2]], 3],
        "one": {"a": {"b": [1, null, "x"]}},
        "text": "It's \"here\"",
        "deep": "[1,{\"a\":1.50}]",
        "no": null,
        "when": "2024-07-01T12:30:45.678Z",
        "winter": "2024-01-01T12:00:00Z",
    })
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    let context = context();
    for (expression, expected) in cases {
        let given = render(&format!("{{{{ {expression} }}}}"), &context);
        assert_eq!(given.as_deref(), Ok(*expected), "{expression}");
    }
}

/// The reason must hold the words that stand beside the expression.
#[track_caller]
fn refuse(cases: &[(&str, &str)]) {
    let context = context();
    for (expression, reason) in cases {
        let given = render(&format!("{{{{ {expression} }}}}"), &context);
        let error = given.unwrap_err();
        assert!(error.contains(reason), "{expression}: {error}");
    }
}

#[test]
fn elements_are_chosen_by_their_properties() {
    check(&[
        ("people | reject: 'admin' | map: 'name' | join: ','", "bob,Cid"),
        ("people | reject: 'name', 'Ada' | map: 'name' | join: ','", "bob,Cid"),
        ("people | has: 'admin'", "true"),
        ("people | has: 'admin', 'x'", "false"),
        ("people | has: 'nothing'", "false"),
        ("people | find: 'name', 'Cid' | map: 'age' | join", "1.5"),
        ("people | find: 'name', 'Eve'", ""),
        ("people | find_index: 'name', 'Cid'", "2"),
        ("people | find_index: 'name', 'Eve'", ""),
        ("people | where: 'age', 1.5 | map: 'name' | join", "Cid"),
        ("no | has: 'x'", "false"),
        ("people | sum: 'age'", "37.5"),
        ("numbers | sum", "10.5"),
        ("nested | sum", "6"),
        ("people | sum: 'tags'", "3"),
        ("no | sum", "0"),
        ("text | sum", "0"),
        ("numbers | index: -1", "4"),
        ("numbers | index: 9", ""),
        ("'hällo' | index: 1", "ä"),
        ("'hello' | slice: -10, 7", ""),
        ("'  a \t b\n' | squish", "a b"),
        ("no | squish", ""),
    ]);
    refuse(&[
        ("numbers | sum: 'x'", "cannot select the property `x`"),
        ("numbers | find: 'x'", "cannot select the property `x`"),
        ("numbers | sort", "cannot compare a number with text"),
        ("people | sort", "cannot compare an object with an object"),
        ("numbers | concat: 1", "`concat` needs an array as argument, and got a number"),
        ("(1..99999999999) | join", "memory"),
    ]);
}

#[test]
fn members_of_objects_are_listed_and_chosen() {
    check(&[
        ("person | keys | join: ','", "name,age,email"),
        ("person | values | join: ','", "Ada,36,ada@example.com"),
        ("person | only: 'age', 'name' | json", r#"{"name":"Ada","age":36}"#),
        ("person | except: 'email', 'zz' | json", r#"{"name":"Ada","age":36}"#),
        ("person | only: names | json", "{}"),
        ("no | keys | json", "[]"),
        ("no | except: 'x' | json", "{}"),
    ]);
    refuse(&[
        ("numbers | keys", "`keys` needs an object, and got an array"),
        ("person | only", "`only` takes 1 to 100 arguments, and got 0"),
    ]);
}

#[test]
fn json_is_written_and_read() {
    check(&[
        ("one | json", r#"{"a":{"b":[1,null,"x"]}}"#),
        ("text | json", r#""It's \"here\"""#),
        ("no | json", "null"),
        ("deep | parse_json | json", r#"[1,{"a":1.5}]"#),
        ("deep | append: '' | parse_json | json", r#"[1,{"a":1.5}]"#),
        ("deep | parse_json | last | keys | join", "a"),
        ("one | parse_json | json", r#"{"a":{"b":[1,null,"x"]}}"#),
        ("'\"x\"' | parse_json", "x"),
    ]);
    refuse(&[
        ("'{' | parse_json", "`parse_json` needs JSON text"),
        ("'{' | append: '' | parse_json", "needs JSON text"),
    ]);
}

#[test]
fn digests_are_those_of_the_standards() {
    check(&[
        ("'abc' | md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("'abc' | sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("'abc' | sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "'what do ya want for nothing?' | hmac_sha256: 'Jefe'",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        ("'what do ya want for nothing?' | hmac_sha1: 'Jefe'", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("'www.example.com' | uuid_v5: 'dns'", "2ed6657d-e927-568b-95e1-2665a8aea6a2"),
        ("'www.example.com' | uuid_v5: '6ba7b810-9dad-11d1-80b4-00c04fd430c8'", "2ed6657d-e927-568b-95e1-2665a8aea6a2"),
        ("'abc' | hash_key", "191415658344158766168031473277922803570"),
        ("'' | hash_key", "281949768489412648962353822266799178366"),
        ("5 | md5", "e4da3b7fbbce2345d7772b0674a318d5"),
        ("no | sha256", ""),
        ("no | hash_key", ""),
        ("'a b' | base64", "YSBi"),
    ]);
    refuse(&[
        ("'x' | hmac_sha256: no", "needs a key"),
        ("'x' | uuid_v5: 'nowhere'", "and got `nowhere`"),
        ("'x' | sha256: 1", "`sha256` takes no arguments, and got 1"),
    ]);
}

#[test]
fn dates_are_shown_in_zones_and_counted() {
    check(&[
        ("when | date: '%F %T %z %Z', timezone: 'Europe/Berlin'", "2024-07-01 14:30:45 +0200 CEST"),
        ("winter | date: '%F %T %z %Z', timezone: 'Europe/Berlin'", "2024-01-01 13:00:00 +0100 CET"),
        ("when | date: '%F %T %z', timezone: '-03:30'", "2024-07-01 09:00:45 -0330"),
        ("when | date: '%H', timezone: 'america/new_york'", "08"),
        ("when | date: '%H', timezone: no", "12"),
        ("'now' | date: '%F %T'", "2016-03-14 12:00:00"),
        ("'Today' | date: '%F'", "2016-03-14"),
        ("'10:15' | date: '%F %R'", "2016-03-14 10:15"),
        ("'April' | date: '%F'", "2016-04-01"),
        ("'5 May' | date: '%F'", "2016-05-05"),
        ("when | epoch_seconds", "1719837045"),
        ("when | to_epoch", "1719837045"),
        ("when | epoch_milliseconds", "1719837045678"),
        ("'1969-12-31T23:59:59.5Z' | epoch_milliseconds", "-500"),
        ("no | epoch_seconds", ""),
        ("'abc' | date: '%Y'", "abc"),
        ("99999999999999 | date: '%Y'", "99999999999999"),
        ("when | date: '%100d' | size", "100"),
    ]);
    refuse(&[
        ("when | date: '%F', timezone: 'Mars/Base'", "`Mars/Base` is no time zone"),
        ("when | date: '%F', zone: 'UTC'", "`date` does not know the argument `zone:`"),
        ("when | date: '%9999999999Y'", "cannot pad to more than 100"),
        ("when | date: '%101N'", "cannot pad to more than 100"),
        ("'abc' | epoch_seconds", "`epoch_seconds` needs a date, and got the text `abc`"),
        ("when | date", "`date` takes 1 argument, and got 0"),
    ]);
}

#[test]
fn names_are_spelled_as_systems_want_them() {
    check(&[
        ("'first_name' | camelize", "FirstName"),
        ("'HTTPServer id' | camelize", "HttpServerId"),
        ("'firstName LastName-x' | snakecase", "first_name_last_name_x"),
        ("'HTTPServer' | snakecase", "http_server"),
        ("'hello  wORLD' | titlecase", "Hello  World"),
        ("' Hello, Wörld! 2 ' | handleize", "hello-wörld-2"),
        ("'a--b' | slugify", "a-b"),
    ]);
}

#[test]
fn types_are_converted_exactly_or_not_at_all() {
    check(&[
        ("' 12 ' | to_number", "12"),
        ("'1.50' | to_number", "1.5"),
        ("'1e3' | to_number", "1000.0"),
        ("true | to_number", "1"),
        ("no | to_number", ""),
        ("'-3.9' | to_integer", "-3"),
        ("4.7 | to_integer", "4"),
        ("'Yes' | to_boolean", "true"),
        ("0 | to_boolean", "false"),
        ("12 | to_string | size", "2"),
        ("no | to_string", ""),
    ]);
    refuse(&[
        ("'abc' | to_number", "`to_number` needs a number, and got the text `abc`"),
        ("numbers | to_number", "and got an array"),
        ("'1e99999999999999999999' | to_number", "needs a number"),
        ("'maybe' | to_boolean", "and got the text `maybe`"),
        ("1 | plus", "`plus` takes 1 argument, and got 0"),
        ("1 | plus: 1, 2", "Remove what it does not take from `plus`"),
        ("1 | modulo: 0", "`modulo` by zero"),
        ("1 | divided_by: 0", "`divided_by` by zero"),
    ]);
}
