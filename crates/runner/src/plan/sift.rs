//! Goes through a partition ahead of the comparison, on a processor that is free, and leaves out what is as it was
//! acknowledged. What has to be looked at comes in the order of the units, with what the snapshot knows of it.

use std::ops::Range;
use std::sync::Arc;
use std::vec;

use engine::bins::{Balance, Grid};
use engine::rules::{Attempt, at_rest};
use engine::unit::UnitId;
use snapshots::{Scan, SnapshotUnit};
use spill::{Item, Partition, PartitionItems};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::Error;
use crate::plan::ahead::done;

/// Units that are handed over at once, and how often before somebody has to take them.
const HANDFUL: usize = 1024;
const HANDFULS: usize = 4;

/// What decides whether a unit rests.
pub(super) struct Sieve {
    pub(super) attempt: Attempt,
    /// Every unit is looked at.
    pub(super) all: bool,
    /// Where it is known, rows of bins that rest are not among the items.
    pub(super) balance: Option<Arc<Balance>>,
}

/// A unit that has to be looked at.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) unit: UnitId,
    /// Its rows, among the items of the partition.
    pub(super) rows: Range<usize>,
    pub(super) known: Option<SnapshotUnit>,
}

/// A partition that is gone through.
pub(super) struct Sifting {
    pub(super) partition: Arc<Partition>,
    pub(super) items: Arc<PartitionItems>,
    some: vec::IntoIter<Left>,
    more: mpsc::Receiver<Vec<Left>>,
    task: AbortOnDropHandle<Result<i64, Error>>,
}

impl Left {
    /// Neither model nor snapshot hold it.
    pub(super) const fn nothing(unit: UnitId) -> Self {
        Self { unit, rows: 0..0, known: None }
    }
}

impl Sifting {
    pub(super) fn begin(sieve: &Arc<Sieve>, partition: Partition, items: PartitionItems, scan: Scan) -> Self {
        let (out, more) = mpsc::channel(HANDFULS);
        let (partition, items) = (Arc::new(partition), Arc::new(items));
        let work = Work { sieve: Arc::clone(sieve), items: Arc::clone(&items), out };
        let (resting, scan) = sieve.begin(&partition, scan);
        let task = AbortOnDropHandle::new(tokio::spawn(work.run(resting, scan)));
        Self { partition, items, some: Vec::new().into_iter(), more, task }
    }

    pub(super) async fn next(&mut self) -> Option<Left> {
        if let Some(left) = self.some.next() {
            return Some(left);
        }
        self.some = self.more.recv().await?.into_iter();
        self.some.next()
    }

    /// After the last unit: how many were left out. An error says that there may have been more units. Of a section in several
    /// partitions, all are counted with the first, so that others may have less than none.
    pub(super) async fn resting(self) -> Result<i64, Error> {
        done(self.task.await)
    }
}

struct Work {
    sieve: Arc<Sieve>,
    items: Arc<PartitionItems>,
    out: mpsc::Sender<Vec<Left>>,
}

impl Sieve {
    /// How many units rest unless they are found not to, and what has to be gone through, if anything.
    fn begin(&self, partition: &Partition, scan: Scan) -> (i64, Option<Scan>) {
        let Some(balance) = &self.balance else { return (0, Some(scan)) };
        let section = Grid::section(partition.first);
        let (begins, ends) = (partition.first == Grid::first(section), partition.end == Grid::end(section));
        let resting = if begins { balance.units(section) as i64 } else { 0 };
        if begins && ends && balance.section_rests(section) {
            return (resting, None);
        }
        let balance = Arc::clone(balance);
        (resting, Some(scan.only(move |unit| !balance.rests(unit))))
    }
}

impl Work {
    /// `resting` counts what nobody finds, unless nobody knows how many there are.
    async fn run(self, mut resting: i64, scan: Option<Scan>) -> Result<i64, Error> {
        let Some(mut scan) = scan else { return Ok(resting) };
        let (items, all_counted) = (&self.items.items, self.sieve.balance.is_some());
        let (mut some, mut at) = (Vec::new(), 0);
        let mut known = scan.advance().await?;
        loop {
            let next = [items.get(at).map(|item| item.unit), known.map(|known| known.id)];
            let Some(unit) = next.into_iter().flatten().min() else { break };
            let count = items[at..].iter().take_while(|item| item.unit == unit).count();
            let rows = at..at + count;
            at = rows.end;
            let here = known.filter(|known| known.id == unit);
            if here.is_some_and(|known| self.is_at_rest(&items[rows.clone()], known)) {
                resting += i64::from(!all_counted);
            } else {
                resting -= i64::from(all_counted && here.is_some());
                some.push(Left { unit, rows, known: here.cloned() });
            }
            if here.is_some() {
                known = scan.advance().await?;
            }
            if some.len() == HANDFUL && self.out.send(std::mem::take(&mut some)).await.is_err() {
                // Nobody wants to know any more.
                return Ok(resting);
            }
        }
        drop(self.out.send(some).await);
        Ok(resting)
    }

    fn is_at_rest(&self, rows: &[Item], known: &SnapshotUnit) -> bool {
        let Sieve { attempt, all, .. } = &*self.sieve;
        match rows {
            // Of the form of this run, as what leaves it as it is.
            [item] if !all => {
                let row = at_rest(attempt, &known.unit);
                row.is_some() && self.items.hashes(item).get(1) == row.as_ref()
            }
            _ => false,
        }
    }
}
