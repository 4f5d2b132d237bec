//! Reads the model, once, through one connection or several: while threads of their own sort what came, the next rows are read.

use std::pin::pin;

use domain::Column;
use futures::future::join_all;
use sources::postgres::{Chunk, ReadOptions, Reader, read_in_parts};
use spill::Scratch;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::job::Job;
use crate::plan::ahead::done;
use crate::plan::bins::Filling;
use crate::plan::chosen::Chosen;
use crate::plan::invalid::{InvalidRows, Reason};
use crate::plan::sort::{self, AllSorted, Sorted, Sorter};

pub(super) struct Ingested {
    pub(super) sorted: AllSorted,
    pub(super) queried: u64,
    pub(super) null_keys: u64,
    pub(super) invalid: InvalidRows,
}

/// Meanwhile the bins are filled.
pub(super) async fn ingest(
    job: &Job,
    scratch: &Scratch,
    mut filling: Filling,
    mut chosen: Option<&mut Chosen>,
) -> Result<Ingested, Error> {
    let (model, columns, options) = (&job.definition().model, job.layout.columns(), ReadOptions::default());
    let opening = read_in_parts(&job.source, &model.query, columns, &model.key, model.connections, &options);
    let readers = tokio::select! {
        readers = opening => readers?,
        why = job.lease.ended() => return Err(why),
    };
    let taken = chosen.as_mut().map(|chosen| std::mem::take(*chosen));
    let sorter = Sorter::new(job, scratch, filling.bins.clone(), taken)?;
    let ahead = AHEAD.div_ceil(readers.len());
    let (lanes, works): (Vec<_>, Vec<_>) = readers.into_iter().map(|reader| Lane::new(reader, ahead)).unzip();
    let reading = Reading::new(job, scratch);
    let stop = reading.stop.clone();
    let sorting = tokio::task::spawn_blocking(move || sorter.run(works, &stop));
    filling.beside_rows(true);
    let read = {
        let mut rows = pin!(reading.run(lanes));
        tokio::select! {
            read = &mut rows => read,
            filled = filling.filled() => {
                // Without the bins there is no use for rows.
                if filled.is_err() {
                    reading.stop.cancel();
                }
                filled.and(rows.await)
            }
        }
    };
    filling.beside_rows(false);
    // It has ended already, or is about to: there is no more work.
    let sorter = done(sorting.await);
    let all_sorted = read?;
    let sorter = sorter?;
    for mut sorted in all_sorted {
        reading.take_sorted(&mut sorted, None).await?;
    }
    tokio::select! {
        filled = filling.filled() => filled?,
        why = job.lease.ended() => return Err(why),
    }
    let stop = CancellationToken::new();
    let _stops = stop.clone().drop_guard();
    let mut sorted = tokio::select! {
        sorted = tokio::task::spawn_blocking(move || sorter.finish(&stop)) => done(sorted)?,
        why = job.lease.ended() => return Err(why),
    };
    if let (Some(chosen), Some(found)) = (chosen, sorted.chosen.take()) {
        *chosen = found;
    }
    let Found { queried, null_keys, invalid } = reading.found.into_inner();
    Ok(Ingested { sorted, queried, null_keys, invalid })
}

/// Chunks that are read ahead of the sorter, through all connections.
const AHEAD: usize = 4;

/// One connection, from the reading side.
struct Lane {
    reader: Reader,
    work: mpsc::Sender<Chunk>,
    sorted: mpsc::UnboundedReceiver<Sorted>,
}

impl Lane {
    fn new(reader: Reader, ahead: usize) -> (Self, sort::Lane) {
        let (for_sorter, work) = mpsc::channel(ahead);
        let (done, sorted) = mpsc::unbounded_channel();
        (Self { reader, work: for_sorter, sorted }, sort::Lane { work, done })
    }
}

/// The reading side, of all connections.
struct Reading<'a> {
    job: &'a Job,
    scratch: &'a Scratch,
    key_columns: Vec<Column>,
    found: Mutex<Found>,
    /// Something has failed, so what is still read is of no use.
    stop: CancellationToken,
}

struct Found {
    queried: u64,
    null_keys: u64,
    invalid: InvalidRows,
}

impl<'a> Reading<'a> {
    fn new(job: &'a Job, scratch: &'a Scratch) -> Self {
        let found = Mutex::new(Found { queried: 0, null_keys: 0, invalid: InvalidRows::new(job) });
        let key_columns = job.layout.key_columns().cloned().collect();
        Self { job, scratch, key_columns, found, stop: CancellationToken::new() }
    }

    /// Reads all to the end, or until anything has failed. What the sorter found and was not taken yet is left.
    async fn run(&self, lanes: Vec<Lane>) -> Result<Vec<mpsc::UnboundedReceiver<Sorted>>, Error> {
        let read = async |lane| {
            let read = self.read(lane).await;
            if read.is_err() {
                self.stop.cancel();
            }
            read
        };
        join_all(lanes.into_iter().map(read)).await.into_iter().collect()
    }

    async fn read(&self, lane: Lane) -> Result<mpsc::UnboundedReceiver<Sorted>, Error> {
        let Lane { mut reader, work, mut sorted } = lane;
        let most = self.job.settings.limits.rows.unwrap_or(u64::MAX);
        loop {
            let next = async {
                let Some(chunk) = reader.next().await? else { return Ok(None) };
                let rows = chunk.len() as u64;
                if work.send(chunk).await.is_err() {
                    // The sorter has failed, so this ends by `stop`.
                    self.stop.cancel();
                    std::future::pending().await
                }
                Ok::<_, Error>(Some(rows))
            };
            let rows = tokio::select! {
                rows = next => rows?,
                why = self.job.lease.ended() => {
                    reader.cancel().await;
                    return Err(why);
                }
                () = self.stop.cancelled() => {
                    reader.cancel().await;
                    return Ok(sorted);
                }
            };
            let Some(rows) = rows else { return Ok(sorted) };
            let queried = {
                let mut found = self.found.lock().await;
                found.queried += rows;
                found.queried
            };
            if queried > most {
                reader.cancel().await;
                return Err(Error::TooManyRows { limit: most });
            }
            self.take_sorted(&mut sorted, Some(&mut reader)).await?;
            let (invalid, written) = (self.found.lock().await.null_keys, self.scratch.written());
            self.job.progress.update(|progress| {
                progress.counts.queried = queried.max(progress.counts.queried);
                progress.counts.invalid = invalid;
                progress.scratch_bytes = written;
            });
        }
    }

    /// Lists what the sorter found in the chunks that it is done with.
    async fn take_sorted(
        &self,
        sorted: &mut mpsc::UnboundedReceiver<Sorted>,
        mut reader: Option<&mut Reader>,
    ) -> Result<(), Error> {
        while let Ok(Sorted { chunk, null_keys }) = sorted.try_recv() {
            if !null_keys.is_empty() {
                let mut found = self.found.lock().await;
                found.null_keys += null_keys.len() as u64;
                for key in &null_keys {
                    found.invalid.push(&self.key_columns, key, None, Reason::NullKey, 1).await?;
                }
            }
            if let Some(reader) = &mut reader {
                reader.reuse(chunk);
            }
        }
        Ok(())
    }
}
