//! The columns of a model that a sync works with, and those of them that changed in a row.

use domain::{Column, Sync, Watch};

use crate::canonical::{Corrupt, fields};
use crate::message::CompiledMessage;

/// The columns whose change is a change of the row. The elements of a fan-out are units of their own: another element is no
/// change of those that were there, unless messages show the array itself, or the user names it.
pub fn watched(sync: &Sync, key: &[String], message: &CompiledMessage, columns: &[Column]) -> Vec<Column> {
    let named = |names: &[String]| columns.iter().filter(|column| names.contains(&column.name)).cloned().collect();
    let fans_out_by = sync.fan_out.as_ref().map(|fan_out| &fan_out.column);
    match &sync.watch {
        Watch::All => {
            let shown = message.used_columns();
            let quiet = |column: &Column| Some(&column.name) == fans_out_by && !shown.contains(column);
            columns.iter().filter(|column| !quiet(column)).cloned().collect()
        }
        Watch::Columns(names) => named(names),
        Watch::Used => {
            let used = message.used_columns().into_iter().map(|column| column.name);
            named(&used.chain(key.iter().cloned()).collect::<Vec<_>>())
        }
    }
}

/// What is read and kept of a row, in the order of the model: the columns of the key, those that messages and keys of records
/// use, and those that are watched.
pub fn used(sync: &Sync, key: &[String], message: &CompiledMessage, columns: &[Column]) -> Vec<Column> {
    let wanted = [message.used_columns(), watched(sync, key, message, columns)].concat();
    let is_wanted = |column: &&Column| key.contains(&column.name) || wanted.iter().any(|w| w.name == column.name);
    columns.iter().filter(is_wanted).cloned().collect()
}

/// The names of those columns of `used` whose canonical bytes in `row` are not those in `old`, a row of the columns `before`.
/// One that is not among these, or had another type, changed.
pub fn changed<'a>(used: &'a [Column], row: &[u8], before: &[Column], old: &[u8]) -> Result<Vec<&'a str>, Corrupt> {
    let old: Vec<_> = fields(old).collect::<Result<_, _>>()?;
    let mut names = Vec::new();
    for (column, new) in used.iter().zip(fields(row)) {
        let new = new?;
        let at = before.iter().position(|known| known.name == column.name && known.kind == column.kind);
        if at.is_none_or(|at| old.get(at) != Some(&new)) {
            names.push(column.name.as_str());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use domain::ColumnType;
    use serde_json::json;

    use super::*;
    use crate::canonical::push_field;

    fn columns() -> Vec<Column> {
        let column = |name: &str| Column { name: name.to_owned(), kind: ColumnType::Text, source_type: String::new() };
        ["a", "id", "b", "c"].map(column).to_vec()
    }

    fn names(columns: &[Column]) -> Vec<&str> {
        columns.iter().map(|column| column.name.as_str()).collect()
    }

    #[test]
    fn a_sync_reads_its_key_what_it_shows_and_what_it_watches_in_the_order_of_the_model() {
        for (watch, watched_then, used_then) in [
            (json!("used"), vec!["id", "b"], vec!["id", "b"]),
            (json!("all"), vec!["a", "id", "b", "c"], vec!["a", "id", "b", "c"]),
            (json!({"columns": ["a"]}), vec!["a"], vec!["a", "id", "b"]),
        ] {
            let sync = json!({"stream": "s", "message": {"json": "{{ row.b }}"}, "partition_key": {"column": "id"}, "watch": watch});
            let sync: Sync = serde_json::from_value(sync).unwrap();
            let message = CompiledMessage::compile(&sync, &columns()).unwrap();
            let key = ["id".to_owned()];
            assert_eq!(names(&watched(&sync, &key, &message, &columns())), watched_then, "{watch}");
            assert_eq!(names(&used(&sync, &key, &message, &columns())), used_then, "{watch}");
        }
    }

    #[test]
    fn what_was_not_known_before_changed() {
        let row = |fields: &[Option<&[u8]>]| {
            let mut out = Vec::new();
            fields.iter().for_each(|field| push_field(&mut out, *field));
            out
        };
        let (all, new) = (columns(), row(&[Some(b"1"), Some(b"k"), None, Some(b"")]));
        let old = row(&[Some(b"k"), Some(b"2"), Some(b"")]);
        let before = [all[1].clone(), all[0].clone(), all[2].clone()];
        assert_eq!(changed(&all, &new, &before, &old).unwrap(), ["a", "b", "c"]);
        assert_eq!(changed(&all, &new, &all, &new).unwrap(), [""; 0]);
        assert!(changed(&all, &new, &all, b"\0").is_err());
    }
}
