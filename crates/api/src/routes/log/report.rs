//! What a run came to, in sums.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use domain::{RunId, WorkspaceId};
use engine::outcome::throttled;
use outcomes::{CallFilter, CallSummary, Outcome, RowFilter, RowSummary, Values};
use serde::Serialize;
use serde_json::Value;
use store::{LogKind, LogObject};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::pages::{DamagedObject, Log, Unread, reference, summary};
use crate::explain::shard_in;
use crate::extract::{Json, Path};
use crate::prices::{Cost, Volume};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_run_report))
}

/// So many rows and calls are read for a report; beyond, it is estimated from averages.
const ROWS: u64 = 200_000;
const CALLS: u64 = 50_000;
const PART: usize = 5_000;
/// So many partition keys are counted and shown.
const COUNTED_KEYS: usize = 200_000;
const HOT_KEYS: usize = 10;

/// What a run came to, in sums over its log.
#[derive(Debug, Serialize, ToSchema)]
struct RunReport {
    /// The id of the run.
    run: String,
    /// What the worker says of the run once it has ended: phases, throughput over time.
    #[schema(required, value_type = Option<Object>)]
    report: Option<Value>,
    rows: LoggedRowCounts,
    calls: LoggedCallCounts,
    /// Records that were refused because a shard was full, by shard, the hottest first. Of one that AWS did not name, the shard
    /// is null.
    throttles: Vec<Throttles>,
    /// What went into the stream.
    sent: Volume,
    /// Where records landed, and what belongs to a hot shard.
    shards: Vec<ShardLoad>,
    /// The partition keys with the most records, if there are any with more than one.
    hot_keys: Vec<HotKey>,
    cost: Cost,
    log: LoggedSize,
    /// Not all of the run's rows or calls were looked at: `throttles`, `shards` and `hot_keys` are of a part of them.
    partial: bool,
    /// The run is older than the workspace keeps its log, so some or all of it is deleted.
    expired: bool,
    /// Objects that could not be read, and are in no sum.
    damaged: Vec<DamagedObject>,
}

/// Rows in the log.
#[derive(Debug, Default, Serialize, ToSchema)]
struct LoggedRowCounts {
    rows: u64,
    by_outcome: BTreeMap<String, u64>,
    /// Of what was not delivered; null if there are too many codes.
    #[schema(required)]
    by_code: Option<BTreeMap<String, u64>>,
}

/// Calls in the log.
#[derive(Debug, Default, Serialize, ToSchema)]
struct LoggedCallCounts {
    calls: u64,
    /// Those that failed, or some of whose records did.
    failed: u64,
    /// Failed calls and failed records; null if there are too many codes.
    #[schema(required)]
    by_code: Option<BTreeMap<String, u64>>,
}

/// What a full shard refused.
#[derive(Debug, Serialize, ToSchema)]
struct Throttles {
    #[schema(required)]
    shard: Option<String>,
    records: u64,
    /// Calls in which that happened.
    calls: u64,
}

/// What a shard got.
#[derive(Debug, Serialize, ToSchema)]
struct ShardLoad {
    shard: String,
    records: u64,
    bytes: u64,
}

/// A partition key with many records.
#[derive(Debug, Serialize, ToSchema)]
struct HotKey {
    partition_key: String,
    records: u64,
    bytes: u64,
    /// Of all records that were looked at, from 0 to 1.
    share: f64,
    #[schema(required)]
    shard: Option<String>,
}

/// The log of the run in the object storage.
#[derive(Debug, Default, Serialize, ToSchema)]
struct LoggedSize {
    objects: u64,
    bytes: u64,
}

/// What a run came to
///
/// Sums over its log, as far as it came with its last checkpoint, and what it costs by AWS's prices for records. Hours of shards
/// and streams are not in it: a run does not cause them.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/report", tag = "log",
    params(("workspace_id" = String, Path), ("run_id" = String, Path)),
    responses((status = 200, description = "As far as it goes", body = RunReport)))]
