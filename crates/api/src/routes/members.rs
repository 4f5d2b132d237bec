use domain::{Role, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::Member as Found;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::{Cursor, Json, Limit, Listed, NoContent, Path, Query, Timestamp, page};
use crate::problem::{Code, Problem};
use crate::routes::roles::RoleName;
use crate::{App, Caller};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_members))
        .routes(routes!(update_member, remove_member))
        .routes(routes!(leave_workspace))
}

#[derive(Debug, Serialize, ToSchema)]
struct Member {
    person_id: String,
    email: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// When they became a member.
    created_at: Timestamp,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberUpdate {
    #[schema(value_type = RoleName)]
    role: Role,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// Who is a member
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/members", tag = "members",
    params(("workspace_id" = String, Path), PageQuery),
    responses((status = 200, description = "Who signed up last comes first", body = Listed<Member>)))]
async fn list_members(caller: Caller, Query(query): Query<PageQuery>) -> Result<Json<Listed<Member>>, Problem> {
    let page = page("members", query.limit, query.cursor.as_ref())?;
    let found = caller.scope.members(page).await?;
    Ok(Json(Listed::new("members", page, found, |member| member.person.uuid(), Member::from)))
}

/// Give a member another role
///
/// Nobody touches a member above their own role, or gives a role above it. The last owner stays one. API keys that they made
/// act with the new role, where theirs is above it.
#[utoipa::path(put, path = "/v1/workspaces/{workspace_id}/members/{person_id}", tag = "members", request_body = MemberUpdate,
    params(("workspace_id" = String, Path), ("person_id" = String, Path)), responses(
    (status = 204, description = "The role was changed"), (status = 409, description = "It is the last owner")))]
async fn update_member(
    caller: Caller,
    Path((_, person)): Path<(WorkspaceId, UserId)>,
    Json(update): Json<MemberUpdate>,
) -> Result<NoContent, Problem> {
    caller.scope.set_role(&caller.audit(), caller.role, person, update.role).await?;
    Ok(NoContent)
}

/// Remove a member
///
/// The API keys that they made are revoked, and their open invitations end.
#[utoipa::path(delete, path = "/v1/workspaces/{workspace_id}/members/{person_id}", tag = "members",
    params(("workspace_id" = String, Path), ("person_id" = String, Path)), responses(
    (status = 204, description = "They are no member any more"), (status = 409, description = "It is the last owner")))]
async fn remove_member(caller: Caller, Path((_, person)): Path<(WorkspaceId, UserId)>) -> Result<NoContent, Problem> {
    caller.scope.remove_member(&caller.audit(), caller.role, person).await?;
    Ok(NoContent)
}

/// Leave a workspace
///
/// The API keys that you made are revoked, and your open invitations end.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/leave", tag = "members", params(("workspace_id" = String, Path)),
    responses((status = 204, description = "You are no member any more"), (status = 409, description = "You are the last owner")))]
async fn leave_workspace(caller: Caller) -> Result<NoContent, Problem> {
    let person = caller.person().ok_or_else(|| Problem::new(Code::Forbidden, "An API key cannot leave. Revoke it."))?;
    caller.scope.remove_member(&caller.audit(), caller.role, person).await?;
    Ok(NoContent)
}

impl From<Found> for Member {
    fn from(found: Found) -> Self {
        Self {
            person_id: found.person.to_string(),
            email: found.email,
            role: found.role,
            created_at: found.created_at.into(),
        }
    }
}
