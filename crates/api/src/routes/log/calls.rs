//! The calls of the AWS API that a run made.

use axum::extract::State;
use domain::{RunId, WorkspaceId};
use outcomes::{Call, CallFilter, CallFound, CallSummary, RowFilter, RowFound, RowSummary, Values};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::LogKind;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::pages::{Log, LogPage, Page, Place, expired, from_place, reference, summary};
use super::row::{OutcomeName, raw};
use crate::explain::{Explained, explain, explain_some};
use crate::extract::{Cursor, Json, Limit, Path, Query, Timestamp};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_run_calls)).routes(routes!(get_run_call))
}

/// The name that its cursors carry.
const LIST: &str = "run-calls";
/// A call of Kinesis has no more records.
const RECORDS: usize = 500;

/// A call of the AWS API.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedCall {
    /// Within the run; rows name it.
    number: u64,
    #[schema(examples("PutRecords"))]
    kind: String,
    run: String,
    /// The attempt of the run.
    epoch: u64,
    /// How often its records had been put with it, from 1.
    attempt: u32,
    started_at: Timestamp,
    /// Until the answer, or until none was expected any more.
    latency_us: u64,
    /// How long pacing held it back before.
    waited_ms: u64,
    #[schema(required)]
    http_status: Option<u16>,
    /// AWS's, for its support.
    #[schema(required)]
    request_id: Option<String>,
    records: u32,
    /// Data and partition keys.
    bytes: u64,
    /// The call failed as a whole.
    #[schema(required)]
    error: Option<CallError>,
    /// Records that failed in a call that did not.
    failed_records: u32,
    failures: Vec<FailedRecords>,
    /// Shards that took records, or that failures name.
    shards: Vec<String>,
    /// Why its records had to be put again: the code of the call before.
    #[schema(required)]
    retry_reason: Option<String>,
    /// Of the whole body; null if it is not kept.
    #[schema(required)]
    request_bytes: Option<u64>,
    #[schema(required)]
    response_bytes: Option<u64>,
}

/// Why a call failed.
#[derive(Debug, Serialize, ToSchema)]
struct CallError {
    code: String,
    message: String,
    /// What the code means here; null if the code is not in the catalogue, which `GET /v1/error-codes` gives.
    #[schema(required)]
    meaning: Option<String>,
    /// What to do about it.
    #[schema(required)]
    advice: Option<String>,
}

/// Records of a call that failed alike.
#[derive(Debug, Serialize, ToSchema)]
struct FailedRecords {
    code: String,
    message: String,
    #[schema(required)]
    meaning: Option<String>,
    #[schema(required)]
    advice: Option<String>,
    /// In the request, from 0.
    positions: Vec<u32>,
}

/// A call, its bodies and its records.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedCallDetails {
    call: LoggedCall,
    /// Null if it is not kept.
    #[schema(required)]
    request: Option<LoggedBody>,
    #[schema(required)]
    response: Option<LoggedBody>,
    /// By position; empty if rows are not logged. Where messages share records these may be too many: the list of outcomes has them
    /// all, by `call`.
    in_request: Vec<RecordOfCall>,
}

/// The body of a request or an answer. Headers, and with them credentials, are never kept.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedBody {
    text: String,
    /// Of the whole body.
    bytes: u64,
    /// The text is not all of it.
    cut: bool,
}

/// A record in the request of a call.
#[derive(Debug, Serialize, ToSchema)]
struct RecordOfCall {
    /// From 0. Messages that share a record have the same.
    position: u32,
    /// Which of these it was, from 0, if this call decided it.
    #[schema(required)]
    sub_sequence: Option<u32>,
    #[schema(required, value_type = Option<Object>)]
    key: Box<RawValue>,
    #[schema(required, value_type = Option<Value>)]
    element: Option<Box<RawValue>>,
    #[schema(required)]
    event_id: Option<String>,
    /// Why it failed in this call.
    #[schema(required)]
    failure: Option<CallError>,
    /// What became of it in the run, by this call or a later one.
    #[schema(value_type = OutcomeName)]
    outcome: outcomes::Outcome,
    /// Whether this call decided that.
    decided_here: bool,
    #[schema(required)]
    shard: Option<String>,
    #[schema(required)]
    sequence_number: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CallList {
    /// Only of this action, such as `PutRecords`.
    kind: Option<String>,
    /// Only those that failed, or some of whose records did.
    failed: Option<bool>,
    /// Only those that failed with this code, or one of whose records did.
    code: Option<String>,
    /// Only those that put into this shard, or tried to.
    shard: Option<String>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// The calls of a run
///
/// As far as it came with its last checkpoint. Bodies are in `get_run_call`.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/calls", tag = "log",
    params(("workspace_id" = String, Path), ("run_id" = String, Path), CallList),
    responses((status = 200, description = "In the order of their numbers, about", body = LogPage<LoggedCall>)))]
