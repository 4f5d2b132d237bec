//! The wire: HTTP/1.1, for Kinesis with `X-Amz-Target` headers and JSON, for STS with forms and XML, and the faults that
//! happen to calls on their way.

mod admin;
mod connection;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::api::{ApiError, Call, Operation, xml};
use crate::faults::{Ending, LateAnswer, Verdict};
use crate::iam::Caller;
use crate::state::{Simulator, shard_id};

pub(crate) use connection::{Fate, Listener};

/// Room for 10 MiB of data in base64, with keys and syntax, and for what Kinesis refuses with an error of its own.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

pub(crate) fn router(simulator: Arc<Simulator>) -> Router {
    Router::new()
        .route("/", post(aws))
        .route("/_simulator/faults", get(admin::faults).post(admin::add_faults).delete(admin::clear_faults))
        .route("/_simulator/limits", get(admin::limits).post(admin::set_limits))
        .route("/_simulator/calls", get(admin::calls))
        .route("/_simulator/streams/{name}/records", get(admin::records))
        .route("/_simulator/streams/{name}/shards", get(admin::shards))
        .route("/_simulator/roles", get(admin::roles).post(admin::put_roles).delete(admin::clear_roles))
        .route("/_simulator/principals", get(admin::principals).post(admin::add_principals))
        .route("/_simulator/sessions", get(admin::sessions))
        .route("/_simulator/sessions/age", post(admin::age_sessions))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(simulator)
}

/// How a request is written, and how it wants to be answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// Kinesis: `application/x-amz-json-1.1`.
    Json,
    /// STS: a form that is answered by XML.
    Query,
}

impl Protocol {
    fn of(headers: &HeaderMap) -> Self {
        let form = text(headers, "content-type").starts_with("application/x-www-form-urlencoded");
        if form && !headers.contains_key("x-amz-target") { Self::Query } else { Self::Json }
    }

    fn operation(self, headers: &HeaderMap, body: &[u8]) -> Result<Operation, ApiError> {
        let content_type = text(headers, "content-type");
        match self {
            Self::Query => xml::operation(body),
            Self::Json => {
                let is_json = content_type.starts_with("application/x-amz-json-1.")
                    || content_type.starts_with("application/json");
                let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
                target.filter(|_| is_json).and_then(Operation::from_target).ok_or_else(|| {
                    let target = target.unwrap_or("no X-Amz-Target");
                    let message = format!("{target} as `{content_type}` is not known to the simulator.");
                    ApiError::new("UnknownOperationException", message)
                })
            }
        }
    }

    fn not_signed(self) -> ApiError {
        match self {
            Self::Json => ApiError::new("MissingAuthenticationTokenException", "Missing Authentication Token"),
            Self::Query => {
                let message = "Request is missing Authentication Token";
                ApiError::new("MissingAuthenticationToken", message).with_status(403)
            }
        }
    }
}

/// How a call ends on the wire.
enum Outcome {
    Answer(Result<Vec<u8>, ApiError>),
    Cut(Result<Vec<u8>, ApiError>),
    Reset,
}

