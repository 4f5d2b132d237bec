use domain::{KeyId, Role, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::{ApiKey as Found, KeyState};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{KeyText, Token};
use crate::clock::now;
use crate::extract::{Created, Cursor, Json, Limit, Listed, Name, NoContent, Path, Query, Timestamp, page};
use crate::problem::Problem;
use crate::routes::roles::RoleName;
use crate::{App, Caller};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_api_keys, create_api_key)).routes(routes!(get_api_key, revoke_api_key))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApiKey {
    name: Name,
    /// What it may do, as a member of this role; no more than the person behind it may do at the time.
    #[schema(value_type = RoleName)]
    role: Role,
    /// Without one it works until it is revoked.
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ApiKey {
    id: String,
    name: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// The end of the key, to tell keys apart.
    hint: String,
    state: State,
    /// The person who made it, or the API key that it was made with. When they are no member any more, it is revoked.
    #[schema(required)]
    created_by: Option<String>,
    created_at: Timestamp,
    #[schema(required)]
    expires_at: Option<Timestamp>,
    /// To the minute.
    #[schema(required)]
    last_used_at: Option<Timestamp>,
    #[schema(required)]
    revoked_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ApiKeyState)]
enum State {
    Active,
    Expired,
    Revoked,
}

/// With the key itself, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct ApiKeyWithSecret {
    api_key: ApiKey,
    /// For `Authorization: Bearer <key>`.
    #[schema(pattern = "^rc_live_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$")]
    key: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// All API keys, those that have expired or were revoked too
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/api-keys", tag = "api-keys",
    params(("workspace_id" = String, Path), PageQuery),
    responses((status = 200, description = "The newest first", body = Listed<ApiKey>)))]
async fn list_api_keys(caller: Caller, Query(query): Query<PageQuery>) -> Result<Json<Listed<ApiKey>>, Problem> {
    let page = page("api-keys", query.limit, query.cursor.as_ref())?;
    let found = caller.scope.api_keys(page).await?;
    Ok(Json(Listed::new("api-keys", page, found, |key| key.id.uuid(), ApiKey::from)))
}

/// Make an API key
///
/// With a role that is not above your own. The key is shown this once; only its hash is kept. It acts with its role or the
/// present role of the person who made it, whichever is lower, and is revoked when they are no member any more.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/api-keys", tag = "api-keys", request_body = NewApiKey,
    params(("workspace_id" = String, Path)), responses((status = 201, description = "Keep the key in a safe place",
    body = ApiKeyWithSecret, headers(("Location" = String)))))]
async fn create_api_key(caller: Caller, Json(new): Json<NewApiKey>) -> Result<Created<ApiKeyWithSecret>, Problem> {
    caller.require(new.role)?;
    if new.expires_at.is_some_and(|Timestamp(moment)| moment <= now()) {
        return Err(Problem::invalid(
            "/expires_at",
            "A moment in the future is expected. Leave it out for a key that stays.",
        ));
    }
    let (id, secret) = (KeyId::from_uuid(Uuid::now_v7()), Token::new());
    let key = store::NewApiKey {
        id,
        name: new.name.as_str().to_owned(),
        secret_hash: secret.hash(),
        hint: secret.hint(),
        role: new.role,
        created_by: caller.maker(),
        expires_at: new.expires_at.map(|Timestamp(moment)| moment),
    };
    caller.scope.create_api_key(&caller.audit(), &key).await?;
    let made = caller.scope.api_key(id).await?.ok_or_else(Problem::not_found)?;
    let location = format!("/v1/workspaces/{}/api-keys/{id}", caller.workspace);
    let body = ApiKeyWithSecret { api_key: made.into(), key: KeyText::write(id, &secret) };
    Ok(Created { location, revision: None, body })
}

/// An API key
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/api-keys/{key_id}", tag = "api-keys",
    params(("workspace_id" = String, Path), ("key_id" = String, Path)),
    responses((status = 200, description = "As it is now", body = ApiKey)))]
async fn get_api_key(caller: Caller, Path((_, key)): Path<(WorkspaceId, KeyId)>) -> Result<Json<ApiKey>, Problem> {
    let found = caller.scope.api_key(key).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(found.into()))
}

/// Revoke an API key, for good
///
/// Nobody touches a key above their own role.
#[utoipa::path(delete, path = "/v1/workspaces/{workspace_id}/api-keys/{key_id}", tag = "api-keys",
    params(("workspace_id" = String, Path), ("key_id" = String, Path)),
    responses((status = 204, description = "It is worth nothing any more")))]
async fn revoke_api_key(caller: Caller, Path((_, key)): Path<(WorkspaceId, KeyId)>) -> Result<NoContent, Problem> {
    caller.scope.revoke_api_key(&caller.audit(), caller.role, key).await?;
    Ok(NoContent)
}

impl From<Found> for ApiKey {
    fn from(found: Found) -> Self {
        let state = match found.state {
            KeyState::Active => State::Active,
            KeyState::Expired => State::Expired,
            KeyState::Revoked => State::Revoked,
        };
        Self {
            id: found.id.to_string(),
            name: found.name,
            role: found.role,
            hint: found.hint,
            state,
            created_by: found.created_by.map(|person| person.to_string()),
            created_at: found.created_at.into(),
            expires_at: found.expires_at.map(Timestamp),
            last_used_at: found.last_used_at.map(Timestamp),
            revoked_at: found.revoked_at.map(Timestamp),
        }
    }
}
