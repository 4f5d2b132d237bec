//! Runs: asked for, watched, cancelled.

mod stream;

use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{RunId, RunKind, RunState, SyncId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{AttemptOutcome, RunEvent as FoundEvent};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::explain::{Explained, explain};
use crate::extract::{Cursor, Json, Limit, Listed, Path, Query, Timestamp, page};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_runs))
        .routes(routes!(list_sync_runs, create_run))
        .routes(routes!(get_run))
        .routes(routes!(cancel_run))
        .routes(routes!(list_run_events))
        .merge(stream::routes())
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Run {
    #[schema(examples("run_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    id: String,
    /// The id of the sync.
    sync: String,
    kind: RunKindName,
    #[schema(value_type = RunStateName)]
    state: RunState,
    /// Of the definition that it works by; none before it starts.
    #[schema(required)]
    sync_version: Option<u32>,
    /// What was asked of it beyond its kind.
    #[schema(value_type = Object)]
    options: Value,
    /// The tick that it runs for.
    #[schema(required)]
    scheduled_for: Option<Timestamp>,
    due_at: Timestamp,
    created_at: Timestamp,
    #[schema(required)]
    started_at: Option<Timestamp>,
    #[schema(required)]
    ended_at: Option<Timestamp>,
    #[schema(required)]
    cancel_requested_at: Option<Timestamp>,
    /// Of the newest attempt, as of its last checkpoint while it works.
    #[schema(required, value_type = Option<CountsShape>)]
    counts: Option<domain::Counts>,
    /// Why it ended as it did.
    #[schema(required)]
    reason: Option<Reason>,
    /// Who asked for it: `{"person", "email"}`, `{"key", "name"}`, `{"operator"}`, `{"schedule": true}`, or
    /// `{"follow_up": true}` for a run that a run queued.
    #[schema(value_type = Object)]
    requested_by: Value,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = RunKind)]
#[serde(rename_all = "kebab-case")]
enum RunKindName {
    /// Sends what differs from what the stream has acknowledged.
    Normal,
    /// Sends every row again.
    FullResync,
    /// Takes the model as it is for acknowledged, without sending.
    Reset,
    /// Sends chosen rows again.
    SendRows,
    /// Takes chosen rejected rows for acknowledged, without sending.
    Dismiss,
    /// Erases what is kept of chosen keys.
    Erase,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RunState)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "the shape of `domain::RunState`, which knows nothing of OpenAPI")]
pub(super) enum RunStateName {
    Queued,
    Running,
    Succeeded,
    /// A guard wants a person's consent; nothing was sent.
    NeedsApproval,
    /// A guard ended the run while it was sending; what was acknowledged is kept.
    Stopped,
    Failed,
    Cancelled,
}

/// `queried`, `invalid` and `rows` count rows, the others units: a row is one unit unless it fans out.
#[derive(Serialize, ToSchema)]
#[schema(as = Counts)]
struct CountsShape {
    queried: u64,
    invalid: u64,
    /// Valid rows.
    rows: u64,
    units: u64,
    unchanged: u64,
    added: u64,
    changed: u64,
    removed: u64,
    /// Sent again although their values did not change.
    repeated: u64,
    /// Acknowledged without sending, or left aside.
    not_wanted: u64,
    planned: u64,
    delivered: u64,
    rejected: u64,
    unanswered: u64,
    deferred: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct Reason {
    code: String,
    text: String,
    /// What the code means; null if the code is not in the catalogue, which `GET /v1/error-codes` gives.
    #[schema(required)]
    meaning: Option<String>,
    /// What to do about it.
    #[schema(required)]
    advice: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RunDetails {
    #[serde(flatten)]
    run: Run,
    tallies: Tallies,
    /// Oldest first.
    attempts: Vec<Attempt>,
    /// What it is doing, as of `progress_at`.
    #[schema(required, value_type = Option<Object>)]
    progress: Option<Value>,
    #[schema(required)]
    progress_at: Option<Timestamp>,
}

/// Exact counts by code.
#[derive(Debug, Serialize, ToSchema)]
struct Tallies {
    rejections: BTreeMap<String, u64>,
    invalid_rows: BTreeMap<String, u64>,
}

/// One claim of the run by a worker.
#[derive(Debug, Serialize, ToSchema)]
struct Attempt {
    epoch: u64,
    worker: String,
    started_at: Timestamp,
    #[schema(required)]
    ended_at: Option<Timestamp>,
    /// None while it works.
    #[schema(required, value_type = Option<AttemptOutcomeName>)]
    outcome: Option<AttemptOutcome>,
    #[schema(value_type = CountsShape)]
    counts: domain::Counts,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AttemptOutcome)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "the shape of `store::AttemptOutcome`, which knows nothing of OpenAPI")]
