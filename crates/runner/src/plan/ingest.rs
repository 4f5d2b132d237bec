//! Reads the model: each row is hashed and spilled, the source is never asked twice. A row that fans out is spilled as its
//! elements, behind a marker of the row itself.

use domain::Column;
use engine::fan_out::{Elements, Flaw};
use engine::hash::Hash128;
use engine::layout::{Hashed, Layout};
use engine::unit::UnitId;
use snapshots::FIRST_UNIT;
use sources::postgres::{ReadOptions, read};
use spill::{Partition, RowSpill, Scratch};

use crate::Error;
use crate::job::Job;
use crate::plan::chosen::Chosen;
use crate::plan::invalid::{InvalidRows, Reason};

pub(super) struct Ingested {
    pub(super) partitions: Vec<Partition>,
    pub(super) queried: u64,
    pub(super) null_keys: u64,
    pub(super) invalid: InvalidRows,
}

pub(super) async fn ingest(job: &Job, scratch: &Scratch, mut chosen: Option<&mut Chosen>) -> Result<Ingested, Error> {
    let layout = &job.layout;
    let query = &job.definition().model.query;
    let most = job.settings.limits.rows.unwrap_or(u64::MAX);
    let options = ReadOptions::default();
    let mut reader = tokio::select! {
        reader = read(&job.source, query, layout.columns(), &options) => reader?,
        why = job.lease.ended() => return Err(why),
    };
    let mut spill = RowSpill::create(layout.hashes());
    let mut fan = layout.element().map(|_| Fan::default());
    let key_columns: Vec<Column> = layout.key_columns().cloned().collect();
    let (mut queried, mut null_keys, mut invalid) = (0, 0, InvalidRows::new(job));
    let (mut buffer, mut hashes) = (Vec::new(), Vec::new());
    loop {
        let chunk = tokio::select! {
            chunk = reader.next() => chunk?,
            why = job.lease.ended() => {
                reader.cancel().await;
                return Err(why);
            }
        };
        let Some(chunk) = chunk else { break };
        for row in chunk.rows() {
            queried += 1;
            if queried > most {
                reader.cancel().await;
                return Err(Error::TooManyRows { limit: most });
            }
            match layout.hash_row(job.hash_key(), row, &mut buffer, &mut hashes)? {
                Hashed::Row { unit, used } => {
                    if let Some(chosen) = &mut chosen {
                        chosen.look(layout, unit, &row[..used])?;
                    }
                    match &mut fan {
                        None => spill.push(scratch, unit, &hashes, &row[..used])?,
                        Some(fan) => {
                            let elements = fan.spill(job, scratch, &mut spill, unit, (row, used), &mut hashes)?;
                            if let Some(chosen) = chosen.as_mut().filter(|_| elements == 0) {
                                chosen.holds_nothing(unit);
                            }
                        }
                    }
                }
                Hashed::NullKey => {
                    null_keys += 1;
                    invalid.push(&key_columns, &layout.key_of(row)?, Reason::NullKey).await?;
                }
            }
        }
        let written = scratch.written();
        job.progress.update(|progress| {
            progress.counts.queried = queried;
            progress.counts.invalid = null_keys;
            progress.scratch_bytes = written;
        });
    }
    let partitions = spill.finish(FIRST_UNIT, None)?;
    Ok(Ingested { partitions, queried, null_keys, invalid })
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
        job: &Job,
        scratch: &Scratch,
        spill: &mut RowSpill,
        unit: UnitId,
        (row, used): (&[u8], usize),
        hashes: &mut [Hash128],
    ) -> Result<usize, Error> {
        let key = job.hash_key();
        let flaw = job.layout.elements(key, row, &mut self.elements)?.err();
        let marker = vec![mark(flaw); hashes.len()];
        spill.push(scratch, unit, &marker, &job.layout.key_of(&row[..used])?)?;
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
