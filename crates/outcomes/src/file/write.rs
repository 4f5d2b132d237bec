use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use domain::Millis;
use engine::hash::Hash128;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use super::schema::{Column, Sorted, properties, schema};
use super::{DIGESTS, FORMAT, FORMAT_VERSION, SYNC, TABLE, digest};
use crate::error::{Error, Result};
use crate::name::ObjectName;
use crate::object::{Digest, ObjectRef};

/// What follows the metadata in a footer: its length in 4 bytes, and `PAR1`.
pub(super) const FOOTER_END: usize = 8;

/// A Parquet file in memory, or the part of it that was not taken out yet.
pub(crate) struct FileWriter {
    inner: SerializedFileWriter<Vec<u8>>,
    columns: &'static [Column],
    /// Of the chunks so far.
    digests: Vec<u8>,
    /// Bytes that were taken out already.
    taken: u64,
    scratch: Scratch,
}

/// Columns of one row group, which are written in their order.
pub(crate) struct GroupWriter<'a> {
    inner: SerializedRowGroupWriter<'a, Vec<u8>>,
    scratch: &'a mut Scratch,
    rows: usize,
}

/// Buffers that every column needs.
#[derive(Default)]
struct Scratch {
    levels: Vec<i16>,
    ends: Vec<usize>,
    texts: Vec<ByteArray>,
    ints: Vec<i32>,
    longs: Vec<i64>,
}

impl FileWriter {
    pub(crate) fn new(columns: &'static [Column], sorted: Sorted) -> Result<Self> {
        let inner = SerializedFileWriter::new(Vec::new(), schema(columns)?, properties(columns, sorted)?)?;
        Ok(Self { inner, columns, digests: Vec::new(), taken: 0, scratch: Scratch::default() })
    }

    /// Writes one row group; `write` writes every column, in their order.
    pub(crate) fn group(&mut self, rows: usize, write: impl FnOnce(&mut GroupWriter<'_>) -> Result<()>) -> Result<()> {
        let written = {
            let inner = self.inner.next_row_group()?;
            let mut group = GroupWriter { inner, scratch: &mut self.scratch, rows };
            write(&mut group)?;
            let GroupWriter { inner, .. } = group;
            inner.close()?
        };
        self.inner.flush().map_err(ParquetError::from)?;
        for column in written.columns() {
            let (start, length) = column.byte_range();
            let chunk = start.checked_sub(self.taken).map(|start| start as usize).and_then(|start| {
                // The bytes of a group are taken out after it at the earliest.
                self.inner.inner().get(start..start + length as usize)
            });
            self.digests.extend(digest(chunk.unwrap_or_default()));
        }
        Ok(())
    }

    /// Takes the bytes out that are written so far.
    pub(crate) fn take(&mut self) -> Result<Vec<u8>> {
        self.inner.flush().map_err(ParquetError::from)?;
        let bytes = std::mem::take(self.inner.inner_mut());
        self.taken += bytes.len() as u64;
        Ok(bytes)
    }

    /// The rest of the file, and what a reader has to know of the whole.
    pub(crate) fn finish(mut self, name: Option<&ObjectName>) -> Result<(Vec<u8>, ObjectRef)> {
        let mut keep = |key: &str, value: String| {
            self.inner.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        };
        keep(FORMAT, FORMAT_VERSION.to_owned());
        keep(DIGESTS, STANDARD_NO_PAD.encode(&self.digests));
        if let Some(ObjectName { origin, table }) = name {
            keep(SYNC, origin.sync.to_string());
            keep(TABLE, table.as_str().to_owned());
        }
        let bytes = self.inner.into_inner()?;
        let (name, length) = (name.map(ObjectName::to_string).unwrap_or_default(), self.taken + bytes.len() as u64);
        let footer = footer(&bytes).ok_or_else(|| ParquetError::General("a file without a footer".to_owned()))?;
        let object = ObjectRef {
            name,
            bytes: length,
            footer_bytes: footer.len() as u32,
            footer_digest: Digest(*blake3::hash(footer).as_bytes()),
        };
        Ok((bytes, object))
    }

    pub(crate) const fn columns(&self) -> &'static [Column] {
        self.columns
    }
}

fn footer(bytes: &[u8]) -> Option<&[u8]> {
    let at = bytes.len().checked_sub(FOOTER_END)?;
    let length: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    bytes.get(at.checked_sub(u32::from_le_bytes(length) as usize)?..)
}

