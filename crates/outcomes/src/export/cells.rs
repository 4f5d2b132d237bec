//! Rows and calls as lists of values, in the order of their columns.

use std::borrow::Cow;

use domain::Millis;

use crate::file::{CALLS, ROWS};
use crate::object::hex;
use crate::reader::{CallFound, RowFound};

/// The column that the log does not store: the hash key by which Kinesis chose the shard, in decimal digits.
pub(super) const HASH: &str = "hash";

pub(super) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    /// A text that holds JSON.
    Json(Cow<'a, str>),
    Number(u64),
    Time(Millis),
    Bool(bool),
}

use Cell::{Bool, Json, Null, Number, Text, Time};

/// `HASH`, and then as in `ROWS`.
pub(super) fn row(found: &RowFound) -> [Cell<'_>; ROWS.len() + 1] {
    let RowFound { run, row, .. } = found;
    [
        row.hash().map_or(Null, |hash| Text(hash.to_string().into())),
        row.unit.map_or(Null, |unit| Text(hex(&unit.key.0).into())),
        Number(row.unit.map_or(0, |unit| unit.child)),
        Json(Cow::Borrowed(&row.key)),
        json(row.element.as_deref()),
        text(row.op.map(|op| op.as_str())),
        text(Some(row.outcome.as_str())),
        text(row.code.as_deref()),
        text(row.message.as_deref()),
        row.first_seen.map_or(Null, Time),
        number(row.times_tried),
        text(row.event_id.as_deref()),
        number(row.event_sequence),
        Text(run.to_string().into()),
        Number(row.epoch),
        text(row.partition_key.as_deref()),
        text(row.explicit_hash_key.as_deref()),
        text(row.predicted_shard.as_deref()),
        text(row.shard.as_deref()),
        text(row.sequence_number.as_deref()),
        number(row.put.map(|put| put.call)),
        number(row.put.map(|put| put.position)),
        list(&row.earlier_puts.iter().map(|put| (put.call, put.position)).collect::<Vec<_>>()),
        Number(row.attempts.into()),
        Bool(row.after_doubt),
        number(row.record_bytes),
        Time(row.at),
        json(row.previous.as_deref()),
        json(row.row.as_deref()),
        text(row.record.as_deref()),
        number(row.sub_sequence),
        number(row.aggregated_bytes),
    ]
}

/// As in `CALLS`.
pub(super) fn call(found: &CallFound) -> [Cell<'_>; CALLS.len()] {
    let CallFound { run, call, .. } = found;
    [
        Number(call.number),
        Text(Cow::Borrowed(&call.kind)),
        Text(run.to_string().into()),
        Number(call.epoch),
        Number(call.attempt.into()),
        Time(call.started_at),
        Number(u64::try_from(call.latency.as_micros()).unwrap_or(u64::MAX)),
        number(call.http_status),
        text(call.request_id.as_deref()),
        Number(call.records.into()),
        Number(call.bytes),
        Number(call.failures.len() as u64),
        text(call.error_code.as_deref()),
        text(call.error_message.as_deref()),
        list(&call.groups()),
        Json(serde_json::to_string(&call.shards).unwrap_or_default().into()),
        text(call.retry_reason.as_deref()),
        Number(u64::try_from(call.waited.as_millis()).unwrap_or(u64::MAX)),
        number(call.request.as_ref().map(|body| body.bytes)),
        number(call.response.as_ref().map(|body| body.bytes)),
        text(call.request.as_ref().map(|body| &*body.text)),
        text(call.response.as_ref().map(|body| &*body.text)),
    ]
}

fn text(value: Option<&str>) -> Cell<'_> {
    value.map_or(Null, |value| Text(value.into()))
}

fn json(value: Option<&str>) -> Cell<'_> {
    value.map_or(Null, |value| Json(value.into()))
}

fn number<'a>(value: Option<impl Into<u64>>) -> Cell<'a> {
    value.map_or(Null, |value| Number(value.into()))
}

/// A list of our own, which always can be JSON. An empty one is null, as in the log.
fn list<'a>(values: &[impl serde::Serialize]) -> Cell<'a> {
    if values.is_empty() { Null } else { Json(serde_json::to_string(values).unwrap_or_default().into()) }
}
