//! Compares the spilled rows with the snapshot, partition by partition, and writes the plan. Everything comes in the
//! order of the units, so windows and segments are sorted as they are written.

use std::collections::HashSet;
use std::sync::Arc;

use domain::{Counts, Millis};
use engine::form::FormId;
use engine::guard::Planned;
use engine::hash::Hash128;
use engine::rules::{self, Action, Attempt, Count, Read, RowHashes};
use engine::unit::{Unit, UnitId};
use snapshots::{Scan, SegmentRef, SegmentWriter, Shape, Snapshot, SnapshotUnit};
use spill::{Item, Partition, PartitionItems, PlanReader, PlanWriter, Scratch};

use crate::Error;
use crate::job::Job;
use crate::plan::ahead::Ahead;
use crate::plan::choose::Choice;
use crate::plan::invalid::{InvalidRows, Reason};
use crate::plan::picks::Pick;
use crate::plan::sift::{Left, Sieve, Sifting};
use crate::plan::sort::{AllSorted, marked};
use crate::plan::write::{Of, Pending, What};

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
    pub(super) job: &'a Job,
    scratch: &'a Scratch,
    pub(super) snapshot: &'a Snapshot,
    /// The units whose removal a person approved.
    covered: Option<&'a Snapshot>,
    /// If there are any, nothing else is touched.
    pub(super) chosen: Option<&'a mut Choice>,
    pub(super) attempt: Attempt,
    /// Some layers hold rows without columns that this run would keep.
    values_lack: bool,
    /// Messages, the log or a preview show what a change replaces. Its values lie all over the snapshot.
    pub(super) shows_previous: bool,
    /// The key of the row that is invalid, while its units come by.
    held: Option<(Hash128, Reason)>,
    /// A buffer: the forms of a row.
    forms: Vec<(FormId, Hash128)>,
    pub(super) plan: PlanWriter,
    pub(super) removals: PlanWriter,
    pub(super) silent: Option<SegmentWriter>,
    pub(super) out: Totals,
    pub(super) shapes: Vec<Arc<Shape>>,
    pub(super) pending: Vec<Pending>,
    pub(super) pending_bytes: usize,
}

#[derive(Default)]
pub(super) struct Totals {
    pub(super) counts: Counts,
    planned: Planned,
    pub(super) rewritten: u64,
    waits_until: Option<Millis>,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(
        job: &'a Job,
        scratch: &'a Scratch,
        snapshot: &'a Snapshot,
        covered: Option<&'a Snapshot>,
        attempt: Attempt,
    ) -> Result<Self, Error> {
        let values_lack = values_lack(job, snapshot);
        let shape = job.shape();
        Ok(Self {
            job,
            scratch,
            snapshot,
            covered,
            chosen: None,
            attempt,
            values_lack,
            shows_previous: job.preview || job.logs_values() || job.message.uses_previous(),
            held: None,
            forms: Vec::new(),
            plan: PlanWriter::create(scratch, "plan")?,
            removals: PlanWriter::create(scratch, "removals")?,
            silent: None,
            out: Totals::default(),
            shapes: vec![Arc::new(shape)],
            pending: Vec::new(),
            pending_bytes: 0,
        })
    }

    pub(crate) fn choosing(self, chosen: Option<&'a mut Choice>) -> Self {
        Self { chosen, ..self }
    }

