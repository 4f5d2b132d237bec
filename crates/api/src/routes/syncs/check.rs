//! What can be said of a sync before the model's columns are known.

use std::collections::BTreeSet;

use domain::{Column, ColumnType, Expression, MappedValue, Mapping, Message, Sync, Watch};
use engine::message::{CompiledMessage, ConfigProblem};

use crate::problem::Fault;

/// The most columns that a query of PostgreSQL returns.
const MOST_COLUMNS: usize = 1_664;

/// A sample is one call in so many, at most.
const MOST_SAMPLE: u32 = 10_000;

/// Everything that is wrong with it, as far as it can be told without the model.
pub(super) fn faults(sync: &Sync) -> Vec<Fault> {
    let mut faults = settings(sync);
    match assumed_columns(sync) {
        // Whatever it names exists; what is left is the syntax.
        Some(columns) => {
            faults.extend(CompiledMessage::check(sync, &columns).into_iter().map(of_template));
        }
        None => {
            faults.push(fault("", format!("It names more than {MOST_COLUMNS} columns, and no query returns as many.")))
        }
    }
    faults
}

/// What is wrong beside its templates.
pub(super) fn settings(sync: &Sync) -> Vec<Fault> {
    let limits = sync.problems().into_iter().chain(sync.limits.useless()).map(|problem| {
        let field = problem.strip_prefix("sync.").unwrap_or(&problem).split(' ').next().unwrap_or_default();
        fault(&pointer(field), problem.clone())
    });
    let mut faults: Vec<Fault> = limits.collect();
    if sync.log.sample > MOST_SAMPLE {
        faults.push(fault("/log/sample", format!("0 to {MOST_SAMPLE} is expected.")));
    }
    faults
}

pub(super) fn of_template(problem: ConfigProblem) -> Fault {
    let place = problem.position.map(|(line, column)| format!("Line {line}, column {column}: ")).unwrap_or_default();
    fault(&pointer(&problem.field), format!("{place}{}. {}", problem.message, problem.advice))
}

pub(super) fn fault(pointer: &str, detail: String) -> Fault {
    Fault { pointer: Some(pointer.to_owned()), detail, ..Fault::default() }
}

/// `message.fields[2].to` as a JSON pointer.
fn pointer(field: &str) -> String {
    format!("/{}", field.replace('[', ".").replace(']', "").replace('.', "/"))
}

/// As if the model had every column that the sync names, of a type that fits. None if these are too many.
pub(super) fn assumed_columns(sync: &Sync) -> Option<Vec<Column>> {
    let mut names = BTreeSet::new();
    let mut column = |name: &str| {
        if names.len() <= MOST_COLUMNS {
            names.insert(name.to_owned());
        }
    };
    match &sync.message {
        Message::Json(text) => named_in(text, &mut column),
        Message::Column(name) => column(name),
        Message::Fields(Mapping::All(_)) => {}
        Message::Fields(Mapping::Fields(fields)) => {
            for field in fields {
                match &field.from {
                    MappedValue::Column(name) => column(name),
                    MappedValue::Template(text) | MappedValue::Json(text) => named_in(text, &mut column),
                    MappedValue::Constant(_) => {}
                }
            }
        }
    }
    for expression in [Some(&sync.partition_key), sync.hash_key.as_ref()].into_iter().flatten() {
        match expression {
            Expression::Column(name) => column(name),
            Expression::Template(text) => named_in(text, &mut column),
        }
    }
    if let Watch::Columns(watched) = &sync.watch {
        watched.iter().for_each(|name| column(name));
    }
    sync.numbers.keys().for_each(|name| column(name));
    let fans_out_by = sync.fan_out.as_ref().map(|fan_out| fan_out.column.clone());
    fans_out_by.iter().for_each(|name| column(name));
    let numbers = |name: &str| sync.numbers.contains_key(name);
    let scalar = |name: &str| if numbers(name) { ColumnType::Int } else { ColumnType::Text };
    let columns = names.into_iter().map(|name| Column {
        kind: if Some(&name) == fans_out_by.as_ref() {
            ColumnType::Array(Box::new(scalar(&name)))
        } else {
            scalar(&name)
        },
        source_type: "any".to_owned(),
        name,
    });
    let columns: Vec<Column> = columns.collect();
    (columns.len() <= MOST_COLUMNS).then_some(columns)
}

