//! The debug log: calls and rows of runs, as objects of the object storage that the store names.

mod calls;
mod export;
mod key;
mod outcomes;
mod pages;
mod position;
mod report;
mod row;
mod timeline;

use utoipa_axum::router::OpenApiRouter;

use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(calls::routes())
        .merge(outcomes::routes())
        .merge(timeline::routes())
        .merge(position::routes())
        .merge(export::routes())
        .merge(report::routes())
}
