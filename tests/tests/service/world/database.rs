//! The service's own PostgreSQL, with a login for each kind of process.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use embedded::{Cluster, verifier};
use testkit::database::{self, TestDatabase};
use tokio_postgres::{Client, NoTls, Row};

const NAME: &str = "rowcast";

pub(crate) struct Database {
    /// Of the owner of the tables, a superuser.
    url: String,
    api: String,
    worker: String,
    place: Place,
}

enum Place {
    /// Dropped with the world.
    Shared { _database: TestDatabase },
    /// `None` while it is stopped.
    Own { settings: Box<embedded::Settings>, cluster: Mutex<Option<Cluster>> },
}

impl Database {
    /// A copy of a database that was migrated once for all tests of this process.
    pub(super) async fn shared() -> Self {
        let database = tokio::task::spawn_blocking(|| database::copy_of(migrated())).await.unwrap();
        let url = database.url().to_owned();
        Self::with_logins(url, Place::Shared { _database: database }).await
    }

    pub(super) async fn own(home: &Path) -> Self {
        let settings = database::settings(home);
        let cluster = start(&settings).await;
        cluster.create_database(NAME).await.unwrap();
        let url = cluster.url(NAME);
        store::migrate(&url).await.unwrap();
        let place = Place::Own { settings: Box::new(settings), cluster: Mutex::new(Some(cluster)) };
        Self::with_logins(url, place).await
    }

    /// Logins that may do what their process does, and nothing else. They belong to the whole cluster.
    async fn with_logins(url: String, place: Place) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (api, worker) = (format!("api_{number}"), format!("worker_{number}"));
        let owner = connect(&url).await;
        for (login, role) in [(&api, "rowcast_app"), (&worker, "rowcast_worker")] {
            let statement = format!(
                "create role {login} login password '{}' in role {role}",
                verifier(&format!("pass-of-{login}"), [7; 16])
            );
            owner.batch_execute(&statement).await.unwrap();
        }
        Self { api: login_url(&url, &api), worker: login_url(&url, &worker), url, place }
    }

    /// As the owner of the tables, a superuser: sees everything.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// As API processes connect.
    pub(crate) fn api_url(&self) -> &str {
        &self.api
    }

    /// As workers connect.
    pub(crate) fn worker_url(&self) -> &str {
        &self.worker
    }

    /// A query past every policy.
    pub(crate) async fn query(&self, query: &str) -> Vec<Row> {
        connect(&self.url).await.query(query, &[]).await.unwrap_or_else(|error| panic!("{query}: {error:?}"))
    }

    /// The one number that a query like `select count(*) ..` gives.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.query(query).await[0].get(0)
    }

    /// Takes the database away. Only with a cluster of its own.
    pub(crate) async fn stop(&self) {
        let Place::Own { cluster, .. } = &self.place else { panic!("take `Settings::own_cluster`") };
        let cluster = cluster.lock().unwrap().take().expect("it is stopped already");
        tokio::task::spawn_blocking(move || cluster.stop()).await.unwrap().unwrap();
    }

    /// Brings it back, at the same address.
    pub(crate) async fn start(&self) {
        let Place::Own { settings, cluster } = &self.place else { panic!("take `Settings::own_cluster`") };
        let started = start(settings).await;
        assert_eq!(started.url(NAME), self.url, "the address is another one");
        *cluster.lock().unwrap() = Some(started);
    }
}

pub(super) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn start(settings: &embedded::Settings) -> Cluster {
    let settings = settings.clone();
    tokio::task::spawn_blocking(move || embedded::start(&settings)).await.unwrap().unwrap()
}

/// `postgres://superuser:password@host..` with another login.
fn login_url(url: &str, login: &str) -> String {
    let (_, place) = url.rsplit_once('@').unwrap();
    format!("postgres://{login}:pass-of-{login}@{place}")
}

fn migrated() -> &'static TestDatabase {
    static TEMPLATE: OnceLock<TestDatabase> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let database = database::fresh();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(store::migrate(database.url())).unwrap();
        database
    })
}
