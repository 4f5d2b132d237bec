//! What a sync that is being written would send of sample rows, at once: nobody's host is asked.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use axum::extract::State;
use domain::{Change, Expression, JobId, MappedValue, Mapping, Message, RunId, SyncId, Work, WorkspaceId};
use engine::aggregate::shared_bytes;
use engine::layout::ValuesError;
use engine::limits::billed_bytes;
use engine::record::{Part, Place, Record, Rejection};
use engine::shard::{ShardMap, hash_key};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::JobState;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{SyncBody, Written, model_of};
use super::check;
use super::draft::{Before, Draft, Invalid, Row, Sample, StandIns};
use crate::explain::explain;
use crate::extract::{Json, Path};
use crate::prices::{Cost, Volume};
use crate::routes::models::{reference, unknown_reference};
use crate::routes::rejections::ChangeName;
use crate::{App, Caller, Prices, Problem, clock};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(render_sync))
}

/// So many rows go into averages, as far as this time reaches.
const TRIED: usize = 20;
const TIME: Duration = Duration::from_millis(150);
/// So many records of a row that fans out are shown, and no more after so many bytes.
const SHOWN: usize = 20;
const SHOWN_BYTES: usize = 1 << 20;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RenderBody {
    /// The sync as it would be saved. Destination, stream and schedule are not looked at.
    draft: SyncBody,
    /// The sync that the draft is to change; without it, a new one.
    sync: Option<String>,
    /// The id of a job of `preview_model` with `sample: true`, of the draft's model as it is now.
    sample: String,
    /// The id of a job of `describe_shards`, to predict the shards of records.
    shards: Option<String>,
    /// Which row of the sample to show, counted from 0.
    #[serde(default)]
    row: u32,
    /// What happened to it. Default: `added`.
    #[serde(default = "added")]
    #[schema(value_type = ChangeName, required = false)]
    op: Change,
    /// Where the values before a change come from; without it, all but the key from the next row of the sample.
    previous: Option<PreviousBody>,
}

/// A sample holds no earlier values, so those of another row stand for them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviousBody {
    /// A row of the sample, counted from 0.
    row: u32,
    /// For which columns; all others are taken to be as they are now.
    columns: Option<BTreeSet<String>>,
}

/// What would be sent.
#[derive(Debug, Serialize, ToSchema)]
struct RenderedDraft {
    /// Of the row that is shown: one record, or one for each element where rows fan out. At most 20, and fewer if they are large.
    records: Vec<DraftRecord>,
    records_total: u64,
    /// As `changed_columns` has them in messages; null unless the row changed and values are kept.
    #[schema(required)]
    changed_columns: Option<Vec<String>>,
    /// Rows that would not be sent, the shown one first.
    problems: Vec<RowProblem>,
    /// What stands in these records for what only a run knows, as far as it is used. Equal length is not promised of numbers.
    stand_ins: Vec<StandIn>,
    /// Over the first rows of the sample.
    tried: TriedRows,
    /// Of a record, data and partition key.
    #[schema(required)]
    average_bytes: Option<f64>,
    /// What a million rows such as these cost; null if none could be rendered.
    #[schema(required)]
    million_rows: Option<Cost>,
}

/// A record as it would be put.
#[derive(Debug, Serialize, ToSchema)]
struct DraftRecord {
    data: String,
    partition_key: String,
    #[schema(required)]
    explicit_hash_key: Option<String>,
    /// What decides the shard: the explicit one, or the MD5 of the partition key, as a decimal number of 128 bits.
    #[schema(required)]
    hash_key: Option<String>,
    /// Null if the shards are not known.
    #[schema(required)]
    shard: Option<String>,
    /// As Kinesis counts them: data and partition key.
    bytes: u64,
}

/// Why a row would not be sent.
#[derive(Debug, Serialize, ToSchema)]
struct RowProblem {
    /// Of the sample, counted from 0.
    row: u32,
    code: String,
    message: String,
    #[schema(required)]
    advice: Option<String>,
    /// The member of the draft whose text could not be rendered.
    #[schema(required)]
    pointer: Option<String>,
    /// In that text, counted from 1.
    #[schema(required)]
    line: Option<u32>,
    #[schema(required)]
    column: Option<u32>,
}

/// A value in place of one that only a run knows.
#[derive(Debug, Serialize, ToSchema)]
struct StandIn {
    #[schema(examples("event.id"))]
    name: &'static str,
    value: String,
}

/// What averages are of.
#[derive(Debug, Default, Serialize, ToSchema)]
struct TriedRows {
    rows: u64,
    records: u64,
    bytes: u64,
    /// Rows that would not be sent, or not whole.
    refused: u64,
}

