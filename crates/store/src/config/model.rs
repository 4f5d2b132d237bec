use domain::{Millis, ModelId, SourceId};
use serde_json::Value;
use sqlx::PgTransaction;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Secrets, broken, check_revision, refuse_if_used, taken, told};
use crate::audit::audit;
use crate::codec::{from_json, millis, to_text};
use crate::error::database;
use crate::{Audit, Error, Page, Scope};

#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub id: ModelId,
    pub name: String,
    pub source: SourceId,
    pub config: domain::Model,
    /// Rises with every change.
    pub revision: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
}

/// A model as it is to be from now on.
#[derive(Debug, Clone)]
pub struct NewModel {
    pub name: String,
    pub source: SourceId,
    pub config: domain::Model,
}

impl Scope {
    pub async fn create_model(&self, by: &Audit, new: &NewModel) -> Result<Model, Error> {
        let mut tx = self.begin_change().await?;
        let id = ModelId::from_uuid(Uuid::now_v7());
        sqlx::query!(
            "insert into model (workspace_id, id, source_id, name, config) values ($1, $2, $3, $4, $5::text::json)",
            self.workspace_uuid(),
            id.uuid(),
            new.source.uuid(),
            new.name,
            to_text("a model", &new.config)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(refused(new))?;
        self.told_of_model(tx, by, id).await
    }

    pub async fn model(&self, id: ModelId) -> Result<Model, Error> {
        self.read_model(&mut self.begin().await?, id).await
    }

    /// Newest first; `source` leaves out those of others.
    pub async fn models(&self, source: Option<SourceId>, page: Page) -> Result<Vec<Model>, Error> {
        let found = sqlx::query_as!(
            Stored,
            "select id, name, source_id, config, revision, created_at, updated_at from model
             where workspace_id = $1 and id < $2 and ($4::uuid is null or source_id = $4) order by id desc limit $3",
            self.workspace_uuid(),
            page.before(),
            page.limit(),
            source.map(SourceId::uuid),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list models"))?;
        found.into_iter().map(Model::try_from).collect()
    }

    /// Every sync that uses it gets a new version, if this changes its definition.
    pub async fn update_model(
        &self,
        by: &Audit,
        id: ModelId,
        expected: Option<i64>,
        new: &NewModel,
    ) -> Result<Model, Error> {
        let mut tx = self.begin_change().await?;
        let before = self.read_model(&mut tx, id).await?;
        check_revision("model", id, before.revision, expected)?;
        sqlx::query!(
            "update model
             set source_id = $3, name = $4, config = $5::text::json, revision = revision + 1, updated_at = now()
             where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
            new.source.uuid(),
            new.name,
            to_text("a model", &new.config)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(refused(new))?;
        self.compose_anew(&mut tx, id.uuid()).await?;
        self.told_of_model(tx, by, id).await
    }

    /// One that a sync sends stays.
    pub async fn delete_model(&self, by: &Audit, id: ModelId, expected: Option<i64>) -> Result<(), Error> {
        let mut tx = self.begin_change().await?;
        let model = self.read_model(&mut tx, id).await?;
        check_revision("model", id, model.revision, expected)?;
        let used = sqlx::query!(
            "select name, count(*) over () as \"count!\" from sync
             where workspace_id = $1 and model_id = $2 order by name limit 3",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(database("find what uses a model"))?;
        let count = used.first().map_or(0, |row| row.count as usize);
        let names: Vec<String> = used.into_iter().map(|row| row.name).collect();
        refuse_if_used("model", id, "sync", &names, count)?;
        sqlx::query!("delete from model where workspace_id = $1 and id = $2", self.workspace_uuid(), id.uuid())
            .execute(&mut *tx)
            .await
            .map_err(database("delete a model"))?;
        audit(&mut tx, self.workspace, by, Some(id.to_string()), told(&model.name, &Secrets::new())).await?;
        tx.commit().await.map_err(database("delete a model"))
    }

    async fn told_of_model(&self, mut tx: PgTransaction<'_>, by: &Audit, id: ModelId) -> Result<Model, Error> {
        let model = self.read_model(&mut tx, id).await?;
        audit(&mut tx, self.workspace, by, Some(id.to_string()), told(&model.name, &Secrets::new())).await?;
        tx.commit().await.map_err(database("store a model"))?;
        Ok(model)
    }

    async fn read_model(&self, tx: &mut PgTransaction<'_>, id: ModelId) -> Result<Model, Error> {
        sqlx::query_as!(
            Stored,
            "select id, name, source_id, config, revision, created_at, updated_at from model
             where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("read a model"))?
        .ok_or_else(|| Error::not_found("model", id))?
        .try_into()
    }
}

fn refused(new: &NewModel) -> impl Fn(sqlx::Error) -> Error {
    move |error| match broken(&error) {
        Some("model_name_key") => taken("model", &new.name),
        Some("model_source_id_fkey") => Error::not_found("source", new.source),
        _ => database("store a model")(error),
    }
}

struct Stored {
    id: Uuid,
    name: String,
    source_id: Uuid,
    config: Value,
    revision: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Stored> for Model {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        Ok(Self {
            id: ModelId::from_uuid(stored.id),
            name: stored.name,
            source: SourceId::from_uuid(stored.source_id),
            config: from_json("a model", stored.config)?,
            revision: stored.revision,
            created_at: millis(stored.created_at),
            updated_at: millis(stored.updated_at),
        })
    }
}
