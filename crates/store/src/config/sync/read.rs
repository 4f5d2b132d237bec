use domain::{DestinationId, Millis, ModelId, RunId, RunState, SyncId};
use serde_json::Value;
use sqlx::PgTransaction;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::codec::{from_json, from_word, millis, unsigned};
use crate::error::database;
use crate::schedule::Ticks;
use crate::{Error, Page, Scope};

/// A sync as its people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncDetails {
    pub id: SyncId,
    pub name: String,
    pub model: ModelId,
    pub destination: DestinationId,
    pub config: domain::Sync,
    /// Of the definition; it rises when model, source, destination or configuration change it.
    pub version: u32,
    /// The version whose changes a finished run took up last.
    pub accepted_version: Option<u32>,
    /// It neither ticks nor starts a run.
    pub paused: bool,
    /// Why no run of it may start before its owner has decided.
    pub held: Option<String>,
    pub ticks: Ticks,
    /// Ticks that made no run.
    pub skipped_ticks: u64,
    /// What the user has to answer before the next run sends.
    pub question: Option<Value>,
    /// The stream that the snapshot belongs to.
    pub stream: Option<Value>,
    pub first_run_done: bool,
    pub newest_run: Option<NewestRun>,
    /// Rises with every change that a user makes to the sync itself.
    pub revision: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestRun {
    pub id: RunId,
    pub state: RunState,
}

/// Which syncs are listed: all, or those of a model, of a destination, of both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncFilter {
    pub model: Option<ModelId>,
    pub destination: Option<DestinationId>,
}

impl Scope {
    pub async fn sync_details(&self, id: SyncId) -> Result<SyncDetails, Error> {
        self.read_sync(&mut self.begin().await?, id).await
    }

    /// Newest first.
    pub async fn syncs(&self, only: SyncFilter, page: Page) -> Result<Vec<SyncDetails>, Error> {
        self.read_syncs(&mut self.begin().await?, None, only, page).await
    }

    /// The bytes of the objects that the newest snapshot is made of.
    pub async fn snapshot_bytes(&self, sync: SyncId) -> Result<u64, Error> {
        self.bytes_of_snapshots(Some(sync.uuid())).await
    }

    pub(super) async fn read_sync(&self, tx: &mut PgTransaction<'_>, id: SyncId) -> Result<SyncDetails, Error> {
        let found = self.read_syncs(tx, Some(id.uuid()), SyncFilter::default(), Page::first(1)).await?.pop();
        found.ok_or_else(|| Error::not_found("sync", id))
    }

    async fn read_syncs(
        &self,
        tx: &mut PgTransaction<'_>,
        id: Option<Uuid>,
        only: SyncFilter,
        page: Page,
    ) -> Result<Vec<SyncDetails>, Error> {
        let found = sqlx::query_as!(
            Stored,
            "select s.id, s.name, s.model_id, s.destination_id, s.config, s.version, s.accepted_version, s.paused,
                    s.held, s.schedule, s.schedule_anchor, s.next_fire_at, s.skipped_ticks, s.question, s.stream,
                    s.first_run_done, s.revision, s.created_at, s.updated_at,
                    newest.id as \"run_id?\", newest.state as \"run_state?\"
             from (
                 select * from sync s
                 where s.workspace_id = $1 and ($2::uuid is null or s.id = $2) and s.id < $3
                   and ($5::uuid is null or s.model_id = $5) and ($6::uuid is null or s.destination_id = $6)
                 order by s.id desc limit $4
             ) s
             left join lateral (
                 select r.id, r.state from run r
                 where r.workspace_id = $1 and r.sync_id = s.id order by r.id desc limit 1
             ) newest on true
             order by s.id desc",
            self.workspace_uuid(),
            id,
            page.before(),
            page.limit(),
            only.model.map(ModelId::uuid),
            only.destination.map(DestinationId::uuid),
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(database("read syncs"))?;
        found.into_iter().map(SyncDetails::try_from).collect()
    }
}

struct Stored {
    id: Uuid,
    name: String,
    model_id: Uuid,
    destination_id: Uuid,
    config: Value,
    version: i32,
    accepted_version: Option<i32>,
    paused: bool,
    held: Option<String>,
    schedule: Value,
    schedule_anchor: OffsetDateTime,
    next_fire_at: Option<OffsetDateTime>,
    skipped_ticks: i64,
    question: Option<Value>,
    stream: Option<Value>,
    first_run_done: bool,
    revision: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    run_id: Option<Uuid>,
    run_state: Option<String>,
}

impl TryFrom<Stored> for SyncDetails {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let newest_run = match (stored.run_id, stored.run_state) {
            (Some(id), Some(state)) => {
                Some(NewestRun { id: RunId::from_uuid(id), state: from_word("the state of a run", state)? })
            }
            _ => None,
        };
        Ok(Self {
            id: SyncId::from_uuid(stored.id),
            name: stored.name,
            model: ModelId::from_uuid(stored.model_id),
            destination: DestinationId::from_uuid(stored.destination_id),
            config: from_json("a sync", stored.config)?,
            version: stored.version.cast_unsigned(),
            accepted_version: stored.accepted_version.map(i32::cast_unsigned),
            paused: stored.paused,
            held: stored.held,
            ticks: Ticks {
                schedule: from_json("a schedule", stored.schedule)?,
                anchor: millis(stored.schedule_anchor),
                next_fire_at: stored.next_fire_at.map(millis),
            },
            skipped_ticks: unsigned(stored.skipped_ticks),
            question: stored.question,
            stream: stored.stream,
            first_run_done: stored.first_run_done,
            newest_run,
            revision: stored.revision,
            created_at: millis(stored.created_at),
            updated_at: millis(stored.updated_at),
        })
    }
}
