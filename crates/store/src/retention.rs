//! What can go because nobody needs it any more.

use domain::{Millis, SyncId};

use crate::error::database;
use crate::{Error, Scope, Store};

/// A run that was forgotten; what it left on the object storage may go too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForgottenRun {
    pub sync: SyncId,
    pub run: domain::RunId,
}

impl Scope {
    /// Deletes runs that ended so long ago, with all that they tell, but for the newest of each sync and those whose
    /// question is still open. Snapshots do not depend on them.
    pub async fn forget_runs(&self, older_than_ms: Millis, at_most: u32) -> Result<Vec<ForgottenRun>, Error> {
        let mut tx = self.begin().await?;
        let gone = sqlx::query!(
            "delete from run r
             where r.workspace_id = $1 and r.id in (
                 select o.id from run o
                 where o.workspace_id = $1 and o.ended_at < now() - $2::bigint * interval '1 millisecond'
                   and exists (select from run n
                               where n.workspace_id = $1 and n.sync_id = o.sync_id and n.id > o.id
                                 and n.ended_at is not null)
                   and not exists (select from approval a
                                   where a.workspace_id = $1 and a.run_id = o.id and a.state = 'open')
                 order by o.ended_at limit $3
             )
             returning r.id, r.sync_id",
            self.workspace_uuid(),
            older_than_ms,
            i64::from(at_most),
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(database("forget old runs"))?;
        tx.commit().await.map_err(database("forget old runs"))?;
        let forgotten = gone
            .into_iter()
            .map(|run| ForgottenRun { sync: SyncId::from_uuid(run.sync_id), run: domain::RunId::from_uuid(run.id) });
        Ok(forgotten.collect())
    }

    /// Deletes audit entries of that age, and first answers that nobody may ask for again.
    pub async fn forget_audit(&self, older_than_ms: Millis) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query!(
            "delete from audit_entry where workspace_id = $1 and at < now() - $2::bigint * interval '1 millisecond'",
            self.workspace_uuid(),
            older_than_ms,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("forget old audit entries"))?;
        sqlx::query!(
            "delete from idempotency where workspace_id = $1 and created_at < now() - interval '25 hours'",
            self.workspace_uuid(),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("forget old answers"))?;
        tx.commit().await.map_err(database("forget old audit entries"))
    }
}

impl Store {
    /// Deletes sessions and reset links that nobody can use any more.
    pub async fn forget_sessions(&self) -> Result<(), Error> {
        sqlx::query!("delete from session where expires_at < now()")
            .execute(&self.pool)
            .await
            .map_err(database("forget old sessions"))?;
        sqlx::query!("delete from password_reset where expires_at < now()")
            .execute(&self.pool)
            .await
            .map_err(database("forget old reset links"))?;
        Ok(())
    }
}
