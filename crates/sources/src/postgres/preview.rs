//! The first rows of a query, for a person who is writing it.

use std::time::Duration;

use domain::Column;
use serde::Serialize;
use serde_json::Value as Json;

use super::json::row_json;
use super::read::{ReadOptions, Rows, Wanted, open};
use super::settings::Settings;
use crate::Error;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    pub columns: Vec<Column>,
    /// A value for each column: bigint exact, numeric as text, timestamps by RFC 3339, bytea in base64, json as it is.
    pub rows: Vec<Vec<Json>>,
    /// The same rows in canonical form.
    #[serde(skip)]
    pub canonical: Vec<Vec<u8>>,
    /// Why these are not all rows.
    pub cut: Option<Cut>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// There are more than were asked for.
    Rows,
    /// The next one would make the answer too large.
    Bytes,
}

/// The most that the rows of a preview may take as JSON.
const ANSWER_BYTES: usize = 1 << 20;

/// At most `limit` rows, within `deadline`. Dropping the future cancels the query on the server.
pub async fn preview_rows(
    settings: &Settings,
    query: &str,
    limit: usize,
    deadline: Duration,
) -> Result<Preview, Error> {
    let options = ReadOptions { idle: deadline, total: Some(deadline), ..ReadOptions::default() };
    // One more, to know whether there are more.
    let first = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1).min(i64::MAX.unsigned_abs());
    let (mut reader, columns) = open(settings, query, Wanted::All, Rows::First(first), &options).await?;
    let (mut rows, mut canonical, mut cut, mut bytes, mut number) = (Vec::new(), Vec::new(), None, 0, 0);
    while let Some(chunk) = reader.next().await? {
        for row in chunk.rows() {
            number += 1;
            if rows.len() == limit {
                // The last one. The read ends by itself.
                cut = Some(Cut::Rows);
                continue;
            }
            // Too large in one form is too large in the other; what is left out need not be read.
            let fits = row.len() <= 2 * ANSWER_BYTES;
            let shown = if fits { row_json(&columns, row, number)? } else { Vec::new() };
            bytes += size(&shown);
            if !fits || bytes > ANSWER_BYTES {
                return Ok(Preview { columns, rows, canonical, cut: Some(Cut::Bytes) });
            }
            rows.push(shown);
            canonical.push(row.to_vec());
        }
    }
    Ok(Preview { columns, rows, canonical, cut })
}

/// As JSON, with the comma behind it.
pub(super) fn size(row: &[Json]) -> usize {
    serde_json::to_vec(row).map_or(usize::MAX / 2, |text| text.len() + 1)
}
