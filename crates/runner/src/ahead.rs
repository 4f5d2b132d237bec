//! What a window is made of, made ready ahead: while one window is put, the next is rendered and its segment written, on a
//! thread that may be busy. What is made ahead is in no manifest, so nothing of it counts before a checkpoint takes it up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::SyncId;
use engine::form::FormId;
use engine::hash::{HashKey, event_id};
use engine::pace::Quotas;
use engine::record::Record;
use engine::rules::WindowEntry;
use engine::shard::hash_key;
use objects::Objects;
use snapshots::{SegmentIdentity, SegmentKind, SegmentRef, SegmentWriter, Shape, Value};
use spill::{PlanEntry, PlanReader, Postponed};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::batch::{Batch, Refused};
use crate::job::Job;
use crate::plan::Plan;
use crate::prepared::{Prepared, Window};
use crate::render::{Logged, Renderer};
use crate::{Error, fail_point};

/// How much to render: whatever is reached first ends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
    pub(crate) refused: usize,
    /// Rows of the plan that are looked at for those that a shard still wants.
    pub(crate) looked_at: usize,
}

#[derive(Default)]
pub(crate) struct Made {
    pub(crate) batch: Batch,
    /// Each shard has got as much of it as it may have.
    pub(crate) evenly: bool,
    /// Rows that wait for their shards.
    pub(crate) postponed: u64,
    /// The segment of the batch's records, durable.
    pub(crate) segment: Option<SegmentRef>,
}

/// Makes batches, one at a time.
pub(crate) struct Ahead {
    maker: Arc<Maker>,
    running: Option<JoinHandle<Result<Made, Error>>>,
}

/// All that making needs, apart from the run that goes on meanwhile.
struct Maker {
    left: Mutex<Left>,
    renderer: Renderer,
    hash_key: HashKey,
    sync: SyncId,
    logs_values: bool,
    keeps_values: bool,
    objects: Objects,
    /// Of the rows that a segment keeps.
    shapes: Vec<Shape>,
    version: u32,
    form: FormId,
    resend: bool,
}

/// What was not rendered yet, or has to be rendered again.
struct Left {
    plan: Arc<Mutex<PlanReader>>,
    postponed: Postponed,
}

impl Ahead {
    pub(crate) fn new(job: &Job, plan: &Plan) -> Self {
        let keeps_values = job.keeps_values();
        let maker = Maker {
            left: Mutex::new(Left { plan: Arc::clone(&plan.entries), postponed: plan.postponed() }),
            renderer: job.renderer(&plan.shapes),
            hash_key: job.hash_key().clone(),
            sync: job.claim.sync,
            logs_values: job.logs_values(),
            keeps_values,
            objects: job.objects.clone(),
            shapes: if keeps_values { plan.shapes.clone() } else { vec![job.kept_shape()] },
            version: job.claim.version,
            form: job.form,
            resend: job.options.sends_original(),
        };
        Self { maker: Arc::new(maker), running: None }
    }

    pub(crate) fn renderer(&self) -> &Renderer {
        &self.maker.renderer
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Goes on with a batch. With quotas no shard gets more than its own, and what it cannot have waits for a later batch. With
    /// an identity the segment is written too.
    pub(crate) fn begin(&mut self, batch: Batch, most: Most, quotas: Option<Quotas>, segment: Option<SegmentIdentity>) {
        let (maker, runtime, span) = (Arc::clone(&self.maker), Handle::current(), tracing::Span::current());
        self.running = Some(tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            let evenly = quotas.is_some();
            let (batch, postponed) = maker.make(batch, most, quotas)?;
            let segment = match segment.filter(|_| !batch.window.is_empty()) {
                Some(identity) => Some(runtime.block_on(maker.write(identity, &batch.window))?),
                None => None,
            };
            Ok(Made { batch, evenly, postponed, segment })
        }));
    }

    /// A planned change that is in no batch.
    pub(crate) fn unreached(&self) -> Result<Option<PlanEntry>, Error> {
        locked(&self.maker.left).next()
    }

    /// What was begun, once it is done.
    pub(crate) async fn made(&mut self) -> Result<Made, Error> {
        match self.running.as_mut() {
            None => Ok(Made::default()),
            Some(running) => {
                let done = running.await;
                self.running = None;
                done.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
            }
        }
    }

    /// One immutable segment: what would be in the stream if all of the window were acknowledged.
    pub(crate) async fn write(&self, identity: SegmentIdentity, window: &Window) -> Result<SegmentRef, Error> {
        self.maker.write(identity, window).await
    }

    /// A segment that no checkpoint will name.
    pub(crate) async fn discard(&self, segment: &SegmentRef) {
        for name in segment.objects() {
            if let Err(error) = self.maker.objects.delete(name).await {
                tracing::warn!(%error, name, "a segment that was not needed is left to be collected");
            }
        }
    }
}

