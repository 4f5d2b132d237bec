//! The columns of both tables, in their order in the file. README.md explains each; names and types never change.

use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

/// Levels above 1 take twice the time for 3 % fewer bytes.
const ZSTD_LEVEL: i32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The hash of a key: 16 bytes.
    Hash,
    Text,
    Json,
    U32,
    U64,
    /// Microseconds since 1970-01-01 UTC.
    Time,
    Bool,
}

/// How values are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Few different values.
    Dictionary,
    /// Numbers near their neighbors.
    Delta,
    Plain,
    /// What compressing would not make much smaller.
    Random,
    /// Whole rows and messages.
    Values,
}

/// What the footer says of the order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sorted {
    /// As in every object of the log; rows without a value there come first.
    ByFirstColumn,
    /// As in an export of several.
    No,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
    layout: Layout,
    /// The footer has the lowest and the highest value of each row group.
    pub(super) ranged: bool,
}

const fn some(name: &'static str, kind: Kind, layout: Layout) -> Column {
    Column { name, kind, optional: true, layout, ranged: false }
}

const fn every(name: &'static str, kind: Kind, layout: Layout) -> Column {
    Column { name, kind, optional: false, layout, ranged: false }
}

const fn ranged(column: Column) -> Column {
    Column { ranged: true, ..column }
}

use Kind::{Bool, Hash, Json, Text, Time, U32, U64};
use Layout::{Delta, Dictionary, Plain, Random, Values};

pub(crate) const ROWS: &[Column] = &[
    ranged(some("key_hash", Hash, Plain)),
    every("child", U64, Delta),
    every("key", Json, Plain),
    some("element", Json, Plain),
    some("op", Text, Dictionary),
    ranged(every("outcome", Text, Dictionary)),
    some("code", Text, Dictionary),
    some("message", Text, Dictionary),
    some("first_seen", Time, Delta),
    some("times_tried", U32, Delta),
    some("event_id", Text, Random),
    some("event_sequence", U64, Delta),
    every("run", Text, Dictionary),
    every("run_epoch", U64, Delta),
    some("partition_key", Text, Plain),
    some("explicit_hash_key", Text, Plain),
    some("predicted_shard", Text, Dictionary),
    some("shard", Text, Dictionary),
    some("sequence_number", Text, Plain),
    ranged(some("call", U64, Delta)),
    some("call_position", U32, Delta),
    some("earlier_calls", Json, Dictionary),
    every("attempts", U32, Delta),
    every("after_doubt", Bool, Plain),
    some("record_bytes", U32, Delta),
    ranged(every("decided_at", Time, Delta)),
    some("previous", Json, Values),
    some("row_values", Json, Values),
    some("record", Text, Values),
    some("sub_sequence", U32, Delta),
    some("aggregated_bytes", U32, Delta),
];
/// The columns of values, which most questions leave unread.
pub(crate) const ROW_VALUES: Range<usize> = 26..29;
/// So many columns of rows had version 1 of the format.
const ROWS_1: usize = 29;

pub(crate) const CALLS: &[Column] = &[
    ranged(every("number", U64, Delta)),
    every("kind", Text, Dictionary),
    every("run", Text, Dictionary),
    every("run_epoch", U64, Delta),
    every("attempt", U32, Delta),
    ranged(every("started_at", Time, Delta)),
    every("latency_us", U64, Delta),
    some("http_status", U32, Delta),
    some("request_id", Text, Plain),
    every("records", U32, Delta),
    every("bytes", U64, Delta),
    every("failed_records", U32, Delta),
    some("error_code", Text, Dictionary),
    some("error_message", Text, Dictionary),
    some("failures", Json, Plain),
    every("shards", Json, Dictionary),
    some("retry_reason", Text, Dictionary),
    every("waited_ms", U64, Delta),
    some("request_bytes", U64, Delta),
    some("response_bytes", U64, Delta),
    some("request_body", Text, Plain),
    some("response_body", Text, Plain),
];
/// Where the columns of bodies begin.
pub(crate) const CALL_BODIES: usize = 20;

