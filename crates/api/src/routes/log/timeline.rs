//! One row through all runs of its sync.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use domain::{SyncId, WorkspaceId};
use engine::hash::Hash128;
use engine::unit::UnitId;
use outcomes::{Outcome, RowFound, Values};
use serde::{Deserialize, Serialize};
use store::LogObject;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::key::{Wanted, wanted};
use super::pages::{DamagedObject, Log, LogPage, Page, Place, reference};
use super::row::LoggedRow;
use crate::extract::{Cursor, Json, Limit, Path, Query, Timestamp};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_timeline))
}

/// The name that its cursors carry.
const LIST: &str = "timeline";
/// Objects that are asked for at once.
const OBJECTS: u32 = 50;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct TimelineQuery {
    /// The key as lists show it, in JSON: an object of its columns, or an array of their values in the order of the model.
    #[param(example = "[7]", max_length = 10_000)]
    key: String,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// What happened to a row, the newest first.
#[derive(Debug, Serialize, ToSchema)]
struct Timeline {
    items: Vec<TimelineEntry>,
    /// For the parameter `cursor` of the next request; null at the end of the list.
    #[schema(required)]
    next_cursor: Option<String>,
    /// The sync is older than the workspace keeps its log, so what is older is deleted.
    expired: bool,
    /// Keys of this type cannot be looked up by their hash, and not everything was searched: an empty list does not say that
    /// the row is not there.
    incomplete: bool,
    /// Objects that could not be read: nothing of them is shown.
    damaged: Vec<DamagedObject>,
}

/// What happened to a row, or to an element of it, in one run.
#[derive(Debug, Serialize, ToSchema)]
struct TimelineEntry {
    #[serde(flatten)]
    row: LoggedRow,
    /// Of one that was not delivered: when it, or a newer version, got through.
    #[schema(required)]
    got_through: Option<Acknowledgement>,
}

/// Where and when the stream acknowledged a record.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Acknowledgement {
    run: String,
    at: Timestamp,
    /// The same `event.id`: it is the same version of the row.
    same_event: bool,
    #[schema(required)]
    shard: Option<String>,
    #[schema(required)]
    sequence_number: Option<String>,
}

/// What happened to a row, through all runs
///
/// What was read, what was acknowledged before, what changed, the message, where it landed, and why it did not. A row that fans
/// out has entries for each element.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/syncs/{sync_id}/timeline", tag = "log",
    params(("workspace_id" = String, Path), ("sync_id" = String, Path), TimelineQuery),
    responses((status = 200, description = "The newest first", body = Timeline)))]
async fn get_timeline(
    State(app): State<App>,
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SyncId)>,
    Query(query): Query<TimelineQuery>,
) -> Result<Json<Timeline>, Problem> {
    let from = Place::from_cursor(LIST, query.cursor.as_ref())?;
    let sync = caller.scope.sync_details(id).await?;
    let log = Log::of(&app, &caller).await?;
    let Wanted { hashes, cut } = wanted(&log, &caller, &sync, &query.key).await?;
    let search = Search { log: &log, caller: &caller, sync: id, hashes: hashes.into_iter().collect() };
    let mut later = match from {
        Some(from) => search.newer_than(from).await?,
        None => HashMap::new(),
    };
    let mut page = Page::new(query.limit);
    search.fill(&mut page, from, &mut later).await?;
    let LogPage { items, next_cursor, damaged, expired, .. } = page.finish_across(LIST);
    let expired = expired || log.goes_back_to(sync.created_at);
    Ok(Json(Timeline { items, next_cursor, expired, incomplete: cut, damaged }))
}

struct Search<'a> {
    log: &'a Log,
    caller: &'a Caller,
    sync: SyncId,
    hashes: Vec<Hash128>,
}

/// The acknowledgement of each unit that comes next, seen from what is looked at.
type Later = HashMap<UnitId, (Option<String>, Acknowledgement)>;

