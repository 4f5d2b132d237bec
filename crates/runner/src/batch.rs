//! Planned changes that were rendered and are in no window yet.

use engine::hash::EventId;
use engine::record::Rejection;
use spill::PlanEntry;

use crate::prepared::Window;
use crate::render::Logged;

/// Planned changes that were rendered, in the order of their units.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) window: Window,
    /// Rows that cannot be records, each with the number of records before it.
    pub(crate) refused: Vec<(usize, Refused)>,
}

pub(crate) struct Refused {
    pub(crate) entry: PlanEntry,
    pub(crate) event_id: EventId,
    pub(crate) rejection: Rejection,
    pub(crate) logged: Option<Logged>,
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
    use crate::prepared::Prepared;

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
            let (entry, event_id) = (entry(child), EventId::from(&child.to_string()).unwrap());
            if *is_record {
                let record = Record { data: vec![0; 10], partition_key: event_id.to_string(), explicit_hash_key: None };
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
            assert_eq!(prepared.event_id.as_str(), record.partition_key);
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
        fn a_window_is_put_in_the_order_of_its_units_and_records_stay_with_their_rows(
            units in prop::collection::hash_set(0_u64..1_000, 0..60),
        ) {
            let mut all = Batch::default();
            units.iter().for_each(|unit| all.append(batch(*unit, &[true])));
            all.window.sort();
            let mut wanted: Vec<_> = units.into_iter().map(|unit| (unit, true)).collect();
            wanted.sort_unstable();
            prop_assert_eq!(told(&all), wanted);
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
