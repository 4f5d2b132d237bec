//! Creating, listing, describing and deleting streams.

use std::ops::Bound;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::target::arn_of;
use super::{ApiError, Context, Violations, seconds, shards};
use crate::ACCOUNT_ID;
use crate::state::{Account, Mode, Simulator, Status, Stream};

const ON_DEMAND_SHARDS: u32 = 4;
const DEFAULT_RECORD_KIB: u32 = 1_024;
const RECORD_KIB: (i64, i64) = (1_024, 10_240);
/// The largest page of ListStreams, whatever limit is asked for.
const STREAMS_PER_PAGE: usize = 100;
const RETENTION_HOURS: u32 = 24;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateInput {
    shard_count: Option<i64>,
    stream_mode_details: Option<ModeDetails>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_kib: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModeDetails {
    stream_mode: Option<String>,
}

pub(super) fn create(simulator: &Simulator, context: &Context, input: CreateInput) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required("streamName", context.target.given_name());
    context.target.check(&mut violations);
    violations.range("shardCount", input.shard_count, (1, i64::from(i32::MAX)));
    violations.range("maxRecordSizeInKiB", input.max_record_kib, RECORD_KIB);
    let mode = input.stream_mode_details.and_then(|details| details.stream_mode);
    let mode = mode.map_or(Some(Mode::Provisioned), |text| {
        let known = [Mode::Provisioned, Mode::OnDemand].into_iter().find(|mode| mode.name() == text);
        violations.one_of("streamModeDetails.streamMode", &text, known, ["PROVISIONED", "ON_DEMAND"])
    });
    violations.finish()?;
    let mode = mode.unwrap_or(Mode::Provisioned);
    let shards = match (mode, input.shard_count.and_then(|count| u32::try_from(count).ok())) {
        (Mode::Provisioned, Some(count @ ..=10_000)) => count,
        (Mode::OnDemand, None) => ON_DEMAND_SHARDS,
        (Mode::Provisioned, Some(count)) => {
            let message = format!("{count} shards exceed the limit of 10000 for account {ACCOUNT_ID}.");
            return Err(ApiError::new("LimitExceededException", message));
        }
        (Mode::Provisioned, None) => {
            return Err(ApiError::validation("ShardCount must be given for a stream in PROVISIONED mode."));
        }
        (Mode::OnDemand, Some(_)) => {
            return Err(ApiError::validation("ShardCount must not be given for a stream in ON_DEMAND mode."));
        }
    };
    let max_record_kib = input.max_record_kib.and_then(|kib| u32::try_from(kib).ok()).unwrap_or(DEFAULT_RECORD_KIB);
    let name = context.target.display_name();
    let mut account = simulator.account();
    if account.streams.contains_key(name) {
        let message = format!("Stream {name} under account {ACCOUNT_ID} already exists.");
        return Err(ApiError::new("ResourceInUseException", message));
    }
    account.create(name, mode, shards, max_record_kib);
    Ok(Value::Null)
}

pub(super) fn delete(simulator: &Simulator, context: &Context) -> Result<Value, ApiError> {
    let mut account = simulator.account();
    let takes = account.change_takes;
    let stream = context.target.check_and_find(&mut account, &context.region)?;
    if stream.status(Instant::now()) != Status::Deleting {
        stream.begin(Status::Deleting, takes);
    }
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListInput {
    limit: Option<i64>,
    exclusive_start_stream_name: Option<String>,
    next_token: Option<String>,
}

pub(super) fn list(simulator: &Simulator, context: &Context, input: &ListInput) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.range("limit", input.limit, (1, 10_000));
    violations.name("exclusiveStartStreamName", input.exclusive_start_stream_name.as_deref());
    violations.finish()?;
    let token = input.next_token.as_deref().map(stream_of_token).transpose()?;
    let after = token.or_else(|| input.exclusive_start_stream_name.clone());
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.map_or(STREAMS_PER_PAGE, |limit| limit.min(STREAMS_PER_PAGE));

    let account = simulator.account();
    let first = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut streams = account.streams.range::<String, _>((first, Bound::Unbounded)).map(|(_, stream)| stream);
    let page: Vec<&Stream> = streams.by_ref().take(limit).collect();
    let names: Vec<&str> = page.iter().map(|stream| stream.name.as_str()).collect();
    let mut answer = json!({
        "StreamNames": names,
        "HasMoreStreams": streams.next().is_some(),
        "StreamSummaries": page.iter().map(|stream| summary(stream, context)).collect::<Vec<_>>(),
    });
    if answer["HasMoreStreams"] == true {
        answer["NextToken"] = names.last().map(|name| URL_SAFE_NO_PAD.encode(name)).into();
    }
    Ok(answer)
}

