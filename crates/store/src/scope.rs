use domain::WorkspaceId;
use engine::hash::HashKey;
use sqlx::{PgPool, PgTransaction};
use uuid::Uuid;

use crate::error::database;
use crate::{Error, Store};

/// The data of one workspace.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(crate) pool: PgPool,
    pub(crate) workspace: WorkspaceId,
}

#[derive(Debug, Clone)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    pub hash_key: HashKey,
    pub hash_key_id: u32,
}

impl Store {
    /// The workspace of this name; made with `hash_key` if there is none, else it keeps the key it has.
    pub async fn ensure_workspace(&self, name: &str, hash_key: [u8; 32]) -> Result<Workspace, Error> {
        sqlx::query!(
            "insert into workspace (id, name, hash_key) values ($1, $2, $3) on conflict (name) do nothing",
            Uuid::now_v7(),
            name,
            &hash_key[..],
        )
        .execute(&self.pool)
        .await
        .map_err(database("create a workspace"))?;
        let found = sqlx::query!("select id, name, hash_key, hash_key_id from workspace where name = $1", name)
            .fetch_one(&self.pool)
            .await
            .map_err(database("read a workspace"))?;
        let key = <[u8; 32]>::try_from(found.hash_key)
            .map_err(|_| Error::not_found("hash key of 32 bytes of the workspace", name))?;
        Ok(Workspace {
            id: WorkspaceId::from_uuid(found.id),
            name: found.name,
            hash_key: HashKey::new(key),
            hash_key_id: found.hash_key_id.cast_unsigned(),
        })
    }
}

impl Scope {
    pub const fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    pub(crate) const fn workspace_uuid(&self) -> Uuid {
        self.workspace.uuid()
    }

    pub(crate) async fn begin(&self) -> Result<PgTransaction<'static>, Error> {
        self.pool.begin().await.map_err(database("begin a transaction"))
    }
}
