//! What a bucket answered that is no success: short, without the body, which may repeat what was signed.

use std::error::Error as StdError;

/// How `object_store` begins where there was an answer.
const ANSWERED: &str = "Server returned ";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    status: Option<u16>,
    code: Option<String>,
    /// For whoever looks after the service: it may name its user or role.
    message: Option<String>,
    text: String,
    without_credentials: bool,
}

impl Failure {
    pub(crate) fn of(error: &object_store::Error) -> Self {
        let told = cause_of(error);
        let status = between(&told, "status code: ", " ").and_then(|status| status.parse().ok());
        let code = between(&told, "<Code>", "</Code>").map(str::to_owned);
        let message = between(&told, "<Message>", "</Message>").map(str::to_owned);
        let text = match (status, &code, &message) {
            // Tenants read why their run failed.
            (Some(403), Some(code), _) => code.clone(),
            (_, Some(code), Some(message)) => format!("{code}: {}", message.trim_end_matches('.')),
            (_, Some(code), None) => code.clone(),
            (Some(status), ..) => format!("status {status}"),
            _ => told.clone(),
        };
        let text = text.split('<').next().unwrap_or_default().trim().to_owned();
        let text = if text.is_empty() { "it gave no reason".to_owned() } else { text };
        let without_credentials = status.is_none() && matches!(error, object_store::Error::Unauthenticated { .. });
        Self { status, code, message, text, without_credentials }
    }

    /// What the server says of it in its own words.
    pub(crate) fn said(&self) -> Option<&str> {
        self.message.as_deref()
    }

    pub(crate) fn is_missing_bucket(&self) -> bool {
        self.code.as_deref() == Some("NoSuchBucket")
    }

    /// What to do about it.
    pub(crate) fn advice(&self, action: &str) -> String {
        let advice = match (self.code.as_deref(), self.status) {
            (Some("NoSuchBucket"), _) => "create the bucket, or correct its name",
            (Some("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken"), _)
            | (_, Some(401)) => "check the credentials, and that the clock is right",
            (Some("RequestTimeTooSkewed"), _) => "set the clock of this machine",
            (Some("PermanentRedirect" | "AuthorizationHeaderMalformed"), _) | (_, Some(301 | 307)) => {
                "it is in another region: correct the region"
            }
            (_, Some(403)) => return format!("allow {} on it", permission(action)),
            (_, Some(429 | 503)) => "it asked for fewer requests each time; try again later",
            (_, Some(501)) => "this server does not know the request: another is needed",
            _ if self.text.starts_with("Received redirect") => "it is in another region: correct the region",
            _ if self.without_credentials => "give it credentials",
            (_, None) => "check the endpoint, the region and the network",
            _ => "check the storage",
        };
        advice.to_owned()
    }
}

fn permission(action: &str) -> &'static str {
    match action {
        "write" => "s3:PutObject",
        "read" | "find" => "s3:GetObject, and s3:ListBucket, without which S3 does not say that an object is missing,",
        "list" => "s3:ListBucket",
        "delete" => "s3:DeleteObject",
        "give up" => "s3:AbortMultipartUpload",
        _ => "everything that the documentation names",
    }
}

/// The text of the cause that has the answer, or of the last one.
fn cause_of(error: &object_store::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = error.to_string();
        if told.starts_with(ANSWERED) {
            break;
        }
        cause = error.source();
    }
    told
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = text.split_once(before)?.1;
    Some(rest.split_once(after).map_or(rest, |(found, _)| found))
}
