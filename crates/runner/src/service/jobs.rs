//! Does the short work that the API asks for: whatever meets a tenant's host, and a person waits for.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{RunKind, Work, WorkspaceId};
use engine::form::CANONICAL_VERSION;
use serde_json::{Value, json};
use store::{ClaimedJob, JobProblem};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::wake::Wake;
use super::{Service, millis};
use crate::{Error, Preview, Reporter, RunOptions, Worker, access};

const AFTER_ERROR: Duration = Duration::from_secs(1);
/// A job that took its worker along this often is given up.
const ATTEMPTS: u32 = 3;
/// Columns that a list of tables has at most.
const COLUMNS: u32 = 10_000;

pub(super) async fn run(service: Arc<Service>, wake: Wake, drain: CancellationToken) {
    let places = Arc::new(Semaphore::new(service.service.jobs.max(1)));
    // Queries and previews go on for as long as somebody's database likes: they leave places to what is short.
    let long_places = Arc::new(Semaphore::new((service.service.jobs / 2).max(1)));
    let tasks = TaskTracker::new();
    while !drain.is_cancelled() {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = drain.cancelled() => break,
        };
        let Ok(place) = place else { break };
        // A worker that dies with a job leaves it to another one somewhat later than it could have ended.
        let lease = millis(service.service.job_time + Duration::from_secs(10));
        let worker = service.settings.worker.clone();
        let no_kinds: &[&str] = if long_places.available_permits() == 0 { &Work::LONG } else { &[] };
        match service.store.claim_job(&worker, lease, service.service.jobs_per_workspace, no_kinds).await {
            Ok(Some((workspace, job))) => {
                let long_place =
                    if job.work.is_long() { Arc::clone(&long_places).try_acquire_owned().ok() } else { None };
                let (service, wake) = (Arc::clone(&service), wake.clone());
                let span = tracing::info_span!("job", %workspace, job = %job.id, kind = job.work.kind());
                tasks.spawn(
                    async move {
                        answer(&service, workspace, job).await;
                        drop((long_place, place));
                        wake.look_for_jobs();
                    }
                    .instrument(span),
                );
            }
            Ok(None) => {
                drop(place);
                tokio::select! {
                    () = wake.job(service.service.poll) => {}
                    () = drain.cancelled() => {}
                }
            }
            Err(error) => {
                drop(place);
                tracing::warn!(error = crate::chain(&error), "cannot look for jobs, trying again");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
    // What people wait for is short: it is done rather than left.
    tasks.close();
    tasks.wait().await;
}

async fn answer(service: &Arc<Service>, workspace: WorkspaceId, job: ClaimedJob) {
    let began = std::time::Instant::now();
    let (id, kind) = (job.id, job.work.kind());
    let outcome = if job.attempts > ATTEMPTS {
        Err(problem("crash-loop", format!("{ATTEMPTS} workers died with this job, so it is not tried again")))
    } else {
        let task = tokio::spawn(within(Arc::clone(service), workspace, job.work).in_current_span());
        task.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "the job panicked");
            Err(problem(
                "internal",
                "the job failed inside the service; its operator finds the cause in the log".to_owned(),
            ))
        })
    };
    let result = if outcome.is_ok() { "succeeded" } else { "failed" };
    metrics::histogram!("rowcast_job_seconds", "kind" => kind, "result" => result)
        .record(began.elapsed().as_secs_f64());
    let scope = service.scope(workspace);
    if let Err(error) = scope.finish_job(id, &service.settings.worker, &outcome).await {
        tracing::warn!(error = crate::chain(&error), "the answer of a job is lost, it is done again");
    }
}

async fn within(service: Arc<Service>, workspace: WorkspaceId, work: Work) -> Result<Value, JobProblem> {
    let time = match &work {
        Work::TryQuery { .. } => service.service.query_time.min(service.service.job_time),
        _ => service.service.job_time,
    };
    match tokio::time::timeout(time, Box::pin(work_on(&service, workspace, work))).await {
        Ok(done) => done.map_err(|error| problem(error.code(), told(&error))),
        Err(_) => Err(problem("took-too-long", format!("there was no answer within {} s", time.as_secs()))),
    }
}

/// The messages of source and destination say it all; the causes behind them would say it again in other words.
fn told(error: &Error) -> String {
    match error {
        Error::Source(source) => source.to_string(),
        Error::Destination(destination) => destination.to_string(),
        other => crate::chain(other),
    }
}

fn problem(code: &str, detail: String) -> JobProblem {
    JobProblem { code: code.to_owned(), detail }
}

