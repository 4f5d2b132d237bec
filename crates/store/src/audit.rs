//! Who did what. An entry is written in the transaction of the change that it tells of: one is not there without the other.

use domain::{KeyId, Millis, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgTransaction;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use crate::codec::{clean_json, clean_text, millis};
use crate::error::database;
use crate::{Error, Page, Scope};

/// Who makes a change, by which operation, and where the request came from.
#[derive(Debug, Clone)]
pub struct Audit {
    /// An [`Actor`], as JSON.
    pub actor: Value,
    /// The operation of the API, such as `create_source`.
    pub action: &'static str,
    pub request_id: Option<String>,
    pub address: Option<String>,
}

/// Their names stand beside their ids, because entries outlive them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Actor {
    Person {
        person: UserId,
        email: String,
    },
    Key {
        key: KeyId,
        name: String,
    },
    /// Someone with access to the machine.
    Operator {
        operator: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    pub id: Uuid,
    pub at: Millis,
    pub actor: Value,
    pub action: String,
    /// The id of what it was done to.
    pub target: Option<String>,
    pub detail: Value,
    pub request_id: Option<String>,
    pub address: Option<String>,
}

/// Entries have to match whatever is given.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub target: Option<String>,
    pub action: Option<String>,
    /// The id of a person or of an API key, as text.
    pub actor: Option<String>,
}

impl Audit {
    pub fn new(actor: Actor, action: &'static str) -> Self {
        Self { actor: actor.into(), action, request_id: None, address: None }
    }
}

impl From<Actor> for Value {
    fn from(actor: Actor) -> Self {
        match actor {
            Actor::Person { person, email } => serde_json::json!({"person": person.to_string(), "email": email}),
            Actor::Key { key, name } => serde_json::json!({"key": key.to_string(), "name": name}),
            Actor::Operator { operator } => serde_json::json!({ "operator": operator }),
        }
    }
}

/// `target`: the id of what was changed. `detail` never holds a secret.
pub(crate) async fn audit(
    tx: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    by: &Audit,
    target: Option<String>,
    detail: Value,
) -> Result<(), Error> {
    let detail = if detail.is_null() { Value::Object(serde_json::Map::new()) } else { clean_json(&detail) };
    sqlx::query!(
        "insert into audit_entry (workspace_id, id, actor, action, target, detail, request_id, address)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        workspace.uuid(),
        Uuid::now_v7(),
        clean_json(&by.actor),
        by.action,
        target,
        detail,
        by.request_id.as_deref().map(clean_text),
        by.address.as_deref().map(clean_text),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("write an audit entry"))?;
    Ok(())
}

impl Scope {
    /// Newest first.
    pub async fn audit_entries(&self, page: Page, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Error> {
        let found = sqlx::query_as!(
            Stored,
            "select id, at, actor, action, target, detail, request_id, address from audit_entry
             where workspace_id = $1 and id < $2
               and ($4::text is null or target = $4)
               and ($5::text is null or action = $5)
               and ($6::text is null or actor ->> 'person' = $6 or actor ->> 'key' = $6)
             order by id desc
             limit $3",
            self.workspace_uuid(),
            page.before(),
            page.limit(),
            filter.target,
            filter.action,
            filter.actor,
        )
        .fetch_all(&mut *self.begin().await?)
        .await
        .map_err(database("list audit entries"))?;
        Ok(found.into_iter().map(AuditEntry::from).collect())
    }
}

struct Stored {
    id: Uuid,
    at: OffsetDateTime,
    actor: Value,
    action: String,
    target: Option<String>,
    detail: Value,
    request_id: Option<String>,
    address: Option<String>,
}

impl From<Stored> for AuditEntry {
    fn from(stored: Stored) -> Self {
        let Stored { id, at, actor, action, target, detail, request_id, address } = stored;
        Self { id, at: millis(at), actor, action, target, detail, request_id, address }
    }
}
