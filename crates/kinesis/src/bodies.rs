//! The bodies of a call, byte for byte as they cross the wire. Of headers, which hold credentials, nothing is kept.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_kinesis::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_kinesis::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kinesis::operation::RequestId;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::{AggregatedBytes, ByteStream};
use bytes::Bytes;

const TOKEN_HEADER: &str = "x-amz-security-token";
/// Shorter pieces of a token could be found anywhere.
const SHORTEST_TRACE: usize = 16;

/// Given to one call, it refers to the bodies of it. Nothing is copied.
#[derive(Clone)]
pub(crate) struct Bodies(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    responses: Responses,
    request: Option<SdkBody>,
    /// A piece of the session token that the request was sent with.
    trace: Option<String>,
    response: Option<SdkBody>,
}

/// Which responses may be kept.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Responses {
    #[default]
    All,
    /// Those with a request id. Another address than that of AWS may be anything that can be reached from here, and
    /// nobody shall read it by way of the log.
    Identified,
    /// For calls whose answer holds credentials.
    None,
}

impl Bodies {
    pub(crate) fn new(responses: Responses) -> Self {
        Self(Arc::new(Mutex::new(Seen { responses, ..Seen::default() })))
    }

    /// Request and response, as far as there are any. A response that quotes credentials is none.
    pub(crate) async fn take(&self) -> (Option<Bytes>, Option<Bytes>) {
        let Seen { request, response, trace, .. } = std::mem::take(&mut *self.seen());
        let response = whole(response).await;
        (whole(request).await, response.filter(|body| !quotes_credentials(body, trace.as_deref())))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Bodies {
    fn name(&self) -> &'static str {
        "Bodies"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut seen = self.seen();
        seen.request = context.request().body().try_clone();
        seen.trace = context.request().headers().get(TOKEN_HEADER).map(|token| trace(token).to_owned());
        Ok(())
    }

    /// By now the body was read to its end; where that failed there is none.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut seen = self.seen();
        let response = context.response();
        let may_be_kept = match seen.responses {
            Responses::All => true,
            Responses::Identified => response.request_id().is_some(),
            Responses::None => false,
        };
        if may_be_kept {
            seen.response = response.body().try_clone();
        }
        Ok(())
    }
}

/// Prints nothing of what it holds.
impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bodies(..)")
    }
}

/// A body in memory is one piece, which is shared and not copied.
async fn whole(body: Option<SdkBody>) -> Option<Bytes> {
    ByteStream::new(body?).collect().await.ok().map(AggregatedBytes::into_bytes)
}

/// What is left of a token however an answer escapes it: its longest run of letters and digits, of which those of AWS
/// have long ones.
fn trace(token: &str) -> &str {
    let runs = token.split(|c: char| !c.is_ascii_alphanumeric());
    runs.max_by_key(|run| run.len()).filter(|run| run.len() >= SHORTEST_TRACE).unwrap_or(token)
}

/// An answer to a wrong signature quotes the request as it was signed, with the session token; whatever stands at an
/// endpoint of the customer's may do the same.
fn quotes_credentials(body: &[u8], trace: Option<&str>) -> bool {
    let text = String::from_utf8_lossy(body);
    ["The Canonical String", TOKEN_HEADER].into_iter().chain(trace).any(|secret| text.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_quotes_the_token_is_recognized_however_it_is_escaped() {
        let found = trace("AQ/xyz+0123456789abcdef==");
        assert_eq!(found, "0123456789abcdef");
        assert!(quotes_credentials(br#"{"echo":"AQ\/xyz+0123456789abcdef=="}"#, Some(found)));
        assert!(quotes_credentials(b"The Canonical String for this request should have been", None));
        assert!(!quotes_credentials(br#"{"Records":[]}"#, Some(found)));
        assert_eq!(trace("a/b+c=="), "a/b+c==");
    }

    #[tokio::test]
    async fn a_body_is_not_copied() {
        let sent = Bytes::from(vec![b'x'; 100_000]);
        let bodies = Bodies::new(Responses::All);
        bodies.seen().request = SdkBody::from(sent.clone()).try_clone();
        let (request, response) = bodies.take().await;
        assert_eq!(request.map(|body| body.as_ptr()), Some(sent.as_ptr()));
        assert_eq!(response, None);
    }
}
