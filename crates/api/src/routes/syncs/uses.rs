//! Which columns a sync uses, told from its text alone: what the model's columns are is known to a worker only.

use std::collections::BTreeSet;

use domain::{Column, ColumnType, Expression, MappedValue, Mapping, Message, Sync, Watch};
use serde::Serialize;
use template::{Names, Options, Problem, Template};
use utoipa::ToSchema;

use super::check;
use super::shapes::AllShape;

/// Which columns of the model a sync uses, in alphabetical order: what it reads, and what changes of a row it sees.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ColumnUses)]
pub(in crate::routes) struct Uses {
    message: ColumnsUsed,
    partition_key: ColumnsUsed,
    /// Null without a hash key.
    #[schema(required)]
    hash_key: Option<ColumnsUsed>,
    /// A row in which none of these changed is not sent again. With `watch: used` the columns of the primary key and whatever
    /// message, partition key and hash key use.
    watched: ColumnsUsed,
    /// Whether the values acknowledged last have to be at hand: `previous` or `changed_columns` is used.
    previous: bool,
    /// The columns of `previous` that are used.
    previous_columns: ColumnsUsed,
}

/// Names of columns, or `all` where the row as a whole is used.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::routes) enum ColumnsUsed {
    Whole(AllShape),
    Names(Vec<String>),
}

/// Stands for every column that is not named: if it is used, all are. No column of PostgreSQL can have this name.
const ANY_OTHER: &str = "\0";

/// None of a sync that does not compile (any more); a run or a preview says why. `key`: the primary key of the model.
pub(super) fn uses(sync: &Sync, key: &[String]) -> Option<Uses> {
    let mut columns = check::assumed_columns(sync)?;
    columns.push(Column { name: ANY_OTHER.to_owned(), kind: ColumnType::Text, source_type: "any".to_owned() });
    let element = sync.fan_out.as_ref().and_then(|fan_out| columns.iter().position(|c| c.name == fan_out.column));
    let names = Names { columns: &columns, numbers: &sync.numbers };
    let options = Options { missing: sync.missing, any_types: true, element };
    let message = of_message(&sync.message, &names, options).ok()?;
    let partition_key = of_key(&sync.partition_key, &names, options).ok()?;
    let hash_key = sync.hash_key.as_ref().map(|key| of_key(key, &names, options)).transpose().ok()?;
    let all = || [&message, &partition_key].into_iter().chain(&hash_key);
    let used = all().flat_map(|part| part.row.iter().chain(&part.previous)).copied().collect();
    let watched = match &sync.watch {
        Watch::All => ColumnsUsed::Whole(AllShape::All),
        Watch::Columns(names) => {
            ColumnsUsed::Names(names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect())
        }
        Watch::Used => match named(&used, &columns) {
            ColumnsUsed::Names(names) => {
                let names: BTreeSet<_> = names.into_iter().chain(key.iter().cloned()).collect();
                ColumnsUsed::Names(names.into_iter().collect())
            }
            whole => whole,
        },
    };
    let previous: BTreeSet<usize> = all().flat_map(|part| &part.previous).copied().collect();
    Some(Uses {
        message: named(&message.both(), &columns),
        partition_key: named(&partition_key.both(), &columns),
        hash_key: hash_key.as_ref().map(|key| named(&key.both(), &columns)),
        watched,
        previous: !previous.is_empty() || all().any(|part| part.changed_columns),
        previous_columns: named(&previous, &columns),
    })
}

#[derive(Default)]
struct Part {
    row: BTreeSet<usize>,
    previous: BTreeSet<usize>,
    changed_columns: bool,
}

impl Part {
    fn add(&mut self, template: &Template) {
        let uses = template.uses();
        self.row.extend(&uses.row);
        self.previous.extend(&uses.previous);
        self.changed_columns |= uses.changed_columns;
    }

    fn both(&self) -> BTreeSet<usize> {
        self.row.union(&self.previous).copied().collect()
    }
}

fn of_message(message: &Message, names: &Names<'_>, options: Options) -> Result<Part, Problem> {
    let mut part = Part::default();
    match message {
        Message::Json(text) => part.add(&Template::json_with(text, names, options)?),
        Message::Column(name) => part.add(&Template::column(name, names)?),
        Message::Fields(Mapping::All(_)) => part.add(&Template::row(names)?),
        Message::Fields(Mapping::Fields(fields)) => {
            for field in fields {
                match &field.from {
                    MappedValue::Constant(_) => {}
                    MappedValue::Column(name) => part.add(&Template::column(name, names)?),
                    MappedValue::Template(text) => part.add(&Template::text_with(text, names, options)?),
                    MappedValue::Json(text) => part.add(&Template::json_with(text, names, options)?),
                }
            }
        }
    }
    Ok(part)
}