async fn list_run_calls(
    State(app): State<App>,
    caller: Caller,
    Path((_, run)): Path<(WorkspaceId, RunId)>,
    Query(query): Query<CallList>,
) -> Result<Json<LogPage<LoggedCall>>, Problem> {
    let from = Place::from_cursor(LIST, query.cursor.as_ref())?;
    let found = caller.scope.run(run).await?;
    let log = Log::of(&app, &caller).await?;
    let filter =
        CallFilter { failed: query.failed.unwrap_or_default(), kind: query.kind, code: query.code, shard: query.shard };
    let objects = from_place(&caller, run, LogKind::Calls, from).await?;
    let mut page = Page::new(query.limit);
    for (object, from) in &objects {
        let Some(room) = page.room(object, *from) else { break };
        if summary::<CallSummary>(object).is_some_and(|summary| !filter.may_match(&summary)) {
            continue;
        }
        match log.reader()?.calls(&reference(object), &filter, *from, room).await {
            Ok(read) => {
                page.items.extend(read.calls.into_iter().map(|found| LoggedCall::new(&found)));
                if let Some(next) = read.next {
                    page.ends_at(object, next);
                }
            }
            Err(error) => page.left_out(log.unread(object, error))?,
        }
        page.looked_at(object.entries);
    }
    let last = objects.last().map(|(object, _)| Place::of(object)).or(from);
    Ok(Json(page.finish(LIST, &log, &found, last)))
}

/// A call with its bodies and its records
///
/// Bodies are kept as the sync's `log` says. Credentials are in none of them.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/calls/{number}", tag = "log",
    params(("workspace_id" = String, Path), ("run_id" = String, Path), ("number" = u64, Path)),
    responses((status = 200, description = "All that is kept of it", body = LoggedCallDetails),
              (status = 410, description = "It is older than the log is kept")))]
async fn get_run_call(
    State(app): State<App>,
    caller: Caller,
    Path((_, run, number)): Path<(WorkspaceId, RunId, u64)>,
) -> Result<Json<LoggedCallDetails>, Problem> {
    let found = caller.scope.run(run).await?;
    let log = Log::of(&app, &caller).await?;
    let objects = caller.scope.log_objects(run, LogKind::Calls).await?;
    let holds = |range: Option<(u64, u64)>| range.is_some_and(|(first, last)| (first..=last).contains(&number));
    for object in objects.iter().filter(|object| holds(object.calls)) {
        let call = log.reader()?.call(&reference(object), number).await.map_err(|error| log.problem(object, error))?;
        if let Some(call) = call {
            let in_request = records(&log, &caller, run, &call.call).await?;
            return Ok(Json(LoggedCallDetails::new(&call, in_request)));
        }
    }
    Err(if log.expired(&found) { expired() } else { Problem::not_found() })
}

