use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa::openapi::OpenApi;

use crate::openapi::{complete, operations};
use crate::problem::{Code, Problem};
use crate::request::{Gate, METHOD_NOT_ALLOWED, envelope, gate, not_modified};
use crate::{App, docs, routes, ui};

/// Everything under `/v1`, `/problems`, `/openapi.json` and `/docs`. Serve it with connect info, or every client has the
/// same address.
pub fn router(app: App) -> Router {
    let (router, document) = routes::all().split_for_parts();
    let document = complete(document, &app.settings().version);
    let gated = Gate { app: app.clone(), operations: Arc::new(by_route(&document)) };
    router
        .route_layer(from_fn(not_modified))
        .route_layer(from_fn_with_state(gated, gate))
        .merge(docs::routes(&document))
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed, METHOD_NOT_ALLOWED))
        .fallback(ui::page)
        .layer(from_fn_with_state(app.clone(), envelope))
        .with_state(app)
}

/// The document that `/openapi.json` serves.
pub fn openapi() -> OpenApi {
    complete(routes::all().into_openapi(), &crate::Settings::default().version)
}

fn by_route(document: &OpenApi) -> HashMap<(Method, String), String> {
    let known = operations(document)
        .filter_map(|(method, path, operation)| Some(((method, path.to_owned()), operation.operation_id.clone()?)));
    known.collect()
}
