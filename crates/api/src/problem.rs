//! Every answer that is not a success (RFC 9457): one code per kind, documented here and nowhere else.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Role;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// One wording for whatever is not there, is malformed, or belongs to somebody else: nobody can tell these apart.
const NOT_FOUND: &str = "Nothing is at this address, or it is not yours to see. Check the id and the workspace.";

macro_rules! codes {
    ($($variant:ident $code:literal $status:ident $title:literal $explanation:literal;)*) => {
        /// What kind of problem it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($variant),* }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),* }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation),* }
            }
        }
    };
}

codes! {
    MalformedJson "malformed-json" BAD_REQUEST "The body is not JSON"
        "The body is not syntactically valid JSON. `detail` names line and column.";
    BadRequest "bad-request" BAD_REQUEST "The request cannot be read"
        "The request is broken below the level of its members: a body that ends early, a header that is not text.";
    Unauthenticated "unauthenticated" UNAUTHORIZED "Credentials are missing or not valid"
        "No API key and no session came with the request, or the one that came is unknown, expired or revoked.";
    SignInFailed "sign-in-failed" UNAUTHORIZED "E-mail or password is wrong"
        "The same whether the e-mail address is known or not.";
    Forbidden "forbidden" FORBIDDEN "Your role does not allow this"
        "You are a member of the workspace, or your key belongs to it, but the operation needs a higher role, or a \
         signed-in person instead of a key. `detail` names what it needs.";
    CrossSite "cross-site" FORBIDDEN "The request comes from another site"
        "A browser sent this change on behalf of another site. Changes with a session cookie, and signing in, are taken \
         from the service's own pages only. API keys are not restricted.";
    ServiceIdentityNotAllowed "service-identity-not-allowed" FORBIDDEN "The service's identity is not for this workspace"
        "The operator names the workspaces whose destinations may use the service's own identity, and this is none of \
         them. Use a role or an access key.";
    SignUpClosed "sign-up-closed" FORBIDDEN "Sign-up needs an invitation"
        "The operator of this service does not take new customers without an invitation.";
    NotFound "not-found" NOT_FOUND "Not found"
        "The address leads to nothing, the id is malformed or unknown, or it belongs to a workspace that you are not a \
         member of. These are not told apart.";
    LogExpired "log-expired" GONE "The log does not go back that far"
        "What is asked for is older than the workspace keeps its debug log (`log_retention_days`), and was deleted or will be soon.";
    LogDamaged "log-damaged" INTERNAL_SERVER_ERROR "A part of the debug log is damaged"
        "`detail` names the object that is damaged or missing. Nothing of it is shown; all other objects can be read. Restore it \
         from a copy of the object storage.";
    LinkEnded "link-ended" NOT_FOUND "The link is not valid any more"
        "The token of an invitation or of a password reset is unknown, was used or revoked, or has expired.";
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "This address does not take that method"
        "The `Allow` header lists the methods it takes.";
    Taken "taken" CONFLICT "The name is taken"
        "Something of this kind with the same name (or e-mail address) exists already.";
    InUse "in-use" CONFLICT "It is in use"
        "What should be deleted is used by something else, which `detail` names.";
    Conflict "conflict" CONFLICT "The state does not allow this"
        "The request is fine, but not in the state that things are in. `detail` says which, and what to do.";
    LastOwner "last-owner" CONFLICT "A workspace needs an owner"
        "The last owner can be neither removed nor given another role.";
    IdempotencyInProgress "idempotency-in-progress" CONFLICT "The first request is still at work"
        "A request with the same Idempotency-Key has not been answered yet. Ask again in a few seconds.";
    QuotaExceeded "quota-exceeded" CONFLICT "A quota of the workspace is used up"
        "`detail` names the quota and its limit. End or delete something, or ask the operator for more.";
    Stale "stale" PRECONDITION_FAILED "It has changed since you read it"
        "The `If-Match` header is not the current ETag. Read it again, repeat the change on what is there now.";
    TooLarge "too-large" PAYLOAD_TOO_LARGE "The body is too large"
        "`detail` names the limit.";
    UnsupportedMediaType "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "The body has to be JSON"
        "Bodies are taken with `Content-Type: application/json` only.";
    UnknownReference "unknown-reference" UNPROCESSABLE_ENTITY "The body names something that is not there"
        "An id in the body is malformed or unknown, or belongs to another workspace. These are not told apart. `errors` \
         names the member.";
    EndpointNotAllowed "endpoint-not-allowed" UNPROCESSABLE_ENTITY "Endpoints are given by AWS here"
        "The operator of this service does not allow destinations with an endpoint of their own. Leave it out.";
    Invalid "invalid" UNPROCESSABLE_ENTITY "The request does not make sense as it is"
        "`errors` names each member of the body by a JSON pointer, each query parameter or header by its name.";
    IdempotencyKeyReused "idempotency-key-reused" UNPROCESSABLE_ENTITY "The Idempotency-Key was used for another request"
        "A key stands for one request. Make a new key for another request.";
    IdempotencyUnsupported "idempotency-unsupported" UNPROCESSABLE_ENTITY "This operation takes no Idempotency-Key"
        "What it answers is shown once and not kept, so it could not be answered again.";
    PreconditionRequired "precondition-required" PRECONDITION_REQUIRED "If-Match is missing"
        "Send the ETag that you got when you read it, or `*` to overwrite whatever is there.";
    RateLimited "rate-limited" TOO_MANY_REQUESTS "Too many requests"
        "Wait for as many seconds as `Retry-After` says. `RateLimit-Policy` and `RateLimit` tell the limits.";
    Internal "internal" INTERNAL_SERVER_ERROR "Something went wrong on our side"
        "Tell the operator the request id: the log has the cause. Whether a change was made is not certain.";
    Busy "busy" SERVICE_UNAVAILABLE "The service is busy"
        "It has as much to do as it can, or its database does not answer. Try again after `Retry-After` seconds.";
    TimedOut "timed-out" GATEWAY_TIMEOUT "It took too long"
        "The request was given up. Whether a change was made is not certain: read, or repeat with the Idempotency-Key.";
}

