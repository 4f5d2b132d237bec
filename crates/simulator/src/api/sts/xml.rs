//! The XML of STS.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Form;
use crate::ACCOUNT_ID;
use crate::api::{ApiError, Operation};
use crate::iam::{Identity, Issued};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// Stands in a body for the id of the request, which is known when the answer is written.
const REQUEST_ID: &str = "{request-id}";

/// What a form asks for.
pub(crate) fn operation(body: &[u8]) -> Result<Operation, ApiError> {
    let form = Form::read(body);
    let action = form.get("Action").unwrap_or_default();
    Operation::from_action(action).ok_or_else(|| {
        let version = form.get("Version").unwrap_or_default();
        ApiError::new("InvalidAction", format!("Could not find operation {action} for version {version}"))
    })
}

pub(crate) fn answer(body: &[u8], request_id: &str) -> Vec<u8> {
    String::from_utf8_lossy(body).replace(REQUEST_ID, request_id).into_bytes()
}

pub(crate) fn error(error: &ApiError, request_id: &str) -> Vec<u8> {
    let fault = if error.status < 500 { "Sender" } else { "Receiver" };
    let (code, message) = (escape(&error.code), escape(&error.message));
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    .into_bytes()
}

pub(super) fn caller_identity(identity: &Identity) -> Vec<u8> {
    let account = identity.arn.split(':').nth(4).unwrap_or(ACCOUNT_ID);
    let (arn, id) = (escape(&identity.arn), escape(&identity.user_id));
    body("GetCallerIdentity", &format!("<Arn>{arn}</Arn><UserId>{id}</UserId><Account>{account}</Account>"))
}

pub(super) fn assumed(issued: &Issued) -> Result<Vec<u8>, ApiError> {
    let seconds = i64::try_from(issued.expires_ms / 1_000).unwrap_or(i64::MAX);
    let expiration = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|time| time.format(&Rfc3339).ok());
    let expiration = expiration.ok_or_else(ApiError::internal_failure)?;
    let credentials = format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{expiration}</Expiration></Credentials>",
        escape(&issued.access_key_id),
        escape(&issued.secret_access_key),
        escape(&issued.session_token),
    );
    let user = format!(
        "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>",
        escape(&issued.identity.user_id),
        escape(&issued.identity.arn),
    );
    Ok(body("AssumeRole", &format!("{user}{credentials}")))
}

fn body(operation: &str, result: &str) -> Vec<u8> {
    format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}</{operation}Result>\
         <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{operation}Response>"
    )
    .into_bytes()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
