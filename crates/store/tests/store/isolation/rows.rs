//! Each table with rows of workspaces, by each statement, in each role: nothing of a workspace that was not named.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::people::People;

const ROLES: &[&str] = &["rowcast_app", "rowcast_worker", "rowcast_single"];

/// What a statement came to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Rows(u64),
    NoRight,
    RefusedByPolicy,
}

/// A row of the victim's in every table, and somebody else who has a workspace too.
struct Two {
    people: People,
    theirs: Uuid,
    own: Uuid,
}

impl Two {
    async fn new() -> Self {
        let people = People::new().await;
        let (_, theirs) = people.owner("ada@example.com").await;
        let (_, own) = people.owner("bob@example.com").await;
        people.seed(theirs.workspace()).await;
        Self { theirs: theirs.workspace().uuid(), own: own.workspace().uuid(), people }
    }

    /// A connection in this role. `workspace`: what it says it works for; none is how a connection begins.
    async fn as_role(&self, role: &str, workspace: Option<&str>) -> Client {
        let client = self.people.connect().await;
        client.batch_execute(&format!("set role {role}")).await.unwrap();
        if let Some(workspace) = workspace {
            client.batch_execute(&format!("set rowcast.workspace = '{workspace}'")).await.unwrap();
        }
        client
    }

    /// All rows of the victim, as text, in an order.
    async fn snapshot(&self) -> Vec<(String, Vec<String>)> {
        let client = self.people.connect().await;
        let mut all = Vec::new();
        for (table, column) in self.people.tenant_tables().await {
            let query = format!("select t::text from {table} t where {column} = '{}' order by 1", self.theirs);
            let rows = client.query(&query, &[]).await.unwrap();
            all.push((table, rows.iter().map(|row| row.get(0)).collect()));
        }
        all
    }
}

async fn outcome(client: &Client, statement: &str) -> Outcome {
    match client.execute(statement, &[]).await {
        Ok(rows) => Outcome::Rows(rows),
        Err(error) => {
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{statement}: {error:?}");
            let message = error.as_db_error().unwrap().message().to_owned();
            if message.contains("row-level security") { Outcome::RefusedByPolicy } else { Outcome::NoRight }
        }
    }
}

