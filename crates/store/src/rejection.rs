use std::collections::{BTreeMap, HashMap};

use domain::{Change, Millis, RunId, SyncId};
use engine::hash::Hash128;
use engine::unit::UnitId;
use serde_json::Value;
use sqlx::PgTransaction;
use uuid::Uuid;

use crate::codec::{clean_json, clean_text, from_word, millis, signed, unsigned};
use crate::error::database;
use crate::{Claim, Error, Scope};

/// How many rejections, and how many invalid rows, of one attempt are listed; the tallies count all.
pub(crate) const LISTED: i32 = 10_000;

/// A record that the stream, or a check before it, refused.
#[derive(Debug, Clone)]
pub struct NewRejection {
    pub unit: UnitId,
    /// The values of the primary key, for people.
    pub key: Value,
    pub op: Change,
    pub code: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    pub unit: UnitId,
    pub key: Value,
    pub op: Change,
    pub code: String,
    pub message: String,
    /// The run that first rejected the unit, without one in between that succeeded without rejecting it.
    pub first_seen_run: RunId,
    pub first_seen_at: Millis,
    /// How many attempts have rejected it since then.
    pub tries: u32,
}

#[derive(Debug, Clone)]
pub struct NewInvalidRow {
    pub key: Value,
    pub code: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct InvalidRow {
    pub key: Value,
    pub code: String,
    pub message: String,
}

/// An attempt that listed rejections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectingAttempt {
    pub run: RunId,
    pub epoch: u64,
    /// There were no more than are listed.
    pub all_listed: bool,
}

/// A unit that was rejected.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedUnit {
    pub unit: UnitId,
    pub key: Value,
    pub op: Change,
    pub code: String,
}

/// Exact counts by code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallies {
    pub rejections: BTreeMap<String, u64>,
    pub invalid_rows: BTreeMap<String, u64>,
}

/// Which of the listed ones. Whatever is given has to match; `text` is searched in keys and messages, without case.
#[derive(Debug, Clone, Default)]
pub struct Search {
    pub code: Option<String>,
    pub text: Option<String>,
}

/// A place in a list and what stands there; the place goes into the next request.
pub type Placed<T> = (u32, T);

impl Scope {
    /// Of the run's newest attempt, in the order they came; 10,000 at most.
    pub async fn rejections(&self, run: RunId) -> Result<Vec<Rejection>, Error> {
        let all = self.search_rejections(run, &Search::default(), None, LISTED.cast_unsigned()).await?;
        Ok(all.into_iter().map(|(_, rejection)| rejection).collect())
    }

