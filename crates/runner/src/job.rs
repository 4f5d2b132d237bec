//! Everything a run works with, once its claim is held and its definition has met the source and the stream.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Column, Counts, KeepValues, LoggedRows, Millis, RunKind};
use engine::form::{CANONICAL_VERSION, Carry, Form, FormId};
use engine::hash::HashKey;
use engine::layout::Layout;
use engine::limits::RECORD_BYTES;
use engine::message::CompiledMessage;
use engine::rules::{Attempt, Epoch};
use kinesis::{CallLog, Client, Clock, StreamSummary, Writer};
use objects::Objects;
use serde::{Deserialize, Serialize};
use snapshots::{Manifest, SegmentIdentity, SegmentKind, SegmentWriter, Shape, Snapshot};
use store::{Approval, ApprovalState, Checkpoint, Claim, Definition, LayerChange, Scope, Workspace};

use crate::account::Account;
use crate::course::{Course, Differences, RunOptions};
use crate::lease::Lease;
use crate::log::AttemptLog;
use crate::progress::{Phase, Reporter};
use crate::render::Renderer;
use crate::settings::Settings;
use crate::worker::Worker;
use crate::{Error, access, manifest};

/// Layers that a manifest may have before they are merged in the middle of a run. The limit is 64.
const CROWDED: usize = 48;

pub(crate) struct Job {
    pub(crate) settings: Settings,
    pub(crate) workspace: Workspace,
    pub(crate) scope: Scope,
    pub(crate) claim: Claim,
    pub(crate) options: RunOptions,
    pub(crate) lease: Lease,
    pub(crate) progress: Reporter,
    pub(crate) objects: Objects,
    pub(crate) source: sources::postgres::Settings,
    pub(crate) client: Client,
    pub(crate) stream: StreamSummary,
    pub(crate) message: CompiledMessage,
    pub(crate) layout: Layout,
    pub(crate) form: FormId,
    /// The approval that a person gave and no run has used yet.
    pub(crate) approval: Option<Approval>,
    /// Nothing durable may be written.
    pub(crate) preview: bool,
    pub(crate) state: Mutex<State>,
    pub(crate) log: AttemptLog,
}

/// What changes while the run works.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// As of the newest checkpoint.
    pub(crate) manifest_version: u64,
    pub(crate) counts: Counts,
    /// Number and entries of the window that is open.
    pub(crate) open: Option<(u32, u64)>,
    /// At least this many layers has the manifest.
    pub(crate) layers: usize,
    /// The next number of a segment in this epoch.
    pub(crate) segment: u32,
    /// Something of this run was registered or acknowledged.
    pub(crate) began: bool,
    pub(crate) account: Account,
}

/// What a snapshot belongs to; kept with the sync when a run has taken up its definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Belongs {
    pub(crate) arn: String,
    pub(crate) created_at: Option<Millis>,
    /// The form of the run that wrote this.
    pub(crate) form: FormId,
}

/// What meeting source and stream found, before anything is decided.
pub(crate) struct Met {
    pub(crate) source: sources::postgres::Settings,
    pub(crate) client: Client,
    pub(crate) stream: StreamSummary,
    pub(crate) message: CompiledMessage,
    pub(crate) columns: Vec<Column>,
    pub(crate) used: Vec<Column>,
    pub(crate) form: Form,
}

