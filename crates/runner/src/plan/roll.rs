//! Goes through the snapshot before the first row is read, on all processors, and calls the roll: rows that are as they were
//! acknowledged are ticked off as they are read, and neither spilled nor compared.

use domain::RunKind;
use engine::roll::{Listing, Roll, SECTIONS, Section};
use engine::rules::{Attempt, at_rest};
use snapshots::{Scan, Snapshot};
use tokio_util::task::AbortOnDropHandle;

use crate::Error;
use crate::plan::ahead::done;

/// What a unit takes, where a roll is not made yet.
const UNIT: usize = 5;
const MOST_AT_ONCE: usize = 4;

/// `memory`: what the roll may take. A snapshot that is larger is on it with its first sections alone. Where no row could be on
/// it, there is none.
pub(super) async fn call(snapshot: &Snapshot, attempt: &Attempt, memory: usize) -> Result<Option<Roll>, Error> {
    let units = usize::try_from(snapshot.entries_upper_bound()).unwrap_or(usize::MAX);
    let sends_all = attempt.kind != RunKind::Normal || attempt.resync.is_some();
    let sections = SECTIONS.min((memory / UNIT).saturating_mul(SECTIONS) / units.max(1));
    if units == 0 || sections == 0 || sends_all {
        return Ok(None);
    }
    let at_once = processors().min(sections);
    let parts: Vec<_> = (0..at_once)
        .map(|part| {
            let (from, to) = (part * sections / at_once, (part + 1) * sections / at_once);
            let scan = snapshot.scan(Roll::first(from), Roll::end(to - 1));
            let listed = list(scan, *attempt, from..to, memory / sections * 5 / 4);
            AbortOnDropHandle::new(tokio::spawn(listed))
        })
        .collect();
    let mut all = Vec::with_capacity(sections);
    for part in parts {
        all.extend(done(part.await)?);
    }
    Ok(Some(Roll::new(all)))
}

/// How many parts of a snapshot are gone through at the same time: more would take more memory than time.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE)
}

/// Some sections. One that would take far more than its share is left out.
async fn list(
    mut scan: Scan,
    attempt: Attempt,
    sections: std::ops::Range<usize>,
    most: usize,
) -> Result<Vec<Option<Section>>, Error> {
    let mut out = Vec::with_capacity(sections.len());
    let mut listing = Listing::default();
    let mut next = scan.advance().await?;
    for section in sections {
        while let Some(known) = next.filter(|known| Roll::section(known.id) == section) {
            listing.push(known.id, at_rest(&attempt, &known.unit));
            next = scan.advance().await?;
        }
        let fits = listing.bytes() <= most;
        let made = listing.close();
        out.push(fits.then_some(made));
    }
    Ok(out)
}
