//! Hashes rows and spills them, so that the source is not asked again. Where most are expected to be as they were acknowledged,
//! they are written as they are, and those that have to be looked at are spilled when all are read. A row that fans out is spilled
//! as its elements, behind a marker of the row itself.

use engine::bins::{Balance, Bins, Term};
use engine::canonical::Corrupt;
use engine::fan_out::{Elements, Flaw};
use engine::hash::{Hash128, HashKey};
use engine::layout::{Hashed, Layout};
use engine::unit::UnitId;
use snapshots::FIRST_UNIT;
use sources::postgres::Chunk;
use spill::{Note, Partition, RowSpill, Scratch, Unsorted};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::job::Job;
use crate::plan::chosen::Chosen;

/// The work of a thread of its own, while the next rows are read.
pub(super) struct Sorter {
    layout: Layout,
    key: HashKey,
    scratch: Scratch,
    spill: RowSpill,
    binned: Option<Binned>,
    fan: Option<Fan>,
    chosen: Option<Chosen>,
    buffer: Vec<u8>,
    hashes: Vec<Hash128>,
}

/// Rows are written as they were read until it is known which of them rest.
struct Binned {
    bins: Bins,
    rows: Unsorted,
    /// Buffers: of the rows of a chunk.
    terms: Vec<Term>,
    notes: Vec<Note>,
}

/// A chunk that the sorter is done with.
pub(super) struct Sorted {
    pub(super) chunk: Chunk,
    /// The keys of its rows that have a null in it.
    pub(super) null_keys: Vec<Vec<u8>>,
}

/// What the sorter leaves behind.
pub(super) struct AllSorted {
    pub(super) partitions: Vec<Partition>,
    /// Which units rest; their rows are not in the partitions.
    pub(super) balance: Option<Balance>,
    /// What it was given, with what was found.
    pub(super) chosen: Option<Chosen>,
}

/// The bin of rows that nobody wants to see again: bins are fewer.
const NO_BIN: u32 = u32::MAX;

impl Sorter {
    pub(super) fn new(job: &Job, scratch: &Scratch, bins: Option<Bins>, chosen: Option<Chosen>) -> Result<Self, Error> {
        let binned = match bins {
            Some(bins) => Some(Binned { bins, rows: Unsorted::create(scratch)?, terms: Vec::new(), notes: Vec::new() }),
            None => None,
        };
        Ok(Self {
            layout: job.layout.clone(),
            key: job.hash_key().clone(),
            scratch: scratch.clone(),
            spill: RowSpill::create(job.layout.hashes()),
            binned,
            fan: job.layout.element().map(|_| Fan::default()),
            chosen,
            buffer: Vec::new(),
            hashes: Vec::new(),
        })
    }

    /// Until there is no more work, whether or not all was read.
    pub(super) fn run(
        mut self,
        mut work: mpsc::Receiver<Chunk>,
        done: &mpsc::UnboundedSender<Sorted>,
    ) -> Result<Self, Error> {
        while let Some(chunk) = work.blocking_recv() {
            let null_keys = if self.binned.is_some() { self.keep(&chunk)? } else { self.sort(&chunk)? };
            if done.send(Sorted { chunk, null_keys }).is_err() {
                break;
            }
        }
        Ok(self)
    }

    /// Adds rows to their bins. Returns the keys that have a null in them.
    fn keep(&mut self, chunk: &Chunk) -> Result<Vec<Vec<u8>>, Error> {
        let Self { layout, key, binned, buffer, hashes, .. } = self;
        let mut null_keys = Vec::new();
        let Some(Binned { bins, rows, terms, notes }) = binned else { return Ok(null_keys) };
        terms.clear();
        notes.clear();
        for row in chunk.rows() {
            let (mut bin, mut check) = (NO_BIN, 0);
            match layout.hash_row(key, row, buffer, hashes)? {
                Hashed::Row { unit, .. } => {
                    let term = bins.term(unit, hashes[1]);
                    (bin, check) = (term.bin, check_of(unit, hashes));
                    terms.push(term);
                }
                Hashed::NullKey => null_keys.push(layout.key_of(row)?),
            }
            notes.push(Note { bin, check, length: row.len() as u32 });
        }
        bins.add(terms);
        rows.push(chunk.as_bytes(), notes)?;
        Ok(null_keys)
    }

    /// Spills rows. Returns the keys that have a null in them.
    fn sort(&mut self, chunk: &Chunk) -> Result<Vec<Vec<u8>>, Error> {
        let Self { layout, key, scratch, spill, fan, chosen, buffer, hashes, .. } = self;
        let mut null_keys = Vec::new();
        for row in chunk.rows() {
            let Hashed::Row { unit, used } = layout.hash_row(key, row, buffer, hashes)? else {
                null_keys.push(layout.key_of(row)?);
                continue;
            };
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

    /// When all was read: spills what does not rest, unless nobody wants it any more.
    pub(super) fn finish(self, stop: &CancellationToken) -> Result<AllSorted, Error> {
        let Self { layout, key, scratch, mut spill, binned, chosen, mut buffer, mut hashes, .. } = self;
        let mut balance = None;
        if let Some(Binned { bins, rows, .. }) = binned {
            let balance = &*balance.insert(bins.balance());
            let wanted = |bin| bin != NO_BIN && !balance.bin_rests(bin);
            let again = |row: &[u8]| {
                if stop.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let hashed = layout.hash_row(&key, row, &mut buffer, &mut hashes)?;
                // Where the key is null now, it was not when the row was read.
                let Hashed::Row { unit, used } = hashed else { return Err(Corrupt.into()) };
                spill.push(&scratch, unit, &hashes, &row[..used])?;
                Ok(check_of(unit, &hashes))
            };
            if balance.all_rest() { rows.remove()? } else { rows.take(wanted, again)? }
        }
        Ok(AllSorted { partitions: spill.finish(FIRST_UNIT, None)?, balance, chosen })
    }
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
