//! Asking for runs, and asking them to end.

use domain::{RunId, RunKind, RunState, SyncId};
use serde_json::{Value, json};
use sqlx::PgTransaction;
use uuid::Uuid;

use crate::audit::audit;
use crate::codec::{from_word, word};
use crate::error::database;
use crate::event::event;
use crate::{Audit, Error, Scope};

/// The answer to a request: the run that will do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requested {
    pub run: RunId,
    /// A run waited already and takes this request along; it is due now.
    pub already_waiting: bool,
}

impl Scope {
    /// Queues a run that is due now; `options` is an object, or null for none. One run of the whole model waits per sync:
    /// a normal run that waits becomes what is asked for and takes the options too, and a waiting special run takes a
    /// request for a plain normal one along. Two different special runs do not mix. Beside it waits one run of chosen rows
    /// or of keys to forget; requests to forget add up.
    pub async fn request_run(&self, sync: SyncId, kind: RunKind, options: Value) -> Result<Requested, Error> {
        let mut tx = self.begin().await?;
        let by = json!({ "operator": "command line" });
        let requested = self.queue(&mut tx, sync, kind, options, &by).await?;
        tx.commit().await.map_err(database("queue a run"))?;
        Ok(requested)
    }

    /// The same for a user of the service, whose syncs may be paused. That keeps nobody from having keys forgotten.
    pub async fn request_run_by(
        &self,
        by: &Audit,
        sync: SyncId,
        kind: RunKind,
        options: Value,
    ) -> Result<Requested, Error> {
        // The log of what was done names no rows, but how many there were.
        let rejections = match options.pointer("/rows/rejections") {
            Some(chosen) => Some(self.standing_rejections(sync, chosen["code"].as_str()).await?),
            None => None,
        };
        let mut tx = self.begin().await?;
        let state = sqlx::query!(
            "select s.paused as sync, d.paused as destination, w.paused as workspace, s.held
             from sync s
             join destination d on d.workspace_id = s.workspace_id and d.id = s.destination_id
             join workspace w on w.id = s.workspace_id
             where s.workspace_id = $1 and s.id = $2
             for key share of s",
            self.workspace_uuid(),
            sync.uuid(),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("read a sync"))?
        .ok_or_else(|| Error::not_found("sync", sync))?;
        let paused = [("sync", state.sync), ("destination", state.destination), ("workspace", state.workspace)];
        if let Some((what, _)) = paused.into_iter().find(|(_, paused)| *paused && kind != RunKind::Erase) {
            return Err(Error::Paused { what });
        }
        if let Some(reason) = state.held {
            return Err(Error::Held { sync, reason });
        }
        let mut detail = json!({ "kind": kind, "options": without_keys(options.clone()) });
        if let Some(standing) = rejections {
            detail["standing_rejections"] = json!(standing);
        }
        let requested = self.queue(&mut tx, sync, kind, options, &by.actor).await?;
        audit(&mut tx, self.workspace, by, Some(requested.run.to_string()), detail).await?;
        tx.commit().await.map_err(database("queue a run"))?;
        Ok(requested)
    }

    pub(crate) async fn queue(
        &self,
        tx: &mut PgTransaction<'_>,
        sync: SyncId,
        kind: RunKind,
        options: Value,
        by: &Value,
    ) -> Result<Requested, Error> {
        let id = Uuid::now_v7();
        let options = if options.is_null() { Value::Object(serde_json::Map::new()) } else { options };
        let stored = sqlx::query!(
            "insert into run (workspace_id, id, sync_id, kind, options, requested_by)
             select s.workspace_id, $3, s.id, $4, $5, $6 from sync s where s.workspace_id = $1 and s.id = $2
             on conflict (workspace_id, sync_id, (kind in ('resend', 'erase'))) where state = 'queued' do update set
                due_at = least(run.due_at, now()),
                kind = case when run.kind = 'normal' then excluded.kind else run.kind end,
                options = case
                    when run.kind = 'normal' then run.options || excluded.options
                    when run.kind = 'erase' and excluded.kind = 'erase' then jsonb_set(
                        run.options, '{erase,keys}', (run.options #> '{erase,keys}') || (excluded.options #> '{erase,keys}'))
                    else run.options end,
                requested_by = excluded.requested_by
             returning id, kind, options @> $5 as \"takes_options!\"",
            self.workspace_uuid(),
            sync.uuid(),
            id,
            word(&kind)?,
            options,
            by,
        )
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("queue a run"))?
        .ok_or_else(|| Error::not_found("sync", sync))?;
        let (run, stored_kind) = (RunId::from_uuid(stored.id), from_word::<RunKind>("the kind of a run", stored.kind)?);
        if !stored.takes_options || (kind != RunKind::Normal && stored_kind != kind) {
            return Err(Error::OtherRunWaits { run, kind: stored_kind });
        }
        event(tx, self.workspace_uuid(), stored.id, "requested", json!({ "kind": kind, "by": by })).await?;
        self.wake(tx).await?;
        Ok(Requested { run, already_waiting: stored.id != id })
    }

    /// A hint for idle workers; they look by themselves too.
    pub(crate) async fn wake(&self, tx: &mut PgTransaction<'_>) -> Result<(), Error> {
        sqlx::query!("select pg_notify('rowcast', 'run')").execute(&mut **tx).await.map_err(database("queue a run"))?;
        Ok(())
    }

    /// A waiting run is cancelled at once, and knows no longer which keys it was to forget; a started one is asked to end, and
    /// its worker learns it by its heartbeat. Returns the state after the request: `Running` means "asked".
    pub async fn cancel(&self, run: RunId) -> Result<RunState, Error> {
        self.cancel_in(run, None).await
    }

    pub async fn cancel_by(&self, by: &Audit, run: RunId) -> Result<RunState, Error> {
        self.cancel_in(run, Some(by)).await
    }

    async fn cancel_in(&self, run: RunId, by: Option<&Audit>) -> Result<RunState, Error> {
        let mut tx = self.begin().await?;
        let cancelled = sqlx::query_scalar!(
            "update run set
                cancel_requested_at = coalesce(cancel_requested_at, now()),
                state = case when state = 'queued' then 'cancelled' else state end,
                ended_at = case when state = 'queued' then now() else ended_at end,
                options = case when state = 'queued' and kind = 'erase'
                    then jsonb_set(options, '{erase,keys}', '[]', false) else options end
             where workspace_id = $1 and id = $2 and state in ('queued', 'running')
             returning state",
            self.workspace_uuid(),
            run.uuid(),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("cancel a run"))?;
        let Some(state) = cancelled else {
            drop(tx);
            return Ok(self.run(run).await?.state);
        };
        let actor = by.map(|by| by.actor.clone());
        event(&mut tx, self.workspace_uuid(), run.uuid(), "cancel-requested", json!({ "by": actor })).await?;
        if let Some(by) = by {
            audit(&mut tx, self.workspace, by, Some(run.to_string()), Value::Null).await?;
        }
        tx.commit().await.map_err(database("cancel a run"))?;
        from_word("the state of a run", state)
    }
}

/// The log outlives what it tells of, so it counts the keys that were given, and names none.
fn without_keys(mut options: Value) -> Value {
    for list in ["/rows/keys", "/erase/keys"] {
        if let Some(keys) = options.pointer_mut(list) {
            *keys = json!(keys.as_array().map_or(0, Vec::len));
        }
    }
    options
}