/// The columns that a template names.
fn named_in(text: &str, column: &mut impl FnMut(&str)) {
    template::mentioned(text).iter().for_each(|name| column(name));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(sync: serde_json::Value) -> Vec<(String, String)> {
        let sync = serde_json::from_value(sync).unwrap();
        faults(&sync).into_iter().map(|fault| (fault.pointer.unwrap(), fault.detail)).collect()
    }

    #[test]
    fn whatever_a_template_names_may_be_a_column() {
        let sync = json!({
            "stream": "orders", "partition_key": {"template": "{{ row[\"a b\"] }}-{{row.id}}"}, "hash_key": {"column": "h"},
            "message": {"json": "{\"x\": {{ row.x }}, \"was\": \"{{ previous['y.z'] }}\", \"all\": {{ row }}, \"op\": {{op}}}"},
            "watch": {"columns": ["w"]}, "numbers": {"n": "string", "x": "number"},
        });
        assert_eq!(wrong(sync), []);
        let tags =
            "[{% for t in row.tags %}{{ t | plus: row.n }}{% endfor %}, {{ row[\"deep\"].a[0] | divided_by: 2 }}]";
        let fields = json!([
            {"to": "a.b", "column": "x", "null": "omit"}, {"to": "t", "template": "{{ row.y }}"}, {"to": "j", "json": tags},
        ]);
        let sync = json!({"stream": "s", "partition_key": {"column": "id"}, "message": {"fields": fields}});
        assert_eq!(wrong(sync), []);
    }

    #[test]
    fn the_column_of_a_fan_out_is_an_array_and_its_element_may_be_named() {
        let message = json!({"json": "{\"tag\": {{ element }}, \"all\": {{ row.tags }}}"});
        let mut sync = json!({"stream": "s", "partition_key": {"column": "id"}, "message": message,
            "fan_out": {"column": "tags"}, "numbers": {"tags": "string"}});
        assert_eq!(wrong(sync.clone()), []);
        sync["fan_out"] = json!(null);
        let found = wrong(sync);
        assert!(found[0].0 == "/message/json" && found[0].1.contains("name that column in `fan_out`"), "{found:?}");
    }

    #[test]
    fn what_cannot_be_whatever_the_columns_is_told_with_its_place() {
        let sync = json!({
            "stream": "s", "partition_key": {"template": "{{ op }}"}, "message": {"json": "{\n  \"a\": {{ rwo.x }}}"},
            "guards": {"removed_percent": 120}, "limits": {"call_records": 501}, "watch": {"columns": []},
        });
        let found = wrong(sync);
        let at =
            |pointer: &str| found.iter().find(|(at, _)| at == pointer).unwrap_or_else(|| panic!("{found:?}")).1.clone();
        assert!(at("/message/json").starts_with("Line 2, column 11: "), "{}", at("/message/json"));
        assert!(at("/partition_key/template").contains("a key cannot use `op`"));
        assert!(at("/guards/removed_percent").contains("0 to 100"));
        assert!(at("/limits/call_records").contains("501"));
        for (limits, pointer) in [
            (json!({"call_bytes": 2_000}), "/limits/call_bytes"),
            (json!({"record_bytes": 100}), "/limits/record_bytes"),
            (json!({"record_bytes": 300, "call_bytes": 1_000}), "/limits/call_bytes"),
        ] {
            let message = json!({"column": "x"});
            let sync = json!({"stream": "s", "partition_key": {"column": "id"}, "message": message, "limits": limits});
            let found = wrong(sync);
            assert_eq!(found.iter().map(|(at, _)| at.as_str()).collect::<Vec<_>>(), [pointer]);
        }
        at("/watch/columns");
        let aggregating = |limits: serde_json::Value| {
            wrong(
                json!({"stream": "s", "partition_key": {"column": "id"}, "message": {"column": "x"}, "aggregate": true,
                "limits": limits}),
            )
        };
        assert_eq!(aggregating(json!({})), []);
        assert_eq!(aggregating(json!({"record_bytes": 1_000}))[0].0, "/limits/record_bytes");
        let logged = |log: serde_json::Value| {
            wrong(json!({"stream": "s", "partition_key": {"column": "id"}, "message": {"column": "x"}, "log": log}))
        };
        assert_eq!(logged(json!({"rows": "none", "sample": 10_000})), []);
        assert_eq!(logged(json!({"sample": 10_001}))[0].0, "/log/sample");
        let twice = json!([{"to": "a", "column": "x"}, {"to": "a", "column": "y"}]);
        let found = wrong(json!({"stream": "s", "partition_key": {"column": "id"}, "message": {"fields": twice}}));
        assert!(found[0].0.starts_with("/message/fields/1"), "{found:?}");
    }

    #[test]
    fn nobody_keeps_the_service_busy_with_columns_that_cannot_be() {
        let text: String = (0..2_000).map(|n| format!("{{{{row.c{n}}}}}")).collect();
        let sync =
            json!({"stream": "s", "partition_key": {"column": "id"}, "message": {"json": format!("\"{text}\"")}});
        assert!(wrong(sync)[0].1.contains("more than 1664 columns"));
    }
}