/// A refusal on its way out. `request::envelope` gives it its body and writes its causes to the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct Problem {
    pub code: Code,
    pub detail: Cow<'static, str>,
    pub errors: Vec<Fault>,
    /// Kept for the log, never shown.
    #[source]
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// One thing that is wrong with a request. Exactly one of the first three members says where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the body; empty for the whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pointer: Option<String>,
    /// Name of a query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
    /// Name of a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub header: Option<String>,
    /// What is wrong, and what to do.
    pub detail: String,
}

impl Fault {
    /// The same where the member stands below another one.
    pub(crate) fn under(self, above: &str) -> Self {
        Self { pointer: self.pointer.map(|pointer| format!("{above}{pointer}")), ..self }
    }
}

/// What went wrong (RFC 9457). `GET /problems` explains every code.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body {
    /// `/problems/` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", examples("/problems/not-found"))]
    pub(crate) type_: String,
    pub(crate) title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    pub(crate) status: u16,
    /// For programs: stable, one per kind of problem.
    #[schema(examples("not-found"))]
    pub(crate) code: &'static str,
    /// For people: what happened, to what, and what to do now.
    pub(crate) detail: String,
    /// The id of the request, as in the header `X-Request-Id`.
    pub(crate) instance: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) errors: Vec<Fault>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), cause: None, headers: Vec::new() }
    }

    pub fn not_found() -> Self {
        Self::new(Code::NotFound, NOT_FOUND)
    }

    /// A member of the body is wrong. `pointer`: as `/source/host`, or empty for the whole body.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::faults(vec![Fault { pointer: Some(pointer.into()), detail: detail.into(), ..Fault::default() }])
    }

    pub fn invalid_parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::faults(vec![Fault { parameter: Some(name.into()), detail: detail.into(), ..Fault::default() }])
    }

    pub fn invalid_header(name: &str, detail: impl Into<String>) -> Self {
        Self::faults(vec![Fault { header: Some(name.to_owned()), detail: detail.into(), ..Fault::default() }])
    }

    /// Several members are wrong. There has to be at least one.
    pub fn faults(errors: Vec<Fault>) -> Self {
        let detail = match errors.as_slice() {
            [one] => one.detail.clone().into(),
            _ => Cow::from("Several things are wrong: see `errors`."),
        };
        Self { errors, ..Self::new(Code::Invalid, detail) }
    }

    pub fn needs_role(role: Role) -> Self {
        Self::new(Code::Forbidden, format!("This needs the role {} or a higher one.", role.as_str()))
    }

    pub fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Arc::new(cause)), ..Self::new(Code::Internal, Code::Internal.explanation()) }
    }

    pub fn busy(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Busy, detail).retry_after(2)
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        self
    }

    #[must_use]
    pub fn caused_by(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Arc::new(cause)), ..self }
    }

    pub(crate) fn body(&self, request_id: &str) -> Body {
        Body {
            type_: format!("/problems/{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code.as_str(),
            detail: self.detail.to_string(),
            instance: request_id.to_owned(),
            errors: self.errors.clone(),
        }
    }
}

/// Without a body: it needs the request's id, which the outermost layer knows.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if self.code == Code::Unauthenticated {
            let challenge = HeaderValue::from_static("Bearer realm=\"rowcast\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        for (name, value) in &self.headers {
            response.headers_mut().append(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What the store refuses. Whatever a user cannot cause is internal, and says nothing.
impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        use store::Error as E;
        let says = |code: Code| Self::new(code, sentence(&error.to_string()));
        match &error {
            E::NotFound { .. } => Self::not_found(),
            E::Taken { .. } => says(Code::Taken),
            E::InUse { .. } => says(Code::InUse),
            E::Stale { .. } => says(Code::Stale),
            E::LastOwner(_) => says(Code::LastOwner),
            E::NeedsRole(role) => Self::needs_role(*role),
            E::NotFirst => Self::new(Code::SignUpClosed, "Ask an owner of a workspace for an invitation."),
            E::LinkEnded { .. } => says(Code::LinkEnded),
            E::Limit { .. } => says(Code::QuotaExceeded),
            E::OtherEmail | E::MemberElsewhere(_) | E::OtherRunWaits { .. } | E::NotOpen(_) => says(Code::Conflict),
            E::Held { sync, reason } => {
                let detail = format!(
                    "{sync} is held ({reason}): the service was restored from a backup. Choose `full-resync` or `accept` by \
                     POST to its `restore-decision` first."
                );
                Self::new(Code::Conflict, detail)
            }
            E::NotHeld(_) | E::Paused { .. } => says(Code::Conflict),
            E::SecretNeeded { .. } => Self::invalid("", sentence(&error.to_string())),
            _ if error.transient() => Self::busy("The service cannot reach its database. Try again.").caused_by(error),
            _ => Self::internal(error),
        }
    }
}

/// Messages of errors begin small and end open; a detail is a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_one_of_a_kind_and_is_explained() {
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.as_str().chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'), "{code:?}");
            assert!(code.explanation().ends_with('.'), "{code:?}");
        }
    }

    #[test]
    fn an_internal_problem_does_not_show_its_cause() {
        let error = store::Error::NotEnded("queued");
        let body = serde_json::to_string(&Problem::from(error).body("r1")).unwrap();
        assert!(body.contains("\"internal\"") && !body.contains("queued"), "{body}");
    }
}
