//! Chosen rows of a sync: sent again, or dismissed.

use axum::response::Response;
use domain::{RunId, RunKind, SyncId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::LogKind;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::{Json, Path};
use crate::routes::runs::{RunRequested, request};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(send_rows)).routes(routes!(dismiss_rejections))
}

/// So many rows can be named by one request.
const MOST_ROWS: usize = 1_000;

/// `rows`, `rejections` or `run`, or `rows` of a `run`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SendRowsBody {
    /// The keys of the rows, as lists and previews show them: each an object of the key's columns, or an array of their
    /// values in the order of the key.
    #[schema(min_items = 1, max_items = 1000, examples(json!([{"id": 7}, [8]])))]
    rows: Option<Vec<Value>>,
    /// All rows whose rejection stands now.
    rejections: Option<Rejections>,
    /// The id of a run of this sync that has ended: all rows that it put, as its debug log has them.
    #[schema(value_type = Option<String>, examples("run_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    run: Option<RunId>,
    /// With `run`: only rows with this outcome.
    outcome: Option<PutOutcome>,
    /// `current` unless said otherwise.
    values: Option<ValuesWanted>,
}

/// Of every code, or of one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RejectionsToSend)]
#[serde(deny_unknown_fields)]
struct Rejections {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum PutOutcome {
    Delivered,
    Unanswered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum ValuesWanted {
    /// As the model has them when the run reads it. A row that is gone is not sent.
    Current,
    /// With `run`: as its debug log has them. The run after it sends what the model has.
    Original,
}

/// One of both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DismissBody {
    /// The keys of rejected rows, written as for sending them.
    #[schema(min_items = 1, max_items = 1000, examples(json!([{"id": 7}, [8]])))]
    rows: Option<Vec<Value>>,
    /// All rows whose rejection has this code.
    code: Option<String>,
}

/// Send chosen rows now
///
/// Rows by their keys, those that are rejected now, or those that a past run put; whatever triggers and snapshot say. All other
/// rows are left as they are. It is a run like any other. Rows that cannot be sent are among its invalid rows with a reason,
/// the first 10,000 of them: the row is gone (`not-in-model`), its key is invalid, its values are not in the log
/// (`values-not-logged`, `not-logged`) or do not fit the sync any more (`values-do-not-fit`). A removal is sent again as long as
/// the row is gone (else `back-in-model`). If none of the rows could be sent the run fails; one that finds nothing to do
/// succeeds, with nothing planned. The answer does not repeat the keys; the run tells them.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/send-rows", tag = "syncs",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)), request_body = SendRowsBody,
    responses((status = 202, description = "The run that will send them", body = RunRequested,
               headers(("Location" = String))),
              (status = 409, description = "It is paused or held, or another special run waits")))]
async fn send_rows(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SyncId)>,
    Json(body): Json<SendRowsBody>,
) -> Result<Response, Problem> {
    one_way(&body)?;
    check_keys(&caller, id, body.rows.as_deref()).await?;
    if let Some(rejections) = &body.rejections {
        let pointer = if rejections.code.is_some() { "/rejections/code" } else { "/rejections" };
        check_rejections(&caller, id, rejections.code.as_deref(), pointer).await?;
    }
    if let Some(run) = body.run {
        check_run(&caller, id, run).await?;
    }
    // As `runner::RunOptions` reads it; a test there and one here hold this shape.
    let mut rows = Map::new();
    let mut add = |name: &str, value: Option<Value>| rows.extend(value.map(|value| (name.to_owned(), value)));
    add("keys", body.rows.map(Value::Array));
    add("rejections", body.rejections.map(|rejections| json!(rejections)));
    add("run", body.run.map(|run| json!(run)));
    add("outcome", body.outcome.map(|outcome| json!(outcome)));
    add("send", Some(json!(body.values.unwrap_or(ValuesWanted::Current))));
    request(&caller, id, RunKind::Resend, json!({ "rows": rows })).await
}

/// Dismiss rejections
///
/// Queues a run that takes the rejected rows as the model has them then for acknowledged, without sending them: the next
/// run does not try them again until they change. A removal that was rejected is forgotten. Rows that may be in the stream
/// (`uncertain`) and rows that are not rejected (`not-rejected`) are not dismissed, and are among the run's invalid rows. How
/// many were is `not_wanted` among its counts less the other rows that differ.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/rejections/dismiss", tag = "rejections",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path)), request_body = DismissBody,
    responses((status = 202, description = "The run that will do it", body = RunRequested,
               headers(("Location" = String))),
              (status = 409, description = "It is paused or held, or another special run waits")))]
