//! Goes through the snapshot while the model is read, and fills the bins that tell which rows are as they were acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use domain::RunKind;
use engine::bins::{Bins, Grid, SECTIONS};
use engine::rules::{Attempt, at_rest};
use snapshots::{Scan, Snapshot};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::Error;
use crate::ahead::locked;
use crate::plan::ahead::done;

const MOST_AT_ONCE: usize = 4;
/// Units that are listed at once.
const SOME: usize = 8192;

/// Bins, and what fills them.
#[derive(Default)]
pub(super) struct Filling {
    /// None where no row could rest.
    pub(super) bins: Option<SharedBins>,
    parts: Vec<AbortOnDropHandle<Result<(), Error>>>,
    rows_come: Arc<AtomicBool>,
}

/// Whoever lists units or adds rows has them for some thousand.
#[derive(Clone)]
pub(super) struct SharedBins(Arc<Mutex<Bins>>);

impl SharedBins {
    pub(super) fn lock(&self) -> MutexGuard<'_, Bins> {
        locked(&self.0)
    }
}

impl Filling {
    /// `memory`: what the bins may take.
    pub(super) fn begin(snapshot: &Snapshot, attempt: &Attempt, memory: usize) -> Self {
        let units = snapshot.entries_upper_bound();
        let sends_all = attempt.kind != RunKind::Normal || attempt.resync.is_some();
        if units == 0 || sends_all {
            return Self::default();
        }
        let bins = SharedBins(Arc::new(Mutex::new(Bins::new(Grid::new(units, memory)))));
        let (rows_come, at_once) = (Arc::new(AtomicBool::new(false)), processors());
        let part = |part| {
            let (from, to) = (part * SECTIONS / at_once, (part + 1) * SECTIONS / at_once);
            let scan = snapshot.scan(Grid::first(from), Grid::end(to - 1));
            let part = Part { bins: bins.clone(), attempt: *attempt, rows_come: Arc::clone(&rows_come), at_once };
            AbortOnDropHandle::new(tokio::spawn(part.list(scan)))
        };
        let parts = (0..at_once).map(part).collect();
        Self { bins: Some(bins), parts, rows_come }
    }

    /// Rows come from now on, or do not any more.
    pub(super) fn beside_rows(&self, come: bool) {
        self.rows_come.store(come, Ordering::Relaxed);
    }

    /// Waits until all units are listed.
    pub(super) async fn filled(&mut self) -> Result<(), Error> {
        while let Some(part) = self.parts.last_mut() {
            let listed = part.await;
            self.parts.pop();
            done(listed)?;
        }
        Ok(())
    }
}

/// How many parts of a snapshot, or of what was read, are gone through at the same time: more would take more memory than time.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE)
}

/// Some sections of the snapshot.
struct Part {
    bins: SharedBins,
    attempt: Attempt,
    rows_come: Arc<AtomicBool>,
    at_once: usize,
}

impl Part {
    async fn list(self, mut scan: Scan) -> Result<(), Error> {
        let grid = self.bins.lock().grid();
        let mut some = Vec::with_capacity(SOME);
        loop {
            let began = Instant::now();
            while some.len() < SOME
                && let Some(known) = scan.advance().await?
            {
                some.push(grid.unit(known.id, at_rest(&self.attempt, &known.unit)));
            }
            if some.is_empty() {
                return Ok(());
            }
            self.bins.lock().list(&some);
            some.clear();
            // Rows take longer to come than units to be listed. All parts together leave processors to those that make them and read
            // them: there may be two for all.
            if self.rows_come.load(Ordering::Relaxed) {
                tokio::time::sleep(began.elapsed() * self.at_once as u32).await;
            }
        }
    }
}
