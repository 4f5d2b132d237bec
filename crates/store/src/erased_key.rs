//! Erasing what the lists of a sync tell of a key. Which of the listed keys are meant is the caller's to decide: it knows
//! the types of their columns.

use domain::{ApprovalId, RunId, SyncId};
use serde_json::Value;
use sqlx::PgTransaction;

use crate::codec::{clean_json, clean_text, signed, unsigned};
use crate::error::database;
use crate::{Claim, Error, Scope};

/// Rows of a list that are read at once.
const AT_ONCE: i64 = 10_000;

/// A place in the list of a sync's rejections, or of its invalid rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedAt {
    pub epoch: u64,
    pub ordinal: u32,
}

/// What a run that has ended tells of chosen rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldRun {
    pub id: RunId,
    pub options: Value,
    pub reason_text: Option<String>,
}

/// What an approval shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldApproval {
    pub id: ApprovalId,
    pub shown: Value,
    /// Its list of keys is to go, so nobody can use it any more.
    pub close: bool,
}

/// What is to be erased, and what is left where only a part is.
#[derive(Debug, Clone, Default)]
pub struct Forgotten {
    pub rejections: Vec<ListedAt>,
    pub invalid_rows: Vec<ListedAt>,
    pub approvals: Vec<ToldApproval>,
    pub runs: Vec<ToldRun>,
}

impl Scope {
    /// The keys of all rejections of a sync behind a place, 10,000 at most; none is left when there are none. `like`, an
    /// object, leaves out those whose column has another text.
    pub async fn rejected_keys(
        &self,
        sync: SyncId,
        like: &Value,
        after: Option<ListedAt>,
    ) -> Result<Vec<(ListedAt, Value)>, Error> {
        let (epoch, ordinal) = place(after);
        let found = sqlx::query!(
            "select epoch, ordinal, key from rejection r
             where workspace_id = $1 and sync_id = $2 and (epoch, ordinal) > ($3, $4)
               and not exists (
                   select from jsonb_each_text($5) as w (name, text)
                   where jsonb_typeof(r.key) = 'object' and r.key ->> w.name <> w.text)
             order by epoch, ordinal limit $6",
            self.workspace_uuid(),
            sync.uuid(),
            epoch,
            ordinal,
            like,
            AT_ONCE,
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("look for a key in rejections"))?;
        Ok(found.into_iter().map(|row| (at(row.epoch, row.ordinal), row.key)).collect())
    }

    /// The same of invalid rows.
    pub async fn invalid_keys(
        &self,
        sync: SyncId,
        like: &Value,
        after: Option<ListedAt>,
    ) -> Result<Vec<(ListedAt, Value)>, Error> {
        let (epoch, ordinal) = place(after);
        let found = sqlx::query!(
            "select epoch, ordinal, key from invalid_row i
             where workspace_id = $1 and sync_id = $2 and (epoch, ordinal) > ($3, $4)
               and not exists (
                   select from jsonb_each_text($5) as w (name, text)
                   where jsonb_typeof(i.key) = 'object' and i.key ->> w.name <> w.text)
             order by epoch, ordinal limit $6",
            self.workspace_uuid(),
            sync.uuid(),
            epoch,
            ordinal,
            like,
            AT_ONCE,
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("look for a key in invalid rows"))?;
        Ok(found.into_iter().map(|row| (at(row.epoch, row.ordinal), row.key)).collect())
    }