async fn get_run_report(
    State(app): State<App>,
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, RunId)>,
) -> Result<Json<RunReport>, Problem> {
    let run = caller.scope.run(id).await?;
    let log = Log::of(&app, &caller).await?;
    let rows = caller.scope.log_objects(id, LogKind::Rows).await?;
    let calls = caller.scope.log_objects(id, LogKind::Calls).await?;
    let mut sums = Sums::default();
    for object in &rows {
        sums.rows(&log, object).await?;
    }
    for object in &calls {
        sums.calls(&log, object).await?;
    }
    let size = rows.iter().chain(&calls).fold(LoggedSize::default(), |size, object| LoggedSize {
        objects: size.objects + 1,
        bytes: size.bytes + object.object.bytes,
    });
    let sent = sums.sent();
    Ok(Json(RunReport {
        run: id.to_string(),
        report: caller.scope.run_report(id).await?,
        cost: sent.cost(&app.settings().prices),
        sent,
        throttles: sums.throttles(),
        hot_keys: sums.hot_keys(),
        shards: sums.shards(),
        partial: sums.partial,
        expired: log.expired(&run) || sums.expired,
        log: size,
        rows: LoggedRowCounts { rows: sums.row_count, by_outcome: sums.outcomes, by_code: sums.row_codes.finish() },
        calls: LoggedCallCounts { calls: sums.call_count, failed: sums.failed, by_code: sums.call_codes.finish() },
        damaged: sums.damaged,
    }))
}

#[derive(Default)]
struct Sums {
    row_count: u64,
    outcomes: BTreeMap<String, u64>,
    row_codes: Codes,
    call_count: u64,
    failed: u64,
    call_codes: Codes,
    /// Rows and calls that were read one by one.
    read_rows: u64,
    read_calls: u64,
    /// Of these; several may have shared a record.
    messages: u64,
    volume: Volume,
    by_shard: BTreeMap<String, (u64, u64)>,
    by_key: HashMap<String, (u64, u64, Option<String>)>,
    throttled: BTreeMap<Option<String>, (u64, u64)>,
    /// Records that calls took, and the bytes of all records in them.
    taken: (u64, u64),
    partial: bool,
    expired: bool,
    damaged: Vec<DamagedObject>,
}

#[derive(Default)]
struct Codes {
    counts: BTreeMap<String, u64>,
    unknown: bool,
}

impl Codes {
    fn add(&mut self, codes: Option<BTreeMap<String, u64>>) {
        match codes {
            Some(codes) => codes.into_iter().for_each(|(code, count)| *self.counts.entry(code).or_default() += count),
            None => self.unknown = true,
        }
    }

    fn finish(self) -> Option<BTreeMap<String, u64>> {
        (!self.unknown).then_some(self.counts)
    }
}

impl Sums {
    async fn rows(&mut self, log: &Log, object: &LogObject) -> Result<(), Problem> {
        let summary: Option<RowSummary> = summary(object);
        let delivered = summary.as_ref().is_none_or(|summary| summary.outcomes.contains_key(&Outcome::Delivered));
        self.row_count += object.entries;
        if let Some(summary) = summary {
            let counts = summary.outcomes.iter().map(|(outcome, count)| (outcome.as_str().to_owned(), *count));
            counts.for_each(|(outcome, count)| *self.outcomes.entry(outcome).or_default() += count);
            self.row_codes.add(summary.codes);
        }
        if !delivered {
            return Ok(());
        }
        if self.read_rows + object.entries > ROWS {
            self.partial = true;
            return Ok(());
        }
        self.read_rows += object.entries;
        let filter = RowFilter { outcomes: vec![Outcome::Delivered], ..RowFilter::default() };
        let mut from = Some(0);
        while let Some(at) = from {
            match log.reader()?.rows(&reference(object), &filter, at, PART, Values::Skip).await {
                Ok(page) => {
                    page.rows.into_iter().for_each(|found| self.row(found.row));
                    from = page.next;
                }
                Err(error) => return self.left_out(log.unread(object, error)),
            }
        }
        Ok(())
    }

    fn row(&mut self, row: outcomes::RowOutcome<'static>) {
        let bytes = u64::from(row.record_bytes.unwrap_or_default());
        self.messages += 1;
        match (row.sub_sequence, row.aggregated_bytes) {
            // Whoever comes first stands for the record.
            (Some(0), Some(shared)) => self.volume.add(u64::from(shared)),
            (Some(_), Some(_)) => {}
            _ => self.volume.add(bytes),
        }
        let shard = row.shard.map(std::borrow::Cow::into_owned);
        if let Some(shard) = &shard {
            let load = self.by_shard.entry(shard.clone()).or_default();
            *load = (load.0 + 1, load.1 + bytes);
        }
        let Some(key) = row.partition_key else { return };
        if let Some(found) = self.by_key.get_mut(&*key) {
            (found.0, found.1) = (found.0 + 1, found.1 + bytes);
        } else if self.by_key.len() < COUNTED_KEYS {
            self.by_key.insert(key.into_owned(), (1, bytes, shard));
        }
    }

