use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::auth::Token;

/// The prefix makes browsers refuse it unless it is Secure, has Path=/ and no Domain: no other host can set it.
const NAME: &str = "__Host-rowcast_session";

/// The token that came with a request.
pub(crate) fn session_in(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).map(|(_, token)| token.to_owned())
}

pub(crate) fn session_cookie(token: &Token, lifetime: Duration) -> HeaderValue {
    cookie(token.expose(), lifetime.as_secs())
}

pub(crate) fn clear_session_cookie() -> HeaderValue {
    cookie("", 0)
}

fn cookie(value: &str, seconds: u64) -> HeaderValue {
    let text = format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax");
    // Tokens and numbers are letters that a header may have.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
