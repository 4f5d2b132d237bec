use axum::extract::State;
use domain::{InvitationId, Role, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::Invitation as Found;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Token, hash};
use crate::extract::{Created, Cursor, Email, Json, Limit, Listed, NoContent, Path, Query, Timestamp, TokenText, page};
use crate::problem::Problem;
use crate::request::millis;
use crate::routes::roles::RoleName;
use crate::{App, Caller, SignedIn};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_invitations, create_invitation))
        .routes(routes!(revoke_invitation))
        .routes(routes!(look_up_invitation))
        .routes(routes!(accept_invitation))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInvitation {
    #[schema(value_type = RoleName)]
    role: Role,
    /// For whom it is; without one it lets anyone in who has the link.
    email: Option<Email>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Invitation {
    id: String,
    #[schema(required)]
    email: Option<String>,
    #[schema(value_type = RoleName)]
    role: Role,
    /// The person who made it; null if it was an API key.
    #[schema(required)]
    created_by: Option<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// With the link, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct InvitationWithLink {
    invitation: Invitation,
    /// Makes whoever opens it a member, once.
    link: String,
    /// What stands after the `#` of the link.
    token: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InvitationToken {
    /// What stands after the `#` of the link.
    token: TokenText,
}

/// What a link offers.
#[derive(Debug, Serialize, ToSchema)]
struct Offer {
    workspace_name: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// For whom it is; null lets anyone in.
    #[schema(required)]
    email: Option<String>,
    expires_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
struct Accepted {
    workspace_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// Invitations that can still be accepted
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/invitations", tag = "members",
    params(("workspace_id" = String, Path), PageQuery),
    responses((status = 200, description = "The newest first", body = Listed<Invitation>)))]
async fn list_invitations(caller: Caller, Query(query): Query<PageQuery>) -> Result<Json<Listed<Invitation>>, Problem> {
    let page = page("invitations", query.limit, query.cursor.as_ref())?;
    let found = caller.scope.invitations(page).await?;
    Ok(Json(Listed::new("invitations", page, found, |invitation| invitation.id.uuid(), Invitation::from)))
}

/// Invite somebody by a link
///
/// With a role that is not above your own. No mail is sent: hand the link over yourself.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/invitations", tag = "members", request_body = NewInvitation,
    params(("workspace_id" = String, Path)), responses((status = 201, description = "Hand the link over",
    body = InvitationWithLink, headers(("Location" = String))), (status = 409, description = "The quota is used up")))]
async fn create_invitation(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewInvitation>,
) -> Result<Created<InvitationWithLink>, Problem> {
    caller.require(new.role)?;
    room_for_a_member(&app, &caller).await?;
    let token = Token::new();
    let new = store::NewInvitation {
        token_hash: token.hash(),
        email: new.email.map(|email| email.as_str().to_owned()),
        role: new.role,
        created_by: caller.maker(),
        ttl_ms: millis(app.settings().invitation_lifetime),
    };
    let made = caller.scope.create_invitation(&caller.audit(), &new).await?;
    let location = format!("/v1/workspaces/{}/invitations/{}", caller.workspace, made.id);
    // The token stands after a `#`: browsers keep that to themselves, so it gets into no log on the way.
    let link = format!("{}/invitation#{}", app.settings().public_url, token.expose());
    let body = InvitationWithLink { invitation: made.into(), link, token: token.expose().to_owned() };
    Ok(Created { location, revision: None, body })
}

/// Members and open invitations together keep to the quota, so that whoever has a link gets in.
async fn room_for_a_member(app: &App, caller: &Caller) -> Result<(), Problem> {
    let Some(limit) = caller.scope.quotas().await?.or(&app.settings().quotas).members else { return Ok(()) };
    let page = store::Page::first(limit);
    let taken = caller.scope.members(page).await?.len() + caller.scope.invitations(page).await?.len();
    if taken < limit as usize {
        return Ok(());
    }
    Err(store::Error::Limit { what: "members and open invitations", limit: limit.into() }.into())
}

/// Revoke an invitation
#[utoipa::path(delete, path = "/v1/workspaces/{workspace_id}/invitations/{invitation_id}", tag = "members",
    params(("workspace_id" = String, Path), ("invitation_id" = String, Path)),
    responses((status = 204, description = "The link is worth nothing any more")))]
async fn revoke_invitation(
    caller: Caller,
    Path((_, invitation)): Path<(WorkspaceId, InvitationId)>,
) -> Result<NoContent, Problem> {
    caller.scope.revoke_invitation(&caller.audit(), invitation).await?;
    Ok(NoContent)
}

/// What an invitation offers
#[utoipa::path(post, path = "/v1/invitations/look-up", tag = "people", request_body = InvitationToken, responses(
    (status = 200, description = "What it offers", body = Offer),
    (status = 404, description = "The link is not valid any more")))]
async fn look_up_invitation(
    State(app): State<App>,
    Json(request): Json<InvitationToken>,
) -> Result<Json<Offer>, Problem> {
    let found = app.store().inspect_invitation(&hash(request.token.expose())).await?;
    Ok(Json(Offer {
        workspace_name: found.workspace_name,
        role: found.invitation.role,
        email: found.invitation.email,
        expires_at: found.invitation.expires_at.into(),
    }))
}

/// Accept an invitation
///
/// For somebody who has signed up already; others pass the token to `sign_up`.
#[utoipa::path(post, path = "/v1/invitations/accept", tag = "people", request_body = InvitationToken, responses(
    (status = 200, description = "You are a member", body = Accepted),
    (status = 404, description = "The link is not valid any more"),
    (status = 409, description = "You are a member already, or it is for another e-mail address")))]
async fn accept_invitation(
    State(app): State<App>,
    me: SignedIn,
    Json(request): Json<InvitationToken>,
) -> Result<Json<Accepted>, Problem> {
    let workspace = app.store().accept_invitation(&me.audit(), &hash(request.token.expose()), me.person()).await?;
    Ok(Json(Accepted { workspace_id: workspace.to_string() }))
}

impl From<Found> for Invitation {
    fn from(found: Found) -> Self {
        Self {
            id: found.id.to_string(),
            email: found.email,
            role: found.role,
            created_by: found.created_by.map(|person| person.to_string()),
            created_at: found.created_at.into(),
            expires_at: found.expires_at.into(),
        }
    }
}
