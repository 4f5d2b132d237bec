//! The records of sample rows, as a sync that nobody has saved would make them. What is rendered is what a worker read, in the
//! form in which runs keep rows, and by the functions that runs call: so it is what would be sent, byte for byte.

use std::collections::BTreeSet;

use domain::{Change, Column, KeepValues, Sync, Value};
use engine::canonical::{fields, push_field};
use engine::columns;
use engine::fan_out::{self, Elements, Flaw};
use engine::form::{CANONICAL_VERSION, Form};
use engine::hash::HashKey;
use engine::layout::{Hashed, Layout, ValuesError, values};
use engine::message::{CompiledMessage, RowContext};
use engine::record::{Record, Rejection};
use serde::Deserialize;

use super::check;
use crate::problem::Fault;

/// Rows that a worker read.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) columns: Vec<Column>,
    /// In canonical form.
    pub(super) rows: Vec<Vec<u8>>,
}

/// Ready to render.
pub(super) struct Draft {
    sync: Sync,
    layout: Layout,
    message: CompiledMessage,
}

/// What only a run knows, and what stands for it here, as long as what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StandIns {
    pub(super) event_id: String,
    pub(super) sequence: u64,
    pub(super) run_id: String,
    pub(super) run_started_at: String,
    pub(super) sync_id: String,
    pub(super) sync_name: String,
}

/// A row of the sample as a run would have it: the used columns, and the element of each unit.
pub(super) struct Row {
    used: Vec<u8>,
    /// The used columns as they are taken to have been before, if it changed.
    previous: Option<Vec<u8>>,
    pub(super) elements: Vec<Option<Value>>,
}

/// A row that runs list and never send, by its code.
pub(super) struct Invalid(pub(super) &'static str);

/// From which row of the sample the values before a change are taken, and for which columns; none: for all but the key.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) row: usize,
    pub(super) columns: Option<BTreeSet<String>>,
}

impl Sample {
    /// From what a job found. None if that is no sample, or one that another version of the service took.
    pub(super) fn of(found: &serde_json::Value) -> Option<Self> {
        use base64::Engine;
        #[derive(Deserialize)]
        struct Kept {
            columns: Vec<Column>,
            sample: Rows,
        }
        #[derive(Deserialize)]
        struct Rows {
            canonical_version: u32,
            rows: Vec<String>,
        }
        let kept = Kept::deserialize(found).ok()?;
        if kept.sample.canonical_version != CANONICAL_VERSION {
            return None;
        }
        let rows = kept.sample.rows.iter().map(|row| base64::prelude::BASE64_STANDARD.decode(row).ok());
        Some(Self { rows: rows.collect::<Option<_>>()?, columns: kept.columns })
    }
}

impl Draft {
    /// `key`: the primary key of the model.
    pub(super) fn new(sync: Sync, key: &[String], columns: &[Column]) -> Result<Self, Vec<Fault>> {
        let message = CompiledMessage::compile(&sync, columns)
            .map_err(|problems| problems.into_iter().map(check::of_template).collect::<Vec<_>>())?;
        let find = |name: &String| columns.iter().find(|column| column.name == *name).cloned();
        let Some(key_columns) = key.iter().map(find).collect::<Option<Vec<_>>>() else {
            return Err(vec![check::fault("/model", format!("Its query does not give all of: {}.", key.join(", ")))]);
        };
        let fan_out = match &sync.fan_out {
            None => None,
            Some(fan_out) if key.contains(&fan_out.column) => {
                return Err(vec![check::fault(
                    "/fan_out/column",
                    "It is part of the primary key. Choose another column.".to_owned(),
                )]);
            }
            Some(fan_out) => match find(&fan_out.column) {
                Some(column) => Some(column),
                None => {
                    let detail = format!("The model has no column `{}`.", fan_out.column);
                    return Err(vec![check::fault("/fan_out/column", detail)]);
                }
            },
        };
        let used = columns::used(&sync, key, &message, columns);
        let watched = columns::watched(&sync, key, &message, columns);
        let form = Form { canonical_version: CANONICAL_VERSION, hash_key_id: 0, key: key_columns, watched, fan_out };
        let layout = Layout::new(&used, columns, (0, &form), &[]);
        let message = message.aligned(layout.used());
        Ok(Self { sync, layout, message })
    }

