use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::group::{Chunk, Group, GroupShape};
use super::schema::{CALLS, Column, ROWS, Sorted, schema};
use super::{DIGESTS, FORMAT, FORMAT_VERSION, SYNC, TABLE, digest};
use crate::error::Result;
use crate::name::{ObjectName, Table};
use crate::object::{Digest, ObjectRef};

/// What follows the metadata in a footer: its length in 4 bytes, and `PAR1`.
pub(super) const FOOTER_END: usize = 8;

/// A Parquet file in memory, or the part of it that was not taken out yet.
pub(crate) struct FileWriter {
    inner: SerializedFileWriter<Vec<u8>>,
    shape: Arc<GroupShape>,
    /// Of the chunks so far.
    digests: Vec<u8>,
    /// Bytes that were taken out already.
    taken: u64,
}

impl FileWriter {
    pub(crate) fn new(columns: &'static [Column], sorted: Sorted) -> Result<Self> {
        Self::of(columns, Arc::new(GroupShape::new(columns, sorted)?))
    }

    /// An object of the log; they have a shape in common.
    pub(crate) fn of_log(table: Table) -> Result<Self> {
        static ROWS_SHAPE: OnceLock<Arc<GroupShape>> = OnceLock::new();
        static CALLS_SHAPE: OnceLock<Arc<GroupShape>> = OnceLock::new();
        let (columns, common) = match table {
            Table::Rows => (ROWS, &ROWS_SHAPE),
            Table::Calls => (CALLS, &CALLS_SHAPE),
        };
        if let Some(shape) = common.get() {
            return Self::of(columns, Arc::clone(shape));
        }
        let shape = Arc::new(GroupShape::new(columns, Sorted::ByFirstColumn)?);
        Self::of(columns, Arc::clone(common.get_or_init(|| shape)))
    }

    fn of(columns: &'static [Column], shape: Arc<GroupShape>) -> Result<Self> {
        let inner = SerializedFileWriter::new(Vec::new(), schema(columns)?, shape.properties.clone())?;
        Ok(Self { inner, shape, digests: Vec::new(), taken: 0 })
    }

    /// What its row groups have to be.
    pub(crate) fn shape(&self) -> Arc<GroupShape> {
        Arc::clone(&self.shape)
    }

    pub(crate) fn append(&mut self, group: Group) -> Result<()> {
        let mut writer = self.inner.next_row_group()?;
        for Chunk { bytes, closed } in group.chunks {
            self.digests.extend(digest(&bytes));
            writer.append_column(&bytes, closed)?;
        }
        writer.close()?;
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
}

fn footer(bytes: &[u8]) -> Option<&[u8]> {
    let at = bytes.len().checked_sub(FOOTER_END)?;
    let length: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    bytes.get(at.checked_sub(u32::from_le_bytes(length) as usize)?..)
}
