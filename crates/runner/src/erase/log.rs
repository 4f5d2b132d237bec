//! Keys in the debug log. An object with rows of one of them is written anew without these rows; so is one with calls, without
//! the bodies that had them.

use std::collections::{BTreeMap, BTreeSet};

use domain::RunId;
use outcomes::{Call, CallFilter, Reader, RowFilter, RowOutcome, Values};
use store::{LogKind, LogObject};

use super::Erasing;
use super::keys::KeySet;
use crate::Error;
use crate::log::{AttemptLog, reference};

/// Objects that are asked for at once, and rows or calls of one.
const OBJECTS: u32 = 500;
const ENTRIES: usize = 5_000;

/// Calls that held rows of the keys.
type Calls = BTreeMap<RunId, BTreeSet<u64>>;

pub(super) async fn erase(erasing: &Erasing<'_>, keys: &KeySet) -> Result<u64, Error> {
    // What an attempt wrote that died is named by nobody, and has another epoch.
    let log = AttemptLog::new(erasing.objects.clone(), erasing.claim, 1);
    let reader = Reader::new(erasing.objects.clone());
    let (mut calls, mut logged, mut hit, mut found) = (Calls::new(), BTreeSet::new(), Vec::new(), 0);
    for object in all(erasing, LogKind::Rows).await? {
        logged.insert(object.run);
        if let Some(named) = calls_of(&reader, &object, keys).await? {
            calls.entry(object.run).or_default().extend(named);
            hit.push(object);
        }
    }
    for object in all(erasing, LogKind::Calls).await? {
        // Where no rows are logged nobody can say which calls held them.
        let named = logged.contains(&object.run).then(|| calls.get(&object.run).cloned().unwrap_or_default());
        bodies(erasing, &log, &reader, &object, named.as_ref()).await?;
    }
    // Last, since they alone tell which bodies have to go: whoever goes on after a crash still finds them.
    for object in hit {
        found += rows(erasing, &log, &reader, &object, keys).await?;
    }
    erasing.scope.forget_hot_keys(erasing.claim, erasing.version).await?;
    Ok(found)
}

async fn all(erasing: &Erasing<'_>, kind: LogKind) -> Result<Vec<LogObject>, Error> {
    let mut all: Vec<LogObject> = Vec::new();
    loop {
        let after = all.last().map(|object| (object.epoch, object.number));
        let page = erasing.scope.log_of_sync(erasing.claim.sync, kind, after, OBJECTS).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn is_named(row: &RowOutcome<'_>, keys: &KeySet) -> bool {
    serde_json::from_str(&row.key).is_ok_and(|key| keys.names(&key))
}

/// The calls that held rows of the keys, if there are such rows.
async fn calls_of(reader: &Reader, object: &LogObject, keys: &KeySet) -> Result<Option<BTreeSet<u64>>, Error> {
    let rows = pages(reader, object, Values::Skip).await?;
    let mut named = rows.iter().filter(|row| is_named(row, keys)).peekable();
    if named.peek().is_none() {
        return Ok(None);
    }
    Ok(Some(named.flat_map(|row| row.put.iter().chain(&row.earlier_puts)).map(|put| put.call).collect()))
}

/// Returns how many rows of the keys there were.
async fn rows(
    erasing: &Erasing<'_>,
    log: &AttemptLog,
    reader: &Reader,
    object: &LogObject,
    keys: &KeySet,
) -> Result<u64, Error> {
    let all = pages(reader, object, Values::Read).await?;
    let (gone, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|row| is_named(row, keys));
    log.write_rows_of(object.run, None, kept).await?;
    replace(erasing, log, object).await?;
    Ok(gone.len() as u64)
}

async fn pages(reader: &Reader, object: &LogObject, values: Values) -> Result<Vec<RowOutcome<'static>>, Error> {
    let (mut rows, mut from) = (Vec::new(), Some(0));
    while let Some(position) = from {
        let page = reader.rows(&reference(object), &RowFilter::default(), position, ENTRIES, values).await?;
        rows.extend(page.rows.into_iter().map(|found| found.row));
        from = page.next;
    }
    Ok(rows)
}

/// `named`: the calls that lose their bodies; all of them where nothing is known.
async fn bodies(
    erasing: &Erasing<'_>,
    log: &AttemptLog,
    reader: &Reader,
    object: &LogObject,
    named: Option<&BTreeSet<u64>>,
) -> Result<(), Error> {
    let goes = |number: u64| named.is_none_or(|named| named.contains(&number));
    let has_body = |call: &Call<'_>| call.request.is_some() || call.response.is_some();
    let (mut calls, mut from, mut changed) = (Vec::new(), Some(0), false);
    while let Some(position) = from {
        let page = reader.calls(&reference(object), &CallFilter::default(), position, ENTRIES).await?;
        for found in page.calls {
            let whole = reader.call(&reference(object), found.call.number).await?;
            let mut call = whole.map_or(found.call, |whole| whole.call);
            if goes(call.number) && has_body(&call) {
                (call.request, call.response, changed) = (None, None, true);
            }
            calls.push(call);
        }
        from = page.next;
    }
    if changed {
        log.rewrite_calls(object.run, calls).await?;
        replace(erasing, log, object).await?;
    }
    Ok(())
}

async fn replace(erasing: &Erasing<'_>, log: &AttemptLog, object: &LogObject) -> Result<(), Error> {
    let new = log.unnamed();
    erasing.scope.replace_log_object(erasing.claim, erasing.version, &object.key(), new.first()).await?;
    Ok(erasing.objects.delete(&object.object.name).await?)
}
