//! Forgetting a key of a sync, for those who have to.

use axum::http::StatusCode;
use domain::{RunKind, SyncId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::{Json, Path};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(erase_key))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyToErase {
    /// The key, as lists and previews show it: an object of the key's columns, or an array of their values in the order of
    /// the model. A key of columns that the model had before is an object of those.
    #[schema(value_type = KeyOfRow)]
    key: Value,
}

/// It does not repeat the key, since answers to requests with an Idempotency-Key are kept for a day.
#[derive(Debug, Serialize, ToSchema)]
struct ErasureRequested {
    /// The id of the run that will erase it.
    #[schema(examples("run_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    run: String,
    /// A run waited already, and takes this key along.
    already_waiting: bool,
}

/// The values of a key: in the order of the model, or by the names of its columns.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes a shape for the document and holds nothing")]
enum KeyOfRow {
    #[schema(title = "Values")]
    Values(Vec<Value>),
    #[schema(title = "Columns")]
    Columns(std::collections::BTreeMap<String, Value>),
}

/// Erase a key and its values
///
/// Queues a run that forgets the key wherever the service keeps it: what was acknowledged of it, older snapshots of the
/// sync, rejections, invalid rows, their full lists, open requests for approval, previews, and what other runs tell of it.
/// It asks neither the source nor the stream, and begins as soon as the run that works on the sync has ended, also while the
/// sync, its destination or the workspace is paused. Objects are deleted at once, by that run; afterwards the run tells how
/// many keys it erased, and not which. One that failed or was cancelled has forgotten them too: ask again.
///
/// As far as this sync is concerned the key has never been there. If the model still returns it, **the next run sends it as
/// `added`**: delete the row in the source first. If it is gone, no removal is sent. A put of it that was never answered is
/// forgotten too, so if it still arrives, nothing corrects it. What the stream holds stays in the stream. Older snapshots
/// of the whole sync go along, so until the next runs have made new ones a damaged snapshot can only be repaired by sending
/// every row again. Backups of the service are the operator's, and are not changed.
///
/// Several requests that wait for the same run become one. A run that finds none of its keys says `key-not-found`.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/erase-key", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)), request_body = KeyToErase,
    responses((status = 202, description = "The run that will erase it", body = ErasureRequested),
              (status = 409, description = "It is held, or a run that sends chosen rows waits: cancel that")))]
async fn erase_key(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SyncId)>,
    Json(body): Json<KeyToErase>,
) -> Result<(StatusCode, Json<ErasureRequested>), Problem> {
    let sync = caller.scope.sync_details(id).await?;
    let columns = caller.scope.model(sync.model).await?.config.key;
    let whole = match &body.key {
        Value::Array(values) => values.len() == columns.len(),
        // Which columns keys had before is known to the run alone.
        Value::Object(values) => !values.is_empty(),
        _ => false,
    };
    if !whole {
        return Err(Problem::invalid("/key", format!("A key has a value for each of: {}.", columns.join(", "))));
    }
    // As `runner::RunOptions` reads it; a test there and one here hold this shape.
    let options = json!({ "erase": { "keys": [body.key] } });
    let requested = caller.scope.request_run_by(&caller.audit(), id, RunKind::Erase, options).await?;
    let asked = ErasureRequested { run: requested.run.to_string(), already_waiting: requested.already_waiting };
    Ok((StatusCode::ACCEPTED, Json(asked)))
}
