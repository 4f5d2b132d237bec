//! What the next run would send: the same plan and the same rendering, shown and thrown away. No state is written.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use domain::{Change, Counts, RunId, RunKind, SyncId};
use engine::aggregate::Filling;
use engine::layout::Layout;
use engine::limits::billed_bytes;
use engine::shard::hash_key;
use store::{Claim, Definition};

use crate::account::Billed;
use crate::course::RunOptions;
use crate::job::{self, Job, State};
use crate::lease::Lease;
use crate::log::AttemptLog;
use crate::plan::NotSent;
use crate::progress::Reporter;
use crate::render::Logged;
use crate::worker::{Worker, objects};
use crate::{Error, approval, clock, finish, manifest, pipeline, plan};

/// Stand-ins for what only a run has. They are as long as what they stand for.
const EVENT_ID: &str = "00000000000000000000000000000000";

#[derive(Debug)]
pub struct Preview {
    pub counts: Counts,
    /// What the run would ask first, and so send nothing.
    pub questions: Vec<String>,
    /// The first records, in the order in which they would be put.
    pub records: Vec<PreviewRecord>,
    pub rejections: Vec<PreviewRejection>,
    /// Chosen rows that could not be sent.
    pub not_sent: Vec<NotSent>,
    /// Over all records.
    pub records_total: u64,
    /// What AWS would count of all of them.
    pub billed: Billed,
    pub rejected_by_code: BTreeMap<String, u64>,
}

#[derive(Debug)]
pub struct PreviewRecord {
    pub op: Change,
    pub key: serde_json::Value,
    pub data: Vec<u8>,
    pub partition_key: String,
    pub explicit_hash_key: Option<String>,
    /// What decides the shard.
    pub hash_key: Option<u128>,
    /// As Kinesis counts them: data and partition key.
    pub bytes: usize,
    /// The values that the stream has acknowledged, as an object of the columns that the sync uses; none where they are not
    /// kept, or nothing was acknowledged.
    pub before: Option<String>,
    /// The values as read; none of a row that is gone.
    pub after: Option<String>,
}

#[derive(Debug)]
pub struct PreviewRejection {
    pub op: Change,
    pub key: serde_json::Value,
    pub code: &'static str,
    pub message: String,
}

/// Compiled here, and not again in each program that waits for one.
type Previewing<'a> = Pin<Box<dyn Future<Output = Result<Preview, Error>> + Send + 'a>>;

impl Worker {
    /// `limit`: how many records to show. The sync need not exist yet.
    pub fn preview<'a>(
        &'a self,
        name: &'a str,
        definition: Definition,
        kind: RunKind,
        options: RunOptions,
        limit: usize,
        progress: &'a Reporter,
    ) -> Previewing<'a> {
        Box::pin(self.last_preview(name, definition, kind, options, limit, progress))
    }

    async fn last_preview(
        &self,
        name: &str,
        definition: Definition,
        kind: RunKind,
        options: RunOptions,
        limit: usize,
        progress: &Reporter,
    ) -> Result<Preview, Error> {
        options.check(kind)?;
        if kind == RunKind::Erase {
            return Err(Error::ErasedKeys("such a run sends nothing, so there is nothing to preview".to_owned()));
        }
        let shown = |definition, options| self.try_preview(name, definition, kind, options, limit, progress);
        loop {
            let version = self.manifest_version(name).await?;
            match Box::pin(shown(definition.clone(), options.clone())).await {
                // A run that ended meanwhile may have removed what older manifests named.
                Err(Error::Snapshot(snapshots::Error::Missing { .. }))
                    if self.manifest_version(name).await? != version => {}
                other => return other,
            }
        }
    }

    async fn manifest_version(&self, name: &str) -> Result<Option<u64>, Error> {
        Ok(self.scope.sync(name).await?.map(|state| state.manifest_version))
    }

    async fn try_preview(
        &self,
        name: &str,
        definition: Definition,
        kind: RunKind,
        options: RunOptions,
        limit: usize,
        progress: &Reporter,
    ) -> Result<Preview, Error> {
        let claim = self.would_be_claim(name, definition, kind).await?;
        let objects = objects(&self.settings, &self.workspace)?;
        let met = Box::pin(job::meet(self, &claim, "preview", None)).await?;
        let forms = self.scope.forms(claim.sync).await?;
        let known = forms.iter().find(|(_, form)| form.same(&met.form)).map(|(id, _)| *id);
        let form = known.unwrap_or_else(|| forms.last().map_or(1, |(id, _)| id + 1));
        let layers = manifest::read(&self.scope, claim.sync).await?.claimed(claim.now);
        let snapshot = snapshots::Snapshot::open(&objects, &layers.manifest, claim.now).await?;
        let (differences, older) = job::differences(&claim, &met, &snapshot, &forms).await?;
        let layout = Layout::new(&met.used, &met.columns, (form, &met.form), &older);
        let course = pipeline::course(&claim, &options, &differences);
        let entries = snapshot.entries_upper_bound();
        let log = AttemptLog::new(objects.clone(), &claim, 1);
        let job = Job {
            settings: self.settings.clone(),
            workspace: self.workspace.clone(),
            scope: self.scope.clone(),
            approval: approval::given(&self.scope, claim.sync).await?,
            claim,
            options,
            lease: Lease::none(),
            progress: progress.clone(),
            objects,
            source: met.source,
            client: met.client,
            stream: met.stream,
            message: met.message.aligned(layout.used()),
            layout,
            form,
            preview: true,
            state: Mutex::new(State::default()),
            log,
        };
        match course {
            Some(course) => Box::pin(show(&job, course, limit)).await,
            None => Ok(Preview::asking(differences.question(entries))),
        }
    }

    /// The claim that the next run would get.
    async fn would_be_claim(&self, name: &str, definition: Definition, kind: RunKind) -> Result<Claim, Error> {
        let state = self.scope.sync(name).await?;
        let now = clock::now();
        let epoch = state.as_ref().map_or(0, |state| state.epoch) + 1;
        let accepted = match state.as_ref().and_then(|state| Some((state.id, state.accepted_version?))) {
            Some((id, version)) => Some((version, self.scope.definition(id, version).await?)),
            None => None,
        };
        let changed = state.as_ref().is_none_or(|state| !definition.changes_from(&state.definition).is_empty());
        let version = state.as_ref().map_or(0, |state| state.version) + u32::from(changed);
        let first_run_done = state.as_ref().is_some_and(|state| state.first_run_done);
        let begins = kind == RunKind::FullResync || (kind == RunKind::Normal && !first_run_done);
        let resync_epoch = state.as_ref().and_then(|state| state.resync_epoch);
        let only_future = !first_run_done && definition.sync.first_run == domain::FirstRun::OnlyFuture;
        Ok(Claim {
            sync: state.as_ref().map_or_else(|| SyncId::from_uuid(uuid::Uuid::nil()), |state| state.id),
            name: name.to_owned(),
            run: RunId::from_uuid(uuid::Uuid::nil()),
            kind,
            options: serde_json::Value::Null,
            epoch,
            first_epoch: epoch,
            version,
            definition,
            accepted: accepted.filter(|(accepted, _)| *accepted != version),
            manifest_version: 0,
            resync_epoch: resync_epoch.or((begins && !only_future).then_some(epoch)),
            first_run_done,
            stream: state.as_ref().and_then(|state| state.stream.clone()),
            question: None,
            now,
            started_at: now,
            lease_until: now,
            cancel_requested: false,
            previous_attempt_died: false,
            died_attempts: 0,
        })
    }
}

