//! Whatever looks across workspaces. Each statement calls a function of `migrations/0018`, which returns ids only; what
//! they stand for is read within the scope of their workspace.

use domain::WorkspaceId;

use crate::error::database;
use crate::{Error, Store};

impl Store {
    pub(crate) async fn local_workspace(&self, name: &str) -> Result<Option<WorkspaceId>, Error> {
        let found = sqlx::query_scalar!("select local_workspace($1)", name)
            .fetch_one(&self.pool)
            .await
            .map_err(database("find a workspace"))?;
        Ok(found.map(WorkspaceId::from_uuid))
    }

    /// A page of all workspaces, in the order of their ids.
    pub async fn workspaces_after(&self, last: Option<WorkspaceId>, at_most: u32) -> Result<Vec<WorkspaceId>, Error> {
        let found = sqlx::query_scalar!(
            "select workspaces_after($1, $2) as \"id!\"",
            last.map(WorkspaceId::uuid),
            at_most.cast_signed()
        )
        .fetch_all(&self.pool)
        .await
        .map_err(database("list workspaces"))?;
        Ok(found.into_iter().map(WorkspaceId::from_uuid).collect())
    }
}
