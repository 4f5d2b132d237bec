//! What became of the rows of a run.

use axum::extract::State;
use domain::{Change, RunId, WorkspaceId};
use outcomes::{RowFilter, RowSummary, Values};
use serde::Deserialize;
use store::LogKind;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::pages::{Log, LogPage, Page, Place, from_place, reference, summary};
use super::row::{LoggedRow, OutcomeName};
use crate::extract::{Cursor, Json, Limit, Path, Query};
use crate::routes::rejections::ChangeName;
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_run_outcomes))
}

/// The name that its cursors carry.
const LIST: &str = "run-outcomes";
/// Rows with values are read in such parts, until a page has enough bytes.
const PART: usize = 25;
const PAGE_BYTES: usize = 4 << 20;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RowsWanted {
    /// Only those with this outcome.
    outcome: Option<OutcomeName>,
    /// Only those of this kind.
    #[param(value_type = Option<ChangeName>)]
    op: Option<Change>,
    /// Only those with this code.
    code: Option<String>,
    /// Only those that landed in this shard, or would have.
    shard: Option<String>,
    /// Only those that were in the request of this call.
    call: Option<u64>,
    /// Only those with this text in the JSON of their key.
    key: Option<String>,
    /// Whether values and messages are shown. A page then ends after 4 MiB of them.
    values: Option<bool>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

impl RowsWanted {
    fn filter(&self) -> RowFilter {
        RowFilter {
            outcomes: self.outcome.map(Into::into).into_iter().collect(),
            op: self.op,
            code: self.code.clone(),
            shard: self.shard.clone(),
            call: self.call,
            key_text: self.key.clone(),
        }
    }
}

/// What became of the rows of a run
///
/// As far as it came with its last checkpoint.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/outcomes", tag = "log",
    params(("workspace_id" = String, Path), ("run_id" = String, Path), RowsWanted),
    responses((status = 200, description = "In the order of windows, within one in that of hashed keys", body = LogPage<LoggedRow>)))]
async fn list_run_outcomes(
    State(app): State<App>,
    caller: Caller,
    Path((_, run)): Path<(WorkspaceId, RunId)>,
    Query(query): Query<RowsWanted>,
) -> Result<Json<LogPage<LoggedRow>>, Problem> {
    let from = Place::from_cursor(LIST, query.cursor.as_ref())?;
    let found = caller.scope.run(run).await?;
    let log = Log::of(&app, &caller).await?;
    let (filter, shown) = (query.filter(), query.values.unwrap_or_default());
    let objects = from_place(&caller, run, LogKind::Rows, from).await?;
    let mut page = Page::new(query.limit);
    let mut bytes = 0;
    for (object, from) in &objects {
        if page.room(object, *from).is_none() {
            break;
        }
        if summary::<RowSummary>(object).is_some_and(|summary| !filter.may_match(&summary)) {
            continue;
        }
        let mut from = *from;
        while let Some(room) = page.room(object, from) {
            let (values, limit) = if shown { (Values::Read, room.min(PART)) } else { (Values::Skip, room) };
            let read = match log.reader()?.rows(&reference(object), &filter, from, limit, values).await {
                Ok(read) => read,
                Err(error) => {
                    page.left_out(log.unread(object, error))?;
                    break;
                }
            };
            for row in read.rows {
                bytes += [&row.row.previous, &row.row.row, &row.row.record]
                    .into_iter()
                    .flatten()
                    .map(|t| t.len())
                    .sum::<usize>();
                page.items.push(LoggedRow::new(row, shown));
            }
            let Some(next) = read.next else { break };
            if bytes >= PAGE_BYTES {
                page.ends_at(object, next);
            }
            from = next;
        }
        page.looked_at(object.entries);
    }
    let last = objects.last().map(|(object, _)| Place::of(object)).or(from);
    Ok(Json(page.finish(LIST, &log, &found, last)))
}
