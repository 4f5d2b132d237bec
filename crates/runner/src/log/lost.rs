//! Windows of attempts that died: which rows they put nobody knows, so each is logged as unanswered, at an unknown place.

use domain::Change;
use engine::hash::{HashKey, event_id};
use engine::rules::Outcome as Decided;
use outcomes::{Outcome, RowOutcome};
use snapshots::{FIRST_UNIT, Layer, Manifest, Outcomes, SegmentRef, Snapshot};
use store::{Claim, Scope, UnloggedWindow};

use super::values::row_text;
use super::{AttemptLog, key_text};
use crate::{Error, job, manifest};

const CODE: &str = "worker-lost";
const MESSAGE: &str = "The worker ended before it could say what became of this record. It may be in the stream, at a place that \
                       nobody knows; if it is sent again with the same event.id, that line says where.";
/// Rows of one object.
const AT_ONCE: usize = 50_000;

/// Logs the windows that no log accounts for. The next checkpoint has to name what this writes.
pub(crate) async fn account(log: &AttemptLog, scope: &Scope, claim: &Claim, hash_key: &HashKey) -> Result<(), Error> {
    let values = job::logs_values(claim);
    for window in scope.unlogged_windows(claim).await? {
        match one(log, claim, hash_key, values, &window).await {
            // The log must not stand in the way of whoever repairs a damaged snapshot.
            Err(Error::Snapshot(error @ (snapshots::Error::Missing { .. } | snapshots::Error::Corrupt { .. }))) => {
                tracing::warn!(%error, window.epoch, window.number, "a window of a dead attempt cannot be logged");
            }
            other => other?,
        }
    }
    Ok(())
}

async fn one(
    log: &AttemptLog,
    claim: &Claim,
    hash_key: &HashKey,
    values: bool,
    window: &UnloggedWindow,
) -> Result<(), Error> {
    let segment: SegmentRef = manifest::segment_ref(&window.segment)?;
    let all = Outcomes::all(Decided::Unanswered, segment.entries);
    let layers = Manifest { layers: vec![Layer::window(segment, all, i64::MAX)] };
    let snapshot = Snapshot::open(log.objects(), &layers, claim.now).await?;
    let mut scan = snapshot.scan(FIRST_UNIT, None);
    let mut rows = Vec::new();
    while let Some(unit) = scan.next().await? {
        let (Some(mark), Some(at)) = (unit.unit.marks.last(), &unit.mark_value) else { continue };
        let stored = snapshot.value(at).await?;
        // The last object accounts for the window.
        if rows.len() == AT_ONCE {
            log.write_rows_of(window.run, None, std::mem::take(&mut rows)).await?;
        }
        let (key, element) = match stored.key.is_empty() {
            true => ("null".to_owned(), None),
            false => key_text(&stored.shape.key, &stored.key)?,
        };
        let row = match &stored.row {
            Some(row) if values => Some(row_text(&stored.shape, row)?),
            _ => None,
        };
        let (row, previous) = if mark.op == Change::Removed { (None, row) } else { (row, None) };
        rows.push(RowOutcome {
            unit: Some(unit.id),
            key: key.into(),
            element: element.map(Into::into),
            op: Some(mark.op),
            outcome: Outcome::Unanswered,
            code: Some(CODE.into()),
            message: Some(MESSAGE.into()),
            event_id: Some(event_id(hash_key, claim.sync, unit.id, mark.op, mark.sequence).to_string().into()),
            event_sequence: Some(mark.sequence),
            epoch: window.epoch,
            at: claim.now,
            row: row.map(Into::into),
            previous: previous.map(Into::into),
            ..RowOutcome::default()
        });
    }
    log.write_rows_of(window.run, Some((window.epoch, window.number)), rows).await
}
