use domain::{ApprovalId, Millis, RunId, SyncId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgTransaction;
use uuid::Uuid;

use crate::audit::audit;
use crate::codec::{clean_text, from_word, millis, word};
use crate::error::database;
use crate::{Audit, Claim, Error, Scope};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalState {
    Open,
    /// A person agreed; the next run passes with it and closes it.
    Approved,
    /// A person declined: what was held stays pending.
    Dismissed,
    /// A person chose to forget what was held, without sending it.
    Forgotten,
    /// A later run asked again, about another set of keys.
    Replaced,
    /// A later run needed no answer any more, or has used it.
    Closed,
}

/// What a person can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    Approved,
    Dismissed,
    Forgotten,
}

#[derive(Debug, Clone)]
pub struct NewApproval {
    pub id: ApprovalId,
    /// Which guard asks; one request of a kind is open per sync.
    pub kind: String,
    /// The exact set of keys: object, digest, count.
    pub covered: Value,
    /// What the person sees.
    pub shown: Value,
}

/// What the end of a run does to approvals.
#[derive(Debug, Clone)]
pub enum ApprovalChange {
    /// Asks. An open request of the same kind is replaced.
    Open(NewApproval),
    /// The request was used, or is not needed any more.
    Close(ApprovalId),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    pub id: ApprovalId,
    pub sync: SyncId,
    /// The run that asked.
    pub run: RunId,
    pub kind: String,
    pub covered: Value,
    pub shown: Value,
    pub state: ApprovalState,
    /// Which of the answers that were offered, in the words of the one who offered them.
    pub choice: Option<String>,
    pub created_at: Millis,
    pub decided_at: Option<Millis>,
}

impl Scope {
    /// Of a sync, newest first; `open` leaves out those that are answered or over.
    pub async fn approvals(&self, sync: SyncId, open: bool) -> Result<Vec<Approval>, Error> {
        let stored = sqlx::query_as!(
            StoredApproval,
            "select id, sync_id, run_id, kind, covered, shown, state, choice, created_at, decided_at from approval
             where workspace_id = $1 and sync_id = $2 and (state = 'open' or not $3)
             order by created_at desc, id desc",
            self.workspace_uuid(),
            sync.uuid(),
            open,
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list approvals"))?;
        stored.into_iter().map(Approval::try_from).collect()
    }

    pub async fn approval(&self, id: ApprovalId) -> Result<Approval, Error> {
        sqlx::query_as!(
            StoredApproval,
            "select id, sync_id, run_id, kind, covered, shown, state, choice, created_at, decided_at from approval
             where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read an approval"))?
        .ok_or_else(|| Error::not_found("approval", id))?
        .try_into()
    }

    /// Answers an open request.
    pub async fn decide_approval(&self, id: ApprovalId, decision: Decision, choice: &str) -> Result<(), Error> {
        self.decide(id, decision, choice, None).await
    }

    pub async fn decide_approval_by(
        &self,
        by: &Audit,
        id: ApprovalId,
        decision: Decision,
        choice: &str,
    ) -> Result<(), Error> {
        self.decide(id, decision, choice, Some(by)).await
    }

    async fn decide(&self, id: ApprovalId, decision: Decision, choice: &str, by: Option<&Audit>) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query!(
            "update approval set state = $3, choice = $4, decided_at = now(), decided_by = $5
             where workspace_id = $1 and id = $2 and state = 'open'",
            self.workspace_uuid(),
            id.uuid(),
            word(&decision)?,
            clean_text(choice),
            by.map(|by| by.actor.clone()),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("answer an approval"))?;
        if done.rows_affected() == 0 {
            drop(tx);
            self.approval(id).await?;
            return Err(Error::NotOpen(id));
        }
        if let Some(by) = by {
            audit(&mut tx, self.workspace, by, Some(id.to_string()), json!({ "choice": choice })).await?;
        }
        tx.commit().await.map_err(database("answer an approval"))
    }

    pub(crate) async fn write_approval(
        &self,
        tx: &mut PgTransaction<'_>,
        claim: &Claim,
        change: &ApprovalChange,
    ) -> Result<(), Error> {
        match change {
            ApprovalChange::Open(new) => self.open_approval(tx, claim, new).await,
            ApprovalChange::Close(id) => {
                sqlx::query!(
                    "update approval set state = 'closed'
                     where workspace_id = $1 and id = $2 and sync_id = $3 and state <> 'replaced'",
                    self.workspace_uuid(),
                    id.uuid(),
                    claim.sync.uuid(),
                )
                .execute(&mut **tx)
                .await
                .map_err(database("close an approval"))?;
                Ok(())
            }
        }
    }

    async fn open_approval(&self, tx: &mut PgTransaction<'_>, claim: &Claim, new: &NewApproval) -> Result<(), Error> {
        sqlx::query!(
            "update approval set state = 'replaced'
             where workspace_id = $1 and sync_id = $2 and kind = $3 and state = 'open'",
            self.workspace_uuid(),
            claim.sync.uuid(),
            new.kind,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("replace an approval"))?;
        sqlx::query!(
            "insert into approval (workspace_id, id, sync_id, run_id, kind, covered, shown)
             values ($1, $2, $3, $4, $5, $6, $7)",
            self.workspace_uuid(),
            new.id.uuid(),
            claim.sync.uuid(),
            claim.run.uuid(),
            new.kind,
            crate::codec::clean_json(&new.covered),
            crate::codec::clean_json(&new.shown),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("ask for an approval"))?;
        Ok(())
    }
}

struct StoredApproval {
    id: Uuid,
    sync_id: Uuid,
    run_id: Uuid,
    kind: String,
    covered: Value,
    shown: Value,
    state: String,
    choice: Option<String>,
    created_at: time::OffsetDateTime,
    decided_at: Option<time::OffsetDateTime>,
}

impl TryFrom<StoredApproval> for Approval {
    type Error = Error;

    fn try_from(stored: StoredApproval) -> Result<Self, Error> {
        Ok(Self {
            id: ApprovalId::from_uuid(stored.id),
            sync: SyncId::from_uuid(stored.sync_id),
            run: RunId::from_uuid(stored.run_id),
            kind: stored.kind,
            covered: stored.covered,
            shown: stored.shown,
            state: from_word("the state of an approval", stored.state)?,
            choice: stored.choice,
            created_at: millis(stored.created_at),
            decided_at: stored.decided_at.map(millis),
        })
    }
}
