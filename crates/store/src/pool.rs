use std::str::FromStr;
use std::time::Duration;

use domain::WorkspaceId;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Executor, PgConnection};

use crate::{Error, Scope};

/// The control-plane database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
}

impl Store {
    /// `url`: a `postgres://` address. Makes one connection to see that it works.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, Error> {
        Self::open(url, protected(max_connections)).await
    }

    /// Brings the schema to this version. Any number of processes may do it at once.
    pub async fn migrate(&self) -> Result<(), Error> {
        sqlx::migrate!("../../migrations").run(&self.pool).await.map_err(|error| Error::Migrate(Box::new(error)))
    }

    /// The only way to the data of a workspace.
    pub fn scope(&self, workspace: WorkspaceId) -> Scope {
        Scope { pool: self.pool.clone(), workspace }
    }

    /// Waits until every connection is closed.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn open(url: &str, options: PgPoolOptions) -> Result<Self, Error> {
        let failed = |error| Error::Connect(Box::new(error));
        let server = PgConnectOptions::from_str(url).map_err(failed)?.application_name("rowcast").options([
            // The protection below rolls back where nothing is open, and the server would warn each time.
            ("client_min_messages", "error"),
            // A transaction whose client is gone holds the lock of a sync: the server ends it itself.
            ("idle_in_transaction_session_timeout", "10s"),
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        Ok(Self { pool: options.connect_with(server).await.map_err(failed)? })
    }
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
        let other = Store::connect(database.url(), 1).await.unwrap();
        other.migrate().await.unwrap();
        let url = testkit::database::cluster().tcp_url(database.name()).unwrap();
        // Each step of `begin` has to wait for its answer, so that it can be cancelled there.
        let proxy = crate::pool::proxy::Proxy::start(&url, Duration::from_millis(3)).await;
        let (mut lost, mut tried) = (0, 0);
        for polls in 1.. {
            let options = if protect { protected(1) } else { plain(1) };
            let store = Store::open(proxy.url(), options).await.unwrap();
            if !begin_and_drop(&store.pool, polls).await {
                break;
            }
            let name = format!("after {polls} polls");
            let written = store.ensure_workspace(&name, [1; 32]).await.unwrap();
            store.close().await;
            // Makes another one if the first is gone.
            let read = other.ensure_workspace(&name, [1; 32]).await.unwrap();
            tried += 1;
            lost += usize::from(read.id != written.id);
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
