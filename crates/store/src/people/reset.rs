//! Links with which a person chooses a new password.

use domain::{Millis, UserId};
use serde_json::json;
use sqlx::PgTransaction;

use super::person::change_password;
use super::{PasswordHash, TokenHash};
use crate::audit::audit;
use crate::error::database;
use crate::{Audit, Error, Scope, Store};

impl Store {
    /// By the operator, for anybody. It ends when the person joins another workspace.
    pub async fn create_reset(&self, person: UserId, token_hash: &TokenHash, ttl_ms: Millis) -> Result<(), Error> {
        let mut tx = self.pool.begin().await.map_err(database("make a password link"))?;
        lock_person(&mut tx, person).await?;
        insert_reset(&mut tx, person, token_hash, ttl_ms).await?;
        tx.commit().await.map_err(database("make a password link"))
    }

    /// Sets the password and signs the person out everywhere. A link works once; [`Error::LinkEnded`] says nothing of
    /// whether it ever was one.
    pub async fn use_reset(&self, token_hash: &TokenHash, password: &PasswordHash) -> Result<UserId, Error> {
        const ENDED: Error = Error::LinkEnded { what: "link" };
        let mut tx = self.pool.begin().await.map_err(database("use a password link"))?;
        let person = sqlx::query_scalar!("select person_id from password_reset where token_hash = $1", &token_hash[..])
            .fetch_optional(&mut *tx)
            .await
            .map_err(database("find a password link"))?
            .map(UserId::from_uuid)
            .ok_or(ENDED)?;
        // Before the link's row, as everyone else does: nobody waits in a circle.
        lock_person(&mut tx, person).await?;
        let used = sqlx::query!(
            "update password_reset set used_at = now() where token_hash = $1 and used_at is null and expires_at > now()",
            &token_hash[..],
        )
        .execute(&mut *tx)
        .await
        .map_err(database("use a password link"))?;
        if used.rows_affected() == 0 {
            return Err(ENDED);
        }
        change_password(&mut tx, person, password, None).await?;
        tx.commit().await.map_err(database("use a password link"))?;
        Ok(person)
    }
}

impl Scope {
    /// By an owner, for a member of this workspace who is a member of no other. The owner gets to see the link and could
    /// use it themselves: for somebody who is at home in other workspaces too, it would open those. For the same reason
    /// such a link ends when the person joins another workspace before it was used (`insert_member`); either the one or
    /// the other sees the person's row locked, so none slips through at the same moment.
    pub async fn create_reset(
        &self,
        by: &Audit,
        person: UserId,
        token_hash: &TokenHash,
        ttl_ms: Millis,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        if self.role_of(&mut tx, person).await?.is_none() {
            return Err(Error::not_found("member", person));
        }
        lock_person(&mut tx, person).await?;
        let workspaces = sqlx::query_scalar!("select workspaces_of_person($1) as \"id!\"", person.uuid())
            .fetch_all(&mut *tx)
            .await
            .map_err(database("list the workspaces of a person"))?;
        if workspaces != [self.workspace_uuid()] {
            return Err(Error::MemberElsewhere(person));
        }
        insert_reset(&mut tx, person, token_hash, ttl_ms).await?;
        audit(&mut tx, self.workspace, by, Some(person.to_string()), json!({})).await?;
        tx.commit().await.map_err(database("make a password link"))
    }
}

/// Against new memberships, which refer to the person, and against changes of the password.
async fn lock_person(tx: &mut PgTransaction<'_>, person: UserId) -> Result<(), Error> {
    sqlx::query!("select 1 as one from person where id = $1 for update", person.uuid())
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("lock a person"))?
        .map(|_| ())
        .ok_or_else(|| Error::not_found("person", person))
}

async fn insert_reset(
    tx: &mut PgTransaction<'_>,
    person: UserId,
    token_hash: &TokenHash,
    ttl_ms: Millis,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into password_reset (token_hash, person_id, expires_at)
         values ($1, $2, now() + $3::bigint * interval '1 millisecond')",
        &token_hash[..],
        person.uuid(),
        ttl_ms,
    )
    .execute(&mut **tx)
    .await
    .map_err(database("make a password link"))?;
    Ok(())
}
