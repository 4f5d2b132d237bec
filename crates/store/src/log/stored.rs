//! Objects of the log as the database has them.

use domain::{RunId, SyncId};
use engine::hash::Hash128;
use serde::Deserialize;
use serde_json::Value;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use super::{LogObject, LogObjectRef, LogShard, sequence};
use crate::Error;
use crate::codec::{from_json, from_word, millis, unsigned};

/// Objects from wherever the first literal says, under the name `o`.
macro_rules! objects {
    ($from:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            $crate::log::stored::StoredObject,
            "select o.sync_id, o.kind, o.run_id, o.epoch, o.number, o.name, o.bytes, o.footer_bytes, o.footer_digest,
                    o.summary, o.entries, o.key_min, o.key_max, o.first_call, o.last_call, o.first_at, o.last_at,
                    o.window_epoch, o.window_number, o.created_at,
                    (select jsonb_agg(jsonb_build_array(
                                s.shard, encode(s.lowest, 'hex'), encode(s.highest, 'hex')) order by s.shard)
                     from log_shard s
                     where s.workspace_id = $1 and s.sync_id = o.sync_id and s.epoch = o.epoch and s.number = o.number
                       and o.kind = 'rows') as shards
             from " + $from,
            $($argument),+
        )
    };
}
pub(super) use objects;

pub(super) fn parsed(found: Vec<StoredObject>) -> Result<Vec<LogObject>, Error> {
    found.into_iter().map(StoredObject::parse).collect()
}

pub(super) struct StoredObject {
    pub(super) sync_id: Uuid,
    pub(super) kind: String,
    pub(super) run_id: Uuid,
    pub(super) epoch: i64,
    pub(super) number: i32,
    pub(super) name: String,
    pub(super) bytes: i64,
    pub(super) footer_bytes: i32,
    pub(super) footer_digest: Vec<u8>,
    pub(super) summary: Value,
    pub(super) entries: i64,
    pub(super) key_min: Option<Vec<u8>>,
    pub(super) key_max: Option<Vec<u8>>,
    pub(super) first_call: Option<i64>,
    pub(super) last_call: Option<i64>,
    pub(super) first_at: Option<OffsetDateTime>,
    pub(super) last_at: Option<OffsetDateTime>,
    pub(super) window_epoch: Option<i64>,
    pub(super) window_number: Option<i32>,
    pub(super) created_at: OffsetDateTime,
    pub(super) shards: Option<Value>,
}

/// Name, lowest and highest sequence number, these in hexadecimal digits.
#[derive(Deserialize)]
struct StoredShard(String, String, String);

impl StoredObject {
    fn parse(self) -> Result<LogObject, Error> {
        let shards: Vec<StoredShard> = self
            .shards
            .map_or_else(|| Ok(Vec::new()), |shards| from_json("the shards of an object of the log", shards))?;
        let window = self.window_epoch.zip(self.window_number);
        Ok(LogObject {
            sync: SyncId::from_uuid(self.sync_id),
            kind: from_word("the kind of an object of the log", self.kind)?,
            run: RunId::from_uuid(self.run_id),
            epoch: unsigned(self.epoch),
            number: self.number.cast_unsigned(),
            object: LogObjectRef {
                name: self.name,
                bytes: unsigned(self.bytes),
                footer_bytes: self.footer_bytes.cast_unsigned(),
                footer_digest: sized(&self.footer_digest),
            },
            summary: self.summary,
            entries: unsigned(self.entries),
            keys: self.key_min.zip(self.key_max).map(|(low, high)| (Hash128(sized(&low)), Hash128(sized(&high)))),
            calls: self.first_call.zip(self.last_call).map(|(first, last)| (unsigned(first), unsigned(last))),
            times: self.first_at.zip(self.last_at).map(|(first, last)| (millis(first), millis(last))),
            shards: shards.into_iter().map(StoredShard::parse).collect(),
            window: window.map(|(epoch, number)| (unsigned(epoch), number.cast_unsigned())),
            created_at: millis(self.created_at),
        })
    }
}

impl StoredShard {
    fn parse(self) -> LogShard {
        LogShard { shard: self.0, lowest: sequence::from_hex(&self.1), highest: sequence::from_hex(&self.2) }
    }
}

/// The length is checked by the table.
fn sized<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut sized = [0; N];
    sized.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    sized
}
