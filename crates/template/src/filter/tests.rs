//! Every filter with any values: no panic, and the budget bounds what it takes.

use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::limits::Limits;
use crate::names::Style;
use crate::value::number::Number;
use crate::value::{Object, Text};

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-+]?[0-9_]{0,30}(\\.[0-9]{0,30})?(e[-+]?[0-9]{1,12})?",
        "[0-9]{1,5}[-/. ][0-9a-z]{1,9}[-/. ,][0-9]{1,5}[ tT]?([0-9]{1,2}:[0-9]{1,2}(:[0-9]{2})?)?( ?[ap]m)?([-+][0-9:]{0,6}|z| est)?",
        "(%[-_0^#:]{0,3}[0-9]{0,4}[a-zA-Z%+ä]?){0,6}",
        "(<[a-z!/-]{0,6}|>|</script>|-->|&[a-z#0-9]{0,4};?|%[0-9a-fA-F]{0,2}| |\\n|ß|İ|ŉ){0,12}",
        Just("\u{0}\u{b}\u{85}\u{a0}é\u{301}".to_owned()),
        Just("x".repeat(20_000)),
        Just("9".repeat(1_500)),
        Just("Europe/Berlin".to_owned()),
        Just("a".to_owned()),
    ]
}

fn values() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-20_i64..20).prop_map(Value::Int),
        prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0)].prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-0.0), Just(f64::MAX), Just(5e-324)]
            .prop_map(Value::Float),
        "-?[0-9]{1,40}\\.[0-9]{1,40}".prop_map(|digits| Number::parse(&digits).unwrap().into()),
        Just(()).prop_map(|()| Value::from(Number::parse(&"9".repeat(1_000)).unwrap())),
        texts().prop_map(Value::string),
        Just(Value::Json(Text::Borrowed("{\"a\":[1]}"))),
        (any::<i64>(), any::<i64>()).prop_map(|(from, to)| Value::Range(from, to)),
        (-5_i64..5, -5_i64..30).prop_map(|(from, to)| Value::Range(from, to)),
        Just(Value::Empty),
        Just(Value::Blank),
        column(),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let members = proptest::collection::vec((prop_oneof![Just("a".to_owned()), texts()], inner.clone()), 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Value::array),
            members.prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (Text::from(name), value)).collect();
                Value::Object(Rc::new(Object::from_members(members)))
            }),
        ]
    })
}

/// Leaked: a column lives as long as its row.
fn column() -> impl Strategy<Value = Value<'static>> {
    let rows = prop_oneof![
        Just(domain::Value::Null),
        texts().prop_map(domain::Value::Text),
        texts().prop_map(domain::Value::Json),
        texts().prop_map(domain::Value::Numeric),
        any::<f64>().prop_map(domain::Value::Float),
        Just(domain::Value::Json("[{\"a\":1e400},[[]],{\"a\":null}]".to_owned())),
        Just(domain::Value::Bytes(vec![0, 255, 7])),
        Just(domain::Value::Array(vec![domain::Value::Int(1), domain::Value::Array(vec![domain::Value::Null])])),
    ];
    rows.prop_map(|value| Value::Column(Box::leak(Box::new(value)), Style::default()))
}

fn small() -> Limits {
    Limits { work: 20_000, memory: 1 << 20, ..Limits::DEFAULT }
}

/// Each is a call of every filter.
#[expect(clippy::disallowed_methods, reason = "the switch of the long tests")]
fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(if std::env::var_os("ROWCAST_LONG").is_some() { 50_000 } else { 100 })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_value_and_no_argument_makes_a_filter_panic(
        input in values(),
        arguments in proptest::collection::vec(values(), 0..3),
        named in values(),
        plain in any::<bool>(),
        now in any::<i64>(),
    ) {
        for filter in all() {
            let mut budget = Budget::new(&small());
            let mut env = Env { budget: &mut budget, now, plain };
            let named = [("timezone", named.clone()), ("allow_false", named.clone())];
            let arguments = Arguments { positional: &arguments, named: &named };
            if let Ok(value) = filter.apply(input.clone(), &arguments, &mut env) {
                // What came out can be written.
                let written = value.to_text(plain, &mut Budget::new(&small()));
                prop_assert!(written.is_err() || written.is_ok_and(|text| text.len() <= 1 << 20));
            }
        }
    }
}

#[test]
fn the_table_is_in_the_order_of_names() {
    for pair in all().windows(2) {
        assert!(pair[0].name < pair[1].name, "{} stands before {}", pair[0].name, pair[1].name);
        assert_eq!(find(pair[0].name).map(|filter| filter.name), Some(pair[0].name));
    }
    assert!(find("nothing").is_none());
}

