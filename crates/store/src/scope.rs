use std::sync::Arc;

use domain::WorkspaceId;
use engine::hash::HashKey;
use sqlx::{AssertSqlSafe, PgPool, PgTransaction};
use uuid::Uuid;

use crate::error::database;
use crate::{Error, MasterKeys, Store};

/// The data of one workspace.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(crate) pool: PgPool,
    pub(crate) keys: Option<Arc<MasterKeys>>,
    pub(crate) workspace: WorkspaceId,
}

#[derive(Debug, Clone)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    pub hash_key: HashKey,
    pub hash_key_id: u32,
    /// What a role of the user's account demands of us.
    pub external_id: String,
}

impl Store {
    /// The command line's workspace of this name; made with `hash_key` if there is none, else it keeps the key it has.
    pub async fn ensure_workspace(&self, name: &str, hash_key: [u8; 32]) -> Result<Workspace, Error> {
        if let Some(found) = self.local_workspace(name).await? {
            return self.scope(found).workspace_state().await;
        }
        let scope = self.scope(WorkspaceId::from_uuid(Uuid::now_v7()));
        let mut tx = scope.begin().await?;
        let made = sqlx::query!(
            "insert into workspace (id, name, hash_key, is_local) values ($1, $2, $3, true)
             on conflict (name) where is_local do nothing",
            scope.workspace_uuid(),
            name,
            &hash_key[..],
        )
        .execute(&mut *tx)
        .await
        .map_err(database("create a workspace"))?;
        if made.rows_affected() == 1 {
            sqlx::query!("insert into dispatch (workspace_id) values ($1)", scope.workspace_uuid())
                .execute(&mut *tx)
                .await
                .map_err(database("create a workspace"))?;
            tx.commit().await.map_err(database("create a workspace"))?;
            return scope.workspace_state().await;
        }
        let other = self.local_workspace(name).await?.ok_or_else(|| Error::not_found("workspace", name))?;
        self.scope(other).workspace_state().await
    }
}

impl Scope {
    pub const fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    pub(crate) const fn workspace_uuid(&self) -> Uuid {
        self.workspace.uuid()
    }

    /// What a run needs to know of its workspace.
    pub async fn workspace_state(&self) -> Result<Workspace, Error> {
        let found = sqlx::query!(
            "select name, hash_key, hash_key_id, external_id from workspace where id = $1",
            self.workspace_uuid()
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read a workspace"))?
        .ok_or_else(|| Error::not_found("workspace", self.workspace))?;
        let key = <[u8; 32]>::try_from(found.hash_key)
            .map_err(|_| Error::not_found("hash key of 32 bytes of the workspace", self.workspace))?;
        Ok(Workspace {
            id: self.workspace,
            name: found.name,
            hash_key: HashKey::new(key),
            hash_key_id: found.hash_key_id.cast_unsigned(),
            external_id: found.external_id,
        })
    }

    /// A transaction that sees this workspace and no other.
    pub(crate) async fn begin(&self) -> Result<PgTransaction<'static>, Error> {
        self.begin_as("begin").await
    }

    /// From here on, a transaction that began across workspaces sees this one and no other.
    pub(crate) async fn enter(&self, tx: &mut PgTransaction<'_>) -> Result<(), Error> {
        sqlx::query_scalar!("select set_config('rowcast.workspace', $1, true)", self.workspace_uuid().to_string())
            .fetch_one(&mut **tx)
            .await
            .map_err(database("enter a workspace"))?;
        Ok(())
    }

    /// One message to the server: no statement of ours ever runs between the two.
    pub(crate) async fn begin_as(&self, begin: &'static str) -> Result<PgTransaction<'static>, Error> {
        let statement = format!("{begin}; set local rowcast.workspace = '{}'", self.workspace_uuid());
        let begun = self.pool.begin_with(AssertSqlSafe(statement)).await;
        begun.map_err(database("begin a transaction"))
    }
}