/// Connects to source and stream, describes the model and compiles the message. `purpose` is what the owner of the stream
/// sees of us.
pub(crate) async fn meet(worker: &Worker, claim: &Claim, purpose: &str, calls: Option<CallLog>) -> Result<Met, Error> {
    let Worker { workspace, .. } = worker;
    let definition = &claim.definition;
    let Definition { model, destination, sync, .. } = definition;
    let problems = [model.problems(), destination.problems(), sync.problems()].concat();
    if !problems.is_empty() {
        return Err(Error::Configuration(format!("  {}", problems.join("\n  "))));
    }
    let source = access::source(worker, &definition.source).await?;
    let client = access::client_of(worker, claim, purpose, calls).await?;
    let columns = sources::postgres::describe(&source, &definition.model.query).await?;
    let key = key_columns(definition, &columns)?;
    let message = CompiledMessage::compile(&definition.sync, &columns).map_err(|problems| {
        Error::Configuration(problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n"))
    })?;
    let fan_out = fan_out(definition, &columns)?;
    let watched = engine::columns::watched(&definition.sync, &definition.model.key, &message, &columns);
    let used = engine::columns::used(&definition.sync, &definition.model.key, &message, &columns);
    let stream = client.stream(&definition.sync.stream).await?;
    let message = match largest_record(&client, &stream, definition).await {
        Some(bytes) => message.at_most(bytes),
        None => message,
    };
    let form = Form { canonical_version: CANONICAL_VERSION, hash_key_id: workspace.hash_key_id, key, watched, fan_out };
    Ok(Met { source, client, stream, message, columns, used, form })
}

/// What the stream says that it takes, where that matters and may be asked: every stream takes 1 MiB. A larger record would be
/// refused, and with it all others of its call.
async fn largest_record(client: &Client, stream: &StreamSummary, definition: &Definition) -> Option<usize> {
    if definition.sync.limits.record_bytes <= RECORD_BYTES {
        return None;
    }
    match client.describe(&stream.stream()).await {
        Ok(details) => details.max_record_kib.map(|kib| kib as usize * 1024),
        Err(error) => {
            tracing::debug!(stream = stream.arn, %error, "how large records of a stream may be is not known");
            None
        }
    }
}

/// The columns of the key, in the order of the model's definition.
fn key_columns(definition: &Definition, columns: &[Column]) -> Result<Vec<Column>, Error> {
    definition.model.key.iter().map(|name| find(name, columns, "model.key")).collect()
}

/// The array column whose elements are the units of a row.
fn fan_out(definition: &Definition, columns: &[Column]) -> Result<Option<Column>, Error> {
    const FIELD: &str = "sync.fan_out.column";
    let Some(fan_out) = &definition.sync.fan_out else { return Ok(None) };
    let column = find(&fan_out.column, columns, FIELD)?;
    if definition.model.key.contains(&column.name) {
        return Err(Error::Configuration(format!(
            "  {FIELD}: the column `{}` is part of the primary key, so a row with other elements would be another row; choose \
             another key",
            column.name
        )));
    }
    Ok(Some(column))
}

fn find(name: &str, columns: &[Column], field: &str) -> Result<Column, Error> {
    columns.iter().find(|column| column.name == name).cloned().ok_or_else(|| {
        let near = template::nearest(name, columns.iter().map(|column| column.name.as_str()));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Error::Configuration(format!("  {field}: the query has no column `{name}`{hint}"))
    })
}

/// What differs from what the snapshot was made with, and the older forms that rows are hashed in as well.
pub(crate) async fn differences(
    claim: &Claim,
    met: &Met,
    snapshot: &Snapshot,
    forms: &[(FormId, Form)],
) -> Result<(Differences, Vec<(FormId, Form)>), Error> {
    let belongs: Option<Belongs> = claim.stream.clone().and_then(|stream| serde_json::from_value(stream).ok());
    let parts = claim.accepted.as_ref().map(|(_, accepted)| claim.definition.changes_from(accepted));
    let mut out = Differences { parts: parts.unwrap_or_default(), ..Differences::default() };
    if let Some(belongs) = belongs {
        out.stream = other_stream(&belongs, &met.stream);
        let accepted = forms.iter().find(|(id, _)| *id == belongs.form);
        out.form = accepted.is_some_and(|(_, form)| !form.same(&met.form));
    }
    let (mut older, mut lost) = older_forms(met, snapshot.forms(), forms);
    if !lost.is_empty() {
        // Segments also name forms that only overwritten entries had. Nobody is asked about those.
        let census = snapshot.census().await?;
        (older, lost) = older_forms(met, census.forms.into_keys(), forms);
    }
    out.lost_forms = lost;
    Ok((out, older))
}

/// Older forms that rows are hashed in as well, and why others cannot be computed any more.
fn older_forms(
    met: &Met,
    ids: impl IntoIterator<Item = FormId>,
    forms: &[(FormId, Form)],
) -> (Vec<(FormId, Form)>, Vec<String>) {
    let (mut older, mut lost) = (Vec::new(), Vec::new());
    for id in ids {
        match forms.iter().find(|(known, _)| *known == id) {
            Some((_, form)) if form.same(&met.form) => {}
            Some((_, form)) => match met.form.carry(form, &met.columns) {
                Carry::HashBothWays => older.push((id, form.clone())),
                Carry::Impossible(reason) => lost.push(reason),
            },
            None => lost.push(format!("the form {id} of its hashes is not known")),
        }
    }
    (older, lost)
}

fn other_stream(belongs: &Belongs, now: &StreamSummary) -> Option<String> {
    if belongs.arn != now.arn {
        return Some(format!("the stream, from {} to {}", belongs.arn, now.arn));
    }
    match (belongs.created_at, now.created_at) {
        (Some(before), Some(after)) if before != after => {
            Some(format!("the stream {}, which was deleted and created anew", now.arn))
        }
        _ => None,
    }
}

impl Job {
    pub(crate) const fn definition(&self) -> &Definition {
        &self.claim.definition
    }

    pub(crate) const fn hash_key(&self) -> &HashKey {
        &self.workspace.hash_key
    }

    /// The shape of the rows that this run keeps.
    pub(crate) fn shape(&self) -> Shape {
        Shape { key: self.layout.unit_key_columns(), columns: self.layout.used().to_vec() }
    }

    /// What is kept of each row. With hashes only these are no columns, so that a later run finds that values lack.
    pub(crate) fn kept_shape(&self) -> Shape {
        let shape = self.shape();
        if self.keeps_values() { shape } else { Shape { columns: Vec::new(), ..shape } }
    }

    pub(crate) fn keeps_values(&self) -> bool {
        self.definition().sync.values == KeepValues::Used
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.progress.update(|progress| progress.phase = phase);
        self.state().account.enter(phase);
    }

    /// Whether the log keeps values and messages. Where only hashes are kept of rows, it keeps none of these either.
    pub(crate) fn logs_values(&self) -> bool {
        logs_values(&self.claim)
    }

    /// The columns of a unit's key: of the row's, and behind them the element's.
    pub(crate) fn unit_key(&self) -> Vec<Column> {
        self.layout.key_columns().chain(self.layout.element()).cloned().collect()
    }

    /// A person chose to forget the removals that were shown.
    pub(crate) fn forgets_removals(&self) -> bool {
        self.approval.as_ref().is_some_and(|approval| approval.state == ApprovalState::Forgotten)
    }

    /// What the rules need to know, for a course.
    pub(crate) fn attempt(&self, course: Course) -> Attempt {
        let claim = &self.claim;
        Attempt {
            kind: course.kind,
            triggers: self.definition().sync.triggers,
            version: claim.version,
            epoch: claim.epoch,
            resync: resync(claim, course.kind),
            form: self.form,
            now: claim.now,
        }
    }

    pub(crate) fn identity(&self, kind: SegmentKind) -> SegmentIdentity {
        let mut state = self.state();
        state.segment += 1;
        SegmentIdentity { sync: self.claim.sync, epoch: self.claim.epoch, number: state.segment, kind }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One short transaction, fenced by the epoch and by the manifest version that this run has seen.
    pub(crate) async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), Error> {
        let mut version = self.state().manifest_version;
        let checkpoint = Checkpoint { log: self.log.unnamed(), ..checkpoint };
        self.scope.checkpoint(&self.claim, &mut version, &checkpoint).await?;
        let mut state = self.state();
        state.manifest_version = version;
        state.began = true;
        state.counts = checkpoint.counts.unwrap_or(state.counts);
        if checkpoint.close.is_some() {
            state.open = None;
        }
        if let Some(open) = &checkpoint.open {
            state.open = Some((open.number, open.entries));
            state.layers += 1;
        }
        if let LayerChange::Replace(layers) = &checkpoint.layers {
            state.layers = layers.len();
        }
        Ok(())
    }

    /// The number of the window that is open.
    pub(crate) fn open_window(&self) -> u32 {
        self.state().open.map_or(0, |(number, _)| number)
    }

    /// Whether layers have to be merged before another window is registered.
    pub(crate) fn crowded(&self) -> bool {
        self.state().layers >= CROWDED
    }

    pub(crate) fn counted_layers(&self, layers: usize) {
        self.state().layers = layers;
    }

    pub(crate) fn writer(&self) -> Result<Writer, Error> {
        let mut settings = self.settings.puts.clone();
        settings.limits = *self.message.limits();
        settings.pace = Some(self.settings.shard_maps.pace(self.workspace.id, &self.client, &self.stream.stream()));
        Ok(Writer::new(self.client.clone(), self.stream.stream(), settings, self.log.numbers(), clock())?)
    }

    pub(crate) fn renderer(&self, shapes: &[Shape]) -> Renderer {
        Renderer {
            message: self.message.clone(),
            used: self.layout.used().to_vec(),
            key: self.layout.key_columns().cloned().collect(),
            unit_key: self.unit_key(),
            element: self.layout.element().cloned(),
            shapes: shapes.to_vec(),
            run_id: self.claim.run.to_string(),
            run_started_at: crate::clock::rfc3339(self.claim.started_at),
            sync_id: self.claim.sync.to_string(),
            sync_name: self.claim.name.clone(),
        }
    }

    /// An epoch is an attempt's alone, but any number of previews look at the next one.
    pub(crate) fn scratch_name(&self) -> String {
        if self.preview {
            format!("preview-{}", uuid::Uuid::now_v7().simple())
        } else {
            format!("{}-e{}", self.claim.sync, self.claim.epoch)
        }
    }

    pub(crate) async fn delta_segment(&self, shapes: &[Shape]) -> Result<SegmentWriter, Error> {
        Ok(SegmentWriter::create(&self.objects, self.identity(SegmentKind::Delta), shapes).await?)
    }

    /// The newest manifest, without the layers that the course leaves behind.
    pub(crate) async fn manifest(&self, course: Course) -> Result<manifest::Layers, Error> {
        let settles_at = self.claim.now + self.settings.settling.as_millis() as Millis;
        let layers = manifest::read(&self.scope, self.claim.sync).await?.claimed(settles_at);
        Ok(if course.drop_snapshot { layers.since(self.claim.first_epoch) } else { layers })
    }

    pub(crate) async fn open(&self, manifest: &Manifest) -> Result<Snapshot, Error> {
        let cache = self.settings.plan_memory / 8;
        Ok(Snapshot::open(&self.objects, manifest, self.claim.now).await?.cache_bytes(cache))
    }
}

fn clock() -> Clock {
    Clock::new(crate::clock::now)
}

pub(crate) fn logs_values(claim: &Claim) -> bool {
    let sync = &claim.definition.sync;
    sync.log.rows == LoggedRows::Full && sync.values == KeepValues::Used
}

/// The start of the full resync that is under way once this run goes on.
pub(crate) fn resync(claim: &Claim, kind: RunKind) -> Option<Epoch> {
    match kind {
        // Whatever it was that asked for it, it began with this run's first claim.
        RunKind::FullResync => Some(claim.resync_epoch.unwrap_or(claim.first_epoch).max(claim.first_epoch)),
        _ => claim.resync_epoch,
    }
}
