//! Writes what comparing found: the plan, the list of removals, and the segment of silent acknowledgements.

use domain::{Change, KeepValues};
use engine::hash::Hash128;
use engine::rules::{self, Version};
use engine::unit::{Delta, UnitId};
use snapshots::{SnapshotUnit, Value};
use spill::{Item, Partition, PlanEntry, Stored};

use crate::Error;
use crate::plan::compare::{Comparison, Pending, What};
use crate::plan::picks::Pick;

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
        for pending in pending {
            let row = if pending.item.is_some() { rows.next() } else { None };
            self.write_one(pending, row).await?;
        }
        Ok(())
    }

    async fn write_one(&mut self, pending: Pending, row: Option<Vec<u8>>) -> Result<(), Error> {
        let Pending { unit, what, hashes: [content, hash], known, logged, .. } = pending;
        if row.is_none() && logged.is_none() {
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
                let known = known.as_ref();
                let entry = match logged {
                    Some(pick) => self.logged_entry(unit, version, *pick, known).await?,
                    None => self.plan_entry(unit, version, content, hash, known, row).await?,
                };
                Ok(self.plan.push(&entry)?)
            }
        }
    }

    async fn plan_entry(
        &mut self,
        unit: UnitId,
        version: Version,
        content: Hash128,
        hash: Hash128,
        known: Option<&SnapshotUnit>,
        row: Option<Vec<u8>>,
    ) -> Result<PlanEntry, Error> {
        let Version { op, sequence } = version;
        let (key, row, previous) = match row {
            Some(mut row) => {
                let previous = self.previous(op, known).await?;
                let key = self.job.layout.unit_key_of(&row)?;
                row.truncate(self.job.layout.row_of(&row)?.len());
                (key, Some(Stored { shape: 0, row }), previous)
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

    /// Of values that the log has, in place of those of the model.
    async fn logged_entry(
        &mut self,
        unit: UnitId,
        version: Version,
        pick: Pick,
        known: Option<&SnapshotUnit>,
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
            Change::Added | Change::Changed => {
                let previous = self.previous(op, known).await?;
                PlanEntry { unit, op, sequence, hash, content, key, row, previous }
            }
        })
    }

    /// The values that a change replaces, if anybody looks at them.
    async fn previous(&mut self, op: Change, known: Option<&SnapshotUnit>) -> Result<Option<Stored>, Error> {
        if op != Change::Changed || !self.shows_previous {
            return Ok(None);
        }
        Ok(self.stored(known, false).await?.1)
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
