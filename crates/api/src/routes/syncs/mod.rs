//! A model to a stream.

mod act;
mod body;
mod check;
mod draft;
mod render;
mod rows;
mod shapes;
mod uses;
mod when;

use axum::extract::State;
use domain::{DestinationId, ModelId, SyncId, WorkspaceId};
use serde::Deserialize;
use store::SyncFilter;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::body::{Sync, SyncBody, whole};
use crate::extract::{Created, Cursor, IfMatch, Json, Limit, Listed, Live, NoContent, Path, Query, Versioned, page};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_syncs, create_sync))
        .routes(routes!(get_sync, update_sync, delete_sync))
        .merge(act::routes())
        .merge(render::routes())
        .merge(rows::routes())
        .merge(when::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SyncList {
    /// Only those of this model.
    #[param(value_type = Option<String>)]
    model: Option<ModelId>,
    /// Only those to this destination.
    #[param(value_type = Option<String>)]
    destination: Option<DestinationId>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// The syncs of a workspace
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/syncs", tag = "syncs",
    params(("workspace_id" = String, Path), SyncList),
    responses((status = 200, description = "The newest first", body = Listed<Sync>)))]
async fn list_syncs(caller: Caller, Query(query): Query<SyncList>) -> Result<Json<Listed<Sync>>, Problem> {
    let page = page("syncs", query.limit, query.cursor.as_ref())?;
    let only = SyncFilter { model: query.model, destination: query.destination };
    let found = caller.scope.syncs(only, page).await?;
    Ok(Json(Listed::new("syncs", page, found, |sync| sync.id.uuid(), Sync::from)))
}

/// Make a sync
///
/// Its templates are checked as far as that goes without the model's columns; a preview checks the rest. It begins with
/// the next tick of its schedule, or when a run is asked for.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs", tag = "syncs", request_body = SyncBody,
    params(("workspace_id" = String, Path)),
    responses((status = 201, description = "It was made", body = Sync, headers(("ETag" = String), ("Location" = String))),
              (status = 409, description = "The name is taken, or the workspace may have no more syncs")))]
async fn create_sync(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<SyncBody>,
) -> Result<Created<Sync>, Problem> {
    let new = body.checked(&caller).await?;
    let at_most = most_syncs(&app, &caller).await?;
    let sync = caller.scope.create_sync(&caller.audit(), &new, at_most).await?;
    let location = format!("/v1/workspaces/{}/syncs/{}", caller.workspace, sync.id);
    Ok(Created { location, revision: Some(sync.revision), body: whole(&caller, sync).await? })
}

/// A sync
///
/// With where it stands: its newest run, whether it is held, what has to be answered. That does not change its ETag.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Sync, headers(("ETag" = String)))))]
async fn get_sync(caller: Caller, Path((_, id)): Path<(WorkspaceId, SyncId)>) -> Result<Live<Sync>, Problem> {
    let sync = caller.scope.sync_details(id).await?;
    Ok(Live(sync.revision, whole(&caller, sync).await?))
}

/// Change a sync
///
/// The next run takes it up, a run that works keeps what it began with. Where it may lead to other data, the next run asks
/// first. A schedule that stays as it is keeps its times.
#[utoipa::path(put, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}", tag = "syncs", request_body = SyncBody,
    params(("workspace_id" = String, Path), ("sync_id" = String, Path),
           ("If-Match" = String, Header, description = "Its ETag, or `*`")),
    responses((status = 200, description = "It was changed", body = Sync, headers(("ETag" = String))),
              (status = 409, description = "The name is taken")))]
async fn update_sync(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SyncId)>,
    condition: IfMatch,
    Json(body): Json<SyncBody>,
) -> Result<Versioned<Sync>, Problem> {
    caller.scope.sync_details(id).await?;
    let new = body.checked(&caller).await?;
    let sync = caller.scope.update_sync(&caller.audit(), id, condition.expected(), &new).await?;
    Ok(Versioned(sync.revision, whole(&caller, sync).await?))
}

/// Delete a sync
///
/// With its runs, rejections and snapshot; its objects are erased within 24 hours. A run that works is stopped. The stream
/// keeps what it got.
#[utoipa::path(delete, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path),
           ("If-Match" = Option<String>, Header, description = "Its ETag, or `*`")),
    responses((status = 204, description = "It is gone")))]
async fn delete_sync(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SyncId)>,
    condition: Option<IfMatch>,
) -> Result<NoContent, Problem> {
    let expected = condition.and_then(IfMatch::expected);
    caller.scope.delete_sync(&caller.audit(), id, expected).await?;
    Ok(NoContent)
}

async fn most_syncs(app: &App, caller: &Caller) -> Result<Option<u32>, Problem> {
    Ok(caller.scope.quotas().await?.or(&app.settings().quotas).syncs)
}
