//! Goes through a partition ahead of the comparison, on a processor that is free, and leaves out what is as it was
//! acknowledged. What has to be looked at comes in the order of the units, with what the snapshot knows of it.

use std::ops::Range;
use std::sync::Arc;
use std::vec;

use engine::roll::{Roll, Tally};
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
    pub(super) roll: Option<Roll>,
}

/// A unit that has to be looked at.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) unit: UnitId,
    /// Its rows, among the items of the partition.
    pub(super) rows: Range<usize>,
    pub(super) known: Option<SnapshotUnit>,
    /// Another row of it was ticked off as it was read.
    pub(super) ticked: bool,
}

/// What was left out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Resting {
    pub(super) units: u64,
    /// All units that had been ticked off, those too that were not left out.
    pub(super) ticked: Tally,
}

/// A partition that is gone through.
pub(super) struct Sifting {
    pub(super) partition: Arc<Partition>,
    pub(super) items: Arc<PartitionItems>,
    some: vec::IntoIter<Left>,
    more: mpsc::Receiver<Vec<Left>>,
    task: AbortOnDropHandle<Result<Resting, Error>>,
}

impl Left {
    /// Neither model nor snapshot hold it.
    pub(super) const fn nothing(unit: UnitId) -> Self {
        Self { unit, rows: 0..0, known: None, ticked: false }
    }
}

impl Sifting {
    pub(super) fn begin(sieve: &Arc<Sieve>, partition: Partition, items: PartitionItems, scan: Scan) -> Self {
        let (out, more) = mpsc::channel(HANDFULS);
        let (partition, items) = (Arc::new(partition), Arc::new(items));
        let work = Work { sieve: Arc::clone(sieve), items: Arc::clone(&items), out };
        let whole = work.is_whole(&partition);
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

    /// After the last unit: what was left out. An error says that there may have been more units.
    pub(super) async fn resting(self) -> Result<Resting, Error> {
        done(self.task.await)
    }
}

struct Work {
    sieve: Arc<Sieve>,
    items: Arc<PartitionItems>,
    out: mpsc::Sender<Vec<Left>>,
}

impl Work {
    /// The tally of the section that the partition is, if all of it was ticked off and nothing else is there.
    fn is_whole(&self, partition: &Partition) -> Option<Tally> {
        let section = Roll::section(partition.first);
        let is_section = partition.first == Roll::first(section) && partition.end == Roll::end(section);
        let roll = self.sieve.roll.as_ref().filter(|roll| is_section && roll.is_whole(section))?;
        self.items.items.is_empty().then(|| roll.ticked(section))
    }

    async fn run(self, whole: Option<Tally>, mut scan: Scan) -> Result<Resting, Error> {
        if let Some(ticked) = whole {
            return Ok(Resting { units: ticked.units, ticked });
        }
        let items = &self.items.items;
        let (mut resting, mut some, mut at) = (Resting::default(), Vec::new(), 0);
        let mut known = scan.advance().await?;
        loop {
            let next = [items.get(at).map(|item| item.unit), known.map(|known| known.id)];
            let Some(unit) = next.into_iter().flatten().min() else { break };
            let count = items[at..].iter().take_while(|item| item.unit == unit).count();
            let rows = at..at + count;
            at = rows.end;
            let here = known.filter(|known| known.id == unit);
            if let Some(ticked) = self.sift(&items[rows.clone()], here, &mut resting) {
                some.push(Left { unit, rows, known: here.cloned(), ticked });
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

    /// `None` if the unit rests; else whether a row of it was ticked off.
    fn sift(&self, rows: &[Item], known: Option<&SnapshotUnit>, resting: &mut Resting) -> Option<bool> {
        let Sieve { attempt, all, roll } = &*self.sieve;
        let row = known.filter(|_| !all).and_then(|known| Some((known.id, at_rest(attempt, &known.unit)?)));
        let Some((unit, row)) = row else { return Some(false) };
        let ticked = roll.as_ref().is_some_and(|roll| roll.is_ticked(unit, row));
        if ticked {
            resting.ticked.add(unit, row);
        }
        let rests = match rows {
            [] => ticked,
            // Of the form of this run, as `row` is.
            [item] => !ticked && self.items.hashes(item).get(1) == Some(&row),
            _ => false,
        };
        if !rests {
            return Some(ticked);
        }
        resting.units += 1;
        None
    }
}