impl Search<'_> {
    async fn fill(
        &self,
        page: &mut Page<TimelineEntry>,
        from: Option<Place>,
        later: &mut Later,
    ) -> Result<(), Problem> {
        let mut before = from.map(|place| (place.epoch, place.number + 1));
        loop {
            let found = self.objects(before).await?;
            let Some((last, _)) = found.last() else { return Ok(()) };
            before = Some((last.epoch, last.number));
            for (object, hashes) in &found {
                let start = from.filter(|from| (from.epoch, from.number) == (object.epoch, object.number));
                let start = start.map_or(0, |from| from.position);
                if page.room(object, start).is_none() {
                    return Ok(());
                }
                let rows = match self.read(object, hashes, Values::Read).await {
                    Ok(rows) => rows,
                    Err(error) => {
                        page.left_out(self.log.unread(object, error))?;
                        continue;
                    }
                };
                for found in rows {
                    if found.position < start {
                        note(later, &found);
                    } else if page.room(object, found.position).is_some() {
                        let got_through = got_through(later, &found);
                        note(later, &found);
                        page.items.push(TimelineEntry { row: LoggedRow::new(found, true), got_through });
                    } else {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// What was acknowledged in objects that earlier pages showed, as far as these are not too many.
    async fn newer_than(&self, place: Place) -> Result<Later, Problem> {
        let mut later = Later::new();
        for (object, hashes) in self.objects(None).await? {
            if (object.epoch, object.number) <= (place.epoch, place.number) {
                break;
            }
            // An object that cannot be read was told of by the page that it belongs to.
            for found in self.read(&object, &hashes, Values::Skip).await.unwrap_or_default() {
                note(&mut later, &found);
            }
        }
        Ok(later)
    }

    /// The objects that may hold the key in one of its forms, the newest first, and which of these.
    async fn objects(&self, before: Option<(u64, u32)>) -> Result<Vec<(LogObject, Vec<Hash128>)>, Problem> {
        let mut found: BTreeMap<(u64, u32), (LogObject, Vec<Hash128>)> = BTreeMap::new();
        // Of each form there may be more behind the last one: what is older than the newest of these comes later.
        let mut floor = (0, 0);
        for hash in &self.hashes {
            let objects = self.caller.scope.log_objects_of_key(self.sync, *hash, before, OBJECTS).await?;
            if objects.len() == OBJECTS as usize {
                floor = objects.last().map_or(floor, |last| floor.max((last.epoch, last.number)));
            }
            for object in objects {
                let place = (object.epoch, object.number);
                found.entry(place).or_insert_with(|| (object, Vec::new())).1.push(*hash);
            }
        }
        Ok(found.into_iter().rev().take_while(|(place, _)| *place >= floor).map(|(_, found)| found).collect())
    }

    async fn read(&self, object: &LogObject, hashes: &[Hash128], values: Values) -> outcomes::Result<Vec<RowFound>> {
        let Ok(reader) = self.log.reader() else { return Ok(Vec::new()) };
        let mut rows = Vec::new();
        for hash in hashes {
            rows.extend(reader.find_key(&reference(object), *hash, values).await?);
        }
        rows.sort_by_key(|found| found.position);
        Ok(rows)
    }
}

fn note(later: &mut Later, found: &RowFound) {
    let row = &found.row;
    let text = |text: &Option<outcomes::Text<'_>>| text.as_deref().map(str::to_owned);
    if let (Outcome::Delivered, Some(unit)) = (row.outcome, row.unit) {
        let acknowledgement = Acknowledgement {
            run: found.run.to_string(),
            at: row.at.into(),
            same_event: false,
            shard: text(&row.shard),
            sequence_number: text(&row.sequence_number),
        };
        later.insert(unit, (text(&row.event_id), acknowledgement));
    }
}

fn got_through(later: &Later, found: &RowFound) -> Option<Acknowledgement> {
    let row = &found.row;
    if matches!(row.outcome, Outcome::Delivered | Outcome::Invalid) {
        return None;
    }
    let (event, acknowledgement) = later.get(&row.unit?)?;
    let same_event = event.is_some() && event.as_deref() == row.event_id.as_deref();
    Some(Acknowledgement { same_event, ..acknowledgement.clone() })
}
