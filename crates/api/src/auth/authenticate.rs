use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use domain::Role;
use store::{ApiKey, KeyState, Scope, Session};
use subtle::ConstantTimeEq;

use crate::App;
use crate::auth::{KeyText, hash, session_in};
use crate::problem::{Code, Problem};

/// How a caller proved who it is.
#[derive(Clone)]
pub(crate) enum Credential {
    Session(Session),
    Key(ApiKey),
}

impl Credential {
    /// By which its requests are counted.
    pub(crate) fn rate_key(&self) -> u128 {
        match self {
            Self::Session(session) => {
                session.token_hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
            }
            Self::Key(key) => key.id.uuid().as_u128(),
        }
    }
}

/// An `Authorization` header is the credential, whatever else comes along; without one it is the cookie.
pub(crate) async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Credential, Problem> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let text = value.to_str().ok().and_then(bearer).and_then(KeyText::parse).ok_or_else(not_valid)?;
        return key(app, &text).await.map(Credential::Key);
    }
    let token = session_in(headers).ok_or_else(missing)?;
    let session = app.store().session(&hash(&token)).await?;
    session.map(Credential::Session).ok_or_else(not_valid)
}

/// `None`: no member, or a key of another workspace, or there is no such workspace. A key may do no more than its maker.
pub(crate) async fn role_in(credential: &Credential, scope: &Scope) -> Result<Option<Role>, Problem> {
    match credential {
        Credential::Session(session) => Ok(scope.membership(session.person).await?),
        Credential::Key(key) => Ok((key.workspace == scope.workspace()).then(|| key.acts_as())),
    }
}

async fn key(app: &App, text: &KeyText) -> Result<ApiKey, Problem> {
    let found = app.store().api_key(text.id).await?.ok_or_else(not_valid)?;
    let secret_fits: bool = found.secret_hash.ct_eq(&text.secret_hash()).into();
    if !secret_fits || found.state != KeyState::Active {
        return Err(not_valid());
    }
    app.store().api_key_used(&found).await?;
    Ok(found)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn missing() -> Problem {
    let detail = "Send an API key as `Authorization: Bearer rc_live_...`, or sign in for a session cookie.";
    Problem::new(Code::Unauthenticated, detail)
}

/// The same for unknown, expired and revoked ones.
fn not_valid() -> Problem {
    let detail = "The API key or session is unknown, has expired or was revoked. Sign in again, or use another key.";
    Problem::new(Code::Unauthenticated, detail)
}
