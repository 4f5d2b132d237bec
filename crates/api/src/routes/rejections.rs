//! What a run could not deliver, and rows that it could not take.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use domain::{Change, RunId, WorkspaceId};
use futures::{Stream, stream};
use objects::Objects;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Placed, Scope, Search};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::explain::{Explained, explain};
use crate::extract::{Cursor, Json, Limit, Listed, Path, Query, Timestamp, page};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_rejections))
        .routes(routes!(export_rejections))
        .routes(routes!(list_invalid_rows))
        .routes(routes!(export_invalid_rows))
}

/// A change that was not delivered. The next run tries it again, with the values of then.
#[derive(Debug, Serialize, ToSchema)]
struct Rejection {
    #[schema(value_type = Object)]
    key: Value,
    #[schema(value_type = ChangeName)]
    op: Change,
    code: String,
    message: String,
    /// What the code means here; null if the code is not in the catalogue, which `GET /v1/error-codes` gives.
    #[schema(required)]
    meaning: Option<String>,
    /// What to do about it.
    #[schema(required)]
    advice: Option<String>,
    /// The run that first rejected it, without one in between that succeeded with it.
    first_seen_run: String,
    first_seen_at: Timestamp,
    /// How many attempts have rejected it since then.
    tries: u32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "the shape of `domain::Change`, which knows nothing of OpenAPI")]
pub(super) enum ChangeName {
    Added,
    Changed,
    Removed,
}

/// A row with a null or duplicate key: never sent; what was acknowledged of the key stays.
#[derive(Debug, Serialize, ToSchema)]
struct InvalidRow {
    #[schema(value_type = Object)]
    key: Value,
    code: String,
    message: String,
    /// What the code means; null if the code is not in the catalogue, which `GET /v1/error-codes` gives.
    #[schema(required)]
    meaning: Option<String>,
    /// What to do about it.
    #[schema(required)]
    advice: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SearchQuery {
    /// Only those with this code.
    code: Option<String>,
    /// Only those with this text in the key or the message.
    q: Option<String>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// What a run could not deliver
///
/// Of its newest attempt, the first 10,000; the run's tallies count all, and the export lists all.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/rejections", tag = "rejections",
    params(("workspace_id" = String, Path), ("run_id" = String, Path), SearchQuery),
    responses((status = 200, description = "In the order they came", body = Listed<Rejection>)))]
async fn list_rejections(
    caller: Caller,
    Path((_, run)): Path<(WorkspaceId, RunId)>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Listed<Rejection>>, Problem> {
    let page = page("rejections", query.limit, query.cursor.as_ref())?;
    caller.scope.run(run).await?;
    let search = Search { code: query.code, text: query.q };
    let found = caller.scope.search_rejections(run, &search, page.after.map(place), page.limit).await?;
    Ok(Json(Listed::new("rejections", page, found, |(at, _)| cursor(*at), |(_, found)| found.into())))
}

/// Rows that a run could not take
///
/// Of its newest attempt, the first 10,000; the run's tallies count all, and the export lists all.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/invalid-rows", tag = "rejections",
    params(("workspace_id" = String, Path), ("run_id" = String, Path), SearchQuery),
    responses((status = 200, description = "In the order they came", body = Listed<InvalidRow>)))]
async fn list_invalid_rows(
    caller: Caller,
    Path((_, run)): Path<(WorkspaceId, RunId)>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Listed<InvalidRow>>, Problem> {
    let page = page("invalid-rows", query.limit, query.cursor.as_ref())?;
    caller.scope.run(run).await?;
    let search = Search { code: query.code, text: query.q };
    let found = caller.scope.search_invalid_rows(run, &search, page.after.map(place), page.limit).await?;
    Ok(Json(Listed::new("invalid-rows", page, found, |(at, _)| cursor(*at), |(_, found)| found.into())))
}

/// Everything that a run could not deliver, as lines of JSON
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/rejections/export", tag = "rejections",
    params(("workspace_id" = String, Path), ("run_id" = String, Path)),
    responses((status = 200, description = "A line for each: `key`, `op`, `code`, `message`", body = String,
               content_type = "application/x-ndjson")))]
async fn export_rejections(
    State(app): State<App>,
    caller: Caller,
    Path((_, run)): Path<(WorkspaceId, RunId)>,
) -> Result<Response, Problem> {
    export(&app, &caller, run, List::Rejections).await
}

/// All rows that a run could not take, as lines of JSON
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/invalid-rows/export", tag = "rejections",
    params(("workspace_id" = String, Path), ("run_id" = String, Path)),
    responses((status = 200, description = "A line for each: `key`, `code`", body = String,
               content_type = "application/x-ndjson")))]
async fn export_invalid_rows(
    State(app): State<App>,
    caller: Caller,
    Path((_, run)): Path<(WorkspaceId, RunId)>,
) -> Result<Response, Problem> {
    export(&app, &caller, run, List::InvalidRows).await
}

#[derive(Debug, Clone, Copy)]
enum List {
    Rejections,
    InvalidRows,
}

