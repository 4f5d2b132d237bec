use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use domain::WorkspaceId;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection};

use crate::{Error, MasterKeys, Scope};

/// The control-plane database, as one of its roles. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) keys: Option<Arc<MasterKeys>>,
}

/// The role that a process takes on: what it may do, and nothing else. Row-level security holds for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Serves the API.
    App,
    /// Executes runs and jobs.
    Worker,
    /// Both, for a single process of the command line.
    Single,
}

pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// Brings the schema to this version. Any number of processes may do it at once. `url`: as the owner of the tables, who
/// has to be allowed to create roles the first time.
pub async fn migrate(url: &str) -> Result<(), Error> {
    let pool = plain(1).connect_with(server(url)?).await.map_err(|error| Error::Connect(Box::new(error)))?;
    let migrated = MIGRATIONS.run(&pool).await;
    pool.close().await;
    migrated.map_err(|error| Error::Migrate(Box::new(error)))
}

impl Access {
    const fn set_role(self) -> &'static str {
        match self {
            Self::App => "set role rowcast_app",
            Self::Worker => "set role rowcast_worker",
            Self::Single => "set role rowcast_single",
        }
    }
}

impl Store {
    /// `url`: a `postgres://` address of a migrated database. Makes one connection to see that it works.
    pub async fn connect(url: &str, access: Access, max_connections: u32) -> Result<Self, Error> {
        Self::open(url, access, protected(max_connections)).await
    }

    /// With the keys that open and seal secrets.
    #[must_use]
    pub fn with_keys(self, keys: MasterKeys) -> Self {
        Self { keys: Some(Arc::new(keys)), ..self }
    }

    /// The only way to the data of a workspace.
    pub fn scope(&self, workspace: WorkspaceId) -> Scope {
        Scope { pool: self.pool.clone(), keys: self.keys.clone(), workspace }
    }

    /// Waits until every connection is closed.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn open(url: &str, access: Access, options: PgPoolOptions) -> Result<Self, Error> {
        let options = options.after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(access.set_role()).await.map(|_| ()) })
        });
        let server = server(url)?;
        // A pool tries until its time is up and then tells that alone. One connection of its own tells why.
        let first = PgConnection::connect_with(&server).await.map_err(|error| Error::Connect(Box::new(error)))?;
        first.close().await.unwrap_or_default();
        let pool = options.connect_with(server).await.map_err(|error| Error::Connect(Box::new(error)))?;
        Ok(Self { pool, keys: None })
    }
}

fn server(url: &str) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url).map_err(|error| Error::Connect(Box::new(error)))?;
    Ok(options.application_name("rowcast").options([
        // The protection below rolls back where nothing is open, and the server would warn each time.
        ("client_min_messages", "error"),
        // A transaction whose client is gone holds the lock of a sync: the server ends it itself.
        ("idle_in_transaction_session_timeout", "10s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]))
}

/// A future that is dropped while it begins a transaction can leave that transaction open on a pooled connection
/// (sqlx 0.9.0): the next write there is acknowledged and then lost. So each connection is rolled back when it comes back
/// and before it is given out, and is thrown away if that fails. The second takes the place of the pool's own ping.
fn protected(max_connections: u32) -> PgPoolOptions {
    plain(max_connections)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(roll_back(connection)))
        .after_release(|connection, _| Box::pin(roll_back(connection)))
}

fn plain(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(max_connections).acquire_timeout(Duration::from_secs(10))
}

async fn roll_back(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    connection.execute("rollback").await?;
    Ok(true)
}

#[cfg(test)]
#[expect(dead_code, reason = "its faults are for the tests of checkpoints")]
#[path = "../tests/store/proxy.rs"]
mod proxy;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use sqlx::AssertSqlSafe;

    use super::*;

    /// Begins a transaction and drops it after that many polls, whatever is on its way then. Whether it got that far.
    async fn begin_and_drop(pool: &PgPool, polls: usize) -> bool {
        let mut begin = pin!(pool.begin());
        let mut left = polls;
        poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(true);
            }
            left -= 1;
            let began = begin.as_mut().poll(context).map(|_| false);
            if left == 0 {
                context.waker().wake_by_ref();
            }
            began
        })
        .await
    }

    /// How many of the writes that were acknowledged after a cancelled `begin` are lost, and how many were tried.
    async fn lost_writes(protect: bool) -> (usize, usize) {
        let database = testkit::database::fresh();
        migrate(database.url()).await.unwrap();
        let other = Store::connect(database.url(), Access::Single, 1).await.unwrap();
        let url = testkit::database::cluster().tcp_url(database.name()).unwrap();
        // Each step of `begin` has to wait for its answer, so that it can be cancelled there.
        let proxy = crate::pool::proxy::Proxy::start(&url, Duration::from_millis(3)).await;
        let (mut lost, mut tried) = (0, 0);
        for polls in 1.. {
            let options = if protect { protected(1) } else { plain(1) };
            let store = Store::open(proxy.url(), Access::Single, options).await.unwrap();
            if !begin_and_drop(&store.pool, polls).await {
                break;
            }
            // A statement of its own, outside any transaction that we know of.
            let insert = "insert into person (id, email, password_hash) values (gen_random_uuid(), $1, '')";
            let email = format!("after-{polls}@example.com");
            store.pool.execute(AssertSqlSafe(insert.replace("$1", &format!("'{email}'")))).await.unwrap();
            store.close().await;
            tried += 1;
            lost += usize::from(other.person_by_email(&email).await.unwrap().is_none());
        }
        (lost, tried)
    }

    #[tokio::test]
    async fn an_acknowledged_write_outlives_a_begin_that_was_cancelled_before_it() {
        let (lost, tried) = lost_writes(true).await;
        assert_eq!(lost, 0);
        assert!(tried >= 2, "begin was cancelled at {tried} points only");
    }

    #[tokio::test]
    async fn without_the_protection_such_a_write_is_lost() {
        assert!(lost_writes(false).await.0 > 0, "sqlx no longer loses it: the protection can go");
    }
}
