use domain::{Change, RunId};
use engine::hash::Hash128;
use engine::unit::UnitId;

use crate::error::Result;
use crate::file::{Chunks, File, ROW_VALUES, ROWS, column};
use crate::filter::RowFilter;
use crate::reader::{RowFound, Values};
use crate::row::{Outcome, PutIn, RowOutcome};

/// The columns to read.
pub(super) fn columns(values: Values) -> impl Iterator<Item = usize> {
    (0..ROWS.len()).filter(move |column| values == Values::Read || !ROW_VALUES.contains(column))
}

/// The columns that a filter looks at.
pub(super) fn looked_at(filter: &RowFilter) -> impl Iterator<Item = usize> + use<> {
    let names = [
        (!filter.outcomes.is_empty(), "outcome"),
        (filter.op.is_some(), "op"),
        (filter.code.is_some(), "code"),
        (filter.shard.is_some(), "shard"),
        (filter.shard.is_some(), "predicted_shard"),
        (filter.call.is_some(), "call"),
        (filter.call.is_some(), "call_position"),
        (filter.call.is_some(), "earlier_calls"),
        (filter.key_text.is_some(), "key"),
    ];
    names.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| column(ROWS, name))
}

/// Whether the footer says that a group holds no row of the call. The range of a group is that of the deciding calls; a
/// call that held a row earlier has a lower number.
pub(super) fn rules_out(file: &File, group: usize, filter: &RowFilter) -> bool {
    let last = || file.numbers(group, column(ROWS, "call")).map(|(_, last)| last);
    filter.call.is_some_and(|call| last().is_some_and(|last| call > last))
}

/// Which rows of a group a filter takes. Only the columns that it looks at need to be there.
pub(super) fn matching(chunks: &Chunks<'_>, filter: &RowFilter) -> Result<Vec<bool>> {
    let all = vec![true; chunks.rows()];
    if *filter == RowFilter::default() {
        return Ok(all);
    }
    Ok(rows(chunks, &all)?.iter().map(|row| filter.matches(row)).collect())
}

/// The rows of a group that are to be kept.
pub(super) fn decode(chunks: &Chunks<'_>, start: u64, keep: &[bool]) -> Result<Vec<RowFound>> {
    let at = column(ROWS, "run");
    let runs = chunks.texts(at, keep)?;
    let positions = keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(at, _)| start + at as u64);
    let found = rows(chunks, keep)?.into_iter().zip(runs).zip(positions).map(|((row, run), position)| {
        let run = run.and_then(|run| run.parse::<RunId>().ok());
        Ok(RowFound { position, run: run.ok_or_else(|| chunks.damaged(at, "has a value that is no run"))?, row })
    });
    found.collect()
}

/// Columns that were not read leave their fields as they are by default.
fn rows(chunks: &Chunks<'_>, keep: &[bool]) -> Result<Vec<RowOutcome<'static>>> {
    let mut rows = vec![RowOutcome::default(); keep.iter().filter(|keep| **keep).count()];
    identity(chunks, keep, &mut rows)?;
    what_became(chunks, keep, &mut rows)?;
    delivery(chunks, keep, &mut rows)?;
    let text = |name| chunks.texts(column(ROWS, name), keep);
    fill(&mut rows, text("previous")?, |row, text| row.previous = Some(text.into()));
    fill(&mut rows, text("row_values")?, |row, text| row.row = Some(text.into()));
    fill(&mut rows, text("record")?, |row, text| row.record = Some(text.into()));
    Ok(rows)
}

fn identity(chunks: &Chunks<'_>, keep: &[bool], rows: &mut [RowOutcome<'static>]) -> Result<()> {
    let text = |name| chunks.texts(column(ROWS, name), keep);
    let hashes: Vec<Option<Hash128>> = chunks.hashes(column(ROWS, "key_hash"), keep)?;
    fill(rows, hashes, |row, key| row.unit = Some(UnitId { key, child: 0 }));
    fill(rows, chunks.u64s(column(ROWS, "child"), keep)?, |row, child| {
        if let Some(unit) = &mut row.unit {
            unit.child = child;
        }
    });
    fill(rows, text("key")?, |row, text| row.key = text.into());
    fill(rows, text("element")?, |row, text| row.element = Some(text.into()));
    fill(rows, text("event_id")?, |row, text| row.event_id = Some(text.into()));
    fill(rows, chunks.u64s(column(ROWS, "event_sequence"), keep)?, |row, value| row.event_sequence = Some(value));
    fill(rows, chunks.u64s(column(ROWS, "run_epoch"), keep)?, |row, value| row.epoch = value);
    Ok(())
}

