use serde::{Deserialize, Serialize};

use crate::audit::audit;
use crate::codec::{from_json, to_json};
use crate::error::database;
use crate::{Audit, Error, Scope};

/// What the operator granted a workspace beyond, or below, the defaults of the configuration. `None`: the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quotas {
    /// At work at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_runs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_per_run: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spilled_bytes_per_run: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_seconds: Option<u64>,
    /// At work at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previews: Option<u32>,
    /// By the snapshots of all syncs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syncs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u32>,
}

impl Quotas {
    /// What is granted, and where nothing is said, the defaults.
    #[must_use]
    pub fn or(self, defaults: &Self) -> Self {
        Self {
            running_runs: self.running_runs.or(defaults.running_runs),
            rows_per_run: self.rows_per_run.or(defaults.rows_per_run),
            spilled_bytes_per_run: self.spilled_bytes_per_run.or(defaults.spilled_bytes_per_run),
            run_seconds: self.run_seconds.or(defaults.run_seconds),
            previews: self.previews.or(defaults.previews),
            stored_bytes: self.stored_bytes.or(defaults.stored_bytes),
            syncs: self.syncs.or(defaults.syncs),
            members: self.members.or(defaults.members),
        }
    }
}

impl Scope {
    pub async fn quotas(&self) -> Result<Quotas, Error> {
        let found = sqlx::query_scalar!("select quotas from workspace where id = $1", self.workspace_uuid())
            .fetch_optional(&mut *self.begin().await?)
            .await
            .map_err(database("read the quotas of a workspace"))?
            .ok_or_else(|| Error::not_found("workspace", self.workspace))?;
        from_json("the quotas of a workspace", found)
    }

    /// For the operator.
    pub async fn set_quotas(&self, by: &Audit, quotas: &Quotas) -> Result<(), Error> {
        let quotas = to_json("the quotas of a workspace", quotas)?;
        let mut tx = self.begin_change().await?;
        let done = sqlx::query!("update workspace set quotas = $2 where id = $1", self.workspace_uuid(), quotas)
            .execute(&mut *tx)
            .await
            .map_err(database("store the quotas of a workspace"))?;
        if done.rows_affected() == 0 {
            return Err(Error::not_found("workspace", self.workspace));
        }
        audit(&mut tx, self.workspace, by, Some(self.workspace.to_string()), quotas).await?;
        tx.commit().await.map_err(database("store the quotas of a workspace"))
    }

    /// The bytes of all objects that the newest snapshots of this workspace are made of.
    pub async fn stored_bytes(&self) -> Result<u64, Error> {
        self.bytes_of_snapshots(None).await
    }

    pub(super) async fn bytes_of_snapshots(&self, sync: Option<uuid::Uuid>) -> Result<u64, Error> {
        let bytes = sqlx::query_scalar!(
            "select coalesce(sum(
                 (segment.at -> 'hashes' ->> 'bytes')::bigint + (segment.at -> 'values' ->> 'bytes')::bigint
             ), 0)::bigint as \"bytes!\"
             from sync s
             cross join lateral (
                 select body from manifest m
                 where m.workspace_id = s.workspace_id and m.sync_id = s.id
                 order by m.version desc limit 1
             ) newest
             cross join lateral jsonb_array_elements(newest.body -> 'layers') layer
             left join snapshot_window w
                on w.workspace_id = s.workspace_id and w.sync_id = s.id
                   and w.epoch = (layer #>> '{window,epoch}')::bigint
                   and w.number = (layer #>> '{window,number}')::integer
             cross join lateral (select coalesce(layer -> 'segment', w.segment) as at) segment
             where s.workspace_id = $1 and ($2::uuid is null or s.id = $2)",
            self.workspace_uuid(),
            sync,
        )
        .fetch_one(&mut *self.begin().await?)
        .await
        .map_err(database("add up the sizes of snapshots"))?;
        Ok(u64::try_from(bytes).unwrap_or_default())
    }
}
