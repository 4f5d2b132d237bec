//! Compares the spilled rows with the snapshot, partition by partition, and writes the plan. Everything comes in the
//! order of the units, so windows and segments are sorted as they are written.

use std::collections::HashSet;
use std::sync::Arc;

use domain::{Change, Counts, KeepValues, Millis};
use engine::guard::Planned;
use engine::rules::{self, Action, Attempt, Count, Read, RowHashes, Version};
use engine::unit::{Entry, Unit, UnitId};
use snapshots::{Scan, SegmentRef, SegmentWriter, Shape, Snapshot, SnapshotUnit, Value};
use spill::{Item, Loaded, Partition, PartitionItems, PlanEntry, PlanReader, PlanWriter, Scratch, Stored};

use crate::Error;
use crate::job::Job;
use crate::plan::invalid::{InvalidRows, Reason};

/// What comparing found.
pub(crate) struct Compared {
    pub(crate) counts: Counts,
    pub(crate) planned: Planned,
    pub(crate) plan: PlanReader,
    /// Every unit that is gone, whatever becomes of it.
    pub(crate) removals: PlanReader,
    /// What is acknowledged without sending when the run ends, and entries written again in another form.
    pub(crate) silent: Option<SegmentRef>,
    pub(crate) rewritten: u64,
    /// The shapes of the rows in the plan; the first is that of the rows as read.
    pub(crate) shapes: Vec<Shape>,
    /// When the last put that a deferred version waits for has settled.
    pub(crate) waits_until: Option<Millis>,
}

pub(crate) struct Comparison<'a> {
    job: &'a Job,
    scratch: &'a Scratch,
    snapshot: &'a Snapshot,
    /// The units whose removal a person approved.
    covered: Option<&'a Snapshot>,
    attempt: Attempt,
    /// Some layers hold rows without columns that this run would keep.
    values_lack: bool,
    plan: PlanWriter,
    removals: PlanWriter,
    silent: Option<SegmentWriter>,
    out: Totals,
    shapes: Vec<Arc<Shape>>,
    pending: Vec<Pending>,
    pending_bytes: usize,
}

#[derive(Default)]
struct Totals {
    counts: Counts,
    planned: Planned,
    rewritten: u64,
    waits_until: Option<Millis>,
}

/// A unit that something has to be written for.
struct Pending {
    unit: UnitId,
    what: What,
    item: Option<Item>,
    hashes: [engine::hash::Hash128; 2],
    known: Option<SnapshotUnit>,
}

#[derive(Clone, Copy)]
enum What {
    Send(Version),
    Silent,
    Rewrite(Entry),
    /// Only listed among the removals.
    Removal,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(
        job: &'a Job,
        scratch: &'a Scratch,
        snapshot: &'a Snapshot,
        covered: Option<&'a Snapshot>,
        attempt: Attempt,
    ) -> Result<Self, Error> {
        let shape = job.shape();
        let values_lack = job.keeps_values() && snapshot.shapes().any(|older| !covers(older, &shape));
        Ok(Self {
            job,
            scratch,
            snapshot,
            covered,
            attempt,
            values_lack,
            plan: PlanWriter::create(scratch, "plan")?,
            removals: PlanWriter::create(scratch, "removals")?,
            silent: None,
            out: Totals::default(),
            shapes: vec![Arc::new(shape)],
            pending: Vec::new(),
            pending_bytes: 0,
        })
    }

    /// Half of the memory is for the items of a partition, a quarter for rows on their way into the plan; the snapshot's
    /// cache has the rest.
    pub(crate) async fn run(
        mut self,
        partitions: Vec<Partition>,
        invalid: &mut InvalidRows,
    ) -> Result<Compared, Error> {
        let budget = self.job.settings.plan_memory / 2;
        let mut todo = partitions;
        todo.reverse();
        while let Some(partition) = todo.pop() {
            match partition.load(self.scratch, budget)? {
                Loaded::Split(smaller) => todo.extend(smaller.into_iter().rev()),
                Loaded::Whole(partition, items) => self.partition(&partition, &items, invalid).await?,
            }
            self.job.lease.check()?;
            let (counts, scratch_bytes) = (self.out.counts, self.scratch.written());
            self.job.progress.update(|progress| {
                progress.counts =
                    Counts { queried: progress.counts.queried, invalid: progress.counts.invalid, ..counts };
                progress.scratch_bytes = scratch_bytes;
            });
        }
        self.out.planned.valid_keys = self.out.counts.units;
        let silent = match self.silent {
            Some(writer) => Some(writer.finish().await?),
            None => None,
        };
        Ok(Compared {
            counts: self.out.counts,
            planned: self.out.planned,
            plan: self.plan.finish()?,
            removals: self.removals.finish()?,
            silent,
            rewritten: self.out.rewritten,
            shapes: self.shapes.iter().map(|shape| Shape::clone(shape)).collect(),
            waits_until: self.out.waits_until,
        })
    }