fn stream_of_token(token: &str) -> Result<String, ApiError> {
    let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| ApiError::invalid_argument("NextToken is invalid."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeInput {
    limit: Option<i64>,
    exclusive_start_shard_id: Option<String>,
}

pub(super) fn describe(simulator: &Simulator, context: &Context, input: &DescribeInput) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.range("limit", input.limit, (1, 10_000));
    violations.name("exclusiveStartShardId", input.exclusive_start_shard_id.as_deref());
    context.target.check(&mut violations);
    violations.finish()?;
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(100);
    let mut account = simulator.account();
    let stream = context.target.find(&mut account, &context.region)?;
    let after = input.exclusive_start_shard_id.as_deref();
    let mut shards = stream.shards.iter().filter(|shard| after.is_none_or(|after| shard.id().as_str() > after));
    let page: Vec<Value> = shards.by_ref().take(limit).map(shards::describe).collect();
    let mut description = summary(stream, context);
    description["Shards"] = page.into();
    description["HasMoreShards"] = shards.next().is_some().into();
    description["RetentionPeriodHours"] = RETENTION_HOURS.into();
    description["EnhancedMonitoring"] = json!([{"ShardLevelMetrics": []}]);
    description["EncryptionType"] = "NONE".into();
    Ok(json!({"StreamDescription": description}))
}

pub(super) fn describe_summary(simulator: &Simulator, context: &Context) -> Result<Value, ApiError> {
    let mut account = simulator.account();
    let stream = context.target.check_and_find(&mut account, &context.region)?;
    let mut description = summary(stream, context);
    description["RetentionPeriodHours"] = RETENTION_HOURS.into();
    description["EnhancedMonitoring"] = json!([{"ShardLevelMetrics": []}]);
    description["EncryptionType"] = "NONE".into();
    description["OpenShardCount"] = stream.open_shards().count().into();
    description["ConsumerCount"] = 0.into();
    description["MaxRecordSizeInKiB"] = stream.max_record_kib.into();
    Ok(json!({"StreamDescriptionSummary": description}))
}

#[derive(Deserialize)]
pub(super) struct UpdateInput {
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_kib: Option<i64>,
}

pub(super) fn update_max_record_size(
    simulator: &Simulator,
    context: &Context,
    input: &UpdateInput,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required("maxRecordSizeInKiB", input.max_record_kib.as_ref());
    violations.range("maxRecordSizeInKiB", input.max_record_kib, RECORD_KIB);
    context.target.check(&mut violations);
    violations.finish()?;
    let mut account = simulator.account();
    let takes = account.change_takes;
    let stream = active_stream(&mut account, context)?;
    stream.max_record_kib = input.max_record_kib.and_then(|kib| u32::try_from(kib).ok()).unwrap_or(DEFAULT_RECORD_KIB);
    stream.begin(Status::Updating, takes);
    Ok(Value::Null)
}

/// The stream of the call, if it may be changed now.
pub(super) fn active_stream<'a>(account: &'a mut Account, context: &Context) -> Result<&'a mut Stream, ApiError> {
    let stream = context.target.find(account, &context.region)?;
    match stream.status(Instant::now()) {
        Status::Active => Ok(stream),
        status => {
            let (name, status) = (&stream.name, status.name());
            let message = format!("Stream {name} under account {ACCOUNT_ID} not ACTIVE, instead in state {status}");
            Err(ApiError::new("ResourceInUseException", message))
        }
    }
}

fn summary(stream: &Stream, context: &Context) -> Value {
    json!({
        "StreamName": stream.name,
        "StreamARN": arn_of(&stream.name, &context.region),
        "StreamStatus": stream.status(Instant::now()).name(),
        "StreamModeDetails": {"StreamMode": stream.mode.name()},
        "StreamCreationTimestamp": seconds(stream.created_ms),
    })
}
