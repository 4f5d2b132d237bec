use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::extract::Json;

/// A single resource, with its revision as the ETag.
#[derive(Debug)]
pub(crate) struct Versioned<T>(pub(crate) i64, pub(crate) T);

/// The same for one that tells more than its revision stands for, such as its newest run: it is never answered by 304.
#[derive(Debug)]
pub(crate) struct Live<T>(pub(crate) i64, pub(crate) T);

/// Marks the answer of a [`Live`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeverSame;

/// 201 with the address of what was made, and the thing itself. `revision`: for its ETag, if it has one.
#[derive(Debug)]
pub(crate) struct Created<T> {
    pub(crate) location: String,
    pub(crate) revision: Option<i64>,
    pub(crate) body: T,
}

/// 204: done, nothing to say.
#[derive(Debug)]
pub(crate) struct NoContent;

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        with_etag(Json(self.1).into_response(), Some(self.0))
    }
}

impl<T: Serialize> IntoResponse for Live<T> {
    fn into_response(self) -> Response {
        let mut response = Versioned(self.0, self.1).into_response();
        response.extensions_mut().insert(NeverSame);
        response
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = with_etag(Json(self.body).into_response(), self.revision);
        *response.status_mut() = StatusCode::CREATED;
        if let Ok(location) = HeaderValue::try_from(self.location) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

fn with_etag(mut response: Response, revision: Option<i64>) -> Response {
    let tag = revision.and_then(|revision| HeaderValue::try_from(format!("\"{revision}\"")).ok());
    if let Some(tag) = tag.filter(|_| response.status().is_success()) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
