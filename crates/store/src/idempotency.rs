//! First answers, for those who ask again because they did not get one.

use serde_json::Value;
use uuid::Uuid;

use crate::error::database;
use crate::{Error, Scope};

/// What is known of a request that carries an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotent {
    /// Never seen, or so long ago that it counts as new. Serve it, then finish or abandon the ticket.
    First(Ticket),
    /// The first one is at work.
    InProgress,
    Replay(Answer),
    /// The key came with another request before.
    OtherRequest,
}

/// The right to answer for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    actor: Uuid,
    key: String,
    attempt: Uuid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Value,
    pub body: Vec<u8>,
}

impl Scope {
    /// `actor`: the person or the API key that asks; keys of one say nothing to another. `request_hash`: of method, path
    /// and body. An answer counts for 24 hours, a request at work for 2 minutes: whoever served it may be dead.
    pub async fn begin_idempotent(&self, actor: Uuid, key: &str, request_hash: &[u8]) -> Result<Idempotent, Error> {
        let attempt = Uuid::now_v7();
        let mut tx = self.begin().await?;
        let first = sqlx::query!(
            "insert into idempotency as i (workspace_id, actor, key, request_hash, attempt) values ($1, $2, $3, $4, $5)
             on conflict (workspace_id, actor, key) do update set
                request_hash = excluded.request_hash, attempt = excluded.attempt, status = null, headers = null,
                body = null, created_at = now()
             where i.created_at < now() - interval '24 hours'
                or i.status is null and i.created_at < now() - interval '2 minutes'",
            self.workspace_uuid(),
            actor,
            key,
            request_hash,
            attempt,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("note a request"))?;
        if first.rows_affected() == 1 {
            tx.commit().await.map_err(database("note a request"))?;
            return Ok(Idempotent::First(Ticket { actor, key: key.to_owned(), attempt }));
        }
        let found = sqlx::query!(
            "select request_hash, status, headers, body from idempotency
             where workspace_id = $1 and actor = $2 and key = $3",
            self.workspace_uuid(),
            actor,
            key,
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("read the answer to a request"))?;
        Ok(match found {
            // Abandoned between the two statements: whoever asks once more is the first.
            None => Idempotent::InProgress,
            Some(found) if found.request_hash != request_hash => Idempotent::OtherRequest,
            Some(found) => match found.status {
                None => Idempotent::InProgress,
                Some(status) => Idempotent::Replay(Answer {
                    status: status.cast_unsigned(),
                    headers: found.headers.unwrap_or_default(),
                    body: found.body.unwrap_or_default(),
                }),
            },
        })
    }

    /// Keeps the answer. Does nothing if another request has taken over meanwhile.
    pub async fn finish_idempotent(&self, ticket: &Ticket, answer: &Answer) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query!(
            "update idempotency set status = $5, headers = $6, body = $7
             where workspace_id = $1 and actor = $2 and key = $3 and attempt = $4 and status is null",
            self.workspace_uuid(),
            ticket.actor,
            ticket.key,
            ticket.attempt,
            answer.status.cast_signed(),
            answer.headers,
            answer.body,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("keep the answer to a request"))?;
        tx.commit().await.map_err(database("keep the answer to a request"))
    }

    /// The request failed on our side: it may be tried again.
    pub async fn abandon_idempotent(&self, ticket: &Ticket) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query!(
            "delete from idempotency
             where workspace_id = $1 and actor = $2 and key = $3 and attempt = $4 and status is null",
            self.workspace_uuid(),
            ticket.actor,
            ticket.key,
            ticket.attempt,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("forget a request"))?;
        tx.commit().await.map_err(database("forget a request"))
    }
}
