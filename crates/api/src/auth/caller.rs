use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::{Role, UserId, WorkspaceId};
use store::{Actor, Audit, Scope, Session, TokenHash};
use uuid::Uuid;

use crate::auth::Credential;
use crate::problem::Problem;
use crate::request::{Client, MissingLayer};

/// A member, or an API key, at work in the workspace of the path, with at least the role that the table asks for.
#[derive(Clone)]
pub struct Caller {
    pub workspace: WorkspaceId,
    /// The way to the workspace's data.
    pub scope: Scope,
    pub role: Role,
    pub client: Client,
    /// As in the table of operations.
    pub operation: &'static str,
    pub(crate) credential: Credential,
}

/// A signed-in person, where no workspace is concerned.
#[derive(Clone)]
pub struct SignedIn {
    pub client: Client,
    pub operation: &'static str,
    pub(crate) session: Session,
}

impl Caller {
    /// For the store: who makes this change, by which operation.
    pub fn audit(&self) -> Audit {
        audit(self.actor(), self.operation, &self.client)
    }

    pub fn actor(&self) -> Actor {
        match &self.credential {
            Credential::Session(session) => Actor::Person { person: session.person, email: session.email.clone() },
            Credential::Key(key) => Actor::Key { key: key.id, name: key.name.clone() },
        }
    }

    pub fn actor_id(&self) -> Uuid {
        match &self.credential {
            Credential::Session(session) => session.person.uuid(),
            Credential::Key(key) => key.id.uuid(),
        }
    }

    /// `None` for an API key.
    pub fn person(&self) -> Option<UserId> {
        match &self.credential {
            Credential::Session(session) => Some(session.person),
            Credential::Key(_) => None,
        }
    }

    /// The person behind it: of a key, whoever made it, also by way of other keys.
    pub fn maker(&self) -> Option<UserId> {
        match &self.credential {
            Credential::Session(session) => Some(session.person),
            Credential::Key(key) => key.created_by,
        }
    }

    /// For what depends on the request: nobody gives away a role above their own.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.role < role { Err(Problem::needs_role(role)) } else { Ok(()) }
    }
}

impl SignedIn {
    pub fn audit(&self) -> Audit {
        let actor = Actor::Person { person: self.person(), email: self.session.email.clone() };
        audit(actor, self.operation, &self.client)
    }

    pub fn person(&self) -> UserId {
        self.session.person
    }

    pub fn email(&self) -> &str {
        &self.session.email
    }

    pub(crate) fn token_hash(&self) -> &TokenHash {
        &self.session.token_hash
    }
}

pub(crate) fn audit(actor: Actor, operation: &'static str, client: &Client) -> Audit {
    Audit {
        request_id: Some(client.request_id.clone()),
        address: Some(client.address.to_string()),
        ..Audit::new(actor, operation)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal(MissingLayer("gate, with a role in the table")))
    }
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Problem::internal(MissingLayer("gate, with `Session` in the table")))
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("workspace", &self.workspace)
            .field("actor", &self.actor())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("person", &self.person()).finish_non_exhaustive()
    }
}
