//! Somebody who sends requests to the API.

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::PATIENCE;

type Http = hyper_util::client::legacy::Client<HttpConnector, Body>;

/// Keeps connections alive; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: Http,
    base: String,
    /// Of every request, such as `authorization`.
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null if the body is empty or no JSON.
    pub(crate) body: Value,
}

impl Client {
    /// Without credentials. `base`: `http://127.0.0.1:PORT`.
    pub(crate) fn new(base: &str) -> Self {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { http, base: base.to_owned(), headers: Vec::new() }
    }

    pub(crate) fn bearer(&self, key: &str) -> Self {
        let headers = vec![("authorization".to_owned(), format!("Bearer {key}"))];
        Self { headers, ..self.clone() }
    }

    /// `name=token`, as `Answer::cookie` gives it.
    pub(crate) fn cookie(&self, cookie: &str) -> Self {
        let headers = vec![("cookie".to_owned(), cookie.to_owned())];
        Self { headers, ..self.clone() }
    }

    /// With the same credentials at another process.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body), &[]).await
    }

    pub(crate) async fn put(&self, path: &str, if_match: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body), &[("if-match", if_match)]).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, &[]).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let sent = self.try_send(method, path, body, headers).await;
        sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// For services that may not be there: an error is whatever kept the answer from coming.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let asked = self.ask(request.body(body).map_err(|error| error.to_string())?);
        tokio::time::timeout(PATIENCE, asked).await.map_err(|_| format!("no answer within {PATIENCE:?}"))?
    }

    async fn ask(&self, request: Request<Body>) -> Result<Answer, String> {
        let response = self.http.request(request).await.map_err(|error| format!("{error:?}"))?;
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(Body::new(body), usize::MAX).await.map_err(|error| format!("{error:?}"))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, text, body })
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {self:?}")).to_str().unwrap()
    }

    /// `name=token` of the cookie that it sets.
    #[track_caller]
    pub(crate) fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    /// The `id` of what it tells of.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id: {}", self.text)).to_owned()
    }
}
