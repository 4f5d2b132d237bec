//! Listing, splitting and merging shards.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::streams::active_stream;
use super::{ApiError, Context, Target, Violations, put};
use crate::ACCOUNT_ID;
use crate::state::{Shard, Simulator, Status, Stream, shard_id};

const SHARDS_PER_PAGE: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListInput {
    max_results: Option<i64>,
    next_token: Option<String>,
    exclusive_start_shard_id: Option<String>,
    stream_creation_timestamp: Option<f64>,
    shard_filter: Option<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    r#type: FilterType,
    shard_id: Option<String>,
    timestamp: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FilterType {
    AfterShardId,
    AtTrimHorizon,
    FromTrimHorizon,
    AtLatest,
    AtTimestamp,
    FromTimestamp,
}

impl Filter {
    fn includes(&self, shard: &Shard) -> bool {
        let time_ms = self.timestamp.map_or(0, super::get::milliseconds);
        match self.r#type {
            FilterType::AfterShardId => self.shard_id.as_ref().is_none_or(|id| shard.id() > *id),
            FilterType::AtTrimHorizon => shard.parent.is_none(),
            FilterType::FromTrimHorizon => true,
            FilterType::AtLatest => shard.closed.is_none(),
            FilterType::AtTimestamp => shard.was_open_at(time_ms),
            FilterType::FromTimestamp => shard.closed.is_none_or(|closed| closed.arrival_ms >= time_ms),
        }
    }
}

pub(super) fn list(simulator: &Simulator, context: &Context, input: ListInput) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.range("maxResults", input.max_results, (1, 10_000));
    violations.name("exclusiveStartShardId", input.exclusive_start_shard_id.as_deref());
    context.target.check(&mut violations);
    violations.finish()?;
    let (target, after) = match &input.next_token {
        None => (context.target.clone(), input.exclusive_start_shard_id),
        Some(_) if context.target.is_given() => {
            return Err(ApiError::invalid_argument("NextToken and StreamName cannot be provided together."));
        }
        Some(token) => {
            let (stream, shard) = parse_token(token)?;
            (Target::new(Some(stream), None), Some(shard))
        }
    };
    let mut account = simulator.account();
    let stream = target.find(&mut account, &context.region)?;
    if input.stream_creation_timestamp.is_some_and(|time| super::get::milliseconds(time) != stream.created_ms) {
        return Err(ApiError::stream_not_found(&stream.name));
    }
    let mut shards = stream.shards.iter().filter(|shard| {
        after.as_ref().is_none_or(|after| shard.id() > *after)
            && input.shard_filter.as_ref().is_none_or(|filter| filter.includes(shard))
    });
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(SHARDS_PER_PAGE);
    let page: Vec<&Shard> = shards.by_ref().take(limit).collect();
    let mut answer = json!({"Shards": page.iter().map(|shard| describe(shard)).collect::<Vec<_>>()});
    if let (Some(last), true) = (page.last(), shards.next().is_some()) {
        answer["NextToken"] = URL_SAFE_NO_PAD.encode(format!("{}/{}", stream.name, last.id())).into();
    }
    Ok(answer)
}

/// The stream that a request with nothing but a token is about.
pub(super) fn stream_of_token(request: &Value) -> Option<String> {
    let token = request.get("NextToken")?.as_str()?;
    parse_token(token).ok().map(|(stream, _)| stream)
}

fn parse_token(token: &str) -> Result<(String, String), ApiError> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.split_once('/'));
    let (stream, shard) = parts.ok_or_else(|| ApiError::invalid_argument("NextToken is invalid."))?;
    Ok((stream.to_owned(), shard.to_owned()))
}