fn of_key(key: &Expression, names: &Names<'_>, options: Options) -> Result<Part, Problem> {
    let mut part = Part::default();
    part.add(&match key {
        Expression::Column(name) => Template::column_text(name, names)?,
        Expression::Template(text) => Template::key_with(text, names, options)?,
    });
    Ok(part)
}

fn named(places: &BTreeSet<usize>, columns: &[Column]) -> ColumnsUsed {
    let mut names: Vec<String> = places.iter().filter_map(|place| Some(columns.get(*place)?.name.clone())).collect();
    if names.iter().any(|name| name == ANY_OTHER) {
        return ColumnsUsed::Whole(AllShape::All);
    }
    names.sort_unstable();
    ColumnsUsed::Names(names)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(sync: Value) -> Value {
        json!(uses(&serde_json::from_value(sync).unwrap(), &["id".to_owned()]))
    }

    #[test]
    fn each_part_says_which_columns_it_uses() {
        let message = json!({"json": "{\"a\": {{ row.b }}, {% if row[\"the c\"] %}\"d\": 1{% endif %}}"});
        let mut sync =
            json!({"stream": "s", "message": message, "partition_key": {"template": "{{ row.p }}-{{ row.b }}"}});
        let found = told(sync.clone());
        let expected = json!({
            "message": ["b", "the c"], "partition_key": ["b", "p"], "hash_key": null, "watched": ["b", "id", "p", "the c"],
            "previous": false, "previous_columns": [],
        });
        assert_eq!(found, expected);
        sync["watch"] = json!({"columns": ["z", "b"]});
        sync["hash_key"] = json!({"column": "h"});
        let found = told(sync.clone());
        assert_eq!((&found["watched"], &found["hash_key"]), (&json!(["b", "z"]), &json!(["h"])));
        sync["watch"] = json!("all");
        assert_eq!(told(sync)["watched"], "all");
    }

    #[test]
    fn a_whole_row_is_all_columns() {
        let of = |message: Value| told(json!({"stream": "s", "partition_key": {"column": "id"}, "message": message}));
        for message in [
            json!({"json": "{{ row }}"}),
            json!({"fields": "all"}),
            json!({"json": "[{% for c in row %}{{ c }}{% endfor %}]"}),
        ] {
            let found = of(message.clone());
            assert_eq!((&found["message"], &found["watched"]), (&json!("all"), &json!("all")), "{message}");
            assert_eq!(found["partition_key"], json!(["id"]));
        }
        assert_eq!(of(json!({"json": "{\"was\": {{ previous }}}"}))["previous_columns"], "all");
    }

    #[test]
    fn what_was_acknowledged_before_is_told_apart() {
        let of = |message: &str| {
            told(json!({"stream": "s", "partition_key": {"column": "id"}, "message": {"json": message}}))
        };
        let found = of("{\"now\": {{ row.a }}, \"was\": {{ previous.b }}}");
        assert_eq!((&found["previous"], &found["previous_columns"]), (&json!(true), &json!(["b"])));
        assert_eq!(found["message"], json!(["a", "b"]));
        let found = of("{\"changed\": {{ changed_columns }}}");
        assert_eq!((&found["previous"], &found["previous_columns"]), (&json!(true), &json!([])));
    }

    #[test]
    fn mapped_fields_and_fan_outs_are_looked_into_and_what_does_not_compile_has_none() {
        let fields = json!([{"to": "a", "column": "x"}, {"to": "b", "template": "{{ row.y }}"}, {"to": "c", "constant": 1},
                            {"to": "d", "json": "[{{ row.z | plus: 1 }}]"}]);
        let sync = json!({"stream": "s", "partition_key": {"column": "id"}, "message": {"fields": fields}});
        assert_eq!(told(sync)["message"], json!(["x", "y", "z"]));
        let sync = json!({"stream": "s", "partition_key": {"column": "id"}, "message": {"json": "{{ element }}"},
                          "fan_out": {"column": "tags"}});
        assert_eq!(told(sync)["message"], json!([]));
        let wrong = json!({"stream": "s", "partition_key": {"column": "id"}, "message": {"json": "{{ rwo.x }}"}});
        assert_eq!(told(wrong), Value::Null);
    }
}
