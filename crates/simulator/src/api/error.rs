//! Errors of a whole call, as they go over the wire.

use std::borrow::Cow;

use crate::ACCOUNT_ID;

/// `{"__type": code, "message": message}` with an HTTP status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into() }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new("InvalidArgumentException", message)
    }

    pub(crate) fn serialization(error: &serde_json::Error) -> Self {
        Self::new("SerializationException", error.to_string())
    }

    pub(crate) fn internal_failure() -> Self {
        Self::new("InternalFailure", "Internal service failure.").with_status(500)
    }

    pub(crate) fn stream_not_found(name: &str) -> Self {
        let message = format!("Stream {name} under account {ACCOUNT_ID} not found.");
        Self::new("ResourceNotFoundException", message)
    }

    /// An error of this code with the text that Kinesis gives it, as far as it is known.
    pub(crate) fn typical(code: &str, stream: &str) -> Self {
        let status = match code {
            "InternalFailure" | "InternalFailureException" => 500,
            "ServiceUnavailable" => 503,
            "AccessDenied" | "RegionDisabledException" => 403,
            _ => 400,
        };
        let message = match code {
            "ResourceNotFoundException" => return Self::stream_not_found(stream),
            "AccessDeniedException" => format!(
                "User: arn:aws:iam::{ACCOUNT_ID}:user/simulated is not authorized to perform this operation on stream \
                 {stream} because no identity-based policy allows it"
            ),
            "ExpiredTokenException" => "The security token included in the request is expired".to_owned(),
            "UnrecognizedClientException" => "The security token included in the request is invalid.".to_owned(),
            "LimitExceededException" => format!("Rate exceeded for account {ACCOUNT_ID}."),
            "ProvisionedThroughputExceededException" => {
                format!("Rate exceeded for stream {stream} under account {ACCOUNT_ID}.")
            }
            "ThrottlingException" | "Throttling" => "Rate exceeded".to_owned(),
            "AccessDenied" => {
                format!("User: arn:aws:iam::{ACCOUNT_ID}:user/simulated is not authorized to perform: sts:AssumeRole")
            }
            "KMSAccessDeniedException" => {
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or \
                 you are not allowed to access."
                    .to_owned()
            }
            "ValidationException" => "1 validation error detected".to_owned(),
            "InternalFailure" | "InternalFailureException" => "Internal service failure.".to_owned(),
            "ServiceUnavailable" => "The request failed due to a temporary failure of the server.".to_owned(),
            other => format!("{other} on the simulator's command."),
        };
        Self::new(code.to_owned(), message).with_status(status)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        serde_json::json!({"__type": self.code, "message": self.message}).to_string().into_bytes()
    }
}
