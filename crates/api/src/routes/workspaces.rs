//! Workspaces: the pattern that the other resources follow.

use axum::extract::State;
use domain::Role;
use serde::{Deserialize, Serialize};
use store::{Membership, WorkspaceChange, WorkspaceInfo};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::{Created, IfMatch, Json, Listed, Name, NoContent, Query, Timestamp, Versioned};
use crate::routes::roles::RoleName;
use crate::{App, Caller, Problem, SignedIn};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_workspaces, create_workspace)).routes(routes!(
        get_workspace,
        update_workspace,
        delete_workspace
    ))
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Workspace {
    #[schema(examples("ws_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    id: String,
    name: String,
    /// Whether nothing runs by schedule or trigger until it is resumed.
    paused: bool,
    /// How long the debug log of runs is kept.
    #[schema(minimum = 1, maximum = 3650)]
    log_retention_days: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkspaceOfMine {
    id: String,
    name: String,
    /// What you are there.
    #[schema(value_type = RoleName)]
    role: Role,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWorkspace {
    name: Name,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WorkspaceUpdate {
    name: Name,
    /// True stops new runs, false lets them go on.
    paused: bool,
    /// How long the debug log of runs is kept; it stays as it is if nothing is said. What is older is deleted within a day.
    #[schema(minimum = 1, maximum = 3650)]
    log_retention_days: Option<u32>,
}

/// The longest that a debug log is kept.
const MOST_DAYS: u32 = 3_650;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    /// The name of the workspace, so that nobody deletes the wrong one.
    name: String,
}

/// The workspaces that you are a member of
#[utoipa::path(get, path = "/v1/workspaces", tag = "workspaces",
    responses((status = 200, description = "All of them, the oldest first", body = Listed<WorkspaceOfMine>)))]
async fn list_workspaces(State(app): State<App>, me: SignedIn) -> Result<Json<Listed<WorkspaceOfMine>>, Problem> {
    let found = app.store().workspaces_of(me.person()).await?;
    Ok(Json(Listed::whole(found.into_iter().map(WorkspaceOfMine::from).collect())))
}

/// Make a workspace, and be its owner
#[utoipa::path(post, path = "/v1/workspaces", tag = "workspaces", request_body = NewWorkspace,
    responses((status = 201, description = "It was made", body = Workspace, headers(("ETag" = String), ("Location" = String)))))]
async fn create_workspace(
    State(app): State<App>,
    me: SignedIn,
    Json(new): Json<NewWorkspace>,
) -> Result<Created<Workspace>, Problem> {
    let new = store::NewWorkspace { name: new.name.as_str().to_owned(), hash_key: rand::random() };
    let id = app.store().create_workspace(&me.audit(), me.person(), &new).await?;
    let info = app.store().scope(id).workspace_info().await?;
    Ok(Created { location: format!("/v1/workspaces/{id}"), revision: Some(info.revision), body: info.into() })
}

/// A workspace
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}", tag = "workspaces", params(("workspace_id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Workspace, headers(("ETag" = String)))))]
async fn get_workspace(caller: Caller) -> Result<Versioned<Workspace>, Problem> {
    let info = caller.scope.workspace_info().await?;
    Ok(Versioned(info.revision, info.into()))
}

/// Rename a workspace, pause it, let it go on
#[utoipa::path(put, path = "/v1/workspaces/{workspace_id}", tag = "workspaces", request_body = WorkspaceUpdate,
    params(("workspace_id" = String, Path), ("If-Match" = String, Header, description = "Its ETag, or `*`")),
    responses((status = 200, description = "It was changed", body = Workspace, headers(("ETag" = String)))))]
async fn update_workspace(
    caller: Caller,
    condition: IfMatch,
    Json(update): Json<WorkspaceUpdate>,
) -> Result<Versioned<Workspace>, Problem> {
    let days = update.log_retention_days;
    if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
        return Err(Problem::invalid("/log_retention_days", format!("1 to {MOST_DAYS} days are expected.")));
    }
    let (name, paused) = (Some(update.name.as_str().to_owned()), Some(update.paused));
    let change = WorkspaceChange { name, paused, log_retention_days: days };
    let info = caller.scope.update_workspace(&caller.audit(), &change, condition.expected()).await?;
    Ok(Versioned(info.revision, info.into()))
}

/// Delete a workspace and all that it holds
///
/// At once and for good: configuration, runs, members, keys, the audit log. What lies in object storage is erased within
/// 24 hours. Streams keep what they got.
#[utoipa::path(delete, path = "/v1/workspaces/{workspace_id}", tag = "workspaces",
    params(("workspace_id" = String, Path), Confirmation), responses((status = 204, description = "It is gone")))]
async fn delete_workspace(caller: Caller, Query(confirmation): Query<Confirmation>) -> Result<NoContent, Problem> {
    let info = caller.scope.workspace_info().await?;
    if confirmation.name != info.name {
        return Err(Problem::invalid_parameter("name", "This is not the name of the workspace. Nothing was deleted."));
    }
    caller.scope.delete_workspace().await?;
    tracing::info!(workspace = %caller.workspace, actor = ?caller.actor_id(), "a workspace was deleted");
    Ok(NoContent)
}

impl From<WorkspaceInfo> for Workspace {
    fn from(info: WorkspaceInfo) -> Self {
        Self {
            id: info.id.to_string(),
            name: info.name,
            paused: info.paused,
            log_retention_days: info.log_retention_days,
            created_at: info.created_at.into(),
            updated_at: info.updated_at.into(),
        }
    }
}

impl From<Membership> for WorkspaceOfMine {
    fn from(found: Membership) -> Self {
        Self { id: found.workspace.to_string(), name: found.name, role: found.role }
    }
}
