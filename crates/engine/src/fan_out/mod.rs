//! One unit for each element of an array column. A row is taken apart while it is read, before anything is compared.
//!
//! An element is told from the others of its row by its canonical bytes: equal numbers are one element however they are
//! written, JSON is compared by what it says. What is kept of an element are its bytes as they came.

mod json;

use std::collections::HashSet;
use std::ops::Range;

use domain::{Column, ColumnType, Value};
use serde_json::value::RawValue;

use crate::canonical::{Corrupt, DecodeError, decode, fields, key_field};
use crate::hash::{HashKey, Purpose, hash};

/// Elements that one row may have.
pub const MOST_ELEMENTS: usize = 10_000;

/// The name of the element among the columns of a unit's key. No column of a model can have it.
pub const ELEMENT: &str = "";

/// Why a row cannot be taken apart. All its units are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Flaw {
    NotAnArray = 1,
    NullElement = 2,
    DuplicateElement = 3,
    TooManyElements = 4,
}

impl Flaw {
    pub const ALL: [Self; 4] = [Self::NotAnArray, Self::NullElement, Self::DuplicateElement, Self::TooManyElements];

    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|flaw| *flaw as u8 == byte)
    }
}

/// The type of the elements of a column, if it can have any.
pub fn element_type(column: &ColumnType) -> Option<ColumnType> {
    match column {
        ColumnType::Array(element) => Some(ColumnType::clone(element)),
        ColumnType::Json | ColumnType::Jsonb => Some(ColumnType::Json),
        _ => None,
    }
}

/// The elements of a row: a buffer to reuse.
#[derive(Debug, Clone, Default)]
pub struct Elements {
    /// Of each its child id, and where its bytes are.
    all: Vec<(u64, Range<usize>)>,
    bytes: Vec<u8>,
    seen: HashSet<u64>,
    scratch: Vec<u8>,
}

impl Elements {
    /// Child id and canonical bytes of each, in the order of the array.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.all.iter().map(|(child, range)| (*child, self.bytes.get(range.clone()).unwrap_or_default()))
    }

    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes apart what a column of the type `column` holds. Null has no elements.
    pub fn read(
        &mut self,
        key: &HashKey,
        column: &ColumnType,
        field: Option<&[u8]>,
    ) -> Result<Result<(), Flaw>, Corrupt> {
        self.all.clear();
        self.bytes.clear();
        self.seen.clear();
        let Some(bytes) = field else { return Ok(Ok(())) };
        match column {
            ColumnType::Array(element) => self.array(key, element, bytes),
            ColumnType::Json => self.json(key, bytes),
            ColumnType::Jsonb => self.json(key, bytes.split_first().ok_or(Corrupt)?.1),
            _ => Ok(Err(Flaw::NotAnArray)),
        }
    }

    /// An array of several dimensions is taken apart as `unnest` does it: into its innermost elements.
    fn array(&mut self, key: &HashKey, kind: &ColumnType, bytes: &[u8]) -> Result<Result<(), Flaw>, Corrupt> {
        const OID: u32 = 26;
        let (header, rest) = bytes.split_first_chunk::<12>().ok_or(Corrupt)?;
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let dimensions = usize::try_from(word(0)).ok().and_then(|count| count.checked_mul(8)).ok_or(Corrupt)?;
        let (_, elements) = rest.split_at_checked(dimensions).ok_or(Corrupt)?;
        for field in fields(elements) {
            if self.all.len() == MOST_ELEMENTS {
                return Ok(Err(Flaw::TooManyElements));
            }
            let Some(field) = field? else { return Ok(Err(Flaw::NullElement)) };
            let flaw = match (kind, field.len()) {
                (ColumnType::Int, 2 | 4) => self.push(key, kind, &integer(field, word(8) == OID).to_be_bytes()),
                _ => self.push(key, kind, field),
            };
            if let Err(flaw) = flaw {
                return Ok(Err(flaw));
            }
        }
        Ok(Ok(()))
    }

    fn json(&mut self, key: &HashKey, bytes: &[u8]) -> Result<Result<(), Flaw>, Corrupt> {
        let text = std::str::from_utf8(bytes).map_err(|_error| Corrupt)?;
        if text.trim_ascii() == "null" {
            return Ok(Ok(()));
        }
        let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) else { return Ok(Err(Flaw::NotAnArray)) };
        if elements.len() > MOST_ELEMENTS {
            return Ok(Err(Flaw::TooManyElements));
        }
        Ok(elements.into_iter().try_for_each(|element| self.push(key, &ColumnType::Json, element.get().as_bytes())))
    }

    fn push(&mut self, key: &HashKey, kind: &ColumnType, bytes: &[u8]) -> Result<(), Flaw> {
        self.scratch.clear();
        match json_text(kind, bytes) {
            Some("null") => return Err(Flaw::NullElement),
            Some(text) => json::canonical(text, &mut self.scratch),
            None => key_field(kind, bytes, &mut self.scratch),
        }
        let hash = hash(key, Purpose::Child, &[&self.scratch]);
        let mut id = [0; 8];
        id.copy_from_slice(&hash.0[..8]);
        // Zero is the row itself. Elements whose ids are equal by chance would be held, and listed.
        let child = u64::from_be_bytes(id).max(1);
        if !self.seen.insert(child) {
            return Err(Flaw::DuplicateElement);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.all.push((child, start..self.bytes.len()));
        Ok(())
    }
}