fn what_became(chunks: &Chunks<'_>, keep: &[bool], rows: &mut [RowOutcome<'static>]) -> Result<()> {
    let text = |name| chunks.texts(column(ROWS, name), keep);
    let ops = known(chunks, "op", text("op")?, |text| Change::ALL.into_iter().find(|op| op.as_str() == text))?;
    fill(rows, ops, |row, op| row.op = Some(op));
    let outcomes = known(chunks, "outcome", text("outcome")?, Outcome::parse)?;
    fill(rows, outcomes, |row, outcome| row.outcome = outcome);
    fill(rows, text("code")?, |row, text| row.code = Some(text.into()));
    fill(rows, text("message")?, |row, text| row.message = Some(text.into()));
    fill(rows, chunks.times(column(ROWS, "first_seen"), keep)?, |row, time| row.first_seen = Some(time));
    fill(rows, chunks.u32s(column(ROWS, "times_tried"), keep)?, |row, value| row.times_tried = Some(value));
    fill(rows, chunks.times(column(ROWS, "decided_at"), keep)?, |row, time| row.at = time);
    Ok(())
}

fn delivery(chunks: &Chunks<'_>, keep: &[bool], rows: &mut [RowOutcome<'static>]) -> Result<()> {
    let text = |name| chunks.texts(column(ROWS, name), keep);
    let u32s = |name| chunks.u32s(column(ROWS, name), keep);
    fill(rows, text("partition_key")?, |row, text| row.partition_key = Some(text.into()));
    fill(rows, text("explicit_hash_key")?, |row, text| row.explicit_hash_key = Some(text.into()));
    fill(rows, text("predicted_shard")?, |row, text| row.predicted_shard = Some(text.into()));
    fill(rows, text("shard")?, |row, text| row.shard = Some(text.into()));
    fill(rows, text("sequence_number")?, |row, text| row.sequence_number = Some(text.into()));
    fill(rows, chunks.u64s(column(ROWS, "call"), keep)?, |row, call| row.put = Some(PutIn { call, position: 0 }));
    fill(rows, u32s("call_position")?, |row, position| {
        if let Some(put) = &mut row.put {
            put.position = position;
        }
    });
    let earlier = known(chunks, "earlier_calls", text("earlier_calls")?, puts)?;
    fill(rows, earlier, |row, puts| row.earlier_puts = puts);
    fill(rows, u32s("attempts")?, |row, value| row.attempts = value);
    fill(rows, chunks.bools(column(ROWS, "after_doubt"), keep)?, |row, value| row.after_doubt = value);
    fill(rows, u32s("record_bytes")?, |row, value| row.record_bytes = Some(value));
    fill(rows, u32s("sub_sequence")?, |row, value| row.sub_sequence = Some(value));
    fill(rows, u32s("aggregated_bytes")?, |row, value| row.aggregated_bytes = Some(value));
    Ok(())
}

fn fill<T>(rows: &mut [RowOutcome<'static>], values: Vec<Option<T>>, set: impl Fn(&mut RowOutcome<'static>, T)) {
    for (row, value) in rows.iter_mut().zip(values) {
        if let Some(value) = value {
            set(row, value);
        }
    }
}

/// Texts of a closed list, or of a form of their own.
fn known<T>(
    chunks: &Chunks<'_>,
    name: &str,
    texts: Vec<Option<String>>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Option<T>>> {
    let damaged = || chunks.damaged(column(ROWS, name), "has a value that this version does not know");
    let parse = |text: Option<String>| text.map(|text| parse(&text).ok_or_else(damaged)).transpose();
    texts.into_iter().map(parse).collect()
}

/// `[[call, position], ..]`
fn puts(text: &str) -> Option<Vec<PutIn>> {
    let pairs: Vec<(u64, u32)> = serde_json::from_str(text).ok()?;
    Some(pairs.into_iter().map(|(call, position)| PutIn { call, position }).collect())
}
