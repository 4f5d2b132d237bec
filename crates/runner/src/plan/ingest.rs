//! Reads the model: each row is hashed and spilled, the source is never asked twice.

use engine::layout::Hashed;
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
                    spill.push(scratch, unit, &hashes, &row[..used])?;
                }
                Hashed::NullKey => {
                    null_keys += 1;
                    invalid.push(layout, row, Reason::NullKey).await?;
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