async fn work_on(service: &Service, workspace: WorkspaceId, work: Work) -> Result<Value, Error> {
    let worker = service.worker(workspace).await?;
    let deadline = service.service.query_time;
    match work {
        Work::TestSource { source } => {
            let source = access::source(&worker, &worker.scope.source(source).await?.config).await?;
            shown(&sources::postgres::test(&source).await?)
        }
        Work::ListTables { source } => {
            let source = access::source(&worker, &worker.scope.source(source).await?.config).await?;
            shown(&sources::postgres::catalog(&source, COLUMNS).await?)
        }
        Work::TryQuery { source, query, key, rows, sample } => {
            let source = access::source(&worker, &worker.scope.source(source).await?.config).await?;
            let mut found = try_query(&source, &query, &key, rows, deadline).await?;
            if !sample && let Some(members) = found.as_object_mut() {
                members.remove("sample");
            }
            Ok(found)
        }
        Work::PreviewSync { sync, records, full_resync } => preview(&worker, sync, records, full_resync).await,
        Work::VerifyDestination { destination, stream } => {
            let found = worker.scope.destination(destination).await?;
            let settings = access::settings(&worker, &found.config, stream.as_deref(), "verify").await?;
            let random = uuid::Uuid::new_v4().simple().to_string();
            let checked = shown(&kinesis::verify(settings, stream.as_deref(), &random).await?)?;
            worker.scope.set_verification(destination, found.revision, &checked).await?;
            Ok(checked)
        }
        Work::ListStreams { destination } => {
            let found = worker.scope.destination(destination).await?;
            let client = access::client(&worker, &found.config, None, "list").await?;
            shown(&json!({ "streams": client.list_streams().await?.iter().map(stream_json).collect::<Vec<_>>() }))
        }
        Work::DescribeStream { destination, stream } => {
            let found = worker.scope.destination(destination).await?;
            let client = access::client(&worker, &found.config, Some(&stream), "describe").await?;
            let summary = client.stream(&stream).await?;
            // What is not permitted is told beside what is.
            let details = client.describe(&summary.stream()).await.map_err(|error| crate::chain(&error));
            let shards = client.list_shards(&summary.stream()).await.map_err(|error| crate::chain(&error));
            Ok(json!({
                "stream": stream_json(&summary),
                "details": finding(details)?,
                "shards": finding(shards)?,
            }))
        }
    }
}

async fn try_query(
    source: &sources::postgres::Settings,
    query: &str,
    key: &[String],
    rows: u32,
    deadline: Duration,
) -> Result<Value, Error> {
    let preview = sources::postgres::preview_rows(source, query, rows as usize, deadline).await?;
    let checked = match key {
        [] => None,
        key => Some(sources::postgres::key_check(source, query, key, deadline).await?),
    };
    let canonical: Vec<String> = preview.canonical.iter().map(|row| BASE64_STANDARD.encode(row)).collect();
    // As the API reads it; a test of the service as a whole holds this shape.
    let sample = json!({ "canonical_version": CANONICAL_VERSION, "rows": canonical });
    shown(&json!({
        "columns": preview.columns,
        "rows": preview.rows,
        "cut": preview.cut,
        "key_check": checked,
        "sample": sample,
    }))
}

async fn preview(worker: &Worker, sync: domain::SyncId, records: u32, full_resync: bool) -> Result<Value, Error> {
    let state = worker.scope.sync_state(sync).await?;
    let kind = if full_resync { RunKind::FullResync } else { RunKind::Normal };
    let (options, progress) = (RunOptions::default(), Reporter::default());
    let preview = worker.preview(&state.name, state.definition, kind, options, records as usize, &progress).await?;
    Ok(preview_json(&preview))
}

fn stream_json(stream: &kinesis::StreamSummary) -> Value {
    json!({ "name": stream.name, "arn": stream.arn, "created_at": stream.created_at.map(crate::clock::rfc3339) })
}

/// `{"found": ..}`, or `{"problem": ".."}`.
fn finding<T: serde::Serialize>(found: Result<T, String>) -> Result<Value, Error> {
    match found {
        Ok(found) => Ok(json!({ "found": shown(&found)? })),
        Err(problem) => Ok(json!({ "problem": problem })),
    }
}

/// What the API shows of a preview.
fn preview_json(preview: &Preview) -> Value {
    let records = preview.records.iter().map(|record| {
        json!({
            "op": record.op,
            "key": record.key,
            "partition_key": record.partition_key,
            "explicit_hash_key": record.explicit_hash_key,
            "hash_key": record.hash_key.map(|hash| hash.to_string()),
            "bytes": record.bytes,
            "data": String::from_utf8_lossy(&record.data),
            // Texts of objects, so that no reader rounds a number.
            "before": record.before,
            "after": record.after,
        })
    });
    let rejections = preview.rejections.iter().map(|rejection| {
        json!({
            "op": rejection.op,
            "key": rejection.key,
            "code": rejection.code,
            "message": rejection.message,
        })
    });
    json!({
        "counts": preview.counts,
        "questions": preview.questions,
        "records": records.collect::<Vec<_>>(),
        "records_total": preview.records_total,
        "bytes_total": preview.billed.bytes,
        "billed": preview.billed,
        "rejections": rejections.collect::<Vec<_>>(),
        "rejected_by_code": preview.rejected_by_code,
        "stand_ins": ["run.id", "run.started_at", "event.id", "event.sequence"],
    })
}

fn shown<T: serde::Serialize>(value: &T) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(Error::Answer)
}
