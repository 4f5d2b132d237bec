//! A run that its worker leaves to others, in good order.

use serde_json::json;
use sqlx::PgTransaction;

use crate::checkpoint::{Asking, TRIES};
use crate::codec::signed;
use crate::error::database;
use crate::event::event;
use crate::{Claim, Error, Scope};

impl Scope {
    /// Ends the attempt and not the run, which may be claimed at once. Fenced like a checkpoint; the window before must
    /// have been closed by one, or the next claim buries it. The worker must have ended its heartbeats.
    pub async fn release(&self, claim: &Claim, manifest_version: u64) -> Result<(), Error> {
        let mut tries = 1;
        loop {
            let mut tx = self.begin().await?;
            self.fence(&mut tx, claim, manifest_version, false).await?;
            self.write_release(&mut tx, claim).await?;
            let Err(lost) = tx.commit().await else { return Ok(()) };
            match self.released(claim).await {
                Ok(true) => return Ok(()),
                Ok(false) if tries < TRIES => tries += 1,
                Ok(false) => return Err(database("commit the release of a run")(lost)),
                Err(error) if error.transient() => return Err(Error::CommitUnknown(Box::new(lost))),
                Err(error) => return Err(error),
            }
        }
    }

    async fn write_release(&self, tx: &mut PgTransaction<'_>, claim: &Claim) -> Result<(), Error> {
        sqlx::query!(
            "update attempt set outcome = 'released', ended_at = now()
             where workspace_id = $1 and sync_id = $2 and epoch = $3",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(claim.epoch),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("end a released attempt"))?;
        sqlx::query!(
            "update run set lease_until = now() where workspace_id = $1 and id = $2 and epoch = $3",
            self.workspace_uuid(),
            claim.run.uuid(),
            signed(claim.epoch),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("release a run"))?;
        let detail = json!({ "epoch": claim.epoch });
        event(tx, self.workspace_uuid(), claim.run.uuid(), "released", detail).await
    }

    /// Whether the release was applied; whoever has claimed the run since found it so, or buried the attempt. The lock
    /// waits for a COMMIT that is still on its way.
    async fn released(&self, claim: &Claim) -> Result<bool, Error> {
        let mut asking = Asking::default();
        loop {
            match self.attempt_ended(claim).await {
                Err(error) if asking.again(&error).await => {}
                answer => return answer,
            }
        }
    }

    async fn attempt_ended(&self, claim: &Claim) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        sqlx::query_scalar!(
            "select outcome is not null as \"ended!\" from attempt
                 where workspace_id = $1 and sync_id = $2 and epoch = $3 for no key update",
            self.workspace_uuid(),
            claim.sync.uuid(),
            signed(claim.epoch),
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(database("read a release back"))
    }
}