/// Integers within arrays keep their width.
fn integer(bytes: &[u8], unsigned: bool) -> i64 {
    match *bytes {
        [a, b] => i64::from(i16::from_be_bytes([a, b])),
        [a, b, c, d] if unsigned => i64::from(u32::from_be_bytes([a, b, c, d])),
        [a, b, c, d] => i64::from(i32::from_be_bytes([a, b, c, d])),
        _ => 0,
    }
}

fn json_text<'a>(kind: &ColumnType, bytes: &'a [u8]) -> Option<&'a str> {
    match kind {
        ColumnType::Json => std::str::from_utf8(bytes).ok().map(str::trim_ascii),
        ColumnType::Jsonb => std::str::from_utf8(bytes.get(1..)?).ok(),
        _ => None,
    }
}

/// The element as a template sees it. Text and booleans of JSON are what they say; all else of JSON stays as it is written,
/// so that no digit is lost.
pub fn value(element: &Column, bytes: &[u8]) -> Result<Value, DecodeError> {
    let value = decode(&element.kind, bytes)?;
    let Value::Json(text) = &value else { return Ok(value) };
    match text.trim_ascii().bytes().next() {
        Some(b'"') => Ok(serde_json::from_str(text).map(Value::Text).unwrap_or(value)),
        Some(b't' | b'f') => Ok(serde_json::from_str(text).map(Value::Bool).unwrap_or(value)),
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: HashKey = HashKey::new([3; 32]);

    fn read(kind: &ColumnType, field: Option<&[u8]>) -> Result<Vec<(u64, Vec<u8>)>, Flaw> {
        let mut elements = Elements::default();
        elements.read(&KEY, kind, field).unwrap()?;
        Ok(elements.iter().map(|(child, bytes)| (child, bytes.to_vec())).collect())
    }

    fn json(text: &str) -> Result<Vec<(u64, String)>, Flaw> {
        let found = read(&ColumnType::Json, Some(text.as_bytes()))?;
        let jsonb = read(&ColumnType::Jsonb, Some(&[&[1], text.as_bytes()].concat()))?;
        assert_eq!(found, jsonb);
        Ok(found.into_iter().map(|(child, bytes)| (child, String::from_utf8(bytes).unwrap())).collect())
    }

    fn array(oid: u32, elements: &[Option<&[u8]>]) -> Vec<u8> {
        let words = [1, 0, oid, elements.len() as u32, 1];
        let mut out: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        elements.iter().for_each(|element| crate::canonical::push_field(&mut out, *element));
        out
    }

    fn texts(elements: &[Option<&str>]) -> Result<Vec<(u64, Vec<u8>)>, Flaw> {
        let elements: Vec<_> = elements.iter().map(|element| element.map(str::as_bytes)).collect();
        read(&ColumnType::Array(Box::new(ColumnType::Text)), Some(&array(25, &elements)))
    }

    #[test]
    fn every_element_is_a_unit_whatever_its_place() {
        let (one, two) = (texts(&[Some("red"), Some("")]).unwrap(), texts(&[Some(""), Some("red")]).unwrap());
        assert_eq!(one.iter().rev().cloned().collect::<Vec<_>>(), two);
        assert_eq!(one[0].1, b"red");
        assert!(one.iter().all(|(child, _)| *child != 0));
        assert_eq!(texts(&[]), Ok(Vec::new()));
        assert_eq!(read(&ColumnType::Array(Box::new(ColumnType::Text)), None), Ok(Vec::new()));
        // `'{}'` has no dimensions at all.
        assert_eq!(
            read(
                &ColumnType::Array(Box::new(ColumnType::Text)),
                Some(&[[0; 8], [0, 0, 0, 25, 0, 0, 0, 0]].concat()[..12])
            ),
            Ok(Vec::new())
        );
    }

    #[test]
    fn a_row_that_cannot_be_taken_apart_says_why() {
        assert_eq!(texts(&[Some("a"), None]), Err(Flaw::NullElement));
        assert_eq!(texts(&[Some("a"), Some("b"), Some("a")]), Err(Flaw::DuplicateElement));
        let many: Vec<String> = (0..=MOST_ELEMENTS).map(|n| n.to_string()).collect();
        let many: Vec<_> = many.iter().map(|text| Some(text.as_str())).collect();
        assert_eq!(texts(&many), Err(Flaw::TooManyElements));
        assert_eq!(texts(&many[1..]).unwrap().len(), MOST_ELEMENTS);
        for (text, flaw) in [
            (r#"{"a": 1}"#, Flaw::NotAnArray),
            ("\"a\"", Flaw::NotAnArray),
            ("7", Flaw::NotAnArray),
            ("[1, null]", Flaw::NullElement),
            ("[1, 1.0]", Flaw::DuplicateElement),
            ("[100, 1e2]", Flaw::DuplicateElement),
            ("[0, -0.00]", Flaw::DuplicateElement),
            (r#"["a", "\u0061"]"#, Flaw::DuplicateElement),
            (r#"[{"a": 1, "b": [2, 3]}, {"b":[2.0,3],"a":1}]"#, Flaw::DuplicateElement),
        ] {
            assert_eq!(json(text), Err(flaw), "{text}");
        }
        assert_eq!(Flaw::ALL.map(|flaw| Flaw::from_byte(flaw as u8)), Flaw::ALL.map(Some));
    }

    #[test]
    fn json_elements_are_told_apart_by_what_they_say() {
        for text in ["[]", "null", " null "] {
            assert_eq!(json(text), Ok(Vec::new()), "{text}");
        }
        let found =
            json(r#"[1, "1", true, "true", [1], {"a": 1}, {"a": 1.5}, [], {}, 10, 1e999999999, 1e-999999999, ""]"#);
        assert_eq!(found.unwrap().len(), 13);
        let written = json(r#"[1.50, {"b": 1, "a": 2}]"#).unwrap();
        assert_eq!((written[0].1.as_str(), written[1].1.as_str()), ("1.50", r#"{"b": 1, "a": 2}"#));
        assert_eq!(json("[1.5]").unwrap()[0].0, written[0].0);
    }

    #[test]
    fn numbers_of_an_array_have_the_width_of_a_column() {
        let int = ColumnType::Array(Box::new(ColumnType::Int));
        let two = read(&int, Some(&array(23, &[Some(&(-2_i32).to_be_bytes()), Some(&7_i32.to_be_bytes())]))).unwrap();
        assert_eq!(two[0].1, (-2_i64).to_be_bytes());
        let wide = read(&int, Some(&array(20, &[Some(&(-2_i64).to_be_bytes())]))).unwrap();
        assert_eq!(wide[0], two[0]);
        let oid = read(&int, Some(&array(26, &[Some(&u32::MAX.to_be_bytes())]))).unwrap();
        assert_eq!(oid[0].1, i64::from(u32::MAX).to_be_bytes());
    }

    #[test]
    fn a_template_sees_text_and_booleans_of_json_as_such_and_numbers_as_they_are_written() {
        let element = Column { name: ELEMENT.to_owned(), kind: ColumnType::Json, source_type: String::new() };
        for (text, wanted) in [
            (r#""r\"ed""#, Value::Text("r\"ed".to_owned())),
            ("true", Value::Bool(true)),
            ("1.50", Value::Json("1.50".to_owned())),
            ("[1]", Value::Json("[1]".to_owned())),
        ] {
            assert_eq!(value(&element, text.as_bytes()), Ok(wanted));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_taking_apart_panic(bytes in any::<Vec<u8>>(), cut in 0_usize..40) {
            for kind in [ColumnType::Json, ColumnType::Jsonb, ColumnType::Array(Box::new(ColumnType::Int)),
                ColumnType::Array(Box::new(ColumnType::Jsonb)), ColumnType::Text] {
                let _read = Elements::default().read(&KEY, &kind, Some(&bytes)).is_ok();
                let mut whole = array(23, &[Some(&bytes), None, Some(&bytes)]);
                whole.truncate(whole.len().saturating_sub(cut));
                let _read = Elements::default().read(&KEY, &kind, Some(&whole)).is_ok();
            }
        }

        #[test]
        fn a_number_is_one_element_however_it_is_written(digits in "[1-9][0-9]{0,20}", zeros in 0_usize..6, shift in 0_usize..6) {
            let plain = json(&format!("[{digits}]")).unwrap()[0].0;
            let fraction = format!("[{digits}.{}]", "0".repeat(zeros + 1));
            prop_assert_eq!(json(&fraction).unwrap()[0].0, plain);
            let exponent = format!("[{digits}{}e-{}]", "0".repeat(shift), shift);
            prop_assert_eq!(json(&exponent).unwrap()[0].0, plain);
            prop_assert_ne!(json(&format!("[{digits}0]")).unwrap()[0].0, plain);
            prop_assert_ne!(json(&format!("[-{digits}]")).unwrap()[0].0, plain);
        }
    }
}
