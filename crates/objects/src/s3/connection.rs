//! The HTTP under the requests: one TLS stack with the rest of the program, time-outs, and the condition without which an
//! object could be replaced.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use http::header::{CONTENT_LENGTH, HeaderValue, IF_NONE_MATCH, RANGE};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

const CONNECT: Duration = Duration::from_secs(5);
/// Until an answer begins, beside the time that sending the body may take.
const ANSWER: Duration = Duration::from_secs(20);
/// Without a byte of an answer that has begun.
const SILENCE: Duration = Duration::from_secs(20);
/// S3 closes connections that idle for about twenty seconds.
const POOL_IDLE: Duration = Duration::from_secs(15);
/// What is set aside at once for an answer, whatever it says of its length.
const MOST_SET_ASIDE: usize = 16 << 20;

#[derive(Clone)]
pub(super) struct Connection {
    client: Client<HttpsConnector<Tcp>, HttpRequestBody>,
}

impl Connection {
    /// `plain`: without TLS.
    pub(super) fn new(plain: bool) -> Result<Self, String> {
        let mut tcp = Tcp::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let https = HttpsConnectorBuilder::new().with_tls_config(tls(plain)?);
        let https = if plain { https.https_or_http() } else { https.https_only() };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(https.enable_http1().wrap_connector(tcp));
        Ok(Self { client })
    }
}

fn tls(plain: bool) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if !plain {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err("this machine has no root certificates to trust; install them (ca-certificates)".to_owned());
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl HttpConnector for Connection {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connection {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if completes_upload(&request) {
            // `object_store` has no way to ask for it. The signature covers other headers, and S3 asks for no more.
            request.headers_mut().insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        let asks_for_range = request.headers().contains_key(RANGE);
        let sending = Duration::from_secs((request.body().content_length() >> 20) as u64);
        let answer = timeout(ANSWER + sending, self.client.request(request)).await;
        let (parts, mut body) = answer.map_err(|_| unanswered(&"no answer in time"))?.map_err(chained)?.into_parts();
        if asks_for_range && parts.status == StatusCode::OK {
            // A whole object, however large: who asked for a part of it sees from the status that it did not come.
            return Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(Vec::new())));
        }
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let mut bytes = BytesMut::with_capacity(length.unwrap_or(0_usize).min(MOST_SET_ASIDE));
        while let Some(frame) = timeout(SILENCE, body.frame()).await.map_err(|_| unanswered(&"the answer stalled"))? {
            if let Ok(data) = frame.map_err(chained)?.into_data() {
                bytes.extend_from_slice(&data);
            }
        }
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(bytes.freeze())))
    }
}

/// Whether an object would appear under its name by this request, other than by a put, which has its condition.
fn completes_upload(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == Method::POST && query.split('&').any(|pair| pair.starts_with("uploadId="))
}

/// All that goes wrong on the way may be tried again: what is created tells whether it is ours (`upload.rs`), and everything
/// else can be done twice.
fn unanswered(what: &dyn fmt::Display) -> HttpError {
    HttpError::new(HttpErrorKind::Request, Unanswered(what.to_string()))
}

fn chained(error: impl StdError) -> HttpError {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.ends_with(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    unanswered(&told)
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unanswered(String);
