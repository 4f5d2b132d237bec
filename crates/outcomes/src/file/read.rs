use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use engine::hash::Hash128;
use objects::Objects;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::chunks::Chunks;
use super::schema::{Column, columns_of_version, schema};
use super::write::FOOTER_END;
use super::{DIGEST_BYTES, DIGESTS, FORMAT, FORMAT_VERSION, digest};
use crate::error::{Error, Result};
use crate::object::ObjectRef;

/// A footer for rows has 60 KB as a rule; nothing near this is ours.
const MOST_FOOTER: u32 = 256 << 20;
/// A hole so small between two chunks is read with them.
const HOLE: u64 = 64 << 10;

/// An object whose footer was read and vouched for.
#[derive(Debug)]
pub(crate) struct File {
    objects: Objects,
    object: ObjectRef,
    /// As many as its version of the format has.
    pub(crate) columns: &'static [Column],
    metadata: ParquetMetaData,
    digests: Vec<u8>,
    /// The position of each row group's first row, and of the end.
    starts: Vec<u64>,
}

impl File {
    pub(crate) async fn open(objects: &Objects, object: &ObjectRef, columns: &'static [Column]) -> Result<Self> {
        let name = object.name.as_str();
        let found = objects.len(name).await.map_err(|error| Error::reading(name, error))?;
        if found != object.bytes {
            return Err(Error::corrupt(name, format!("it has {found} bytes where {} were written", object.bytes)));
        }
        let footer_at = object.bytes.checked_sub(u64::from(object.footer_bytes));
        let Some(at) = footer_at.filter(|_| (FOOTER_END as u32..=MOST_FOOTER).contains(&object.footer_bytes)) else {
            return Err(Error::corrupt(name, "its footer does not fit into it"));
        };
        let footer = objects.read(name, at..object.bytes).await.map_err(|error| Error::reading(name, error))?;
        if *blake3::hash(&footer).as_bytes() != object.footer_digest.0 {
            return Err(Error::corrupt(name, "its footer is not the one that was written"));
        }
        let damaged = |what: &str| Error::corrupt(name, what);
        let metadata = ParquetMetaDataReader::decode_metadata(&footer[..footer.len() - FOOTER_END])
            .map_err(|error| damaged(&format!("its footer cannot be read ({error})")))?;
        let columns = check_schema(&metadata, columns).map_err(|what| Error::corrupt(name, what))?;
        let digests = digests(&metadata, columns.len()).ok_or_else(|| damaged("its digests are not complete"))?;
        let starts = starts(&metadata).ok_or_else(|| damaged("its numbers of rows are not possible"))?;
        let (objects, object) = (objects.clone(), object.clone());
        let file = Self { objects, object, columns, metadata, digests, starts };
        if file.chunks_lie_within(at) {
            Ok(file)
        } else {
            Err(Error::corrupt(&file.object.name, "its columns do not fit into it"))
        }
    }

    pub(crate) fn groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Positions of the rows of a group.
    pub(crate) fn range(&self, group: usize) -> Range<u64> {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or(self.rows());
        at(group)..at(group + 1)
    }

    /// The lowest and the highest hash in a group, if it has any.
    pub(crate) fn hashes(&self, group: usize, column: usize) -> Option<(Hash128, Hash128)> {
        let statistics = self.group(group)?.columns().get(column)?.statistics()?;
        let hash = |bytes: Option<&[u8]>| bytes.and_then(|bytes| bytes.try_into().ok()).map(Hash128);
        Some((hash(statistics.min_bytes_opt())?, hash(statistics.max_bytes_opt())?))
    }

    /// The lowest and the highest number in a group, if it has any.
    pub(crate) fn numbers(&self, group: usize, column: usize) -> Option<(u64, u64)> {
        match self.group(group)?.columns().get(column)?.statistics()? {
            Statistics::Int64(found) => Some((found.min_opt()?.cast_unsigned(), found.max_opt()?.cast_unsigned())),
            _ => None,
        }
    }