async fn dismiss_rejections(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SyncId)>,
    Json(body): Json<DismissBody>,
) -> Result<Response, Problem> {
    if body.rows.is_some() == body.code.is_some() {
        return Err(Problem::invalid("", "Name either `rows` or a `code`."));
    }
    check_keys(&caller, id, body.rows.as_deref()).await?;
    check_rejections(&caller, id, body.code.as_deref(), if body.code.is_some() { "/code" } else { "/rows" }).await?;
    let rejections = Rejections { code: body.code };
    let mut rows = json!({ "rejections": rejections, "send": "nothing" });
    if let Some(keys) = body.rows {
        rows["keys"] = Value::Array(keys);
    }
    request(&caller, id, RunKind::Resend, json!({ "rows": rows })).await
}

/// What `runner::ChosenRows` would refuse.
fn one_way(body: &SendRowsBody) -> Result<(), Problem> {
    let text = match (&body.rows, &body.rejections, body.run) {
        (None, None, None) => "Name `rows`, `rejections` or a `run`.",
        (_, Some(_), Some(_)) | (Some(_), Some(_), None) => {
            "Name `rows`, `rejections` or a `run`, not several of them."
        }
        (_, _, None) if body.values == Some(ValuesWanted::Original) => {
            return Err(Problem::invalid("/values", "Original values are those of a `run`: name one."));
        }
        (_, _, None) if body.outcome.is_some() => {
            return Err(Problem::invalid("/outcome", "An outcome is that of a `run`: name one."));
        }
        _ => return Ok(()),
    };
    Err(Problem::invalid("", text))
}

async fn check_keys(caller: &Caller, sync: SyncId, rows: Option<&[Value]>) -> Result<(), Problem> {
    let sync = caller.scope.sync_details(sync).await?;
    let Some(rows) = rows else { return Ok(()) };
    let model = caller.scope.model(sync.model).await?;
    if !(1..=MOST_ROWS).contains(&rows.len()) {
        return Err(Problem::invalid("/rows", format!("1 to {MOST_ROWS} keys are expected.")));
    }
    if let Some(at) = rows.iter().position(|row| !is_key(row, &model.config.key)) {
        let detail = format!("A key has a value for each of: {}.", model.config.key.join(", "));
        return Err(Problem::invalid(format!("/rows/{at}"), detail));
    }
    Ok(())
}

async fn check_rejections(caller: &Caller, sync: SyncId, code: Option<&str>, pointer: &str) -> Result<(), Problem> {
    if caller.scope.standing_rejections(sync, code).await? > 0 {
        return Ok(());
    }
    let text = match code {
        Some(_) => "No rejection with this code stands: see the rejections of the last run.",
        None => "No rejection stands: the last run rejected nothing.",
    };
    Err(Problem::invalid(pointer, text))
}

/// Whether there is something that it may have put.
async fn check_run(caller: &Caller, sync: SyncId, run: RunId) -> Result<(), Problem> {
    let refused = |text: &'static str| Err(Problem::invalid("/run", text));
    let found = match caller.scope.run(run).await {
        Ok(found) if found.sync == sync => found,
        Ok(_) | Err(store::Error::NotFound { .. }) => return refused("There is no such run of this sync."),
        Err(error) => return Err(error.into()),
    };
    if !found.state.ended() {
        return refused("This run has not ended.");
    }
    if !caller.scope.log_objects(run, LogKind::Rows).await?.is_empty() {
        return Ok(());
    }
    match found.counts {
        Some(counts) if counts.delivered + counts.unanswered > 0 => {
            refused("Nothing is logged of the rows that this run put: its log has expired, or its sync logs no rows.")
        }
        _ => refused("This run put nothing."),
    }
}

/// An array or an object of one value for each column.
fn is_key(row: &Value, columns: &[String]) -> bool {
    let scalar = |value: &Value| matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_));
    match row {
        Value::Array(values) => values.len() == columns.len() && values.iter().all(scalar),
        Value::Object(values) => {
            values.len() == columns.len() && columns.iter().all(|column| values.get(column).is_some_and(scalar))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_value_for_each_column() {
        let columns = ["a".to_owned(), "b".to_owned()];
        for fine in [json!([1, "x"]), json!({"b": true, "a": 1.5})] {
            assert!(is_key(&fine, &columns), "{fine}");
        }
        for odd in [json!([1]), json!([1, null]), json!({"a": 1, "c": 2}), json!({"a": 1}), json!([1, [2]]), json!(7)] {
            assert!(!is_key(&odd, &columns), "{odd}");
        }
    }
}