const fn added() -> Change {
    Change::Added
}

/// What a draft of a sync would send
///
/// Byte for byte, of rows that `preview_model` read with `sample: true`: only what a run gives each record anew has stand-ins.
/// Nothing is saved, and no host of yours is asked, so it may be called while somebody types.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/syncs/render", tag = "syncs", request_body = RenderBody,
    params(("workspace_id" = String, Path)),
    responses((status = 200, description = "The records of the row, and what is wrong with rows", body = RenderedDraft)))]
async fn render_sync(
    State(app): State<App>,
    caller: Caller,
    Path(_): Path<WorkspaceId>,
    Json(body): Json<RenderBody>,
) -> Result<Json<RenderedDraft>, Problem> {
    let RenderBody { draft, sync, sample, shards, row, op, previous } = body;
    let Written { name, model, config } = draft.written();
    let model = model_of(&caller, &model, "/draft/model").await?;
    let sample = sample_of(&caller, &sample, &model.config.query).await?;
    let shards = match shards {
        Some(id) => shards_of(&caller, &id).await?,
        None => ShardMap::default(),
    };
    let at_most = |at: u32| usize::try_from(at).ok().filter(|at| *at < sample.rows.len());
    let row = at_most(row).ok_or_else(|| no_such_row("/row", sample.rows.len()))?;
    let before = match (op, previous) {
        (Change::Changed, Some(previous)) => {
            let row = at_most(previous.row).ok_or_else(|| no_such_row("/previous/row", sample.rows.len()))?;
            Some(Before { row, columns: previous.columns })
        }
        _ => None,
    };
    let stand_ins = stand_ins(&caller, sync.as_deref(), name).await?;
    let prices = app.settings().prices.clone();
    let rendered = tokio::task::spawn_blocking(move || {
        let below = |faults: Vec<_>| {
            Problem::faults(faults.into_iter().map(|fault: crate::problem::Fault| fault.under("/draft")).collect())
        };
        let wrong = check::settings(&config);
        if !wrong.is_empty() {
            return Err(below(wrong));
        }
        let draft = Draft::new(config.clone(), &model.config.key, &sample.columns).map_err(below)?;
        let task = Task { draft, config, sample, shards, op, before, stand_ins };
        task.render(row, &prices).map_err(|_| stale_sample())
    });
    rendered.await.map_err(Problem::internal)?.map(Json)
}

async fn stand_ins(caller: &Caller, sync: Option<&str>, sync_name: String) -> Result<StandIns, Problem> {
    let (id, sequence) = match sync {
        None => (SyncId::from_uuid(uuid::Uuid::nil()), 1),
        Some(sync) => {
            let id = reference::<SyncId>(sync, "/sync", "sync")?;
            match caller.scope.sync_state(id).await {
                Err(store::Error::NotFound { .. }) => return Err(unknown_reference("/sync", "sync")),
                found => (id, found?.epoch + 1),
            }
        }
    };
    Ok(StandIns {
        event_id: "0".repeat(32),
        sequence,
        run_id: RunId::from_uuid(uuid::Uuid::nil()).to_string(),
        run_started_at: clock::to_the_millisecond(clock::now()),
        sync_id: id.to_string(),
        sync_name,
    })
}

async fn found_by(caller: &Caller, id: &str, pointer: &str) -> Result<(Work, Value), Problem> {
    let id = reference::<JobId>(id, pointer, "job")?;
    match caller.scope.job(id).await {
        Ok(store::Job { state: JobState::Succeeded, result: Some(found), work, .. }) => Ok((work, found)),
        Ok(_) => Err(Problem::invalid(pointer, "This job has found nothing (yet).")),
        Err(store::Error::NotFound { .. }) => Err(unknown_reference(pointer, "job")),
        Err(error) => Err(error.into()),
    }
}

async fn sample_of(caller: &Caller, id: &str, query: &str) -> Result<Sample, Problem> {
    let (work, found) = found_by(caller, id, "/sample").await?;
    let same = matches!(&work, Work::TryQuery { query: read, sample: true, .. } if read == query);
    Sample::of(&found).filter(|_| same).ok_or_else(stale_sample)
}

fn stale_sample() -> Problem {
    Problem::invalid(
        "/sample",
        "This is no sample of the model as it is now. Take one: preview the model with `sample: true`.",
    )
}