    async fn partition(
        &mut self,
        partition: &Partition,
        items: &PartitionItems,
        invalid: &mut InvalidRows,
    ) -> Result<(), Error> {
        let covered = self.covered_in(partition).await?;
        self.out.counts.invalid += items.left_out;
        let mut scan = self.snapshot.scan(partition.first, partition.end);
        let mut known = scan.next().await?;
        let mut at = 0;
        loop {
            let unit = match (items.items.get(at), &known) {
                (None, None) => break,
                (Some(item), None) => item.unit,
                (None, Some(known)) => known.id,
                (Some(item), Some(known)) => item.unit.min(known.id),
            };
            let rows = items.items[at..].iter().take_while(|item| item.unit == unit).count();
            let here = match &known {
                Some(found) if found.id == unit => std::mem::replace(&mut known, scan.next().await?),
                _ => None,
            };
            let rows = &items.items[at..at + rows];
            at += rows.len();
            match rows {
                [] => self.absent(unit, here, &covered)?,
                [item] => self.present(unit, *item, items, here).await?,
                several => self.held(partition, several, here.as_ref(), invalid)?,
            }
            if self.pending_bytes > self.job.settings.plan_memory / 4 {
                self.write(partition).await?;
            }
        }
        self.write(partition).await
    }

    async fn covered_in(&self, partition: &Partition) -> Result<HashSet<UnitId>, Error> {
        let mut units = HashSet::new();
        if let Some(covered) = self.covered {
            let mut scan: Scan = covered.scan(partition.first, partition.end);
            while let Some(unit) = scan.next().await? {
                units.insert(unit.id);
            }
        }
        Ok(units)
    }

    fn held(
        &mut self,
        partition: &Partition,
        items: &[Item],
        known: Option<&SnapshotUnit>,
        invalid: &mut InvalidRows,
    ) -> Result<(), Error> {
        self.out.counts.invalid += items.len() as u64;
        self.out.planned.invalid_keys += 1;
        self.out.planned.snapshot += u64::from(known.is_some_and(|known| known.unit.entry.is_some()));
        if invalid.full() {
            return Ok(());
        }
        let mut rows = vec![Vec::new(); items.len()];
        partition.visit(items, |index, row| {
            rows[index] = row.to_vec();
            Ok(())
        })?;
        rows.iter().try_for_each(|row| invalid.push(&self.job.layout, row, Reason::DuplicateKey))
    }

    fn absent(&mut self, id: UnitId, known: Option<SnapshotUnit>, covered: &HashSet<UnitId>) -> Result<(), Error> {
        let Some(known) = known else { return Ok(()) };
        self.out.planned.snapshot += u64::from(known.unit.entry.is_some());
        let decision = rules::decide(&self.attempt, &known.unit, Read::Absent, false);
        if decision.count == Count::Nothing {
            return Ok(());
        }
        self.out.counts.removed += 1;
        self.out.planned.removals += 1;
        let is_covered = covered.contains(&id);
        self.out.planned.covered_removals += u64::from(is_covered);
        let action = match decision.action {
            Action::Send(_) | Action::Wait(_) if self.job.forgets_removals() && is_covered => {
                if known.unit.uncertain() { Action::Aside } else { Action::Silent }
            }
            action => action,
        };
        if self.job.options.hold_removals && matches!(action, Action::Send(_)) {
            self.out.planned.covered_removals += u64::from(!is_covered);
            self.out.counts.planned += 1;
            self.out.counts.deferred += 1;
            self.queue(id, What::Removal, None, Default::default(), Some(known));
            return Ok(());
        }
        self.act(id, action, None, Default::default(), known)
    }

