//! The story of a run, in order: requested, claimed, attempt-died, released, cancel-requested, ended.

use domain::{Millis, RunId};
use serde_json::Value;
use sqlx::PgTransaction;
use uuid::Uuid;

use crate::codec::{clean_json, millis};
use crate::error::database;
use crate::{Error, Scope};

#[derive(Debug, Clone, PartialEq)]
pub struct RunEvent {
    pub id: Uuid,
    pub at: Millis,
    pub kind: String,
    pub detail: Value,
}

impl Scope {
    /// Oldest first, those after `after`.
    pub async fn run_events(&self, run: RunId, after: Option<Uuid>, limit: u32) -> Result<Vec<RunEvent>, Error> {
        let stored = sqlx::query!(
            "select id, at, kind, detail from run_event
             where workspace_id = $1 and run_id = $2 and ($3::uuid is null or id > $3) order by id limit $4",
            self.workspace_uuid(),
            run.uuid(),
            after,
            i64::from(limit),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list the events of a run"))?;
        Ok(stored
            .into_iter()
            .map(|event| RunEvent { id: event.id, at: millis(event.at), kind: event.kind, detail: event.detail })
            .collect())
    }

    /// What the run is doing right now, for those who watch. Not a durable fact: nothing is decided from it.
    pub async fn write_progress(&self, run: RunId, progress: &Value) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query!(
            "insert into run_progress (workspace_id, run_id, progress) values ($1, $2, $3)
             on conflict (workspace_id, run_id) do update set progress = excluded.progress, updated_at = now()",
            self.workspace_uuid(),
            run.uuid(),
            progress,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("write the progress of a run"))?;
        tx.commit().await.map_err(database("write the progress of a run"))
    }

    /// The newest progress, and when it was written.
    pub async fn progress(&self, run: RunId) -> Result<Option<(Value, Millis)>, Error> {
        let stored = sqlx::query!(
            "select progress, updated_at from run_progress where workspace_id = $1 and run_id = $2",
            self.workspace_uuid(),
            run.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read the progress of a run"))?;
        Ok(stored.map(|stored| (stored.progress, millis(stored.updated_at))))
    }
}

pub(crate) async fn event(
    tx: &mut PgTransaction<'_>,
    workspace: Uuid,
    run: Uuid,
    kind: &'static str,
    detail: Value,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into run_event (workspace_id, run_id, id, kind, detail) values ($1, $2, $3, $4, $5)",
        workspace,
        run,
        Uuid::now_v7(),
        kind,
        clean_json(&detail),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("write an event of a run"))?;
    Ok(())
}
