//! Where the store tells of keys: rejections, invalid rows, requests for approval, runs that were asked for with keys.

use domain::SyncId;
use objects::Objects;
use serde_json::Value as Json;
use snapshots::{Layer, Manifest, SegmentRef, Snapshot};
use store::{Approval, Forgotten, ListedAt, Scope, ToldApproval, ToldRun};

use super::keys::KeySet;
use crate::{Error, approval};

const REASON: &str = "the text of this reason named a key that was erased";

pub(super) async fn find(scope: &Scope, objects: &Objects, sync: SyncId, keys: &KeySet) -> Result<Forgotten, Error> {
    let mut found = Forgotten::default();
    for like in keys.searches() {
        let mut after = None;
        loop {
            let page = scope.rejected_keys(sync, &like, after).await?;
            found.rejections.extend(named(&page, keys));
            after = page.last().map(|(at, _)| *at);
            if after.is_none() {
                break;
            }
        }
        loop {
            let page = scope.invalid_keys(sync, &like, after).await?;
            found.invalid_rows.extend(named(&page, keys));
            after = page.last().map(|(at, _)| *at);
            if after.is_none() {
                break;
            }
        }
    }
    for approval in scope.approvals(sync, false).await? {
        found.approvals.extend(told_by_approval(objects, approval, keys).await?);
    }
    found.runs = scope.runs_with_keys(sync).await?.into_iter().filter_map(|run| told_by_run(run, keys)).collect();
    Ok(found)
}

fn named<'a>(page: &'a [(ListedAt, Json)], keys: &'a KeySet) -> impl Iterator<Item = ListedAt> + 'a {
    page.iter().filter(|(_, key)| keys.names(key)).map(|(at, _)| *at)
}

/// Without the keys, and closed if its list has one of them: the next run asks again, without it.
async fn told_by_approval(objects: &Objects, told: Approval, keys: &KeySet) -> Result<Option<ToldApproval>, Error> {
    let close = match approval::segment(&told) {
        Some(segment) => lists(objects, segment, keys).await?,
        None => false,
    };
    let mut shown = told.shown;
    let before = shown.clone();
    if let Some(Json::Array(first)) = shown.get_mut("first_keys") {
        first.retain(|key| !keys.names(key));
    }
    Ok((close || shown != before).then_some(ToldApproval { id: told.id, shown, close }))
}

async fn lists(objects: &Objects, segment: SegmentRef, keys: &KeySet) -> Result<bool, Error> {
    let manifest = Manifest { layers: vec![Layer::delta(segment)] };
    let found = async {
        let list = Snapshot::open(objects, &manifest, 0).await?;
        // What it was written with is among the forms, so that its keys can be told.
        super::units(&list, keys).await
    };
    match found.await {
        Ok(units) => Ok(!units.is_empty()),
        // Nobody can read it, and nobody can say whether it has one of the keys.
        Err(Error::Snapshot(snapshots::Error::Missing { .. } | snapshots::Error::Corrupt { .. })) => Ok(true),
        Err(error) => Err(error),
    }
}

fn told_by_run(mut run: ToldRun, keys: &KeySet) -> Option<ToldRun> {
    let mut told = false;
    for list in ["/rows/keys", "/erase/keys"] {
        if let Some(Json::Array(of_run)) = run.options.pointer_mut(list) {
            let before = of_run.len();
            of_run.retain(|key| !keys.names(key));
            told |= of_run.len() < before;
        }
    }
    run.reason_text = run.reason_text.map(|_| REASON.to_owned());
    told.then_some(run)
}
