use domain::{InvitationId, KeyId, Millis, Role, UserId, WorkspaceId};
use serde_json::json;
use sqlx::PgTransaction;

use super::person::end_reset_links;
use crate::audit::audit;
use crate::codec::{from_word, millis};
use crate::error::database;
use crate::{Audit, Error, Page, Scope};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub person: UserId,
    pub email: String,
    pub role: Role,
    /// When they became a member.
    pub created_at: Millis,
}

/// One of the workspaces of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub workspace: WorkspaceId,
    pub name: String,
    pub role: Role,
}

impl Scope {
    /// What a person may do here; `None` if they are no member, whether there is such a workspace or not.
    pub async fn membership(&self, person: UserId) -> Result<Option<Role>, Error> {
        let mut tx = self.begin().await?;
        self.role_of(&mut tx, person).await
    }

    pub(super) async fn named_membership(&self, person: UserId) -> Result<Option<Membership>, Error> {
        let found = sqlx::query!(
            "select w.name, m.role from member m join workspace w on w.id = m.workspace_id
             where m.workspace_id = $1 and m.person_id = $2",
            self.workspace_uuid(),
            person.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read a membership"))?;
        let membership = |name, role| Ok(Membership { workspace: self.workspace, name, role: from_word(ROLE, role)? });
        found.map(|found| membership(found.name, found.role)).transpose()
    }

    /// People who signed up last come first.
    pub async fn members(&self, page: Page) -> Result<Vec<Member>, Error> {
        let found = sqlx::query!(
            "select m.person_id, p.email, m.role, m.created_at from member m join person p on p.id = m.person_id
             where m.workspace_id = $1 and m.person_id < $2
             order by m.person_id desc
             limit $3",
            self.workspace_uuid(),
            page.before(),
            page.limit(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list members"))?;
        found
            .into_iter()
            .map(|found| {
                Ok(Member {
                    person: UserId::from_uuid(found.person_id),
                    email: found.email,
                    role: from_word(ROLE, found.role)?,
                    created_at: millis(found.created_at),
                })
            })
            .collect()
    }

    /// `acting`: the role of whoever asks, who can neither touch nor make a member of a higher one. Their API keys do no more
    /// than the new role from now on, and what they invited to above it ends.
    pub async fn set_role(&self, by: &Audit, acting: Role, person: UserId, role: Role) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let old = self.lock_member(&mut tx, acting, person, role == Role::Owner).await?;
        if role > acting {
            return Err(Error::NeedsRole(role));
        }
        sqlx::query!(
            "update member set role = $3 where workspace_id = $1 and person_id = $2",
            self.workspace_uuid(),
            person.uuid(),
            role.as_str(),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("change the role of a member"))?;
        let above = Role::ALL.into_iter().filter(|other| *other > role);
        let invitations = self.end_invitations(&mut tx, person, above).await?;
        let detail = json!({"from": old, "to": role, "ended_invitations": invitations});
        audit(&mut tx, self.workspace, by, Some(person.to_string()), detail).await?;
        tx.commit().await.map_err(database("change the role of a member"))
    }

    /// The person, their sessions and what else they are members of stay as they are. The API keys that they made, also by
    /// way of other keys, are revoked, and their open invitations end: who comes back begins anew. `acting`: as in
    /// [`Self::set_role`].
    pub async fn remove_member(&self, by: &Audit, acting: Role, person: UserId) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let role = self.lock_member(&mut tx, acting, person, false).await?;
        sqlx::query!(
            "delete from member where workspace_id = $1 and person_id = $2",
            self.workspace_uuid(),
            person.uuid(),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("remove a member"))?;
        let keys = self.revoke_keys_of(&mut tx, person).await?;
        let invitations = self.end_invitations(&mut tx, person, Role::ALL).await?;
        let detail = json!({"role": role, "revoked_api_keys": keys, "ended_invitations": invitations});
        audit(&mut tx, self.workspace, by, Some(person.to_string()), detail).await?;
        tx.commit().await.map_err(database("remove a member"))
    }

    async fn revoke_keys_of(&self, tx: &mut PgTransaction<'_>, person: UserId) -> Result<Vec<String>, Error> {
        let keys = sqlx::query_scalar!(
            "update api_key set revoked_at = now()
             where workspace_id = $1 and created_by = $2 and revoked_at is null
             returning id",
            self.workspace_uuid(),
            person.uuid(),
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(database("revoke the API keys of a member"))?;
        Ok(keys.into_iter().map(|id| KeyId::from_uuid(id).to_string()).collect())
    }

    /// The open ones to these roles.
    async fn end_invitations(
        &self,
        tx: &mut PgTransaction<'_>,
        person: UserId,
        roles: impl IntoIterator<Item = Role>,
    ) -> Result<Vec<String>, Error> {
        let roles: Vec<String> = roles.into_iter().map(|role| role.as_str().to_owned()).collect();
        let invitations = sqlx::query_scalar!(
            "delete from invitation
             where workspace_id = $1 and created_by = $2 and accepted_at is null and role = any($3)
             returning id",
            self.workspace_uuid(),
            person.uuid(),
            &roles,
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(database("end the invitations of a member"))?;
        Ok(invitations.into_iter().map(|id| InvitationId::from_uuid(id).to_string()).collect())
    }

    /// The role of a member who may be changed: they are not above `acting`, and an owner is left unless they stay one.
    /// Changes of a workspace's members wait for each other at its row, so that two owners cannot leave at once.
    async fn lock_member(
        &self,
        tx: &mut PgTransaction<'_>,
        acting: Role,
        person: UserId,
        stays_owner: bool,
    ) -> Result<Role, Error> {
        sqlx::query!("select 1 as one from workspace where id = $1 for no key update", self.workspace_uuid())
            .fetch_optional(&mut **tx)
            .await
            .map_err(database("lock the members of a workspace"))?;
        let role = self.role_of(tx, person).await?.ok_or_else(|| Error::not_found("member", person))?;
        if role > acting {
            return Err(Error::NeedsRole(role));
        }
        if role == Role::Owner && !stays_owner {
            let others = sqlx::query_scalar!(
                "select exists (
                    select from member where workspace_id = $1 and role = 'owner' and person_id <> $2
                 ) as \"others!\"",
                self.workspace_uuid(),
                person.uuid(),
            )
            .fetch_one(&mut **tx)
            .await
            .map_err(database("look for other owners"))?;
            if !others {
                return Err(Error::LastOwner(person));
            }
        }
        Ok(role)
    }

    pub(super) async fn role_of(&self, tx: &mut PgTransaction<'_>, person: UserId) -> Result<Option<Role>, Error> {
        sqlx::query_scalar!(
            "select role from member where workspace_id = $1 and person_id = $2",
            self.workspace_uuid(),
            person.uuid(),
        )
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("read a membership"))?
        .map(|role| from_word(ROLE, role))
        .transpose()
    }
}

/// A link for a new password that somebody got before must not open what the person joins now (`reset.rs`). The insert
/// locks the person's row against whoever makes such a link at this moment.
pub(super) async fn insert_member(
    tx: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    person: UserId,
    role: Role,
) -> Result<(), Error> {
    let joined = sqlx::query!(
        "insert into member (workspace_id, person_id, role) values ($1, $2, $3) on conflict do nothing",
        workspace.uuid(),
        person.uuid(),
        role.as_str(),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("add a member"))?;
    if joined.rows_affected() == 0 {
        return Err(Error::Taken { what: "member", name: person.to_string() });
    }
    end_reset_links(tx, person).await
}

const ROLE: &str = "the role of a member";