impl Maker {
    /// The batch, in the order of its units, and how many rows wait for their shards.
    fn make(&self, batch: Batch, most: Most, quotas: Option<Quotas>) -> Result<(Batch, u64), Error> {
        let mut left = locked(&self.left);
        let bytes = batch.window.bytes();
        let mut making = Making { maker: self, left: &mut left, batch, bytes, most, buffer: Vec::new() };
        match quotas {
            None => making.in_order()?,
            Some(quotas) => making.evenly(quotas)?,
        }
        let mut batch = making.batch;
        // What waited comes shard by shard.
        batch.window.sort();
        Ok((batch, left.postponed.left()))
    }

    async fn write(&self, identity: SegmentIdentity, window: &Window) -> Result<SegmentRef, Error> {
        fail_point::pass("before-window-written")?;
        debug_assert_eq!(identity.kind, SegmentKind::Window);
        let mut segment = SegmentWriter::create(&self.objects, identity, &self.shapes).await?;
        for Prepared { entry, .. } in window.rows() {
            let put = WindowEntry {
                op: entry.op,
                content: entry.content,
                version: self.version,
                sequence: entry.sequence,
                row: entry.hash,
                form: self.form,
                resend: self.resend,
            };
            let row = entry.row.as_ref().filter(|_| self.keeps_values);
            let value = Value {
                key: &entry.key,
                shape: row.map_or(0, |stored| stored.shape),
                row: row.map(|stored| stored.row.as_slice()),
            };
            segment.push_window(entry.unit, &put, value).await?;
        }
        let written = segment.finish().await?;
        fail_point::pass("after-window-written")?;
        Ok(written)
    }
}

impl Left {
    fn next(&mut self) -> Result<Option<PlanEntry>, Error> {
        match self.postponed.pop_any()? {
            Some(entry) => Ok(Some(entry)),
            None => Ok(locked(&self.plan).read()?),
        }
    }
}

/// A batch that is being made.
struct Making<'a> {
    maker: &'a Maker,
    left: &'a mut Left,
    batch: Batch,
    bytes: usize,
    most: Most,
    /// Of the renderer.
    buffer: Vec<u8>,
}

impl Making<'_> {
    fn has_room(&self) -> bool {
        let Batch { window, refused } = &self.batch;
        window.len() < self.most.records && self.bytes < self.most.bytes && refused.len() < self.most.refused
    }

    /// First what had to wait, then the plan.
    fn in_order(&mut self) -> Result<(), Error> {
        let left = self.left.postponed.left() + locked(&self.left.plan).left();
        let room = self.most.records.saturating_sub(self.batch.window.len());
        self.batch.window.reserve(room.min(usize::try_from(left).unwrap_or(usize::MAX)));
        while self.has_room() {
            let Some(entry) = self.left.next()? else { break };
            if let Some((prepared, record)) = self.render(entry)? {
                self.push(prepared, record);
            }
        }
        Ok(())
    }

    /// As much for each shard as it may have: of what waited for it, and then of the plan, until no shard wants more.
    fn evenly(&mut self, mut quotas: Quotas) -> Result<(), Error> {
        let rendered = std::mem::take(&mut self.batch.window);
        self.bytes = 0;
        self.batch.refused.iter_mut().for_each(|(before, _)| *before = 0);
        for (prepared, record) in rendered.into_pairs() {
            self.place(&mut quotas, prepared, record)?;
        }
        for lane in self.left.postponed.lanes() {
            while self.has_room() && quotas.has_room(lane) {
                let Some(entry) = self.left.postponed.pop(lane)? else { break };
                self.render_into(&mut quotas, entry)?;
            }
        }
        for _ in 0..self.most.looked_at {
            if !self.has_room() || !quotas.want_more() {
                break;
            }
            let Some(entry) = locked(&self.left.plan).read()? else { break };
            self.render_into(&mut quotas, entry)?;
        }
        Ok(())
    }

    fn render_into(&mut self, quotas: &mut Quotas, entry: PlanEntry) -> Result<(), Error> {
        match self.render(entry)? {
            Some((prepared, record)) => self.place(quotas, prepared, record),
            None => Ok(()),
        }
    }

    /// Into the batch, if its shard may have more. Else it waits, and is rendered again when it does not have to any more.
    fn place(&mut self, quotas: &mut Quotas, prepared: Prepared, record: Record) -> Result<(), Error> {
        let lane = quotas.lane(hash_key(&record).unwrap_or_default());
        let takes = quotas.takes(lane, prepared.load(&record));
        if takes || !self.left.postponed.push(lane, &prepared.entry)? {
            self.push(prepared, record);
        }
        Ok(())
    }

    fn push(&mut self, prepared: Prepared, record: Record) {
        self.bytes += prepared.bytes();
        self.batch.window.push(prepared, record);
    }

    /// None where the row cannot be a record, which is noted.
    fn render(&mut self, entry: PlanEntry) -> Result<Option<(Prepared, Record)>, Error> {
        let Maker { hash_key, sync, logs_values, renderer, .. } = self.maker;
        let event_id = event_id(hash_key, *sync, entry.unit, entry.op, entry.sequence);
        let mut logged = logs_values.then(Logged::default);
        match renderer.render(&entry, &event_id, logged.as_mut(), &mut self.buffer)? {
            Ok(record) => Ok(Some((Prepared::new(entry, event_id, &record, logged), record))),
            Err(rejection) => {
                let refused = Refused { entry, event_id, rejection, logged };
                self.batch.refused.push((self.batch.window.len(), refused));
                Ok(None)
            }
        }
    }
}

