//! Numbers of typed columns keep every digit.

use domain::{ColumnType, Value};

use crate::given::{array, context, json, numeric, render, rendered, text, x};

fn text_of(filters: &str, kind: ColumnType, value: Value) -> String {
    rendered(&x(kind).text(&format!("{{{{ row.x | {filters} }}}}")).unwrap(), value)
}

#[test]
fn decimals_are_counted_exactly() {
    let cases = [
        ("plus: 1", "0.10", "1.10"),
        ("plus: 0.2", "0.1", "0.3"),
        ("times: 3", "123456789012345678901234567890.01", "370370367037037036703703703670.03"),
        ("minus: 0.01", "1.00", "0.99"),
        ("divided_by: 4", "10.00", "2.5"),
        ("divided_by: 5", "10.00", "2.0"),
        ("divided_by: 3", "1.0", "0.3333333333333333333333333333333333333333"),
        ("modulo: 3", "-1.5", "1.5"),
        ("round: 2", "2.005", "2.01"),
        ("round: 2", "-2.005", "-2.01"),
        ("round", "2.5", "3"),
        ("ceil", "123456789012345678901234567890.01", "123456789012345678901234567891"),
        ("floor", "-0.5", "-1"),
        ("abs", "-0.50", "0.50"),
        ("at_most: 1", "1.50", "1"),
        ("to_number", "1.50", "1.50"),
        ("plus: 1", "9223372036854775807", "9223372036854775808"),
        ("minus: 1", "9223372036854775808", "9223372036854775807"),
    ];
    for (filters, given, expected) in cases {
        assert_eq!(text_of(filters, ColumnType::Numeric, numeric(given)), expected, "{given} | {filters}");
    }
}

#[test]
fn integers_grow_beyond_64_bits_and_never_wrap() {
    let cases = [
        ("plus: 1", i64::MAX, "9223372036854775808"),
        ("minus: 1", i64::MIN, "-9223372036854775809"),
        ("abs", i64::MIN, "9223372036854775808"),
        ("divided_by: -1", i64::MIN, "9223372036854775808"),
        ("modulo: -1", i64::MIN, "0"),
        ("times: 9223372036854775807", i64::MAX, "85070591730234615847396907784232501249"),
        ("divided_by: 2", -7, "-4"),
        ("modulo: 2", -7, "1"),
    ];
    for (filters, given, expected) in cases {
        assert_eq!(text_of(filters, ColumnType::Int, Value::Int(given)), expected, "{given} | {filters}");
    }
}

#[test]
fn digits_are_capped() {
    let nines = "9".repeat(900);
    for filters in ["times: row.x", "times: row.x | times: row.x | times: row.x"] {
        let template = x(ColumnType::Numeric).text(&format!("{{{{ row.x | {filters} }}}}")).unwrap();
        let error = render(&template, &context(&[Some(numeric(&nines))])).unwrap_err().to_string();
        assert!(error.contains("`times` has more than 1000 digits"), "{error}");
    }
    let template = x(ColumnType::Text).text("{{ row.x | to_number }}").unwrap();
    for hostile in ["1e999999999", "1e-999999999", "-1e9223372036854775807", &"7".repeat(1_001)] {
        assert!(render(&template, &context(&[Some(text(hostile))])).is_err(), "{hostile}");
    }
}

#[test]
fn arrays_and_json_of_the_row_are_looked_into() {
    let numbers = || array([Value::Int(3), Value::Null, Value::Int(1)]);
    let kind = || ColumnType::Array(Box::new(ColumnType::Int));
    assert_eq!(text_of("sort | join: ','", kind(), numbers()), "1,3,");
    assert_eq!(text_of("compact | sum", kind(), numbers()), "4");
    assert_eq!(text_of("uniq | size", kind(), numbers()), "3");
    assert_eq!(text_of("first", kind(), numbers()), "3");
    let people = || json(r#"[{"n": "b", "v": 1.10}, {"n": "a", "v": 2.20}]"#);
    assert_eq!(text_of("sort: 'n' | map: 'n' | join", ColumnType::Jsonb, people()), "a b");
    assert_eq!(text_of("sum: 'v'", ColumnType::Jsonb, people()), "3.30");
    assert_eq!(text_of("where: 'n', 'a' | json", ColumnType::Jsonb, people()), r#"[{"n":"a","v":2.20}]"#);
}
