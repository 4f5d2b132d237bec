//! Reading a shard: iterators and GetRecords.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::shards::find_shard;
use super::{ApiError, Context, Target, Violations, seconds};
use crate::ACCOUNT_ID;
use crate::state::{Entry, Sequence, Shard, Simulator, Status, Stream, shard_id};

const ITERATOR_LIFETIME_MS: u64 = 5 * 60 * 1_000;
const MAX_RECORDS: usize = 10_000;
const MAX_ANSWER_BYTES: usize = 10 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IteratorInput {
    shard_id: Option<String>,
    shard_iterator_type: Option<String>,
    starting_sequence_number: Option<String>,
    timestamp: Option<f64>,
}

#[derive(Clone, Copy)]
enum Start {
    TrimHorizon,
    Latest,
    AtSequenceNumber,
    AfterSequenceNumber,
    AtTimestamp,
}

const STARTS: [(&str, Start); 5] = [
    ("AT_SEQUENCE_NUMBER", Start::AtSequenceNumber),
    ("AFTER_SEQUENCE_NUMBER", Start::AfterSequenceNumber),
    ("TRIM_HORIZON", Start::TrimHorizon),
    ("LATEST", Start::Latest),
    ("AT_TIMESTAMP", Start::AtTimestamp),
];

pub(super) fn shard_iterator(
    simulator: &Simulator,
    context: &Context,
    input: &IteratorInput,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required("shardId", input.shard_id.as_ref());
    violations.name("shardId", input.shard_id.as_deref());
    violations.sequence_number("startingSequenceNumber", input.starting_sequence_number.as_deref());
    violations.required("shardIteratorType", input.shard_iterator_type.as_ref());
    let start = input.shard_iterator_type.as_deref().and_then(|text| {
        let known = STARTS.iter().find(|(name, _)| *name == text).map(|(_, start)| *start);
        violations.one_of("shardIteratorType", text, known, STARTS.map(|(name, _)| name))
    });
    context.target.check(&mut violations);
    violations.finish()?;

    let mut account = simulator.account();
    let stream = context.target.find(&mut account, &context.region)?;
    if stream.status(Instant::now()) == Status::Creating {
        return Err(ApiError::stream_not_found(&stream.name));
    }
    let shard = find_shard(stream, input.shard_id.as_deref().unwrap_or_default())?;
    let position = start_position(stream, shard, start.unwrap_or(Start::TrimHorizon), input)?;
    let cursor = Cursor {
        stream: stream.name.clone(),
        stream_created_ms: stream.created_ms,
        shard: shard.number,
        position,
        issued_ms: context.now_ms,
    };
    Ok(json!({"ShardIterator": cursor.encode()}))
}

/// The first record, by its number within the shard, that an iterator reads.
fn start_position(stream: &Stream, shard: &Shard, start: Start, input: &IteratorInput) -> Result<usize, ApiError> {
    let first_where =
        |found: &dyn Fn(&Entry) -> bool| shard.records.partition_point(|position| !found(&stream.records[*position]));
    let needs = |what: &str| ApiError::invalid_argument(format!("{what} must be given for this ShardIteratorType."));
    match start {
        Start::TrimHorizon => Ok(0),
        Start::Latest => Ok(shard.records.len()),
        Start::AtSequenceNumber | Start::AfterSequenceNumber => {
            let text = input.starting_sequence_number.as_deref().ok_or_else(|| needs("StartingSequenceNumber"))?;
            let from = sequence_in_shard(text, stream, shard)?;
            Ok(match start {
                Start::AtSequenceNumber => first_where(&|entry| entry.sequence >= from),
                _ => first_where(&|entry| entry.sequence > from),
            })
        }
        Start::AtTimestamp => {
            let from = milliseconds(input.timestamp.ok_or_else(|| needs("Timestamp"))?);
            Ok(first_where(&|entry| entry.sequence.arrival_ms >= from))
        }
    }
}

