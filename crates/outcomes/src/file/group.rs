//! One row group, encoded by itself: groups of a file are independent of each other until they are appended.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::Millis;
use engine::hash::Hash128;
use parquet::column::writer::{ColumnCloseResult, get_column_writer, get_typed_column_writer};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::SchemaDescriptor;

use super::schema::{Column, Sorted, bare_properties, properties, schema};
use crate::error::{Error, Result};

/// A longer value is not kept.
const KEPT_BYTES: usize = 256;

/// The columns of each group of a file, and how they are encoded.
pub(crate) struct GroupShape {
    pub(crate) columns: &'static [Column],
    schema: SchemaDescriptor,
    pub(super) properties: WriterPropertiesPtr,
    /// Of a column without values: to get ready to compress takes longer than all else.
    bare: WriterPropertiesPtr,
    /// By column. Most columns of a group have one value in all its rows, or none, and the next group has it again.
    uniform: Vec<Mutex<Option<Uniform>>>,
}

/// How a column was encoded last when all rows of a group had one value, or none.
struct Uniform {
    value: Option<Vec<u8>>,
    rows: usize,
    chunk: Chunk,
}

pub(crate) struct Group {
    pub(super) chunks: Vec<Chunk>,
}

/// A column of a group.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) closed: ColumnCloseResult,
}

/// Columns of one row group, which are written in their order.
pub(crate) struct GroupWriter<'a> {
    shape: &'a GroupShape,
    chunks: Vec<Chunk>,
    scratch: Scratch,
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

impl GroupShape {
    pub(super) fn new(columns: &'static [Column], sorted: Sorted) -> Result<Self> {
        let schema = SchemaDescriptor::new(schema(columns)?);
        let uniform = columns.iter().map(|_| Mutex::default()).collect();
        Ok(Self { columns, schema, properties: properties(columns, sorted)?, bare: bare_properties(), uniform })
    }

