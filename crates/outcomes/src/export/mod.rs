//! Objects of the log as one file that other tools read. It comes in parts, so that memory is bounded whatever its size.

mod cells;
mod text;

use std::collections::VecDeque;

use objects::Objects;

use crate::encode::{write_calls, write_rows};
use crate::error::Result;
use crate::file::{CALLS, Column, File, FileWriter, ROWS, Sorted};
use crate::filter::{CallFilter, RowFilter};
use crate::object::ObjectRef;
use crate::reader::{CallFound, Reader, RowFound, Values};

/// Rows of a row group of a Parquet export, at most.
const GROUP_ROWS: usize = 50_000;
/// Bytes of texts of a row group of a Parquet export, about.
const GROUP_BYTES: usize = 16 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// RFC 4180 with a line of names. A null is empty, an empty text is `""`.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// The columns of the log, in one file.
    Parquet,
}

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Rows that the filter takes, with or without their values.
    Rows(RowFilter, Values),
    /// Calls that the filter takes, with or without their bodies.
    Calls(CallFilter, Values),
}

/// An export on its way.
pub struct Export {
    reader: Reader,
    objects: VecDeque<ObjectRef>,
    wanted: Wanted,
    output: Output,
    /// The object that is being read, and its next row group.
    open: Option<(File, usize)>,
    began: bool,
}

enum Output {
    Text(ExportFormat),
    /// `None` once it is finished.
    Parquet(Option<Box<FileWriter>>, Pending),
}

/// What waits for a row group.
#[derive(Default)]
struct Pending {
    rows: Vec<RowFound>,
    calls: Vec<CallFound>,
    bytes: usize,
}

impl Export {
    /// The objects come in the order that is given.
    pub fn new(objects: Objects, list: Vec<ObjectRef>, wanted: Wanted, format: ExportFormat) -> Result<Self> {
        let output = match format {
            ExportFormat::Csv | ExportFormat::Ndjson => Output::Text(format),
            ExportFormat::Parquet => {
                Output::Parquet(Some(Box::new(FileWriter::new(wanted.columns(), Sorted::No)?)), Pending::default())
            }
        };
        Ok(Self { reader: Reader::new(objects), objects: list.into(), wanted, output, open: None, began: false })
    }

    /// The next part, which is never empty; `None` after the last one. After an error there is nothing more to get, and
    /// what came before is not whole.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.began, true)
            && let Output::Text(format) = self.output
        {
            text::header(format, &self.wanted.names(), &mut out);
        }
        while out.is_empty() {
            let Some((file, group)) = self.next_group().await? else {
                out = self.end()?;
                break;
            };
            self.write(&file, group, &mut out).await?;
            self.open = Some((file, group + 1));
        }
        Ok((!out.is_empty()).then_some(out))
    }

    async fn next_group(&mut self) -> Result<Option<(File, usize)>> {
        loop {
            if let Some((file, group)) = self.open.take().filter(|(file, group)| *group < file.groups()) {
                return Ok(Some((file, group)));
            }
            let Some(object) = self.objects.pop_front() else { return Ok(None) };
            self.open = Some((File::open(self.reader.objects(), &object, self.wanted.columns()).await?, 0));
        }
    }

    async fn write(&mut self, file: &File, group: usize, out: &mut Vec<u8>) -> Result<()> {
        match &self.wanted {
            Wanted::Rows(filter, values) => {
                let mut rows = self.reader.row_group(file, group, *values).await?;
                rows.retain(|found| filter.matches(&found.row));
                match &mut self.output {
                    Output::Text(format) => text::rows(*format, &rows, *values, out),
                    Output::Parquet(_, pending) => {
                        pending.bytes += rows.iter().map(|found| found.row.text_bytes()).sum::<usize>();
                        pending.rows.extend(rows);
                    }
                }
            }
            Wanted::Calls(filter, values) => {
                let mut calls = self.reader.call_group(file, group, *values).await?;
                calls.retain(|found| filter.matches(&found.call));
                match &mut self.output {
                    Output::Text(format) => text::calls(*format, &calls, self.wanted.names().len(), out),
                    Output::Parquet(_, pending) => {
                        pending.bytes += calls.iter().map(|found| found.call.text_bytes()).sum::<usize>();
                        pending.calls.extend(calls);
                    }
                }
            }
        }
        if let Output::Parquet(Some(writer), pending) = &mut self.output
            && pending.is_enough()
        {
            pending.write(writer)?;
            *out = writer.take()?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Vec<u8>> {
        let Output::Parquet(writer, pending) = &mut self.output else { return Ok(Vec::new()) };
        let Some(mut writer) = writer.take() else { return Ok(Vec::new()) };
        pending.write(&mut writer)?;
        Ok(writer.finish(None)?.0)
    }
}

impl Wanted {
    fn columns(&self) -> &'static [Column] {
        match self {
            Self::Rows(..) => ROWS,
            Self::Calls(..) => CALLS,
        }
    }

    /// The names of what texts hold: the columns, without those of values that were not asked for, and what follows from
    /// them.
    fn names(&self) -> Vec<&'static str> {
        let names = |columns: &'static [Column]| columns.iter().map(|column| column.name);
        match self {
            Self::Rows(_, values) => text::names_of_rows(*values),
            Self::Calls(_, Values::Read) => names(CALLS).collect(),
            Self::Calls(_, Values::Skip) => names(&CALLS[..crate::file::CALL_BODIES]).collect(),
        }
    }
}

impl Pending {
    fn is_enough(&self) -> bool {
        self.rows.len() + self.calls.len() >= GROUP_ROWS || self.bytes >= GROUP_BYTES
    }

    /// Writes one row group, if there is anything.
    fn write(&mut self, writer: &mut FileWriter) -> Result<()> {
        let Self { rows, calls, .. } = std::mem::take(self);
        if !rows.is_empty() {
            let (runs, rows): (Vec<_>, Vec<_>) = rows.into_iter().map(|found| (found.run, found.row)).unzip();
            write_rows(writer, &rows, &runs)?;
        }
        if !calls.is_empty() {
            let (runs, calls): (Vec<_>, Vec<_>) = calls.into_iter().map(|found| (found.run, found.call)).unzip();
            write_calls(writer, &calls, &runs, usize::MAX)?;
        }
        Ok(())
    }
}