    /// Three eighths of the memory are for the items of partitions, as many were for the bins, an eighth is for rows on their way
    /// into the plan; the snapshot's cache has the rest.
    pub(crate) async fn run(mut self, sorted: AllSorted, invalid: &mut InvalidRows) -> Result<Compared, Error> {
        let budget = self.job.settings.plan_memory * 3 / 8;
        let all = self.chosen.is_some() || self.values_lack || self.job.layout.element().is_some();
        let sieve = Arc::new(Sieve { attempt: self.attempt, all, balance: sorted.balance.map(Arc::new) });
        let mut ahead = Ahead::new(self.scratch, self.snapshot, sieve, sorted.partitions, budget);
        while let Some(sifting) = ahead.next().await? {
            self.partition(sifting, invalid).await?;
            self.job.lease.check()?;
            let (counts, scratch_bytes) = (self.out.counts, self.scratch.written());
            self.job.progress.update(|progress| {
                progress.counts =
                    Counts { queried: progress.counts.queried, invalid: progress.counts.invalid, ..counts };
                progress.scratch_bytes = scratch_bytes;
            });
        }
        self.out.planned.valid_keys = self.out.counts.rows;
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

    async fn partition(&mut self, mut sifting: Sifting, invalid: &mut InvalidRows) -> Result<(), Error> {
        let (partition, items) = (Arc::clone(&sifting.partition), Arc::clone(&sifting.items));
        let covered = self.covered_in(&partition).await?;
        let mut left = sifting.next().await;
        loop {
            let picked = self.next_pick(partition.end)?;
            let next = [left.as_ref().map(|left| left.unit), picked];
            let Some(unit) = next.into_iter().flatten().min() else { break };
            let pick = self.take_pick(unit);
            let Left { rows, known: here, .. } = match &left {
                Some(found) if found.unit == unit => std::mem::replace(&mut left, sifting.next().await),
                _ => None,
            }
            .unwrap_or_else(|| Left::nothing(unit));
            let fans_out = self.job.layout.element().is_some();
            match &items.items[rows] {
                // The elements of these rows follow, and so do the units that they had.
                markers @ [_, ..] if fans_out && unit.child == 0 => {
                    self.rows(&partition, markers, &items, invalid).await?;
                    self.unit_before_fan_out(unit, here, &covered, pick)?;
                }
                _ if let Some(reason) = self.holds(unit) => {
                    self.held_unit(here.as_ref());
                    self.hold_pick(pick, reason);
                }
                [] => self.absent(unit, here, &covered, pick)?,
                [item] => {
                    self.out.counts.rows += u64::from(!fans_out);
                    let lacks = self.values_lack && self.lacks_values(here.as_ref()).await?;
                    self.present(*item, items.hashes(item), here, lacks, pick)?;
                }
                several => {
                    self.held_unit(here.as_ref());
                    self.hold_pick(pick, Reason::DuplicateKey);
                    self.hold(&partition, several, &items, Reason::DuplicateKey, invalid).await?;
                }
            }
            if self.pending_bytes > self.job.settings.plan_memory / 8 {
                self.write(&partition).await?;
            }
        }
        let resting = sifting.resting().await?;
        let Totals { counts, planned, .. } = &mut self.out;
        for count in [&mut counts.rows, &mut counts.units, &mut counts.unchanged, &mut planned.snapshot] {
            debug_assert!(count.checked_add_signed(resting).is_some(), "what was looked at was counted before");
            *count = count.wrapping_add_signed(resting);
        }
        self.write(&partition).await
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

    /// The rows of one key that fan out. If there are several, or if one cannot be taken apart, all units of the key are held.
    async fn rows(
        &mut self,
        partition: &Partition,
        markers: &[Item],
        items: &PartitionItems,
        invalid: &mut InvalidRows,
    ) -> Result<(), Error> {
        let reason = match markers {
            [marker] => items.hashes(marker).first().and_then(marked).map(Reason::Elements),
            _ => Some(Reason::DuplicateKey),
        };
        self.held = reason.zip(markers.first()).map(|(reason, marker)| (marker.unit.key, reason));
        match reason {
            Some(reason) => self.hold(partition, markers, items, reason, invalid).await,
            None => {
                self.out.counts.rows += 1;
                Ok(())
            }
        }
    }

    /// A version of the row as a whole may be in the stream, from before the sync fanned out.
    fn unit_before_fan_out(
        &mut self,
        unit: UnitId,
        known: Option<SnapshotUnit>,
        covered: &HashSet<UnitId>,
        pick: Option<Pick>,
    ) -> Result<(), Error> {
        match self.held {
            Some((_, reason)) => {
                self.held_unit(known.as_ref());
                self.hold_pick(pick, reason);
                Ok(())
            }
            None => self.absent(unit, known, covered, pick),
        }
    }

    /// Why all units of this key are held.
    fn holds(&self, unit: UnitId) -> Option<Reason> {
        self.held.filter(|(key, _)| *key == unit.key).map(|(_, reason)| reason)
    }

    fn held_unit(&mut self, known: Option<&SnapshotUnit>) {
        self.out.planned.snapshot += u64::from(known.is_some_and(|known| known.unit.entry.is_some()));
    }

    /// Lists the rows of one key that are invalid: those of `rows` as they write it, and those that were left out like the first.
    async fn hold(
        &mut self,
        partition: &Partition,
        rows: &[Item],
        items: &PartitionItems,
        reason: Reason,
        invalid: &mut InvalidRows,
    ) -> Result<(), Error> {
        let Some(unit) = rows.first().map(|first| first.unit) else { return Ok(()) };
        let left_out = items.left_out(unit);
        self.out.counts.invalid += rows.len() as u64 + left_out;
        self.out.planned.invalid_keys += 1;
        if let Some(Choice::Keys(chosen)) = &mut self.chosen {
            chosen.hold(unit, reason);
        }
        let mut kept = vec![Vec::new(); rows.len()];
        partition.visit(rows, |index, row| {
            kept[index] = row.to_vec();
            Ok(())
        })?;
        let layout = &self.job.layout;
        let columns: Vec<_> = layout.key_columns().cloned().collect();
        for (times, row) in std::iter::once(1 + left_out).chain(std::iter::repeat(1)).zip(kept) {
            // A marker is kept as its key alone.
            let key = if layout.element().is_some() { row } else { layout.key_of(&row)? };
            invalid.push(&columns, &key, Some(unit), reason, times).await?;
        }
        Ok(())
    }

    fn absent(
        &mut self,
        id: UnitId,
        known: Option<SnapshotUnit>,
        covered: &HashSet<UnitId>,
        pick: Option<Pick>,
    ) -> Result<(), Error> {
        self.held_unit(known.as_ref());
        if self.chosen.is_some() {
            return self.absent_among_chosen(id, known, pick);
        }
        let Some(known) = known else { return Ok(()) };
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
        if !self.job.options.hold_removals {
            return self.act(id, action, Of::Gone, Default::default(), known);
        }
        self.out.planned.covered_removals += u64::from(!is_covered);
        match action {
            Action::Send(_) => {
                self.out.counts.planned += 1;
                self.out.counts.deferred += 1;
                self.queue(id, What::Removal, Of::Gone, Default::default(), Some(known));
                Ok(())
            }
            // Its trigger is off: the snapshot would forget it.
            Action::Silent => self.act(id, Action::Aside, Of::Gone, Default::default(), known),
            action => self.act(id, action, Of::Gone, Default::default(), known),
        }
    }

    /// `lacks`: the snapshot has not all values of the unit that this run keeps.
    fn present(
        &mut self,
        item: Item,
        hashes: &[Hash128],
        known: Option<SnapshotUnit>,
        lacks: bool,
        pick: Option<Pick>,
    ) -> Result<(), Error> {
        let id = item.unit;
        let mut forms = std::mem::take(&mut self.forms);
        forms.clear();
        forms.extend(self.job.layout.forms().zip(hashes[1..].iter().copied()));
        let row = RowHashes { forms: &forms, content: hashes[0] };
        let nothing = Unit::default();
        let unit = known.as_ref().map_or(&nothing, |known| &known.unit);
        let rewrite = unit.entry.is_some_and(|entry| entry.form != self.attempt.form || lacks);
        let decision = rules::decide(&self.attempt, unit, Read::Row(row), rewrite);
        let (decision, logged) = self.choose(decision, id, unit, &row, pick);
        self.forms = forms;
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
            self.queue(id, what, Of::Row(item), hashes, known);
            return Ok(());
        }
        let known =
            known.unwrap_or_else(|| SnapshotUnit { id, unit: Unit::default(), entry_value: None, mark_value: None });
        self.act(id, decision.action, logged.map_or(Of::Row(item), Of::Logged), hashes, known)
    }

    async fn lacks_values(&self, known: Option<&SnapshotUnit>) -> Result<bool, Error> {
        let Some(at) = known.and_then(|known| known.entry_value.as_ref()) else {
            return Ok(false);
        };
        let stored = self.snapshot.value(at).await?;
        Ok(stored.row.is_none() || !covers(&stored.shape, &self.shapes[0]))
    }

    /// Counts a change and queues what has to be written for it.
    pub(super) fn act(
        &mut self,
        id: UnitId,
        action: Action,
        of: Of,
        hashes: [Hash128; 2],
        known: SnapshotUnit,
    ) -> Result<(), Error> {
        let counts = &mut self.out.counts;
        let removal = matches!(of, Of::Gone);
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
            self.queue(id, what, of, hashes, Some(known));
        }
        Ok(())
    }

    fn queue(&mut self, unit: UnitId, what: What, of: Of, hashes: [Hash128; 2], known: Option<SnapshotUnit>) {
        let (item, logged) = match of {
            Of::Row(item) => (Some(item), None),
            Of::Logged(pick) => (None, Some(pick)),
            Of::Gone => (None, None),
        };
        let bytes = logged.as_ref().map_or(0, |pick| pick.bytes()) + item.map_or(0, |item| item.row_len());
        self.pending_bytes += size_of::<Pending>() + bytes;
        let hashes = logged.as_ref().map_or(hashes, |pick| pick.hashes);
        self.pending.push(Pending { unit, what, item, logged, hashes, known });
    }
}

/// Whether some layers hold rows without columns that this run would keep.
pub(super) fn values_lack(job: &Job, snapshot: &Snapshot) -> bool {
    let shape = job.shape();
    job.keeps_values() && snapshot.shapes().any(|older| !covers(older, &shape))
}

/// Whether values of one shape have every column of another.
fn covers(shape: &Shape, wanted: &Shape) -> bool {
    wanted
        .columns
        .iter()
        .all(|column| shape.columns.iter().any(|known| known.name == column.name && known.kind == column.kind))
}
