use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::{Json, Timestamp};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_usage))
}

/// What the workspace uses, and what it may use.
#[derive(Debug, Serialize, ToSchema)]
struct Usage {
    /// By the snapshots of all syncs.
    stored_bytes: u64,
    log: LogUsage,
    quotas: Quotas,
}

/// The debug log of all syncs. It counts in no quota.
#[derive(Debug, Serialize, ToSchema)]
struct LogUsage {
    objects: u64,
    bytes: u64,
    /// When the oldest object was added; null if there is none.
    #[schema(required)]
    oldest_at: Option<Timestamp>,
    /// How long it is kept.
    retention_days: u32,
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
    let found = caller.scope.log_usage().await?;
    let log = LogUsage {
        objects: found.objects,
        bytes: found.bytes,
        oldest_at: found.oldest.map(Timestamp),
        retention_days: caller.scope.workspace_info().await?.log_retention_days,
    };
    Ok(Json(Usage { stored_bytes: caller.scope.stored_bytes().await?, log, quotas: quotas.into() }))
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
