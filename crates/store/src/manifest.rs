use std::collections::HashMap;

use domain::{Millis, RunId, SyncId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codec::{from_json, from_word, millis, millis_up, unsigned};
use crate::error::database;
use crate::{Claim, Error, Scope};

/// A layer as the list of a manifest names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerRef {
    /// A segment that holds deltas outright; what it says of itself is the caller's.
    Segment(Value),
    Window {
        epoch: u64,
        number: u32,
    },
}

/// A layer of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    Segment(Value),
    Window(Window),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    pub epoch: u64,
    pub number: u32,
    pub segment: Value,
    pub entries: u64,
    pub state: WindowState,
}

#[derive(Debug, Clone, PartialEq)]
pub enum WindowState {
    /// Its records are being put: each may be in the stream.
    Open,
    /// One outcome byte an entry. A put of it may still be applied until `settles_at`.
    Checkpointed { outcomes: Vec<u8>, settles_at: Millis },
    /// Its attempt died: each entry is unanswered.
    Dead { settles_at: Millis },
}

/// The acknowledged snapshot of a sync as of a version, oldest layer first.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    pub version: u64,
    pub epoch: u64,
    pub run: RunId,
    /// The run that wrote it has ended.
    pub last_of_run: bool,
    pub created_at: Millis,
    pub layers: Vec<Layer>,
}

impl Layer {
    pub fn to_ref(&self) -> LayerRef {
        match self {
            Self::Segment(segment) => LayerRef::Segment(segment.clone()),
            Self::Window(window) => LayerRef::Window { epoch: window.epoch, number: window.number },
        }
    }
}

impl Scope {
    /// The newest; `None` before the first.
    pub async fn manifest(&self, sync: SyncId) -> Result<Option<Manifest>, Error> {
        Ok(self.read_manifests(sync, 1).await?.pop())
    }

    /// All that are kept, newest first: the newest of each run. An object that one of them names must not be collected.
    pub async fn manifests(&self, sync: SyncId) -> Result<Vec<Manifest>, Error> {
        self.read_manifests(sync, i64::MAX).await
    }

    /// Deletes manifests of ended runs but for the newest `keep`, and windows that no manifest names any more. What
    /// only they named may then be collected. Fenced, so that it cannot meet a run that restores one of them.
    pub async fn prune_manifests(&self, claim: &Claim, manifest_version: u64, keep: u32) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        self.fence(&mut tx, claim, manifest_version, false).await?;
        sqlx::query!(
            "delete from manifest
             where workspace_id = $1 and sync_id = $2 and final and version < (
                 select min(version) from (
                     select version from manifest where workspace_id = $1 and sync_id = $2
                     order by version desc limit $3
                 ) as newest
             )",
            self.workspace_uuid(),
            claim.sync.uuid(),
            i64::from(keep.max(1)),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("delete old manifests"))?;
        sqlx::query!(
            "delete from snapshot_window w
             where w.workspace_id = $1 and w.sync_id = $2 and w.state <> 'open' and not exists (
                 select from manifest m cross join jsonb_array_elements(m.body -> 'layers') as layer
                 where m.workspace_id = $1 and m.sync_id = $2
                   and (layer -> 'window' ->> 'epoch')::bigint = w.epoch
                   and (layer -> 'window' ->> 'number')::integer = w.number
             )",
            self.workspace_uuid(),
            claim.sync.uuid(),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("delete windows that no manifest names"))?;
        tx.commit().await.map_err(database("delete old manifests"))
    }

    async fn read_manifests(&self, sync: SyncId, limit: i64) -> Result<Vec<Manifest>, Error> {
        // One state of the database: a checkpoint in between would leave a manifest that names a window not seen yet.
        let mut tx = self.begin_as("begin isolation level repeatable read read only").await?;
        let stored = sqlx::query!(
            "select version, epoch, run_id, body, final, created_at from manifest
             where workspace_id = $1 and sync_id = $2 order by version desc limit $3",
            self.workspace_uuid(),
            sync.uuid(),
            limit,
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(database("read manifests"))?;
        let oldest = stored.last().map_or(0, |manifest| manifest.version);
        let windows = sqlx::query_as!(
            StoredWindow,
            "select w.epoch, w.number, w.segment, w.entries, w.state, w.outcomes, w.settles_at
             from (
                 select distinct
                     (layer -> 'window' ->> 'epoch')::bigint as epoch,
                     (layer -> 'window' ->> 'number')::integer as number
                 from manifest m cross join jsonb_array_elements(m.body -> 'layers') as layer
                 where m.workspace_id = $1 and m.sync_id = $2 and m.version >= $3 and layer ? 'window'
             ) as named
             join snapshot_window w
                on w.workspace_id = $1 and w.sync_id = $2 and w.epoch = named.epoch and w.number = named.number",
            self.workspace_uuid(),
            sync.uuid(),
            oldest,
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(database("read the windows of manifests"))?;
        tx.commit().await.map_err(database("read manifests"))?;
        let windows = windows.into_iter().map(StoredWindow::parse).collect::<Result<HashMap<_, _>, _>>()?;
        stored
            .into_iter()
            .map(|manifest| {
                Ok(Manifest {
                    version: unsigned(manifest.version),
                    epoch: unsigned(manifest.epoch),
                    run: RunId::from_uuid(manifest.run_id),
                    last_of_run: manifest.r#final,
                    created_at: millis(manifest.created_at),
                    layers: layers(manifest.body, &windows)?,
                })
            })
            .collect()
    }
}

#[derive(Deserialize)]
struct Body {
    layers: Vec<LayerRef>,
}

fn layers(body: Value, windows: &HashMap<(u64, u32), Window>) -> Result<Vec<Layer>, Error> {
    let body: Body = from_json("a manifest", body)?;
    body.layers
        .into_iter()
        .map(|layer| match layer {
            LayerRef::Segment(segment) => Ok(Layer::Segment(segment)),
            LayerRef::Window { epoch, number } => windows
                .get(&(epoch, number))
                .cloned()
                .map(Layer::Window)
                .ok_or_else(|| Error::not_found("window that a manifest names", format!("{epoch}-{number}"))),
        })
        .collect()
}

struct StoredWindow {
    epoch: i64,
    number: i32,
    segment: Value,
    entries: i64,
    state: String,
    outcomes: Option<Vec<u8>>,
    settles_at: Option<sqlx::types::time::OffsetDateTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StateWord {
    Open,
    Checkpointed,
    Dead,
}

impl StoredWindow {
    fn parse(self) -> Result<((u64, u32), Window), Error> {
        let settles_at = self.settles_at.map(millis_up).unwrap_or_default();
        let state = match from_word("the state of a window", self.state)? {
            StateWord::Open => WindowState::Open,
            StateWord::Checkpointed => {
                WindowState::Checkpointed { outcomes: self.outcomes.unwrap_or_default(), settles_at }
            }
            StateWord::Dead => WindowState::Dead { settles_at },
        };
        let (epoch, number) = (unsigned(self.epoch), self.number.cast_unsigned());
        let window = Window { epoch, number, segment: self.segment, entries: unsigned(self.entries), state };
        Ok(((epoch, number), window))
    }
}
