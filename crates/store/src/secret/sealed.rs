use std::collections::BTreeMap;

use domain::{DestinationId, Millis, SecretId, SourceId, WorkspaceId};
use sqlx::PgTransaction;
use uuid::Uuid;

use super::cipher::{self, Sealed};
use super::keys::{DataKey, Wrapped};
use super::{MasterKeys, Plaintext};
use crate::codec::millis;
use crate::error::database;
use crate::{Error, Scope};

/// What a secret belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Source(SourceId),
    Destination(DestinationId),
}

/// What may be told of a secret that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretInfo {
    pub id: SecretId,
    /// The end of the value, where it is long enough to show it.
    pub hint: Option<String>,
    pub updated_at: Millis,
}

impl Owner {
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Destination(_) => "destination",
        }
    }

    pub(crate) const fn uuid(self) -> Uuid {
        match self {
            Self::Source(id) => id.uuid(),
            Self::Destination(id) => id.uuid(),
        }
    }
}

impl Scope {
    /// Keeps a value under the field of its owner. The field keeps its id: a changed password changes no definition.
    pub(crate) async fn seal(
        &self,
        tx: &mut PgTransaction<'_>,
        owner: Owner,
        field: &str,
        value: &Plaintext,
    ) -> Result<SecretId, Error> {
        // Keeps a rotation out until this transaction ends.
        self.lock_configuration(tx).await?;
        let keys = self.master_keys()?;
        let key = match self.newest_data_key(tx, keys).await? {
            Some(key) => key,
            None => self.new_data_key(tx, keys, 1).await?,
        };
        let found = sqlx::query_scalar!(
            "select id from secret where workspace_id = $1 and owner_kind = $2 and owner_id = $3 and field = $4",
            self.workspace_uuid(),
            owner.kind(),
            owner.uuid(),
            field,
        )
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("find a secret"))?;
        let id = SecretId::from_uuid(found.unwrap_or_else(Uuid::now_v7));
        let sealed = cipher::seal(&key.bytes, &address(self.workspace, id, key.version), value.expose().as_bytes())?;
        sqlx::query!(
            "insert into secret (workspace_id, id, owner_kind, owner_id, field, key_version, nonce, sealed, hint)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (workspace_id, id) do update set
                key_version = excluded.key_version, nonce = excluded.nonce, sealed = excluded.sealed,
                hint = excluded.hint, updated_at = now()",
            self.workspace_uuid(),
            id.uuid(),
            owner.kind(),
            owner.uuid(),
            field,
            key.version,
            sealed.nonce,
            sealed.text,
            value.hint(),
        )
        .execute(&mut **tx)
        .await
        .map_err(database("store a secret"))?;
        Ok(id)
    }

    /// The value of a secret, for whoever uses it.
    pub async fn open_secret(&self, secret: SecretId) -> Result<Plaintext, Error> {
        // One statement: a rotation at the same time is seen either whole or not at all.
        let found = sqlx::query!(
            "select s.key_version, s.nonce, s.sealed, k.master_key_id, k.nonce as key_nonce, k.wrapped
             from secret s join data_key k on k.workspace_id = s.workspace_id and k.version = s.key_version
             where s.workspace_id = $1 and s.id = $2",
            self.workspace_uuid(),
            secret.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read a secret"))?
        .ok_or_else(|| Error::not_found("secret", secret))?;
        let keys = self.master_keys()?;
        let wrapped = Wrapped {
            version: found.key_version,
            master_key_id: found.master_key_id,
            sealed: Sealed { nonce: found.key_nonce, text: found.wrapped },
        };
        let key = keys.unwrap(self.workspace, &wrapped).await?;
        open(self.workspace, secret, &key, &Sealed { nonce: found.nonce, text: found.sealed })
    }

    /// Which fields of an owner hold a secret.
    pub async fn secret_infos(&self, owner: Owner) -> Result<BTreeMap<String, SecretInfo>, Error> {
        self.read_secret_infos(&mut self.begin().await?, owner).await
    }

    pub(crate) async fn read_secret_infos(
        &self,
        tx: &mut PgTransaction<'_>,
        owner: Owner,
    ) -> Result<BTreeMap<String, SecretInfo>, Error> {
        let mut infos = self.read_all_secret_infos(tx, owner.kind(), &[owner.uuid()]).await?;
        Ok(infos.remove(&owner.uuid()).unwrap_or_default())
    }

    /// Of several owners of one kind.
    pub(crate) async fn read_all_secret_infos(
        &self,
        tx: &mut PgTransaction<'_>,
        kind: &str,
        owners: &[Uuid],
    ) -> Result<BTreeMap<Uuid, BTreeMap<String, SecretInfo>>, Error> {
        let found = sqlx::query!(
            "select owner_id, field, id, hint, updated_at from secret
             where workspace_id = $1 and owner_kind = $2 and owner_id = any($3)",
            self.workspace_uuid(),
            kind,
            owners,
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(database("list secrets"))?;
        let mut infos = BTreeMap::<Uuid, BTreeMap<String, SecretInfo>>::new();
        for row in found {
            let (id, updated_at) = (SecretId::from_uuid(row.id), millis(row.updated_at));
            infos.entry(row.owner_id).or_default().insert(row.field, SecretInfo { id, hint: row.hint, updated_at });
        }
        Ok(infos)
    }

    /// Deletes what an owner does not need any more: all its secrets but those of these fields.
    pub(crate) async fn keep_secrets(
        &self,
        tx: &mut PgTransaction<'_>,
        owner: Owner,
        fields: &[String],
    ) -> Result<(), Error> {
        self.lock_configuration(tx).await?;
        sqlx::query!(
            "delete from secret
             where workspace_id = $1 and owner_kind = $2 and owner_id = $3 and field <> all($4)",
            self.workspace_uuid(),
            owner.kind(),
            owner.uuid(),
            fields,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("delete secrets"))?;
        Ok(())
    }

    pub(crate) fn master_keys(&self) -> Result<&MasterKeys, Error> {
        self.keys.as_deref().ok_or(Error::NoMasterKey)
    }

    pub(crate) async fn newest_data_key(
        &self,
        tx: &mut PgTransaction<'_>,
        keys: &MasterKeys,
    ) -> Result<Option<DataKey>, Error> {
        let found = sqlx::query!(
            "select version, master_key_id, nonce, wrapped from data_key
             where workspace_id = $1 order by version desc limit 1",
            self.workspace_uuid(),
        )
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("read a data key"))?;
        let Some(found) = found else { return Ok(None) };
        let sealed = Sealed { nonce: found.nonce, text: found.wrapped };
        let wrapped = Wrapped { version: found.version, master_key_id: found.master_key_id, sealed };
        Ok(Some(keys.unwrap(self.workspace, &wrapped).await?))
    }

    pub(crate) async fn new_data_key(
        &self,
        tx: &mut PgTransaction<'_>,
        keys: &MasterKeys,
        version: i32,
    ) -> Result<DataKey, Error> {
        let bytes = cipher::new_key()?;
        let wrapped = keys.wrap(self.workspace, version, &bytes).await?;
        sqlx::query!(
            "insert into data_key (workspace_id, version, master_key_id, nonce, wrapped) values ($1, $2, $3, $4, $5)",
            self.workspace_uuid(),
            version,
            wrapped.master_key_id,
            wrapped.sealed.nonce,
            wrapped.sealed.text,
        )
        .execute(&mut **tx)
        .await
        .map_err(database("store a data key"))?;
        Ok(DataKey { version, bytes })
    }
}

/// The address of a value.
pub(crate) fn address(workspace: WorkspaceId, secret: SecretId, version: i32) -> Vec<u8> {
    let (workspace, secret, version) = (workspace.uuid(), secret.uuid(), version.to_be_bytes());
    cipher::address(&[b"secret", b"sealed", workspace.as_bytes(), secret.as_bytes(), &version])
}

pub(crate) fn open(
    workspace: WorkspaceId,
    secret: SecretId,
    key: &DataKey,
    sealed: &Sealed,
) -> Result<Plaintext, Error> {
    let broken = || Error::DoesNotOpen { what: format!("the sealed value of {secret}") };
    let opened = cipher::open(&key.bytes, &address(workspace, secret, key.version), sealed).map_err(|_| broken())?;
    let text = std::str::from_utf8(&opened).map_err(|_| broken())?;
    Ok(Plaintext::new(text.to_owned()))
}
