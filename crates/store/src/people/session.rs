use domain::{Millis, UserId};
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use super::{Person, TokenHash};
use crate::codec::{clean_text, millis};
use crate::error::database;
use crate::{Error, Store};

#[derive(Debug, Clone)]
pub struct NewSession {
    pub token_hash: TokenHash,
    pub ttl_ms: Millis,
    pub user_agent: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub token_hash: TokenHash,
    pub person: UserId,
    pub email: String,
    pub created_at: Millis,
    /// To the minute.
    pub last_seen_at: Millis,
    pub expires_at: Millis,
    pub user_agent: Option<String>,
}

impl Store {
    /// Signs in whoever has proved to be `person`, and ends the session `replaces`, whosever it was: a token from before
    /// a sign-in is worth nothing after it. [`Error::Stale`] if the password was changed since `person` was read.
    /// Returns when the session ends.
    pub async fn create_session(
        &self,
        person: &Person,
        new: &NewSession,
        replaces: Option<&TokenHash>,
    ) -> Result<Millis, Error> {
        let mut tx = self.pool.begin().await.map_err(database("sign in"))?;
        if let Some(old) = replaces {
            sqlx::query!("delete from session where token_hash = $1", &old[..])
                .execute(&mut *tx)
                .await
                .map_err(database("end a session"))?;
        }
        // `for share` waits for a change of the password, and then looks at the password again.
        let expires_at = sqlx::query_scalar!(
            "with proved as (select id from person where id = $1 and password_hash = $2 for share)
             insert into session (token_hash, person_id, expires_at, user_agent)
             select $3, id, now() + $4::bigint * interval '1 millisecond', $5 from proved
             returning expires_at",
            person.id.uuid(),
            person.password_hash.as_str(),
            &new.token_hash[..],
            new.ttl_ms,
            new.user_agent.as_deref().map(clean_text),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("begin a session"))?
        .ok_or_else(|| Error::stale("password of the person", person.id))?;
        tx.commit().await.map_err(database("sign in"))?;
        Ok(millis(expires_at))
    }

    /// Notes, at most once a minute, that it was seen. One that has expired is not found.
    pub async fn session(&self, token_hash: &TokenHash) -> Result<Option<Session>, Error> {
        let found = sqlx::query_as!(
            Stored,
            "select s.token_hash, s.person_id, p.email, s.created_at, s.last_seen_at, s.expires_at, s.user_agent,
                    s.last_seen_at < now() - interval '1 minute' as \"touch!\"
             from session s join person p on p.id = s.person_id
             where s.token_hash = $1 and s.expires_at > now()",
            &token_hash[..],
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(database("find a session"))?;
        if found.as_ref().is_some_and(|found| found.touch) {
            sqlx::query!(
                "update session set last_seen_at = now()
                 where token_hash = $1 and last_seen_at < now() - interval '1 minute'",
                &token_hash[..],
            )
            .execute(&self.pool)
            .await
            .map_err(database("note that a session was seen"))?;
        }
        found.map(Session::try_from).transpose()
    }

    /// Those that have not expired, the newest first.
    pub async fn sessions(&self, person: UserId) -> Result<Vec<Session>, Error> {
        sqlx::query_as!(
            Stored,
            "select s.token_hash, s.person_id, p.email, s.created_at, s.last_seen_at, s.expires_at, s.user_agent,
                    false as \"touch!\"
             from session s join person p on p.id = s.person_id
             where s.person_id = $1 and s.expires_at > now()
             order by s.created_at desc, s.token_hash",
            person.uuid(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(database("list the sessions of a person"))?
        .into_iter()
        .map(Session::try_from)
        .collect()
    }

    /// Whether there was one.
    pub async fn delete_session(&self, token_hash: &TokenHash) -> Result<bool, Error> {
        let ended = sqlx::query!("delete from session where token_hash = $1", &token_hash[..])
            .execute(&self.pool)
            .await
            .map_err(database("end a session"))?;
        Ok(ended.rows_affected() > 0)
    }

    /// Signs a person out everywhere.
    pub async fn delete_sessions(&self, person: UserId) -> Result<u64, Error> {
        let ended = sqlx::query!("delete from session where person_id = $1", person.uuid())
            .execute(&self.pool)
            .await
            .map_err(database("end the sessions of a person"))?;
        Ok(ended.rows_affected())
    }
}

struct Stored {
    token_hash: Vec<u8>,
    person_id: Uuid,
    email: String,
    created_at: OffsetDateTime,
    last_seen_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    user_agent: Option<String>,
    touch: bool,
}

impl TryFrom<Stored> for Session {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let person = UserId::from_uuid(stored.person_id);
        Ok(Self {
            token_hash: TokenHash::try_from(stored.token_hash)
                .map_err(|_| Error::not_found("session with a hash of 32 bytes of the person", person))?,
            person,
            email: stored.email,
            created_at: millis(stored.created_at),
            last_seen_at: millis(stored.last_seen_at),
            expires_at: millis(stored.expires_at),
            user_agent: stored.user_agent,
        })
    }
}