pub(crate) fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use domain::Change;
    use engine::hash::Hash128;
    use engine::message::CompiledMessage;
    use engine::pace::Lane;
    use engine::unit::UnitId;
    use serde_json::json;
    use spill::{PlanWriter, Scratch};

    use super::*;

    fn removal(key: u8) -> PlanEntry {
        PlanEntry {
            unit: UnitId { key: Hash128([key; 16]), child: 0 },
            op: Change::Removed,
            sequence: 1,
            hash: Hash128::default(),
            content: Hash128::default(),
            key: Vec::new(),
            row: None,
            previous: None,
        }
    }

    /// Of a plan, and of what waits for its shard.
    fn maker(folder: &tempfile::TempDir, plan: &[u8], waits: &[u8]) -> Maker {
        let scratch = Scratch::create(folder.path(), "scratch", 1 << 20).unwrap();
        let mut writer = PlanWriter::create(&scratch, "plan").unwrap();
        plan.iter().for_each(|key| writer.push(&removal(*key)).unwrap());
        let mut postponed = Postponed::new(&scratch);
        for key in waits {
            assert!(postponed.push(Lane::UNKNOWN, &removal(*key)).unwrap());
        }
        let sync = json!({"stream": "s", "message": {"json": "1"}, "partition_key": {"template": "p"}});
        let sync = serde_json::from_value(sync).unwrap();
        Maker {
            left: Mutex::new(Left { plan: Arc::new(Mutex::new(writer.finish().unwrap())), postponed }),
            renderer: Renderer {
                message: CompiledMessage::compile(&sync, &[]).unwrap(),
                used: Vec::new(),
                key: Vec::new(),
                unit_key: Vec::new(),
                element: None,
                shapes: Vec::new(),
                run_id: String::new(),
                run_started_at: String::new(),
                sync_id: String::new(),
                sync_name: String::new(),
            },
            hash_key: HashKey::new([1; 32]),
            sync: SyncId::from_uuid(uuid::Uuid::nil()),
            logs_values: false,
            keeps_values: false,
            objects: Objects::local(folder.path()).unwrap(),
            shapes: Vec::new(),
            version: 1,
            form: FormId::default(),
            resend: false,
        }
    }

    /// Their pace may end while rows wait: a sink was found to have no limits.
    #[test]
    fn what_waited_for_its_shard_is_put_in_order_when_no_shard_has_to_wait_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let maker = maker(&folder, &[8, 9], &[2, 7, 1, 5]);
        let most = Most { records: 5, bytes: 1 << 20, refused: 10, looked_at: 100 };
        let (batch, left) = maker.make(Batch::default(), most, None).unwrap();
        let keys: Vec<_> = batch.window.rows().iter().map(|prepared| prepared.entry.unit.key.0[0]).collect();
        assert_eq!((keys, left), (vec![1, 2, 5, 7, 8], 0));
    }
}
