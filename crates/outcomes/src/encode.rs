//! From outcomes and calls to bytes. Nothing here waits: it is work for a thread that may be busy.

use std::borrow::Borrow;
use std::num::NonZero;

use domain::RunId;
use engine::shard::parse_explicit;
use serde::Serialize;

use crate::call::{Body, Call};
use crate::error::{Error, Result};
use crate::file::{CALLS, FileWriter, Group, GroupShape, GroupWriter, ROWS};
use crate::name::{ObjectName, Origin, Table};
use crate::object::{CallSummary, Encoded, RowSummary};
use crate::row::{PutIn, RowOutcome, Text};

/// Rows of a row group, at most: what is read to find one.
pub(crate) const GROUP_ROWS: usize = 5_000;
/// Bytes of texts of a row group, after which it is closed.
pub(crate) const GROUP_BYTES: usize = 2 << 20;

/// The object of the rows that a checkpoint decided. Sorts them by unit.
pub fn encode_rows(origin: Origin, rows: &mut [RowOutcome<'_>]) -> Result<Encoded<RowSummary>> {
    rows.sort_by(RowOutcome::order);
    encode_rows_of(origin, rows, RowOutcome::text_bytes, Ok::<_, Error>)
}

/// The same of items that are in the order of their units. What a row takes beside its item is in memory for a few row
/// groups at a time. `bytes`: of the texts of an item's row, about.
pub fn encode_rows_of<'i, 'r, I, R, E>(
    origin: Origin,
    items: &'i [I],
    bytes: impl Fn(&I) -> usize,
    row: impl Fn(&'i I) -> Result<R, E> + Sync,
) -> Result<Encoded<RowSummary>, E>
where
    I: Sync,
    R: Borrow<RowOutcome<'r>>,
    E: From<Error> + Send,
{
    let mut file = FileWriter::of_log(Table::Rows)?;
    let (shape, runs) = (file.shape(), [origin.run]);
    let groups = groups(items, bytes);
    let encoded = on_all_processors(&groups, |items| -> Result<(Group, RowSummary), E> {
        let mut rows = Vec::with_capacity(items.len());
        for item in *items {
            rows.push(row(item)?);
        }
        let rows: Vec<&RowOutcome<'r>> = rows.iter().map(Borrow::borrow).collect();
        debug_assert!(rows.is_sorted_by(|row, next| row.order(next).is_le()), "rows are in the order of their units");
        Ok((group_of_rows(&shape, &rows, &runs)?, RowSummary::of(&rows)))
    });
    let mut summary = RowSummary::of(&[]);
    for group in encoded {
        let (group, rows) = group?;
        file.append(group)?;
        summary.add(rows);
    }
    let (bytes, object) = file.finish(Some(&ObjectName { origin, table: Table::Rows }))?;
    Ok(Encoded { object, bytes, summary })
}

/// The object of the calls that ended since the checkpoint before. Sorts them by number; bodies are cut to `body_limit`
/// bytes.
pub fn encode_calls(origin: Origin, calls: &mut [Call<'_>], body_limit: usize) -> Result<Encoded<CallSummary>> {
    calls.sort_by_key(|call| call.number);
    let mut file = FileWriter::of_log(Table::Calls)?;
    let bytes = |call: &Call<'_>| {
        let body = |body: &Option<Body<'_>>| body.as_ref().map_or(0, |body| body.text.len().min(body_limit));
        body(&call.request) + body(&call.response)
    };
    for group in groups(calls, bytes) {
        write_calls(&mut file, group, &[origin.run], body_limit)?;
    }
    let (bytes, object) = file.finish(Some(&ObjectName { origin, table: Table::Calls }))?;
    Ok(Encoded { object, bytes, summary: CallSummary::of(calls) })
}

/// Cuts into row groups, none of which is empty.
pub(crate) fn groups<T>(items: &[T], bytes: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let (mut groups, mut start, mut size) = (Vec::new(), 0, 0);
    for (at, item) in items.iter().enumerate() {
        let more = bytes(item);
        if at > start && (at - start == GROUP_ROWS || size + more > GROUP_BYTES) {
            groups.push(&items[start..at]);
            (start, size) = (at, 0);
        }
        size += more;
    }
    if start < items.len() {
        groups.push(&items[start..]);
    }
    groups
}

/// Writes one row group; the columns are in the order of `ROWS`. There is a run for each row, or one for all.
pub(crate) fn write_rows(file: &mut FileWriter, rows: &[RowOutcome<'_>], runs: &[RunId]) -> Result<()> {
    let group = group_of_rows(&file.shape(), &rows.iter().collect::<Vec<_>>(), runs)?;
    file.append(group)
}

fn group_of_rows(shape: &GroupShape, rows: &[&RowOutcome<'_>], runs: &[RunId]) -> Result<Group> {
    debug_assert_eq!(shape.columns.len(), ROWS.len());
    check(rows)?;
    let runs = run_texts(runs);
    let earlier = rows.iter().map(|row| earlier_calls(&row.earlier_puts)).collect::<Result<Vec<_>>>()?;
    shape.encode(rows.len(), |group| {
        let each = || rows.iter().copied();
        group.hashes(each().map(|row| row.unit.map(|unit| unit.key)))?;
        group.u64s(each().map(|row| Some(row.unit.map_or(0, |unit| unit.child))))?;
        group.every_text(each().map(|row| &*row.key))?;
        texts(group, rows, |row| &row.element)?;
        group.texts(each().map(|row| row.op.map(|op| op.as_str())))?;
        group.every_text(each().map(|row| row.outcome.as_str()))?;
        texts(group, rows, |row| &row.code)?;
        texts(group, rows, |row| &row.message)?;
        group.times(each().map(|row| row.first_seen))?;
        group.u32s(each().map(|row| row.times_tried))?;
        texts(group, rows, |row| &row.event_id)?;
        group.u64s(each().map(|row| row.event_sequence))?;
        group.every_text(each_run(&runs, rows.len()))?;
        group.u64s(each().map(|row| Some(row.epoch)))?;
        texts(group, rows, |row| &row.partition_key)?;
        texts(group, rows, |row| &row.explicit_hash_key)?;
        texts(group, rows, |row| &row.predicted_shard)?;
        texts(group, rows, |row| &row.shard)?;
        texts(group, rows, |row| &row.sequence_number)?;
        group.u64s(each().map(|row| row.put.map(|put| put.call)))?;
        group.u32s(each().map(|row| row.put.map(|put| put.position)))?;
        group.texts(earlier.iter().map(Option::as_deref))?;
        group.u32s(each().map(|row| Some(row.attempts)))?;
        group.bools(each().map(|row| row.after_doubt))?;
        group.u32s(each().map(|row| row.record_bytes))?;
        group.times(each().map(|row| Some(row.at)))?;
        texts(group, rows, |row| &row.previous)?;
        texts(group, rows, |row| &row.row)?;
        texts(group, rows, |row| &row.record)?;
        group.u32s(each().map(|row| row.sub_sequence))?;
        group.u32s(each().map(|row| row.aggregated_bytes))
    })
}

/// Writes one row group; the columns are in the order of `CALLS`. There is a run for each call, or one for all.
pub(crate) fn write_calls(file: &mut FileWriter, calls: &[Call<'_>], runs: &[RunId], body_limit: usize) -> Result<()> {
    let shape = file.shape();
    debug_assert_eq!(shape.columns.len(), CALLS.len());
    let runs = run_texts(runs);
    let failures = calls.iter().map(|call| match call.groups() {
        groups if groups.is_empty() => Ok(None),
        groups => json(&groups).map(Some),
    });
    let failures = failures.collect::<Result<Vec<_>>>()?;
    let shards = calls.iter().map(|call| json(&call.shards)).collect::<Result<Vec<_>>>()?;
    let group = shape.encode(calls.len(), |group| {
        let each = || calls.iter();
        group.u64s(each().map(|call| Some(call.number)))?;
        group.every_text(each().map(|call| &*call.kind))?;
        group.every_text(each_run(&runs, calls.len()))?;
        group.u64s(each().map(|call| Some(call.epoch)))?;
        group.u32s(each().map(|call| Some(call.attempt)))?;
        group.times(each().map(|call| Some(call.started_at)))?;
        group.u64s(each().map(|call| Some(u64::try_from(call.latency.as_micros()).unwrap_or(u64::MAX))))?;
        group.u32s(each().map(|call| call.http_status.map(u32::from)))?;
        group.texts(each().map(|call| call.request_id.as_deref()))?;
        group.u32s(each().map(|call| Some(call.records)))?;
        group.u64s(each().map(|call| Some(call.bytes)))?;
        group.u32s(each().map(|call| Some(u32::try_from(call.failures.len()).unwrap_or(u32::MAX))))?;
        group.texts(each().map(|call| call.error_code.as_deref()))?;
        group.texts(each().map(|call| call.error_message.as_deref()))?;
        group.texts(failures.iter().map(Option::as_deref))?;
        group.every_text(shards.iter().map(String::as_str))?;
        group.texts(each().map(|call| call.retry_reason.as_deref()))?;
        group.u64s(each().map(|call| Some(u64::try_from(call.waited.as_millis()).unwrap_or(u64::MAX))))?;
        group.u64s(each().map(|call| call.request.as_ref().map(|body| body.bytes)))?;
        group.u64s(each().map(|call| call.response.as_ref().map(|body| body.bytes)))?;
        group.texts(each().map(|call| call.request.as_ref().map(|body| body.capped(body_limit))))?;
        group.texts(each().map(|call| call.response.as_ref().map(|body| body.capped(body_limit))))
    })?;
    file.append(group)
}

/// The next checkpoint waits for this work, so it is shared out. The results are in the order of the items.
fn on_all_processors<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    let share = || items.chunks(items.len().div_ceil(threads.max(1)).max(1));
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> =
            share().map(|items| scope.spawn(move || items.iter().map(work).collect::<Vec<_>>())).collect();
        let done = running.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        done.flatten().collect()
    })
}

fn texts<'r>(
    group: &mut GroupWriter<'_>,
    rows: &[&'r RowOutcome<'_>],
    column: impl Fn(&'r RowOutcome<'_>) -> &'r Option<Text<'r>>,
) -> Result<()> {
    group.texts(rows.iter().map(|row| column(row).as_deref()))
}

/// An explicit hash key is a number, and a reader counts on that.
fn check(rows: &[&RowOutcome<'_>]) -> Result<()> {
    let explicit = rows.iter().filter_map(|row| row.explicit_hash_key.as_deref());
    match explicit.into_iter().find(|key| parse_explicit(key).is_none()) {
        None => Ok(()),
        Some(key) => Err(Error::Unfit { what: "an explicit hash key", why: format!("`{key}` is no 128-bit number") }),
    }
}

/// `[[call, position], ..]`
fn earlier_calls(puts: &[PutIn]) -> Result<Option<String>> {
    if puts.is_empty() {
        return Ok(None);
    }
    json(&puts.iter().map(|put| (put.call, put.position)).collect::<Vec<_>>()).map(Some)
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Unfit { what: "a list", why: error.to_string() })
}

fn run_texts(runs: &[RunId]) -> Vec<String> {
    runs.iter().map(RunId::to_string).collect()
}

/// The last run goes on for the rows that are left.
fn each_run(runs: &[String], rows: usize) -> impl Iterator<Item = &str> + Clone {
    let last = runs.last().map_or("", String::as_str);
    runs.iter().map(String::as_str).chain(std::iter::repeat(last)).take(rows)
}
