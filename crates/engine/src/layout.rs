//! Which columns a run reads, and which of their bytes go into the hashes of key and row.

use domain::{Column, Value};

use crate::canonical::{Corrupt, DecodeError, decode, fields, key_field, push_field};
use crate::form::{Form, FormId};
use crate::hash::{Hash128, HashKey, Purpose, hash};
use crate::unit::UnitId;

/// The columns of a run: first those that its sync uses, then those that only older forms need.
#[derive(Debug, Clone)]
pub struct Layout {
    columns: Vec<Column>,
    used: usize,
    key: Vec<usize>,
    /// The form of this run first, then the older ones that rows are hashed in as well.
    forms: Vec<(FormId, Vec<usize>)>,
}

/// What hashing found in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashed {
    /// A column of the key is null.
    NullKey,
    /// `used` bytes of the row are the columns that the sync uses.
    Row { unit: UnitId, used: usize },
}

impl Layout {
    /// `used` must contain the key columns; `older` are forms that `Form::carry` found computable.
    pub fn new(used: &[Column], all: &[Column], current: (FormId, &Form), older: &[(FormId, Form)]) -> Self {
        let mut columns = used.to_vec();
        for wanted in older.iter().flat_map(|(_, form)| &form.watched) {
            if !columns.iter().any(|column| column.name == wanted.name) {
                columns.extend(all.iter().find(|column| column.name == wanted.name).cloned());
            }
        }
        let places = |wanted: &[Column]| -> Vec<usize> {
            wanted.iter().filter_map(|w| columns.iter().position(|column| column.name == w.name)).collect()
        };
        let forms = std::iter::once((current.0, places(&current.1.watched)))
            .chain(older.iter().map(|(id, form)| (*id, places(&form.watched))))
            .collect();
        let key = places(&current.1.key);
        Self { used: used.len(), key, forms, columns }
    }

    /// The columns to ask the source for, in this order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns that the sync uses: what a plan, a window and a snapshot keep.
    pub fn used(&self) -> &[Column] {
        &self.columns[..self.used]
    }

    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().map(|&index| &self.columns[index])
    }

    /// How many hashes `hash_row` gives: one of the content, one a form.
    pub fn hashes(&self) -> usize {
        1 + self.forms.len()
    }

    pub fn forms(&self) -> impl Iterator<Item = FormId> {
        self.forms.iter().map(|(id, _)| *id)
    }

    /// Hashes a row as it came from the source. `scratch` and `hashes` are buffers to reuse; `hashes` gets the content
    /// first, then the forms.
    pub fn hash_row(
        &self,
        key: &HashKey,
        row: &[u8],
        scratch: &mut Vec<u8>,
        hashes: &mut Vec<Hash128>,
    ) -> Result<Hashed, Corrupt> {
        let mut all = Vec::with_capacity(self.columns.len());
        for field in fields(row) {
            all.push(field?);
        }
        if all.len() != self.columns.len() {
            return Err(Corrupt);
        }
        let used: usize = all[..self.used].iter().map(|field| 4 + field.map_or(0, <[u8]>::len)).sum();
        scratch.clear();
        for &index in &self.key {
            match all[index] {
                None => return Ok(Hashed::NullKey),
                Some(bytes) => key_field(&self.columns[index].kind, bytes, scratch),
            }
        }
        let unit = UnitId { key: hash(key, Purpose::Key, &[scratch]), child: 0 };
        hashes.clear();
        let content = hash(key, Purpose::Row, &[&row[..used]]);
        hashes.push(content);
        for (_, watched) in &self.forms {
            if watched.len() == self.used && watched.iter().enumerate().all(|(at, &index)| at == index) {
                hashes.push(content);
                continue;
            }
            scratch.clear();
            watched.iter().for_each(|&index| push_field(scratch, all[index]));
            hashes.push(hash(key, Purpose::Row, &[scratch]));
        }
        Ok(Hashed::Row { unit, used })
    }

    /// The key columns of a row of used columns, in canonical form.
    pub fn key_of(&self, row: &[u8]) -> Result<Vec<u8>, Corrupt> {
        let all: Vec<_> = fields(row).collect::<Result<_, _>>()?;
        let mut out = Vec::new();
        for &index in &self.key {
            push_field(&mut out, *all.get(index).ok_or(Corrupt)?);
        }
        Ok(out)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    #[error("the column {column} of a stored row cannot be read: {source}")]
    Decode { column: String, source: DecodeError },
}

/// The typed values of a row with these columns.
pub fn values(columns: &[Column], row: &[u8]) -> Result<Vec<Value>, ValuesError> {
    let mut out = Vec::with_capacity(columns.len());
    for (column, field) in columns.iter().zip(fields(row)) {
        out.push(match field? {
            None => Value::Null,
            Some(bytes) => decode(&column.kind, bytes)
                .map_err(|source| ValuesError::Decode { column: column.name.clone(), source })?,
        });
    }
    if out.len() == columns.len() { Ok(out) } else { Err(Corrupt.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ColumnType;

    fn column(name: &str, kind: ColumnType) -> Column {
        Column { name: name.to_owned(), kind, source_type: String::new() }
    }

    fn row(fields: &[Option<&[u8]>]) -> Vec<u8> {
        let mut out = Vec::new();
        fields.iter().for_each(|field| push_field(&mut out, *field));
        out
    }

    fn layout() -> Layout {
        let all = [column("id", ColumnType::Text), column("a", ColumnType::Text), column("b", ColumnType::Text)];
        let form = |watched: &[usize]| Form {
            canonical_version: 1,
            hash_key_id: 1,
            key: vec![all[0].clone()],
            watched: watched.iter().map(|&index| all[index].clone()).collect(),
        };
        Layout::new(&all[..2], &all, (2, &form(&[0, 1])), &[(1, form(&[0, 2]))])
    }

    #[test]
    fn rows_are_hashed_in_every_form_in_one_pass() {
        let (layout, key) = (layout(), HashKey::new([1; 32]));
        assert_eq!(layout.columns().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "a", "b"]);
        let (mut scratch, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        let one = row(&[Some(b"k"), Some(b"a"), Some(b"b")]);
        let two = row(&[Some(b"k"), Some(b"a"), Some(b"c")]);
        let hashed = layout.hash_row(&key, &one, &mut scratch, &mut first).unwrap();
        assert_eq!(hashed, layout.hash_row(&key, &two, &mut scratch, &mut second).unwrap());
        assert!(matches!(hashed, Hashed::Row { used: 10, .. }));
        assert_eq!(first[..2], second[..2], "b is not used by the current form");
        assert_ne!(first[2], second[2], "the older form watched b");
        assert_eq!(layout.key_of(&one[..10]).unwrap(), row(&[Some(b"k")]));
    }

    #[test]
    fn a_null_key_has_no_unit() {
        let (layout, key) = (layout(), HashKey::new([1; 32]));
        let null = row(&[None, Some(b"a"), Some(b"b")]);
        assert_eq!(layout.hash_row(&key, &null, &mut Vec::new(), &mut Vec::new()), Ok(Hashed::NullKey));
        assert!(layout.hash_row(&key, b"xx", &mut Vec::new(), &mut Vec::new()).is_err());
    }
}
