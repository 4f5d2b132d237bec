use domain::SyncId;
use sqlx::PgTransaction;
use uuid::Uuid;

use crate::codec::from_json;
use crate::error::database;
use crate::sync::add_version;
use crate::{Definition, Error, Scope};

impl Scope {
    /// Gives a new version to every sync that is, or uses, what has this id, if its definition now differs from the
    /// newest.
    pub(super) async fn compose_anew(&self, tx: &mut PgTransaction<'_>, changed: Uuid) -> Result<(), Error> {
        let used = sqlx::query!(
            "select s.id, s.version, s.config, o.config as source, m.config as model, d.config as destination,
                    v.definition as \"newest?\"
             from sync s
             join model m on m.workspace_id = s.workspace_id and m.id = s.model_id
             join source o on o.workspace_id = s.workspace_id and o.id = m.source_id
             join destination d on d.workspace_id = s.workspace_id and d.id = s.destination_id
             left join sync_version v on v.workspace_id = s.workspace_id and v.sync_id = s.id and v.version = s.version
             where s.workspace_id = $1 and $2 in (s.id, s.model_id, m.source_id, s.destination_id)
             order by s.id",
            self.workspace_uuid(),
            changed,
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(database("find the syncs that use it"))?;
        for sync in used {
            let definition = Definition {
                source: from_json("a source", sync.source)?,
                model: from_json("a model", sync.model)?,
                destination: from_json("a destination", sync.destination)?,
                sync: from_json("a sync", sync.config)?,
            };
            let newest = sync.newest.map(|newest| from_json("the definition of a sync", newest)).transpose()?;
            if newest.is_none_or(|newest: Definition| !definition.changes_from(&newest).is_empty()) {
                let id = SyncId::from_uuid(sync.id);
                add_version(tx, self.workspace, id, sync.version + 1, &definition).await?;
            }
        }
        Ok(())
    }
}