async fn aws(
    State(simulator): State<Arc<Simulator>>,
    ConnectInfo(fate): ConnectInfo<Fate>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let protocol = Protocol::of(&headers);
    let outcome = match receive(&simulator, protocol, &headers, &body) {
        Ok(call) => {
            let verdict = judge(&simulator, &call);
            if verdict.latency.is_zero() {
                carry_out(simulator, call, verdict).await
            } else {
                // A task of its own: a client that gives up waiting does not take its call back.
                let late = tokio::spawn(async move {
                    tokio::time::sleep(verdict.latency).await;
                    carry_out(simulator, call, verdict).await
                });
                late.await.unwrap_or(Outcome::Reset)
            }
        }
        Err(error) => Outcome::Answer(Err(error)),
    };
    match outcome {
        Outcome::Answer(answer) => respond(protocol, answer),
        Outcome::Cut(answer) => {
            fate.cut();
            respond(protocol, answer)
        }
        Outcome::Reset => {
            fate.reset();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Reads operation, signature and body. The signature is not verified, but there has to be one.
fn receive(simulator: &Simulator, protocol: Protocol, headers: &HeaderMap, body: &[u8]) -> Result<Call, ApiError> {
    let operation = protocol.operation(headers, body)?;
    simulator.count_call(operation);
    let authorization = text(headers, header::AUTHORIZATION.as_str());
    if authorization.is_empty() {
        return Err(protocol.not_signed());
    }
    let Some((access_key_id, region)) = credential_of(authorization) else {
        let message = "Authorization header requires a 'Credential' parameter with a scope.";
        return Err(ApiError::new("IncompleteSignatureException", message));
    };
    let token = headers.get("x-amz-security-token").and_then(|value| value.to_str().ok());
    let caller = Caller { access_key_id: access_key_id.to_owned(), session_token: token.map(str::to_owned) };
    Call::parse(operation, caller, region.to_owned(), body)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Key and region in `AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/kinesis/aws4_request, ...`.
fn credential_of(authorization: &str) -> Option<(&str, &str)> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let mut parts = credential.split(',').next()?.split('/');
    Some((parts.next()?, parts.nth(1)?))
}

fn judge(simulator: &Simulator, call: &Call) -> Verdict {
    let mut shards = Vec::new();
    if call.operation.is_put() && simulator.faults().names_shards() {
        let mut account = simulator.account();
        if let Ok(stream) = call.target.find(&mut account, &call.region) {
            let shard = |hash| shard_id(stream.shards[stream.route(hash)].number);
            shards = call.records().iter().map(|entry| shard(entry.hash())).collect();
        }
    }
    simulator.faults().judge(call, &shards)
}

async fn carry_out(simulator: Arc<Simulator>, call: Call, verdict: Verdict) -> Outcome {
    let Some(ending) = verdict.ending else {
        return Outcome::Answer(call.execute(&simulator, &verdict.records));
    };
    match ending {
        Ending::Hang => hang(&simulator).await,
        Ending::ResetBefore => Outcome::Reset,
        Ending::ResetAfter => {
            log_refusal(&call.execute(&simulator, &verdict.records));
            Outcome::Reset
        }
        Ending::CutAnswer => Outcome::Cut(call.execute(&simulator, &verdict.records)),
        Ending::ApplyLater { delay, answer } => {
            let later = Arc::clone(&simulator);
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                log_refusal(&call.execute(&later, &verdict.records));
            });
            match answer {
                LateAnswer::Nothing => hang(&simulator).await,
                LateAnswer::Reset => Outcome::Reset,
            }
        }
        Ending::Error { error, written } => {
            if written {
                log_refusal(&call.execute(&simulator, &verdict.records));
            }
            Outcome::Answer(Err(error))
        }
    }
}

/// Waits for the end of the simulator.
async fn hang(simulator: &Simulator) -> Outcome {
    let mut closing = simulator.closing.subscribe();
    // An error would mean that the sender is gone, which is the end as well.
    drop(closing.wait_for(|closing| *closing).await);
    Outcome::Reset
}

/// An answer that nobody gets: if it is an error, the log is the only place where it shows.
fn log_refusal(answer: &Result<Vec<u8>, ApiError>) {
    if let Err(error) = answer {
        tracing::debug!(code = %error.code, message = %error.message, "a call whose answer was not wanted was refused");
    }
}

fn respond(protocol: Protocol, answer: Result<Vec<u8>, ApiError>) -> Response {
    let request_id = next_request_id();
    let (status, body) = match answer {
        Ok(body) if protocol == Protocol::Query => (StatusCode::OK, xml::answer(&body, &request_id)),
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, if protocol == Protocol::Query { xml::error(&error, &request_id) } else { error.body() })
        }
    };
    let content_type = if protocol == Protocol::Query { "text/xml" } else { "application/x-amz-json-1.1" };
    let headers = [("content-type", content_type.to_owned()), ("x-amzn-requestid", request_id)];
    (status, headers, body).into_response()
}

fn next_request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("00000000-0000-4000-8000-{number:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_region_come_from_the_credential_scope() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/kinesis/aws4_request, SignedHeaders=host";
        assert_eq!(credential_of(header), Some(("AKID", "eu-west-1")));
        assert_eq!(credential_of("Bearer token"), None);
    }
}
