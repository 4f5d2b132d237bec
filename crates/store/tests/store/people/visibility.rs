//! What another workspace has, by the store and by whatever SQL may come.

use domain::{InvitationId, KeyId, Role, UserId};
use store::{AuditFilter, Error, Idempotent, Page};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::{HOUR, People, by, token};

#[tokio::test]
async fn no_role_reads_or_writes_another_workspaces_rows_whatever_it_asks() {
    let people = People::new().await;
    let (_, theirs) = people.owner("ada@example.com").await;
    let (_, own) = people.owner("bob@example.com").await;
    people.seed(theirs.workspace()).await;
    let (theirs, own) = (theirs.workspace().uuid(), own.workspace().uuid());
    let nobody = Uuid::nil();
    for role in ["rowcast_app", "rowcast_worker", "rowcast_single"] {
        for workspace in [own, nobody] {
            let client = people.connect().await;
            client.batch_execute(&format!("set role {role}; set rowcast.workspace = '{workspace}'")).await.unwrap();
            for (table, column) in people.tenant_tables().await {
                for statement in [
                    format!("select from {table} where {column} = '{theirs}'"),
                    format!("delete from {table} where {column} = '{theirs}'"),
                    format!("update {table} set {column} = '{own}' where {column} = '{theirs}'"),
                    format!("update {table} set {column} = '{theirs}'"),
                ] {
                    match client.execute(&statement, &[]).await {
                        Ok(rows) => assert_eq!(rows, 0, "{role}: {statement}"),
                        // No such right, or a row that the policy refuses.
                        Err(error) => assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{statement}"),
                    }
                }
            }
        }
    }
    people.seed_is_there(theirs).await;
}

#[tokio::test]
async fn no_row_can_be_added_to_another_workspace() {
    let people = People::new().await;
    let (ada, theirs) = people.owner("ada@example.com").await;
    let (_, own) = people.owner("bob@example.com").await;
    let client = people.connect().await;
    let own = own.workspace().uuid();
    client.batch_execute(&format!("set role rowcast_app; set rowcast.workspace = '{own}'")).await.unwrap();
    let (workspace, person) = (theirs.workspace().uuid(), ada.id.uuid());
    for insert in [
        format!("member (workspace_id, person_id, role) values ('{workspace}', '{person}', 'owner')"),
        format!("source (workspace_id, id, name, config) values ('{workspace}', '{person}', 'x', '{{}}')"),
        format!("audit_entry (workspace_id, id, actor, action) values ('{workspace}', '{person}', '{{}}', 'x')"),
        format!("erasure (workspace_id, id) values ('{workspace}', '{person}')"),
    ] {
        let refused = client.execute(&format!("insert into {insert}"), &[]).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{insert}");
    }
}

#[tokio::test]
async fn the_store_finds_nothing_of_another_workspace() {
    let people = People::new().await;
    let (ada, theirs) = people.owner("ada@example.com").await;
    let (_, foreign) = people.owner("bob@example.com").await;
    people.seed(theirs.workspace()).await;
    let id = theirs.workspace().uuid();
    let (key, invitation) = (KeyId::from_uuid(id), InvitationId::from_uuid(id));
    assert!(theirs.api_key(key).await.unwrap().is_some(), "it is there");

    assert_eq!(foreign.membership(ada.id).await.unwrap(), None);
    assert_eq!(foreign.members(Page::first(9)).await.unwrap().len(), 1);
    assert!(foreign.invitations(Page::first(9)).await.unwrap().is_empty());
    assert!(foreign.api_keys(Page::first(9)).await.unwrap().is_empty());
    assert!(foreign.api_key(key).await.unwrap().is_none());
    assert_eq!(foreign.audit_entries(Page::first(9), &AuditFilter::default()).await.unwrap().len(), 1);
    let begun = foreign.begin_idempotent(id, "k", &[]).await.unwrap();
    assert!(matches!(begun, Idempotent::First(_)), "a key of its own: {begun:?}");

    let change = by("change");
    let missing = |result: Result<(), Error>| assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
    missing(foreign.set_role(&change, Role::Owner, ada.id, Role::Viewer).await);
    missing(foreign.remove_member(&change, Role::Owner, ada.id).await);
    missing(foreign.revoke_invitation(&change, invitation).await);
    missing(foreign.revoke_api_key(&change, Role::Owner, key).await);
    missing(foreign.create_reset(&change, ada.id, &token(1), HOUR).await);
    missing(foreign.create_reset(&change, UserId::from_uuid(Uuid::nil()), &token(1), HOUR).await);
    people.seed_is_there(id).await;
}

#[tokio::test]
async fn the_worker_knows_no_people() {
    let people = People::new().await;
    people.owner("ada@example.com").await;
    let client = people.connect().await;
    client.batch_execute("set role rowcast_worker").await.unwrap();
    for read in [
        "person",
        "member",
        "invitation",
        "api_key",
        "(select person_id from session) s",
        "(select person_id from password_reset) r",
    ] {
        let refused = client.query(&format!("select from {read}"), &[]).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{read}");
    }
}