async fn shards_of(caller: &Caller, id: &str) -> Result<ShardMap, Problem> {
    #[derive(Deserialize)]
    struct Shard {
        id: String,
        first_hash_key: String,
        last_hash_key: String,
    }
    let (_, found) = found_by(caller, id, "/shards").await?;
    let shards = found.pointer("/shards/found").map_or(Ok(Vec::new()), Vec::<Shard>::deserialize);
    let range = |shard: Shard| -> Option<(String, RangeInclusive<u128>)> {
        Some((shard.id, shard.first_hash_key.parse().ok()?..=shard.last_hash_key.parse().ok()?))
    };
    let known = shards.ok().and_then(|shards| shards.into_iter().map(range).collect::<Option<Vec<_>>>());
    known
        .and_then(|shards| ShardMap::new(shards).ok())
        .ok_or_else(|| Problem::invalid("/shards", "This is no job of `describe_shards`."))
}

fn no_such_row(pointer: &str, rows: usize) -> Problem {
    let detail = match rows {
        0 => "The sample has no rows.".to_owned(),
        rows => format!("The sample has the rows 0 to {}.", rows - 1),
    };
    Problem::invalid(pointer, detail)
}

struct Task {
    draft: Draft,
    config: domain::Sync,
    sample: Sample,
    shards: ShardMap,
    op: Change,
    before: Option<Before>,
    stand_ins: StandIns,
}

/// What the records of the rows that were tried come to.
#[derive(Default)]
struct Tried {
    all: Volume,
    /// Of these, the ones that would not share a record if messages did.
    alone: Volume,
    /// How many would, and what they add to their records.
    shared: (u64, u64),
}

impl Tried {
    fn add(&mut self, record: &Record) {
        let bytes = billed_bytes(record) as u64;
        self.all.add(bytes);
        match shared_bytes(record) {
            Some(shared) => self.shared = (self.shared.0 + 1, self.shared.1 + shared as u64),
            None => self.alone.add(bytes),
        }
    }
}

impl Task {
    fn render(&self, shown: usize, prices: &Prices) -> Result<RenderedDraft, ValuesError> {
        let began = Instant::now();
        let mut out = RenderedDraft {
            records: Vec::new(),
            records_total: 0,
            changed_columns: None,
            problems: Vec::new(),
            stand_ins: Vec::new(),
            tried: TriedRows::default(),
            average_bytes: None,
            million_rows: None,
        };
        let mut volume = Tried::default();
        let others = (0..self.sample.rows.len()).filter(|at| *at != shown).take(TRIED - 1);
        for at in std::iter::once(shown).chain(others) {
            if at != shown && began.elapsed() > TIME {
                break;
            }
            self.try_row(at, at == shown, &mut out, &mut volume)?;
        }
        out.tried.records = volume.all.records;
        out.tried.bytes = volume.all.bytes;
        if volume.all.records > 0 {
            let million = |count: u64| count * 1_000_000 / out.tried.rows;
            out.average_bytes = Some(volume.all.bytes as f64 / volume.all.records as f64);
            let plain = if self.config.aggregate { volume.alone } else { volume.all };
            let plain = Volume {
                records: million(plain.records),
                bytes: million(plain.bytes),
                payload_units: million(plain.payload_units),
                billed_kib: million(plain.billed_kib),
                estimated: true,
            };
            let (messages, bytes) = volume.shared;
            let shared = Volume::of_shared(million(messages), million(bytes));
            out.million_rows = Some(if self.config.aggregate { plain.plus(shared) } else { plain }.cost(prices));
        }
        Ok(out)
    }

    fn try_row(&self, at: usize, shown: bool, out: &mut RenderedDraft, volume: &mut Tried) -> Result<(), ValuesError> {
        out.tried.rows += 1;
        let next = || Before { row: (at + 1) % self.sample.rows.len(), columns: None };
        let before = (self.op == Change::Changed).then(|| self.before.clone().unwrap_or_else(next));
        let row = match self.draft.row(&self.sample, at, before.as_ref())? {
            Ok(row) => row,
            Err(Invalid(code)) => {
                out.tried.refused += 1;
                out.problems.push(RowProblem::invalid(at, code));
                return Ok(());
            }
        };
        if shown {
            let changed = if self.op == Change::Changed { self.draft.changed(&row)? } else { None };
            out.changed_columns = changed.map(|names| names.into_iter().map(str::to_owned).collect());
            out.records_total = row.elements.len() as u64;
        }
        let (mut refusal, mut bytes) = (None, 0);
        for element in &row.elements {
            match self.draft.render(self.op, &row, element.as_ref(), &self.stand_ins)? {
                Ok(record) => {
                    volume.add(&record);
                    if shown && out.records.len() < SHOWN && (bytes == 0 || bytes + record.data.len() <= SHOWN_BYTES) {
                        bytes += record.data.len();
                        if out.records.is_empty() {
                            out.stand_ins = self.used_stand_ins(&row, element.as_ref(), &record)?;
                        }
                        out.records.push(self.shown(record));
                    }
                }
                Err(rejection) => refusal = refusal.or(Some(rejection)),
            }
        }
        if let Some(rejection) = refusal {
            out.tried.refused += 1;
            out.problems.push(RowProblem::rejected(at, rejection, &self.config));
        }
        Ok(())
    }