#[tokio::test]
async fn no_statement_touches_a_row_of_a_workspace_that_was_not_named() {
    let two = Two::new().await;
    let before = two.snapshot().await;
    let (theirs, own) = (two.theirs, two.own);
    let mut tried = 0;
    for role in ROLES {
        // As a connection begins; after a transaction that named one; another one's.
        for named in [None, Some(String::new()), Some(own.to_string())] {
            let client = two.as_role(role, named.as_deref()).await;
            for (table, column) in two.people.tenant_tables().await {
                for statement in [
                    format!("select from {table} where {column} = '{theirs}'"),
                    format!("select from {table} where {column} <> '{own}'"),
                    format!("update {table} set {column} = {column} where {column} = '{theirs}'"),
                    format!("update {table} set {column} = '{own}' where {column} <> '{own}'"),
                    format!("delete from {table} where {column} = '{theirs}'"),
                    format!("delete from {table} where {column} <> '{own}'"),
                ] {
                    let outcome = outcome(&client, &statement).await;
                    let fine = matches!(outcome, Outcome::Rows(0) | Outcome::NoRight);
                    assert!(fine, "{role} for {named:?}: {statement}: {outcome:?}");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(two.snapshot().await, before);
    println!("{tried} statements, no row touched");
}

#[tokio::test]
async fn no_row_can_be_put_into_a_workspace_that_was_not_named() {
    let two = Two::new().await;
    let before = two.snapshot().await;
    let superuser = two.people.connect().await;
    let mut refused = 0;
    for role in ROLES {
        for named in [None, Some(String::new()), Some(two.own.to_string())] {
            let client = two.as_role(role, named.as_deref()).await;
            for (table, column) in two.people.tenant_tables().await {
                // A row that is right in every respect but whose it is: the policy is asked before the unique keys.
                let row = format!("select to_jsonb(t)::text from {table} t where {column} = '{}' limit 1", two.theirs);
                let row: String = superuser.query_one(&row, &[]).await.unwrap().get(0);
                let row = row.replace('\'', "''");
                let insert = format!("insert into {table} select * from jsonb_populate_record(null::{table}, '{row}')");
                let outcome = outcome(&client, &insert).await;
                assert!(!matches!(outcome, Outcome::Rows(_)), "{role} for {named:?}: {insert}: {outcome:?}");
                refused += usize::from(outcome == Outcome::RefusedByPolicy);
                let mine = format!("update {table} set {column} = '{}' where {column} = '{}'", two.theirs, two.own);
                let outcome = self::outcome(&client, &mine).await;
                let fine = !matches!(outcome, Outcome::Rows(rows) if rows > 0);
                assert!(fine, "{role} for {named:?}: {mine}: {outcome:?}");
            }
        }
    }
    assert!(refused > 100, "the policies themselves were asked {refused} times only");
    assert_eq!(two.snapshot().await, before);
}

/// Without this the tests above would pass on a database in which nobody sees anything.
#[tokio::test]
async fn a_workspace_that_was_named_is_seen_whole_by_those_who_may_read_the_table() {
    let two = Two::new().await;
    let mut seen = 0;
    for role in ROLES {
        let client = two.as_role(role, Some(&two.theirs.to_string())).await;
        for (table, column) in two.people.tenant_tables().await {
            let statement = format!("select from {table} where {column} = '{}'", two.theirs);
            match outcome(&client, &statement).await {
                Outcome::Rows(rows) => {
                    assert!(rows > 0, "{role}: {statement}");
                    seen += 1;
                }
                refused => assert_eq!(refused, Outcome::NoRight, "{role}: {statement}"),
            }
        }
    }
    assert!(seen > 40, "only {seen} tables were seen");
}

#[tokio::test]
async fn a_function_that_looks_across_workspaces_tells_ids_and_nothing_else() {
    let two = Two::new().await;
    two.people
        .sql(
            "update sync set next_fire_at = now() - interval '1 minute'; update run set due_at = now();
             update log_object set created_at = now() - interval '31 days'",
        )
        .await;
    let person = "select person_id::text from member limit 1";
    let person: String = two.people.connect().await.query_one(person, &[]).await.unwrap().get(0);
    for (role, call) in [
        ("rowcast_app", format!("workspaces_of_person('{person}')")),
        ("rowcast_app", format!("invitation_by_token(decode(repeat('{}', 2), 'hex'))", two.theirs.simple())),
        ("rowcast_app", format!("workspace_of_api_key('{}')", two.theirs)),
        ("rowcast_app", "workspaces_after(null, 10)".to_owned()),
        ("rowcast_worker", "workspaces_after(null, 10)".to_owned()),
        ("rowcast_worker", "due_syncs(10)".to_owned()),
        ("rowcast_worker", "open_erasures(10)".to_owned()),
        ("rowcast_worker", "workspaces_with_expired_logs()".to_owned()),
        ("rowcast_worker", "claimable_sync(10)".to_owned()),
        ("rowcast_worker", "claimable_job(10)".to_owned()),
        ("rowcast_worker", "claimable_sync(10, '{}')".to_owned()),
        ("rowcast_worker", "claimable_job(10, '{}')".to_owned()),
    ] {
        let client = two.as_role(role, None).await;
        let rows = client.query(&format!("select to_jsonb(f)::text from {call} f"), &[]).await.unwrap();
        assert!(!rows.is_empty(), "{call} found nothing, so this shows nothing");
        for row in rows {
            let told: String = row.get(0);
            let told: serde_json::Value = serde_json::from_str(&told).unwrap();
            let values: Vec<_> =
                told.as_object().map_or_else(|| vec![told.clone()], |row| row.values().cloned().collect());
            for value in values {
                let is_id = value.as_str().is_some_and(|text| text.parse::<Uuid>().is_ok());
                assert!(is_id, "{call} tells {value}");
            }
        }
    }
}