    /// Runs that were asked for with keys, and have ended.
    pub async fn runs_with_keys(&self, sync: SyncId) -> Result<Vec<ToldRun>, Error> {
        let found = sqlx::query!(
            "select id, options, reason_text from run
             where workspace_id = $1 and sync_id = $2 and kind in ('resend', 'erase') and ended_at is not null",
            self.workspace_uuid(),
            sync.uuid(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("look for a key in runs"))?;
        let told = found.into_iter().map(|run| ToldRun {
            id: RunId::from_uuid(run.id),
            options: run.options,
            reason_text: run.reason_text,
        });
        Ok(told.collect())
    }

    /// One transaction, fenced. Answered previews of the sync go as well, since each may show any row. Saying it again
    /// changes nothing.
    pub async fn forget_keys(&self, claim: &Claim, manifest_version: u64, what: &Forgotten) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        self.fence(&mut tx, claim, manifest_version, false).await?;
        self.forget_listed(&mut tx, claim, what).await?;
        for approval in &what.approvals {
            sqlx::query!(
                "update approval set shown = $4,
                    state = case when $5 and state in ('open', 'approved', 'forgotten') then 'closed' else state end
                 where workspace_id = $1 and sync_id = $2 and id = $3",
                self.workspace_uuid(),
                claim.sync.uuid(),
                approval.id.uuid(),
                clean_json(&approval.shown),
                approval.close,
            )
            .execute(&mut *tx)
            .await
            .map_err(database("erase a key from an approval"))?;
        }
        for run in &what.runs {
            self.write_told(&mut tx, claim, run).await?;
        }
        sqlx::query!(
            "delete from job
             where workspace_id = $1 and kind = 'preview-sync' and params ->> 'sync' = $2 and ended_at is not null",
            self.workspace_uuid(),
            claim.sync.to_string(),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("delete the previews of a sync"))?;
        tx.commit().await.map_err(database("erase a key"))
    }

    /// What the run that holds the claim tells of itself from now on.
    pub async fn set_options(&self, claim: &Claim, manifest_version: u64, options: Value) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        self.fence(&mut tx, claim, manifest_version, false).await?;
        self.write_told(&mut tx, claim, &ToldRun { id: claim.run, options, reason_text: None }).await?;
        tx.commit().await.map_err(database("erase a key from a run"))
    }

    async fn forget_listed(&self, tx: &mut PgTransaction<'_>, claim: &Claim, what: &Forgotten) -> Result<(), Error> {
        let (epochs, ordinals) = columns(&what.rejections);
        sqlx::query!(
            "delete from rejection r using unnest($3::bigint[], $4::integer[]) as gone (epoch, ordinal)
             where r.workspace_id = $1 and r.sync_id = $2 and r.epoch = gone.epoch and r.ordinal = gone.ordinal",
            self.workspace_uuid(),
            claim.sync.uuid(),
            &epochs,
            &ordinals,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("erase a key from rejections"))?;
        let (epochs, ordinals) = columns(&what.invalid_rows);
        sqlx::query!(
            "delete from invalid_row i using unnest($3::bigint[], $4::integer[]) as gone (epoch, ordinal)
             where i.workspace_id = $1 and i.sync_id = $2 and i.epoch = gone.epoch and i.ordinal = gone.ordinal",
            self.workspace_uuid(),
            claim.sync.uuid(),
            &epochs,
            &ordinals,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("erase a key from invalid rows"))?;
        Ok(())
    }

    async fn write_told(&self, tx: &mut PgTransaction<'_>, claim: &Claim, run: &ToldRun) -> Result<(), Error> {
        sqlx::query!(
            "update run set options = $4, reason_text = $5 where workspace_id = $1 and sync_id = $2 and id = $3",
            self.workspace_uuid(),
            claim.sync.uuid(),
            run.id.uuid(),
            clean_json(&run.options),
            run.reason_text.as_deref().map(clean_text),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("erase a key from a run"))?;
        Ok(())
    }
}

fn place(after: Option<ListedAt>) -> (i64, i32) {
    after.map_or((-1, -1), |at| (signed(at.epoch), at.ordinal.cast_signed()))
}

const fn at(epoch: i64, ordinal: i32) -> ListedAt {
    ListedAt { epoch: unsigned(epoch), ordinal: ordinal.cast_unsigned() }
}

fn columns(places: &[ListedAt]) -> (Vec<i64>, Vec<i32>) {
    places.iter().map(|at| (signed(at.epoch), at.ordinal.cast_signed())).unzip()
}
