//! CSV and NDJSON.

use domain::Millis;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::macros::format_description;

use super::ExportFormat;
use super::cells::{self, Cell};
use crate::file::{CALLS, ROWS};
use crate::reader::{CallFound, RowFound};

pub(super) fn header(format: ExportFormat, names: &[&str], out: &mut Vec<u8>) {
    if format == ExportFormat::Csv {
        out.extend_from_slice(names.join(",").as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The first `columns` cells of each row.
pub(super) fn rows(format: ExportFormat, rows: &[RowFound], columns: usize, out: &mut Vec<u8>) {
    let names: Vec<_> = [cells::HASH].into_iter().chain(ROWS.iter().map(|column| column.name)).collect();
    for found in rows {
        line(format, &names, &cells::row(found)[..columns], out);
    }
}

/// The first `columns` cells of each call.
pub(super) fn calls(format: ExportFormat, calls: &[CallFound], columns: usize, out: &mut Vec<u8>) {
    let names: Vec<_> = CALLS.iter().map(|column| column.name).collect();
    for found in calls {
        line(format, &names, &cells::call(found)[..columns], out);
    }
}

fn line(format: ExportFormat, names: &[&str], cells: &[Cell<'_>], out: &mut Vec<u8>) {
    let csv = format == ExportFormat::Csv;
    for (at, (name, cell)) in names.iter().zip(cells).enumerate() {
        if csv {
            out.extend_from_slice(if at > 0 { b"," } else { b"" });
            csv_cell(cell, out);
        } else {
            // Names are plain letters.
            out.extend_from_slice(if at > 0 { b",\"" } else { b"{\"" });
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            json_cell(cell, out);
        }
    }
    out.extend_from_slice(if csv { b"\r\n" } else { b"}\n" });
}

fn csv_cell(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => {}
        Cell::Text(text) | Cell::Json(text) => {
            let plain = |byte: u8| !matches!(byte, b',' | b'"' | b'\r' | b'\n');
            if !text.is_empty() && text.bytes().all(plain) {
                out.extend_from_slice(text.as_bytes());
            } else {
                out.push(b'"');
                out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
                out.push(b'"');
            }
        }
        Cell::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Cell::Time(millis) => out.extend_from_slice(time(*millis).as_bytes()),
        Cell::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
    }
}

fn json_cell(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Text(text) => json_text(text, out),
        Cell::Json(text) if serde_json::from_str::<&RawValue>(text).is_ok() => {
            // A line break can only stand between the parts of JSON, and would end the line.
            out.extend(text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
        }
        Cell::Json(text) => json_text(text, out),
        Cell::Time(millis) => json_text(&time(*millis), out),
        Cell::Number(_) | Cell::Bool(_) => csv_cell(cell, out),
    }
}

fn json_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

/// RFC 3339 with milliseconds; beyond the year 9999 milliseconds since 1970-01-01 UTC.
fn time(millis: Millis) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok();
    let text = time.filter(|time| (0..=9999).contains(&time.year())).and_then(|time| time.format(&format).ok());
    text.unwrap_or_else(|| millis.to_string())
}
