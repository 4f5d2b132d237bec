//! The debug log: what checkpoints name, what is found again, and how long it stays.

mod look_ups;
mod naming;
mod retention;
mod windows;

use domain::RunId;
use engine::hash::Hash128;
use serde_json::json;
use store::{Checkpoint, Claim, LogKind, LogObject, LogObjectRef, LogShard, NewLogObject};

use crate::fixture::Fixture;

pub(crate) fn object(run: RunId, epoch: u64, number: u32, kind: LogKind) -> NewLogObject {
    NewLogObject {
        kind,
        run,
        epoch,
        number,
        object: LogObjectRef {
            name: format!("outcomes/{epoch}-{number}"),
            bytes: 1_000,
            footer_bytes: 100,
            footer_digest: [9; 32],
        },
        summary: json!({ "rows": 1 }),
        entries: 1,
        keys: None,
        calls: None,
        times: None,
        shards: Vec::new(),
        window: None,
    }
}

pub(crate) fn shard(shard: &str, lowest: &str, highest: &str) -> LogShard {
    LogShard { shard: shard.to_owned(), lowest: lowest.to_owned(), highest: highest.to_owned() }
}

fn rows(claim: &Claim, number: u32) -> NewLogObject {
    object(claim.run, claim.epoch, number, LogKind::Rows)
}

fn calls(claim: &Claim, number: u32) -> NewLogObject {
    object(claim.run, claim.epoch, number, LogKind::Calls)
}

/// The hash of a key that begins with this byte.
fn key(first: u8) -> Hash128 {
    let mut key = [0x77; 16];
    key[0] = first;
    Hash128(key)
}

fn logs(log: Vec<NewLogObject>) -> Checkpoint {
    Checkpoint { log, ..Checkpoint::default() }
}

impl Fixture {
    async fn log(&self, claim: &Claim, version: &mut u64, log: Vec<NewLogObject>) -> Result<(), store::Error> {
        self.scope.checkpoint(claim, version, &logs(log)).await
    }
}

/// Where they are, without what is in them.
fn places(found: &[LogObject]) -> Vec<(u64, u32)> {
    found.iter().map(|object| (object.epoch, object.number)).collect()
}
