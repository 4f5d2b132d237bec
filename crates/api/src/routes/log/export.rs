//! The log of a run as one file.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use domain::{RunId, WorkspaceId};
use futures::stream;
use outcomes::{CallFilter, Export, ExportFormat, ObjectRef, RowFilter, Values, Wanted};
use serde::Deserialize;
use store::{LogKind, LogObject};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::pages::{Log, Unread, expired, reference};
use super::row::OutcomeName;
use crate::extract::{Path, Query};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export_run_log))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ExportWanted {
    #[param(inline)]
    table: TableName,
    #[param(inline)]
    format: FormatName,
    /// Of rows: only those with this outcome.
    outcome: Option<OutcomeName>,
    /// Only those with this code.
    code: Option<String>,
    /// Values and messages of rows, bodies of calls.
    values: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = LogTable)]
#[serde(rename_all = "kebab-case")]
enum TableName {
    /// What became of rows.
    Rows,
    Calls,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = LogFormat)]
#[serde(rename_all = "kebab-case")]
enum FormatName {
    /// With a line of names. A null is empty, an empty text is `""`.
    Csv,
    /// A JSON object a line.
    Ndjson,
    Parquet,
}

impl FormatName {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

impl From<FormatName> for ExportFormat {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Csv => Self::Csv,
            FormatName::Ndjson => Self::Ndjson,
            FormatName::Parquet => Self::Parquet,
        }
    }
}

/// The log of a run as one file
///
/// As far as it came with its last checkpoint. The columns are those of the log's own objects, whose names, types and meanings
/// never change; rows have `hash` besides, except in Parquet. An export that breaks off met a damaged object: `list_run_outcomes`
/// and `list_run_calls` name it and show the others.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/log-export", tag = "log",
    params(("workspace_id" = String, Path), ("run_id" = String, Path), ExportWanted),
    responses((status = 200, description = "The file", content((String = "text/csv"), (String = "application/x-ndjson"),
                                                             (Vec<u8> = "application/vnd.apache.parquet"))),
              (status = 410, description = "The run is older than the log is kept, and nothing is left of it")))]
async fn export_run_log(
    State(app): State<App>,
    caller: Caller,
    Path((_, run)): Path<(WorkspaceId, RunId)>,
    Query(query): Query<ExportWanted>,
) -> Result<Response, Problem> {
    let found = caller.scope.run(run).await?;
    let log = Log::of(&app, &caller).await?;
    let values = if query.values.unwrap_or_default() { Values::Read } else { Values::Skip };
    let (kind, wanted, name) = match query.table {
        TableName::Rows => {
            let outcomes = query.outcome.map(Into::into).into_iter().collect();
            let filter = RowFilter { outcomes, code: query.code, ..RowFilter::default() };
            (LogKind::Rows, Wanted::Rows(filter, values), "rows")
        }
        TableName::Calls if query.outcome.is_some() => {
            return Err(Problem::invalid_parameter("outcome", "Calls have no outcome; leave it out, or export rows."));
        }
        TableName::Calls => {
            let filter = CallFilter { code: query.code, ..CallFilter::default() };
            (LogKind::Calls, Wanted::Calls(filter, values), "calls")
        }
    };
    let objects = caller.scope.log_objects(run, kind).await?;
    let list = present(&log, &objects).await?;
    if list.is_empty() && log.expired(&found) {
        return Err(expired());
    }
    let mut export =
        Export::new(log.objects()?.clone(), list, wanted, query.format.into()).map_err(Problem::internal)?;
    // What cannot be read at once is told as a problem; the first part of a table with names may be these alone.
    let mut first = VecDeque::new();
    while let Some(part) = export.next().await.map_err(|error| of_one(&log, &objects, error))? {
        first.push_back(part);
        if first.len() == 2 {
            break;
        }
    }
    let file = format!("attachment; filename=\"{run}-{name}.{}\"", query.format.extension());
    let headers: [(HeaderName, String); 2] =
        [(header::CONTENT_TYPE, query.format.media_type().to_owned()), (header::CONTENT_DISPOSITION, file)];
    let parts = stream::try_unfold((first, export), async |(mut first, mut export)| {
        let part = match first.pop_front() {
            Some(part) => Some(part),
            None => {
                export.next().await.inspect_err(|error| tracing::error!(%error, "an export of the log ends early"))?
            }
        };
        Ok::<_, outcomes::Error>(part.map(|part| (Bytes::from(part), (first, export))))
    });
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// Those that are there, without what was deleted in time. One that should be there is told before anything is sent.
async fn present(log: &Log, objects: &[LogObject]) -> Result<Vec<ObjectRef>, Problem> {
    let mut list = Vec::new();
    for object in objects {
        match log.objects()?.len(&object.object.name).await {
            Ok(_) => list.push(reference(object)),
            Err(objects::Error::Missing { name }) => {
                let missing = outcomes::Error::Missing { object: name };
                match log.unread(object, missing) {
                    Unread::Expired => {}
                    other => return Err(other.into()),
                }
            }
            Err(error) => return Err(log.problem(object, outcomes::Error::Objects(error))),
        }
    }
    Ok(list)
}

/// The error names the object that it is about.
fn of_one(log: &Log, objects: &[LogObject], error: outcomes::Error) -> Problem {
    let (outcomes::Error::Missing { object } | outcomes::Error::Corrupt { object, .. }) = &error else {
        return Problem::internal(error);
    };
    match objects.iter().find(|found| found.object.name == *object) {
        Some(found) => log.problem(found, error),
        None => Problem::internal(error),
    }
}
