//! Which columns a run reads, and which of their bytes go into the hashes of key and row.

use domain::{Column, Value};

use crate::canonical::{Corrupt, DecodeError, decode, fields, key_field, push_field};
use crate::fan_out::{ELEMENT, Elements, Flaw, element_type};
use crate::form::{Form, FormId};
use crate::hash::{Hash128, HashKey, Purpose, hash, hash_laid_out, lay_out};
use crate::unit::UnitId;

/// The columns of a run: first those that its sync uses, then those that only older forms or the fan-out need.
#[derive(Debug, Clone)]
pub struct Layout {
    columns: Vec<Column>,
    used: usize,
    key: Vec<usize>,
    /// The form of this run first, then the older ones that rows are hashed in as well.
    forms: Vec<(FormId, Vec<usize>)>,
    fan_out: Option<FanOut>,
}

#[derive(Debug, Clone)]
struct FanOut {
    /// The place of the array column.
    place: usize,
    /// A column of the unit's key.
    element: Column,
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
        let array = current.1.fan_out.as_ref();
        if let Some(array) = array.filter(|array| !columns.iter().any(|column| column.name == array.name)) {
            columns.push(array.clone());
        }
        let places = |wanted: &[Column]| -> Vec<usize> {
            wanted.iter().filter_map(|w| columns.iter().position(|column| column.name == w.name)).collect()
        };
        let forms = std::iter::once((current.0, places(&current.1.watched)))
            .chain(older.iter().map(|(id, form)| (*id, places(&form.watched))))
            .collect();
        let key = places(&current.1.key);
        let fan_out = array.and_then(|array| {
            let place = columns.iter().position(|column| column.name == array.name)?;
            let (name, kind) = (ELEMENT.to_owned(), element_type(&array.kind)?);
            Some(FanOut { place, element: Column { name, kind, source_type: array.source_type.clone() } })
        });
        Self { used: used.len(), key, forms, fan_out, columns }
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

    /// What a unit is told by: the columns of the key, and the element of the fan-out behind them.
    pub fn unit_key_columns(&self) -> Vec<Column> {
        self.key_columns().chain(self.element()).cloned().collect()
    }

    /// The element of a fan-out as a column.
    pub fn element(&self) -> Option<&Column> {
        self.fan_out.as_ref().map(|fan_out| &fan_out.element)
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
        let (mut count, mut used) = (0, 0);
        for field in fields(row) {
            let length = 4 + field?.map_or(0, <[u8]>::len);
            used += if count < self.used { length } else { 0 };
            count += 1;
        }
        if count != self.columns.len() {
            return Err(Corrupt);
        }
        lay_out(Purpose::Key, scratch);
        for &index in &self.key {
            match nth(row, index)? {
                None => return Ok(Hashed::NullKey),
                Some(bytes) => key_field(&self.columns[index].kind, bytes, scratch),
            }
        }
        let unit = UnitId { key: hash_laid_out(key, scratch), child: 0 };
        hashes.clear();
        lay_out(Purpose::Row, scratch);
        scratch.extend_from_slice(&row[..used]);
        let content = hash_laid_out(key, scratch);
        hashes.push(content);
        for (_, watched) in &self.forms {
            if watched.len() == self.used && watched.iter().enumerate().all(|(at, &index)| at == index) {
                hashes.push(content);
                continue;
            }
            lay_out(Purpose::Row, scratch);
            push_fields(row, watched, scratch)?;
            hashes.push(hash_laid_out(key, scratch));
        }
        Ok(Hashed::Row { unit, used })
    }

    /// The unit of a row of used columns, and the hash of its watched columns in the form of this run.
    pub fn hash_used(&self, key: &HashKey, used: &[u8]) -> Result<(UnitId, Hash128), Corrupt> {
        let all: Vec<_> = fields(used).collect::<Result<_, _>>()?;
        let mut normalized = Vec::new();
        for &index in &self.key {
            let bytes = all.get(index).copied().flatten().ok_or(Corrupt)?;
            key_field(&self.columns[index].kind, bytes, &mut normalized);
        }
        let mut watched = Vec::new();
        for &index in self.forms.first().map_or(&[][..], |(_, places)| places) {
            push_field(&mut watched, *all.get(index).ok_or(Corrupt)?);
        }
        let unit = UnitId { key: hash(key, Purpose::Key, &[&normalized]), child: 0 };
        Ok((unit, hash(key, Purpose::Row, &[&watched])))
    }

    /// Takes a row, as it came from the source, apart.
    pub fn elements(&self, key: &HashKey, row: &[u8], out: &mut Elements) -> Result<Result<(), Flaw>, Corrupt> {
        let Some(fan_out) = &self.fan_out else { return Ok(Ok(())) };
        let field = fields(row).nth(fan_out.place).ok_or(Corrupt)??;
        let kind = &self.columns.get(fan_out.place).ok_or(Corrupt)?.kind;
        out.read(key, kind, field)
    }