    /// Of the run's newest attempt, those behind the place `after`.
    pub async fn search_rejections(
        &self,
        run: RunId,
        search: &Search,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<Placed<Rejection>>, Error> {
        let stored = sqlx::query!(
            "select j.ordinal, j.unit_key, j.unit_child, j.key, j.op, j.code, j.message, j.first_seen_run_id,
                    j.first_seen_at, j.tries
             from run r join rejection j
                on j.workspace_id = r.workspace_id and j.sync_id = r.sync_id and j.epoch = r.epoch
             where r.workspace_id = $1 and r.id = $2 and j.ordinal > $3
               and ($5::text is null or j.code = $5)
               and ($6::text is null
                    or strpos(lower(j.key::text), lower($6)) > 0 or strpos(lower(j.message), lower($6)) > 0)
             order by j.ordinal
             limit $4",
            self.workspace_uuid(),
            run.uuid(),
            after.map_or(-1, u32::cast_signed),
            i64::from(limit),
            search.code,
            search.text.as_deref().map(clean_text),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list rejections"))?;
        stored
            .into_iter()
            .map(|stored| {
                let key = hash(&stored.unit_key);
                let rejection = Rejection {
                    unit: UnitId { key, child: unsigned(stored.unit_child) },
                    key: stored.key,
                    op: from_word("the operation of a rejection", stored.op)?,
                    code: stored.code,
                    message: stored.message,
                    first_seen_run: RunId::from_uuid(stored.first_seen_run_id),
                    first_seen_at: millis(stored.first_seen_at),
                    tries: stored.tries.cast_unsigned(),
                };
                Ok((stored.ordinal.cast_unsigned(), rejection))
            })
            .collect()
    }

    /// Attempts whose rejections may still stand, newest first: those since the last run of the whole model that succeeded,
    /// which tried all that stood before, and its own.
    pub async fn rejecting_attempts(&self, sync: SyncId) -> Result<Vec<RejectingAttempt>, Error> {
        let found = sqlx::query!(
            "select a.run_id, a.epoch, a.rejections_listed from attempt a
             where a.workspace_id = $1 and a.sync_id = $2 and a.rejections_listed > 0
               and a.epoch >= coalesce(
                   (select max(r.epoch) from run r
                    where r.workspace_id = $1 and r.sync_id = $2 and r.state = 'succeeded'
                      and r.kind in ('normal', 'full-resync', 'baseline')), 0)
             order by a.epoch desc",
            self.workspace_uuid(),
            sync.uuid(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("find rejections that stand"))?;
        let attempts = found.into_iter().map(|found| RejectingAttempt {
            run: RunId::from_uuid(found.run_id),
            epoch: unsigned(found.epoch),
            all_listed: found.rejections_listed < LISTED,
        });
        Ok(attempts.collect())
    }

    /// What an attempt listed behind the place `after`.
    pub async fn rejected_by(
        &self,
        sync: SyncId,
        epoch: u64,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<Placed<RejectedUnit>>, Error> {
        let stored = sqlx::query!(
            "select ordinal, unit_key, unit_child, key, op, code from rejection
             where workspace_id = $1 and sync_id = $2 and epoch = $3 and ordinal > $4
             order by ordinal limit $5",
            self.workspace_uuid(),
            sync.uuid(),
            signed(epoch),
            after.map_or(-1, u32::cast_signed),
            i64::from(limit),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list rejections that stand"))?;
        let units = stored.into_iter().map(|stored| {
            let rejected = RejectedUnit {
                unit: UnitId { key: hash(&stored.unit_key), child: unsigned(stored.unit_child) },
                key: stored.key,
                op: from_word("the operation of a rejection", stored.op)?,
                code: stored.code,
            };
            Ok((stored.ordinal.cast_unsigned(), rejected))
        });
        units.collect()
    }

    /// How many units' rejections may still stand, of those that are listed. One that was delivered or dismissed since the
    /// last run of the whole model counts as well.
    pub async fn standing_rejections(&self, sync: SyncId, code: Option<&str>) -> Result<u64, Error> {
        let found = sqlx::query_scalar!(
            "select count(distinct (j.unit_key, j.unit_child)) as \"count!\" from rejection j
             where j.workspace_id = $1 and j.sync_id = $2 and ($3::text is null or j.code = $3)
               and j.epoch >= coalesce(
                   (select max(r.epoch) from run r
                    where r.workspace_id = $1 and r.sync_id = $2 and r.state = 'succeeded'
                      and r.kind in ('normal', 'full-resync', 'baseline')), 0)",
            self.workspace_uuid(),
            sync.uuid(),
            code,
        )
        .fetch_one(&mut *self.begin().await?)
        .await
        .map_err(database("count rejections that stand"))?;
        Ok(unsigned(found))
    }

    /// Of the run's newest attempt, in the order they came; 10,000 at most.
    pub async fn invalid_rows(&self, run: RunId) -> Result<Vec<InvalidRow>, Error> {
        let all = self.search_invalid_rows(run, &Search::default(), None, LISTED.cast_unsigned()).await?;
        Ok(all.into_iter().map(|(_, row)| row).collect())
    }

    /// Of the run's newest attempt, those behind the place `after`.
    pub async fn search_invalid_rows(
        &self,
        run: RunId,
        search: &Search,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<Placed<InvalidRow>>, Error> {
        let stored = sqlx::query!(
            "select i.ordinal, i.key, i.code, i.message
             from run r join invalid_row i
                on i.workspace_id = r.workspace_id and i.sync_id = r.sync_id and i.epoch = r.epoch
             where r.workspace_id = $1 and r.id = $2 and i.ordinal > $3
               and ($5::text is null or i.code = $5)
               and ($6::text is null
                    or strpos(lower(i.key::text), lower($6)) > 0 or strpos(lower(i.message), lower($6)) > 0)
             order by i.ordinal
             limit $4",
            self.workspace_uuid(),
            run.uuid(),
            after.map_or(-1, u32::cast_signed),
            i64::from(limit),
            search.code,
            search.text.as_deref().map(clean_text),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list invalid rows"))?;
        let placed = stored.into_iter().map(|stored| {
            let row = InvalidRow { key: stored.key, code: stored.code, message: stored.message };
            (stored.ordinal.cast_unsigned(), row)
        });
        Ok(placed.collect())
    }

    /// Since when, and how often, each of these units has been rejected, for as long as no run succeeded in between without
    /// rejecting it: what a rejection in this attempt would carry over.
    pub async fn rejected_before(
        &self,
        claim: &Claim,
        units: &[UnitId],
    ) -> Result<HashMap<UnitId, (Millis, u32)>, Error> {
        let found = sqlx::query!(
            "select asked.ordinal as \"ordinal!\", old.first_seen_at, old.tries
             from unnest($4::bytea[], $5::bigint[]) with ordinality as asked (unit_key, unit_child, ordinal)
             cross join lateral (
                 select r.first_seen_at, r.tries from rejection r
                 where r.workspace_id = $1 and r.sync_id = $2 and r.unit_key = asked.unit_key
                   and r.unit_child = asked.unit_child and r.epoch < $3
                   and r.epoch >= coalesce(
                       (select max(epoch) from run where workspace_id = $1 and sync_id = $2 and state = 'succeeded'), 0
                   )
                 order by r.epoch desc limit 1
             ) as old",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(claim.epoch),
            &units.iter().map(|unit| unit.key.0.to_vec()).collect::<Vec<_>>(),
            &units.iter().map(|unit| signed(unit.child)).collect::<Vec<_>>(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("look for earlier rejections"))?;
        let known = found.into_iter().filter_map(|found| {
            let unit = units.get(usize::try_from(found.ordinal).ok()?.checked_sub(1)?)?;
            Some((*unit, (millis(found.first_seen_at), found.tries.cast_unsigned())))
        });
        Ok(known.collect())
    }

    /// How many rejections and invalid rows of each code the run's newest attempt had, listed or not.
    pub async fn tallies(&self, run: RunId) -> Result<Tallies, Error> {
        let stored = sqlx::query!(
            "select t.kind, t.code, t.count
             from run r join tally t
                on t.workspace_id = r.workspace_id and t.sync_id = r.sync_id and t.epoch = r.epoch
             where r.workspace_id = $1 and r.id = $2",
            self.workspace_uuid(),
            run.uuid(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("count rejections"))?;
        let mut tallies = Tallies::default();
        for tally in stored {
            let of_kind = if tally.kind == "rejection" { &mut tallies.rejections } else { &mut tallies.invalid_rows };
            of_kind.insert(tally.code, unsigned(tally.count));
        }
        Ok(tallies)
    }
}

/// Lists as many as the cap leaves room for and counts all. A rejection carries over what the newest one of its unit
/// says, unless a run has succeeded in between without rejecting it.
pub(crate) async fn add_rejections(
    tx: &mut PgTransaction<'_>,
    workspace: Uuid,
    claim: &Claim,
    rejections: &[NewRejection],
) -> Result<(), Error> {
    if rejections.is_empty() {
        return Ok(());
    }
    let tally = rejections.iter().fold(BTreeMap::new(), |mut tally, rejection| {
        *tally.entry(rejection.code.clone()).or_insert(0) += 1;
        tally
    });
    add_tally(tx, workspace, claim, "rejection", &tally).await?;
    let listed = sqlx::query_scalar!(
        "select rejections_listed from attempt where workspace_id = $1 and sync_id = $2 and epoch = $3",
        workspace,
        claim.sync.uuid(),
        signed(claim.epoch),
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(database("count listed rejections"))?;
    let kept = &rejections[..rejections.len().min(room_after(listed))];
    sqlx::query!(
        "with listing as (
             update attempt set rejections_listed = $4 + cardinality($6::bytea[])
             where workspace_id = $1 and sync_id = $2 and epoch = $3
         )
         insert into rejection (workspace_id, sync_id, epoch, ordinal, unit_key, unit_child, key, op, code, message,
                                first_seen_run_id, first_seen_at, tries)
         select $1, $2, $3, $4 + new.ordinal::integer, new.unit_key, new.unit_child, new.key, new.op, new.code, new.message,
                coalesce(old.first_seen_run_id, $5), coalesce(old.first_seen_at, now()), coalesce(old.tries, 0) + 1
         from unnest($6::bytea[], $7::bigint[], $8::jsonb[], $9::text[], $10::text[], $11::text[])
              with ordinality as new (unit_key, unit_child, key, op, code, message, ordinal)
         left join lateral (
             select r.first_seen_run_id, r.first_seen_at, r.tries from rejection r
             where r.workspace_id = $1 and r.sync_id = $2 and r.unit_key = new.unit_key
               and r.unit_child = new.unit_child and r.epoch < $3
               and r.epoch >= coalesce(
                   (select max(epoch) from run where workspace_id = $1 and sync_id = $2 and state = 'succeeded'), 0
               )
             order by r.epoch desc limit 1
         ) as old on true",
        workspace,
        claim.sync.uuid(),
        signed(claim.epoch),
        listed,
        claim.run.uuid(),
        &kept.iter().map(|new| new.unit.key.0.to_vec()).collect::<Vec<_>>(),
        &kept.iter().map(|new| signed(new.unit.child)).collect::<Vec<_>>(),
        &kept.iter().map(|new| clean_json(&new.key)).collect::<Vec<_>>(),
        &kept.iter().map(|new| new.op.as_str().to_owned()).collect::<Vec<_>>(),
        &kept.iter().map(|new| clean_text(&new.code)).collect::<Vec<_>>(),
        &kept.iter().map(|new| clean_text(&new.message)).collect::<Vec<_>>(),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("list rejections"))?;
    Ok(())
}

/// Lists as many as the cap leaves room for. `tally` counts all, by code.
pub(crate) async fn add_invalid_rows(
    tx: &mut PgTransaction<'_>,
    workspace: Uuid,
    claim: &Claim,
    rows: &[NewInvalidRow],
    tally: &BTreeMap<String, u64>,
) -> Result<(), Error> {
    add_tally(tx, workspace, claim, "invalid-row", tally).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let listed = sqlx::query_scalar!(
        "select invalid_rows_listed from attempt where workspace_id = $1 and sync_id = $2 and epoch = $3",
        workspace,
        claim.sync.uuid(),
        signed(claim.epoch),
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(database("count listed invalid rows"))?;
    let kept = &rows[..rows.len().min(room_after(listed))];
    sqlx::query!(
        "with listing as (
             update attempt set invalid_rows_listed = $4 + cardinality($5::jsonb[])
             where workspace_id = $1 and sync_id = $2 and epoch = $3
         )
         insert into invalid_row (workspace_id, sync_id, epoch, ordinal, key, code, message)
         select $1, $2, $3, $4 + new.ordinal::integer, new.key, new.code, new.message
         from unnest($5::jsonb[], $6::text[], $7::text[]) with ordinality as new (key, code, message, ordinal)",
        workspace,
        claim.sync.uuid(),
        signed(claim.epoch),
        listed,
        &kept.iter().map(|new| clean_json(&new.key)).collect::<Vec<_>>(),
        &kept.iter().map(|new| clean_text(&new.code)).collect::<Vec<_>>(),
        &kept.iter().map(|new| clean_text(&new.message)).collect::<Vec<_>>(),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("list invalid rows"))?;
    Ok(())
}

async fn add_tally(
    tx: &mut PgTransaction<'_>,
    workspace: Uuid,
    claim: &Claim,
    kind: &str,
    tally: &BTreeMap<String, u64>,
) -> Result<(), Error> {
    if tally.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into tally (workspace_id, sync_id, epoch, kind, code, count)
         select $1, $2, $3, $4, new.code, sum(new.count)::bigint
         from unnest($5::text[], $6::bigint[]) as new (code, count) group by new.code
         on conflict (workspace_id, sync_id, epoch, kind, code) do update set count = tally.count + excluded.count",
        workspace,
        claim.sync.uuid(),
        signed(claim.epoch),
        kind,
        &tally.keys().map(|code| clean_text(code)).collect::<Vec<_>>(),
        &tally.values().map(|count| signed(*count)).collect::<Vec<_>>(),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("count rejections and invalid rows by code"))?;
    Ok(())
}

/// The length is checked by the table.
fn hash(bytes: &[u8]) -> Hash128 {
    let mut key = Hash128::default();
    key.0.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    key
}

fn room_after(listed: i32) -> usize {
    usize::try_from(LISTED - listed).unwrap_or(0)
}