impl GroupWriter<'_> {
    /// The texts of a column, each from a row.
    pub(crate) fn texts<'t>(&mut self, values: impl Iterator<Item = Option<&'t str>>) -> Result<()> {
        let scratch = &mut *self.scratch;
        scratch.clear();
        // Most columns that have values have no longer ones.
        let mut arena = Vec::with_capacity(32 * self.rows);
        for value in values {
            scratch.levels.push(i16::from(value.is_some()));
            if let Some(value) = value {
                arena.extend_from_slice(value.as_bytes());
                scratch.ends.push(arena.len());
            }
        }
        // All values share one allocation.
        let (arena, mut start) = (Bytes::from(arena), 0);
        for end in scratch.ends.drain(..) {
            scratch.texts.push(ByteArray::from(arena.slice(start..end)));
            start = end;
        }
        column::<ByteArrayType>(&mut self.inner, &scratch.texts, &scratch.levels, self.rows)
    }

    pub(crate) fn every_text<'t>(&mut self, values: impl Iterator<Item = &'t str>) -> Result<()> {
        self.texts(values.map(Some))
    }

    pub(crate) fn hashes(&mut self, values: impl Iterator<Item = Option<Hash128>>) -> Result<()> {
        let scratch = &mut *self.scratch;
        scratch.clear();
        let mut arena = Vec::with_capacity(16 * self.rows);
        for value in values {
            scratch.levels.push(i16::from(value.is_some()));
            arena.extend_from_slice(value.as_ref().map_or(&[], |value| &value.0));
        }
        let arena = Bytes::from(arena);
        let hash = |at: usize| FixedLenByteArray::from(ByteArray::from(arena.slice(16 * at..16 * (at + 1))));
        let hashes: Vec<_> = (0..arena.len() / 16).map(hash).collect();
        column::<FixedLenByteArrayType>(&mut self.inner, &hashes, &scratch.levels, self.rows)
    }

    pub(crate) fn u32s(&mut self, values: impl Iterator<Item = Option<u32>>) -> Result<()> {
        let scratch = &mut *self.scratch;
        scratch.clear();
        for value in values {
            scratch.levels.push(i16::from(value.is_some()));
            scratch.ints.extend(value.map(u32::cast_signed));
        }
        column::<Int32Type>(&mut self.inner, &scratch.ints, &scratch.levels, self.rows)
    }

    pub(crate) fn u64s(&mut self, values: impl Iterator<Item = Option<u64>>) -> Result<()> {
        self.longs(values.map(|value| value.map(u64::cast_signed)))
    }

    pub(crate) fn times(&mut self, values: impl Iterator<Item = Option<Millis>> + Clone) -> Result<()> {
        if let Some(time) = values.clone().flatten().find(|time| time.checked_mul(1000).is_none()) {
            let why = format!("{time} milliseconds are more than 292,000 years");
            return Err(Error::Unfit { what: "a time", why });
        }
        self.longs(values.map(|value| value.map(|millis| millis * 1000)))
    }

    pub(crate) fn bools(&mut self, values: impl Iterator<Item = bool>) -> Result<()> {
        let values: Vec<bool> = values.collect();
        column::<BoolType>(&mut self.inner, &values, &[], self.rows)
    }

    fn longs(&mut self, values: impl Iterator<Item = Option<i64>>) -> Result<()> {
        let scratch = &mut *self.scratch;
        scratch.clear();
        for value in values {
            scratch.levels.push(i16::from(value.is_some()));
            scratch.longs.extend(value);
        }
        column::<Int64Type>(&mut self.inner, &scratch.longs, &scratch.levels, self.rows)
    }
}

impl Scratch {
    fn clear(&mut self) {
        self.levels.clear();
        self.ends.clear();
        self.texts.clear();
        self.ints.clear();
        self.longs.clear();
    }
}

/// Levels say which rows have a value; a column that every row has ignores them.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    levels: &[i16],
    rows: usize,
) -> Result<()> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("more columns than the table has".to_owned()).into());
    };
    debug_assert!(levels.is_empty() || levels.len() == rows, "every row says something of every column");
    let levels = (!levels.is_empty()).then_some(levels);
    column.typed::<T>().write_batch(values, levels, None)?;
    Ok(column.close()?)
}