    /// Reads columns of a group, and checks their digests.
    pub(crate) async fn read(&self, group: usize, columns: impl IntoIterator<Item = usize>) -> Result<Chunks<'_>> {
        let name = self.object.name.as_str();
        let Some(meta) = self.group(group) else { return Err(Error::corrupt(name, "it has no such row group")) };
        let mut chunks = Chunks::new(name, self.columns, meta);
        let mut wanted: Vec<(Range<u64>, usize)> = columns
            .into_iter()
            .filter_map(|column| meta.columns().get(column).map(|chunk| (chunk.byte_range(), column)))
            .map(|((start, length), column)| (start..start + length, column))
            .collect();
        wanted.sort_unstable_by_key(|(range, _)| range.start);
        let mut rest = wanted.as_slice();
        while let [(first, _), ..] = rest {
            let mut end = first.end;
            let near = rest.iter().take_while(|(range, _)| {
                let near = range.start <= end.saturating_add(HOLE);
                end = if near { end.max(range.end) } else { end };
                near
            });
            let (now, later) = rest.split_at(near.count());
            let read = self.objects.read(name, first.start..end).await;
            let bytes = read.map_err(|error| Error::reading(name, error))?;
            for (range, column) in now {
                let at = |position: u64| (position - first.start) as usize;
                let chunk = bytes.slice(at(range.start)..at(range.end));
                if !self.vouches(group, *column, &chunk) {
                    let what = format!("its column {} was changed", self.columns[*column].name);
                    return Err(Error::corrupt(name, what));
                }
                chunks.add(*column, range.start, chunk);
            }
            rest = later;
        }
        Ok(chunks)
    }

    fn vouches(&self, group: usize, column: usize, chunk: &[u8]) -> bool {
        let at = (group * self.columns.len() + column) * DIGEST_BYTES;
        self.digests.get(at..at + DIGEST_BYTES) == Some(&digest(chunk))
    }

    fn group(&self, group: usize) -> Option<&RowGroupMetaData> {
        self.metadata.row_groups().get(group)
    }

    fn chunks_lie_within(&self, end: u64) -> bool {
        self.metadata.row_groups().iter().flat_map(RowGroupMetaData::columns).all(|chunk| {
            // Offsets and lengths are signed in the file.
            let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
            let (start, length) = (u64::try_from(start), u64::try_from(chunk.compressed_size()));
            matches!((start, length), (Ok(start), Ok(length)) if start.checked_add(length).is_some_and(|e| e <= end))
        })
    }
}

/// The footer is ours, but may be of an earlier version, or of a later one.
fn check_schema(metadata: &ParquetMetaData, columns: &'static [Column]) -> Result<&'static [Column], String> {
    let found = value(metadata, FORMAT).unwrap_or("no");
    let Some(columns) = columns_of_version(columns, found) else {
        return Err(format!("it has {found} version of the format where {FORMAT_VERSION} or 1 was expected"));
    };
    let same =
        schema(columns).is_ok_and(|expected| expected.get_fields() == metadata.file_metadata().schema().get_fields());
    if same { Ok(columns) } else { Err("its columns are not those of the table".to_owned()) }
}

fn digests(metadata: &ParquetMetaData, columns: usize) -> Option<Vec<u8>> {
    let digests = STANDARD_NO_PAD.decode(value(metadata, DIGESTS)?).ok()?;
    let whole = metadata.row_groups().iter().all(|group| group.num_columns() == columns);
    (whole && digests.len() == metadata.num_row_groups() * columns * DIGEST_BYTES).then_some(digests)
}

fn starts(metadata: &ParquetMetaData) -> Option<Vec<u64>> {
    let mut starts = vec![0];
    let mut at = 0u64;
    for group in metadata.row_groups() {
        at = at.checked_add(u64::try_from(group.num_rows()).ok()?)?;
        starts.push(at);
    }
    Some(starts)
}

fn value<'m>(metadata: &'m ParquetMetaData, key: &str) -> Option<&'m str> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
}
