//! Goes through the snapshot before the first row is read, on all processors, and fills the bins that tell which rows are as they
//! were acknowledged.

use domain::RunKind;
use engine::bins::{Bins, SECTIONS, Section};
use engine::rules::{Attempt, at_rest};
use snapshots::{Scan, Snapshot};
use tokio_util::task::AbortOnDropHandle;

use crate::Error;
use crate::plan::ahead::done;

const MOST_AT_ONCE: usize = 4;

/// `memory`: what the bins may take. Where no row could rest, there are none.
pub(super) async fn fill(snapshot: &Snapshot, attempt: &Attempt, memory: usize) -> Result<Option<Bins>, Error> {
    let units = snapshot.entries_upper_bound();
    let sends_all = attempt.kind != RunKind::Normal || attempt.resync.is_some();
    if units == 0 || sends_all {
        return Ok(None);
    }
    let (each, at_once) = (Bins::each(units, memory), processors());
    let parts: Vec<_> = (0..at_once)
        .map(|part| {
            let (from, to) = (part * SECTIONS / at_once, (part + 1) * SECTIONS / at_once);
            let scan = snapshot.scan(Bins::first(from), Bins::end(to - 1));
            AbortOnDropHandle::new(tokio::spawn(list(scan, *attempt, from..to, each)))
        })
        .collect();
    let mut all = Vec::with_capacity(SECTIONS);
    for part in parts {
        all.extend(done(part.await)?);
    }
    Ok(Some(Bins::new(all)))
}

/// How many parts of a snapshot are gone through at the same time: more would take more memory than time.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE)
}

/// Some sections.
async fn list(
    mut scan: Scan,
    attempt: Attempt,
    sections: std::ops::Range<usize>,
    each: usize,
) -> Result<Vec<Section>, Error> {
    let first = sections.start;
    let mut out: Vec<_> = sections.map(|_| Section::new(each)).collect();
    while let Some(known) = scan.advance().await? {
        out[Bins::section(known.id) - first].list(known.id, at_rest(&attempt, &known.unit));
    }
    Ok(out)
}
