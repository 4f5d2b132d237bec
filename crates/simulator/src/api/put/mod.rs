//! PutRecords and PutRecord: validation of the whole call, then record by record.

mod request;

use std::collections::HashMap;
use std::time::Instant;

use serde::Serialize;

use super::{ApiError, Context, Violations};
use crate::ACCOUNT_ID;
use crate::state::{Account, NewRecord, Simulator, Status, shard_id};

pub(crate) use request::PutEntry;
pub(super) use request::{PutRecord, PutRecords, parse_hash_key};

const MAX_RECORDS: usize = 500;
const MAX_REQUEST_BYTES: usize = 10 * 1024 * 1024;

/// How a rule makes one record of a call fail.
#[derive(Clone, Debug)]
pub(crate) struct RecordFault {
    pub(crate) code: String,
    pub(crate) message: Option<String>,
    /// The record is written although it is reported as failed.
    pub(crate) written: bool,
}

/// The records of a call that fail by command, by position.
pub(crate) type RecordFaults = HashMap<usize, RecordFault>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecordsAnswer {
    failed_record_count: usize,
    encryption_type: &'static str,
    records: Vec<PutResult>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PutResult {
    #[serde(rename_all = "PascalCase")]
    Written { sequence_number: String, shard_id: String },
    #[serde(rename_all = "PascalCase")]
    Failed { error_code: String, error_message: String },
}

pub(super) fn put_records(
    simulator: &Simulator,
    context: &Context,
    request: PutRecords,
    faults: &RecordFaults,
) -> Result<Vec<u8>, ApiError> {
    let mut violations = Violations::default();
    let count = request.entries().len();
    violations.required("records", request.records.as_ref());
    if request.records.is_some() {
        violations.length("records", format_args!("'[{count} records]'"), count, (1, MAX_RECORDS));
    }
    for (number, entry) in (1..).zip(request.entries()) {
        entry.check(format_args!("records.{number}.member."), &mut violations);
    }
    context.target.check(&mut violations);
    violations.finish()?;

    let entries = request.records.unwrap_or_default().into_iter();
    let records = entries.map(PutEntry::into_record).collect::<Result<Vec<_>, _>>()?;
    if records.iter().map(NewRecord::size).sum::<usize>() > MAX_REQUEST_BYTES {
        return Err(ApiError::invalid_argument("Records size exceeds 10 MB limit"));
    }
    let results = write(simulator, context, records, request.dry_run, faults)?;
    let failed = results.iter().filter(|result| matches!(result, PutResult::Failed { .. })).count();
    serialize(&PutRecordsAnswer { failed_record_count: failed, encryption_type: "NONE", records: results })
}

pub(super) fn put_record(
    simulator: &Simulator,
    context: &Context,
    request: PutRecord,
    faults: &RecordFaults,
) -> Result<Vec<u8>, ApiError> {
    let mut violations = Violations::default();
    for entry in &request.entry {
        entry.check("", &mut violations);
    }
    violations.sequence_number("sequenceNumberForOrdering", request.sequence_number_for_ordering.as_deref());
    context.target.check(&mut violations);
    violations.finish()?;

    let records = request.entry.into_iter().map(PutEntry::into_record).collect::<Result<Vec<_>, _>>()?;
    match write(simulator, context, records, request.dry_run, faults)?.pop() {
        Some(PutResult::Written { sequence_number, shard_id }) => serialize(&serde_json::json!({
            "EncryptionType": "NONE", "SequenceNumber": sequence_number, "ShardId": shard_id,
        })),
        Some(PutResult::Failed { error_code, error_message }) => {
            let status = ApiError::typical(&error_code, "").status;
            Err(ApiError::new(error_code, error_message).with_status(status))
        }
        None => Err(ApiError::internal_failure()),
    }
}

/// Writes the records in their order; one that fails does not stop those after it.
fn write(
    simulator: &Simulator,
    context: &Context,
    records: Vec<NewRecord>,
    dry_run: Option<bool>,
    faults: &RecordFaults,
) -> Result<Vec<PutResult>, ApiError> {
    let mut account = simulator.account();
    let limits = account.limits;
    let now = Instant::now();
    check_stream(&mut account, context, &records, now)?;
    if dry_run == Some(true) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(ApiError::new("DryRunOperationException", message));
    }
    let stream = context.target.find(&mut account, &context.region)?;
    let mut results = Vec::with_capacity(records.len());
    for (position, record) in records.into_iter().enumerate() {
        let shard = stream.route(record.hash);
        let shard_id = shard_id(stream.shards[shard].number);
        let fault = faults.get(&position);
        let refused = fault.is_some_and(|fault| !fault.written);
        let admitted = !refused && stream.admit(shard, record.size(), &limits, now);
        let written = admitted.then(|| stream.append(shard, record, context.now_ms));
        results.push(match (fault, written) {
            (Some(fault), _) => failed(fault, &shard_id, &stream.name),
            (None, Some(sequence)) => PutResult::Written { sequence_number: sequence.to_string(), shard_id },
            (None, None) => PutResult::Failed {
                error_message: rate_exceeded(&shard_id, &stream.name),
                error_code: "ProvisionedThroughputExceededException".to_owned(),
            },
        });
    }
    drop(account);
    simulator.notify();
    Ok(results)
}

/// What the stream itself asks of the call: to exist, to be there already, and to allow records of that size.
fn check_stream(account: &mut Account, context: &Context, records: &[NewRecord], now: Instant) -> Result<(), ApiError> {
    let stream = context.target.find(account, &context.region)?;
    if stream.status(now) == Status::Creating {
        return Err(ApiError::stream_not_found(&stream.name));
    }
    let largest = records.iter().map(NewRecord::size).max().unwrap_or_default();
    if largest > stream.max_record_bytes() {
        return Err(ApiError::invalid_argument(format!(
            "A record of {largest} bytes exceeds the maximum record size of {} bytes of stream {} under account \
             {ACCOUNT_ID}.",
            stream.max_record_bytes(),
            stream.name
        )));
    }
    Ok(())
}

fn failed(fault: &RecordFault, shard_id: &str, stream: &str) -> PutResult {
    let error_message = match (&fault.message, fault.code.as_str()) {
        (Some(message), _) => message.clone(),
        (None, "ProvisionedThroughputExceededException") => rate_exceeded(shard_id, stream),
        (None, code) => ApiError::typical(code, stream).message,
    };
    PutResult::Failed { error_code: fault.code.clone(), error_message }
}

fn rate_exceeded(shard_id: &str, stream: &str) -> String {
    format!("Rate exceeded for shard {shard_id} in stream {stream} under account {ACCOUNT_ID}.")
}

fn serialize(answer: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(answer).map_err(|error| ApiError::serialization(&error))
}