/// The columns of a table as a version of the format has them: none that comes later takes the place of another.
pub(crate) fn columns_of_version(columns: &'static [Column], version: &str) -> Option<&'static [Column]> {
    match version {
        super::FORMAT_VERSION => Some(columns),
        "1" => columns.get(..columns.len().min(ROWS_1)),
        _ => None,
    }
}

/// The position of a column. The name is one of the table's, as the tests of both tables see.
pub(crate) fn column(columns: &[Column], name: &str) -> usize {
    columns.iter().position(|column| column.name == name).unwrap_or(columns.len())
}

impl Column {
    fn physical(&self) -> Physical {
        match self.kind {
            Hash => Physical::FIXED_LEN_BYTE_ARRAY,
            Text | Json => Physical::BYTE_ARRAY,
            U32 => Physical::INT32,
            U64 | Time => Physical::INT64,
            Bool => Physical::BOOLEAN,
        }
    }

    fn logical(&self) -> Option<LogicalType> {
        match self.kind {
            Hash | Bool => None,
            Text => Some(LogicalType::String),
            Json => Some(LogicalType::Json),
            U32 => Some(LogicalType::integer(32, false)),
            U64 => Some(LogicalType::integer(64, false)),
            Time => Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
        }
    }

    fn encoding(&self) -> Encoding {
        match (self.layout, self.kind) {
            (Delta, _) => Encoding::DELTA_BINARY_PACKED,
            // Lengths apart from texts compress better than one before each.
            (_, Text | Json) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            (_, _) => Encoding::PLAIN,
        }
    }

    fn compression(&self) -> Result<Compression, ParquetError> {
        Ok(match (self.kind, self.layout) {
            // Most of all bytes: zstd takes more than twice the time, which is as much as a put of the record takes.
            (Text | Json, Values) => Compression::LZ4_RAW,
            // A few hundred bytes; a zstd context takes as long to make as thousands of them to compress.
            (Text | Json, Dictionary) => Compression::LZ4_RAW,
            (Text | Json, Plain) => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
            // What is packed already, or is random, only costs time to compress.
            (_, _) => Compression::UNCOMPRESSED,
        })
    }

    fn to_type(&self) -> Result<TypePtr, ParquetError> {
        let repetition = if self.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let builder = Type::primitive_type_builder(self.name, self.physical())
            .with_repetition(repetition)
            .with_logical_type(self.logical())
            .with_length(if self.kind == Hash { 16 } else { -1 });
        Ok(Arc::new(builder.build()?))
    }
}

pub(super) fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let fields = columns.iter().map(Column::to_type).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Type::group_type_builder("rowcast").with_fields(fields).build()?))
}

pub(super) fn properties(columns: &[Column], sorted: Sorted) -> Result<WriterPropertiesPtr, ParquetError> {
    let by_first_column = SortingColumn { column_idx: 0, descending: false, nulls_first: true };
    let mut builder = WriterProperties::builder()
        .set_created_by("rowcast".to_owned())
        .set_statistics_enabled(EnabledStatistics::None)
        .set_statistics_truncate_length(None)
        .set_offset_index_disabled(true)
        .set_dictionary_enabled(false)
        .set_sorting_columns((sorted == Sorted::ByFirstColumn).then(|| vec![by_first_column]));
    for column in columns {
        let path = || ColumnPath::from(column.name);
        builder = builder
            .set_column_encoding(path(), column.encoding())
            .set_column_dictionary_enabled(path(), column.layout == Dictionary)
            .set_column_compression(path(), column.compression()?);
        if column.ranged {
            builder = builder.set_column_statistics_enabled(path(), EnabledStatistics::Chunk);
        }
    }
    Ok(Arc::new(builder.build()))
}

/// Of a column that is neither compressed nor ranged.
pub(super) fn bare_properties() -> WriterPropertiesPtr {
    let builder = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None);
    Arc::new(builder.set_offset_index_disabled(true).set_dictionary_enabled(false).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_every_column_in_its_order_with_its_type() {
        let text = include_str!("../../README.md");
        let (_, text) = text.split_once("### Rows").unwrap();
        let (rows, calls) = text.split_once("### Calls").unwrap();
        for (columns, text) in [(ROWS, rows), (CALLS, calls)] {
            let lines: Vec<Vec<&str>> = text
                .lines()
                .filter(|line| line.starts_with("| `"))
                .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
                .collect();
            let expected: Vec<(&str, &str, bool)> =
                columns.iter().map(|c| (c.name, word(c.kind), c.optional)).collect();
            let found: Vec<(&str, &str, bool)> =
                lines.iter().map(|cells| (cells[1], cells[2], cells[4] != "never")).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn values_and_bodies_are_where_they_are_left_unread() {
        let values: Vec<_> = ROWS[ROW_VALUES].iter().map(|column| column.name).collect();
        assert_eq!(values, ["previous", "row_values", "record"]);
        assert_eq!(CALLS[CALL_BODIES].name, "request_body");
        assert_eq!(ROWS[ROWS_1 - 1].name, "record");
        assert_eq!(columns_of_version(CALLS, "1").map(<[Column]>::len), Some(CALLS.len()));
    }

    fn word(kind: Kind) -> &'static str {
        match kind {
            Hash => "16 bytes",
            Text => "text",
            Json => "JSON",
            U32 => "u32",
            U64 => "u64",
            Time => "time",
            Bool => "boolean",
        }
    }
}