    /// Encodes one row group; `write` writes every column, in their order.
    pub(crate) fn encode(&self, rows: usize, write: impl FnOnce(&mut GroupWriter<'_>) -> Result<()>) -> Result<Group> {
        let chunks = Vec::with_capacity(self.columns.len());
        let mut group = GroupWriter { shape: self, chunks, scratch: Scratch::default(), rows };
        write(&mut group)?;
        Ok(Group { chunks: group.chunks })
    }
}

impl GroupWriter<'_> {
    /// The texts of a column, each from a row.
    pub(crate) fn texts<'t>(&mut self, values: impl Iterator<Item = Option<&'t str>> + Clone) -> Result<()> {
        self.as_last_or(
            values.clone(),
            |value| value.map(Vec::from),
            |group| {
                let scratch = group.scratch.cleared();
                let size = values.clone().flatten().map(str::len).sum();
                let mut arena = Vec::with_capacity(size);
                for value in values {
                    scratch.levels.push(i16::from(value.is_some()));
                    if let Some(value) = value {
                        arena.extend_from_slice(value.as_bytes());
                        scratch.ends.push(arena.len());
                    }
                }
                // All values share one allocation. The second owner of bytes is the first that is quick to copy.
                let (arena, mut start) = (Bytes::from(arena).clone(), 0);
                for end in scratch.ends.drain(..) {
                    scratch.texts.push(ByteArray::from(arena.slice(start..end)));
                    start = end;
                }
                column::<ByteArrayType>(group.shape, &mut group.chunks, &scratch.texts, &scratch.levels, group.rows)
            },
        )
    }

    pub(crate) fn every_text<'t>(&mut self, values: impl Iterator<Item = &'t str> + Clone) -> Result<()> {
        self.texts(values.map(Some))
    }

    pub(crate) fn hashes(&mut self, values: impl Iterator<Item = Option<Hash128>>) -> Result<()> {
        let mut arena = Vec::with_capacity(16 * self.rows);
        let scratch = self.scratch.cleared();
        for value in values {
            scratch.levels.push(i16::from(value.is_some()));
            arena.extend_from_slice(value.as_ref().map_or(&[], |value| &value.0));
        }
        let arena = Bytes::from(arena);
        let hash = |at: usize| FixedLenByteArray::from(ByteArray::from(arena.slice(16 * at..16 * (at + 1))));
        let hashes: Vec<_> = (0..arena.len() / 16).map(hash).collect();
        column::<FixedLenByteArrayType>(self.shape, &mut self.chunks, &hashes, &scratch.levels, self.rows)
    }

    pub(crate) fn u32s(&mut self, values: impl Iterator<Item = Option<u32>> + Clone) -> Result<()> {
        self.as_last_or(
            values.clone(),
            |value| value.map(|value| value.to_le_bytes().into()),
            |group| {
                let scratch = group.scratch.cleared();
                for value in values {
                    scratch.levels.push(i16::from(value.is_some()));
                    scratch.ints.extend(value.map(u32::cast_signed));
                }
                column::<Int32Type>(group.shape, &mut group.chunks, &scratch.ints, &scratch.levels, group.rows)
            },
        )
    }

    pub(crate) fn u64s(&mut self, values: impl Iterator<Item = Option<u64>> + Clone) -> Result<()> {
        self.longs(values.map(|value| value.map(u64::cast_signed)))
    }

    pub(crate) fn times(&mut self, values: impl Iterator<Item = Option<Millis>> + Clone) -> Result<()> {
        if let Some(time) = values.clone().flatten().find(|time| time.checked_mul(1000).is_none()) {
            let why = format!("{time} milliseconds are more than 292,000 years");
            return Err(Error::Unfit { what: "a time", why });
        }
        self.longs(values.map(|value| value.map(|millis| millis * 1000)))
    }

    pub(crate) fn bools(&mut self, values: impl Iterator<Item = bool> + Clone) -> Result<()> {
        self.as_last_or(
            values.clone(),
            |value| Some(vec![u8::from(value)]),
            |group| {
                let values: Vec<bool> = values.collect();
                column::<BoolType>(group.shape, &mut group.chunks, &values, &[], group.rows)
            },
        )
    }

    fn longs(&mut self, values: impl Iterator<Item = Option<i64>> + Clone) -> Result<()> {
        self.as_last_or(
            values.clone(),
            |value| value.map(|value| value.to_le_bytes().into()),
            |group| {
                let scratch = group.scratch.cleared();
                for value in values {
                    scratch.levels.push(i16::from(value.is_some()));
                    scratch.longs.extend(value);
                }
                column::<Int64Type>(group.shape, &mut group.chunks, &scratch.longs, &scratch.levels, group.rows)
            },
        )
    }

    /// The next column: as it was encoded last, if now as then all rows have that one value, else as `encode` makes it.
    fn as_last_or<V: PartialEq>(
        &mut self,
        mut values: impl Iterator<Item = V>,
        bytes: impl FnOnce(V) -> Option<Vec<u8>>,
        encode: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let only = values.next().filter(|first| values.all(|value| value == *first)).map(bytes);
        let short = only.filter(|value| value.as_ref().is_none_or(|value| value.len() <= KEPT_BYTES));
        let (Some(value), Some(kept)) = (short, self.shape.uniform.get(self.chunks.len())) else {
            return encode(self);
        };
        let kept = || kept.lock().unwrap_or_else(PoisonError::into_inner);
        let last =
            kept().as_ref().filter(|last| last.rows == self.rows && last.value == value).map(|last| last.chunk.clone());
        if let Some(chunk) = last {
            self.chunks.push(chunk);
            return Ok(());
        }
        encode(self)?;
        let chunk = self.chunks.last().cloned();
        *kept() = chunk.map(|chunk| Uniform { value, rows: self.rows, chunk });
        Ok(())
    }
}

impl Scratch {
    /// The buffers, empty.
    fn cleared(&mut self) -> &mut Self {
        self.levels.clear();
        self.ends.clear();
        self.texts.clear();
        self.ints.clear();
        self.longs.clear();
        self
    }
}

/// The next column. Levels say which rows have a value; a column that every row has ignores them.
fn column<T: DataType>(
    shape: &GroupShape,
    chunks: &mut Vec<Chunk>,
    values: &[T::T],
    levels: &[i16],
    rows: usize,
) -> Result<()> {
    debug_assert!(levels.is_empty() || levels.len() == rows, "every row says something of every column");
    let at = chunks.len();
    if at == shape.columns.len() {
        return Err(ParquetError::General("more columns than the table has".to_owned()).into());
    }
    let mut sink = TrackedWrite::new(Vec::new());
    let pages = Box::new(SerializedPageWriter::new(&mut sink));
    let bare = values.is_empty() && !shape.columns[at].ranged;
    let properties = if bare { &shape.bare } else { &shape.properties };
    let writer = get_column_writer(shape.schema.column(at), Arc::clone(properties), pages);
    let mut writer = get_typed_column_writer::<T>(writer);
    let levels = (!levels.is_empty()).then_some(levels);
    writer.write_batch(values, levels, None)?;
    let closed = writer.close()?;
    let bytes = sink.into_inner()?.into();
    chunks.push(Chunk { bytes, closed });
    Ok(())
}
