use domain::SyncId;
use engine::form::{Form, FormId};

use crate::codec::{from_json, to_json};
use crate::error::database;
use crate::{Error, Scope};

impl Scope {
    /// All forms that hashes of this sync were ever written in, oldest first.
    pub async fn forms(&self, sync: SyncId) -> Result<Vec<(FormId, Form)>, Error> {
        let stored = sqlx::query!(
            "select number, definition from form where workspace_id = $1 and sync_id = $2 order by number",
            self.workspace_uuid(),
            sync.uuid(),
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list the forms of a sync"))?;
        stored
            .into_iter()
            .map(|form| Ok((form.number.cast_unsigned(), from_json("a form", form.definition)?)))
            .collect()
    }

    /// The number of this form within the sync: that of an equal one, else a new one.
    pub async fn add_form(&self, sync: SyncId, form: &Form) -> Result<FormId, Error> {
        let mut tx = self.begin().await?;
        // Whoever adds a form to this sync waits here.
        sqlx::query!(
            "select id from sync where workspace_id = $1 and id = $2 for no key update",
            self.workspace_uuid(),
            sync.uuid(),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("lock a sync"))?
        .ok_or_else(|| Error::not_found("sync", sync))?;
        let stored = sqlx::query!(
            "select number, definition from form where workspace_id = $1 and sync_id = $2 order by number",
            self.workspace_uuid(),
            sync.uuid(),
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(database("list the forms of a sync"))?;
        let mut next = 1;
        for older in stored {
            if from_json::<Form>("a form", older.definition)?.same(form) {
                return Ok(older.number.cast_unsigned());
            }
            next = older.number.cast_unsigned() + 1;
        }
        sqlx::query!(
            "insert into form (workspace_id, sync_id, number, definition) values ($1, $2, $3, $4)",
            self.workspace_uuid(),
            sync.uuid(),
            next.cast_signed(),
            to_json("a form", form)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("add a form"))?;
        tx.commit().await.map_err(database("add a form"))?;
        Ok(next)
    }
}
