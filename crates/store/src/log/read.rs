use domain::{RunId, SyncId};
use engine::hash::Hash128;

use super::stored::{objects, parsed};
use super::{LogKind, LogObject, UnloggedWindow, sequence};
use crate::codec::{clean_text, millis, signed, unsigned};
use crate::error::database;
use crate::{Claim, Error, Scope};

/// How many ranges of a shard are looked at that end at or after a place in it. Those that hold the place are among the very
/// next: a range is what one window of one sync got, and ranges overlap only while several syncs send.
const RANGES: i64 = 10_000;

impl Scope {
    /// Those of a run, in the order of epoch and number.
    pub async fn log_objects(&self, run: RunId, kind: LogKind) -> Result<Vec<LogObject>, Error> {
        let found = objects!(
            "log_object o where o.workspace_id = $1 and o.run_id = $2 and o.kind = $3 order by o.epoch, o.number",
            self.workspace_uuid(),
            run.uuid(),
            kind.as_str(),
        );
        let found = found.fetch_all(&mut *self.begin().await?).await;
        parsed(found.map_err(database("list the log of a run"))?)
    }

    /// Those with rows that may be of this key, newest first: those before the place `before`, an epoch and a number.
    pub async fn log_objects_of_key(
        &self,
        sync: SyncId,
        key: Hash128,
        before: Option<(u64, u32)>,
        limit: u32,
    ) -> Result<Vec<LogObject>, Error> {
        let (epoch, number) = before.map_or((i64::MAX, i32::MAX), |at| (signed(at.0), at.1.cast_signed()));
        let found = objects!(
            "log_object o
             where o.workspace_id = $1 and o.sync_id = $2 and o.kind = 'rows'
               and o.key_min <= $3 and o.key_max >= $3 and (o.epoch, o.number) < ($4, $5)
             order by o.epoch desc, o.number desc
             limit $6",
            self.workspace_uuid(),
            sync.uuid(),
            &key.0[..],
            epoch,
            number,
            i64::from(limit),
        );
        let found = found.fetch_all(&mut *self.begin().await?).await;
        parsed(found.map_err(database("look for a key in the log"))?)
    }

    /// Those with rows that may have landed there. Shards of several streams have the same names, so there may be several
    /// even though one row landed there.
    pub async fn log_objects_at(&self, shard: &str, sequence_number: &str) -> Result<Vec<LogObject>, Error> {
        let found = objects!(
            "(select * from log_shard n
              where n.workspace_id = $1 and n.shard = $2 and n.highest >= $3 order by n.highest limit $4) next
             cross join lateral (
                 select * from log_object l
                 where l.workspace_id = $1 and l.sync_id = next.sync_id and l.epoch = next.epoch
                   and l.number = next.number and l.kind = 'rows' limit 1) o
             where next.lowest <= $3
             order by next.highest",
            self.workspace_uuid(),
            clean_text(shard),
            sequence::to_bytes(sequence_number)?,
            RANGES,
        );
        let found = found.fetch_all(&mut *self.begin().await?).await;
        parsed(found.map_err(database("look for a place in a stream in the log"))?)
    }

    /// The first of [`Self::log_objects_of_call`].
    pub async fn log_object_of_call(&self, run: RunId, call: u64) -> Result<Option<LogObject>, Error> {
        Ok(self.log_objects_of_call(run, call).await?.into_iter().next())
    }

    /// Those with calls whose range of numbers has this one, the lowest range first. There may be several: a call that is
    /// still on its way when an object is made is in a later one.
    pub async fn log_objects_of_call(&self, run: RunId, call: u64) -> Result<Vec<LogObject>, Error> {
        let found = objects!(
            "log_object o
             where o.workspace_id = $1 and o.run_id = $2 and o.kind = 'calls'
               and o.last_call >= $3 and o.first_call <= $3
             order by o.last_call, o.epoch, o.number",
            self.workspace_uuid(),
            run.uuid(),
            signed(call),
        );
        let found = found.fetch_all(&mut *self.begin().await?).await;
        parsed(found.map_err(database("look for a call in the log"))?)
    }

    /// One more than the highest call of the run in its log.
    pub async fn next_call(&self, run: RunId) -> Result<u64, Error> {
        let highest = sqlx::query_scalar!(
            "select coalesce(greatest(
                 (select max(o.last_call) from log_object o
                  where o.workspace_id = $1 and o.run_id = $2 and o.kind = 'calls'),
                 (select max(o.last_call) from log_object o
                  where o.workspace_id = $1 and o.run_id = $2 and o.kind = 'rows')
             ), 0) as \"highest!\"",
            self.workspace_uuid(),
            run.uuid(),
        )
        .fetch_one(&mut *self.begin().await?)
        .await
        .map_err(database("find the highest call of a run"))?;
        Ok(unsigned(highest) + 1)
    }

    /// Windows of earlier attempts that were never closed by them, oldest first: what the log has to account for. An object
    /// that names a window in its own takes it from here for good.
    pub async fn unlogged_windows(&self, claim: &Claim) -> Result<Vec<UnloggedWindow>, Error> {
        let found = sqlx::query!(
            "select coalesce(w.run_id, a.run_id) as \"run_id!\", w.epoch, w.number, w.segment, w.entries, w.opened_at
             from snapshot_window w
             left join lateral (
                 select a.run_id from attempt a
                 where a.workspace_id = $1 and a.sync_id = $2 and a.epoch = w.epoch limit 1) a on true
             where w.workspace_id = $1 and w.sync_id = $2 and w.epoch < $3 and w.state = 'dead' and not w.logged
               and coalesce(w.run_id, a.run_id) is not null
             order by w.epoch, w.number",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(claim.epoch),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("find windows that the log does not account for"))?;
        let windows = found.into_iter().map(|window| UnloggedWindow {
            run: RunId::from_uuid(window.run_id),
            epoch: unsigned(window.epoch),
            number: window.number.cast_unsigned(),
            segment: window.segment,
            entries: unsigned(window.entries),
            opened_at: millis(window.opened_at),
        });
        Ok(windows.collect())
    }
}
