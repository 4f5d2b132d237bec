use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use domain::{UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Token, hash};
use crate::extract::{Json, NoContent, Path, TokenText};
use crate::problem::Problem;
use crate::request::millis;
use crate::routes::sessions::begin_session;
use crate::{App, Caller, Client, Password, SignedIn};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(change_password))
        .routes(routes!(reset_password))
        .routes(routes!(create_password_reset))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 128)]
    current_password: Password,
    #[schema(value_type = String, format = "password", min_length = 10, max_length = 128)]
    new_password: Password,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordReset {
    /// What stands after the `#` of the link.
    token: TokenText,
    #[schema(value_type = String, format = "password", min_length = 10, max_length = 128)]
    new_password: Password,
}

/// Shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct ResetLink {
    /// Works once, for 24 hours unless the operator chose otherwise. Hand it over in person: whoever has it can sign in.
    link: String,
}

/// Change your password
///
/// Every other session ends; this one goes on with a new token.
#[utoipa::path(post, path = "/v1/me/password", tag = "people", request_body = PasswordChange,
    responses((status = 204, description = "It was changed", headers(("Set-Cookie" = String)))))]
async fn change_password(
    State(app): State<App>,
    me: SignedIn,
    client: Client,
    headers: HeaderMap,
    Json(change): Json<PasswordChange>,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1]), Problem> {
    check_new(&change.new_password, "/new_password", me.email())?;
    let person = app.store().person(me.person()).await?.ok_or_else(Problem::not_found)?;
    if !app.passwords().verify(&change.current_password, Some(&person.password_hash)).await? {
        return Err(Problem::invalid("/current_password", "This is not your password."));
    }
    let password = app.passwords().hash(&change.new_password).await?;
    app.store().set_password(person.id, &password, None).await?;
    let person = store::Person { password_hash: password, ..person };
    let cookie = begin_session(&app, &client, &headers, &person).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]))
}

/// Choose a new password by a link
///
/// Every session ends. Sign in with the new password.
#[utoipa::path(post, path = "/v1/password-reset", tag = "people", request_body = PasswordReset, responses(
    (status = 204, description = "It was changed"), (status = 404, description = "The link is not valid any more")))]
async fn reset_password(State(app): State<App>, Json(reset): Json<PasswordReset>) -> Result<NoContent, Problem> {
    check_new(&reset.new_password, "/new_password", "")?;
    let password = app.passwords().hash(&reset.new_password).await?;
    app.store().use_reset(&hash(reset.token.expose()), &password).await?;
    Ok(NoContent)
}

/// A link with which a member chooses a new password
///
/// For members of this workspace alone: for others the operator can make one.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/members/{person_id}/password-reset", tag = "members",
    params(("workspace_id" = String, Path), ("person_id" = String, Path)), responses(
    (status = 201, description = "Hand it over", body = ResetLink),
    (status = 409, description = "The person is a member of other workspaces too")))]
async fn create_password_reset(
    State(app): State<App>,
    caller: Caller,
    Path((_, person)): Path<(WorkspaceId, UserId)>,
) -> Result<(StatusCode, Json<ResetLink>), Problem> {
    let token = Token::new();
    let lifetime = millis(app.settings().reset_lifetime);
    caller.scope.create_reset(&caller.audit(), person, &token.hash(), lifetime).await?;
    Ok((StatusCode::CREATED, Json(ResetLink { link: link(&app, &token) })))
}

/// For the operator, who may make a link for anybody: `None` if nobody has this e-mail address.
pub(crate) async fn reset_link(app: &App, email: &str) -> Result<Option<String>, store::Error> {
    let Some(person) = app.store().person_by_email(email).await? else { return Ok(None) };
    let token = Token::new();
    app.store().create_reset(person.id, &token.hash(), millis(app.settings().reset_lifetime)).await?;
    Ok(Some(link(app, &token)))
}

/// The token stands after a `#`: browsers keep that to themselves, so it gets into no log on the way.
fn link(app: &App, token: &Token) -> String {
    format!("{}/reset-password#{}", app.settings().public_url, token.expose())
}

pub(super) fn check_new(password: &Password, pointer: &'static str, email: &str) -> Result<(), Problem> {
    password.weakness(email).map_or(Ok(()), |weakness| Err(Problem::invalid(pointer, weakness)))
}
