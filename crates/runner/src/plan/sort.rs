//! Hashes rows and spills them, so that the source is not asked again. Where most are expected to be as they were acknowledged,
//! they are written as they are, and those that have to be looked at are spilled when all are read. A row that fans out is spilled
//! as its elements, behind a marker of the row itself.

use std::sync::{Mutex, PoisonError};

use engine::bins::{Balance, Grid, Term};
use engine::canonical::Corrupt;
use engine::fan_out::{Elements, Flaw};
use engine::hash::{Hash128, HashKey};
use engine::layout::{Hashed, Layout};
use engine::unit::UnitId;
use snapshots::FIRST_UNIT;
use sources::postgres::Chunk;
use spill::{Note, Partition, RowSpill, Scratch, Stretch, Unsorted};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::ahead::locked;
use crate::job::Job;
use crate::plan::bins::{SharedBins, processors};
use crate::plan::chosen::Chosen;

/// Sorts what comes through all connections, each on a thread of its own, while the next rows are read.
pub(super) struct Sorter {
    layout: Layout,
    key: HashKey,
    scratch: Scratch,
    to: To,
}

/// Where rows go. All threads have it in turns, for the rows of a chunk.
enum To {
    /// Rows are written as they were read until it is known which of them rest.
    Bins {
        bins: SharedBins,
        grid: Grid,
        rows: Mutex<Unsorted>,
    },
    Partitions(Box<Mutex<Partitions>>),
}

struct Partitions {
    spill: RowSpill,
    fan: Option<Fan>,
    chosen: Option<Chosen>,
}

/// A chunk that the sorter is done with.
pub(super) struct Sorted {
    pub(super) chunk: Chunk,
    /// The keys of its rows that have a null in it.
    pub(super) null_keys: Vec<Vec<u8>>,
}

/// The chunks of one connection, and the way back for them.
pub(super) struct Lane {
    pub(super) work: mpsc::Receiver<Chunk>,
    pub(super) done: mpsc::UnboundedSender<Sorted>,
}

/// What the sorter leaves behind.
pub(super) struct AllSorted {
    pub(super) partitions: Vec<Partition>,
    /// Which units rest; their rows are not in the partitions.
    pub(super) balance: Option<Balance>,
    /// What it was given, with what was found.
    pub(super) chosen: Option<Chosen>,
}

/// Buffers of a thread.
#[derive(Default)]
struct Buffers {
    row: Vec<u8>,
    hashes: Vec<Hash128>,
    terms: Vec<Term>,
    notes: Vec<Note>,
    /// Of each row of a chunk: its unit and how many of its bytes are the used columns. None where its key has a null.
    units: Vec<Option<(UnitId, usize)>>,
    /// Of all rows that have a unit.
    all_hashes: Vec<Hash128>,
}

/// The bin of rows that nobody wants to see again: bins are fewer.
const NO_BIN: u32 = u32::MAX;

impl Sorter {
    pub(super) fn new(
        job: &Job,
        scratch: &Scratch,
        bins: Option<SharedBins>,
        chosen: Option<Chosen>,
    ) -> Result<Self, Error> {
        let to = match bins {
            Some(bins) => {
                let (grid, rows) = (bins.lock().grid(), Mutex::new(Unsorted::create(scratch)?));
                To::Bins { bins, grid, rows }
            }
            None => {
                let fan = job.layout.element().map(|_| Fan::default());
                let spill = RowSpill::create(job.layout.hashes());
                To::Partitions(Box::new(Mutex::new(Partitions { spill, fan, chosen })))
            }
        };
        Ok(Self { layout: job.layout.clone(), key: job.hash_key().clone(), scratch: scratch.clone(), to })
    }

    /// Until there is no more work, whether or not all was read. Where it fails, it says so at once by `stop`.
    pub(super) fn run(self, lanes: Vec<Lane>, stop: &CancellationToken) -> Result<Self, Error> {
        side_by_side(lanes, |lane| self.sort_all(lane).inspect_err(|_| stop.cancel()))?;
        Ok(self)
    }

