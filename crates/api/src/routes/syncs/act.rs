//! What is done with a sync, beside running it.

use axum::extract::State;
use axum::response::Response;
use domain::{RunKind, SyncId, Work, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::AfterRestore;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Sync, next_fire, whole};
use super::most_syncs;
use crate::extract::{Created, Json, Name, Path, Query, Versioned};
use crate::routes::jobs::{self, Job, Wait};
use crate::routes::runs::{AnswerName, RunRequested, request};
use crate::{App, Caller, Code, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(pause_sync))
        .routes(routes!(resume_sync))
        .routes(routes!(duplicate_sync))
        .routes(routes!(preview_sync))
        .routes(routes!(answer_question))
        .routes(routes!(decide_after_restore))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CopyBody {
    name: Name,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviewBody {
    /// How many records to show.
    #[schema(minimum = 0, maximum = 100, default = 20)]
    records: Option<u32>,
    /// Of a run that sends every row again.
    #[serde(default)]
    full_resync: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    on_change: AnswerName,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RestoreBody {
    decision: RestoreDecision,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum RestoreDecision {
    /// Every row is sent again.
    FullResync,
    /// The snapshot of the backup counts: what differs from it is sent. A row that was sent since then and is again what the
    /// backup says is not.
    Accept,
}

/// Pause a sync
///
/// No tick is due and no run starts until it is resumed, but for one that erases keys. A run that waits stays; one that works
/// goes on.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/pause", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)),
    responses((status = 200, description = "It is paused", body = Sync, headers(("ETag" = String)))))]
async fn pause_sync(caller: Caller, Path((_, id)): Path<(WorkspaceId, SyncId)>) -> Result<Versioned<Sync>, Problem> {
    let sync = caller.scope.pause_sync(&caller.audit(), id, None).await?;
    Ok(Versioned(sync.revision, whole(&caller, sync).await?))
}

/// Let a paused sync go on
///
/// With the next tick after now: ticks of the pause are not caught up.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/resume", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)),
    responses((status = 200, description = "It is not paused", body = Sync, headers(("ETag" = String)))))]
async fn resume_sync(caller: Caller, Path((_, id)): Path<(WorkspaceId, SyncId)>) -> Result<Versioned<Sync>, Problem> {
    let next = next_fire(&caller.scope.sync_details(id).await?);
    let sync = caller.scope.resume_sync(&caller.audit(), id, None, next).await?;
    Ok(Versioned(sync.revision, whole(&caller, sync).await?))
}

/// Copy a sync
///
/// The copy is paused, and has no schedule and an empty snapshot: its first run is a first run.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/duplicate", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)), request_body = CopyBody,
    responses((status = 201, description = "The copy", body = Sync, headers(("ETag" = String), ("Location" = String))),
              (status = 409, description = "The name is taken, or the workspace may have no more syncs")))]
async fn duplicate_sync(
    State(app): State<App>,
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SyncId)>,
    Json(body): Json<CopyBody>,
) -> Result<Created<Sync>, Problem> {
    let at_most = most_syncs(&app, &caller).await?;
    let sync = caller.scope.duplicate_sync(&caller.audit(), id, body.name.as_str(), at_most).await?;
    let location = format!("/v1/workspaces/{}/syncs/{}", caller.workspace, sync.id);
    Ok(Created { location, revision: Some(sync.revision), body: whole(&caller, sync).await? })
}

/// What the next run would send, without sending it
///
/// Byte for byte; only what a run gives each record anew is marked as a stand-in.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/preview", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path), Wait), request_body = PreviewBody,
    responses((status = 200, description = "Counts and the first records", body = Job),
              (status = 202, description = "There is no answer yet", body = Job, headers(("Location" = String))),
              (status = 409, description = "Too many jobs are open")))]
async fn preview_sync(
    State(app): State<App>,
    caller: Caller,
    Path((_, sync)): Path<(WorkspaceId, SyncId)>,
    Query(wait): Query<Wait>,
    Json(body): Json<PreviewBody>,
) -> Result<Response, Problem> {
    caller.scope.sync_details(sync).await?;
    let records = body.records.unwrap_or(20);
    if records > 100 {
        return Err(Problem::invalid("/records", "0 to 100 records are shown."));
    }
    jobs::answer(&app, &caller, &wait, Work::PreviewSync { sync, records, full_resync: body.full_resync }).await
}

/// Say how to go on after a change
///
/// A run of a sync whose source, query, key, destination or stream changed sends nothing before it is told whether to send
/// all rows again or only future changes. The answer is a run that does so.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/answer", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)), request_body = AnswerBody,
    responses((status = 202, description = "The run that goes on so", body = RunRequested, headers(("Location" = String))),
              (status = 409, description = "Nothing is asked, it is paused or held, or another special run waits")))]
async fn answer_question(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SyncId)>,
    Json(body): Json<AnswerBody>,
) -> Result<Response, Problem> {
    if caller.scope.sync_details(id).await?.question.is_none() {
        return Err(Problem::new(Code::Conflict, "Nothing is asked of this sync now."));
    }
    request(&caller, id, RunKind::Normal, json!({ "on_change": body.on_change })).await
}

/// Say how a sync goes on after the service was restored from a backup
///
/// Until then none of its runs starts; ticks of its schedule wait. Either way, a row that came after the backup and was
/// deleted before the next run is not known any more: if the stream was told of it, it is not told of its removal.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/restore-decision", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)), request_body = RestoreBody,
    responses((status = 200, description = "It is not held any more", body = Sync, headers(("ETag" = String))),
              (status = 409, description = "It is not held, or another special run waits")))]
async fn decide_after_restore(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SyncId)>,
    Json(body): Json<RestoreBody>,
) -> Result<Versioned<Sync>, Problem> {
    let how = match body.decision {
        RestoreDecision::FullResync => AfterRestore::FullResync,
        RestoreDecision::Accept => AfterRestore::Accept,
    };
    caller.scope.decide_after_restore(&caller.audit(), id, how).await?;
    let sync = caller.scope.sync_details(id).await?;
    Ok(Versioned(sync.revision, whole(&caller, sync).await?))
}