    /// A row of the sample, and how it is taken to have been before.
    pub(super) fn row(
        &self,
        sample: &Sample,
        at: usize,
        before: Option<&Before>,
    ) -> Result<Result<Row, Invalid>, ValuesError> {
        let row = self.laid_out(sample, at, None)?;
        // Units are only told apart within this row, so any key will do.
        let hash_key = HashKey::new([0; 32]);
        let used = match self.layout.hash_row(&hash_key, &row, &mut Vec::new(), &mut Vec::new())? {
            Hashed::NullKey => return Ok(Err(Invalid("null-key"))),
            Hashed::Row { used, .. } => used,
        };
        let mut elements = vec![None];
        if let Some(element) = self.layout.element() {
            let mut found = Elements::default();
            if let Err(flaw) = self.layout.elements(&hash_key, &row, &mut found)? {
                return Ok(Err(Invalid(code_of(flaw))));
            }
            let decoded = found.iter().map(|(_, bytes)| {
                let decoded = fan_out::value(element, bytes);
                decoded.map(Some).map_err(|source| ValuesError::Decode { column: element.name.clone(), source })
            });
            elements = decoded.collect::<Result<_, _>>()?;
        }
        let keeps = self.sync.values == KeepValues::Used;
        let previous = match before.filter(|_| keeps) {
            Some(before) => {
                let mut previous = self.laid_out(sample, at, Some(before))?;
                previous.truncate(length(&previous, self.layout.used().len())?);
                Some(previous)
            }
            None => None,
        };
        Ok(Ok(Row { used: row[..used].to_vec(), previous, elements }))
    }

    /// The columns that changed, as `changed_columns` of a message has them.
    pub(super) fn changed(&self, row: &Row) -> Result<Option<Vec<&str>>, ValuesError> {
        let used = self.layout.used();
        let changed = row.previous.as_ref().map(|previous| columns::changed(used, &row.used, used, previous));
        Ok(changed.transpose()?)
    }

    /// The record of a unit of the row; it changed if the row says how it was before.
    pub(super) fn render(
        &self,
        op: Change,
        row: &Row,
        element: Option<&Value>,
        stand_ins: &StandIns,
    ) -> Result<Result<Record, Rejection>, ValuesError> {
        let used = self.layout.used();
        let known: Vec<Option<Value>> = values(used, &row.used)?.into_iter().map(Some).collect();
        let (now, previous) = match op {
            Change::Added => (known, None),
            Change::Changed => {
                let previous = row.previous.as_ref().map(|previous| values(used, previous)).transpose()?;
                (known, previous.map(|previous| previous.into_iter().map(Some).collect()))
            }
            // What was acknowledged last, if that is kept.
            Change::Removed if self.sync.values == KeepValues::Used => (known.clone(), Some(known)),
            Change::Removed => {
                let is_key = |column: &Column| self.layout.key_columns().any(|key| key.name == column.name);
                let of_key = used.iter().zip(known).map(|(column, value)| value.filter(|_| is_key(column)));
                (of_key.collect(), None::<Vec<_>>)
            }
        };
        let changed = if op == Change::Changed { self.changed(row)? } else { None };
        Ok(self.message.render(&RowContext {
            op,
            row: &now,
            previous: previous.as_deref(),
            changed_columns: changed.as_deref(),
            event_id: &stand_ins.event_id,
            event_sequence: stand_ins.sequence,
            run_id: &stand_ins.run_id,
            run_started_at: &stand_ins.run_started_at,
            sync_id: &stand_ins.sync_id,
            sync_name: &stand_ins.sync_name,
            element,
        }))
    }

    /// The columns that runs read, in their order.
    fn laid_out(&self, sample: &Sample, at: usize, before: Option<&Before>) -> Result<Vec<u8>, ValuesError> {
        let fields_of = |at: usize| -> Result<Vec<_>, ValuesError> {
            let row = sample.rows.get(at).ok_or(engine::canonical::Corrupt)?;
            let all: Vec<_> = fields(row).collect::<Result<_, _>>()?;
            if all.len() == sample.columns.len() { Ok(all) } else { Err(engine::canonical::Corrupt.into()) }
        };
        let here = fields_of(at)?;
        let there = before.map(|before| fields_of(before.row)).transpose()?;
        let mut out = Vec::new();
        for column in self.layout.columns() {
            let place = sample.columns.iter().position(|known| known.name == column.name);
            let place = place.ok_or(engine::canonical::Corrupt)?;
            let is_key = self.layout.key_columns().any(|key| key.name == column.name);
            let differed = before.is_some_and(|b| b.columns.as_ref().is_none_or(|names| names.contains(&column.name)));
            let from = there.as_ref().filter(|_| differed && !is_key).unwrap_or(&here);
            push_field(&mut out, from[place]);
        }
        Ok(out)
    }
}

/// How many bytes the first fields of a row have.
fn length(row: &[u8], count: usize) -> Result<usize, ValuesError> {
    let mut length = 0;
    for field in fields(row).take(count) {
        length += 4 + field?.map_or(0, <[u8]>::len);
    }
    Ok(length)
}

/// As the list of invalid rows has it.
const fn code_of(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::NotAnArray => "not-an-array",
        Flaw::NullElement => "null-element",
        Flaw::DuplicateElement => "duplicate-element",
        Flaw::TooManyElements => "too-many-elements",
    }
}

#[cfg(test)]
mod tests {
    use domain::ColumnType;
    use serde_json::{Value as Json, json};

    use super::*;