    fn sort_all(&self, mut lane: Lane) -> Result<(), Error> {
        let mut buffers = Buffers::default();
        while let Some(chunk) = lane.work.blocking_recv() {
            let null_keys = match &self.to {
                To::Bins { bins, grid, rows } => self.keep(&chunk, &mut buffers, bins, grid, rows)?,
                To::Partitions(partitions) => self.spill(&chunk, &mut buffers, partitions)?,
            };
            if lane.done.send(Sorted { chunk, null_keys }).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Adds rows to their bins. Returns the keys that have a null in them.
    fn keep(
        &self,
        chunk: &Chunk,
        buffers: &mut Buffers,
        bins: &SharedBins,
        grid: &Grid,
        rows: &Mutex<Unsorted>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let Self { layout, key, .. } = self;
        let Buffers { row: buffer, hashes, terms, notes, .. } = buffers;
        let mut null_keys = Vec::new();
        terms.clear();
        notes.clear();
        for row in chunk.rows() {
            let (mut bin, mut check) = (NO_BIN, 0);
            match layout.hash_row(key, row, buffer, hashes)? {
                Hashed::Row { unit, .. } => {
                    let term = grid.row(unit, hashes[1]);
                    (bin, check) = (term.bin, check_of(unit, hashes));
                    terms.push(term);
                }
                Hashed::NullKey => null_keys.push(layout.key_of(row)?),
            }
            notes.push(Note { bin, check, length: row.len() as u32 });
        }
        bins.lock().add(terms);
        locked(rows).push(chunk.as_bytes(), notes)?;
        Ok(null_keys)
    }

    /// Spills rows. Returns the keys that have a null in them.
    fn spill(
        &self,
        chunk: &Chunk,
        buffers: &mut Buffers,
        partitions: &Mutex<Partitions>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let Self { layout, key, scratch, .. } = self;
        let Buffers { row: buffer, hashes, units, all_hashes, .. } = buffers;
        let mut null_keys = Vec::new();
        units.clear();
        all_hashes.clear();
        for row in chunk.rows() {
            let hashed = match layout.hash_row(key, row, buffer, hashes)? {
                Hashed::Row { unit, used } => {
                    all_hashes.extend_from_slice(hashes);
                    Some((unit, used))
                }
                Hashed::NullKey => {
                    null_keys.push(layout.key_of(row)?);
                    None
                }
            };
            units.push(hashed);
        }
        let Partitions { spill, fan, chosen } = &mut *locked(partitions);
        let each = layout.hashes();
        let found = chunk.rows().zip(units).filter_map(|(row, unit)| Some((row, (*unit)?)));
        for ((row, (unit, used)), hashes) in found.zip(all_hashes.chunks_exact_mut(each)) {
            if let Some(chosen) = chosen {
                chosen.look(layout, unit, &row[..used])?;
            }
            let Some(fan) = fan else {
                spill.push(scratch, unit, hashes, &row[..used])?;
                continue;
            };
            let elements = fan.spill((layout, key), scratch, spill, unit, (row, used), hashes)?;
            if let Some(chosen) = chosen.as_mut().filter(|_| elements == 0) {
                chosen.holds_nothing(unit);
            }
        }
        Ok(null_keys)
    }

    /// When all was read and listed: spills what does not rest, unless nobody wants it any more, as `stop` says; it is told so too
    /// where this fails.
    pub(super) fn finish(self, stop: &CancellationToken) -> Result<AllSorted, Error> {
        let Self { layout, key, scratch, to } = self;
        let (bins, rows) = match to {
            To::Bins { bins, rows, .. } => (bins, rows.into_inner().unwrap_or_else(PoisonError::into_inner)),
            To::Partitions(partitions) => {
                let Partitions { spill, chosen, .. } = partitions.into_inner().unwrap_or_else(PoisonError::into_inner);
                return Ok(AllSorted { partitions: spill.finish(FIRST_UNIT, None)?, balance: None, chosen });
            }
        };
        let balance = bins.lock().balance();
        let spill = Mutex::new(RowSpill::create(layout.hashes()));
        let wanted = |bin| bin != NO_BIN && !balance.bin_rests(bin);
        let read_again = |stretch: Stretch| {
            let Buffers { row: mut buffer, mut hashes, .. } = Buffers::default();
            stretch.take(wanted, |row| {
                if stop.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let hashed = layout.hash_row(&key, row, &mut buffer, &mut hashes)?;
                // Where the key is null now, it was not when the row was read.
                let Hashed::Row { unit, used } = hashed else { return Err(Corrupt.into()) };
                locked(&spill).push(&scratch, unit, &hashes, &row[..used])?;
                Ok(check_of(unit, &hashes))
            })
        };
        if !balance.all_rest() {
            let read_again = |stretch| read_again(stretch).inspect_err(|_| stop.cancel());
            side_by_side(rows.stretches(processors())?, read_again)?;
        }
        let spent = rows.remove()?;
        tokio::task::spawn_blocking(move || drop(spent));
        let spill = spill.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(AllSorted { partitions: spill.finish(FIRST_UNIT, None)?, balance: Some(balance), chosen: None })
    }
}

/// Does each piece of work on a thread of its own. One that was cancelled because another has failed is not what went wrong.
fn side_by_side<W: Send>(works: Vec<W>, each: impl Fn(W) -> Result<(), Error> + Sync) -> Result<(), Error> {
    let each = &each;
    std::thread::scope(|scope| {
        let threads: Vec<_> = works.into_iter().map(|work| scope.spawn(move || each(work))).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        let ended = ended.map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let told = |ended: &Result<(), Error>| match ended {
            Ok(()) => 0,
            Err(Error::Cancelled) => 1,
            Err(_) => 2,
        };
        ended.max_by_key(told).unwrap_or(Ok(()))
    })
}

/// Bits of all hashes of a row.
fn check_of(unit: UnitId, hashes: &[Hash128]) -> u32 {
    let low = |hash: &Hash128| u128::from_be_bytes(hash.0) as u32;
    hashes.iter().fold(low(&unit.key), |check, hash| check.rotate_left(7) ^ low(hash))
}

/// Takes rows apart.
#[derive(Default)]
struct Fan {
    elements: Elements,
    kept: Vec<u8>,
}

impl Fan {
    /// `row`: as it came from the source, and how many of its bytes are the used columns. Returns how many elements it has;
    /// one that cannot be taken apart has none, and its marker says why.
    fn spill(
        &mut self,
        (layout, key): (&Layout, &HashKey),
        scratch: &Scratch,
        spill: &mut RowSpill,
        unit: UnitId,
        (row, used): (&[u8], usize),
        hashes: &mut [Hash128],
    ) -> Result<usize, Error> {
        let flaw = layout.elements(key, row, &mut self.elements)?.err();
        let marker = vec![mark(flaw); hashes.len()];
        spill.push(scratch, unit, &marker, &layout.key_of(&row[..used])?)?;
        if flaw.is_some() {
            return Ok(0);
        }
        let mut count = 0;
        for (child, element) in self.elements.iter() {
            hashes[0] = Layout::unit_row(key, &row[..used], element, &mut self.kept);
            spill.push(scratch, UnitId { child, ..unit }, hashes, &self.kept)?;
            count += 1;
        }
        Ok(count)
    }
}

/// A marker has no content, so its hash tells what is wrong with the row.
fn mark(flaw: Option<Flaw>) -> Hash128 {
    Hash128([flaw.map_or(0, |flaw| flaw as u8); 16])
}

/// What `mark` has told.
pub(super) fn marked(hash: &Hash128) -> Option<Flaw> {
    Flaw::from_byte(hash.0[0])
}
