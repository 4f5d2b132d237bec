//! A run as it happens: server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::{RunId, WorkspaceId};
use futures::stream;
use serde::Serialize;
use serde_json::Value;
use store::Scope;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Run, RunEvent};
use crate::extract::Path;
use crate::request::OpenStream;
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(stream_run))
}

const LOOK: Duration = Duration::from_millis(500);
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After this a watcher connects again, which looks at its credential again.
const LONGEST: Duration = Duration::from_secs(5 * 60);
const EVENTS: u32 = 200;

/// One server-sent event.
#[derive(Serialize, ToSchema)]
struct StreamEvent {
    /// `run-event`, `progress` or `ended`.
    event: String,
    /// Of a `run-event`; for `Last-Event-ID`.
    #[schema(nullable = false)]
    id: Option<String>,
    /// A JSON object.
    data: String,
}

/// Watch a run
///
/// Server-sent events: `run-event` for each part of its story, `progress` with what it is doing, at most twice a second, and
/// `ended` with the run once it has ended; with that the stream ends. A comment comes each 15 seconds when nothing else
/// does. A stream ends after five minutes, or when the service restarts; connect again with `Last-Event-ID`, as browsers do by themselves.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/runs/{run_id}/stream", tag = "runs",
    params(("workspace_id" = String, Path), ("run_id" = String, Path),
           ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that came")),
    responses((status = 200, description = "Events", body = StreamEvent, content_type = "text/event-stream")))]
async fn stream_run(
    State(app): State<App>,
    caller: Caller,
    Path((_, run)): Path<(WorkspaceId, RunId)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.scope.run(run).await?;
    let open = app.streams().open(caller.credential.rate_key())?;
    let after = headers.get("last-event-id").and_then(|id| Uuid::try_parse(id.to_str().ok()?).ok());
    let watch = Watch {
        scope: caller.scope,
        run,
        after,
        progress: None,
        waiting: VecDeque::new(),
        looked: false,
        ended: false,
        until: Instant::now() + LONGEST,
        stopping: app.stopping().clone(),
        _open: open,
    };
    let events = stream::unfold(watch, next);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

struct Watch {
    scope: Scope,
    run: RunId,
    /// The last event of its story that was sent.
    after: Option<Uuid>,
    progress: Option<Value>,
    waiting: VecDeque<Event>,
    looked: bool,
    ended: bool,
    until: Instant,
    stopping: CancellationToken,
    _open: OpenStream,
}

async fn next(mut watch: Watch) -> Option<(Result<Event, Infallible>, Watch)> {
    loop {
        if let Some(event) = watch.waiting.pop_front() {
            return Some((Ok(event), watch));
        }
        if watch.ended || Instant::now() >= watch.until || watch.stopping.is_cancelled() {
            return None;
        }
        if watch.looked {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = watch.stopping.cancelled() => return None,
            }
        }
        watch.looked = true;
        if let Err(error) = watch.look().await {
            // The watcher connects again; a run that was deleted is then not found.
            tracing::debug!(%error, run = %watch.run, "a stream of events ends");
            return None;
        }
    }
}

impl Watch {
    /// The run first: what is told of one that has ended is all there will be.
    async fn look(&mut self) -> Result<(), store::Error> {
        let run = self.scope.run(self.run).await?;
        let told = self.scope.run_events(self.run, self.after, EVENTS).await?;
        let all = told.len() < EVENTS as usize;
        for event in told {
            self.after = Some(event.id);
            let id = event.id.simple().to_string();
            self.push(Event::default().event("run-event").id(id), &RunEvent::from(event));
        }
        let progress = self.scope.progress(self.run).await?.map(|(progress, _)| progress);
        if progress.is_some() && progress != self.progress {
            self.push(Event::default().event("progress"), &progress);
            self.progress = progress;
        }
        if run.state.ended() && all {
            self.push(Event::default().event("ended"), &Run::from(run));
            self.ended = true;
        }
        Ok(())
    }

    fn push(&mut self, event: Event, data: &impl Serialize) {
        match serde_json::to_string(data) {
            Ok(text) => self.waiting.push_back(event.data(text)),
            Err(error) => tracing::error!(%error, "an event cannot be written"),
        }
    }
}
