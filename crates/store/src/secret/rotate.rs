use std::collections::BTreeMap;

use domain::SecretId;
use sqlx::PgTransaction;

use super::MasterKeys;
use super::cipher::{self, Sealed};
use super::keys::{DataKey, Wrapped};
use super::sealed::{address, open};
use crate::error::database;
use crate::{Error, Scope};

/// What a rotation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Data keys that the current master key wrapped: made anew, or unwrapped with an older one.
    pub rewrapped: u64,
    /// Values that were sealed with a new data key.
    pub resealed: u64,
}

impl Scope {
    /// A new data key, wrapped by the current master key, seals every value; the ones before are deleted. Whoever
    /// writes secrets of the workspace waits for the end; whoever opens them does not.
    pub async fn rotate_keys(&self) -> Result<Rotated, Error> {
        let keys = self.master_keys()?;
        let mut tx = self.begin().await?;
        self.lock_configuration(&mut tx).await?;
        let older = self.data_keys(&mut tx, keys).await?;
        let Some(newest) = older.keys().next_back().copied() else { return Ok(Rotated::default()) };
        let key = self.new_data_key(&mut tx, keys, newest + 1).await?;
        let resealed = self.reseal(&mut tx, &older, &key).await?;
        sqlx::query!("delete from data_key where workspace_id = $1 and version <= $2", self.workspace_uuid(), newest)
            .execute(&mut *tx)
            .await
            .map_err(database("delete the data keys before"))?;
        tx.commit().await.map_err(database("rotate the keys of a workspace"))?;
        Ok(Rotated { rewrapped: 1, resealed })
    }

    /// Wraps the data keys that older master keys wrapped with the current one, so that the older ones can go. The
    /// values stay as they are.
    pub async fn rewrap_keys(&self) -> Result<Rotated, Error> {
        let keys = self.master_keys()?;
        let mut tx = self.begin().await?;
        self.lock_configuration(&mut tx).await?;
        let mut rewrapped = 0;
        for wrapped in self.wrapped_keys(&mut tx).await? {
            if wrapped.master_key_id == keys.current_id() {
                continue;
            }
            let key = keys.unwrap(self.workspace, &wrapped).await?;
            let wrapped = keys.wrap(self.workspace, key.version, &key.bytes).await?;
            sqlx::query!(
                "update data_key set master_key_id = $3, nonce = $4, wrapped = $5
                 where workspace_id = $1 and version = $2",
                self.workspace_uuid(),
                wrapped.version,
                wrapped.master_key_id,
                wrapped.sealed.nonce,
                wrapped.sealed.text,
            )
            .execute(&mut *tx)
            .await
            .map_err(database("wrap a data key"))?;
            rewrapped += 1;
        }
        tx.commit().await.map_err(database("wrap the data keys of a workspace"))?;
        Ok(Rotated { rewrapped, resealed: 0 })
    }

    async fn reseal(
        &self,
        tx: &mut PgTransaction<'_>,
        older: &BTreeMap<i32, DataKey>,
        key: &DataKey,
    ) -> Result<u64, Error> {
        let secrets = sqlx::query!(
            "select id, key_version, nonce, sealed from secret where workspace_id = $1 order by id for update",
            self.workspace_uuid(),
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(database("read the secrets of a workspace"))?;
        let count = secrets.len() as u64;
        for secret in secrets {
            let id = SecretId::from_uuid(secret.id);
            let before = older
                .get(&secret.key_version)
                .ok_or_else(|| Error::not_found("data key of the version", secret.key_version))?;
            let value = open(self.workspace, id, before, &Sealed { nonce: secret.nonce, text: secret.sealed })?;
            let address = address(self.workspace, id, key.version);
            let sealed = cipher::seal(&key.bytes, &address, value.expose().as_bytes())?;
            sqlx::query!(
                "update secret set key_version = $3, nonce = $4, sealed = $5 where workspace_id = $1 and id = $2",
                self.workspace_uuid(),
                secret.id,
                key.version,
                sealed.nonce,
                sealed.text,
            )
            .execute(&mut **tx)
            .await
            .map_err(database("seal a secret anew"))?;
        }
        Ok(count)
    }

    async fn data_keys(&self, tx: &mut PgTransaction<'_>, keys: &MasterKeys) -> Result<BTreeMap<i32, DataKey>, Error> {
        let mut opened = BTreeMap::new();
        for wrapped in self.wrapped_keys(tx).await? {
            opened.insert(wrapped.version, keys.unwrap(self.workspace, &wrapped).await?);
        }
        Ok(opened)
    }

    async fn wrapped_keys(&self, tx: &mut PgTransaction<'_>) -> Result<Vec<Wrapped>, Error> {
        let found = sqlx::query!(
            "select version, master_key_id, nonce, wrapped from data_key where workspace_id = $1 order by version",
            self.workspace_uuid(),
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(database("read the data keys of a workspace"))?;
        let wrapped = found.into_iter().map(|row| Wrapped {
            version: row.version,
            master_key_id: row.master_key_id,
            sealed: Sealed { nonce: row.nonce, text: row.wrapped },
        });
        Ok(wrapped.collect())
    }
}
