use domain::{InvitationId, Millis, Role, UserId, WorkspaceId};
use serde_json::json;
use sqlx::PgTransaction;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use super::TokenHash;
use super::member::insert_member;
use crate::audit::audit;
use crate::codec::{from_word, millis};
use crate::error::database;
use crate::{Audit, Error, Page, Scope, Store};

#[derive(Debug, Clone)]
pub struct NewInvitation {
    pub token_hash: TokenHash,
    /// `None` lets anyone in who has the link.
    pub email: Option<String>,
    pub role: Role,
    pub created_by: Option<UserId>,
    pub ttl_ms: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub id: InvitationId,
    pub email: Option<String>,
    pub role: Role,
    pub created_by: Option<UserId>,
    pub created_at: Millis,
    pub expires_at: Millis,
}

/// What the page behind the link shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    pub workspace: WorkspaceId,
    pub workspace_name: String,
    pub invitation: Invitation,
}

impl Scope {
    pub async fn create_invitation(&self, by: &Audit, new: &NewInvitation) -> Result<Invitation, Error> {
        let mut tx = self.begin().await?;
        let made = sqlx::query_as!(
            Stored,
            "insert into invitation (workspace_id, id, token_hash, email, role, created_by, expires_at)
             values ($1, $2, $3, $4, $5, $6, now() + $7::bigint * interval '1 millisecond')
             returning id, email, role, created_by, created_at, expires_at",
            self.workspace_uuid(),
            Uuid::now_v7(),
            &new.token_hash[..],
            new.email,
            new.role.as_str(),
            new.created_by.map(UserId::uuid),
            new.ttl_ms,
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(database("create an invitation"))?;
        let made = Invitation::try_from(made)?;
        let detail = json!({"email": made.email, "role": made.role});
        audit(&mut tx, self.workspace, by, Some(made.id.to_string()), detail).await?;
        tx.commit().await.map_err(database("create an invitation"))?;
        Ok(made)
    }

    /// Those that can still be accepted, newest first.
    pub async fn invitations(&self, page: Page) -> Result<Vec<Invitation>, Error> {
        sqlx::query_as!(
            Stored,
            "select id, email, role, created_by, created_at, expires_at from invitation
             where workspace_id = $1 and id < $2 and accepted_at is null and expires_at > now()
             order by id desc
             limit $3",
            self.workspace_uuid(),
            page.before(),
            page.limit(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list invitations"))?
        .into_iter()
        .map(Invitation::try_from)
        .collect()
    }

    /// One that was accepted is history and not found.
    pub async fn revoke_invitation(&self, by: &Audit, id: InvitationId) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let revoked = sqlx::query!(
            "delete from invitation where workspace_id = $1 and id = $2 and accepted_at is null returning email, role",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("revoke an invitation"))?
        .ok_or_else(|| Error::not_found("open invitation", id))?;
        let detail = json!({"email": revoked.email, "role": revoked.role});
        audit(&mut tx, self.workspace, by, Some(id.to_string()), detail).await?;
        tx.commit().await.map_err(database("revoke an invitation"))
    }

    /// Makes `person` a member, once: whoever comes second waits for the first at the invitation's row.
    pub(super) async fn take_invitation(
        &self,
        tx: &mut PgTransaction<'_>,
        id: InvitationId,
        person: UserId,
        email: &str,
        by: &Audit,
    ) -> Result<(), Error> {
        let taken = sqlx::query!(
            "update invitation set accepted_at = now(), accepted_by = $3
             where workspace_id = $1 and id = $2 and accepted_at is null and expires_at > now()
             returning role, email is null or lower(email) = lower($4) as \"meant!\"",
            self.workspace_uuid(),
            id.uuid(),
            person.uuid(),
            email,
        )
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("accept an invitation"))?
        .ok_or(ENDED)?;
        if !taken.meant {
            return Err(Error::OtherEmail);
        }
        let role: Role = from_word("the role of an invitation", taken.role)?;
        insert_member(tx, self.workspace, person, role).await?;
        let detail = json!({"person": person, "email": email, "role": role});
        audit(tx, self.workspace, by, Some(id.to_string()), detail).await
    }

    async fn open_invitation(&self, id: InvitationId) -> Result<Invited, Error> {
        let mut tx = self.begin().await?;
        let found = sqlx::query_as!(
            Stored,
            "select id, email, role, created_by, created_at, expires_at from invitation
             where workspace_id = $1 and id = $2 and accepted_at is null and expires_at > now()",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("read an invitation"))?
        .ok_or(ENDED)?;
        let workspace_name = sqlx::query_scalar!("select name from workspace where id = $1", self.workspace_uuid())
            .fetch_optional(&mut *tx)
            .await
            .map_err(database("read a workspace"))?
            .ok_or(ENDED)?;
        Ok(Invited { workspace: self.workspace, workspace_name, invitation: found.try_into()? })
    }
}

impl Store {
    /// What a link offers. [`Error::LinkEnded`] for one that never was, too: nobody can tell them apart.
    pub async fn inspect_invitation(&self, token_hash: &TokenHash) -> Result<Invited, Error> {
        let (scope, id) = find_invited(self, token_hash).await?;
        scope.open_invitation(id).await
    }

    /// Someone who is here already joins. An invitation of somebody who is a member stays open: [`Error::Taken`].
    pub async fn accept_invitation(
        &self,
        by: &Audit,
        token_hash: &TokenHash,
        person: UserId,
    ) -> Result<WorkspaceId, Error> {
        let person = self.person(person).await?.ok_or_else(|| Error::not_found("person", person))?;
        let (scope, id) = find_invited(self, token_hash).await?;
        let mut tx = scope.begin().await?;
        scope.take_invitation(&mut tx, id, person.id, &person.email, by).await?;
        tx.commit().await.map_err(database("accept an invitation"))?;
        Ok(scope.workspace)
    }
}

pub(super) async fn find_invited(store: &Store, token_hash: &TokenHash) -> Result<(Scope, InvitationId), Error> {
    let found = sqlx::query!(
        "select workspace_id as \"workspace_id!\", invitation_id as \"invitation_id!\" from invitation_by_token($1)",
        &token_hash[..],
    )
    .fetch_optional(&store.pool)
    .await
    .map_err(database("find an invitation"))?
    .ok_or(ENDED)?;
    let scope = store.scope(WorkspaceId::from_uuid(found.workspace_id));
    Ok((scope, InvitationId::from_uuid(found.invitation_id)))
}

const ENDED: Error = Error::LinkEnded { what: "invitation" };

struct Stored {
    id: Uuid,
    email: Option<String>,
    role: String,
    created_by: Option<Uuid>,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

impl TryFrom<Stored> for Invitation {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        Ok(Self {
            id: InvitationId::from_uuid(stored.id),
            email: stored.email,
            role: from_word("the role of an invitation", stored.role)?,
            created_by: stored.created_by.map(UserId::from_uuid),
            created_at: millis(stored.created_at),
            expires_at: millis(stored.expires_at),
        })
    }
}
