//! What a window is made of, made ready ahead: while one window is put, the next is rendered and its segment written, on a
//! thread that may be busy. What is made ahead is in no manifest, so nothing of it counts before a checkpoint takes it up.

use std::sync::{Arc, Mutex, PoisonError};

use domain::SyncId;
use engine::form::FormId;
use engine::hash::{HashKey, event_id};
use engine::record::Rejection;
use engine::rules::WindowEntry;
use objects::Objects;
use snapshots::{SegmentIdentity, SegmentKind, SegmentRef, SegmentWriter, Shape, Value};
use spill::{PlanEntry, PlanReader};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::job::Job;
use crate::plan::Plan;
use crate::prepared::{Prepared, Window};
use crate::render::{Logged, Renderer};
use crate::{Error, fail_point};

/// Planned changes that were rendered, in the order of their units.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) window: Window,
    /// Rows that cannot be records, each with the number of records before it.
    pub(crate) refused: Vec<(usize, Refused)>,
}

pub(crate) struct Refused {
    pub(crate) entry: PlanEntry,
    pub(crate) event_id: String,
    pub(crate) rejection: Rejection,
    pub(crate) logged: Option<Logged>,
}

/// How much to render: whatever is reached first ends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
    pub(crate) refused: usize,
}

#[derive(Default)]
pub(crate) struct Made {
    pub(crate) batch: Batch,
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
    entries: Arc<Mutex<PlanReader>>,
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

impl Ahead {
    pub(crate) fn new(job: &Job, plan: &Plan) -> Self {
        let keeps_values = job.keeps_values();
        let maker = Maker {
            entries: Arc::clone(&plan.entries),
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

    /// Begins the next batch; with an identity, its segment too.
    pub(crate) fn begin(&mut self, most: Most, segment: Option<SegmentIdentity>) {
        let (maker, runtime, span) = (Arc::clone(&self.maker), Handle::current(), tracing::Span::current());
        self.running = Some(tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            let batch = maker.render(most)?;
            let segment = match segment.filter(|_| !batch.window.is_empty()) {
                Some(identity) => Some(runtime.block_on(maker.write(identity, &batch.window))?),
                None => None,
            };
            Ok(Made { batch, segment })
        }));
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
    fn render(&self, most: Most) -> Result<Batch, Error> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut batch, mut bytes) = (Batch::default(), 0);
        let expected = usize::try_from(entries.left()).unwrap_or(usize::MAX).min(most.records);
        batch.window.reserve(expected);
        while batch.window.len() < most.records && bytes < most.bytes && batch.refused.len() < most.refused {
            let Some(entry) = entries.read()? else { break };
            let event_id = event_id(&self.hash_key, self.sync, entry.unit, entry.op, entry.sequence);
            let mut logged = self.logs_values.then(Logged::default);
            match self.renderer.render(&entry, &event_id, logged.as_mut())? {
                Ok(record) => {
                    let prepared = Prepared::new(entry, event_id, &record, logged);
                    bytes += prepared.bytes();
                    batch.window.push(prepared, record);
                }
                Err(rejection) => {
                    batch.refused.push((batch.window.len(), Refused { entry, event_id, rejection, logged }));
                }
            }
        }
        Ok(batch)
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

impl Batch {
    /// Planned changes, whether they became records or not.
    pub(crate) fn len(&self) -> usize {
        self.window.len() + self.refused.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds what comes later.
    pub(crate) fn append(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        let before = self.window.len();
        self.refused.extend(later.refused.into_iter().map(|(at, refused)| (before + at, refused)));
        self.window.append(later.window);
    }

    /// Takes the first ones out: what fits, and at least one record where anything may be taken at all.
    pub(crate) fn take(&mut self, records: usize, bytes: usize) -> Self {
        let (mut taken, mut sum) = (0, 0);
        for prepared in self.window.rows() {
            if taken == records || sum >= bytes {
                break;
            }
            taken += 1;
            sum += prepared.bytes();
        }
        self.split(taken)
    }

    /// Takes out the first records, and what was refused before the first that stays.
    pub(crate) fn split(&mut self, records: usize) -> Self {
        let whole = records >= self.window.len();
        let later = self.refused.partition_point(|(at, _)| whole || *at < records);
        let mut rest = self.refused.split_off(later);
        rest.iter_mut().for_each(|(at, _)| *at = at.saturating_sub(records));
        let refused = std::mem::replace(&mut self.refused, rest);
        Self { window: self.window.split(records), refused }
    }

    /// The planned changes, in their order.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = PlanEntry> {
        let refused: Vec<_> = self.refused.into_iter().map(|(_, refused)| refused.entry).collect();
        self.window.into_rows().map(|prepared| prepared.entry).chain(refused)
    }
}

#[cfg(test)]
mod tests {
    use domain::Change;
    use engine::hash::Hash128;
    use engine::record::{Code, Record};
    use engine::unit::UnitId;
    use proptest::prelude::*;

