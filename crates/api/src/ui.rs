//! The pages of the web UI, embedded by build.rs. They get no rights from being served here: they use the API as anybody does.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use crate::Problem;

include!(concat!(env!("OUT_DIR"), "/ui_files.rs"));

/// Names of these files change with what is in them.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Asked for again each time, so that an update of the service is seen.
const ASK_AGAIN: &str = "no-cache";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Rowcast</title>\
    <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/docs/style.css\"></head>\
    <body><h1>Rowcast</h1><p>The service works, but this program was built without its pages. They come with \
    <code>cargo xtask web</code> (which needs Node) and building it again.</p>\
    <p>The API is complete: <a href=\"/docs\">/docs</a>.</p></body></html>";

/// For every path that nothing else serves. What is not a file is a place in the pages, which find it out by
/// themselves; but only for whoever wants a page, so that a client of the API is told of its typing error.
pub(crate) async fn page(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let method = request.method();
    if method != Method::GET && method != Method::HEAD || path == "v1" || path.starts_with("v1/") {
        return Problem::not_found().into_response();
    }
    if let Some(bytes) = file(path) {
        return answer(path, bytes, request.headers());
    }
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .is_some_and(|kinds| kinds.to_str().is_ok_and(|kinds| kinds.contains("text/html")));
    match file("index.html") {
        Some(index) if wants_page && !path.starts_with("assets/") => answer("index.html", index, request.headers()),
        None if path.is_empty() => html(NOT_BUILT.as_bytes()),
        _ => Problem::not_found().into_response(),
    }
}

fn file(path: &str) -> Option<&'static [u8]> {
    FILES.binary_search_by_key(&path, |(name, _)| name).ok().map(|at| FILES[at].1)
}

fn html(bytes: &'static [u8]) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, ASK_AGAIN)];
    (headers, bytes).into_response()
}

fn answer(path: &str, bytes: &'static [u8], asked: &HeaderMap) -> Response {
    let compressed = takes_gzip(asked).then(|| file(&format!("{path}.gz"))).flatten();
    let caching = if path.starts_with("assets/") { FOR_EVER } else { ASK_AGAIN };
    let kind = kind_of(path);
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, caching), (header::VARY, "accept-encoding")];
    let mut response = (headers, compressed.unwrap_or(bytes)).into_response();
    if compressed.is_some() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = lines.flat_map(|line| line.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|part| part == "q=0" || part.starts_with("q=0.0"))
    })
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;

    use super::*;

    async fn get(path: &str, accept: &str) -> Response {
        let request = Request::get(path).header(header::ACCEPT, accept).header(header::ACCEPT_ENCODING, "br, gzip");
        page(request.body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn a_typing_error_of_a_client_is_no_page() {
        for (path, accept) in
            [("/v1/nothing", "text/html"), ("/v1", "text/html"), ("/nothing", "*/*"), ("/assets/gone.js", "text/html")]
        {
            assert_eq!(get(path, accept).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let post = Request::post("/").header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
        assert_eq!(page(post).await.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn the_start_is_a_page_that_is_asked_for_each_time() {
        let start = get("/", "text/html,application/xhtml+xml").await;
        assert_eq!(start.status(), StatusCode::OK);
        assert_eq!(start.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(start.headers()[header::CACHE_CONTROL], ASK_AGAIN);
    }

    #[tokio::test]
    async fn files_whose_names_tell_what_is_in_them_are_kept_for_ever() {
        for (name, _) in FILES.iter().filter(|(name, _)| name.starts_with("assets/") && !name.ends_with(".gz")) {
            let found = get(&format!("/{name}"), "*/*").await;
            assert_eq!(found.status(), StatusCode::OK, "{name}");
            assert_eq!(found.headers()[header::CACHE_CONTROL], FOR_EVER, "{name}");
            assert_ne!(found.headers()[header::CONTENT_TYPE], "application/octet-stream", "{name}");
            let is_compressed = file(&format!("{name}.gz")).is_some();
            assert_eq!(found.headers().contains_key(header::CONTENT_ENCODING), is_compressed, "{name}");
        }
    }

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        let takes = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(text));
            takes_gzip(&headers)
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, gzip;q=0.5"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes_gzip(&HeaderMap::new()));
    }
}
