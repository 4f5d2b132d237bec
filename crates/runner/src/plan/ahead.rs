//! The partitions of a run in order. While one is compared, the next are read, sorted and sifted on other processors.

use std::collections::VecDeque;
use std::sync::Arc;

use snapshots::{Scan, Snapshot};
use spill::{Partition, Read, Scratch};
use tokio::task::{JoinError, JoinHandle};

use crate::Error;
use crate::plan::bins::processors;
use crate::plan::sift::{Sieve, Sifting};

pub(super) struct Ahead<'a> {
    scratch: &'a Scratch,
    snapshot: &'a Snapshot,
    sieve: Arc<Sieve>,
    /// The last comes first.
    todo: Vec<Partition>,
    /// Those that are read, in order, and how many rows each has. They come before all others.
    begun: VecDeque<(u64, JoinHandle<Result<Begun, Error>>)>,
    /// Bytes for the items of partitions.
    budget: usize,
}

enum Begun {
    Sifting(Sifting),
    TooLarge(Partition),
}

impl<'a> Ahead<'a> {
    pub(super) fn new(
        scratch: &'a Scratch,
        snapshot: &'a Snapshot,
        sieve: Arc<Sieve>,
        mut partitions: Vec<Partition>,
        budget: usize,
    ) -> Self {
        partitions.reverse();
        Self { scratch, snapshot, sieve, todo: partitions, begun: VecDeque::new(), budget }
    }

    /// The next partition; the one before is done with.
    pub(super) async fn next(&mut self) -> Result<Option<Sifting>, Error> {
        loop {
            self.begin_some(0);
            let Some((rows, reading)) = self.begun.pop_front() else { return Ok(None) };
            // Others go on while this one is compared.
            self.begin_some(rows);
            match done(reading.await)? {
                Begun::Sifting(sifting) => return Ok(Some(sifting)),
                // It was alone: others are begun only beside one that fits.
                Begun::TooLarge(partition) => self.todo.extend(partition.split(self.scratch)?.into_iter().rev()),
            }
        }
    }

    /// Begins with as many as there are processors, and room for beside so many rows; with one in any case.
    fn begin_some(&mut self, current: u64) {
        let mut rows = current + self.begun.iter().map(|(rows, _)| rows).sum::<u64>();
        let (budget, alone) = (self.budget, current == 0);
        while self.begun.len() < processors() {
            let first = alone && self.begun.is_empty();
            let Some(next) = self.todo.pop_if(|next| first || next.fits(rows, budget)) else { break };
            let (count, sieve) = (next.rows(), Arc::clone(&self.sieve));
            let scan = self.snapshot.scan(next.first, next.end);
            let fits = next.fits(0, budget);
            let reading = tokio::task::spawn_blocking(move || begin(&sieve, next.read(budget)?, scan));
            self.begun.push_back((count, reading));
            rows += count;
            if !fits {
                break;
            }
        }
    }
}

fn begin(sieve: &Arc<Sieve>, read: Read, scan: Scan) -> Result<Begun, Error> {
    Ok(match read {
        Read::TooLarge(partition) => Begun::TooLarge(partition),
        Read::Whole(partition, items) => Begun::Sifting(Sifting::begin(sieve, partition, items, scan)),
    })
}

/// What a task returned; it panics as the task did.
pub(super) fn done<T>(ended: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    ended.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}

#[cfg(test)]
mod tests {
    use domain::{RunKind, Triggers};
    use engine::hash::Hash128;
    use engine::rules::Attempt;
    use engine::unit::UnitId;
    use objects::Objects;
    use snapshots::{FIRST_UNIT, Manifest};
    use spill::RowSpill;

    use super::*;

    fn sieve() -> Arc<Sieve> {
        let (kind, triggers) = (RunKind::Normal, Triggers::default());
        let attempt = Attempt { kind, triggers, version: 1, epoch: 1, resync: None, form: 1, now: 0 };
        Arc::new(Sieve { attempt, all: false, balance: None })
    }

    /// The units in the order in which they come.
    async fn units(rows: u64, budget: usize) -> Vec<UnitId> {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", u64::MAX).unwrap();
        let objects = Objects::local(&root.path().join("objects")).unwrap();
        let snapshot = Snapshot::open(&objects, &Manifest::default(), 0).await.unwrap();
        let mut spill = RowSpill::create(1);
        for n in 0..rows {
            // Half of the keys are in one partition, which is too large for a small budget.
            let key = (u128::from(n) << (if n % 2 == 0 { 120 } else { 100 })) | u128::from(n);
            let unit = UnitId { key: Hash128(key.to_be_bytes()), child: 0 };
            spill.push(&scratch, unit, &[Hash128::default()], &n.to_le_bytes()).unwrap();
        }
        let mut ahead = Ahead::new(&scratch, &snapshot, sieve(), spill.finish(FIRST_UNIT, None).unwrap(), budget);
        let mut units = Vec::new();
        while let Some(mut sifting) = ahead.next().await.unwrap() {
            let partition = Arc::clone(&sifting.partition);
            while let Some(left) = sifting.next().await {
                assert!(left.unit >= partition.first && partition.end.is_none_or(|end| left.unit < end));
                assert!(sifting.items.items[left.rows].iter().all(|item| item.unit == left.unit));
                units.push(left.unit);
            }
            assert_eq!(sifting.resting().await.unwrap(), 0);
        }
        units
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn partitions_come_in_order_and_whole_whatever_the_budget() {
        let all = units(2_000, 1 << 20).await;
        assert_eq!(all.len(), 2_000);
        assert!(all.is_sorted());
        for budget in [500, 5_000, 50_000] {
            assert_eq!(units(2_000, budget).await, all, "{budget} bytes");
        }
    }
}