    async fn present(
        &mut self,
        id: UnitId,
        item: Item,
        items: &PartitionItems,
        known: Option<SnapshotUnit>,
    ) -> Result<(), Error> {
        let hashes = items.hashes(&item);
        let forms: Vec<_> = self.job.layout.forms().zip(hashes[1..].iter().copied()).collect();
        let row = RowHashes { forms: &forms, content: hashes[0] };
        let nothing = Unit::default();
        let unit = known.as_ref().map_or(&nothing, |known| &known.unit);
        let rewrite = match unit.entry {
            Some(entry) => entry.form != self.attempt.form || self.lacks_values(known.as_ref()).await?,
            None => false,
        };
        let decision = rules::decide(&self.attempt, unit, Read::Row(row), rewrite);
        let counts = &mut self.out.counts;
        counts.units += 1;
        self.out.planned.snapshot += u64::from(unit.entry.is_some());
        match decision.count {
            Count::Unchanged => counts.unchanged += 1,
            Count::Added => counts.added += 1,
            Count::Changed => counts.changed += 1,
            Count::Repeated => counts.repeated += 1,
            Count::Nothing | Count::Held | Count::Removed => {}
        }
        if decision.action == Action::Nothing {
            return Ok(());
        }
        let quiet = decision.count == Count::Unchanged;
        let hashes = [hashes[0], hashes[1]];
        if quiet {
            let what = match (decision.action, unit.entry) {
                (Action::Rewrite, Some(entry)) => What::Rewrite(entry),
                (Action::Silent, _) => What::Silent,
                _ => return Ok(()),
            };
            self.queue(id, what, Some(item), hashes, known);
            return Ok(());
        }
        let known =
            known.unwrap_or_else(|| SnapshotUnit { id, unit: Unit::default(), entry_value: None, mark_value: None });
        self.act(id, decision.action, Some(item), hashes, known)
    }

    async fn lacks_values(&self, known: Option<&SnapshotUnit>) -> Result<bool, Error> {
        let Some(at) = known.and_then(|known| known.entry_value.as_ref()).filter(|_| self.values_lack) else {
            return Ok(false);
        };
        let stored = self.snapshot.value(at).await?;
        Ok(stored.row.is_none() || !covers(&stored.shape, &self.shapes[0]))
    }

    /// Counts a change and queues what has to be written for it.
    fn act(
        &mut self,
        id: UnitId,
        action: Action,
        item: Option<Item>,
        hashes: [engine::hash::Hash128; 2],
        known: SnapshotUnit,
    ) -> Result<(), Error> {
        let counts = &mut self.out.counts;
        let removal = item.is_none();
        let what = match action {
            Action::Send(version) => {
                counts.planned += 1;
                Some(What::Send(version))
            }
            Action::Wait(_) => {
                counts.planned += 1;
                counts.deferred += 1;
                let settles = known.unit.marks.iter().map(|mark| mark.settles_at).max();
                self.out.waits_until = self.out.waits_until.max(settles);
                removal.then_some(What::Removal)
            }
            Action::Silent => {
                counts.not_wanted += 1;
                Some(What::Silent)
            }
            Action::Aside => {
                counts.not_wanted += 1;
                removal.then_some(What::Removal)
            }
            Action::Nothing | Action::Rewrite => None,
        };
        if let Some(what) = what {
            self.queue(id, what, item, hashes, Some(known));
        }
        Ok(())
    }

    fn queue(
        &mut self,
        unit: UnitId,
        what: What,
        item: Option<Item>,
        hashes: [engine::hash::Hash128; 2],
        known: Option<SnapshotUnit>,
    ) {
        self.pending_bytes += size_of::<Pending>() + item.map_or(0, |item| item.row_len());
        self.pending.push(Pending { unit, what, item, hashes, known });
    }

