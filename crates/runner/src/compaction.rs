//! Merging layers, and removing objects that nothing needs any more.

use std::collections::HashSet;

use domain::SyncId;
use objects::Objects;
use snapshots::{SegmentKind, choose, garbage, prefix};
use store::{Checkpoint, LayerChange, LayerRef, Scope};

use crate::job::Job;
use crate::{Error, clock, fail_point, full_list, manifest};

/// Older snapshots of a sync that are kept for repair.
const KEPT_MANIFESTS: u32 = 3;
/// How long full lists of rejections and invalid rows are kept: 30 days.
const LISTS_KEPT: domain::Millis = 30 * 24 * 60 * 60 * 1000;

/// Merges layers until there are few enough; all of them into one if `whole`.
pub(crate) async fn compact(job: &Job, whole: bool) -> Result<(), Error> {
    loop {
        let mut layers = manifest::read(&job.scope, job.claim.sync).await?;
        job.counted_layers(layers.refs.len());
        let all = (whole && layers.refs.len() > 1).then_some(0..layers.refs.len());
        let Some(range) = all.or_else(|| choose(&layers.manifest)) else { return Ok(()) };
        fail_point::pass("before-compacted")?;
        let identity = job.identity(SegmentKind::Delta);
        let merged = snapshots::compact(&job.objects, &layers.manifest, identity, range.clone(), job.claim.now).await?;
        let new = merged.layers.get(range.start).filter(|layer| layer.segment.epoch == identity.epoch);
        let new = new.filter(|layer| layer.segment.number == identity.number);
        let new = new.map(|layer| manifest::to_json(&layer.segment)).transpose()?.map(LayerRef::Segment);
        layers.refs.splice(range, new);
        job.lease.check()?;
        job.checkpoint(Checkpoint { layers: LayerChange::Replace(layers.refs), ..Checkpoint::default() }).await?;
        fail_point::pass("after-compacted")?;
        if whole {
            return Ok(());
        }
    }
}

/// Forgets older snapshots but for the newest; what only they named may then be collected.
pub(crate) async fn prune(job: &Job) -> Result<(), Error> {
    let version = job.state().manifest_version;
    Ok(job.scope.prune_manifests(&job.claim, version, KEPT_MANIFESTS).await?)
}

/// Deletes objects of older epochs that no manifest names and that are old enough. Returns how many.
pub(crate) async fn collect(job: &Job) -> Result<usize, Error> {
    fail_point::pass("before-collected")?;
    let sync = job.claim.sync;
    let age = job.settings.garbage_age.as_millis() as i64;
    // `garbage` keeps what is younger than a day; a test may ask for less by moving its clock.
    let now = clock::now() + snapshots::COLLECT_AFTER - age;
    let names = unneeded(&job.scope, &job.objects, sync, now).await?;
    let lists = job.objects.list(&full_list::folder(sync)).await?;
    let names: Vec<_> = lists
        .into_iter()
        .filter(|list| clock::now() - list.modified > LISTS_KEPT)
        .map(|list| list.name)
        .chain(names)
        .collect();
    for name in &names {
        job.objects.delete(name).await?;
    }
    fail_point::pass("after-collected")?;
    Ok(names.len())
}

/// Objects of older epochs that neither a manifest nor an approval nor the log names, and that are old enough at `now`.
pub(crate) async fn unneeded(
    scope: &Scope,
    objects: &Objects,
    sync: SyncId,
    now: domain::Millis,
) -> Result<Vec<String>, Error> {
    // In this order: what is registered in between is of a newer epoch, or named.
    let listed = objects.list(&prefix(sync)).await?;
    let epoch = scope.sync_state(sync).await?.epoch;
    let mut named = HashSet::new();
    for stored in scope.manifests(sync).await? {
        named.extend(manifest::from_store(&stored)?.manifest.objects().map(str::to_owned));
    }
    for approval in scope.approvals(sync, false).await? {
        named.extend(crate::approval::objects(&approval));
    }
    let mut names = garbage(&listed, &named, sync, epoch, now);
    names.extend(unneeded_logs(scope, objects, sync, epoch, now).await?);
    Ok(names)
}

/// The same of the debug log.
async fn unneeded_logs(
    scope: &Scope,
    objects: &Objects,
    sync: SyncId,
    epoch: u64,
    now: domain::Millis,
) -> Result<Vec<String>, Error> {
    let older = |name: &str| match name.parse::<outcomes::ObjectName>() {
        Ok(name) => name.origin.epoch < epoch,
        // Half an object, or none of ours.
        Err(_) => true,
    };
    let listed = objects.list(&outcomes::prefix(sync)).await?;
    let old = listed.into_iter().filter(|object| now.saturating_sub(object.modified) >= snapshots::COLLECT_AFTER);
    let names: Vec<_> = old.map(|object| object.name).filter(|name| older(name)).collect();
    Ok(if names.is_empty() { names } else { scope.unnamed_log_objects(sync, &names).await? })
}
