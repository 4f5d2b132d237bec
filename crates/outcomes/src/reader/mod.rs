//! Questions to objects of the log. Which objects to ask is for the caller, who has their summaries.

mod calls;
mod rows;

use domain::RunId;
use engine::hash::Hash128;
use objects::Objects;

use crate::call::Call;
use crate::error::Result;
use crate::file::{CALLS, File, ROWS, column};
use crate::filter::{CallFilter, RowFilter};
use crate::object::ObjectRef;
use crate::row::RowOutcome;
use crate::sequence::compare_sequence_numbers;

/// Reads the log of a workspace. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    objects: Objects,
}

/// Whether the columns `previous`, `row_values` and `record` are read; else they are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    Read,
    Skip,
}

/// A row, and where in its object it is, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFound {
    pub position: u64,
    pub run: RunId,
    pub row: RowOutcome<'static>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowPage {
    pub rows: Vec<RowFound>,
    /// Where the next page begins; `None` at the end of the object.
    pub next: Option<u64>,
}

/// A call, and where in its object it is, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFound {
    pub position: u64,
    pub run: RunId,
    /// Of its bodies, if they were not read, only the lengths are there.
    pub call: Call<'static>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallPage {
    pub calls: Vec<CallFound>,
    /// Where the next page begins; `None` at the end of the object.
    pub next: Option<u64>,
}

impl Reader {
    /// `objects` are those of the workspace: names are relative to it.
    pub const fn new(objects: Objects) -> Self {
        Self { objects }
    }

    /// Every row of a key, all of its children. Reads the footer and the row groups that can hold it, as a rule one.
    pub async fn find_key(&self, object: &ObjectRef, key: Hash128, values: Values) -> Result<Vec<RowFound>> {
        let file = File::open(&self.objects, object, ROWS).await?;
        let hash = column(ROWS, "key_hash");
        let mut found = Vec::new();
        for group in 0..file.groups() {
            if file.hashes(group, hash).is_some_and(|(low, high)| (low..=high).contains(&key)) {
                let chunks = file.read(group, rows::columns(values)).await?;
                let all = vec![true; chunks.rows()];
                let keep: Vec<bool> = chunks.hashes(hash, &all)?.iter().map(|found| *found == Some(key)).collect();
                found.extend(rows::decode(&chunks, file.range(group).start, &keep)?);
            }
        }
        Ok(found)
    }

    /// The rows whose messages are in the record that landed there, in their order within: one, or those that share it. Reads
    /// two columns of the object, and then the row groups that hold them.
    pub async fn find_position(
        &self,
        object: &ObjectRef,
        shard: &str,
        sequence_number: &str,
        values: Values,
    ) -> Result<Vec<RowFound>> {
        let file = File::open(&self.objects, object, ROWS).await?;
        let mut all_found = Vec::new();
        let (shards, numbers) = (column(ROWS, "shard"), column(ROWS, "sequence_number"));
        for group in 0..file.groups() {
            let mut chunks = file.read(group, [shards, numbers]).await?;
            let here = |(found, number): (Option<String>, Option<String>)| {
                found.is_some_and(|found| found == shard)
                    && number.is_some_and(|number| compare_sequence_numbers(&number, sequence_number).is_eq())
            };
            let all = vec![true; chunks.rows()];
            let found = chunks.texts(shards, &all)?.into_iter().zip(chunks.texts(numbers, &all)?);
            let keep: Vec<bool> = found.map(here).collect();
            if keep.contains(&true) {
                chunks.extend(file.read(group, rows::columns(values)).await?);
                all_found.extend(rows::decode(&chunks, file.range(group).start, &keep)?);
                // A record of one message is found.
                if all_found.iter().any(|found: &RowFound| found.row.sub_sequence.is_none()) {
                    break;
                }
            }
        }
        all_found.sort_by_key(|found| found.row.sub_sequence);
        Ok(all_found)
    }

    /// The rows from a position on that a filter takes, at most `limit`.
    pub async fn rows(
        &self,
        object: &ObjectRef,
        filter: &RowFilter,
        from: u64,
        limit: usize,
        values: Values,
    ) -> Result<RowPage> {
        let file = File::open(&self.objects, object, ROWS).await?;
        let mut page = RowPage::default();
        for group in 0..file.groups() {
            let range = file.range(group);
            if range.end <= from || rows::rules_out(&file, group, filter) {
                continue;
            }
            let mut chunks = file.read(group, rows::looked_at(filter)).await?;
            let mut keep = rows::matching(&chunks, filter)?;
            let before = usize::try_from(from.saturating_sub(range.start)).unwrap_or(usize::MAX);
            keep.iter_mut().take(before).for_each(|keep| *keep = false);
            if let Some(next) = cut(&mut keep, limit - page.rows.len()) {
                page.next = Some(range.start + next as u64);
            }
            if keep.contains(&true) {
                let rest = rows::columns(values).filter(|column| !chunks.has(*column));
                chunks.extend(file.read(group, rest).await?);
                page.rows.extend(rows::decode(&chunks, range.start, &keep)?);
            }
            if page.next.is_some() {
                break;
            }
        }
        Ok(page)
    }

    /// The calls from a position on that a filter takes, at most `limit`, without their bodies.
    pub async fn calls(&self, object: &ObjectRef, filter: &CallFilter, from: u64, limit: usize) -> Result<CallPage> {
        let file = File::open(&self.objects, object, CALLS).await?;
        let mut page = CallPage::default();
        for group in 0..file.groups() {
            let range = file.range(group);
            if range.end <= from {
                continue;
            }
            let chunks = file.read(group, calls::without_bodies()).await?;
            for found in calls::decode(&chunks, range.start)? {
                if found.position < from || !filter.matches(&found.call) {
                    continue;
                }
                if page.calls.len() == limit {
                    page.next = Some(found.position);
                    return Ok(page);
                }
                page.calls.push(found);
            }
        }
        Ok(page)
    }

    /// One call with its bodies.
    pub async fn call(&self, object: &ObjectRef, number: u64) -> Result<Option<CallFound>> {
        let file = File::open(&self.objects, object, CALLS).await?;
        let numbers = column(CALLS, "number");
        for group in 0..file.groups() {
            if file.numbers(group, numbers).is_none_or(|(first, last)| (first..=last).contains(&number)) {
                let chunks = file.read(group, 0..CALLS.len()).await?;
                let mut found = calls::decode(&chunks, file.range(group).start)?.into_iter();
                if let Some(found) = found.find(|found| found.call.number == number) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// One row group of rows with all columns, for exports.
    pub(crate) async fn row_group(&self, file: &File, group: usize, values: Values) -> Result<Vec<RowFound>> {
        let chunks = file.read(group, rows::columns(values)).await?;
        rows::decode(&chunks, file.range(group).start, &vec![true; chunks.rows()])
    }

    /// One row group of calls with all columns, for exports.
    pub(crate) async fn call_group(&self, file: &File, group: usize, values: Values) -> Result<Vec<CallFound>> {
        let columns = if values == Values::Read { 0..CALLS.len() } else { calls::without_bodies() };
        calls::decode(&file.read(group, columns).await?, file.range(group).start)
    }

    pub(crate) const fn objects(&self) -> &Objects {
        &self.objects
    }
}

/// Keeps the first `limit`, and returns where the first one is that is not kept.
fn cut(keep: &mut [bool], limit: usize) -> Option<usize> {
    let next = keep.iter().enumerate().filter(|(_, keep)| **keep).nth(limit).map(|(at, _)| at)?;
    keep[next..].fill(false);
    Some(next)
}
