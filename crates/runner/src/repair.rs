//! A damaged snapshot, mended in the way a person chose. Damage is found by reading; it is never diffed.

use objects::Objects;
use snapshots::verify;
use store::{Checkpoint, Claim, LayerChange, LayerRef, Scope};

use crate::course::Repair;
use crate::{Error, manifest};

/// Goes back to the newest older manifest that is whole, with every newer layer that is whole on top; or starts without
/// any. Repeated by a take-over it does no harm: what this run wrote is whole, so it stays. Whether anything had to be repaired.
pub(crate) async fn apply(
    scope: &Scope,
    claim: &Claim,
    objects: &Objects,
    repair: Repair,
    version: &mut u64,
) -> Result<bool, Error> {
    let all = scope.manifests(claim.sync).await?;
    let Some(newest) = all.first() else { return Ok(false) };
    let damaged = damaged(objects, newest).await?;
    if damaged.is_empty() {
        return Ok(false);
    }
    let layers = match repair {
        Repair::SendAll => Vec::new(),
        Repair::Older => {
            let mut layers = whole_older(objects, &all[1..]).await?.ok_or(Error::NoWholeSnapshot)?;
            let newer = newest.layers.iter().enumerate().filter(|(index, _)| !damaged.contains(index));
            let newer: Vec<_> =
                newer.map(|(_, layer)| layer.to_ref()).filter(|layer| !layers.contains(layer)).collect();
            layers.extend(newer);
            layers
        }
    };
    let layers = LayerChange::Replace(layers);
    scope.checkpoint(claim, version, &Checkpoint { layers, ..Checkpoint::default() }).await?;
    Ok(true)
}

async fn whole_older(objects: &Objects, older: &[store::Manifest]) -> Result<Option<Vec<LayerRef>>, Error> {
    for manifest in older {
        if damaged(objects, manifest).await?.is_empty() {
            return Ok(Some(manifest.layers.iter().map(store::Layer::to_ref).collect()));
        }
    }
    Ok(None)
}

/// The places of the layers that are not as they were written. A storage that cannot be read says nothing of them.
async fn damaged(objects: &Objects, stored: &store::Manifest) -> Result<Vec<usize>, Error> {
    let Err(damages) = verify(objects, &manifest::from_store(stored)?.manifest).await else { return Ok(Vec::new()) };
    let mut places = Vec::new();
    for damage in damages {
        tracing::warn!(layer = damage.layer, error = %damage.error, "a layer of the snapshot is damaged");
        if !matches!(damage.error, snapshots::Error::Missing { .. } | snapshots::Error::Corrupt { .. }) {
            return Err(damage.error.into());
        }
        places.push(damage.layer);
    }
    Ok(places)
}
