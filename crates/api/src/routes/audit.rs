use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{AuditEntry as Found, AuditFilter};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::{Cursor, Json, Limit, Listed, Query, Timestamp, page};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_audit_entries))
}

/// Who did what.
#[derive(Debug, Serialize, ToSchema)]
struct AuditEntry {
    id: String,
    at: Timestamp,
    /// `{"person", "email"}`, `{"key", "name"}` or `{"operator"}`.
    #[schema(value_type = Object)]
    actor: Value,
    /// The id of the operation.
    action: String,
    /// The id of what it was done to.
    #[schema(required)]
    target: Option<String>,
    #[schema(value_type = Object)]
    detail: Value,
    #[schema(required)]
    request_id: Option<String>,
    /// Where the request came from.
    #[schema(required)]
    address: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    /// The id of what was changed.
    target: Option<String>,
    /// The id of an operation, such as `update_workspace`.
    action: Option<String>,
    /// The id of a person or of an API key.
    actor: Option<String>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// The audit log
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/audit-entries", tag = "audit",
    params(("workspace_id" = String, Path), AuditQuery),
    responses((status = 200, description = "The newest first", body = Listed<AuditEntry>)))]
async fn list_audit_entries(
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Listed<AuditEntry>>, Problem> {
    let page = page("audit-entries", query.limit, query.cursor.as_ref())?;
    let filter = AuditFilter { target: query.target, action: query.action, actor: query.actor };
    let found = caller.scope.audit_entries(page, &filter).await?;
    Ok(Json(Listed::new("audit-entries", page, found, |entry| entry.id, AuditEntry::from)))
}

impl From<Found> for AuditEntry {
    fn from(found: Found) -> Self {
        Self {
            id: found.id.simple().to_string(),
            at: found.at.into(),
            actor: found.actor,
            action: found.action,
            target: found.target,
            detail: found.detail,
            request_id: found.request_id,
            address: found.address,
        }
    }
}
