use std::fmt;

use domain::{Millis, UserId};
use sqlx::PgTransaction;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use super::TokenHash;
use crate::codec::millis;
use crate::error::database;
use crate::{Error, Store};

/// A PHC string. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: UserId,
    /// As it was written; compared without case.
    pub email: String,
    pub password_hash: PasswordHash,
    pub created_at: Millis,
}

impl PasswordHash {
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl Store {
    /// Without a workspace: what the operator does. An e-mail address that somebody has is [`Error::Taken`].
    pub async fn create_person(&self, email: &str, password: &PasswordHash) -> Result<UserId, Error> {
        let id = UserId::from_uuid(Uuid::now_v7());
        let mut tx = self.pool.begin().await.map_err(database("create a person"))?;
        insert_person(&mut tx, id, email, password, false).await?;
        tx.commit().await.map_err(database("create a person"))?;
        Ok(id)
    }

    pub async fn people_count(&self) -> Result<u64, Error> {
        let count = sqlx::query_scalar!("select count(*) as \"count!\" from person")
            .fetch_one(&self.pool)
            .await
            .map_err(database("count people"))?;
        Ok(count.cast_unsigned())
    }

    pub async fn person(&self, id: UserId) -> Result<Option<Person>, Error> {
        let found =
            sqlx::query_as!(Stored, "select id, email, password_hash, created_at from person where id = $1", id.uuid())
                .fetch_optional(&self.pool)
                .await
                .map_err(database("read a person"))?;
        Ok(found.map(Person::from))
    }

    pub async fn person_by_email(&self, email: &str) -> Result<Option<Person>, Error> {
        let found = sqlx::query_as!(
            Stored,
            "select id, email, password_hash, created_at from person where lower(email) = lower($1)",
            email
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(database("find a person"))?;
        Ok(found.map(Person::from))
    }

    /// Ends all other sessions and every link that could set yet another password.
    pub async fn set_password(
        &self,
        person: UserId,
        password: &PasswordHash,
        keep_session: Option<&TokenHash>,
    ) -> Result<(), Error> {
        let mut tx = self.pool.begin().await.map_err(database("set a password"))?;
        change_password(&mut tx, person, password, keep_session).await?;
        tx.commit().await.map_err(database("set a password"))
    }
}

/// `only_first`: and nobody else, however many try at once.
pub(super) async fn insert_person(
    tx: &mut PgTransaction<'_>,
    id: UserId,
    email: &str,
    password: &PasswordHash,
    only_first: bool,
) -> Result<(), Error> {
    if only_first {
        // Everyone who makes a person holds this lock, shared, until it is committed: the count below misses nobody.
        sqlx::query!("select pg_advisory_xact_lock(7263981264982)")
            .fetch_one(&mut **tx)
            .await
            .map_err(database("wait for other sign-ups"))?;
        let some = sqlx::query_scalar!("select exists (select from person) as \"some!\"")
            .fetch_one(&mut **tx)
            .await
            .map_err(database("look whether somebody has signed up"))?;
        if some {
            return Err(Error::NotFirst);
        }
    } else {
        sqlx::query!("select pg_advisory_xact_lock_shared(7263981264982)")
            .fetch_one(&mut **tx)
            .await
            .map_err(database("wait for the first sign-up"))?;
    }
    let made = sqlx::query!(
        "insert into person (id, email, password_hash) values ($1, $2, $3) on conflict (lower(email)) do nothing",
        id.uuid(),
        email,
        password.as_str(),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("create a person"))?;
    match made.rows_affected() {
        0 => Err(Error::Taken { what: "person with the e-mail address", name: email.to_owned() }),
        _ => Ok(()),
    }
}

/// The person's row is written first: whoever signs in or makes a link at this moment waits, and is then swept away too.
pub(super) async fn change_password(
    tx: &mut PgTransaction<'_>,
    person: UserId,
    password: &PasswordHash,
    keep_session: Option<&TokenHash>,
) -> Result<(), Error> {
    let changed = sqlx::query!(
        "update person set password_hash = $2, password_changed_at = now() where id = $1",
        person.uuid(),
        password.as_str(),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("set a password"))?;
    if changed.rows_affected() == 0 {
        return Err(Error::not_found("person", person));
    }
    sqlx::query!(
        "delete from session where person_id = $1 and token_hash is distinct from $2",
        person.uuid(),
        keep_session.map(|hash| &hash[..]),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("end the other sessions of a person"))?;
    end_reset_links(tx, person).await
}

pub(super) async fn end_reset_links(tx: &mut PgTransaction<'_>, person: UserId) -> Result<(), Error> {
    sqlx::query!("delete from password_reset where person_id = $1 and used_at is null", person.uuid())
        .execute(&mut **tx)
        .await
        .map_err(database("end the password links of a person"))?;
    Ok(())
}

struct Stored {
    id: Uuid,
    email: String,
    password_hash: String,
    created_at: OffsetDateTime,
}

impl From<Stored> for Person {
    fn from(stored: Stored) -> Self {
        Self {
            id: UserId::from_uuid(stored.id),
            email: stored.email,
            password_hash: PasswordHash(stored.password_hash),
            created_at: millis(stored.created_at),
        }
    }
}
