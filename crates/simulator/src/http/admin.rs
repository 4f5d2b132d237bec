//! The admin endpoint, for those who do not hold a `Handle`. It needs no signature.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::api::Operation;
use crate::state::Simulator;
use crate::{FaultReport, Limits, Role, Rule, Session};

pub(super) async fn faults(State(simulator): State<Arc<Simulator>>) -> Json<Vec<FaultReport>> {
    Json(simulator.faults().reports())
}

pub(super) async fn add_faults(State(simulator): State<Arc<Simulator>>, Json(rules): Json<Vec<Rule>>) -> StatusCode {
    simulator.faults().add(rules);
    StatusCode::NO_CONTENT
}

pub(super) async fn clear_faults(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    simulator.faults().clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn limits(State(simulator): State<Arc<Simulator>>) -> Json<Limits> {
    Json(simulator.account().limits)
}

pub(super) async fn set_limits(State(simulator): State<Arc<Simulator>>, Json(limits): Json<Limits>) -> StatusCode {
    simulator.account().limits = limits;
    StatusCode::NO_CONTENT
}

pub(super) async fn calls(State(simulator): State<Arc<Simulator>>) -> Json<BTreeMap<Operation, u64>> {
    Json(simulator.calls())
}

#[derive(Serialize)]
pub(super) struct RecordAnswer {
    shard_id: String,
    sequence_number: String,
    partition_key: String,
    /// A decimal number, like on the wire of Kinesis.
    explicit_hash_key: Option<String>,
    data: String,
    approximate_arrival_ms: u64,
}

pub(super) async fn records(
    State(simulator): State<Arc<Simulator>>,
    Path(name): Path<String>,
) -> Result<Json<Vec<RecordAnswer>>, (StatusCode, String)> {
    let account = simulator.account();
    let stream = account.streams.get(&name);
    let stream = stream.ok_or_else(|| (StatusCode::NOT_FOUND, format!("there is no stream `{name}`")))?;
    let records = stream.records.iter().map(|entry| {
        let record = entry.stored();
        RecordAnswer {
            data: STANDARD.encode(&record.data),
            shard_id: record.shard_id,
            sequence_number: record.sequence_number,
            partition_key: record.partition_key,
            explicit_hash_key: record.explicit_hash_key.map(|key| key.to_string()),
            approximate_arrival_ms: record.approximate_arrival_ms,
        }
    });
    Ok(Json(records.collect()))
}

#[derive(Serialize)]
pub(super) struct ShardAnswer {
    shard_id: String,
    open: bool,
    starting_hash_key: String,
    ending_hash_key: String,
    records: usize,
    bytes: u64,
    /// Puts of records for which there was no room.
    throttled: u64,
    /// When the first and the last record arrived, in milliseconds since 1970.
    first_ms: Option<u64>,
    last_ms: Option<u64>,
}

/// The shards of a stream, closed ones included, and what was put into each.
pub(super) async fn shards(
    State(simulator): State<Arc<Simulator>>,
    Path(name): Path<String>,
) -> Result<Json<Vec<ShardAnswer>>, (StatusCode, String)> {
    let account = simulator.account();
    let stream = account.streams.get(&name);
    let stream = stream.ok_or_else(|| (StatusCode::NOT_FOUND, format!("there is no stream `{name}`")))?;
    let shards = stream.shards.iter().map(|shard| ShardAnswer {
        shard_id: shard.id(),
        open: shard.closed.is_none(),
        starting_hash_key: shard.start.to_string(),
        ending_hash_key: shard.end.to_string(),
        records: shard.records.len(),
        bytes: shard.load.bytes,
        throttled: shard.load.throttled,
        first_ms: shard.load.first_ms,
        last_ms: shard.load.last_ms,
    });
    Ok(Json(shards.collect()))
}

pub(super) async fn roles(State(simulator): State<Arc<Simulator>>) -> Json<Vec<Role>> {
    Json(simulator.iam().roles())
}

pub(super) async fn put_roles(
    State(simulator): State<Arc<Simulator>>,
    Json(roles): Json<Vec<Role>>,
) -> Result<StatusCode, (StatusCode, String)> {
    for role in roles {
        simulator.iam().put_role(role).map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn clear_roles(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    simulator.iam().clear_roles();
    StatusCode::NO_CONTENT
}

pub(super) async fn principals(State(simulator): State<Arc<Simulator>>) -> Json<BTreeMap<String, String>> {
    Json(simulator.iam().principals().clone())
}

pub(super) async fn add_principals(
    State(simulator): State<Arc<Simulator>>,
    Json(principals): Json<BTreeMap<String, String>>,
) -> StatusCode {
    for (access_key_id, arn) in principals {
        simulator.iam().put_principal(access_key_id, arn);
    }
    StatusCode::NO_CONTENT
}

pub(super) async fn sessions(State(simulator): State<Arc<Simulator>>) -> Json<Vec<Session>> {
    Json(simulator.iam().sessions())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Age {
    seconds: u64,
}

pub(super) async fn age_sessions(State(simulator): State<Arc<Simulator>>, Json(age): Json<Age>) -> StatusCode {
    simulator.iam().age_sessions(Duration::from_secs(age.seconds));
    StatusCode::NO_CONTENT
}