    use super::*;

    fn entry(child: u64) -> PlanEntry {
        PlanEntry {
            unit: UnitId { key: Hash128::default(), child },
            op: Change::Added,
            sequence: 1,
            hash: Hash128::default(),
            content: Hash128::default(),
            key: Vec::new(),
            row: None,
            previous: None,
        }
    }

    fn batch(from: u64, are_records: &[bool]) -> Batch {
        let mut batch = Batch::default();
        for (child, is_record) in (from..).zip(are_records) {
            let (entry, event_id) = (entry(child), child.to_string());
            if *is_record {
                let record = Record { data: vec![0; 10], partition_key: event_id.clone(), explicit_hash_key: None };
                batch.window.push(Prepared::new(entry, event_id, &record, None), record);
            } else {
                let rejection = Rejection::new(Code::InvalidJson, "");
                let refused = Refused { entry, event_id, rejection, logged: None };
                batch.refused.push((batch.window.len(), refused));
            }
        }
        batch
    }

    /// What it is made of, in order: each unit, and whether it became a record.
    fn told(batch: &Batch) -> Vec<(u64, bool)> {
        let mut told = Vec::new();
        let mut refused = batch.refused.iter().peekable();
        for (at, (prepared, record)) in batch.window.iter().enumerate() {
            while let Some((_, refused)) = refused.next_if(|(before, _)| *before <= at) {
                told.push((refused.entry.unit.child, false));
            }
            assert_eq!(prepared.event_id, record.partition_key);
            told.push((prepared.entry.unit.child, true));
        }
        told.extend(refused.map(|(_, refused)| (refused.entry.unit.child, false)));
        told
    }

    proptest! {
        #[test]
        fn batches_are_cut_and_joined_without_losing_anything_or_its_place(
            first in prop::collection::vec(any::<bool>(), 0..12),
            second in prop::collection::vec(any::<bool>(), 0..12),
            records in 0_usize..15,
            bytes in 0_usize..150,
        ) {
            let whole: Vec<_> = (0..).zip(first.iter().chain(&second).copied()).collect();
            let mut all = batch(0, &first);
            all.append(batch(first.len() as u64, &second));
            prop_assert_eq!(told(&all), whole.clone());

            let mut rest = all;
            let taken = rest.take(records, bytes);
            prop_assert!(taken.window.len() <= records && taken.window.bytes() < bytes + 10);
            // It ends because it is full, or because there is no more.
            let full = taken.window.len() == records || taken.window.bytes() >= bytes;
            prop_assert!(full || rest.is_empty());
            prop_assert_eq!([told(&taken), told(&rest)].concat(), whole.clone());
            prop_assert_eq!(taken.into_entries().count() + rest.into_entries().count(), whole.len());
        }

        #[test]
        fn the_records_at_some_places_leave_a_window_and_both_parts_keep_their_order(
            goes in prop::collection::vec(any::<bool>(), 0..12),
        ) {
            let Batch { mut window, .. } = batch(0, &vec![true; goes.len()]);
            let places: Vec<_> = (0..goes.len()).filter(|at| goes[*at]).collect();
            let taken = window.take(&places);
            let units = |window: &Window| {
                window.iter().map(|(prepared, _)| prepared.entry.unit.child as usize).collect::<Vec<_>>()
            };
            prop_assert_eq!(units(&taken), places);
            prop_assert_eq!(units(&window), (0..goes.len()).filter(|at| !goes[*at]).collect::<Vec<_>>());
        }
    }
}
