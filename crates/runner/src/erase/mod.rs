//! Forgetting keys: their entries, marks and values vanish from the snapshot, from older snapshots, and from all lists.
//! Neither source nor stream is asked, so it works while they cannot be reached.
//!
//! Whatever ends an attempt, the next one does all of it again: the keys are the last thing that is forgotten.

mod keys;
mod listed;
mod log;

use std::collections::HashSet;

use domain::{Millis, RunState};
use engine::unit::UnitId;
use objects::Objects;
use serde_json::json;
use snapshots::{FIRST_UNIT, SegmentIdentity, SegmentKind, Snapshot, SnapshotUnit, compact_without};
use store::{Checkpoint, Claim, Finish, LayerChange, LayerRef, Reason, Scope};

use crate::course::{EraseKeys, RunOptions};
use crate::finish::Report;
use crate::manifest::Layers;
use crate::worker::{self, Worker};
use crate::{Error, compaction, full_list, manifest};
use keys::KeySet;

pub(crate) async fn run(worker: &Worker, claim: &Claim) -> Result<Report, Error> {
    let options: RunOptions = serde_json::from_value(claim.options.clone()).map_err(Error::Options)?;
    options.check(claim.kind)?;
    let EraseKeys { keys, erased } = options.erase.unwrap_or_default();
    let mut erasing = Erasing {
        scope: &worker.scope,
        claim,
        objects: worker::objects(&worker.settings, &worker.workspace)?,
        version: claim.manifest_version,
    };
    let mut found = true;
    // An attempt before this one may have done everything but end the run.
    if erased.is_none() {
        found = erasing.erase(&keys).await? > 0;
        let done = EraseKeys { keys: Vec::new(), erased: Some(keys.len()) };
        worker.scope.set_options(claim, erasing.version, json!({ "erase": done })).await?;
    }
    let finished = Finish {
        reason: (!found && claim.epoch == claim.first_epoch).then(nothing_found),
        ..Finish::new(claim, RunState::Succeeded, worker.settings.settling.as_millis() as Millis)
    };
    worker.scope.finish(claim, erasing.version, &finished).await?;
    Ok(Report::of(claim, &finished))
}

fn nothing_found() -> Reason {
    let text = "neither the snapshot nor a list has any of these keys, so there was nothing to forget but older snapshots; \
                write keys as lists and previews show them";
    Reason { code: "key-not-found".to_owned(), text: text.to_owned() }
}

struct Erasing<'a> {
    scope: &'a Scope,
    claim: &'a Claim,
    objects: Objects,
    /// Of the manifest, as of the newest checkpoint.
    version: u64,
}

impl Erasing<'_> {
    /// Returns how often the keys were found.
    async fn erase(&mut self, keys: &[serde_json::Value]) -> Result<u64, Error> {
        let sync = self.claim.sync;
        let layers = manifest::read(self.scope, sync).await?;
        let snapshot = Snapshot::open(&self.objects, &layers.manifest, self.claim.now).await?;
        let forms = self.scope.forms(sync).await?;
        let tables = forms.into_iter().map(|(_, form)| form.key);
        let tables = tables.chain(snapshot.shapes().map(|shape| shape.key.clone()));
        let keys = KeySet::new(keys, &self.claim.definition.model.key, tables)?;
        tracing::info!(keys = keys.len(), "forgetting keys");

        let units = units(&snapshot, &keys).await?;
        drop(snapshot);
        self.rewrite(layers, &units).await?;
        self.scope.prune_manifests(self.claim, self.version, 1).await?;
        let listed = listed::find(self.scope, &self.objects, sync, &keys).await?;
        self.scope.forget_keys(self.claim, self.version, &listed).await?;
        let lines = full_list::erase(&self.objects, sync, |key| keys.names(key)).await?;
        let logged = log::erase(self, &keys).await?;
        // What only older snapshots named goes at once, however young it is; so does what the log does not name any more.
        for name in compaction::unneeded(self.scope, &self.objects, sync, Millis::MAX).await? {
            self.objects.delete(&name).await?;
        }
        Ok((units.len() + listed.rejections.len() + listed.invalid_rows.len()) as u64 + lines + logged)
    }

    /// All layers as one, without the units. Even where none is left out: values that were overwritten, or whose entry is
    /// gone, lie in older layers still.
    async fn rewrite(&mut self, layers: Layers, left_out: &HashSet<UnitId>) -> Result<(), Error> {
        if layers.refs.is_empty() {
            return Ok(());
        }
        let Claim { sync, epoch, now, .. } = *self.claim;
        let identity = SegmentIdentity { sync, epoch, number: 1, kind: SegmentKind::Delta };
        let merged = compact_without(&self.objects, &layers.manifest, identity, left_out, now).await?;
        let whole = merged.layers.iter().map(|layer| manifest::to_json(&layer.segment).map(LayerRef::Segment));
        let layers = LayerChange::Replace(whole.collect::<Result<_, _>>()?);
        self.scope.checkpoint(self.claim, &mut self.version, &Checkpoint { layers, ..Checkpoint::default() }).await?;
        Ok(())
    }
}

/// The units of the keys. Their names stand with their values, so all values are read.
pub(crate) async fn units(snapshot: &Snapshot, keys: &KeySet) -> Result<HashSet<UnitId>, Error> {
    let (mut units, mut scan) = (HashSet::new(), snapshot.scan(FIRST_UNIT, None));
    while let Some(SnapshotUnit { id, entry_value, mark_value, .. }) = scan.next().await? {
        let Some(at) = entry_value.or(mark_value) else { continue };
        let value = snapshot.value(&at).await?;
        if keys.holds(&value.shape.key, &value.key)? {
            units.insert(id);
        }
    }
    Ok(units)
}
