//! CSV and NDJSON.

use domain::Millis;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::macros::format_description;

use super::ExportFormat;
use super::cells::{self, Cell};
use crate::file::{CALLS, ROW_VALUES, ROWS};
use crate::reader::{CallFound, RowFound, Values};

pub(super) fn header(format: ExportFormat, names: &[&str], out: &mut Vec<u8>) {
    if format == ExportFormat::Csv {
        out.extend_from_slice(names.join(",").as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The names of the cells of a row.
pub(super) fn names_of_rows(values: Values) -> Vec<&'static str> {
    let columns = without_values(ROWS, values, 0).map(|column| column.name);
    [cells::HASH].into_iter().chain(columns).collect()
}

pub(super) fn rows(format: ExportFormat, rows: &[RowFound], values: Values, out: &mut Vec<u8>) {
    let names = names_of_rows(values);
    for found in rows {
        // `HASH` stands before the columns.
        line(format, &names, without_values(&cells::row(found), values, 1), out);
    }
}

/// `columns` has `before` others first.
fn without_values<T>(columns: &[T], values: Values, before: usize) -> impl Iterator<Item = &T> {
    let left_out =
        move |at: usize| values == Values::Skip && at.checked_sub(before).is_some_and(|at| ROW_VALUES.contains(&at));
    columns.iter().enumerate().filter(move |(at, _)| !left_out(*at)).map(|(_, column)| column)
}

/// The first `columns` cells of each call.
pub(super) fn calls(format: ExportFormat, calls: &[CallFound], columns: usize, out: &mut Vec<u8>) {
    let names: Vec<_> = CALLS.iter().map(|column| column.name).collect();
    for found in calls {
        line(format, &names, cells::call(found)[..columns].iter(), out);
    }
}

fn line<'a>(format: ExportFormat, names: &[&str], cells: impl Iterator<Item = &'a Cell<'a>>, out: &mut Vec<u8>) {
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
