use std::collections::BTreeMap;

use domain::{Millis, SourceId};
use serde_json::Value;
use sqlx::PgTransaction;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Secrets, broken, check_revision, refuse_if_used, slots, taken, told};
use crate::audit::audit;
use crate::codec::{from_json, millis, to_text};
use crate::error::database;
use crate::secret::{Owner, SecretInfo};
use crate::{Audit, Error, Page, Scope};

#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    pub id: SourceId,
    pub name: String,
    pub config: domain::Source,
    /// Which of its secrets the database holds, by field.
    pub secrets: BTreeMap<String, SecretInfo>,
    /// Rises with every change.
    pub revision: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
}

/// A source as it is to be from now on. Where a secret is given in `secrets`, or stays as it is, the configuration
/// holds [`super::SET_BESIDE`] or what was read.
#[derive(Debug, Clone)]
pub struct NewSource {
    pub name: String,
    pub config: domain::Source,
    pub secrets: Secrets,
}

impl Scope {
    pub async fn create_source(&self, by: &Audit, new: &NewSource) -> Result<Source, Error> {
        let mut tx = self.begin_change().await?;
        let id = SourceId::from_uuid(Uuid::now_v7());
        let config = self.source_config(&mut tx, id, new).await?;
        sqlx::query!(
            "insert into source (workspace_id, id, name, config) values ($1, $2, $3, $4::text::json)",
            self.workspace_uuid(),
            id.uuid(),
            new.name,
            config,
        )
        .execute(&mut *tx)
        .await
        .map_err(name_taken(&new.name))?;
        self.told_of_source(tx, by, id, new).await
    }

    pub async fn source(&self, id: SourceId) -> Result<Source, Error> {
        self.read_source(&mut self.begin().await?, id).await
    }

    /// Newest first.
    pub async fn sources(&self, page: Page) -> Result<Vec<Source>, Error> {
        let mut tx = self.begin().await?;
        let found = sqlx::query_as!(
            Stored,
            "select id, name, config, revision, created_at, updated_at from source
             where workspace_id = $1 and id < $2 order by id desc limit $3",
            self.workspace_uuid(),
            page.before(),
            page.limit(),
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(database("list sources"))?;
        let ids: Vec<Uuid> = found.iter().map(|source| source.id).collect();
        let mut secrets = self.read_all_secret_infos(&mut tx, "source", &ids).await?;
        found.into_iter().map(|source| source.with(&mut secrets)).collect()
    }

    /// Every sync that uses it gets a new version, if this changes its definition.
    pub async fn update_source(
        &self,
        by: &Audit,
        id: SourceId,
        expected: Option<i64>,
        new: &NewSource,
    ) -> Result<Source, Error> {
        let mut tx = self.begin_change().await?;
        let before = self.read_source(&mut tx, id).await?;
        check_revision("source", id, before.revision, expected)?;
        let config = self.source_config(&mut tx, id, new).await?;
        sqlx::query!(
            "update source set name = $3, config = $4::text::json, revision = revision + 1, updated_at = now()
             where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
            new.name,
            config,
        )
        .execute(&mut *tx)
        .await
        .map_err(name_taken(&new.name))?;
        self.compose_anew(&mut tx, id.uuid()).await?;
        self.told_of_source(tx, by, id, new).await
    }

    /// With its secrets. One that a model reads stays.
    pub async fn delete_source(&self, by: &Audit, id: SourceId, expected: Option<i64>) -> Result<(), Error> {
        let mut tx = self.begin_change().await?;
        let source = self.read_source(&mut tx, id).await?;
        check_revision("source", id, source.revision, expected)?;
        let used = sqlx::query!(
            "select name, count(*) over () as \"count!\" from model
             where workspace_id = $1 and source_id = $2 order by name limit 3",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(database("find what uses a source"))?;
        let count = used.first().map_or(0, |row| row.count as usize);
        let names: Vec<String> = used.into_iter().map(|row| row.name).collect();
        refuse_if_used("source", id, "model", &names, count)?;
        self.keep_secrets(&mut tx, Owner::Source(id), &[]).await?;
        sqlx::query!("delete from source where workspace_id = $1 and id = $2", self.workspace_uuid(), id.uuid())
            .execute(&mut *tx)
            .await
            .map_err(database("delete a source"))?;
        audit(&mut tx, self.workspace, by, Some(id.to_string()), told(&source.name, &Secrets::new())).await?;
        tx.commit().await.map_err(database("delete a source"))
    }

    /// Seals its secrets. The text that is stored.
    async fn source_config(&self, tx: &mut PgTransaction<'_>, id: SourceId, new: &NewSource) -> Result<String, Error> {
        let mut config = new.config.clone();
        self.fill_slots(tx, Owner::Source(id), slots::of_source(&mut config), &new.secrets).await?;
        to_text("a source", &config)
    }

    async fn told_of_source(
        &self,
        mut tx: PgTransaction<'_>,
        by: &Audit,
        id: SourceId,
        new: &NewSource,
    ) -> Result<Source, Error> {
        audit(&mut tx, self.workspace, by, Some(id.to_string()), told(&new.name, &new.secrets)).await?;
        let source = self.read_source(&mut tx, id).await?;
        tx.commit().await.map_err(database("store a source"))?;
        Ok(source)
    }

    async fn read_source(&self, tx: &mut PgTransaction<'_>, id: SourceId) -> Result<Source, Error> {
        let found = sqlx::query_as!(
            Stored,
            "select id, name, config, revision, created_at, updated_at from source where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("read a source"))?
        .ok_or_else(|| Error::not_found("source", id))?;
        let mut secrets = self.read_all_secret_infos(tx, "source", &[id.uuid()]).await?;
        found.with(&mut secrets)
    }
}

fn name_taken(name: &str) -> impl Fn(sqlx::Error) -> Error {
    move |error| match broken(&error) {
        Some("source_name_key") => taken("source", name),
        _ => database("store a source")(error),
    }
}

struct Stored {
    id: Uuid,
    name: String,
    config: Value,
    revision: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl Stored {
    fn with(self, secrets: &mut BTreeMap<Uuid, BTreeMap<String, SecretInfo>>) -> Result<Source, Error> {
        Ok(Source {
            id: SourceId::from_uuid(self.id),
            name: self.name,
            config: from_json("a source", self.config)?,
            secrets: secrets.remove(&self.id).unwrap_or_default(),
            revision: self.revision,
            created_at: millis(self.created_at),
            updated_at: millis(self.updated_at),
        })
    }
}
