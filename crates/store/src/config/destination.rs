use std::collections::BTreeMap;

use domain::{DestinationId, Millis};
use serde_json::Value;
use sqlx::PgTransaction;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Secrets, broken, check_revision, refuse_if_used, slots, taken, told};
use crate::audit::audit;
use crate::codec::{clean_json, from_json, millis, to_text};
use crate::error::database;
use crate::secret::{Owner, SecretInfo};
use crate::{Audit, Error, Page, Scope};

#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    pub id: DestinationId,
    pub name: String,
    pub config: domain::Destination,
    /// Which of its secrets the database holds, by field.
    pub secrets: BTreeMap<String, SecretInfo>,
    /// No run of a sync to it starts.
    pub paused: bool,
    /// What the newest verification of this configuration found, and when.
    pub verification: Option<Value>,
    pub verified_at: Option<Millis>,
    /// Rises with every change.
    pub revision: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
}

/// A destination as it is to be from now on. Where a secret is given in `secrets`, or stays as it is, the configuration
/// holds [`super::SET_BESIDE`] or what was read.
#[derive(Debug, Clone)]
pub struct NewDestination {
    pub name: String,
    pub config: domain::Destination,
    pub secrets: Secrets,
}

impl Scope {
    pub async fn create_destination(&self, by: &Audit, new: &NewDestination) -> Result<Destination, Error> {
        let mut tx = self.begin_change().await?;
        let id = DestinationId::from_uuid(Uuid::now_v7());
        let config = self.destination_config(&mut tx, id, new).await?;
        sqlx::query!(
            "insert into destination (workspace_id, id, name, config) values ($1, $2, $3, $4::text::json)",
            self.workspace_uuid(),
            id.uuid(),
            new.name,
            to_text("a destination", &config)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(name_taken(&new.name))?;
        self.told_of_destination(tx, by, id, told(&new.name, &new.secrets)).await
    }

    pub async fn destination(&self, id: DestinationId) -> Result<Destination, Error> {
        self.read_destination(&mut self.begin().await?, id).await
    }

    /// Newest first.
    pub async fn destinations(&self, page: Page) -> Result<Vec<Destination>, Error> {
        let mut tx = self.begin().await?;
        let found = sqlx::query_as!(
            Stored,
            "select id, name, config, paused, verification, verified_at, revision, created_at, updated_at
             from destination where workspace_id = $1 and id < $2 order by id desc limit $3",
            self.workspace_uuid(),
            page.before(),
            page.limit(),
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(database("list destinations"))?;
        let ids: Vec<Uuid> = found.iter().map(|destination| destination.id).collect();
        let mut secrets = self.read_all_secret_infos(&mut tx, "destination", &ids).await?;
        found.into_iter().map(|destination| destination.with(&mut secrets)).collect()
    }

    /// Every sync to it gets a new version, if this changes its definition. What a verification found of another
    /// configuration, or of other secrets, does not count any more.
    pub async fn update_destination(
        &self,
        by: &Audit,
        id: DestinationId,
        expected: Option<i64>,
        new: &NewDestination,
    ) -> Result<Destination, Error> {
        let mut tx = self.begin_change().await?;
        let before = self.read_destination(&mut tx, id).await?;
        check_revision("destination", id, before.revision, expected)?;
        let config = self.destination_config(&mut tx, id, new).await?;
        let stays = config == before.config && new.secrets.is_empty();
        sqlx::query!(
            "update destination
             set name = $3, config = $4::text::json, revision = revision + 1, updated_at = now(),
                 verification = case when $5 then verification end, verified_at = case when $5 then verified_at end
             where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
            new.name,
            to_text("a destination", &config)?,
            stays,
        )
        .execute(&mut *tx)
        .await
        .map_err(name_taken(&new.name))?;
        self.compose_anew(&mut tx, id.uuid()).await?;
        self.told_of_destination(tx, by, id, told(&new.name, &new.secrets)).await
    }

    /// While it is paused, no run of a sync to it starts; those that work go on.
    pub async fn set_destination_paused(
        &self,
        by: &Audit,
        id: DestinationId,
        expected: Option<i64>,
        paused: bool,
    ) -> Result<Destination, Error> {
        let mut tx = self.begin_change().await?;
        let before = self.read_destination(&mut tx, id).await?;
        check_revision("destination", id, before.revision, expected)?;
        sqlx::query!(
            "update destination set paused = $3, revision = revision + 1, updated_at = now()
             where workspace_id = $1 and id = $2 and paused <> $3",
            self.workspace_uuid(),
            id.uuid(),
            paused,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("pause a destination"))?;
        self.told_of_destination(tx, by, id, told(&before.name, &Secrets::new())).await
    }

    /// Writes what a verification found. False, and nothing is written, if the destination has been changed since the
    /// revision that was verified.
    pub async fn set_verification(&self, id: DestinationId, revision: i64, found: &Value) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query!(
            "update destination set verification = $4, verified_at = now()
             where workspace_id = $1 and id = $2 and revision = $3",
            self.workspace_uuid(),
            id.uuid(),
            revision,
            clean_json(found),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("store a verification"))?;
        tx.commit().await.map_err(database("store a verification"))?;
        Ok(done.rows_affected() == 1)
    }

    /// With its secrets. One that a sync sends to stays.
    pub async fn delete_destination(&self, by: &Audit, id: DestinationId, expected: Option<i64>) -> Result<(), Error> {
        let mut tx = self.begin_change().await?;
        let destination = self.read_destination(&mut tx, id).await?;
        check_revision("destination", id, destination.revision, expected)?;
        let used = sqlx::query!(
            "select name, count(*) over () as \"count!\" from sync
             where workspace_id = $1 and destination_id = $2 order by name limit 3",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(database("find what uses a destination"))?;
        let count = used.first().map_or(0, |row| row.count as usize);
        let names: Vec<String> = used.into_iter().map(|row| row.name).collect();
        refuse_if_used("destination", id, "sync", &names, count)?;
        self.keep_secrets(&mut tx, Owner::Destination(id), &[]).await?;
        sqlx::query!("delete from destination where workspace_id = $1 and id = $2", self.workspace_uuid(), id.uuid())
            .execute(&mut *tx)
            .await
            .map_err(database("delete a destination"))?;
        audit(&mut tx, self.workspace, by, Some(id.to_string()), told(&destination.name, &Secrets::new())).await?;
        tx.commit().await.map_err(database("delete a destination"))
    }

    /// With its secrets sealed.
    async fn destination_config(
        &self,
        tx: &mut PgTransaction<'_>,
        id: DestinationId,
        new: &NewDestination,
    ) -> Result<domain::Destination, Error> {
        let mut config = new.config.clone();
        self.fill_slots(tx, Owner::Destination(id), slots::of_destination(&mut config), &new.secrets).await?;
        Ok(config)
    }

    async fn told_of_destination(
        &self,
        mut tx: PgTransaction<'_>,
        by: &Audit,
        id: DestinationId,
        detail: Value,
    ) -> Result<Destination, Error> {
        audit(&mut tx, self.workspace, by, Some(id.to_string()), detail).await?;
        let destination = self.read_destination(&mut tx, id).await?;
        tx.commit().await.map_err(database("store a destination"))?;
        Ok(destination)
    }

    async fn read_destination(&self, tx: &mut PgTransaction<'_>, id: DestinationId) -> Result<Destination, Error> {
        let found = sqlx::query_as!(
            Stored,
            "select id, name, config, paused, verification, verified_at, revision, created_at, updated_at
             from destination where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("read a destination"))?
        .ok_or_else(|| Error::not_found("destination", id))?;
        let mut secrets = self.read_all_secret_infos(tx, "destination", &[id.uuid()]).await?;
        found.with(&mut secrets)
    }
}

fn name_taken(name: &str) -> impl Fn(sqlx::Error) -> Error {
    move |error| match broken(&error) {
        Some("destination_name_key") => taken("destination", name),
        _ => database("store a destination")(error),
    }
}

struct Stored {
    id: Uuid,
    name: String,
    config: Value,
    paused: bool,
    verification: Option<Value>,
    verified_at: Option<OffsetDateTime>,
    revision: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl Stored {
    fn with(self, secrets: &mut BTreeMap<Uuid, BTreeMap<String, SecretInfo>>) -> Result<Destination, Error> {
        Ok(Destination {
            id: DestinationId::from_uuid(self.id),
            name: self.name,
            config: from_json("a destination", self.config)?,
            secrets: secrets.remove(&self.id).unwrap_or_default(),
            paused: self.paused,
            verification: self.verification,
            verified_at: self.verified_at.map(millis),
            revision: self.revision,
            created_at: millis(self.created_at),
            updated_at: millis(self.updated_at),
        })
    }
}
