//! Whether a key, as bytes of a snapshot or as JSON of a list, is one of those that are to be forgotten.

use std::collections::HashSet;

use domain::{Column, ColumnType};
use engine::fan_out::ELEMENT;
use engine::layout::values;
use serde_json::{Map, Value as Json};

use crate::Error;
use crate::key_json::{key_json, row_key, texts};

/// With more keys than this, lists are read from end to end.
const SEARCHES: usize = 20;

pub(crate) struct KeySet {
    /// As they were asked for, by the names of their columns.
    wanted: Vec<Map<String, Json>>,
    /// The columns that keys of this sync have or had, with the wanted keys that have just these.
    tables: Vec<(Vec<Column>, HashSet<Vec<String>>)>,
}

impl KeySet {
    /// `names`: the columns of the key as the sync has it now, in the order that arrays follow. `tables`: the columns of
    /// every key that was ever kept.
    pub(crate) fn new(
        keys: &[Json],
        names: &[String],
        tables: impl IntoIterator<Item = Vec<Column>>,
    ) -> Result<Self, Error> {
        let mut known: Vec<(Vec<Column>, HashSet<Vec<String>>)> = Vec::new();
        for mut columns in tables {
            columns.truncate(row_columns(&columns).len());
            if !known.iter().any(|(other, _)| same(other, &columns)) {
                known.push((columns, HashSet::new()));
            }
        }
        let all: Vec<Column> = known.iter().flat_map(|(columns, _)| columns).cloned().collect();
        let mut wanted = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            // The text of an error is kept, so it does not repeat the key.
            let key =
                named(&row_key(key, &all), names).map_err(|problem| Error::ErasedKey { place: place + 1, problem })?;
            let mut fits = names.len() == key.len() && names.iter().all(|name| key.contains_key(name));
            for (columns, texts_of) in &mut known {
                if let Ok(texts) = texts(&Json::Object(key.clone()), columns) {
                    texts_of.insert(texts);
                    fits = true;
                }
            }
            if !fits {
                let problem = format!("its columns are not those of the key ({})", names.join(", "));
                return Err(Error::ErasedKey { place: place + 1, problem });
            }
            wanted.push(key);
        }
        Ok(Self { wanted, tables: known })
    }

    pub(crate) fn len(&self) -> usize {
        self.wanted.len()
    }

    /// A key as lists show it: an object of its columns, or an array in their order.
    pub(crate) fn names(&self, key: &Json) -> bool {
        let is = |(columns, wanted): &(Vec<Column>, HashSet<Vec<String>>)| {
            texts(&row_key(key, columns), columns).is_ok_and(|texts| wanted.contains(&texts))
        };
        self.tables.iter().any(is)
    }

    /// A key as a segment keeps it, that of a unit too: all elements of a row go with it.
    pub(crate) fn holds(&self, columns: &[Column], key: &[u8]) -> Result<bool, Error> {
        let columns = row_columns(columns);
        let Some((_, wanted)) = self.tables.iter().find(|(known, _)| same(known, columns)) else { return Ok(false) };
        if wanted.is_empty() {
            return Ok(false);
        }
        let key = key_json(columns, &values(columns, key)?);
        Ok(texts(&key, columns).is_ok_and(|texts| wanted.contains(&texts)))
    }

    /// What to search lists for: what is found still has to be looked at, what is not found is none of the keys.
    pub(crate) fn searches(&self) -> Vec<Json> {
        if self.wanted.len() > SEARCHES {
            return vec![Json::Object(Map::new())];
        }
        self.wanted
            .iter()
            .map(|key| key.iter().filter_map(|(name, value)| self.search(name, value)).collect())
            .collect()
    }

    /// The column's text, if the store writes it no other way.
    fn search(&self, name: &str, value: &Json) -> Option<(String, Json)> {
        let exact = |kind: &ColumnType| matches!(kind, ColumnType::Int | ColumnType::Text);
        let mut kinds = self.tables.iter().flat_map(|(columns, _)| columns).filter(|column| column.name == name);
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Number(number) if number.is_i64() => number.to_string(),
            _ => return None,
        };
        kinds.all(|column| exact(&column.kind)).then(|| (name.to_owned(), Json::from(text)))
    }
}

/// Without the element of a fan-out.
fn row_columns(columns: &[Column]) -> &[Column] {
    match columns.split_last() {
        Some((last, row)) if last.name == ELEMENT => row,
        _ => columns,
    }
}

/// Whether keys of both can be compared. What the source calls the types does not matter.
fn same(one: &[Column], other: &[Column]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| one.name == other.name && one.kind == other.kind)
}

