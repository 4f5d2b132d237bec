//! A row of the log as it is shown.

use domain::Change;
use outcomes::{Outcome, PutIn, RowFound, RowOutcome};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::explain::{Explained, explain_some};
use crate::extract::Timestamp;
use crate::routes::rejections::ChangeName;

/// What became of a row in a run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoggedRow {
    /// The primary key, by the names of its columns; null if it cannot be known any more.
    #[schema(required, value_type = Option<Object>)]
    key: Box<RawValue>,
    /// Of a fan-out.
    #[schema(required, value_type = Option<Value>)]
    element: Option<Box<RawValue>>,
    /// Null of a row that was never planned.
    #[schema(required, value_type = Option<ChangeName>)]
    op: Option<Change>,
    #[schema(value_type = OutcomeName)]
    outcome: Outcome,
    /// Why it was not delivered.
    #[schema(required)]
    code: Option<String>,
    #[schema(required)]
    message: Option<String>,
    /// What the code means here; null if there is no code, or none of the catalogue.
    #[schema(required)]
    meaning: Option<String>,
    /// What to do about it.
    #[schema(required)]
    advice: Option<String>,
    #[schema(required)]
    first_seen_at: Option<Timestamp>,
    #[schema(required)]
    times_tried: Option<u32>,
    run: String,
    /// The attempt of the run that decided it.
    epoch: u64,
    decided_at: Timestamp,
    #[schema(required)]
    event_id: Option<String>,
    #[schema(required)]
    event_sequence: Option<u64>,
    #[schema(required)]
    partition_key: Option<String>,
    #[schema(required)]
    explicit_hash_key: Option<String>,
    /// The 128-bit number that chooses the shard: the explicit one, or of the partition key.
    #[schema(required)]
    hash: Option<String>,
    #[schema(required)]
    predicted_shard: Option<String>,
    /// Where it landed. Null with `unanswered`: its position is unknown.
    #[schema(required)]
    shard: Option<String>,
    #[schema(required)]
    sequence_number: Option<String>,
    /// The call that decided it.
    #[schema(required)]
    call: Option<PlaceInCall>,
    /// The calls before that held it, oldest first.
    earlier_calls: Vec<PlaceInCall>,
    /// Puts of its record in this run.
    attempts: u32,
    /// It is delivered, and an earlier put of it was not answered: it may be in the stream twice.
    after_doubt: bool,
    /// Data and partition key of its message.
    #[schema(required)]
    record_bytes: Option<u32>,
    /// Where several messages share the record: which of them it was in `call`, from 0. Consumers call it the sub-sequence
    /// number.
    #[schema(required)]
    sub_sequence: Option<u32>,
    /// Data and partition key of the record that they share.
    #[schema(required)]
    aggregated_bytes: Option<u32>,
    /// All of it in one sentence.
    explanation: String,
    /// Only with `values=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<LoggedValues>,
}

/// What a row held; null where it was not logged.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoggedValues {
    /// The values that were acknowledged before.
    #[schema(required, value_type = Option<Object>)]
    previous: Option<Box<RawValue>>,
    /// The values as read; null of a removal.
    #[schema(required, value_type = Option<Object>)]
    row: Option<Box<RawValue>>,
    /// The message, byte for byte.
    #[schema(required)]
    record: Option<String>,
    /// The columns in which both differ.
    changes: Vec<ColumnChange>,
}

/// A column whose value changed.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ColumnChange {
    column: String,
    /// Null also where it was not there.
    #[schema(required, value_type = Option<Value>)]
    before: serde_json::Value,
    #[schema(required, value_type = Option<Value>)]
    after: serde_json::Value,
}

/// A record in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct PlaceInCall {
    /// The number of the call within the run.
    call: u64,
    /// In its request, from 0.
    position: u32,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = RowOutcome)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OutcomeName {
    /// The stream acknowledged it.
    Delivered,
    /// It is surely not in the stream; the next run tries again.
    Rejected,
    /// It may be in the stream: a put has no answer.
    Unanswered,
    /// It was planned, and is left for a later run.
    Deferred,
    /// It was never planned.
    Invalid,
}

impl LoggedRow {
    /// `values`: whether they were read.
    pub(super) fn new(found: RowFound, values: bool) -> Self {
        let RowFound { run, row, .. } = found;
        let (code, message) = (row.code.as_deref(), row.message.as_deref());
        let Explained { meaning, advice } = explain_some(code, message);
        let explanation = explanation(&row);
        let hash = row.hash().map(|hash| hash.to_string());
        let text = |text: Option<outcomes::Text<'static>>| text.map(std::borrow::Cow::into_owned);
        let values = values.then(|| LoggedValues::new(&row));
        Self {
            key: raw(&row.key).unwrap_or_default(),
            element: row.element.as_deref().and_then(raw),
            op: row.op,
            outcome: row.outcome,
            meaning,
            advice,
            first_seen_at: row.first_seen.map(Timestamp),
            times_tried: row.times_tried,
            run: run.to_string(),
            epoch: row.epoch,
            decided_at: row.at.into(),
            event_sequence: row.event_sequence,
            hash,
            call: row.put.map(PlaceInCall::from),
            earlier_calls: row.earlier_puts.iter().copied().map(PlaceInCall::from).collect(),
            attempts: row.attempts,
            after_doubt: row.after_doubt,
            record_bytes: row.record_bytes,
            sub_sequence: row.sub_sequence,
            aggregated_bytes: row.aggregated_bytes,
            explanation,
            values,
            code: text(row.code),
            message: text(row.message),
            event_id: text(row.event_id),
            partition_key: text(row.partition_key),
            explicit_hash_key: text(row.explicit_hash_key),
            predicted_shard: text(row.predicted_shard),
            shard: text(row.shard),
            sequence_number: text(row.sequence_number),
        }
    }
}