    fn sample() -> Sample {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind, source_type: String::new() };
        let row = |id: Option<i64>, name: &str, tags: &str| {
            let mut out = Vec::new();
            push_field(&mut out, id.map(i64::to_be_bytes).as_ref().map(|bytes| &bytes[..]));
            push_field(&mut out, Some(name.as_bytes()));
            push_field(&mut out, Some(tags.as_bytes()));
            out
        };
        Sample {
            columns: vec![
                column("id", ColumnType::Int),
                column("name", ColumnType::Text),
                column("tags", ColumnType::Json),
            ],
            rows: vec![row(Some(7), "Ann", "[1, 2]"), row(Some(8), "Bob", "3"), row(None, "Cid", "[]")],
        }
    }

    fn stand_ins() -> StandIns {
        StandIns {
            event_id: "e".to_owned(),
            sequence: 4,
            run_id: "r".to_owned(),
            run_started_at: "now".to_owned(),
            sync_id: "s".to_owned(),
            sync_name: "name".to_owned(),
        }
    }

    fn draft(more: Json) -> Result<Draft, Vec<Fault>> {
        let message =
            r#"{"op": {{ op }}, "name": {{ row.name }}, "was": {{ previous.name }}, "what": {{ changed_columns }}}"#;
        let mut sync = json!({"stream": "s", "message": {"json": message}, "partition_key": {"column": "id"}});
        for (name, value) in more.as_object().unwrap() {
            sync[name] = value.clone();
        }
        Draft::new(serde_json::from_value(sync).unwrap(), &["id".to_owned()], &sample().columns)
    }

    fn rendered(draft: &Draft, op: Change, at: usize) -> Vec<Json> {
        let before = Before { row: 1 - at, columns: None };
        let row = draft.row(&sample(), at, (op == Change::Changed).then_some(&before)).unwrap();
        let Ok(row) = row else { panic!("the row is invalid") };
        let records =
            row.elements.iter().map(|element| draft.render(op, &row, element.as_ref(), &stand_ins()).unwrap());
        records.map(|record| serde_json::from_slice(&record.unwrap().data).unwrap()).collect()
    }

    #[test]
    fn an_operation_brings_the_values_that_a_run_would_have() {
        let kept = draft(json!({})).unwrap();
        let added = json!({"op": "added", "name": "Ann", "was": null, "what": null});
        assert_eq!(rendered(&kept, Change::Added, 0), [added]);
        let changed = json!({"op": "changed", "name": "Ann", "was": "Bob", "what": ["name"]});
        assert_eq!(rendered(&kept, Change::Changed, 0), [changed]);
        let removed = json!({"op": "removed", "name": "Ann", "was": "Ann", "what": null});
        assert_eq!(rendered(&kept, Change::Removed, 0), [removed]);
        let hashes = draft(json!({"values": "hashes-only"})).unwrap();
        let changed = json!({"op": "changed", "name": "Ann", "was": null, "what": null});
        assert_eq!(rendered(&hashes, Change::Changed, 0), [changed]);
        let Ok(row) = hashes.row(&sample(), 0, None).unwrap() else { panic!("the row is invalid") };
        let refused = hashes.render(Change::Removed, &row, None, &stand_ins()).unwrap().unwrap_err();
        assert_eq!(refused.code.as_str(), "values-not-kept");
    }

    #[test]
    fn only_the_columns_that_are_named_differ_before_a_change() {
        let draft = draft(json!({"watch": "all"})).unwrap();
        let changed = |columns: Option<&[&str]>| {
            let columns = columns.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            let Ok(row) = draft.row(&sample(), 0, Some(&Before { row: 1, columns })).unwrap() else {
                panic!("invalid")
            };
            draft.changed(&row).unwrap().unwrap().join(" ")
        };
        assert_eq!(changed(None), "name tags", "the key stays");
        assert_eq!(changed(Some(&["tags", "id"])), "tags");
        assert_eq!(changed(Some(&[])), "");
    }

    #[test]
    fn a_row_fans_out_or_is_listed_as_runs_list_it() {
        let draft = draft(json!({"fan_out": {"column": "tags"}, "message": {"json": "{{ element }}"}})).unwrap();
        assert_eq!(rendered(&draft, Change::Added, 0), [json!(1), json!(2)]);
        let code = |at| draft.row(&sample(), at, None).unwrap().err().map(|invalid| invalid.0);
        assert_eq!((code(1), code(2)), (Some("not-an-array"), Some("null-key")));
    }

    #[test]
    fn what_no_row_can_pass_is_told_at_its_member() {
        let told =
            |more: Json| draft(more).err().unwrap().into_iter().map(|fault| fault.pointer.unwrap()).collect::<Vec<_>>();
        assert_eq!(told(json!({"message": {"json": "{{ row.nmae }}"}})), ["/message/json"]);
        assert_eq!(told(json!({"fan_out": {"column": "id"}}))[0], "/fan_out/column");
        let other = Draft::new(
            serde_json::from_value(
                json!({"stream": "s", "message": {"column": "tags"}, "partition_key": {"column": "id"}}),
            )
            .unwrap(),
            &["other".to_owned()],
            &sample().columns,
        );
        assert_eq!(other.err().unwrap()[0].pointer.as_deref(), Some("/model"));
    }
}
