//! A damaged snapshot, mended in the way a person chose. Damage is found by reading; it is never diffed.

use objects::Objects;
use snapshots::verify;
use store::{Checkpoint, Claim, LayerChange, Scope};

use crate::course::Repair;
use crate::{Error, manifest};

/// Makes the newest whole manifest the current one, or starts without any. Repeated by a take-over it does no harm: what
/// this run wrote is whole, so it stays.
pub(crate) async fn apply(
    scope: &Scope,
    claim: &Claim,
    objects: &Objects,
    repair: Repair,
    version: &mut u64,
) -> Result<(), Error> {
    let all = scope.manifests(claim.sync).await?;
    let Some(newest) = all.first() else { return Ok(()) };
    if verify(objects, &manifest::from_store(newest)?.manifest).await.is_ok() {
        return Ok(());
    }
    if repair == Repair::SendAll {
        let layers = LayerChange::Replace(Vec::new());
        return Ok(scope.checkpoint(claim, version, &Checkpoint { layers, ..Checkpoint::default() }).await?);
    }
    for older in &all[1..] {
        if verify(objects, &manifest::from_store(older)?.manifest).await.is_ok() {
            scope.restore_manifest(claim, version, older.version).await?;
            return Ok(());
        }
    }
    Err(Error::NoWholeSnapshot)
}