    /// Writes what is pending: reads the rows it needs in the order of the file, then goes on in the order of the units.
    async fn write(&mut self, partition: &Partition) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let wanted: Vec<Item> = pending.iter().filter_map(|pending| pending.item).collect();
        let mut rows = vec![Vec::new(); wanted.len()];
        if !wanted.is_empty() {
            partition.visit(&wanted, |index, row| {
                rows[index] = row.to_vec();
                Ok(())
            })?;
        }
        let mut rows = rows.into_iter();
        for pending in pending {
            let row = if pending.item.is_some() { rows.next() } else { None };
            self.write_one(pending, row).await?;
        }
        Ok(())
    }

    async fn write_one(&mut self, pending: Pending, row: Option<Vec<u8>>) -> Result<(), Error> {
        let Pending { unit, what, hashes: [content, hash], known, .. } = pending;
        if row.is_none() {
            let known = known.as_ref();
            let (key, _) = self.stored(known, true).await?;
            let listed = PlanEntry {
                unit,
                op: Change::Removed,
                sequence: 0,
                hash: Default::default(),
                content: Default::default(),
                key,
                row: None,
                previous: None,
            };
            self.removals.push(&listed)?;
        }
        match what {
            What::Removal => Ok(()),
            What::Silent => {
                let read = row.as_ref().map(|_| (self.attempt.form, hash));
                let delta = rules::acknowledge_silently(read, self.attempt.epoch);
                self.write_silently(unit, &delta, row.as_deref()).await
            }
            What::Rewrite(entry) => {
                self.out.rewritten += 1;
                let delta = rules::rewrite(entry, self.attempt.form, hash);
                self.write_silently(unit, &delta, row.as_deref()).await
            }
            What::Send(version) => {
                let entry = self.plan_entry(unit, version, content, hash, known.as_ref(), row).await?;
                Ok(self.plan.push(&entry)?)
            }
        }
    }

    async fn plan_entry(
        &mut self,
        unit: UnitId,
        version: Version,
        content: engine::hash::Hash128,
        hash: engine::hash::Hash128,
        known: Option<&SnapshotUnit>,
        row: Option<Vec<u8>>,
    ) -> Result<PlanEntry, Error> {
        let Version { op, sequence } = version;
        let (key, row, previous) = match row {
            Some(row) => {
                let previous = if op == Change::Changed { self.stored(known, false).await?.1 } else { None };
                (self.job.layout.key_of(&row)?, Some(Stored { shape: 0, row }), previous)
            }
            None => {
                let (key, row) = self.stored(known, true).await?;
                let acknowledged = known.is_some_and(|known| known.unit.entry.is_some());
                let previous = row.clone().filter(|_| acknowledged);
                (key, row, previous)
            }
        };
        Ok(PlanEntry { unit, op, sequence, hash, content, key, row, previous })
    }

    /// Key and values of what was acknowledged, or, where nothing was and `or_put`, of what was put last.
    async fn stored(&mut self, known: Option<&SnapshotUnit>, or_put: bool) -> Result<(Vec<u8>, Option<Stored>), Error> {
        let at = known.and_then(|known| known.entry_value.or(known.mark_value.filter(|_| or_put)));
        let Some(at) = at else { return Ok((Vec::new(), None)) };
        let stored = self.snapshot.value(&at).await?;
        let Some(row) = stored.row else { return Ok((stored.key, None)) };
        let shape = match self.shapes.iter().position(|shape| *shape == stored.shape) {
            Some(index) => index,
            None => {
                self.shapes.push(stored.shape);
                self.shapes.len() - 1
            }
        };
        Ok((stored.key, Some(Stored { shape: shape as u16, row })))
    }

    async fn write_silently(
        &mut self,
        unit: UnitId,
        delta: &engine::unit::Delta,
        row: Option<&[u8]>,
    ) -> Result<(), Error> {
        if self.job.preview {
            return Ok(());
        }
        let key = match row {
            Some(row) => self.job.layout.key_of(row)?,
            None => Vec::new(),
        };
        let kept = row.filter(|_| self.job.definition().sync.values == KeepValues::Used);
        let value = row.map(|_| Value { key: &key, shape: 0, row: kept });
        if self.silent.is_none() {
            self.silent = Some(self.job.delta_segment(&[self.shapes[0].as_ref().clone()]).await?);
        }
        match &mut self.silent {
            Some(writer) => Ok(writer.push_delta(unit, delta, value, None).await?),
            None => Ok(()),
        }
    }
}

/// Whether values of one shape have every column of another.
fn covers(shape: &Shape, wanted: &Shape) -> bool {
    wanted
        .columns
        .iter()
        .all(|column| shape.columns.iter().any(|known| known.name == column.name && known.kind == column.kind))
}
