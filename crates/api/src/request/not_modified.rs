use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::extract::NeverSame;

/// Answers a read with 304 when the reader has it already.
pub(crate) async fn not_modified(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
    let known = request.headers().get(IF_NONE_MATCH).filter(|_| is_read).cloned();
    let mut response = next.run(request).await;
    if response.extensions_mut().remove::<NeverSame>().is_some() {
        return response;
    }
    let (Some(known), Some(current)) = (known, response.headers().get(ETAG)) else { return response };
    let (Ok(known), Ok(current)) = (known.to_str(), current.to_str()) else { return response };
    // The weak comparison: a proxy that compresses makes an ETag weak.
    let matches = known.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == current);
    if matches && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().remove(CONTENT_TYPE);
    }
    response
}