/// Growth that doubles at every step: the budget ends it long before memory does.
#[test]
fn what_grows_by_itself_is_ended_by_the_budget() {
    let hostile = [("append", 40), ("concat", 40), ("replace", 40), ("json", 40)];
    for (name, steps) in hostile {
        let mut budget = Budget::new(&Limits::DEFAULT);
        let mut env = Env { budget: &mut budget, now: 0, plain: true };
        let filter = find(name).unwrap();
        let mut value =
            if name == "concat" { Value::array(vec![Value::Int(1), Value::Int(2)]) } else { Value::text("&%\"&%\"") };
        let mut ended = false;
        let mut made = 0;
        for _ in 0..steps {
            let arguments = match name {
                "append" | "concat" => vec![value.clone()],
                "replace" => vec![Value::text(""), Value::text("ab")],
                _ => Vec::new(),
            };
            let input = if name == "json" { Value::array(vec![value.clone(), value.clone()]) } else { value.clone() };
            match filter.apply(input, &Arguments { positional: &arguments, named: &[] }, &mut env) {
                Ok(next) => {
                    made += match &next {
                        Value::Text(text) | Value::Json(text) => text.len(),
                        Value::Array(values) => values.len() * size_of::<Value<'_>>(),
                        _ => 0,
                    };
                    value = next;
                }
                Err(Fault::TooMuchMemory | Fault::TooMuchWork) => {
                    ended = true;
                    break;
                }
                Err(other) => panic!("{name}: {other:?}"),
            }
        }
        assert!(ended, "{name} went on");
        assert!(made <= Limits::DEFAULT.memory, "{name} made {made} bytes");
    }
}

#[test]
fn only_filters_that_say_so_ask_for_the_time() {
    for filter in all() {
        let at = |now: i64| {
            let mut budget = Budget::new(&Limits::DEFAULT);
            let mut env = Env { budget: &mut budget, now, plain: true };
            let positional = vec![Value::text("%s"); usize::from(filter.positional.0)];
            let arguments = Arguments { positional: &positional, named: &[] };
            format!("{:?}", filter.apply(Value::text("now"), &arguments, &mut env))
        };
        let differs = at(0) != at(1_000_000_000_000_000);
        assert_eq!(differs, filter.reads_clock, "{}", filter.name);
    }
}

/// What a call takes from the default budget, or none where it fails.
fn steps(filter: &Filter, input: &str, argument: Option<&str>) -> Option<usize> {
    let mut budget = Budget::new(&Limits { memory: 1 << 30, ..Limits::DEFAULT });
    let before = budget.work_left();
    let count = usize::from(filter.positional.0).max(usize::from(argument.is_some()));
    let positional = vec![Value::text(argument.unwrap_or("7")); count];
    let arguments = Arguments { positional: &positional, named: &[] };
    filter.apply(Value::text(input), &arguments, &mut Env { budget: &mut budget, now: 0, plain: false }).ok()?;
    Some(before - budget.work_left())
}

#[test]
fn a_filter_charges_for_every_byte_that_it_looks_at() {
    const BYTES: usize = 32 << 10;
    let texts = ["7 ".repeat(BYTES / 2), " ".repeat(BYTES), "é ".repeat(BYTES / 3), "[1,".repeat(BYTES / 3)];
    let cheap = |text: &String, filter| steps(filter, text, None).is_some_and(|charged| charged < text.len() / 64);
    let blind: Vec<_> = all().iter().filter(|filter| texts.iter().any(|text| cheap(text, filter))).collect();
    assert_eq!(blind.iter().map(|filter| filter.name).collect::<Vec<_>>(), BLIND);
}

#[test]
fn a_filter_charges_for_every_byte_of_an_argument_that_it_looks_at() {
    const BYTES: usize = 32 << 10;
    let arguments = ["7".repeat(BYTES), "é ".repeat(BYTES / 3)];
    let cheap = |argument: &String, filter| match (steps(filter, "1", Some("7")), steps(filter, "1", Some(argument))) {
        (Some(short), Some(long)) => long.saturating_sub(short) < BYTES / 80,
        _ => false,
    };
    let takes = all().iter().filter(|filter| filter.positional.1 > 0);
    let blind: Vec<_> = takes.filter(|filter| arguments.iter().any(|argument| cheap(argument, filter))).collect();
    assert_eq!(blind.iter().map(|filter| filter.name).collect::<Vec<_>>(), BLIND_TO_ARGUMENTS);
}

/// A text is the only element to them, or given back as it is.
const BLIND: [&str; 7] = ["compact", "default", "first", "last", "reverse", "sort", "uniq"];

/// They look for a member of this name; no name is as long as that.
const BLIND_TO_ARGUMENTS: [&str; 4] = ["default", "sort", "sort_natural", "uniq"];