enum AttemptOutcomeName {
    /// It ended its run.
    Finished,
    /// Its worker died; a later attempt went on.
    Died,
    /// Its worker left the run to others, with nothing unknown.
    Released,
}

#[derive(Debug, Serialize, ToSchema)]
struct RunEvent {
    id: String,
    at: Timestamp,
    /// Such as `requested`, `claimed`, `attempt-died`, `released`, `cancel-requested`, `ended`.
    kind: String,
    detail: Value,
}

/// The answer to a request for a run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunRequested {
    run: Run,
    /// A run waited already, and takes this request along.
    already_waiting: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RunBody {
    kind: KindWanted,
    /// What to do if something changed that a run would ask about.
    on_change: Option<AnswerName>,
    /// Send what is not a removal, and keep removals for later.
    #[serde(default)]
    hold_removals: bool,
    /// What to do about a snapshot that is damaged. Either way every row is sent again.
    repair: Option<RepairName>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum KindWanted {
    Normal,
    FullResync,
    /// Takes the model as it is for acknowledged, without sending.
    Reset,
}

/// The same words as `runner::Answer`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = OnChange)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AnswerName {
    /// Every row is sent again.
    SendAll,
    /// Only what differs from what was acknowledged.
    OnlyFuture,
}

/// The same words as `runner::Repair`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = Repair)]
#[serde(rename_all = "kebab-case")]
enum RepairName {
    /// Goes back to the newest snapshot that is whole: removals of rows that were added since are not known any more.
    Older,
    /// Starts without a snapshot: no removal is known any more.
    SendAll,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RunList {
    /// Only those in this state.
    #[param(value_type = Option<RunStateName>)]
    state: Option<RunState>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct EventList {
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// The runs of a workspace
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs", tag = "runs",
    params(("workspace_id" = String, Path), RunList),
    responses((status = 200, description = "The newest first", body = Listed<Run>)))]
async fn list_runs(caller: Caller, Query(query): Query<RunList>) -> Result<Json<Listed<Run>>, Problem> {
    let page = page("runs", query.limit, query.cursor.as_ref())?;
    let found = caller.scope.all_runs(query.state, page).await?;
    Ok(Json(Listed::new("runs", page, found, |run| run.id.uuid(), Run::from)))
}

/// The runs of a sync
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/runs", tag = "runs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path), RunList),
    responses((status = 200, description = "The newest first", body = Listed<Run>)))]
async fn list_sync_runs(
    caller: Caller,
    Path((_, sync)): Path<(WorkspaceId, SyncId)>,
    Query(query): Query<RunList>,
) -> Result<Json<Listed<Run>>, Problem> {
    let page = page("sync-runs", query.limit, query.cursor.as_ref())?;
    caller.scope.sync_details(sync).await?;
    let found = caller.scope.sync_runs(sync, query.state, page).await?;
    Ok(Json(Listed::new("sync-runs", page, found, |run| run.id.uuid(), Run::from)))
}

/// Run a sync now
///
/// One run of a sync works and one waits. A request while one waits is taken along by it, unless the two are different
/// special runs.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/runs", tag = "runs", request_body = RunBody,
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)),
    responses((status = 202, description = "The run that will do it", body = RunRequested, headers(("Location" = String))),
              (status = 409, description = "It is paused or held, or another special run waits")))]
async fn create_run(
    caller: Caller,
    Path((_, sync)): Path<(WorkspaceId, SyncId)>,
    Json(body): Json<RunBody>,
) -> Result<Response, Problem> {
    let kind = match body.kind {
        KindWanted::Normal => RunKind::Normal,
        KindWanted::FullResync => RunKind::FullResync,
        KindWanted::Reset => RunKind::Baseline,
    };
    // As `runner::RunOptions` reads it: what is not asked for is left out.
    let mut options = Map::new();
    if let Some(answer) = body.on_change {
        options.insert("on_change".to_owned(), json!(answer));
    }
    if let Some(repair) = body.repair {
        options.insert("repair".to_owned(), json!(repair));
    }
    if body.hold_removals {
        options.insert("hold_removals".to_owned(), Value::Bool(true));
    }
    request(&caller, sync, kind, Value::Object(options)).await
}

/// A run
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}", tag = "runs",
    params(("workspace_id" = String, Path), ("run_id" = String, Path)),
    responses((status = 200, description = "As it is now", body = RunDetails)))]
