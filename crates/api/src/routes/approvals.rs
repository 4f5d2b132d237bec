//! What a guard asks a person.

use domain::{ApprovalId, RunKind, SyncId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{ApprovalState, Decision};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::runs::{RunRequested, ask};
use crate::extract::{Json, Listed, Path, Query, Timestamp};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_approvals)).routes(routes!(get_approval)).routes(routes!(decide_approval))
}

/// A request of a guard. What it asks about is not sent before a person agrees.
#[derive(Debug, Serialize, ToSchema)]
struct Approval {
    #[schema(examples("apr_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    id: String,
    /// The id of the sync.
    sync: String,
    /// The id of the run that asked.
    run: String,
    kind: String,
    /// What it asks about: counts, and the first keys.
    #[schema(value_type = Object)]
    shown: Value,
    #[schema(value_type = ApprovalStateName)]
    state: ApprovalState,
    /// How it was answered.
    #[schema(required)]
    choice: Option<String>,
    created_at: Timestamp,
    #[schema(required)]
    decided_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ApprovalState)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "the shape of `store::ApprovalState`, which knows nothing of OpenAPI")]
enum ApprovalStateName {
    Open,
    /// The next run passes with it and closes it.
    Approved,
    /// What was held stays pending.
    Dismissed,
    /// What was held is forgotten, without sending it.
    Forgotten,
    /// A later run asked again, about other keys.
    Replaced,
    /// A later run needed no answer any more, or has used it.
    Closed,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    decision: Choice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Choice {
    /// A run sends what was asked about, too. Removals beyond these ask again.
    Approve,
    /// A run sends the rest, and removals stay pending.
    Hold,
    /// A run takes what was asked about for removed, without sending.
    Forget,
    /// No run; everything stays pending, and the next run asks again.
    Dismiss,
}

#[derive(Debug, Serialize, ToSchema)]
struct Decided {
    approval: Approval,
    /// The run that does it, unless it was dismissed. It takes up the answer when it starts.
    #[schema(required)]
    requested: Option<RunRequested>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ApprovalList {
    /// Only those that wait for an answer.
    open: Option<bool>,
}

/// What guards have asked of a sync
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/approvals", tag = "approvals",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path), ApprovalList),
    responses((status = 200, description = "All of them, the newest first", body = Listed<Approval>)))]
async fn list_approvals(
    caller: Caller,
    Path((_, sync)): Path<(WorkspaceId, SyncId)>,
    Query(query): Query<ApprovalList>,
) -> Result<Json<Listed<Approval>>, Problem> {
    caller.scope.sync_details(sync).await?;
    let found = caller.scope.approvals(sync, query.open.unwrap_or(false)).await?;
    Ok(Json(Listed::whole(found.into_iter().map(Approval::from).collect())))
}

/// What a guard has asked
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/approvals/{approval_id}", tag = "approvals",
    params(("workspace_id" = String, Path), ("approval_id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Approval)))]
async fn get_approval(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, ApprovalId)>,
) -> Result<Json<Approval>, Problem> {
    Ok(Json(caller.scope.approval(id).await?.into()))
}

/// Answer a guard
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/approvals/{approval_id}/decide", tag = "approvals",
    params(("workspace_id" = String, Path), ("approval_id" = String, Path)), request_body = DecisionBody,
    responses((status = 200, description = "What follows from it", body = Decided),
              (status = 409, description = "It is not open any more, or the sync is paused, held, or waits for another \
                                            special run")))]
async fn decide_approval(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, ApprovalId)>,
    Json(body): Json<DecisionBody>,
) -> Result<Json<Decided>, Problem> {
    let approval = caller.scope.approval(id).await?;
    if approval.state != ApprovalState::Open {
        return Err(store::Error::NotOpen(id).into());
    }
    // As `runner::RunOptions` reads it: the answer is given when the run is claimed, so it ends with the request for it.
    let guard = |decision: Decision| json!({ "guard": { "approval": id.to_string(), "decision": decision } });
    let options = match body.decision {
        Choice::Approve => Some(guard(Decision::Approved)),
        Choice::Forget => Some(guard(Decision::Forgotten)),
        Choice::Hold => Some(json!({ "hold_removals": true })),
        Choice::Dismiss => None,
    };
    let requested = match options {
        Some(options) => Some(ask(&caller, approval.sync, RunKind::Normal, options).await?),
        None => {
            caller.scope.decide_approval_by(&caller.audit(), id, Decision::Dismissed, "dismiss").await?;
            None
        }
    };
    Ok(Json(Decided { approval: caller.scope.approval(id).await?.into(), requested }))
}

impl From<store::Approval> for Approval {
    fn from(found: store::Approval) -> Self {
        Self {
            id: found.id.to_string(),
            sync: found.sync.to_string(),
            run: found.run.to_string(),
            kind: found.kind,
            shown: found.shown,
            state: found.state,
            choice: found.choice,
            created_at: found.created_at.into(),
            decided_at: found.decided_at.map(Timestamp),
        }
    }
}