    async fn calls(&mut self, log: &Log, object: &LogObject) -> Result<(), Problem> {
        self.call_count += object.entries;
        if let Some(summary) = summary::<CallSummary>(object) {
            self.failed += summary.failed;
            self.call_codes.add(summary.codes);
        }
        if self.read_calls + object.entries > CALLS {
            self.partial = true;
            return Ok(());
        }
        self.read_calls += object.entries;
        let mut from = Some(0);
        while let Some(at) = from {
            match log.reader()?.calls(&reference(object), &CallFilter::default(), at, PART).await {
                Ok(page) => {
                    page.calls.iter().for_each(|found| self.call(&found.call));
                    from = page.next;
                }
                Err(error) => return self.left_out(log.unread(object, error)),
            }
        }
        Ok(())
    }

    fn call(&mut self, call: &outcomes::Call<'_>) {
        if &*call.kind == "PutRecords" && call.error_code.is_none() {
            let failed = call.failures.len() as u64;
            let records = u64::from(call.records);
            let taken = records.saturating_sub(failed);
            let bytes = (call.bytes * taken).checked_div(records).unwrap_or(0);
            self.taken = (self.taken.0 + taken, self.taken.1 + bytes);
        }
        let mut here: BTreeMap<Option<String>, u64> = BTreeMap::new();
        for failure in call.failures.iter().filter(|failure| throttled(&failure.code)) {
            *here.entry(shard_in(&failure.message).map(str::to_owned)).or_default() += 1;
        }
        if let Some(code) = call.error_code.as_deref().filter(|code| throttled(code)) {
            let message = call.error_message.as_deref().unwrap_or(code);
            *here.entry(shard_in(message).map(str::to_owned)).or_default() += u64::from(call.records);
        }
        for (shard, records) in here {
            let sum = self.throttled.entry(shard).or_default();
            *sum = (sum.0 + records, sum.1 + 1);
        }
    }

    fn left_out(&mut self, unread: Unread) -> Result<(), Problem> {
        match unread {
            Unread::Expired => self.expired = true,
            Unread::Damaged(object) => self.damaged.push(object),
            Unread::Failed(problem) => return Err(problem),
        }
        Ok(())
    }

    /// Exact if each delivered row was read; else from averages, of rows if there are any, else of calls.
    fn sent(&self) -> Volume {
        let delivered = self.outcomes.get(Outcome::Delivered.as_str()).copied().unwrap_or(0);
        if delivered > 0 && self.messages >= delivered {
            return self.volume;
        }
        if delivered > 0 && self.messages > 0 {
            let scaled = |part: u64| {
                let scaled = u128::from(part) * u128::from(delivered) / u128::from(self.messages);
                u64::try_from(scaled).unwrap_or(u64::MAX)
            };
            return Volume {
                records: scaled(self.volume.records),
                bytes: scaled(self.volume.bytes),
                payload_units: scaled(self.volume.payload_units),
                billed_kib: scaled(self.volume.billed_kib),
                estimated: true,
            };
        }
        let (records, bytes) = self.taken;
        if records == 0 { Volume::default() } else { Volume::of_average(records, bytes) }
    }

    fn throttles(&self) -> Vec<Throttles> {
        let sums = self.throttled.iter();
        let mut all: Vec<_> = sums
            .map(|(shard, (records, calls))| Throttles { shard: shard.clone(), records: *records, calls: *calls })
            .collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.records));
        all
    }

    fn shards(&self) -> Vec<ShardLoad> {
        let load = |(shard, (records, bytes)): (&String, &(u64, u64))| ShardLoad {
            shard: shard.clone(),
            records: *records,
            bytes: *bytes,
        };
        self.by_shard.iter().map(load).collect()
    }

    fn hot_keys(&self) -> Vec<HotKey> {
        let mut hot: Vec<_> = self.by_key.iter().filter(|(_, (records, ..))| *records > 1).collect();
        hot.sort_by_key(|(key, (records, ..))| (std::cmp::Reverse(*records), *key));
        hot.truncate(HOT_KEYS);
        let all = self.messages.max(1) as f64;
        hot.into_iter()
            .map(|(key, (records, bytes, shard))| HotKey {
                partition_key: key.clone(),
                records: *records,
                bytes: *bytes,
                share: *records as f64 / all,
                shard: shard.clone(),
            })
            .collect()
    }
}