impl List {
    /// As in the names of the full lists.
    const fn name(self) -> &'static str {
        match self {
            Self::Rejections => "rejections",
            Self::InvalidRows => "invalid-rows",
        }
    }
}

/// So much of an export is read at once.
const CHUNK: u64 = 1 << 20;
const LINES: u32 = 1_000;

/// From the full list that the worker wrote, if there were more than the database lists; else from the database.
async fn export(app: &App, caller: &Caller, run: RunId, list: List) -> Result<Response, Problem> {
    let found = caller.scope.run(run).await?;
    let name = format!("lists/{}/{run}-e{:010}-{}.ndjson", found.sync, found.epoch.unwrap_or_default(), list.name());
    let rest = match file(app, caller, &name).await? {
        Some((objects, len)) => Rest::File { objects, name, at: 0, len },
        None => Rest::Database { scope: caller.scope.clone(), run, list, after: None },
    };
    let file_name = format!("attachment; filename=\"{run}-{}.ndjson\"", list.name());
    let headers: [(HeaderName, String); 2] =
        [(header::CONTENT_TYPE, "application/x-ndjson".to_owned()), (header::CONTENT_DISPOSITION, file_name)];
    Ok((headers, Body::from_stream(lines(rest))).into_response())
}

async fn file(app: &App, caller: &Caller, name: &str) -> Result<Option<(Objects, u64)>, Problem> {
    let Some(objects) = &app.settings().objects else { return Ok(None) };
    let objects = objects.within(&caller.workspace.to_string()).map_err(Problem::internal)?;
    match objects.len(name).await {
        Ok(len) => Ok(Some((objects, len))),
        Err(objects::Error::Missing { .. }) => Ok(None),
        Err(error) => Err(Problem::internal(error)),
    }
}

/// What is still to be sent of an export.
enum Rest {
    File { objects: Objects, name: String, at: u64, len: u64 },
    Database { scope: Scope, run: RunId, list: List, after: Option<u32> },
    Nothing,
}

#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("the list could not be read on")]
    Objects(#[from] objects::Error),
    #[error("the list could not be read on")]
    Store(#[from] store::Error),
}

fn lines(rest: Rest) -> impl Stream<Item = Result<Bytes, ExportError>> {
    stream::try_unfold(rest, |rest| async {
        match rest {
            Rest::File { objects, name, at, len } if at < len => {
                let end = len.min(at + CHUNK);
                let bytes = objects.read(&name, at..end).await?;
                Ok(Some((bytes, Rest::File { objects, name, at: end, len })))
            }
            Rest::File { .. } | Rest::Nothing => Ok(None),
            Rest::Database { scope, run, list, after } => {
                let (text, last) = some_lines(&scope, run, list, after).await?;
                let rest = match last {
                    Some(last) => Rest::Database { scope, run, list, after: Some(last) },
                    None => Rest::Nothing,
                };
                Ok(Some((Bytes::from(text), rest)))
            }
        }
    })
}

/// And the place of the last of them, if there may be more.
async fn some_lines(
    scope: &Scope,
    run: RunId,
    list: List,
    after: Option<u32>,
) -> Result<(String, Option<u32>), store::Error> {
    let all = Search::default();
    let lines: Vec<Placed<Value>> = match list {
        List::Rejections => {
            let found = scope.search_rejections(run, &all, after, LINES).await?.into_iter();
            let line = |r: store::Rejection| json!({ "key": r.key, "op": r.op, "code": r.code, "message": r.message });
            found.map(|(at, rejection)| (at, line(rejection))).collect()
        }
        List::InvalidRows => {
            let found = scope.search_invalid_rows(run, &all, after, LINES).await?.into_iter();
            found.map(|(at, row)| (at, json!({ "key": row.key, "code": row.code }))).collect()
        }
    };
    let last = lines.last().filter(|_| lines.len() == LINES as usize).map(|(at, _)| *at);
    Ok((lines.iter().map(|(_, line)| format!("{line}\n")).collect(), last))
}

/// A place of a list in the shape that cursors have.
fn cursor(place: u32) -> Uuid {
    Uuid::from_u128(place.into())
}

fn place(cursor: Uuid) -> u32 {
    // No list of ours is as long; a cursor that nobody got from us finds nothing.
    u32::try_from(cursor.as_u128()).unwrap_or(u32::MAX).min(i32::MAX.cast_unsigned())
}

impl From<store::Rejection> for Rejection {
    fn from(found: store::Rejection) -> Self {
        let Explained { meaning, advice } = explain(&found.code, &found.message);
        Self {
            meaning,
            advice,
            key: found.key,
            op: found.op,
            code: found.code,
            message: found.message,
            first_seen_run: found.first_seen_run.to_string(),
            first_seen_at: found.first_seen_at.into(),
            tries: found.tries,
        }
    }
}

impl From<store::InvalidRow> for InvalidRow {
    fn from(found: store::InvalidRow) -> Self {
        let Explained { meaning, advice } = explain(&found.code, &found.message);
        Self { key: found.key, code: found.code, message: found.message, meaning, advice }
    }
}
