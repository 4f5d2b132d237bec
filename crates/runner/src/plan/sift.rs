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
    /// Where it is known, rows of units that rest are not among the items.
    pub(super) balance: Option<Balance>,
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
    task: AbortOnDropHandle<Result<u64, Error>>,
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
        let whole = work.rests(&partition);
        let task = AbortOnDropHandle::new(tokio::spawn(work.run(whole, scan)));
        Self { partition, items, some: Vec::new().into_iter(), more, task }
    }

    pub(super) async fn next(&mut self) -> Option<Left> {
        if let Some(left) = self.some.next() {
            return Some(left);
        }
        self.some = self.more.recv().await?.into_iter();
        self.some.next()
    }

    /// After the last unit: how many were left out. An error says that there may have been more units.
    pub(super) async fn resting(self) -> Result<u64, Error> {
        done(self.task.await)
    }
}

struct Work {
    sieve: Arc<Sieve>,
    items: Arc<PartitionItems>,
    out: mpsc::Sender<Vec<Left>>,
}

impl Work {
    /// How many units the partition has, if it is a section and all of them rest.
    fn rests(&self, partition: &Partition) -> Option<u64> {
        let section = Grid::section(partition.first);
        let is_section = partition.first == Grid::first(section) && partition.end == Grid::end(section);
        self.sieve.balance.as_ref().filter(|_| is_section)?.section_rests(section)
    }

    async fn run(self, whole: Option<u64>, mut scan: Scan) -> Result<u64, Error> {
        if let Some(units) = whole {
            return Ok(units);
        }
        let items = &self.items.items;
        let (mut resting, mut some, mut at) = (0, Vec::new(), 0);
        let mut known = scan.advance().await?;
        loop {
            let next = [items.get(at).map(|item| item.unit), known.map(|known| known.id)];
            let Some(unit) = next.into_iter().flatten().min() else { break };
            let count = items[at..].iter().take_while(|item| item.unit == unit).count();
            let rows = at..at + count;
            at = rows.end;
            let here = known.filter(|known| known.id == unit);
            match here.filter(|known| self.is_at_rest(&items[rows.clone()], known)) {
                Some(_) => resting += 1,
                None => some.push(Left { unit, rows, known: here.cloned() }),
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
        let Sieve { attempt, all, balance } = &*self.sieve;
        match rows {
            [] => balance.as_ref().is_some_and(|balance| balance.rests(known.id)),
            // Of the form of this run, as what leaves it as it is.
            [item] if !all => {
                let row = at_rest(attempt, &known.unit);
                row.is_some() && self.items.hashes(item).get(1) == row.as_ref()
            }
            _ => false,
        }
    }
}
