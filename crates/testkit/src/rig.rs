//! Everything of a sync in one process: a source database, a database of the store, a simulated stream, a folder, and a
//! worker that puts them together. Nothing but the network of Kinesis is played.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use domain::{Millis, RunId, RunKind, RunState, SyncId};
use runner::{Error, Executed, Report, Reporter, RunOptions, Settings, Worker};
use serde_json::{Value as Json, json};
use simulator::{Config, Handle, Limits, StoredRecord};
use store::{Definition, Store};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls, Row};
use tokio_util::sync::CancellationToken;

use crate::database::{TestDatabase, fresh};
use crate::logged::Log;
use crate::oracle::{Model, Stream};
use crate::reconcile::reconcile;

pub const STREAM: &str = "rows";
pub const SYNC: &str = "rig";
/// Nothing that a test waits for may take longer, on a machine as busy as can be.
pub const PATIENCE: Duration = Duration::from_secs(60);
const SHARDS: u32 = 2;

/// Fields drop in this order: who uses a database goes before it.
#[derive(Debug)]
pub struct Rig {
    pub worker: Worker,
    pub sync: SyncId,
    pub simulator: Handle,
    source: Client,
    store: Client,
    definition: Json,
    pub home: TempDir,
    pub source_database: TestDatabase,
    pub store_database: TestDatabase,
}

impl Rig {
    /// Makes the tables of `setup`, and the sync of `definition`: `{"model": .., "sync": ..}` as a user writes it.
    /// `sync.stream` may be left out; source and destination are the rig's.
    pub async fn start(setup: &str, definition: Json) -> Self {
        let (source_database, store_database) = (fresh(), fresh());
        let (source, store) = (connect(source_database.url()).await, connect(store_database.url()).await);
        must(source.batch_execute(setup).await, "set up the source");
        let simulator = must(simulator::start(unlimited()).await, "start a simulator");
        must(simulator.create_stream(STREAM, SHARDS), "create the stream");
        let home = must(tempfile::tempdir(), "make a folder");
        let worker = worker(home.path(), &source_database, &store_database).await;
        let definition = whole(definition, simulator.endpoint());
        let sync = must(worker.scope.put_sync(SYNC, &parsed(&definition)).await, "put the sync").id;
        Self { worker, sync, simulator, source, store, definition, home, source_database, store_database }
    }

    /// Statements on the source.
    pub async fn sql(&self, statements: &str) {
        must(self.source.batch_execute(statements).await, statements);
    }

    /// A query on the source.
    pub async fn query(&self, query: &str) -> Vec<Row> {
        must(self.source.query(query, &[]).await, query)
    }

    /// A query on the store, past its scopes.
    pub async fn store_query(&self, query: &str) -> Vec<Row> {
        must(self.store.query(query, &[]).await, query)
    }

    /// The definition as it is now, for `put`.
    pub fn definition(&self) -> Json {
        self.definition.clone()
    }

    /// The same, as the product reads it.
    pub fn parsed(&self) -> Definition {
        parsed(&self.definition)
    }

    /// Changes the sync. Its next claim takes the new version; a run that was claimed keeps the old one.
    pub async fn put(&mut self, definition: Json) {
        must(self.worker.scope.put_sync(SYNC, &parsed(&definition)).await, "put the sync");
        self.definition = definition;
    }

    /// Changes one part, such as `/sync/triggers/removed`.
    pub async fn set(&mut self, pointer: &str, value: Json) {
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        let mut definition = self.definition();
        match definition.pointer_mut(parent) {
            Some(Json::Object(parent)) => parent.insert(name.to_owned(), value),
            other => stop(&format!("{parent} is {other:?}")),
        };
        self.put(definition).await;
    }

    /// A normal run, now.
    pub async fn run(&self) -> Report {
        self.run_of(RunKind::Normal, RunOptions::default()).await
    }

    /// Queues a run and works until it has ended, whoever held the sync before.
    pub async fn run_of(&self, kind: RunKind, options: RunOptions) -> Report {
        let run = self.request(kind, options).await;
        loop {
            let report = self.work().await;
            if report.run == run {
                return report;
            }
        }
    }

    pub async fn request(&self, kind: RunKind, options: RunOptions) -> RunId {
        let options = must(serde_json::to_value(options), "write the options of a run");
        must(self.worker.scope.request_run(self.sync, kind, options).await, "queue a run").run
    }

    /// Works on what is due; waits for the lease of a worker that died, and for a run that is due later.
    pub async fn work(&self) -> Report {
        match self.try_work(&self.worker, &CancellationToken::new()).await {
            Ok(report) => report,
            Err(error) => stop(&format!("the run did not end: {error:?}")),
        }
    }

