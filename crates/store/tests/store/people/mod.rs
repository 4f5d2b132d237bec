//! People and what they are members of, as the role of the API, which has no more rights than these need.

mod erasing;
mod idempotency;
mod invitations;
mod keys;
mod members;
mod passwords;
mod seed;
mod sessions;
mod sign_up;
mod visibility;

use std::pin::pin;
use std::time::{Duration, Instant};

use domain::{Role, UserId, WorkspaceId};
use store::{
    Access, Actor, Audit, Joins, NewInvitation, NewPerson, NewSession, NewWorkspace, PasswordHash, Person, Scope,
    Store, TokenHash,
};
use testkit::database::TestDatabase;
use tokio_postgres::{Client, NoTls};

pub(crate) const HOUR: i64 = 3_600_000;

pub(crate) struct People {
    pub(crate) store: Store,
    pub(crate) database: TestDatabase,
}

impl People {
    pub(crate) async fn new() -> Self {
        let database = crate::fixture::migrated().await;
        let store = Store::connect(database.url(), Access::App, 20).await.unwrap();
        Self { store, database }
    }

    /// A person with a workspace of their own.
    pub(crate) async fn owner(&self, email: &str) -> (Person, Scope) {
        let new = person(email);
        let joins = Joins::New { workspace: workspace(email), only_first: false };
        let signed_up = self.store.sign_up(&by("sign_up"), &new, &joins).await.unwrap();
        (self.person(signed_up.person).await, self.store.scope(signed_up.workspace))
    }

    /// Makes somebody, who may be a member elsewhere, a member of `scope` too.
    pub(crate) async fn join(&self, scope: &Scope, person: UserId, role: Role) {
        let token = token(person.uuid().as_bytes()[15] ^ 0xff);
        scope.create_invitation(&by("create_invitation"), &invitation(token, None, role)).await.unwrap();
        self.store.accept_invitation(&by("accept_invitation"), &token, person).await.unwrap();
        self.sql("delete from invitation where accepted_at is not null").await;
    }

    pub(crate) async fn person(&self, id: UserId) -> Person {
        self.store.person(id).await.unwrap().unwrap()
    }

    pub(crate) async fn sign_in(&self, person: &Person, number: u8) {
        self.store.create_session(person, &session(number, HOUR), None).await.unwrap();
    }

    /// Past the store and its scopes.
    pub(crate) async fn connect(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(self.database.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub(crate) async fn sql(&self, statements: &str) {
        self.connect().await.batch_execute(statements).await.unwrap();
    }

    pub(crate) async fn count(&self, from: &str) -> i64 {
        self.connect().await.query_one(&format!("select count(*) from {from}"), &[]).await.unwrap().get(0)
    }

    /// Both at the same moment: each gets as far as `table`, or waits for the other, before either can go on.
    pub(crate) async fn race<A, B>(
        &self,
        table: &str,
        one: impl Future<Output = A>,
        other: impl Future<Output = B>,
    ) -> (A, B) {
        let (gate, watcher) = (self.connect().await, self.connect().await);
        gate.batch_execute(&format!("begin; lock table {table} in access exclusive mode")).await.unwrap();
        let (one, other) = (pin!(one), pin!(other));
        let (one, other, ()) = tokio::join!(one, other, async {
            until_waiting(&watcher, 2).await;
            gate.batch_execute("commit").await.unwrap();
        });
        (one, other)
    }
}

/// Waits until so many sessions of this database wait for a lock.
async fn until_waiting(client: &Client, sessions: i64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while client.query_one(query, &[]).await.unwrap().get::<_, i64>(0) < sessions {
        assert!(Instant::now() < deadline, "nobody waits for a lock");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn by(action: &'static str) -> Audit {
    Audit::new(Actor::Operator { operator: "test".to_owned() }, action)
}

pub(crate) fn token(number: u8) -> TokenHash {
    [number; 32]
}

pub(crate) fn password(text: &str) -> PasswordHash {
    PasswordHash::new(format!("phc of {text}"))
}

pub(crate) fn person(email: &str) -> NewPerson {
    NewPerson::new(email, password(email))
}

pub(crate) fn workspace(name: &str) -> NewWorkspace {
    NewWorkspace { name: name.to_owned(), hash_key: [3; 32] }
}

pub(crate) fn invitation(token_hash: TokenHash, email: Option<&str>, role: Role) -> NewInvitation {
    NewInvitation { token_hash, email: email.map(str::to_owned), role, created_by: None, ttl_ms: HOUR }
}

pub(crate) fn session(number: u8, ttl_ms: i64) -> NewSession {
    NewSession { token_hash: token(number), ttl_ms, user_agent: Some("a browser".to_owned()) }
}

/// How many went well; the others' errors are for the caller to look at.
pub(crate) fn winners<T>(results: [&Result<T, store::Error>; 2]) -> usize {
    results.iter().filter(|result| result.is_ok()).count()
}

pub(crate) async fn names(store: &Store, person: UserId) -> Vec<(WorkspaceId, Role)> {
    let memberships = store.workspaces_of(person).await.unwrap();
    memberships.into_iter().map(|membership| (membership.workspace, membership.role)).collect()
}
