//! `/openapi.json`, and the same as a page to read. Our own, without a script: nothing to load, nothing to trust.

use std::fmt::Write;

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::App;
use crate::openapi::operations;

const STYLE: &str = include_str!("docs.css");

pub(crate) fn routes(document: &OpenApi) -> Router<App> {
    let json = document.to_json().unwrap_or_default();
    let page = page(document);
    Router::new()
        .route("/openapi.json", get(async move || answer("application/json", json)))
        .route("/docs", get(async move || answer("text/html; charset=utf-8", page)))
        .route("/docs/style.css", get(async || answer("text/css", STYLE.to_owned())))
}

fn answer(kind: &'static str, body: String) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, body)
}

fn page(document: &OpenApi) -> String {
    let mut body = String::new();
    for (method, path, operation) in operations(document) {
        let id = operation.operation_id.as_deref().unwrap_or_default();
        let details = serde_json::to_value(operation).unwrap_or_default();
        section(&mut body, method.as_str(), path, id, &details);
    }
    let about = escape(document.info.description.as_deref().unwrap_or_default());
    let schemas = serde_json::to_value(document.components.as_ref().map(|components| &components.schemas));
    let schemas = schemas.ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let mut shapes = String::new();
    for (name, schema) in schemas {
        let text = escape(&serde_json::to_string_pretty(&schema).unwrap_or_default());
        let name = escape(&name);
        // Writing into a string does not fail.
        write!(shapes, "<details id=\"schema-{name}\"><summary>{name}</summary><pre>{text}</pre></details>")
            .unwrap_or_default();
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Rowcast API</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/docs/style.css\"></head>\
         <body><h1>Rowcast API {}</h1><p>As data: <a href=\"/openapi.json\">/openapi.json</a></p>\
         <pre class=\"about\">{about}</pre><h2>Operations</h2>{body}<h2>Shapes</h2>{shapes}</body></html>",
        escape(&document.info.version)
    )
}

fn section(page: &mut String, method: &str, path: &str, id: &str, details: &Value) {
    let text = |name: &str| escape(details[name].as_str().unwrap_or_default());
    let rest = serde_json::json!({
        "parameters": details["parameters"], "requestBody": details["requestBody"], "responses": details["responses"],
    });
    let rest = escape(&serde_json::to_string_pretty(&rest).unwrap_or_default());
    write!(
        page,
        "<details id=\"{id}\"><summary><b class=\"{method}\">{method}</b> <code>{}</code> {}</summary>\
         <p>{}</p><pre>{rest}</pre></details>",
        escape(path),
        text("summary"),
        text("description"),
    )
    .unwrap_or_default();
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
