use std::fmt;

use domain::{Millis, Role, UserId, WorkspaceId};
use serde_json::{Value, json};
use sqlx::PgTransaction;
use uuid::Uuid;

use super::member::{Membership, insert_member};
use crate::audit::audit;
use crate::codec::millis;
use crate::error::database;
use crate::{Audit, Error, Scope, Store};

#[derive(Clone)]
pub struct NewWorkspace {
    pub name: String,
    /// Under which keys and rows are hashed.
    pub hash_key: [u8; 32],
}

#[derive(Debug, Clone, PartialEq)]
pub struct WorkspaceInfo {
    pub id: WorkspaceId,
    pub name: String,
    pub paused: bool,
    /// What a role of the user's account demands of us.
    pub external_id: String,
    /// What the operator granted beyond the defaults.
    pub quotas: Value,
    /// How long the debug log is kept.
    pub log_retention_days: u32,
    pub revision: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
}

/// What is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceChange {
    pub name: Option<String>,
    pub paused: Option<bool>,
    /// From 1 to 3,650.
    pub log_retention_days: Option<u32>,
}

impl fmt::Debug for NewWorkspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewWorkspace").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Store {
    /// One more workspace, owned by a person who is here already.
    pub async fn create_workspace(&self, by: &Audit, owner: UserId, new: &NewWorkspace) -> Result<WorkspaceId, Error> {
        let scope = self.scope(WorkspaceId::from_uuid(Uuid::now_v7()));
        let mut tx = scope.begin().await?;
        insert_workspace(&mut tx, scope.workspace, new, owner).await?;
        let detail = json!({"name": new.name});
        audit(&mut tx, scope.workspace, by, Some(scope.workspace.to_string()), detail).await?;
        tx.commit().await.map_err(database("create a workspace"))?;
        Ok(scope.workspace)
    }

    /// Oldest first.
    pub async fn workspaces_of(&self, person: UserId) -> Result<Vec<Membership>, Error> {
        let ids = sqlx::query_scalar!("select workspaces_of_person($1) as \"id!\"", person.uuid())
            .fetch_all(&self.pool)
            .await
            .map_err(database("list the workspaces of a person"))?;
        let mut memberships = Vec::with_capacity(ids.len());
        for id in ids {
            // Whoever is removed, or whose workspace is deleted, between the two statements is no member.
            memberships.extend(self.scope(WorkspaceId::from_uuid(id)).named_membership(person).await?);
        }
        Ok(memberships)
    }
}

impl Scope {
    pub async fn workspace_info(&self) -> Result<WorkspaceInfo, Error> {
        let mut tx = self.begin().await?;
        self.read_info(&mut tx).await
    }

    /// `expected`: the revision that the change was made from.
    pub async fn update_workspace(
        &self,
        by: &Audit,
        change: &WorkspaceChange,
        expected: Option<i64>,
    ) -> Result<WorkspaceInfo, Error> {
        let mut tx = self.begin().await?;
        let updated = sqlx::query!(
            "update workspace set
                name = coalesce($2, name), paused = coalesce($3, paused),
                log_retention_days = coalesce($5, log_retention_days), revision = revision + 1, updated_at = now()
             where id = $1 and revision = coalesce($4, revision)",
            self.workspace_uuid(),
            change.name,
            change.paused,
            expected,
            change.log_retention_days.map(u32::cast_signed),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("change a workspace"))?;
        // Says "not found" if there is none.
        let info = self.read_info(&mut tx).await?;
        if updated.rows_affected() == 0 {
            return Err(Error::stale("workspace", self.workspace));
        }
        let detail =
            json!({"name": change.name, "paused": change.paused, "log_retention_days": change.log_retention_days});
        audit(&mut tx, self.workspace, by, Some(self.workspace.to_string()), detail).await?;
        tx.commit().await.map_err(database("change a workspace"))?;
        Ok(info)
    }

    async fn read_info(&self, tx: &mut PgTransaction<'_>) -> Result<WorkspaceInfo, Error> {
        let found = sqlx::query!(
            "select name, paused, external_id, quotas, log_retention_days, revision, created_at, updated_at
             from workspace where id = $1",
            self.workspace_uuid(),
        )
        .fetch_optional(&mut **tx)
        .await
        .map_err(database("read a workspace"))?
        .ok_or_else(|| Error::not_found("workspace", self.workspace))?;
        Ok(WorkspaceInfo {
            id: self.workspace,
            name: found.name,
            paused: found.paused,
            external_id: found.external_id,
            quotas: found.quotas,
            log_retention_days: found.log_retention_days.cast_unsigned(),
            revision: found.revision,
            created_at: millis(found.created_at),
            updated_at: millis(found.updated_at),
        })
    }
}

pub(super) async fn insert_workspace(
    tx: &mut PgTransaction<'_>,
    id: WorkspaceId,
    new: &NewWorkspace,
    owner: UserId,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into workspace (id, name, hash_key) values ($1, $2, $3)",
        id.uuid(),
        new.name,
        &new.hash_key[..]
    )
    .execute(&mut **tx)
    .await
    .map_err(database("create a workspace"))?;
    sqlx::query!("insert into dispatch (workspace_id) values ($1)", id.uuid())
        .execute(&mut **tx)
        .await
        .map_err(database("create a workspace"))?;
    insert_member(tx, id, owner, Role::Owner).await
}
