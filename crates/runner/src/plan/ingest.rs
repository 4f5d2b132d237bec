//! Reads the model: each row is hashed, and ticked off the roll or spilled, so that the source is not asked again. A row that
//! fans out is spilled as its elements, behind a marker of the row itself.

use domain::Column;
use engine::fan_out::{Elements, Flaw};
use engine::hash::{Hash128, HashKey};
use engine::layout::{Hashed, Layout};
use engine::roll::Roll;
use engine::unit::UnitId;
use snapshots::FIRST_UNIT;
use sources::postgres::{Chunk, ReadOptions, Reader, read};
use spill::{Partition, RowSpill, Scratch};
use tokio::sync::mpsc;

use crate::Error;
use crate::job::Job;
use crate::plan::chosen::Chosen;
use crate::plan::invalid::{InvalidRows, Reason};

pub(super) struct Ingested {
    pub(super) partitions: Vec<Partition>,
    pub(super) queried: u64,
    pub(super) null_keys: u64,
    pub(super) invalid: InvalidRows,
    /// With what was ticked off.
    pub(super) roll: Option<Roll>,
}

/// `calling`: makes the roll, while the source begins with the query.
pub(super) async fn ingest(
    job: &Job,
    scratch: &Scratch,
    calling: impl Future<Output = Result<Option<Roll>, Error>>,
    chosen: Option<&mut Chosen>,
) -> Result<Ingested, Error> {
    let query = &job.definition().model.query;
    let options = ReadOptions::default();
    let opening = async { Ok(read(&job.source, query, job.layout.columns(), &options).await?) };
    let (reader, roll) = tokio::select! {
        both = async { tokio::try_join!(opening, calling) } => both?,
        why = job.lease.ended() => return Err(why),
    };
    let (for_sorter, work) = mpsc::channel(AHEAD);
    let (for_us, sorted) = mpsc::unbounded_channel();
    let (mut chosen, taken) = match chosen {
        Some(chosen) => {
            let taken = std::mem::take(chosen);
            (Some(chosen), Some(taken))
        }
        None => (None, None),
    };
    let sorter = Sorter::new(job, scratch, roll, taken);
    let sorting = tokio::task::spawn_blocking(move || sorter.run(work, &for_us));
    let mut reading = Reading::new(job, scratch, sorted);
    let read = reading.run(reader, for_sorter).await;
    // It has ended already, or is about to: there is no more work.
    let sorter = match sorting.await {
        Ok(sorter) => sorter,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    };
    read?;
    let sorter = sorter?;
    reading.take_sorted(None).await?;
    if let (Some(chosen), Some(taken)) = (&mut chosen, sorter.chosen) {
        **chosen = taken;
    }
    let partitions = sorter.spill.finish(FIRST_UNIT, None)?;
    let Reading { queried, null_keys, invalid, .. } = reading;
    Ok(Ingested { partitions, queried, null_keys, invalid, roll: sorter.roll })
}

/// Chunks that are read ahead of the sorter.
const AHEAD: usize = 2;

/// The reading side.
struct Reading<'a> {
    job: &'a Job,
    scratch: &'a Scratch,
    sorted: mpsc::UnboundedReceiver<Sorted>,
    key_columns: Vec<Column>,
    queried: u64,
    null_keys: u64,
    invalid: InvalidRows,
}

/// A chunk that the sorter is done with.
struct Sorted {
    chunk: Chunk,
    /// The keys of its rows that have a null in it.
    null_keys: Vec<Vec<u8>>,
}

impl<'a> Reading<'a> {
    fn new(job: &'a Job, scratch: &'a Scratch, sorted: mpsc::UnboundedReceiver<Sorted>) -> Self {
        let key_columns = job.layout.key_columns().cloned().collect();
        Self { job, scratch, sorted, key_columns, queried: 0, null_keys: 0, invalid: InvalidRows::new(job) }
    }

    /// Reads to the end, or until the sorter has failed.
    async fn run(&mut self, mut reader: Reader, sorter: mpsc::Sender<Chunk>) -> Result<(), Error> {
        let lease = &self.job.lease;
        let most = self.job.settings.limits.rows.unwrap_or(u64::MAX);
        loop {
            let next = async {
                let Some(chunk) = reader.next().await? else { return Ok(None) };
                let rows = chunk.len() as u64;
                Ok::<_, Error>(sorter.send(chunk).await.ok().map(|()| rows))
            };
            let rows = tokio::select! {
                rows = next => rows?,
                why = lease.ended() => {
                    reader.cancel().await;
                    return Err(why);
                }
            };
            let Some(rows) = rows else { return Ok(()) };
            self.queried += rows;
            if self.queried > most {
                reader.cancel().await;
                return Err(Error::TooManyRows { limit: most });
            }
            self.take_sorted(Some(&mut reader)).await?;
            let (queried, invalid, written) = (self.queried, self.null_keys, self.scratch.written());
            self.job.progress.update(|progress| {
                progress.counts.queried = queried;
                progress.counts.invalid = invalid;
                progress.scratch_bytes = written;
            });
        }
    }

    /// Lists what the sorter found in the chunks that it is done with.
    async fn take_sorted(&mut self, mut reader: Option<&mut Reader>) -> Result<(), Error> {
        while let Ok(Sorted { chunk, null_keys }) = self.sorted.try_recv() {
            self.null_keys += null_keys.len() as u64;
            for key in &null_keys {
                self.invalid.push(&self.key_columns, key, Reason::NullKey).await?;
            }
            if let Some(reader) = &mut reader {
                reader.reuse(chunk);
            }
        }
        Ok(())
    }
}

/// Hashes and spills rows, on a thread of its own, while the next ones are read.
struct Sorter {
    layout: Layout,
    key: HashKey,
    scratch: Scratch,
    spill: RowSpill,
    roll: Option<Roll>,
    fan: Option<Fan>,
    chosen: Option<Chosen>,
    buffer: Vec<u8>,
    hashes: Vec<Hash128>,
}

impl Sorter {
    fn new(job: &Job, scratch: &Scratch, roll: Option<Roll>, chosen: Option<Chosen>) -> Self {
        Self {
            layout: job.layout.clone(),
            key: job.hash_key().clone(),
            scratch: scratch.clone(),
            spill: RowSpill::create(job.layout.hashes()),
            roll,
            fan: job.layout.element().map(|_| Fan::default()),
            chosen,
            buffer: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// Until there is no more work, whether or not all was read.
    fn run(mut self, mut work: mpsc::Receiver<Chunk>, done: &mpsc::UnboundedSender<Sorted>) -> Result<Self, Error> {
        while let Some(chunk) = work.blocking_recv() {
            let null_keys = self.sort(&chunk)?;
            if done.send(Sorted { chunk, null_keys }).is_err() {
                break;
            }
        }
        Ok(self)
    }

    /// Returns the keys that have a null in them.
    fn sort(&mut self, chunk: &Chunk) -> Result<Vec<Vec<u8>>, Error> {
        let Self { layout, key, scratch, spill, roll, fan, chosen, buffer, hashes } = self;
        let mut null_keys = Vec::new();
        for row in chunk.rows() {
            let Hashed::Row { unit, used } = layout.hash_row(key, row, buffer, hashes)? else {
                null_keys.push(layout.key_of(row)?);
                continue;
            };
            if roll.as_mut().zip(hashes.get(1)).is_some_and(|(roll, hash)| roll.tick(unit, *hash)) {
                continue;
            }
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
