use domain::{KeyId, Millis, Role, UserId, WorkspaceId};
use serde_json::json;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use super::TokenHash;
use crate::audit::audit;
use crate::codec::{from_word, millis};
use crate::error::database;
use crate::{Audit, Error, Page, Scope, Store};

#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Part of what the user gets to see, so the caller chooses it.
    pub id: KeyId,
    pub name: String,
    pub secret_hash: TokenHash,
    /// The end of the secret.
    pub hint: String,
    pub role: Role,
    pub created_by: Option<UserId>,
    pub expires_at: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub workspace: WorkspaceId,
    pub id: KeyId,
    pub name: String,
    pub secret_hash: TokenHash,
    pub hint: String,
    pub role: Role,
    /// The person who made it, or who made the key that it was made with.
    pub created_by: Option<UserId>,
    /// What that person may do here, as of reading: a key does no more. Without a person, nothing holds it back.
    pub maker: Option<Role>,
    pub created_at: Millis,
    pub expires_at: Option<Millis>,
    /// To the minute.
    pub last_used_at: Option<Millis>,
    pub revoked_at: Option<Millis>,
    /// As of reading.
    pub state: KeyState,
    note_use: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Active,
    Expired,
    /// Or who made it is no member any more.
    Revoked,
}

impl ApiKey {
    /// Its role, but no more than its maker may do.
    pub fn acts_as(&self) -> Role {
        self.maker.map_or(self.role, |maker| maker.min(self.role))
    }
}

impl Store {
    /// The key of this id, whatever its state; the caller compares the hash of the secret, and then calls
    /// [`Self::api_key_used`].
    pub async fn api_key(&self, id: KeyId) -> Result<Option<ApiKey>, Error> {
        let found = sqlx::query_scalar!("select workspace_of_api_key($1)", id.uuid())
            .fetch_one(&self.pool)
            .await
            .map_err(database("find an API key"))?;
        match found {
            Some(workspace) => self.scope(WorkspaceId::from_uuid(workspace)).api_key(id).await,
            None => Ok(None),
        }
    }

    /// Notes, at most once a minute, that somebody who knows the secret used the key.
    pub async fn api_key_used(&self, key: &ApiKey) -> Result<(), Error> {
        if !key.note_use {
            return Ok(());
        }
        let mut tx = self.scope(key.workspace).begin().await?;
        sqlx::query!(
            "update api_key set last_used_at = now()
             where workspace_id = $1 and id = $2
               and (last_used_at is null or last_used_at < now() - interval '1 minute')",
            key.workspace.uuid(),
            key.id.uuid(),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("note the use of an API key"))?;
        tx.commit().await.map_err(database("note the use of an API key"))
    }
}

impl Scope {
    pub async fn create_api_key(&self, by: &Audit, new: &NewApiKey) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query!(
            "insert into api_key (workspace_id, id, name, secret_hash, hint, role, created_by, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8::bigint / 1000.0))",
            self.workspace_uuid(),
            new.id.uuid(),
            new.name,
            &new.secret_hash[..],
            new.hint,
            new.role.as_str(),
            new.created_by.map(UserId::uuid),
            new.expires_at,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("create an API key"))?;
        let detail = json!({"name": new.name, "role": new.role, "hint": new.hint, "expires_at": new.expires_at});
        audit(&mut tx, self.workspace, by, Some(new.id.to_string()), detail).await?;
        tx.commit().await.map_err(database("create an API key"))
    }

    /// Newest first, those that have expired or were revoked too.
    pub async fn api_keys(&self, page: Page) -> Result<Vec<ApiKey>, Error> {
        let found = sqlx::query_as!(
            Stored,
            "select k.id, k.name, k.secret_hash, k.hint, k.role, k.created_by, m.role as \"maker?\", k.created_at,
                    k.expires_at, k.last_used_at, k.revoked_at,
                    coalesce(k.expires_at <= now(), false) as \"expired!\", false as \"note_use!\"
             from api_key k
             left join member m on m.workspace_id = k.workspace_id and m.person_id = k.created_by
             where k.workspace_id = $1 and k.id < $2
             order by k.id desc
             limit $3",
            self.workspace_uuid(),
            page.before(),
            page.limit(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list API keys"))?;
        found.into_iter().map(|found| found.key(self.workspace)).collect()
    }

    pub async fn api_key(&self, id: KeyId) -> Result<Option<ApiKey>, Error> {
        let found = sqlx::query_as!(
            Stored,
            "select k.id, k.name, k.secret_hash, k.hint, k.role, k.created_by, m.role as \"maker?\", k.created_at,
                    k.expires_at, k.last_used_at, k.revoked_at,
                    coalesce(k.expires_at <= now(), false) as \"expired!\",
                    coalesce(k.last_used_at < now() - interval '1 minute', true) as \"note_use!\"
             from api_key k
             left join member m on m.workspace_id = k.workspace_id and m.person_id = k.created_by
             where k.workspace_id = $1 and k.id = $2",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read an API key"))?;
        found.map(|found| found.key(self.workspace)).transpose()
    }

    /// For good. Once more is no error and changes nothing. `acting`: the role of whoever asks, who cannot touch a key of a
    /// higher one.
    pub async fn revoke_api_key(&self, by: &Audit, acting: Role, id: KeyId) -> Result<(), Error> {
        let found = self.api_key(id).await?.ok_or_else(|| Error::not_found("API key", id))?;
        if found.role > acting {
            return Err(Error::NeedsRole(found.role));
        }
        let mut tx = self.begin().await?;
        let revoked = sqlx::query_scalar!(
            "update api_key set revoked_at = now() where workspace_id = $1 and id = $2 and revoked_at is null
             returning name",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("revoke an API key"))?;
        let Some(name) = revoked else { return Ok(()) };
        audit(&mut tx, self.workspace, by, Some(id.to_string()), json!({"name": name})).await?;
        tx.commit().await.map_err(database("revoke an API key"))
    }
}

struct Stored {
    id: Uuid,
    name: String,
    secret_hash: Vec<u8>,
    hint: String,
    role: String,
    created_by: Option<Uuid>,
    maker: Option<String>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    last_used_at: Option<OffsetDateTime>,
    revoked_at: Option<OffsetDateTime>,
    expired: bool,
    note_use: bool,
}

impl Stored {
    fn key(self, workspace: WorkspaceId) -> Result<ApiKey, Error> {
        let id = KeyId::from_uuid(self.id);
        let maker_left = self.created_by.is_some() && self.maker.is_none();
        let state = match (self.revoked_at.is_some() || maker_left, self.expired) {
            (true, _) => KeyState::Revoked,
            (false, true) => KeyState::Expired,
            (false, false) => KeyState::Active,
        };
        Ok(ApiKey {
            workspace,
            id,
            name: self.name,
            secret_hash: TokenHash::try_from(self.secret_hash)
                .map_err(|_| Error::not_found("API key with a hash of 32 bytes", id))?,
            hint: self.hint,
            role: from_word("the role of an API key", self.role)?,
            created_by: self.created_by.map(UserId::from_uuid),
            maker: self.maker.map(|role| from_word("the role of a member", role)).transpose()?,
            created_at: millis(self.created_at),
            expires_at: self.expires_at.map(millis),
            last_used_at: self.last_used_at.map(millis),
            revoked_at: self.revoked_at.map(millis),
            state,
            note_use: self.note_use,
        })
    }
}
