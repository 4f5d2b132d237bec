//! A migrated database with one workspace and one sync.

use domain::{Counts, RunKind, SyncId};
use engine::hash::Hash128;
use engine::unit::UnitId;
use serde_json::{Value, json};
use store::{
    Access, Checkpoint, Claim, Claimed, ClosedWindow, Definition, Finish, LayerChange, LayerRef, NewWindow, Scope,
    Store,
};
use testkit::database::TestDatabase;

pub(crate) const LEASE: i64 = 60_000;
pub(crate) const SETTLING: i64 = 60_000;

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) scope: Scope,
    pub(crate) sync: SyncId,
    pub(crate) database: TestDatabase,
}

/// A copy of a database that was migrated once.
pub(crate) async fn migrated() -> TestDatabase {
    static ORIGINAL: tokio::sync::OnceCell<TestDatabase> = tokio::sync::OnceCell::const_new();
    let original = ORIGINAL
        .get_or_init(|| async {
            let database = testkit::database::fresh();
            store::migrate(database.url()).await.unwrap();
            database
        })
        .await;
    testkit::database::copy_of(original)
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let database = migrated().await;
        let store = Store::connect(database.url(), Access::Single, 20).await.unwrap();
        let workspace = store.ensure_workspace("demo", [7; 32]).await.unwrap();
        let scope = store.scope(workspace.id);
        let sync = scope.put_sync("customers", &definition()).await.unwrap().id;
        Self { store, scope, sync, database }
    }

    /// Queues a normal run and claims it.
    pub(crate) async fn claim(&self) -> Claim {
        self.scope.request_run(self.sync, RunKind::Normal, Value::Null).await.unwrap();
        self.take(LEASE).await
    }

    pub(crate) async fn take(&self, lease_ms: i64) -> Claim {
        match self.scope.claim(self.sync, "worker", lease_ms, SETTLING).await.unwrap() {
            Claimed::Claimed(claim) => *claim,
            other => panic!("nothing to claim: {other:?}"),
        }
    }

    /// Takes a run that some worker holds, as if its lease had ended.
    pub(crate) async fn take_over(&self, claim: &Claim) -> Claim {
        self.scope.heartbeat(claim, -1).await.unwrap();
        self.take(LEASE).await
    }

    /// Runs a statement past the store and its scopes.
    pub(crate) async fn sql(&self, statement: &str) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(self.database.url(), tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let answer = client.query(statement, &[]).await;
        connection.abort();
        answer
    }

    pub(crate) async fn count(&self, from: &str) -> i64 {
        self.sql(&format!("select count(*) from {from}")).await.unwrap()[0].get(0)
    }
}

pub(crate) fn definition() -> Definition {
    serde_json::from_value(json!({
        "source": {"postgres": {"url": {"env": "SHOP_URL"}}},
        "model": {"query": "select * from customers", "key": ["id"]},
        "destination": {"region": "eu-central-1", "credentials": {"default_chain": {}}},
        "sync": {
            "stream": "customers",
            "message": {"fields": [{"to": "rate", "constant": 1.50}, {"to": "id", "column": "id"}]},
            "partition_key": {"column": "id"},
        },
    }))
    .unwrap()
}

pub(crate) fn unit(number: u8) -> UnitId {
    UnitId { key: Hash128([number; 16]), child: 0 }
}

pub(crate) fn segment(name: &str) -> LayerRef {
    LayerRef::Segment(json!({"name": name}))
}

pub(crate) fn append(name: &str) -> Checkpoint {
    Checkpoint { layers: LayerChange::Append(vec![segment(name)]), ..Checkpoint::default() }
}

pub(crate) fn open(number: u32, entries: u64) -> Option<NewWindow> {
    Some(NewWindow { number, segment: json!({"name": format!("window-{number}")}), entries })
}

pub(crate) fn close(number: u32, outcomes: &[u8]) -> Option<ClosedWindow> {
    Some(ClosedWindow { number, outcomes: outcomes.to_vec(), settling_ms: SETTLING })
}

/// All rows are new and planned; what is not delivered is deferred.
pub(crate) fn added(planned: u64, delivered: u64) -> Option<Counts> {
    Some(Counts {
        queried: planned,
        rows: planned,
        units: planned,
        added: planned,
        planned,
        delivered,
        deferred: planned - delivered,
        ..Counts::default()
    })
}

pub(crate) fn succeeded(claim: &Claim) -> Finish {
    Finish { first_run_done: true, accepted: true, ..Finish::new(claim, domain::RunState::Succeeded, SETTLING) }
}
