//! The admin endpoint, for those who do not hold a `Handle`. It needs no signature.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::api::Operation;
use crate::state::Simulator;
use crate::{FaultReport, Limits, Rule};

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
