use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use domain::Millis;
use engine::hash::Hash128;
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{BoolType, ByteArrayType, DataType, FixedLenByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::schema::Column;
use crate::error::{Error, Result};

/// Columns of one row group, as bytes that the footer vouches for.
pub(crate) struct Chunks<'a> {
    object: &'a str,
    columns: &'static [Column],
    meta: &'a RowGroupMetaData,
    chunks: BTreeMap<usize, Arc<Chunk>>,
}

/// A part of a file, which is addressed as if it were all of it.
struct Chunk {
    start: u64,
    bytes: Bytes,
}

impl<'a> Chunks<'a> {
    pub(super) const fn new(object: &'a str, columns: &'static [Column], meta: &'a RowGroupMetaData) -> Self {
        Self { object, columns, meta, chunks: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, column: usize, start: u64, bytes: Bytes) {
        self.chunks.insert(column, Arc::new(Chunk { start, bytes }));
    }

    /// Adds the columns of another read of the same group.
    pub(crate) fn extend(&mut self, other: Chunks<'_>) {
        self.chunks.extend(other.chunks);
    }

    pub(crate) fn rows(&self) -> usize {
        usize::try_from(self.meta.num_rows()).unwrap_or(0)
    }

    pub(crate) fn has(&self, column: usize) -> bool {
        self.chunks.contains_key(&column)
    }

    /// One text or none for each row that is to be kept; a column that was not read has none.
    pub(crate) fn texts(&self, column: usize, keep: &[bool]) -> Result<Vec<Option<String>>> {
        self.values::<ByteArrayType, _>(column, keep, |value| value.as_utf8().ok().map(str::to_owned))
    }

    pub(crate) fn hashes(&self, column: usize, keep: &[bool]) -> Result<Vec<Option<Hash128>>> {
        self.values::<FixedLenByteArrayType, _>(column, keep, |value| value.data().try_into().ok().map(Hash128))
    }

    pub(crate) fn u32s(&self, column: usize, keep: &[bool]) -> Result<Vec<Option<u32>>> {
        self.values::<Int32Type, _>(column, keep, |value| Some(value.cast_unsigned()))
    }

    pub(crate) fn u64s(&self, column: usize, keep: &[bool]) -> Result<Vec<Option<u64>>> {
        self.values::<Int64Type, _>(column, keep, |value| Some(value.cast_unsigned()))
    }

    pub(crate) fn times(&self, column: usize, keep: &[bool]) -> Result<Vec<Option<Millis>>> {
        self.values::<Int64Type, _>(column, keep, |micros| Some(micros.div_euclid(1000)))
    }

    pub(crate) fn bools(&self, column: usize, keep: &[bool]) -> Result<Vec<Option<bool>>> {
        self.values::<BoolType, _>(column, keep, |value| Some(*value))
    }

    pub(crate) fn damaged(&self, column: usize, what: &str) -> Error {
        let column = self.columns.get(column).map_or("", |column| column.name);
        Error::corrupt(self.object, format!("its column {column} {what}"))
    }

    fn values<T: DataType, V>(
        &self,
        column: usize,
        keep: &[bool],
        take: impl Fn(&T::T) -> Option<V>,
    ) -> Result<Vec<Option<V>>> {
        let rows = self.rows();
        let kept = keep.iter().filter(|keep| **keep);
        let Some(chunk) = self.chunks.get(&column) else { return Ok(kept.map(|_| None).collect()) };
        let (levels, values) = self
            .decode::<T>(column, chunk)
            .map_err(|error| self.damaged(column, &format!("cannot be read ({error})")))?;
        let optional = self.columns.get(column).is_some_and(|column| column.optional);
        let present = levels.iter().filter(|level| **level == 1).count();
        let complete = if optional { levels.len() == rows && values.len() == present } else { values.len() == rows };
        if !complete {
            return Err(self.damaged(column, "has too few values"));
        }
        let unreadable = || self.damaged(column, "has a value of another kind");
        let mut values = values.iter();
        let mut out = Vec::with_capacity(kept.count());
        for (at, keep) in keep.iter().enumerate() {
            let value = if !optional || levels.get(at) == Some(&1) { values.next() } else { None };
            if *keep {
                let taken = value.map(|value| take(value).ok_or_else(unreadable)).transpose()?;
                out.push(taken);
            }
        }
        Ok(out)
    }

    fn decode<T: DataType>(&self, column: usize, chunk: &Arc<Chunk>) -> Result<(Vec<i16>, Vec<T::T>), ParquetError> {
        let (meta, rows) = (self.meta.column(column), self.rows());
        let pages = SerializedPageReader::new(Arc::clone(chunk), meta, rows, None)?;
        let mut reader: ColumnReaderImpl<T> =
            get_typed_column_reader(get_column_reader(meta.column_descr_ptr(), Box::new(pages)));
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        reader.read_records(rows, Some(&mut levels), None, &mut values)?;
        Ok((levels, values))
    }
}

impl Length for Chunk {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Chunk {
    fn at(&self, position: u64) -> Result<usize, ParquetError> {
        let at = position.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        at.filter(|at| *at <= self.bytes.len()).ok_or_else(outside)
    }
}

fn outside() -> ParquetError {
    ParquetError::EOF("a page lies outside its column".to_owned())
}

impl ChunkReader for Chunk {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(Cursor::new(self.bytes.slice(self.at(start)?..)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let at = self.at(start)?;
        let end = at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or_else(outside)?;
        Ok(self.bytes.slice(at..end))
    }
}
