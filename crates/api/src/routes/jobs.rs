//! Work that meets a tenant's host: a worker does it, and this process waits for its answer.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{JobId, Work, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::JobState;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::{Json, Path, Timestamp};
use crate::prices::{Billed, Volume};
use crate::request::KeptInstead;
use crate::{App, Caller, Prices, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_job))
}

/// Short work that a worker does. Its answer is kept for 24 hours.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Job {
    #[schema(examples("job_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    id: String,
    #[schema(examples("test-source"))]
    kind: String,
    state: State_,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    /// What it found, once it has succeeded. Its shape goes by the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    result: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<JobProblem>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobState)]
#[serde(rename_all = "kebab-case")]
enum State_ {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Debug, Serialize, ToSchema)]
struct JobProblem {
    #[schema(examples("took-too-long"))]
    code: String,
    detail: String,
}

/// How long to wait for the answer.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// Seconds; after that the job itself is the answer, to be asked for again.
    #[param(minimum = 0, maximum = 20, default = 10)]
    wait: Option<u8>,
}

/// A job, with its answer once it has one
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/jobs/{job_id}", tag = "jobs",
    params(("workspace_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Job)))]
async fn get_job(
    State(app): State<App>,
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, JobId)>,
) -> Result<Json<Job>, Problem> {
    Ok(Json(Job::of(caller.scope.job(id).await?, &app.settings().prices)))
}

/// First look after this time; the pause grows up to the second.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_AT_MOST: Duration = Duration::from_millis(250);

/// Queues the work, waits for its end as long as the caller wants, and answers 200 with what it found or 202 with where to
/// look.
pub(super) async fn answer(app: &App, caller: &Caller, wait: &Wait, work: Work) -> Result<Response, Problem> {
    let seconds = wait.wait.unwrap_or(10);
    if seconds > 20 {
        return Err(Problem::invalid_parameter(
            "wait",
            "Waits take 0 to 20 seconds. Ask for the job itself after that.",
        ));
    }
    let previews = caller.scope.quotas().await?.or(&app.settings().quotas).previews;
    let at_most = previews.unwrap_or(app.settings().open_jobs);
    let id = caller.scope.create_job(&work, &caller.actor().into(), at_most).await?;
    let (until, mut pause) = (Instant::now() + Duration::from_secs(seconds.into()), LOOK);
    let job = loop {
        let job = caller.scope.job(id).await?;
        if job.state.ended() || Instant::now() >= until {
            break job;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LOOK_AT_MOST);
    };
    let ended = job.state.ended();
    let place = format!("/v1/workspaces/{}/jobs/{id}", caller.workspace);
    let mut job = Job::of(job, &app.settings().prices);
    let mut response = Json(&job).into_response();
    job.result = None;
    response.extensions_mut().insert(KeptInstead::accepted(&place, &job));
    if !ended {
        *response.status_mut() = StatusCode::ACCEPTED;
        if let Ok(place) = HeaderValue::from_str(&place) {
            response.headers_mut().insert(header::LOCATION, place);
        }
    }
    Ok(response)
}

impl Job {
    fn of(job: store::Job, prices: &Prices) -> Self {
        let state = match job.state {
            JobState::Queued => State_::Queued,
            JobState::Running => State_::Running,
            JobState::Succeeded => State_::Succeeded,
            JobState::Failed => State_::Failed,
            JobState::Cancelled => State_::Cancelled,
        };
        Self {
            id: job.id.to_string(),
            kind: job.work.kind().to_owned(),
            state,
            created_at: job.created_at.into(),
            started_at: job.started_at.map(Timestamp),
            ended_at: job.ended_at.map(Timestamp),
            result: job.result.map(|result| priced(result, prices)),
            problem: job.problem.map(|problem| JobProblem { code: problem.code, detail: problem.detail }),
        }
    }
}

/// Workers know no prices: a preview of a run tells what AWS would count, and here what that costs.
fn priced(mut result: Value, prices: &Prices) -> Value {
    let billed = result.get("billed").and_then(|billed| Billed::deserialize(billed).ok());
    if let (Some(billed), Some(result)) = (billed, result.as_object_mut()) {
        result.insert("cost".to_owned(), json!(Volume::from(billed).cost(prices)));
    }
    result
}
