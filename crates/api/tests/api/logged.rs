//! Objects of the debug log, as a worker makes them.

use domain::{RunId, SyncId};
use objects::Objects;
use outcomes::{Call, Encoded, Origin, RowOutcome, encode_calls, encode_rows};
use serde::Serialize;
use store::{LogKind, LogObjectRef, LogShard, NewLogObject};

pub(crate) fn origin(sync: SyncId, run: RunId, epoch: u64, number: u32) -> Origin {
    Origin { sync, run, epoch, number }
}

/// `objects`: those of the workspace.
pub(crate) async fn rows(objects: &Objects, origin: Origin, mut rows: Vec<RowOutcome<'_>>) -> NewLogObject {
    let encoded = encode_rows(origin, &mut rows).unwrap();
    let summary = encoded.summary.clone();
    let shards = summary.shards.iter().map(|range| LogShard {
        shard: range.shard.clone(),
        lowest: range.lowest.clone(),
        highest: range.highest.clone(),
    });
    NewLogObject {
        entries: summary.rows,
        keys: summary.keys.map(|(low, high)| (low.0, high.0)),
        calls: summary.calls,
        times: summary.times,
        shards: shards.collect(),
        ..put(objects, origin, LogKind::Rows, encoded).await
    }
}

pub(crate) async fn calls(objects: &Objects, origin: Origin, mut calls: Vec<Call<'_>>) -> NewLogObject {
    let encoded = encode_calls(origin, &mut calls, 1 << 20).unwrap();
    let summary = encoded.summary.clone();
    NewLogObject {
        entries: summary.calls,
        calls: summary.numbers,
        times: summary.times,
        ..put(objects, origin, LogKind::Calls, encoded).await
    }
}

async fn put<S: Serialize>(objects: &Objects, origin: Origin, kind: LogKind, encoded: Encoded<S>) -> NewLogObject {
    let Encoded { object, bytes, summary } = encoded;
    objects.put(&object.name, &bytes).await.unwrap();
    let object = LogObjectRef {
        name: object.name,
        bytes: object.bytes,
        footer_bytes: object.footer_bytes,
        footer_digest: object.footer_digest.0,
    };
    NewLogObject {
        kind,
        run: origin.run,
        epoch: origin.epoch,
        number: origin.number,
        object,
        summary: serde_json::to_value(&summary).unwrap(),
        entries: 0,
        keys: None,
        calls: None,
        times: None,
        shards: Vec::new(),
        window: None,
    }
}
