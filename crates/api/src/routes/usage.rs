use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::Json;
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_usage))
}

/// What the workspace uses, and what it may use.
#[derive(Debug, Serialize, ToSchema)]
struct Usage {
    /// By the snapshots of all syncs.
    stored_bytes: u64,
    quotas: Quotas,
}

/// Null: not limited.
#[derive(Debug, Serialize, ToSchema)]
struct Quotas {
    /// At work at the same time.
    #[schema(required)]
    running_runs: Option<u32>,
    #[schema(required)]
    rows_per_run: Option<u64>,
    #[schema(required)]
    spilled_bytes_per_run: Option<u64>,
    #[schema(required)]
    run_seconds: Option<u64>,
    /// At work at the same time.
    #[schema(required)]
    previews: Option<u32>,
    #[schema(required)]
    stored_bytes: Option<u64>,
    #[schema(required)]
    syncs: Option<u32>,
    #[schema(required)]
    members: Option<u32>,
}

/// Usage and quotas
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/usage", tag = "workspaces", params(("workspace_id" = String, Path)),
    responses((status = 200, description = "As of now", body = Usage)))]
async fn get_usage(State(app): State<App>, caller: Caller) -> Result<Json<Usage>, Problem> {
    let quotas = caller.scope.quotas().await?.or(&app.settings().quotas);
    Ok(Json(Usage { stored_bytes: caller.scope.stored_bytes().await?, quotas: quotas.into() }))
}

impl From<store::Quotas> for Quotas {
    fn from(quotas: store::Quotas) -> Self {
        Self {
            running_runs: quotas.running_runs,
            rows_per_run: quotas.rows_per_run,
            spilled_bytes_per_run: quotas.spilled_bytes_per_run,
            run_seconds: quotas.run_seconds,
            previews: quotas.previews,
            stored_bytes: quotas.stored_bytes,
            syncs: quotas.syncs,
            members: quotas.members,
        }
    }
}
