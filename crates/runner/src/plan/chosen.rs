//! Chosen rows of a model, found by their keys while it is read.

use std::collections::{HashMap, HashSet};

use domain::Column;
use engine::hash::Hash128;
use engine::layout::{Layout, values};
use engine::unit::UnitId;
use serde_json::Value as Json;

use crate::Error;
use crate::course::ChosenRows;
use crate::key_json::{json, row_key, text, texts};
use crate::plan::invalid::Reason;
use crate::plan::unsent::{Unsent, Why};

#[derive(Default)]
pub(crate) struct Chosen {
    columns: Vec<Column>,
    /// The keys as they were asked for, and the hash of each that the model holds.
    keys: Vec<(Json, Option<Hash128>)>,
    places: HashMap<Vec<String>, usize>,
    /// Of all units of such a row.
    hashes: HashSet<Hash128>,
    held: HashMap<Hash128, Reason>,
    without_elements: HashSet<Hash128>,
}

impl Chosen {
    pub(crate) fn new(rows: &ChosenRows, layout: &Layout) -> Result<Self, Error> {
        let columns: Vec<Column> = layout.key_columns().cloned().collect();
        let (mut keys, mut places) = (Vec::new(), HashMap::new());
        for key in &rows.keys {
            let texts = texts(&row_key(key, &columns), &columns)
                .map_err(|problem| Error::ChosenRows(format!("{key}: {problem}")))?;
            places.entry(texts).or_insert_with(|| {
                keys.push((key.clone(), None));
                keys.len() - 1
            });
        }
        let (hashes, held, without_elements) = (HashSet::new(), HashMap::new(), HashSet::new());
        Ok(Self { columns, keys, places, hashes, held, without_elements })
    }

    /// A row of the model. Keys are compared as people see them, so every row's key is decoded.
    pub(crate) fn look(&mut self, layout: &Layout, unit: UnitId, row: &[u8]) -> Result<(), Error> {
        let key = values(&self.columns, &layout.key_of(row)?)?;
        let texts: Vec<String> = self.columns.iter().zip(&key).map(|(c, value)| text(&json(value), &c.kind)).collect();
        if let Some(&place) = self.places.get(&texts) {
            self.keys[place].1 = Some(unit.key);
            self.hashes.insert(unit.key);
        }
        Ok(())
    }

    pub(crate) fn has(&self, unit: UnitId) -> bool {
        self.hashes.contains(&unit.key)
    }

    /// The row is invalid, or several have its key.
    pub(crate) fn hold(&mut self, unit: UnitId, reason: Reason) {
        if self.has(unit) {
            self.held.insert(unit.key, reason);
        }
    }

    /// The row fans out into nothing.
    pub(crate) fn holds_nothing(&mut self, unit: UnitId) {
        if self.has(unit) {
            self.without_elements.insert(unit.key);
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn not_sent(&self) -> Unsent {
        let why = |key: &Json, hash: Option<Hash128>| match hash {
            Some(hash) => match self.held.get(&hash) {
                Some(reason) => Some(Why::held(*reason)),
                None if self.without_elements.contains(&hash) => Some(Why::NO_ELEMENTS),
                None => None,
            },
            None if has_null(key) => Some(Why::NULL_IN_KEY),
            None => Some(Why::GONE),
        };
        self.keys.iter().filter_map(|(key, hash)| Some((key.clone(), why(key, *hash)?))).collect()
    }
}

fn has_null(key: &Json) -> bool {
    match key {
        Json::Array(values) => values.iter().any(Json::is_null),
        Json::Object(fields) => fields.values().any(Json::is_null),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ColumnType;
    use serde_json::json;

    fn columns(kinds: &[(&str, ColumnType)]) -> Vec<Column> {
        let column = |(name, kind): &(&str, ColumnType)| Column {
            name: (*name).to_owned(),
            kind: kind.clone(),
            source_type: String::new(),
        };
        kinds.iter().map(column).collect()
    }

    #[test]
    fn a_key_is_written_as_an_array_or_an_object_with_numbers_or_texts() {
        let two = columns(&[("region", ColumnType::Text), ("id", ColumnType::Int)]);
        let wanted = vec!["eu".to_owned(), "9007199254740993".to_owned()];
        for key in [
            json!(["eu", 9_007_199_254_740_993_i64]),
            json!(["eu", "9007199254740993"]),
            json!({"id": 9_007_199_254_740_993_i64, "region": "eu"}),
        ] {
            assert_eq!(texts(&key, &two).unwrap(), wanted, "{key}");
        }
        let decimal = columns(&[("price", ColumnType::Numeric)]);
        assert_eq!(texts(&json!(["1.50"]), &decimal).unwrap(), ["1.5"]);
        assert_eq!(texts(&json!(["100"]), &decimal).unwrap(), ["100"]);
        let name = columns(&[("name", ColumnType::Text)]);
        assert_eq!(texts(&json!(["1.50"]), &name).unwrap(), ["1.50"]);
    }

    #[test]
    fn a_key_of_another_shape_is_refused_with_the_columns_it_should_have() {
        let two = columns(&[("region", ColumnType::Text), ("id", ColumnType::Int)]);
        for (key, reason) in [
            (json!(["eu"]), "2 values (region, id), not 1"),
            (json!({"id": 1}), "`region` is missing"),
            (json!({"id": 1, "region": "eu", "zone": 1}), "`zone` is no column of the key"),
            (json!(7), "an array or an object"),
        ] {
            let problem = texts(&key, &two).unwrap_err();
            assert!(problem.contains(reason), "{key}: {problem}");
        }
    }
}
