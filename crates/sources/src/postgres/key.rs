//! Is the chosen key one? A look at the first rows, while a person is choosing.

use std::collections::HashSet;
use std::time::Duration;

use domain::Column;
use serde::Serialize;
use serde_json::Value as Json;

use super::json::row_json;
use super::preview::size;
use super::read::{ReadOptions, Rows, Wanted, open};
use super::settings::Settings;
use crate::Error;

/// What the first rows say about a key.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct KeyCheck {
    /// How many rows were looked at.
    pub rows: u64,
    /// These were all.
    pub complete: bool,
    /// Rows with a null in the key.
    pub null_rows: u64,
    /// Keys that more than one row has.
    pub duplicate_keys: u64,
    /// The first of each, if they are not too long to show.
    pub null_example: Option<Vec<Json>>,
    pub duplicate_example: Option<Vec<Json>>,
    /// All of it in words, which do not promise more than was seen.
    pub finding: String,
}

/// How many rows are looked at.
const SAMPLE: u64 = 10_000;
/// And how many bytes of keys are remembered.
const SAMPLE_BYTES: usize = 16 << 20;
const EXAMPLE_BYTES: usize = 1 << 10;

/// Looks at the key of the first 10,000 rows, within `deadline`. Dropping the future cancels the query on the server.
pub async fn key_check(
    settings: &Settings,
    query: &str,
    key: &[String],
    deadline: Duration,
) -> Result<KeyCheck, Error> {
    let options = ReadOptions { idle: deadline, total: Some(deadline), ..ReadOptions::default() };
    let (mut reader, columns) = open(settings, query, Wanted::Named(key), Rows::First(SAMPLE + 1), &options).await?;
    let mut look = Look { columns, ..Look::default() };
    let mut complete = true;
    while let Some(chunk) = reader.next().await? {
        for row in chunk.rows() {
            if look.bytes > SAMPLE_BYTES {
                return Ok(look.end(false));
            }
            if look.check.rows == SAMPLE {
                // The last one. The read ends by itself.
                complete = false;
            } else {
                look.at(row)?;
            }
        }
    }
    Ok(look.end(complete))
}

#[derive(Default)]
struct Look {
    columns: Vec<Column>,
    check: KeyCheck,
    seen: HashSet<Vec<u8>>,
    twice: HashSet<Vec<u8>>,
    bytes: usize,
}

impl Look {
    /// Keys are compared as a run compares them.
    fn at(&mut self, row: &[u8]) -> Result<(), Error> {
        self.check.rows += 1;
        let number = self.check.rows;
        let example =
            |columns: &[Column]| Ok::<_, Error>(Some(row_json(columns, row, number)?).filter(|example| short(example)));
        let mut key = Vec::with_capacity(row.len());
        for (column, field) in self.columns.iter().zip(engine::canonical::fields(row)) {
            let damaged = |_corrupt| Error::Malformed { row: number, reason: "a column has an impossible length" };
            let Some(bytes) = field.map_err(damaged)? else {
                self.check.null_rows += 1;
                if self.check.null_rows == 1 {
                    self.check.null_example = example(&self.columns)?;
                }
                return Ok(());
            };
            engine::canonical::key_field(&column.kind, bytes, &mut key);
        }
        self.bytes += key.len();
        if self.seen.contains(&key) {
            if self.twice.is_empty() {
                self.check.duplicate_example = example(&self.columns)?;
            }
            self.twice.insert(key);
        } else {
            self.seen.insert(key);
        }
        Ok(())
    }

    fn end(self, complete: bool) -> KeyCheck {
        let mut check = self.check;
        check.complete = complete;
        check.duplicate_keys = self.twice.len() as u64;
        check.finding = finding(&check);
        check
    }
}

fn short(example: &[Json]) -> bool {
    size(example) <= EXAMPLE_BYTES
}

fn finding(check: &KeyCheck) -> String {
    let among = match (check.complete, check.rows) {
        (true, 0) => return "The query returns no rows, so nothing can be said about the key.".to_owned(),
        (true, 1) => "in the only row".to_owned(),
        (true, rows) => format!("among all {} rows", grouped(rows)),
        (false, rows) => format!("among the first {} rows", grouped(rows)),
    };
    let rest = if check.complete { "" } else { "; the others were not looked at" };
    let nulls = match check.null_rows {
        0 => None,
        1 => Some("1 row has a null in the key".to_owned()),
        rows => Some(format!("{} rows have a null in the key", grouped(rows))),
    };
    let duplicates = match check.duplicate_keys {
        0 => None,
        1 => Some("1 key stands in more than one row".to_owned()),
        keys => Some(format!("{} keys stand in more than one row", grouped(keys))),
    };
    let found: Vec<String> = [nulls, duplicates].into_iter().flatten().collect();
    if found.is_empty() {
        return format!("No null and no duplicate {among}{rest}.");
    }
    format!(
        "{} {among}{rest}. Such rows are not delivered: choose other columns, or change the query.",
        found.join(", and ")
    )
}

/// 12345 as 12,345.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_promises_no_more_than_was_seen() {
        let check = |rows, complete, null_rows, duplicate_keys| {
            finding(&KeyCheck { rows, complete, null_rows, duplicate_keys, ..KeyCheck::default() })
        };
        assert_eq!(check(42, true, 0, 0), "No null and no duplicate among all 42 rows.");
        let partly = "among the first 10,000 rows; the others were not looked at.";
        assert_eq!(check(10_000, false, 0, 0), format!("No null and no duplicate {partly}"));
        let both = check(10_000, false, 1, 1_234);
        assert!(
            both.starts_with("1 row has a null in the key, and 1,234 keys stand in more than one row among"),
            "{both}"
        );
        assert!(both.contains(partly), "{both}");
        assert!(check(0, true, 0, 0).contains("no rows"));
        assert!(check(1, true, 1, 0).contains("in the only row"));
    }
}