impl Preview {
    fn asking(question: String) -> Self {
        Self {
            counts: Counts::default(),
            questions: vec![question],
            records: Vec::new(),
            rejections: Vec::new(),
            not_sent: Vec::new(),
            records_total: 0,
            billed: Billed::default(),
            rejected_by_code: BTreeMap::new(),
        }
    }
}

async fn show(job: &Job, course: crate::course::Course, limit: usize) -> Result<Preview, Error> {
    let plan = plan::make(job, course).await?;
    let questions = plan.questions(job);
    let mut preview = Preview {
        counts: plan.counts,
        questions: questions.iter().map(|question| finish::describe(question, job)).collect(),
        not_sent: plan.not_sent.rows.clone(),
        ..Preview::asking(String::new())
    };
    let renderer = job.renderer(&plan.shapes);
    let mut shared = job.definition().sync.aggregate.then(Filling::default);
    let mut buffer = Vec::new();
    let mut entries = plan.entries.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(entry) = entries.read()? {
        let listed = preview.records.len() < limit;
        let mut values = Logged::default();
        match renderer.render(&entry, EVENT_ID, listed.then_some(&mut values), &mut buffer)? {
            Ok(record) => {
                preview.records_total += 1;
                let bytes = match &mut shared {
                    Some(shared) => shared.add(&record),
                    None => Some(billed_bytes(&record)),
                };
                bytes.into_iter().for_each(|bytes| preview.billed.add(bytes as u64));
                if listed {
                    preview.records.push(PreviewRecord {
                        op: entry.op,
                        key: renderer.key(&entry)?,
                        hash_key: hash_key(&record),
                        bytes: billed_bytes(&record),
                        data: record.data,
                        partition_key: record.partition_key,
                        explicit_hash_key: record.explicit_hash_key,
                        before: values.previous,
                        after: values.row,
                    });
                }
            }
            Err(rejection) => {
                *preview.rejected_by_code.entry(rejection.code.as_str().to_owned()).or_default() += 1;
                if preview.rejections.len() < limit {
                    let (key, code) = (renderer.key(&entry)?, rejection.code.as_str());
                    preview.rejections.push(PreviewRejection { op: entry.op, key, code, message: rejection.message });
                }
            }
        }
    }
    let last = shared.and_then(|mut shared| shared.finish());
    last.into_iter().for_each(|bytes| preview.billed.add(bytes as u64));
    preview.counts.rejected = preview.rejected_by_code.values().sum();
    Ok(preview)
}