    /// What is kept of a unit, in place of what `out` held: the used columns of its row, and behind them its element. Returns
    /// the hash of it all: two ways to write one element are one unit, and still two contents.
    pub fn unit_row(key: &HashKey, used: &[u8], element: &[u8], out: &mut Vec<u8>) -> Hash128 {
        out.clear();
        out.extend_from_slice(used);
        push_field(out, Some(element));
        hash(key, Purpose::Row, &[out])
    }

    /// The used columns of what is kept of a unit.
    pub fn row_of<'a>(&self, kept: &'a [u8]) -> Result<&'a [u8], Corrupt> {
        if self.fan_out.is_none() {
            return Ok(kept);
        }
        let mut length = 0;
        for field in fields(kept).take(self.used) {
            length += 4 + field?.map_or(0, <[u8]>::len);
        }
        kept.get(..length).ok_or(Corrupt)
    }

    /// `unit_key_columns` of what is kept of a unit, in canonical form.
    pub fn unit_key_of(&self, kept: &[u8]) -> Result<Vec<u8>, Corrupt> {
        let mut out = self.key_of(kept)?;
        if self.fan_out.is_some() {
            out.extend_from_slice(kept.get(self.row_of(kept)?.len()..).ok_or(Corrupt)?);
        }
        Ok(out)
    }

    /// The key columns of a row of used columns, in canonical form.
    pub fn key_of(&self, row: &[u8]) -> Result<Vec<u8>, Corrupt> {
        let mut out = Vec::new();
        push_fields(row, &self.key, &mut out)?;
        Ok(out)
    }
}

/// One of the columns of a row: the first ones, where keys mostly are, are found at once.
fn nth(row: &[u8], index: usize) -> Result<Option<&[u8]>, Corrupt> {
    fields(row).nth(index).ok_or(Corrupt)?
}

fn push_fields(row: &[u8], places: &[usize], out: &mut Vec<u8>) -> Result<(), Corrupt> {
    // Mostly they ascend, so one walk over the row is enough.
    let (mut rest, mut at) = (fields(row), 0);
    for &place in places {
        if place < at {
            (rest, at) = (fields(row), 0);
        }
        push_field(out, rest.nth(place - at).ok_or(Corrupt)??);
        at = place + 1;
    }
    Ok(())
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
            fan_out: None,
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
    fn a_unit_of_a_fan_out_keeps_the_used_columns_and_its_element() {
        let all = [column("id", ColumnType::Text), column("a", ColumnType::Text), column("tags", ColumnType::Jsonb)];
        let fan_out = Some(all[2].clone());
        let form = Form {
            canonical_version: 1,
            hash_key_id: 1,
            key: vec![all[0].clone()],
            watched: all[..2].to_vec(),
            fan_out,
        };
        let (layout, key) = (Layout::new(&all[..2], &all, (1, &form), &[]), HashKey::new([1; 32]));
        assert_eq!((layout.columns().len(), layout.used().len()), (3, 2));
        let names: Vec<_> = layout.unit_key_columns().into_iter().map(|column| column.name).collect();
        assert_eq!(names, ["id", ELEMENT]);
        let source = row(&[Some(b"k"), None, Some(b"\x01[1, \"x\"]")]);
        let (mut elements, mut hashes, mut kept) = (Elements::default(), Vec::new(), Vec::new());
        let hashed = layout.hash_row(&key, &source, &mut Vec::new(), &mut hashes).unwrap();
        let Hashed::Row { used, .. } = hashed else { panic!("{hashed:?}") };
        layout.elements(&key, &source, &mut elements).unwrap().unwrap();
        let mut contents = Vec::new();
        for ((_, element), wanted) in elements.iter().zip([&b"1"[..], b"\"x\""]) {
            contents.push(Layout::unit_row(&key, &source[..used], element, &mut kept));
            assert_eq!(layout.row_of(&kept).unwrap(), &source[..used]);
            assert_eq!(layout.unit_key_of(&kept).unwrap(), row(&[Some(b"k"), Some(wanted)]));
        }
        assert_eq!(contents.len(), 2);
        assert_ne!(contents[0], contents[1]);
        let as_written = Layout::unit_row(&key, &source[..used], b"1.0", &mut kept);
        assert_ne!(contents[0], as_written, "one unit, and still two messages");
    }

    #[test]
    fn a_null_key_has_no_unit() {
        let (layout, key) = (layout(), HashKey::new([1; 32]));
        let null = row(&[None, Some(b"a"), Some(b"b")]);
        assert_eq!(layout.hash_row(&key, &null, &mut Vec::new(), &mut Vec::new()), Ok(Hashed::NullKey));
        assert!(layout.hash_row(&key, b"xx", &mut Vec::new(), &mut Vec::new()).is_err());
    }
}
