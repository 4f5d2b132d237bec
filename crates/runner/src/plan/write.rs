//! Writes what comparing found: the plan, the list of removals, and the segment of silent acknowledgements.

use domain::{Change, KeepValues};
use engine::hash::Hash128;
use engine::rules::{self, Version};
use engine::unit::{Delta, Entry, UnitId};
use snapshots::{SnapshotUnit, StoredValue, Value, ValueAt};
use spill::{Item, Partition, PlanEntry, Stored};

use crate::Error;
use crate::plan::compare::Comparison;
use crate::plan::picks::Pick;

/// A unit that something has to be written for.
pub(super) struct Pending {
    pub(super) unit: UnitId,
    pub(super) what: What,
    pub(super) item: Option<Item>,
    /// Values of the log, in place of a row.
    pub(super) logged: Option<Box<Pick>>,
    /// Of the content, and of the watched columns in the form of the run.
    pub(super) hashes: [Hash128; 2],
    pub(super) known: Option<SnapshotUnit>,
}

impl Pending {
    /// Neither the model nor the log has values of the unit.
    pub(super) fn gone(&self) -> bool {
        self.item.is_none() && self.logged.is_none()
    }
}

/// What a change is made of.
pub(super) enum Of {
    /// A row of the model.
    Row(Item),
    Logged(Box<Pick>),
    /// The row is gone.
    Gone,
}

#[derive(Clone, Copy)]
pub(super) enum What {
    Send(Version),
    Silent,
    Rewrite(Entry),
    /// Only listed among the removals.
    Removal,
}

impl Comparison<'_> {
    /// Writes what is pending: reads the rows it needs in the order of the file, then goes on in the order of the units.
    pub(super) async fn write(&mut self, partition: &Partition) -> Result<(), Error> {
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
        let known: Vec<_> = pending.iter().map(|pending| self.shown(pending)).collect();
        let mut values = self.snapshot.values(known.iter().flatten().copied().collect());
        for (pending, known) in pending.into_iter().zip(known) {
            let row = if pending.item.is_some() { rows.next() } else { None };
            let known = if known.is_some() { values.next().await? } else { None };
            self.write_one(pending, row, known).await?;
        }
        Ok(())
    }

    /// Where the values lie that are shown beside those that were read, or in their place: of a unit that is gone, what was acknowledged,
    /// or, where nothing was, what was put last; of a change what it replaces, if anybody looks at it.
    fn shown(&self, pending: &Pending) -> Option<ValueAt> {
        let known = pending.known.as_ref()?;
        if pending.gone() {
            return known.entry_value.or(known.mark_value);
        }
        let changes = matches!(pending.what, What::Send(Version { op: Change::Changed, .. }));
        known.entry_value.filter(|_| changes && self.shows_previous)
    }

    /// `row`: as it was read. `known`: the values of the snapshot that are shown.
    async fn write_one(
        &mut self,
        pending: Pending,
        row: Option<Vec<u8>>,
        known: Option<StoredValue>,
    ) -> Result<(), Error> {
        let gone = pending.gone();
        let Pending { unit, what, hashes: [content, hash], known: snapshot, logged, .. } = pending;
        let (key, known) = known.map_or_else(Default::default, |known| self.of_snapshot(known));
        if gone {
            let listed = PlanEntry {
                unit,
                op: Change::Removed,
                sequence: 0,
                hash: Default::default(),
                content: Default::default(),
                key: key.clone(),
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
            What::Send(Version { op, sequence }) => {
                let entry = match (logged, row) {
                    (Some(pick), _) => self.logged_entry(unit, Version { op, sequence }, *pick, known)?,
                    (None, Some(mut row)) => {
                        let key = self.job.layout.unit_key_of(&row)?;
                        row.truncate(self.job.layout.row_of(&row)?.len());
                        let row = Some(Stored { shape: 0, row });
                        PlanEntry { unit, op, sequence, hash, content, key, row, previous: known }
                    }
                    (None, None) => {
                        let acknowledged = snapshot.is_some_and(|snapshot| snapshot.unit.entry.is_some());
                        let previous = known.clone().filter(|_| acknowledged);
                        PlanEntry { unit, op, sequence, hash, content, key, row: known, previous }
                    }
                };
                Ok(self.plan.push(&entry)?)
            }
        }
    }

    /// Of values that the log has, in place of those of the model.
    fn logged_entry(
        &self,
        unit: UnitId,
        version: Version,
        pick: Pick,
        previous: Option<Stored>,
    ) -> Result<PlanEntry, Error> {
        let Version { op, sequence } = version;
        let Pick { hashes: [content, hash], kept, unit_key: key, .. } = pick;
        let row = match kept {
            Some(mut row) => {
                row.truncate(self.job.layout.row_of(&row)?.len());
                Some(Stored { shape: 0, row })
            }
            None => None,
        };
        Ok(match op {
            Change::Removed => {
                let (hash, content) = Default::default();
                PlanEntry { unit, op, sequence, hash, content, key, previous: row.clone(), row }
            }
            Change::Added | Change::Changed => PlanEntry { unit, op, sequence, hash, content, key, row, previous },
        })
    }

    /// A key and values of the snapshot, with the number that the plan has for their shape.
    fn of_snapshot(&mut self, known: StoredValue) -> (Vec<u8>, Option<Stored>) {
        let StoredValue { key, shape, row } = known;
        let Some(row) = row else { return (key, None) };
        let shape = match self.shapes.iter().position(|known| *known == shape) {
            Some(index) => index,
            None => {
                self.shapes.push(shape);
                self.shapes.len() - 1
            }
        };
        (key, Some(Stored { shape: shape as u16, row }))
    }

    async fn write_silently(&mut self, unit: UnitId, delta: &Delta, row: Option<&[u8]>) -> Result<(), Error> {
        if self.job.preview {
            return Ok(());
        }
        let layout = &self.job.layout;
        let (key, row) = match row {
            Some(row) => (layout.unit_key_of(row)?, Some(layout.row_of(row)?)),
            None => (Vec::new(), None),
        };
        let kept = row.filter(|_| self.job.definition().sync.values == KeepValues::Used);
        let value = row.map(|_| Value { key: &key, shape: 0, row: kept });
        if self.silent.is_none() {
            self.silent = Some(self.job.delta_segment(&[self.job.kept_shape()]).await?);
        }
        match &mut self.silent {
            Some(writer) => Ok(writer.push_delta(unit, delta, value, None).await?),
            None => Ok(()),
        }
    }
}