impl LoggedValues {
    fn new(row: &RowOutcome<'_>) -> Self {
        Self {
            previous: row.previous.as_deref().and_then(raw),
            row: row.row.as_deref().and_then(raw),
            record: row.record.as_deref().map(str::to_owned),
            changes: changes(row.previous.as_deref(), row.row.as_deref()),
        }
    }
}

impl From<PutIn> for PlaceInCall {
    fn from(put: PutIn) -> Self {
        Self { call: put.call, position: put.position }
    }
}

impl From<OutcomeName> for Outcome {
    fn from(name: OutcomeName) -> Self {
        match name {
            OutcomeName::Delivered => Self::Delivered,
            OutcomeName::Rejected => Self::Rejected,
            OutcomeName::Unanswered => Self::Unanswered,
            OutcomeName::Deferred => Self::Deferred,
            OutcomeName::Invalid => Self::Invalid,
        }
    }
}

/// As it was written, to the last digit.
pub(super) fn raw(text: &str) -> Option<Box<RawValue>> {
    serde_json::from_str(text).ok()
}

type Columns = serde_json::Map<String, serde_json::Value>;

/// None where one of both is not there: everything is new then, or gone.
fn changes(before: Option<&str>, after: Option<&str>) -> Vec<ColumnChange> {
    let parse = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Columns>(text).ok());
    let (Some(mut before), Some(after)) = (parse(before), parse(after)) else { return Vec::new() };
    let mut found = Vec::new();
    for (column, after) in after {
        let before = before.shift_remove(&column).unwrap_or_default();
        if before != after {
            found.push(ColumnChange { column, before, after });
        }
    }
    let gone = before.into_iter().filter(|(_, before)| !before.is_null());
    found.extend(gone.map(|(column, before)| ColumnChange { column, before, after: serde_json::Value::Null }));
    found
}

fn explanation(row: &RowOutcome<'_>) -> String {
    let what = match row.op {
        Some(Change::Added) => "It was new",
        Some(Change::Changed) => "It had changed",
        Some(Change::Removed) => "It was gone from the model",
        None => "It was read",
    };
    let why = row.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    let call = row.put.map(|put| format!(" by call {}", put.call)).unwrap_or_default();
    let tries = if row.attempts > 1 { format!(" with put {}", row.attempts) } else { String::new() };
    match row.outcome {
        Outcome::Delivered => {
            let (shard, number) = (row.shard.as_deref().unwrap_or("?"), row.sequence_number.as_deref().unwrap_or("?"));
            let doubt = if row.after_doubt {
                " An earlier put was not answered, so it may be in the stream twice, with one `event.id`."
            } else {
                ""
            };
            let place = row.sub_sequence.map(|at| format!(", message {at} of the record")).unwrap_or_default();
            format!(
                "{what}, and the stream acknowledged it{call}{tries}: shard {shard}, sequence number {number}{place}.{doubt}"
            )
        }
        Outcome::Rejected => {
            let first = match row.times_tried {
                Some(times) if times > 1 => format!(" It has been tried in {times} runs."),
                _ => String::new(),
            };
            format!(
                "{what}, and is surely not in the stream{why}. The next run tries again, with the values of then.{first}"
            )
        }
        Outcome::Unanswered => format!(
            "{what}, and nobody knows whether the stream has it{why}: a put of it was not answered, so its position is unknown. \
             It is put again with the same `event.id`."
        ),
        Outcome::Deferred => format!("{what}, and is left for a later run{why}."),
        Outcome::Invalid => format!("{what}, but it cannot be sent{why}. What was acknowledged of its key stays."),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_told_column_by_column_and_exactly() {
        let found = changes(
            Some(r#"{"id": 7, "a": 1.10, "big": 12345678901234567890123, "gone": "x", "none": null}"#),
            Some(r#"{"id": 7, "a": 1.1, "big": 12345678901234567890124, "new": [1]}"#),
        );
        let told: Vec<_> = found.iter().map(|change| change.column.as_str()).collect();
        assert_eq!(told, ["a", "big", "new", "gone"]);
        assert_eq!(found[1].after.to_string(), "12345678901234567890124");
        assert_eq!((&found[2].before, &found[3].before), (&json!(null), &json!("x")));
        assert_eq!(changes(None, Some("{\"a\": 1}")), []);
    }

    #[test]
    fn each_outcome_has_its_sentence() {
        let row = RowOutcome {
            op: Some(Change::Changed),
            attempts: 3,
            put: Some(PutIn { call: 12, position: 0 }),
            ..RowOutcome::default()
        };
        let told = |outcome: Outcome| {
            let delivered = outcome == Outcome::Delivered;
            let code = (!delivered).then(|| "timed-out".into());
            let (shard, number) = (delivered.then(|| "shardId-1".into()), delivered.then(|| "49".into()));
            explanation(&RowOutcome { outcome, code, shard, sequence_number: number, ..row.clone() })
        };
        assert_eq!(
            told(Outcome::Delivered),
            "It had changed, and the stream acknowledged it by call 12 with put 3: shard shardId-1, sequence number 49."
        );
        assert!(told(Outcome::Unanswered).contains("its position is unknown"));
        assert!(told(Outcome::Rejected).contains("surely not in the stream (timed-out)"));
        for outcome in Outcome::ALL {
            assert!(told(outcome).ends_with('.') && !told(outcome).contains("?"));
        }
    }
}
