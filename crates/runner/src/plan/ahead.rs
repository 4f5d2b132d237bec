//! The partitions of a run in order. While one is compared, the next is read and sorted on another thread.

use spill::{Partition, PartitionItems, Read, Scratch};
use tokio::task::JoinHandle;

use crate::Error;

pub(super) struct Ahead {
    /// The last comes first.
    todo: Vec<Partition>,
    reading: Option<JoinHandle<Result<Read, spill::Error>>>,
    /// Bytes for the items of partitions.
    budget: usize,
}

impl Ahead {
    pub(super) fn new(mut partitions: Vec<Partition>, budget: usize) -> Self {
        partitions.reverse();
        Self { todo: partitions, reading: None, budget }
    }

    /// The next partition and its items, sorted.
    pub(super) async fn next(&mut self, scratch: &Scratch) -> Result<Option<(Partition, PartitionItems)>, Error> {
        loop {
            let read = match self.reading.take() {
                Some(reading) => match reading.await {
                    Ok(read) => read?,
                    Err(failed) => std::panic::resume_unwind(failed.into_panic()),
                },
                None => match self.todo.pop() {
                    Some(partition) => partition.read(self.budget)?,
                    None => return Ok(None),
                },
            };
            match read {
                Read::TooLarge(partition) => self.todo.extend(partition.split(scratch)?.into_iter().rev()),
                Read::Whole(partition, items) => {
                    self.begin(&items);
                    return Ok(Some((partition, items)));
                }
            }
        }
    }

    /// Begins with the next one, if there is room for it beside these.
    fn begin(&mut self, beside: &PartitionItems) {
        let budget = self.budget;
        self.reading = self
            .todo
            .pop_if(|next| next.fits(beside, budget))
            .map(|next| tokio::task::spawn_blocking(move || next.read(budget)));
    }
}

#[cfg(test)]
mod tests {
    use engine::hash::Hash128;
    use engine::unit::UnitId;
    use snapshots::FIRST_UNIT;
    use spill::RowSpill;

    use super::*;

    /// The units in the order in which they come.
    async fn units(rows: u64, budget: usize) -> Vec<UnitId> {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", u64::MAX).unwrap();
        let mut spill = RowSpill::create(1);
        for n in 0..rows {
            // Half of the keys are in one partition, which is too large for a small budget.
            let key = (u128::from(n) << (if n % 2 == 0 { 120 } else { 100 })) | u128::from(n);
            let unit = UnitId { key: Hash128(key.to_be_bytes()), child: 0 };
            spill.push(&scratch, unit, &[Hash128::default()], &n.to_le_bytes()).unwrap();
        }
        let mut ahead = Ahead::new(spill.finish(FIRST_UNIT, None).unwrap(), budget);
        let mut units = Vec::new();
        while let Some((partition, items)) = ahead.next(&scratch).await.unwrap() {
            assert!(items.items.iter().all(|item| item.unit >= partition.first));
            assert!(partition.end.is_none_or(|end| items.items.iter().all(|item| item.unit < end)));
            units.extend(items.items.iter().map(|item| item.unit));
        }
        units
    }

    #[tokio::test]
    async fn partitions_come_in_order_and_whole_whatever_the_budget() {
        let all = units(2_000, 1 << 20).await;
        assert_eq!(all.len(), 2_000);
        assert!(all.is_sorted());
        for budget in [500, 5_000, 50_000] {
            assert_eq!(units(2_000, budget).await, all, "{budget} bytes");
        }
    }
}