    /// The same with another worker or a token, and with the error of an attempt that left its run to others.
    pub async fn try_work(&self, worker: &Worker, cancel: &CancellationToken) -> Result<Report, Error> {
        let deadline = Deadline::new("a run to end");
        loop {
            // Boxed: a run is a large future, and some tests hold several.
            match Box::pin(worker.execute(self.sync, &Reporter::default(), cancel.clone())).await? {
                Executed::Ended(report) => return Ok(*report),
                Executed::Nothing | Executed::Busy { .. } | Executed::Released { .. } => deadline.pause().await,
            }
        }
    }

    /// Works until the run ends, or until `crash` comes first: then the attempt is dropped where it stands, which is a
    /// crash within the process. Its lease goes on until it ends; see `end_lease`.
    pub async fn work_until(&self, crash: impl Future<Output = ()>) -> Option<Result<Report, Error>> {
        let cancel = CancellationToken::new();
        tokio::select! {
            biased;
            () = crash => None,
            ended = self.try_work(&self.worker, &cancel) => Some(ended),
        }
    }

    /// Works until the attempt was polled so often, then drops it: a crash at a place that no clock decides.
    pub async fn work_for_polls(&self, polls: u32) -> Option<Result<Report, Error>> {
        let cancel = CancellationToken::new();
        let mut work = std::pin::pin!(self.try_work(&self.worker, &cancel));
        let mut left = polls;
        std::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            work.as_mut().poll(context).map(Some)
        })
        .await
    }

    /// Another worker of the same workspace, with connections of its own.
    pub async fn second_worker(&self) -> Worker {
        let store =
            must(Store::connect(self.store_database.url(), store::Access::Single, 4).await, "connect to the store");
        let mut worker = self.worker.clone();
        worker.scope = store.scope(worker.workspace.id);
        worker.settings.worker = "second".to_owned();
        worker
    }

    /// Ends the lease of the run that has started, as if its time had passed. Only for a worker that is dead.
    pub async fn end_lease(&self) {
        self.store_query("update run set lease_until = now() where state = 'running' and lease_until > now()").await;
    }

    /// Ends the lease of the run again and again, until another worker has taken it over, and then carries it out.
    pub async fn taken_over_by(&self, other: &Worker) -> Report {
        let (deadline, reporter) = (Deadline::new("another worker to take over"), Reporter::default());
        loop {
            self.end_lease().await;
            let executed = Box::pin(other.execute(self.sync, &reporter, CancellationToken::new()));
            match must(executed.await, "carry out a run that was taken over") {
                Executed::Ended(report) => return *report,
                // A heartbeat came in between.
                Executed::Busy { .. } | Executed::Nothing => deadline.pause().await,
                Executed::Released { .. } => stop("nobody asked it to drain"),
            }
        }
    }

    /// Time of the database that leases and settling go by.
    pub async fn now(&self) -> Millis {
        let rows = self.store_query("select (extract(epoch from clock_timestamp()) * 1000)::bigint").await;
        rows[0].get(0)
    }

    /// Waits until puts of before can no longer be applied late.
    pub async fn settled(&self) {
        let until = self.now().await + self.worker.settings.settling.as_millis() as Millis;
        let deadline = Deadline::new("puts to settle");
        while self.now().await <= until {
            deadline.pause().await;
        }
    }

    /// Waits until the run that a run has queued by itself is due.
    pub async fn follow_up_due(&self) -> RunId {
        let deadline = Deadline::new("a follow-up run to be due");
        loop {
            let runs = must(self.worker.scope.runs(self.sync, 5).await, "list runs");
            let now = self.now().await;
            match runs.iter().find(|run| run.state == RunState::Queued && run.due_at <= now) {
                Some(run) => return run.id,
                None => deadline.pause().await,
            }
        }
    }

    /// All that the stream accepted, in the order of arrival.
    pub fn records(&self) -> Vec<StoredRecord> {
        self.simulator.records(STREAM)
    }

    /// The same, read as JSON.
    pub fn messages(&self) -> Vec<Json> {
        let read = |record: StoredRecord| must(serde_json::from_slice(&record.data), "read a message");
        self.records().into_iter().map(read).collect()
    }

    /// What the model says now, by SQL alone.
    pub async fn model(&self) -> Model {
        let definition = self.parsed();
        let key: Vec<&str> = definition.model.key.iter().map(String::as_str).collect();
        let query = &definition.model.query;
        let model = match &definition.sync.fan_out {
            None => Model::read(&self.source, query, &key).await,
            Some(fan_out) => Model::read_elements(&self.source, query, &key, &fan_out.column).await,
        };
        must(model, "read the model")
    }

    /// The stream as its consumers read it.
    pub async fn stream(&self) -> Stream {
        must(Stream::read(self.simulator.endpoint(), STREAM).await, "read the stream")
    }

    /// The debug log of the sync, as far as the store names it.
    pub async fn log(&self) -> Log {
        must(Log::read(&self.store, &self.worker.settings.objects).await, "read the debug log")
    }

    /// What is wrong with the debug log, told from the stream alone.
    pub async fn log_faults(&self) -> Vec<String> {
        reconcile(&self.log().await, &self.stream().await)
    }

    /// The names of all objects that are not of the debug log, sorted.
    pub fn snapshot_objects(&self) -> Vec<String> {
        self.objects().into_iter().filter(|name| !name.contains("/outcomes/")).collect()
    }

    /// The names of all objects of the workspace, sorted.
    pub fn objects(&self) -> Vec<String> {
        files_below(&self.worker.settings.objects)
    }

    /// Every row of every table of the store as text: what "nothing is written" is checked with.
    pub async fn store_dump(&self) -> String {
        let tables = "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
                      where c.relkind = 'r' and n.nspname = 'public' order by 1";
        let mut dump = String::new();
        for table in self.store_query(tables).await {
            let table: String = table.get(0);
            for row in self.store_query(&format!("select t::text from {table} t order by 1")).await {
                dump += &format!("{table}: {}\n", row.get::<_, String>(0));
            }
        }
        dump
    }
}

