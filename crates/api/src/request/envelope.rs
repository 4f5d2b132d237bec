//! The outermost layer: whatever happens inside, the answer has a request id, security headers, a body that explains a
//! problem, and a line in the log.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::Instrument;

use crate::App;
use crate::problem::{self, Code, Problem};
use crate::request::client::REQUEST_ID;
use crate::request::{Client, MatchedOperation, limiter};

const SECURITY: &[(&str, &str)] = &[
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("content-security-policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

pub(crate) async fn envelope(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let client = Client::of(&request, app.settings().trusted_proxy);
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request", request_id = client.request_id, %method, route = tracing::field::Empty, workspace = tracing::field::Empty
    );
    request.extensions_mut().insert(client.clone());
    let spent = app.limits().address.spend(limiter::of_address(client.address));
    let mut response = match spent.check() {
        Ok(()) => guarded(&app, request, next).instrument(span.clone()).await,
        Err(problem) => problem.into_response(),
    };
    spent.tell(response.headers_mut());
    let _entered = span.enter();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        log(&problem);
        response = with_body(response, &problem, &client.request_id);
    }
    let elapsed = started.elapsed().as_millis();
    tracing::info!(status = response.status().as_u16(), elapsed_ms = elapsed, client = %client.address, "answered");
    seal(&mut response, &client.request_id);
    response
}

/// Neither a panic nor endless work of a handler gets out.
async fn guarded(app: &App, request: Request, next: Next) -> Response {
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(app.settings().request_timeout, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::internal(Panicked).into_response(),
        Err(_) => Problem::new(Code::TimedOut, Code::TimedOut.explanation()).into_response(),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a handler panicked; the message stands above this line")]
struct Panicked;

fn with_body(response: Response, problem: &Problem, request_id: &str) -> Response {
    let (mut parts, _) = response.into_parts();
    let body = serde_json::to_vec(&problem.body(request_id)).unwrap_or_default();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

fn log(problem: &Problem) {
    let causes: Vec<_> =
        std::iter::successors(problem.source(), |error| (*error).source()).map(ToString::to_string).collect();
    let (code, cause) = (problem.code.as_str(), causes.join(": "));
    if problem.code.status().is_server_error() {
        tracing::error!(code, cause, "refused");
    } else {
        tracing::debug!(code, cause, detail = %problem.detail, "refused");
    }
}

fn seal(response: &mut Response, request_id: &str) {
    let headers = response.headers_mut();
    for (name, value) in SECURITY.iter().copied() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// For the layer of the routes: what is known only there.
pub(super) fn tell_span(operation: &MatchedOperation, workspace: Option<&str>) {
    let span = tracing::Span::current();
    span.record("route", operation.route.as_str());
    if let Some(workspace) = workspace {
        span.record("workspace", workspace);
    }
}