    fn shown(&self, record: Record) -> DraftRecord {
        let hash = hash_key(&record);
        DraftRecord {
            bytes: billed_bytes(&record) as u64,
            hash_key: hash.map(|hash| hash.to_string()),
            shard: hash.and_then(|hash| self.shards.shard(hash)).map(str::to_owned),
            data: String::from_utf8_lossy(&record.data).into_owned(),
            partition_key: record.partition_key,
            explicit_hash_key: record.explicit_hash_key,
        }
    }

    /// Those without which this record would be another one.
    fn used_stand_ins(
        &self,
        row: &Row,
        element: Option<&domain::Value>,
        record: &Record,
    ) -> Result<Vec<StandIn>, ValuesError> {
        let known = &self.stand_ins;
        let other = |text: &str| text.chars().rev().map(|c| if c == '1' { '2' } else { '1' }).collect::<String>();
        let is_new = known.sync_id == SyncId::from_uuid(uuid::Uuid::nil()).to_string();
        let all = [
            ("event.id", known.event_id.clone(), StandIns { event_id: other(&known.event_id), ..known.clone() }),
            ("event.sequence", known.sequence.to_string(), StandIns { sequence: known.sequence + 1, ..known.clone() }),
            ("run.id", known.run_id.clone(), StandIns { run_id: other(&known.run_id), ..known.clone() }),
            (
                "run.started_at",
                known.run_started_at.clone(),
                StandIns { run_started_at: clock::to_the_millisecond(0), ..known.clone() },
            ),
            ("sync.id", known.sync_id.clone(), StandIns { sync_id: other(&known.sync_id), ..known.clone() }),
        ];
        let mut used = Vec::new();
        for (name, value, different) in all {
            if name == "sync.id" && !is_new {
                continue;
            }
            let same = matches!(&self.draft.render(self.op, row, element, &different)?, Ok(again) if again == record);
            if !same {
                used.push(StandIn { name, value });
            }
        }
        Ok(used)
    }
}

impl RowProblem {
    fn invalid(row: usize, code: &str) -> Self {
        let explained = explain(code, "");
        Self {
            row: number(row),
            code: code.to_owned(),
            message: explained.meaning.unwrap_or_default(),
            advice: explained.advice,
            pointer: None,
            line: None,
            column: None,
        }
    }

    fn rejected(row: usize, rejection: Rejection, sync: &domain::Sync) -> Self {
        let code = rejection.code.as_str();
        let position = rejection.place.as_ref().and_then(|place| place.position);
        Self {
            row: number(row),
            advice: explain(code, &rejection.message).advice,
            code: code.to_owned(),
            pointer: rejection.place.as_ref().map(|place| format!("/draft{}", pointer(place, sync))),
            line: position.map(|(line, _)| number(line)),
            column: position.map(|(_, column)| number(column)),
            message: rejection.message,
        }
    }
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The member of a sync in which a place is.
fn pointer(place: &Place, sync: &domain::Sync) -> String {
    let of_key = |name: &str, key: Option<&Expression>| match key {
        Some(Expression::Column(_)) => format!("/{name}/column"),
        Some(Expression::Template(_)) | None => format!("/{name}/template"),
    };
    match place.part {
        Part::PartitionKey => of_key("partition_key", Some(&sync.partition_key)),
        Part::HashKey => of_key("hash_key", sync.hash_key.as_ref()),
        Part::Message => match &sync.message {
            Message::Json(_) => "/message/json".to_owned(),
            Message::Column(_) => "/message/column".to_owned(),
            Message::Fields(Mapping::All(_)) => "/message/fields".to_owned(),
            Message::Fields(Mapping::Fields(fields)) => {
                let found = fields.iter().enumerate().find(|(_, field)| Some(&field.to) == place.field.as_ref());
                found.map_or_else(
                    || "/message/fields".to_owned(),
                    |(at, field)| {
                        let member = match &field.from {
                            MappedValue::Column(_) => "column",
                            MappedValue::Constant(_) => "constant",
                            MappedValue::Template(_) => "template",
                            MappedValue::Json(_) => "json",
                        };
                        format!("/message/fields/{at}/{member}")
                    },
                )
            }
        },
    }
}