/// The end of waiting for something that has to happen.
#[derive(Debug)]
pub struct Deadline {
    what: &'static str,
    at: Instant,
}

impl Deadline {
    pub fn new(what: &'static str) -> Self {
        Self { what, at: Instant::now() + PATIENCE }
    }

    /// Lets a little time pass; fails the test when there is none left.
    pub async fn pause(&self) {
        if Instant::now() > self.at {
            stop(&format!("waited {PATIENCE:?} for {}", self.what));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Names of all files below a folder, relative and sorted.
pub fn files_below(folder: &Path) -> Vec<String> {
    fn visit(folder: &Path, root: &Path, names: &mut Vec<String>) {
        for entry in folder.read_dir().into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                visit(&path, root, names);
            } else {
                names.push(path.strip_prefix(root).unwrap_or(&path).display().to_string());
            }
        }
    }
    let mut names = Vec::new();
    visit(folder, folder, &mut names);
    names.sort();
    names
}

/// Limits of shards are switched off: a test that wants throttling asks for it.
fn unlimited() -> Config {
    Config { limits: Limits::off(), ..Config::default() }
}

async fn worker(home: &Path, source: &TestDatabase, store: &TestDatabase) -> Worker {
    let url = source.url().to_owned();
    let secrets: runner::Secrets = Arc::new(move |secret| match secret {
        domain::Secret::Env(name) if name == "SOURCE_URL" => Ok(url.clone()),
        domain::Secret::Env(name) if name == "AWS_KEY" => Ok("rig".to_owned()),
        other => Err(format!("the rig has no secret {other:?}")),
    });
    let mut settings = Settings::new(home, "first".to_owned(), secrets);
    settings.endpoint_override = true;
    settings.egress = domain::egress::EgressPolicy::open();
    settings.settling = Duration::from_millis(300);
    // Few and quick tries: what the stream refuses for long is rejected within a fraction of a second.
    settings.puts.retry.max_attempts = 3;
    settings.puts.retry.base_backoff = Duration::from_millis(2);
    settings.puts.retry.max_backoff = Duration::from_millis(10);
    must(store::migrate(store.url()).await, "migrate the store");
    let connected = must(Store::connect(store.url(), store::Access::Single, 4).await, "connect to the store");
    let workspace = must(connected.ensure_workspace("rig", [7; 32]).await, "make a workspace");
    let scope = connected.scope(workspace.id);
    Worker { settings, workspace, scope }
}

fn whole(mut definition: Json, endpoint: &str) -> Json {
    definition["source"] = json!({"postgres": {"url": {"env": "SOURCE_URL"}}});
    definition["destination"] = json!({
        "region": "eu-central-1",
        "endpoint": endpoint,
        "credentials": {"access_key": {"access_key_id": {"env": "AWS_KEY"}, "secret_access_key": {"env": "AWS_KEY"}}},
    });
    if definition["sync"]["stream"].is_null() {
        definition["sync"]["stream"] = json!(STREAM);
    }
    if definition["sync"]["triggers"].is_null() {
        definition["sync"]["triggers"] = json!({});
    }
    definition
}

fn parsed(definition: &Json) -> Definition {
    must(serde_json::from_value(definition.clone()), "read the definition")
}

/// A connection that ends with its client.
async fn connect(url: &str) -> Client {
    let (client, connection) = must(tokio_postgres::connect(url, NoTls).await, url);
    tokio::spawn(connection);
    client
}

fn must<T, E: Debug>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| stop(&format!("{what}: {error:?}")))
}

#[expect(clippy::panic, reason = "a test that cannot go on fails")]
fn stop(text: &str) -> ! {
    panic!("{text}")
}
