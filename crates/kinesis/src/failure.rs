use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kinesis::config::http::HttpResponse;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::RequestId;
use engine::outcome::{CallFailure, Fatal, Verdict, judge_call};

pub(crate) const NO_CREDENTIALS: &str = "no-credentials";
const UNREACHABLE: &str = "unreachable";
const CONNECTION_LOST: &str = "connection-lost";

/// A call without a usable answer, or with an error for an answer.
#[derive(Debug)]
pub struct Failure {
    pub(crate) kind: Kind,
    /// The code of Kinesis, or a word of ours where there is none.
    pub code: String,
    pub message: String,
    pub status: Option<u16>,
    pub request_id: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The request never left.
    NotSent,
    /// There are no credentials to sign it with, and there will be none.
    NoCredentials,
    NoAnswer,
    /// The role was not assumed, so that the call was not made.
    Role(RoleTrouble),
    /// The session of the role had ended; another one begins with the next try.
    SessionEnded,
    Answer {
        /// Kinesis sent a code.
        coded: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoleTrouble {
    /// AccessDenied: AWS does not tell a role that does not exist from one that does not trust us.
    Refused,
    /// The service's own credentials are missing or bad.
    ServiceIdentity,
    /// STS refuses the request itself.
    NotAccepted,
    /// No usable answer, or one that says "later".
    Unavailable,
}

impl Failure {
    /// An answer that does not fit the request.
    pub(crate) fn unreadable(message: String, request_id: Option<String>) -> Self {
        Self {
            kind: Kind::NoAnswer,
            code: "unreadable-answer".to_owned(),
            message,
            status: Some(200),
            request_id,
            source: None,
        }
    }

    /// The call was given up on its way: whether it was applied, nobody knows.
    pub(crate) fn given_up(error: &(dyn StdError + 'static)) -> Self {
        Self {
            kind: Kind::NoAnswer,
            code: CONNECTION_LOST.to_owned(),
            message: chain(error),
            status: None,
            request_id: None,
            source: None,
        }
    }

    /// The SDK did not accept the request.
    pub(crate) fn not_built(error: &(dyn StdError + 'static)) -> Self {
        Self {
            kind: Kind::NotSent,
            code: "not-built".to_owned(),
            message: chain(error),
            status: None,
            request_id: None,
            source: None,
        }
    }

    pub(crate) fn from_sdk<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let request_id = error.request_id().map(str::to_owned);
        let (kind, code) = match &error {
            SdkError::ServiceError(service) => match service.err().code() {
                Some(code) => (Kind::Answer { coded: true }, code.to_owned()),
                None => (Kind::Answer { coded: false }, format!("http-{}", status.unwrap_or_default())),
            },
            SdkError::ResponseError(_) => (Kind::NoAnswer, "unreadable-answer".to_owned()),
            SdkError::TimeoutError(_) => (Kind::NoAnswer, "timed-out".to_owned()),
            SdkError::ConstructionFailure(_) => (Kind::NotSent, "not-built".to_owned()),
            other => dispatch(other),
        };
        match &error {
            // The SDK's error holds the whole answer, which may quote a session token: only its text goes on.
            SdkError::ServiceError(service) => {
                let message = service.err().message().map_or_else(String::new, without_request);
                Self { kind, code, message, status, request_id, source: None }
            }
            _ => Self { kind, code, message: chain(&error), status, request_id, source: Some(Box::new(error)) },
        }
    }

    /// Whether status and request id are those of the call itself, and not of AssumeRole.
    pub(crate) const fn is_its_own(&self) -> bool {
        !matches!(self.kind, Kind::Role(_))
    }

    /// Where egress is limited nobody is told what lies behind an address: closed, filtered and refused look alike.
    pub(crate) fn guarded(self, guarded: bool) -> Self {
        match self.kind {
            Kind::NotSent if guarded && self.code == UNREACHABLE => {
                tracing::info!(failure = %self, "an endpoint could not be reached");
                Self { message: "the endpoint cannot be reached from here".to_owned(), source: None, ..self }
            }
            _ => self,
        }
    }

    /// What it means to a put of so many records.
    pub(crate) fn verdict(&self, records: usize) -> Verdict {
        let failure = match self.kind {
            Kind::NotSent | Kind::SessionEnded | Kind::Role(RoleTrouble::Unavailable) => CallFailure::NotSent,
            Kind::Role(_) => return Verdict::Fatal(Fatal::AccessDenied),
            Kind::NoCredentials => return Verdict::Fatal(Fatal::InvalidCredentials),
            Kind::NoAnswer => CallFailure::NoAnswer,
            Kind::Answer { coded } => CallFailure::Error {
                status: self.status.unwrap_or_default(),
                code: coded.then_some(&self.code),
                message: &self.message,
            },
        };
        judge_call(&failure, records)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} (HTTP {status}): {}", self.code, self.message),
            None => write!(f, "{}: {}", self.code, self.message),
        }
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An answer to a wrong signature may quote the request, and with it the session token.
fn without_request(message: &str) -> String {
    let end = message.find("The Canonical String").unwrap_or(message.len());
    message[..end].trim_end().to_owned()
}

/// No answer came; the chain of causes tells whether the request can have left.
fn dispatch(error: &(dyn StdError + 'static)) -> (Kind, String) {
    if let Some(credentials) = find::<CredentialsError>(error) {
        let kind = match credentials {
            // The SDK's chain asks the network; that may work again soon.
            CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_) => Kind::NotSent,
            _ => Kind::NoCredentials,
        };
        return (kind, NO_CREDENTIALS.to_owned());
    }
    match find::<hyper_util::client::legacy::Error>(error) {
        Some(hyper) if hyper.is_connect() => (Kind::NotSent, UNREACHABLE.to_owned()),
        _ => (Kind::NoAnswer, CONNECTION_LOST.to_owned()),
    }
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The causes one after the other; many layers of the SDK repeat the one below.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            let separator = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{separator}{cause}");
        }
    }
    text
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |cause: &&'a (dyn StdError + 'static)| (*cause).source())
}
