//! Reads the model, once: while a thread of its own sorts what came, the next rows are read.

use domain::Column;
use engine::bins::Bins;
use sources::postgres::{Chunk, ReadOptions, Reader, read};
use spill::Scratch;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::job::Job;
use crate::plan::ahead::done;
use crate::plan::chosen::Chosen;
use crate::plan::invalid::{InvalidRows, Reason};
use crate::plan::sort::{AllSorted, Sorted, Sorter};

pub(super) struct Ingested {
    pub(super) sorted: AllSorted,
    pub(super) queried: u64,
    pub(super) null_keys: u64,
    pub(super) invalid: InvalidRows,
}

/// `filling`: fills the bins, while the source begins with the query.
pub(super) async fn ingest(
    job: &Job,
    scratch: &Scratch,
    filling: impl Future<Output = Result<Option<Bins>, Error>>,
    mut chosen: Option<&mut Chosen>,
) -> Result<Ingested, Error> {
    let query = &job.definition().model.query;
    let options = ReadOptions::default();
    let opening = async { Ok(read(&job.source, query, job.layout.columns(), &options).await?) };
    let (reader, bins) = tokio::select! {
        both = async { tokio::try_join!(opening, filling) } => both?,
        why = job.lease.ended() => return Err(why),
    };
    let (for_sorter, work) = mpsc::channel(AHEAD);
    let (for_us, sorted) = mpsc::unbounded_channel();
    let taken = chosen.as_mut().map(|chosen| std::mem::take(*chosen));
    let sorter = Sorter::new(job, scratch, bins, taken)?;
    let sorting = tokio::task::spawn_blocking(move || sorter.run(work, &for_us));
    let mut reading = Reading::new(job, scratch, sorted);
    let read = reading.run(reader, for_sorter).await;
    // It has ended already, or is about to: there is no more work.
    let sorter = done(sorting.await);
    read?;
    let sorter = sorter?;
    reading.take_sorted(None).await?;
    let stop = CancellationToken::new();
    let _stops = stop.clone().drop_guard();
    let mut sorted = tokio::select! {
        sorted = tokio::task::spawn_blocking(move || sorter.finish(&stop)) => done(sorted)?,
        why = job.lease.ended() => return Err(why),
    };
    if let (Some(chosen), Some(found)) = (chosen, sorted.chosen.take()) {
        *chosen = found;
    }
    let Reading { queried, null_keys, invalid, .. } = reading;
    Ok(Ingested { sorted, queried, null_keys, invalid })
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