fn named(key: &Json, names: &[String]) -> Result<Map<String, Json>, String> {
    match key {
        Json::Object(fields) => Ok(fields.clone()),
        Json::Array(values) if values.len() == names.len() => {
            Ok(names.iter().cloned().zip(values.iter().cloned()).collect())
        }
        Json::Array(values) => {
            Err(format!("a key has {} values ({}), not {}", names.len(), names.join(", "), values.len()))
        }
        _ => Err(format!("a key is an array or an object of the values of {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn column(name: &str, kind: ColumnType) -> Column {
        Column { name: name.to_owned(), kind, source_type: String::new() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn set(keys: Json) -> KeySet {
        let now = vec![column("region", ColumnType::Text), column("id", ColumnType::Int)];
        let before = vec![column("id", ColumnType::Int)];
        KeySet::new(keys.as_array().unwrap(), &names(&["region", "id"]), [now.clone(), now, before]).unwrap()
    }

    #[test]
    fn a_key_is_known_however_it_is_written() {
        for keys in [json!([["eu", 7]]), json!([["eu", "7"]]), json!([{"id": 7, "region": "eu"}])] {
            let set = set(keys);
            assert!(set.names(&json!({"region": "eu", "id": 7})) && set.names(&json!(["eu", "7"])));
            for other in [json!({"region": "eu", "id": 8}), json!({"id": 7}), json!([7]), json!("eu"), json!(null)] {
                assert!(!set.names(&other), "{other}");
            }
            assert_eq!(set.searches(), [json!({"region": "eu", "id": "7"})]);
        }
    }

    #[test]
    fn a_key_of_before_can_be_named_by_its_columns() {
        let set = set(json!([{"id": 7}]));
        assert!(set.names(&json!({"id": 7})) && !set.names(&json!({"region": "eu", "id": 7})));
    }

    #[test]
    fn the_bytes_of_a_key_are_compared_by_its_own_columns() {
        let columns = [column("id", ColumnType::Int)];
        let set = set(json!([{"id": 7}]));
        let key = |id: i64| [8_i32.to_be_bytes().as_slice(), &id.to_be_bytes()].concat();
        assert!(set.holds(&columns, &key(7)).unwrap());
        assert!(!set.holds(&columns, &key(8)).unwrap());
        assert!(!set.holds(&[column("id", ColumnType::Text)], &key(7)).unwrap());
    }

    #[test]
    fn all_elements_of_a_row_go_with_its_key() {
        let now = vec![column("id", ColumnType::Int), column(ELEMENT, ColumnType::Text)];
        let set = KeySet::new(&[json!({"id": 7, "element": "a"})], &names(&["id"]), [now.clone()]).unwrap();
        assert!(set.names(&json!({"id": 7, "element": "b"})) && set.names(&json!({"id": 7})));
        assert!(!set.names(&json!({"id": 8, "element": "a"})));
        assert_eq!(set.searches(), [json!({"id": "7"})]);
        let key = |id: i64| [&8_i32.to_be_bytes(), id.to_be_bytes().as_slice(), &1_i32.to_be_bytes(), b"c"].concat();
        assert!(set.holds(&now, &key(7)).unwrap() && !set.holds(&now, &key(8)).unwrap());
        let element = vec![column("id", ColumnType::Int), column("element", ColumnType::Text)];
        let set = KeySet::new(&[json!([7, "a"])], &names(&["id", "element"]), [element]).unwrap();
        assert!(set.names(&json!({"id": 7, "element": "a"})) && !set.names(&json!({"id": 7, "element": "b"})));
    }

    #[test]
    fn a_key_of_other_columns_is_refused_without_repeating_it() {
        let table = vec![column("id", ColumnType::Int)];
        for (key, reason) in [
            (json!(["secret", 2]), "a key has 1 values (id), not 2"),
            (json!({"name": "secret"}), "its columns are not those of the key (id)"),
            (json!("secret"), "an array or an object"),
        ] {
            let error = KeySet::new(&[json!([1]), key], &names(&["id"]), [table.clone()]).err().unwrap().to_string();
            assert!(error.contains(reason) && error.contains("key 2") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn numbers_with_a_fraction_are_not_searched_by_their_text() {
        let table = vec![column("price", ColumnType::Numeric)];
        let set = KeySet::new(&[json!(["1.50"])], &names(&["price"]), [table]).unwrap();
        assert_eq!(set.searches(), [json!({})]);
        assert!(set.names(&json!({"price": "1.5"})));
    }
}
