use domain::{UserId, WorkspaceId};
use serde_json::json;
use uuid::Uuid;

use super::invitation::find_invited;
use super::person::insert_person;
use super::workspace::insert_workspace;
use super::{NewWorkspace, PasswordHash, TokenHash};
use crate::audit::audit;
use crate::error::database;
use crate::{Audit, Error, Store};

#[derive(Debug, Clone)]
pub struct NewPerson {
    /// Chosen here, so that the audit entry can name the person as its actor.
    pub id: UserId,
    pub email: String,
    pub password: PasswordHash,
}

/// Where a new person begins.
#[derive(Debug, Clone)]
pub enum Joins {
    /// As the owner of a workspace that is made for them. `only_first`: refused once anybody has signed up.
    New { workspace: NewWorkspace, only_first: bool },
    /// As what an invitation makes them.
    Invitation(TokenHash),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedUp {
    pub person: UserId,
    pub workspace: WorkspaceId,
}

impl NewPerson {
    pub fn new(email: impl Into<String>, password: PasswordHash) -> Self {
        Self { id: UserId::from_uuid(Uuid::now_v7()), email: email.into(), password }
    }
}

impl Store {
    /// The person and the membership, in one transaction: nobody is left without a workspace.
    pub async fn sign_up(&self, by: &Audit, new: &NewPerson, joins: &Joins) -> Result<SignedUp, Error> {
        let workspace = match joins {
            Joins::New { workspace, only_first } => {
                let scope = self.scope(WorkspaceId::from_uuid(Uuid::now_v7()));
                let mut tx = scope.begin().await?;
                insert_person(&mut tx, new.id, &new.email, &new.password, *only_first).await?;
                insert_workspace(&mut tx, scope.workspace, workspace, new.id).await?;
                let detail = json!({"email": new.email, "workspace": workspace.name});
                audit(&mut tx, scope.workspace, by, Some(new.id.to_string()), detail).await?;
                tx.commit().await.map_err(database("sign up"))?;
                scope.workspace
            }
            Joins::Invitation(token_hash) => {
                let (scope, invitation) = find_invited(self, token_hash).await?;
                let mut tx = scope.begin().await?;
                insert_person(&mut tx, new.id, &new.email, &new.password, false).await?;
                scope.take_invitation(&mut tx, invitation, new.id, &new.email, by).await?;
                tx.commit().await.map_err(database("sign up"))?;
                scope.workspace
            }
        };
        Ok(SignedUp { person: new.id, workspace })
    }
}
