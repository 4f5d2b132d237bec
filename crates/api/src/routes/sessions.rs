use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use store::{NewSession, Person, Session};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Token, clear_session_cookie, hash, session_cookie, session_in};
use crate::extract::{Email, Json, Listed, Timestamp};
use crate::problem::{Code, Problem};
use crate::request::{millis, of_text};
use crate::routes::me::Me;
use crate::{App, Client, Password, SignedIn};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(sign_out_everywhere))
        .routes(routes!(list_sessions))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInRequest {
    email: Email,
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 128)]
    password: Password,
}

#[derive(Debug, Serialize, ToSchema)]
struct SessionOfMine {
    /// Whether it is the one of this request.
    current: bool,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    #[schema(required)]
    user_agent: Option<String>,
}

type Cookie = [(HeaderName, HeaderValue); 1];

/// Sign in
///
/// The answer sets the session's cookie, with a new token: one from before is worth nothing any more.
#[utoipa::path(post, path = "/v1/sign-in", tag = "people", request_body = SignInRequest, responses(
    (status = 200, description = "Signed in", body = Me, headers(("Set-Cookie" = String))),
    (status = 401, description = "E-mail or password is wrong")))]
async fn sign_in(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    Json(request): Json<SignInRequest>,
) -> Result<(Cookie, Json<Me>), Problem> {
    app.limits().account.spend(of_text(&request.email.as_str().to_lowercase())).check()?;
    let found = app.store().person_by_email(request.email.as_str()).await?;
    let right = app.passwords().verify(&request.password, found.as_ref().map(|person| &person.password_hash)).await?;
    let person = found.filter(|_| right).ok_or_else(refused)?;
    let cookie = begin_session(&app, &client, &headers, &person).await?;
    Ok(([(SET_COOKIE, cookie)], Json(person.into())))
}

/// Sign out of this session
#[utoipa::path(post, path = "/v1/sign-out", tag = "people",
    responses((status = 204, description = "Signed out", headers(("Set-Cookie" = String)))))]
async fn sign_out(State(app): State<App>, me: SignedIn) -> Result<(StatusCode, Cookie), Problem> {
    app.store().delete_session(me.token_hash()).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, clear_session_cookie())]))
}

/// Sign out everywhere, of this session too
#[utoipa::path(post, path = "/v1/sign-out-everywhere", tag = "people",
    responses((status = 204, description = "Signed out", headers(("Set-Cookie" = String)))))]
async fn sign_out_everywhere(State(app): State<App>, me: SignedIn) -> Result<(StatusCode, Cookie), Problem> {
    app.store().delete_sessions(me.person()).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, clear_session_cookie())]))
}

/// Where you are signed in
#[utoipa::path(get, path = "/v1/me/sessions", tag = "people",
    responses((status = 200, description = "The newest first", body = Listed<SessionOfMine>)))]
async fn list_sessions(State(app): State<App>, me: SignedIn) -> Result<Json<Listed<SessionOfMine>>, Problem> {
    let found = app.store().sessions(me.person()).await?;
    Ok(Json(Listed::whole(found.into_iter().map(|session| SessionOfMine::new(session, &me)).collect())))
}

/// The cookie of a new session of somebody who has just proved who they are. It takes the place of the one that the
/// request came with.
pub(super) async fn begin_session(
    app: &App,
    client: &Client,
    headers: &HeaderMap,
    person: &Person,
) -> Result<HeaderValue, Problem> {
    let token = Token::new();
    let lifetime = app.settings().session_lifetime;
    let new = NewSession { token_hash: token.hash(), ttl_ms: millis(lifetime), user_agent: client.user_agent.clone() };
    let before = session_in(headers).map(|token| hash(&token));
    match app.store().create_session(person, &new, before.as_ref()).await {
        Ok(_) => Ok(session_cookie(&token, lifetime)),
        // The password was changed while this one was checked.
        Err(store::Error::Stale { .. }) => Err(refused()),
        Err(error) => Err(error.into()),
    }
}

/// The same for an e-mail address that nobody has.
pub(super) fn refused() -> Problem {
    Problem::new(Code::SignInFailed, "The e-mail address or the password is wrong. Try again, or ask for a reset link.")
}

impl SessionOfMine {
    fn new(session: Session, me: &SignedIn) -> Self {
        Self {
            current: session.token_hash == *me.token_hash(),
            created_at: session.created_at.into(),
            last_seen_at: session.last_seen_at.into(),
            expires_at: session.expires_at.into(),
            user_agent: session.user_agent,
        }
    }
}
