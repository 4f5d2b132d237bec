//! The canonical form of a row, version 1: the bytes that are hashed, spilled and stored.
//!
//! A row is its columns in a fixed order. Each is a big-endian i32 length and that many bytes; the length -1 is null.
//!
//! | column type | bytes |
//! |---|---|
//! | int2, int4, int8, oid | eight bytes, big-endian, two's complement |
//! | other scalar types of `ColumnType` | the bytes of PostgreSQL's binary protocol |
//! | arrays of them | the same, with the flags word zeroed: it tells how an array is stored, not what it holds |
//! | every other type | its text form in UTF-8, by a cast to `text` in the query; arrays of such types by a cast to `text[]` |
//!
//! Two values that PostgreSQL prints alike have the same bytes, with few exceptions, each of which only makes a row
//! look changed once: an array column whose element type was altered, or one with other lower bounds.
//!
//! Keys are compared in a *normalized* form, see [`key_field`].
//!
//! Any change of the bytes written here is a new version (`form::CANONICAL_VERSION`).

mod calendar;
mod decode;
mod encode;
mod key;
mod numeric;

pub use decode::{DecodeError, decode};
pub use encode::encode;
pub use key::key_field;

/// A row whose lengths do not add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored row is damaged: the length of a column is impossible")]
pub struct Corrupt;

/// The columns of a row, in order. Ends after the first error.
pub fn fields(row: &[u8]) -> Fields<'_> {
    Fields { rest: row }
}

/// Appends a column to a row.
///
/// A value longer than a length can say is cut; PostgreSQL's own limit, 1 GiB, lies far below.
pub fn push_field(out: &mut Vec<u8>, field: Option<&[u8]>) {
    let Some(bytes) = field else {
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        return;
    };
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes.get(..length.unsigned_abs() as usize).unwrap_or(bytes));
}

#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Option<&'a [u8]>, Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = split_field(self.rest);
        self.rest = field.map_or(&[], |(_, rest)| rest);
        Some(field.map(|(field, _)| field).ok_or(Corrupt))
    }
}

/// The first field of `bytes` and what follows it.
fn split_field(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    match i32::from_be_bytes(*length) {
        -1 => Some((None, rest)),
        length => {
            let (field, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Some(field), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fields_come_back_as_they_were_pushed(row in proptest::collection::vec(any::<Option<Vec<u8>>>(), 0..8)) {
            let mut bytes = Vec::new();
            row.iter().for_each(|field| push_field(&mut bytes, field.as_deref()));
            let back: Result<Vec<_>, _> = fields(&bytes).map(|field| field.map(|f| f.map(<[u8]>::to_vec))).collect();
            prop_assert_eq!(back, Ok(row));
        }

        #[test]
        fn a_damaged_row_is_an_error_and_never_a_panic(bytes in any::<Vec<u8>>(), cut in 0_usize..64) {
            let _ended = fields(&bytes).count();
            let mut row = Vec::new();
            push_field(&mut row, Some(&[7; 60]));
            row.truncate(row.len() - 1 - cut % 63);
            prop_assert_eq!(fields(&row).last(), Some(Err(Corrupt)));
        }
    }
}