/// What the log of rows has of the records of a call.
async fn records(log: &Log, caller: &Caller, run: RunId, call: &Call<'_>) -> Result<Vec<RecordOfCall>, Problem> {
    let filter = RowFilter { call: Some(call.number), ..RowFilter::default() };
    let mut found = Vec::new();
    for object in caller.scope.log_objects(run, LogKind::Rows).await? {
        if summary::<RowSummary>(&object).is_some_and(|summary| !filter.may_match(&summary)) {
            continue;
        }
        match log.reader()?.rows(&reference(&object), &filter, 0, RECORDS, Values::Skip).await {
            Ok(page) => found.extend(page.rows.into_iter().filter_map(|row| RecordOfCall::new(row, call))),
            Err(error) => return Err(log.problem(&object, error)),
        }
        // Several may share a record; all of a call are decided by one object then.
        if found.len() >= call.records as usize
            && !found.iter().any(|record: &RecordOfCall| record.sub_sequence.is_some())
        {
            break;
        }
    }
    found.sort_by_key(|record: &RecordOfCall| (record.position, record.sub_sequence));
    Ok(found)
}

impl LoggedCall {
    fn new(found: &CallFound) -> Self {
        let call = &found.call;
        let text = |text: &Option<outcomes::Text<'_>>| text.as_deref().map(str::to_owned);
        Self {
            number: call.number,
            kind: call.kind.to_string(),
            run: found.run.to_string(),
            epoch: call.epoch,
            attempt: call.attempt,
            started_at: call.started_at.into(),
            latency_us: u64::try_from(call.latency.as_micros()).unwrap_or(u64::MAX),
            waited_ms: u64::try_from(call.waited.as_millis()).unwrap_or(u64::MAX),
            http_status: call.http_status,
            request_id: text(&call.request_id),
            records: call.records,
            bytes: call.bytes,
            error: call.error_code.as_deref().map(|code| CallError::new(code, call.error_message.as_deref())),
            failed_records: u32::try_from(call.failures.len()).unwrap_or(u32::MAX),
            failures: FailedRecords::of(call),
            shards: call.shards.iter().map(ToString::to_string).collect(),
            retry_reason: text(&call.retry_reason),
            request_bytes: call.request.as_ref().map(|body| body.bytes),
            response_bytes: call.response.as_ref().map(|body| body.bytes),
        }
    }
}

impl CallError {
    fn new(code: &str, message: Option<&str>) -> Self {
        let Explained { meaning, advice } = explain_some(Some(code), message);
        Self { code: code.to_owned(), message: message.unwrap_or_default().to_owned(), meaning, advice }
    }
}

impl FailedRecords {
    fn of(call: &Call<'_>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for failure in &call.failures {
            let same = |group: &&mut Self| group.code == failure.code && group.message == failure.message;
            if let Some(group) = groups.iter_mut().find(same) {
                group.positions.push(failure.position);
                continue;
            }
            let Explained { meaning, advice } = explain(&failure.code, &failure.message);
            let (code, message) = (failure.code.to_string(), failure.message.to_string());
            groups.push(Self { code, message, meaning, advice, positions: vec![failure.position] });
        }
        groups
    }
}

impl LoggedCallDetails {
    fn new(found: &CallFound, in_request: Vec<RecordOfCall>) -> Self {
        let body = |body: &outcomes::Body<'_>| LoggedBody {
            text: body.text.to_string(),
            bytes: body.bytes,
            cut: body.is_cut(),
        };
        let CallFound { call, .. } = found;
        let (request, response) = (call.request.as_ref().map(body), call.response.as_ref().map(body));
        Self { call: LoggedCall::new(found), request, response, in_request }
    }
}

impl RecordOfCall {
    fn new(found: RowFound, call: &Call<'_>) -> Option<Self> {
        let row = found.row;
        let put = row.put.iter().chain(&row.earlier_puts).find(|put| put.call == call.number)?;
        let failure = call.failures.iter().find(|failure| failure.position == put.position);
        Some(Self {
            position: put.position,
            sub_sequence: row.sub_sequence.filter(|_| row.put.is_some_and(|put| put.call == call.number)),
            key: raw(&row.key).unwrap_or_default(),
            element: row.element.as_deref().and_then(raw),
            event_id: row.event_id.as_deref().map(str::to_owned),
            failure: failure.map(|failure| CallError::new(&failure.code, Some(&failure.message))),
            outcome: row.outcome,
            decided_here: row.put.is_some_and(|put| put.call == call.number),
            shard: row.shard.as_deref().map(str::to_owned),
            sequence_number: row.sequence_number.as_deref().map(str::to_owned),
        })
    }
}