/// A shard as ListShards and DescribeStream show it.
pub(super) fn describe(shard: &Shard) -> Value {
    let mut answer = json!({
        "ShardId": shard.id(),
        "HashKeyRange": {"StartingHashKey": shard.start.to_string(), "EndingHashKey": shard.end.to_string()},
        "SequenceNumberRange": {"StartingSequenceNumber": shard.first_sequence().to_string()},
    });
    if let Some(parent) = shard.parent {
        answer["ParentShardId"] = shard_id(parent).into();
    }
    if let Some(parent) = shard.adjacent_parent {
        answer["AdjacentParentShardId"] = shard_id(parent).into();
    }
    if let Some(closed) = shard.closed {
        answer["SequenceNumberRange"]["EndingSequenceNumber"] = closed.to_string().into();
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SplitInput {
    shard_to_split: Option<String>,
    new_starting_hash_key: Option<String>,
}

pub(super) fn split(simulator: &Simulator, context: &Context, input: &SplitInput) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required("shardToSplit", input.shard_to_split.as_ref());
    violations.name("shardToSplit", input.shard_to_split.as_deref());
    violations.required("newStartingHashKey", input.new_starting_hash_key.as_ref());
    violations.hash_key("newStartingHashKey", input.new_starting_hash_key.as_deref());
    context.target.check(&mut violations);
    violations.finish()?;
    let at = put::parse_hash_key(input.new_starting_hash_key.as_deref().unwrap_or_default())?;
    let mut account = simulator.account();
    let takes = account.change_takes;
    let stream = active_stream(&mut account, context)?;
    let shard = open_shard(stream, input.shard_to_split.as_deref().unwrap_or_default())?;
    let (number, start, end) = (shard.number, shard.start, shard.end);
    if at <= start.saturating_add(1) || at >= end {
        return Err(ApiError::invalid_argument(format!(
            "NewStartingHashKey {at} used in SplitShard() on shard {} in stream {} under account {ACCOUNT_ID} is not \
             both greater than one plus the shard's StartingHashKey {start} and less than the shard's EndingHashKey \
             {end}.",
            shard_id(number),
            stream.name
        )));
    }
    stream.split(number, at, context.now_ms);
    stream.begin(Status::Updating, takes);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MergeInput {
    shard_to_merge: Option<String>,
    adjacent_shard_to_merge: Option<String>,
}

pub(super) fn merge(simulator: &Simulator, context: &Context, input: &MergeInput) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required("shardToMerge", input.shard_to_merge.as_ref());
    violations.name("shardToMerge", input.shard_to_merge.as_deref());
    violations.required("adjacentShardToMerge", input.adjacent_shard_to_merge.as_ref());
    violations.name("adjacentShardToMerge", input.adjacent_shard_to_merge.as_deref());
    context.target.check(&mut violations);
    violations.finish()?;
    let mut account = simulator.account();
    let takes = account.change_takes;
    let stream = active_stream(&mut account, context)?;
    let shard = open_shard(stream, input.shard_to_merge.as_deref().unwrap_or_default())?;
    let adjacent = open_shard(stream, input.adjacent_shard_to_merge.as_deref().unwrap_or_default())?;
    let touches = |low: &Shard, high: &Shard| low.end.checked_add(1) == Some(high.start);
    if !touches(shard, adjacent) && !touches(adjacent, shard) {
        return Err(ApiError::invalid_argument(format!(
            "Shards {} and {} in stream {} under account {ACCOUNT_ID} are not an adjacent pair of shards eligible for \
             merging",
            shard.id(),
            adjacent.id(),
            stream.name
        )));
    }
    let (number, adjacent) = (shard.number, adjacent.number);
    stream.merge(number, adjacent, context.now_ms);
    stream.begin(Status::Updating, takes);
    Ok(Value::Null)
}

fn open_shard<'a>(stream: &'a Stream, id: &str) -> Result<&'a Shard, ApiError> {
    let shard = find_shard(stream, id)?;
    if shard.closed.is_some() {
        return Err(ApiError::invalid_argument(format!(
            "Shard {id} in stream {} under account {ACCOUNT_ID} has already been merged or split, and thus is not \
             eligible for merging or splitting.",
            stream.name
        )));
    }
    Ok(shard)
}

pub(super) fn find_shard<'a>(stream: &'a Stream, id: &str) -> Result<&'a Shard, ApiError> {
    stream.shard(id).ok_or_else(|| {
        let message = format!("Shard {id} in stream {} under account {ACCOUNT_ID} does not exist", stream.name);
        ApiError::new("ResourceNotFoundException", message)
    })
}
