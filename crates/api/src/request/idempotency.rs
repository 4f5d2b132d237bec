//! A creating call that is repeated because its answer was lost gets the first answer again.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use store::{Answer, Idempotent, Scope, Ticket};

use crate::access::{self, Needs};
use crate::auth::Caller;
use crate::problem::{Code, Problem};
use crate::request::MatchedOperation;
use crate::{App, extract};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// What of an answer's headers is kept, beside the body.
const KEPT: &[HeaderName] = &[header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// What is kept of an answer that shows rows or keys: whoever has them erased could not reach them here. On the response.
#[derive(Debug, Clone)]
pub(crate) struct KeptInstead(Answer);

impl KeptInstead {
    /// Where the whole answer is to be had, and what may be kept of it.
    pub(crate) fn accepted(location: &str, body: &impl serde::Serialize) -> Self {
        let headers = json!({ header::LOCATION.as_str(): location, header::CONTENT_TYPE.as_str(): "application/json" });
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self(Answer { status: StatusCode::ACCEPTED.as_u16(), headers, body })
    }
}

/// Whether an operation takes an Idempotency-Key.
pub(crate) fn supported(method: &Method, operation: &str, needs: Needs) -> bool {
    *method == Method::POST && matches!(needs, Needs::Role(_)) && !access::SHOWN_ONCE.contains(&operation)
}

pub(crate) async fn answer(app: &App, request: Request, next: Next) -> Result<Response, Problem> {
    let Some(key) = key(request.headers())? else { return Ok(next.run(request).await) };
    if *request.method() != Method::POST {
        // Reading, replacing and deleting can be repeated anyway.
        return Ok(next.run(request).await);
    }
    let operation = request.extensions().get::<MatchedOperation>();
    let fits = operation.is_some_and(|operation| supported(request.method(), operation.id, operation.needs));
    let caller = request.extensions().get::<Caller>().filter(|_| fits).cloned();
    let Some(caller) = caller else {
        let detail = "Send this request without an Idempotency-Key: its answer is not kept, so it cannot be repeated.";
        return Err(Problem::new(Code::IdempotencyUnsupported, detail));
    };
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, app.settings().body_limit).await.map_err(|error| extract::body_problem(error, app))?;
    let target = parts.uri.path_and_query().map(|target| target.as_str()).unwrap_or_default();
    let request_hash = hash(&parts.method, target, &body);
    let request = Request::from_parts(parts, Body::from(body));
    match caller.scope.begin_idempotent(caller.actor_id(), &key, &request_hash).await? {
        Idempotent::First(ticket) => first(caller.scope, ticket, request, next).await,
        Idempotent::Replay(answer) => Ok(replay(answer)),
        Idempotent::InProgress => {
            let detail = "The first request with this Idempotency-Key has not been answered yet.";
            Err(Problem::new(Code::IdempotencyInProgress, detail).retry_after(1))
        }
        Idempotent::OtherRequest => {
            let detail = "This Idempotency-Key came with another request before. Use a new key for a new request.";
            Err(Problem::new(Code::IdempotencyKeyReused, detail))
        }
    }
}

/// In a task of its own: it is finished, and its answer kept, also when the client has gone. Only what was done is kept;
/// a refused request changed nothing and is judged anew.
async fn first(scope: Scope, ticket: Ticket, request: Request, next: Next) -> Result<Response, Problem> {
    let work = tokio::spawn(tracing::Instrument::in_current_span(async move {
        let response = next.run(request).await;
        if !response.status().is_success() {
            scope.abandon_idempotent(&ticket).await?;
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(Problem::internal)?;
        let instead = parts.extensions.remove::<KeptInstead>();
        let answer = instead.map_or_else(
            || Answer { status: parts.status.as_u16(), headers: kept(&parts.headers), body: body.to_vec() },
            |KeptInstead(answer)| answer,
        );
        scope.finish_idempotent(&ticket, &answer).await?;
        Ok(Response::from_parts(parts, Body::from(body)))
    }));
    work.await.map_err(Problem::internal)?
}

fn replay(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    for name in KEPT {
        response.headers_mut().remove(name);
        let value = answer.headers.get(name.as_str()).and_then(Value::as_str);
        if let Some(value) = value.and_then(|text| HeaderValue::from_str(text).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn kept(headers: &HeaderMap) -> Value {
    let text = |name: &HeaderName| Some((name.to_string(), Value::from(headers.get(name)?.to_str().ok()?)));
    Value::Object(KEPT.iter().filter_map(text).collect::<Map<_, _>>())
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| (1..=255).contains(&text.len()));
    // Tab and line ends are the only other characters that `to_str` lets through, and no header holds a line end.
    let text = text.filter(|text| !text.contains('\t') && values.next().is_none());
    let odd = || Problem::invalid_header(KEY.as_str(), "One key of 1 to 255 printable ASCII characters is expected.");
    text.map(|text| Some(text.to_owned())).ok_or_else(odd)
}

/// Each part with its length, so that none runs into the next.
fn hash(method: &Method, target: &str, body: &Bytes) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in [method.as_str().as_bytes(), target.as_bytes(), body] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