fn sequence_in_shard(text: &str, stream: &Stream, shard: &Shard) -> Result<Sequence, ApiError> {
    let sequence = Sequence::parse(text);
    let own = sequence.filter(|number| number.shard == shard.number && number.shard_created_ms == shard.created_ms);
    own.ok_or_else(|| {
        ApiError::invalid_argument(format!(
            "StartingSequenceNumber {text} used in GetShardIterator on shard {} in stream {} under account {ACCOUNT_ID} \
             is invalid because it did not come from this stream.",
            shard.id(),
            stream.name
        ))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RecordsInput {
    shard_iterator: Option<String>,
    limit: Option<i64>,
}

pub(super) fn records(simulator: &Simulator, context: &Context, input: &RecordsInput) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required("shardIterator", input.shard_iterator.as_ref());
    violations.range("limit", input.limit, (1, 10_000));
    violations.finish()?;
    let cursor = input.shard_iterator.as_deref().and_then(Cursor::decode);
    let cursor = cursor.ok_or_else(|| ApiError::invalid_argument("Invalid ShardIterator."))?;
    let age = context.now_ms.saturating_sub(cursor.issued_ms);
    if age > ITERATOR_LIFETIME_MS {
        return Err(ApiError::new(
            "ExpiredIteratorException",
            format!(
                "Iterator expired. It was issued {age} milliseconds ago, while {ITERATOR_LIFETIME_MS} are allowed."
            ),
        ));
    }
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MAX_RECORDS);
    let account = simulator.account();
    let stream = account.streams.get(&cursor.stream).filter(|stream| stream.created_ms == cursor.stream_created_ms);
    let stream = stream.ok_or_else(|| ApiError::stream_not_found(&cursor.stream))?;
    let shard = find_shard(stream, &shard_id(cursor.shard))?;
    Ok(read(stream, shard, &cursor, limit, context.now_ms))
}

fn read(stream: &Stream, shard: &Shard, cursor: &Cursor, limit: usize, now_ms: u64) -> Value {
    let mut bytes = 0;
    let rest = shard.records.iter().skip(cursor.position).map(|position| &stream.records[*position]);
    let page = rest.take(limit).take_while(|entry| {
        bytes += entry.data.len();
        bytes <= MAX_ANSWER_BYTES
    });
    let page: Vec<Value> = page.map(record).collect();
    let position = cursor.position + page.len();
    let next = shard.records.get(position).map(|position| stream.records[*position].sequence.arrival_ms);
    let mut answer = json!({
        "Records": page,
        "MillisBehindLatest": next.map_or(0, |arrival_ms| now_ms.saturating_sub(arrival_ms)),
    });
    if shard.closed.is_some() && next.is_none() {
        answer["ChildShards"] = children(stream, shard);
    } else {
        let next = Cursor { stream: cursor.stream.clone(), position, issued_ms: now_ms, ..*cursor };
        answer["NextShardIterator"] = next.encode().into();
    }
    answer
}

fn record(entry: &Entry) -> Value {
    json!({
        "SequenceNumber": entry.sequence.to_string(),
        "ApproximateArrivalTimestamp": seconds(entry.sequence.arrival_ms),
        "Data": STANDARD.encode(&entry.data),
        "PartitionKey": entry.partition_key,
    })
}

fn children(stream: &Stream, shard: &Shard) -> Value {
    let is_child = |child: &&Shard| [child.parent, child.adjacent_parent].contains(&Some(shard.number));
    let describe = |child: &Shard| {
        let parents: Vec<String> = [child.parent, child.adjacent_parent].into_iter().flatten().map(shard_id).collect();
        json!({
            "ShardId": child.id(),
            "ParentShards": parents,
            "HashKeyRange": {"StartingHashKey": child.start.to_string(), "EndingHashKey": child.end.to_string()},
        })
    };
    stream.shards.iter().filter(is_child).map(describe).collect()
}

/// What a shard iterator stands for.
struct Cursor {
    stream: String,
    stream_created_ms: u64,
    shard: u32,
    /// Number, within the shard, of the next record to read.
    position: usize,
    issued_ms: u64,
}

impl Cursor {
    fn encode(&self) -> String {
        let Self { stream, stream_created_ms, shard, position, issued_ms } = self;
        URL_SAFE_NO_PAD.encode(format!("{stream}/{stream_created_ms}/{shard}/{position}/{issued_ms}"))
    }

    fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = text.split('/');
        Some(Self {
            stream: parts.next()?.to_owned(),
            stream_created_ms: parts.next()?.parse().ok()?,
            shard: parts.next()?.parse().ok()?,
            position: parts.next()?.parse().ok()?,
            issued_ms: parts.next()?.parse().ok()?,
        })
    }
}

/// The stream that an iterator reads, so that faults can name it.
pub(super) fn target_of_iterator(request: &Value) -> Target {
    let cursor = request["ShardIterator"].as_str().and_then(Cursor::decode);
    Target::new(cursor.map(|cursor| cursor.stream), None)
}

/// Seconds with a fraction, as the protocol has them, to milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of f64 saturates, and NaN is 0")]
pub(super) fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1_000.0).round() as u64
}
