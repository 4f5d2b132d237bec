use domain::{SyncId, WorkspaceId};
use serde_json::Value;
use sqlx::PgTransaction;
use uuid::Uuid;

use crate::codec::{from_json, to_text, unsigned};
use crate::error::database;
use crate::{Definition, Error, Part, Scope};

/// What became of a definition that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutSync {
    pub id: SyncId,
    /// Of the definition as it is now; it rises only if something differs.
    pub version: u32,
    pub created: bool,
    /// What differs from the version whose changes a finished run took up last; empty before the first such run.
    pub changed: Vec<Part>,
}

#[derive(Debug, Clone)]
pub struct SyncState {
    pub id: SyncId,
    pub name: String,
    pub version: u32,
    /// The newest version of the definition.
    pub definition: Definition,
    /// The version whose changes a finished run took up last.
    pub accepted_version: Option<u32>,
    pub epoch: u64,
    pub manifest_version: u64,
    /// The starting epoch of an unfinished full resync.
    pub resync_epoch: Option<u64>,
    pub first_run_done: bool,
    /// The stream that the snapshot belongs to.
    pub stream: Option<Value>,
    /// What the user has to answer before the next run sends.
    pub question: Option<Value>,
}

impl Scope {
    /// Makes or changes the sync of this name, with a source, a model and a destination of the same name.
    pub async fn put_sync(&self, name: &str, definition: &Definition) -> Result<PutSync, Error> {
        let mut tx = self.begin_change().await?;
        let parts = put_parts(&mut tx, self.workspace, name, definition).await?;
        let sync = sqlx::query!(
            "insert into sync (workspace_id, id, name, model_id, destination_id, config)
             values ($1, $2, $3, $4, $5, $6::text::json)
             on conflict (workspace_id, name) do update
                set model_id = excluded.model_id, destination_id = excluded.destination_id, config = excluded.config,
                    revision = sync.revision + 1, updated_at = now()
             returning id, version, accepted_version",
            self.workspace_uuid(),
            Uuid::now_v7(),
            name,
            parts.model,
            parts.destination,
            to_text("a sync", &definition.sync)?,
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(database("store a sync"))?;
        let id = SyncId::from_uuid(sync.id);
        let newest = match sync.version {
            0 => None,
            version => Some(read_version(&mut tx, self.workspace, id, version).await?),
        };
        let version = match newest {
            Some(newest) if definition.changes_from(&newest).is_empty() => sync.version,
            _ => add_version(&mut tx, self.workspace, id, sync.version + 1, definition).await?,
        };
        let changed = match sync.accepted_version {
            Some(accepted) => definition.changes_from(&read_version(&mut tx, self.workspace, id, accepted).await?),
            None => Vec::new(),
        };
        tx.commit().await.map_err(database("store a sync"))?;
        Ok(PutSync { id, version: version.cast_unsigned(), created: sync.version == 0, changed })
    }

    pub async fn sync(&self, name: &str) -> Result<Option<SyncState>, Error> {
        let found = sqlx::query_scalar!(
            "select id from sync where workspace_id = $1 and name = $2",
            self.workspace_uuid(),
            name
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read a sync"))?;
        match found {
            Some(id) => self.sync_state(SyncId::from_uuid(id)).await.map(Some),
            None => Ok(None),
        }
    }

    pub async fn sync_state(&self, sync: SyncId) -> Result<SyncState, Error> {
        let found = sqlx::query!(
            "select s.name, s.version, s.accepted_version, s.epoch, s.manifest_version, s.resync_epoch,
                    s.first_run_done, s.stream, s.question, v.definition
             from sync s join sync_version v using (workspace_id, version)
             where s.workspace_id = $1 and s.id = $2 and v.sync_id = $2",
            self.workspace_uuid(),
            sync.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read a sync"))?
        .ok_or_else(|| Error::not_found("sync", sync))?;
        Ok(SyncState {
            id: sync,
            name: found.name,
            version: found.version.cast_unsigned(),
            definition: from_json("the definition of a sync", found.definition)?,
            accepted_version: found.accepted_version.map(i32::cast_unsigned),
            epoch: unsigned(found.epoch),
            manifest_version: unsigned(found.manifest_version),
            resync_epoch: found.resync_epoch.map(unsigned),
            first_run_done: found.first_run_done,
            stream: found.stream,
            question: found.question,
        })
    }

    /// The definition of a sync as of a version.
    pub async fn definition(&self, sync: SyncId, version: u32) -> Result<Definition, Error> {
        let mut tx = self.begin().await?;
        read_version(&mut tx, self.workspace, sync, version.cast_signed()).await
    }
}

pub(crate) async fn read_version(
    tx: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    sync: SyncId,
    version: i32,
) -> Result<Definition, Error> {
    let definition = sqlx::query_scalar!(
        "select definition from sync_version where workspace_id = $1 and sync_id = $2 and version = $3",
        workspace.uuid(),
        sync.uuid(),
        version,
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(database("read the definition of a sync"))?
    .ok_or_else(|| Error::not_found("version of the sync", format!("{sync}, {version}")))?;
    from_json("the definition of a sync", definition)
}

pub(crate) async fn add_version(
    tx: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    sync: SyncId,
    version: i32,
    definition: &Definition,
) -> Result<i32, Error> {
    sqlx::query!(
        "with added as (
             insert into sync_version (workspace_id, sync_id, version, definition) values ($1, $2, $3, $4::text::json)
         )
         update sync set version = $3 where workspace_id = $1 and id = $2",
        workspace.uuid(),
        sync.uuid(),
        version,
        to_text("the definition of a sync", definition)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(database("store a version of a sync"))?;
    Ok(version)
}

struct Parts {
    model: Uuid,
    destination: Uuid,
}

async fn put_parts(
    tx: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    name: &str,
    definition: &Definition,
) -> Result<Parts, Error> {
    let source = sqlx::query_scalar!(
        "insert into source (workspace_id, id, name, config) values ($1, $2, $3, $4::text::json)
         on conflict (workspace_id, name) do update
            set config = excluded.config, revision = source.revision + 1, updated_at = now()
         returning id",
        workspace.uuid(),
        Uuid::now_v7(),
        name,
        to_text("a source", &definition.source)?,
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(database("store a source"))?;
    let model = sqlx::query_scalar!(
        "insert into model (workspace_id, id, source_id, name, config) values ($1, $2, $3, $4, $5::text::json)
         on conflict (workspace_id, name) do update
            set source_id = excluded.source_id, config = excluded.config, revision = model.revision + 1,
                updated_at = now()
         returning id",
        workspace.uuid(),
        Uuid::now_v7(),
        source,
        name,
        to_text("a model", &definition.model)?,
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(database("store a model"))?;
    let destination = sqlx::query_scalar!(
        "insert into destination (workspace_id, id, name, config) values ($1, $2, $3, $4::text::json)
         on conflict (workspace_id, name) do update
            set config = excluded.config, revision = destination.revision + 1, updated_at = now(),
                verification = case when destination.config::jsonb = excluded.config::jsonb then destination.verification end,
                verified_at = case when destination.config::jsonb = excluded.config::jsonb then destination.verified_at end
         returning id",
        workspace.uuid(),
        Uuid::now_v7(),
        name,
        to_text("a destination", &definition.destination)?,
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(database("store a destination"))?;
    Ok(Parts { model, destination })
}
