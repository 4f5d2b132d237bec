//! From a place in a stream to the row that is there.

use axum::extract::State;
use outcomes::Values;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::pages::{Log, LogPage, Page, reference};
use super::row::LoggedRow;
use crate::extract::{Json, Limit, Query};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(find_position))
}

/// Those of Kinesis have 56.
const MOST_DIGITS: usize = 128;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PositionQuery {
    /// Only of syncs that send to this stream now. Shards of several streams have the same names.
    stream: Option<String>,
    #[param(example = "shardId-000000000001", min_length = 1, max_length = 128)]
    shard: String,
    #[param(pattern = "^[0-9]+$", min_length = 1, max_length = 128)]
    sequence_number: String,
}

/// A row whose message is in the record at a place in a stream.
#[derive(Debug, Serialize, ToSchema)]
struct RowAtPosition {
    /// The id of the sync.
    sync: String,
    sync_name: String,
    /// That the sync sends to now.
    stream: String,
    row: LoggedRow,
}

/// Which row is at a place in a stream
///
/// By shard and sequence number, as consumers see them. Where messages share a record, these are all of its rows, in the order of
/// their `sub_sequence`. A record that was put and not answered has no known place; it has the
/// `event.id` of a row's timeline.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/positions", tag = "log",
    params(("workspace_id" = String, Path), PositionQuery),
    responses((status = 200, description = "None, one, or those that share a record; for each stream with such a shard", body = LogPage<RowAtPosition>)))]
async fn find_position(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PositionQuery>,
) -> Result<Json<LogPage<RowAtPosition>>, Problem> {
    let PositionQuery { stream, shard, sequence_number } = query;
    if !(1..=MOST_DIGITS).contains(&sequence_number.len()) || !sequence_number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::invalid_parameter("sequence_number", "A number in decimal digits is expected."));
    }
    if !(1..=128).contains(&shard.len()) {
        return Err(Problem::invalid_parameter("shard", "1 to 128 characters are expected."));
    }
    let log = Log::of(&app, &caller).await?;
    let mut page = Page::new(Some(Limit::MOST));
    for object in caller.scope.log_objects_at(&shard, &sequence_number).await? {
        let sync = caller.scope.sync_details(object.sync).await?;
        if stream.as_ref().is_some_and(|stream| *stream != sync.config.stream) || page.room(&object, 0).is_none() {
            continue;
        }
        match log.reader()?.find_position(&reference(&object), &shard, &sequence_number, Values::Read).await {
            Ok(found) => page.items.extend(found.into_iter().map(|found| RowAtPosition {
                sync: sync.id.to_string(),
                sync_name: sync.name.clone(),
                stream: sync.config.stream.clone(),
                row: LoggedRow::new(found, true),
            })),
            Err(error) => page.left_out(log.unread(&object, error))?,
        }
    }
    Ok(Json(LogPage { next_cursor: None, ..page.finish_across("positions") }))
}