async fn get_run(caller: Caller, Path((_, id)): Path<(WorkspaceId, RunId)>) -> Result<Json<RunDetails>, Problem> {
    let run = caller.scope.run(id).await?;
    let tallies = caller.scope.tallies(id).await?;
    let attempts = caller.scope.attempts(id).await?;
    let (progress, progress_at) = caller.scope.progress(id).await?.unzip();
    Ok(Json(RunDetails {
        run: run.into(),
        tallies: Tallies { rejections: tallies.rejections, invalid_rows: tallies.invalid_rows },
        attempts: attempts.into_iter().map(Attempt::from).collect(),
        progress,
        progress_at: progress_at.map(Timestamp),
    }))
}

/// Cancel a run
///
/// One that waits is cancelled at once; one that works ends within seconds, and what was acknowledged is kept. One that
/// has ended stays as it is.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/cancel", tag = "runs",
    params(("workspace_id" = String, Path), ("run_id" = String, Path)),
    responses((status = 200, description = "As it is now; `running` means that it was asked to end", body = Run)))]
async fn cancel_run(caller: Caller, Path((_, id)): Path<(WorkspaceId, RunId)>) -> Result<Json<Run>, Problem> {
    caller.scope.cancel_by(&caller.audit(), id).await?;
    Ok(Json(caller.scope.run(id).await?.into()))
}

/// The story of a run
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/events", tag = "runs",
    params(("workspace_id" = String, Path), ("run_id" = String, Path), EventList),
    responses((status = 200, description = "The oldest first", body = Listed<RunEvent>)))]
async fn list_run_events(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, RunId)>,
    Query(query): Query<EventList>,
) -> Result<Json<Listed<RunEvent>>, Problem> {
    let page = page("run-events", query.limit, query.cursor.as_ref())?;
    caller.scope.run(id).await?;
    let found = caller.scope.run_events(id, page.after, page.limit).await?;
    Ok(Json(Listed::new("run-events", page, found, |event| event.id, RunEvent::from)))
}

/// Asks for a run, and answers 202 with it.
pub(super) async fn request(caller: &Caller, sync: SyncId, kind: RunKind, options: Value) -> Result<Response, Problem> {
    let requested = ask(caller, sync, kind, options).await?;
    let place = format!("/v1/workspaces/{}/runs/{}", caller.workspace, requested.run.id);
    let mut response = (StatusCode::ACCEPTED, Json(requested)).into_response();
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

pub(super) async fn ask(caller: &Caller, sync: SyncId, kind: RunKind, options: Value) -> Result<RunRequested, Problem> {
    let requested = caller.scope.request_run_by(&caller.audit(), sync, kind, options).await?;
    let mut run = caller.scope.run(requested.run).await?;
    // The answer to a request with an Idempotency-Key is kept for a day, and whoever has a key erased could not reach it
    // there. The run itself tells.
    if let Some(keys) = run.options.pointer_mut("/rows/keys") {
        *keys = json!([]);
    }
    Ok(RunRequested { run: run.into(), already_waiting: requested.already_waiting })
}

impl From<store::Run> for Run {
    fn from(run: store::Run) -> Self {
        let kind = match run.kind {
            RunKind::Normal => RunKindName::Normal,
            RunKind::FullResync => RunKindName::FullResync,
            RunKind::Baseline => RunKindName::Reset,
            RunKind::Resend if run.options.pointer("/rows/send").is_some_and(|send| send == "nothing") => {
                RunKindName::Dismiss
            }
            RunKind::Resend => RunKindName::SendRows,
            RunKind::Erase => RunKindName::Erase,
        };
        Self {
            id: run.id.to_string(),
            sync: run.sync.to_string(),
            kind,
            state: run.state,
            sync_version: run.sync_version,
            options: run.options,
            scheduled_for: run.scheduled_for.map(Timestamp),
            due_at: run.due_at.into(),
            created_at: run.created_at.into(),
            started_at: run.started_at.map(Timestamp),
            ended_at: run.ended_at.map(Timestamp),
            cancel_requested_at: run.cancel_requested_at.map(Timestamp),
            counts: run.counts,
            reason: run.reason.map(Reason::from),
            requested_by: run.requested_by,
        }
    }
}

impl From<store::Reason> for Reason {
    fn from(reason: store::Reason) -> Self {
        let Explained { meaning, advice } = explain(&reason.code, &reason.text);
        Self { code: reason.code, text: reason.text, meaning, advice }
    }
}

impl From<store::Attempt> for Attempt {
    fn from(attempt: store::Attempt) -> Self {
        Self {
            epoch: attempt.epoch,
            worker: attempt.worker,
            started_at: attempt.started_at.into(),
            ended_at: attempt.ended_at.map(Timestamp),
            outcome: attempt.outcome,
            counts: attempt.counts,
        }
    }
}

impl From<FoundEvent> for RunEvent {
    fn from(event: FoundEvent) -> Self {
        Self { id: event.id.simple().to_string(), at: event.at.into(), kind: event.kind, detail: event.detail }
    }
}
