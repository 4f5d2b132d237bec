//! Everything one test needs: a small shop, a stream, a home for the program, and the questions to ask afterwards.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use simulator::{Config, Effect, Handle, Limits, Operation, Rule};
use tempfile::TempDir;
use testkit::database::{self, TestDatabase};
use testkit::logged::Log;
use testkit::oracle::Stream;
use testkit::reconcile::reconcile;
use tokio_postgres::{Client, NoTls};

use crate::child::{Child, Ended, Options};
use crate::replay::{Consumer, Rows};

const STREAM: &str = "items";

/// What differs between tests.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) rows: u32,
    /// Promise P2's W.
    pub(crate) window: u32,
    /// Of each put.
    pub(crate) latency: Duration,
    pub(crate) settling: Duration,
    /// The program starts a PostgreSQL of its own.
    pub(crate) embedded: bool,
}

pub(crate) struct Place {
    setting: Setting,
    pub(crate) simulator: Handle,
    pub(crate) shop: Client,
    shop_database: TestDatabase,
    store_database: Option<TestDatabase>,
    home: TempDir,
    number: AtomicU32,
}

impl Place {
    pub(crate) async fn new(setting: Setting) -> Self {
        let shop_database = database::fresh();
        let store_database = (!setting.embedded).then(database::fresh);
        let shop = connect(shop_database.url()).await;
        let fill = format!(
            "create table items (id bigint primary key, body text not null);
             insert into items select n, 'a' || n % 3 from generate_series(1, {}) n",
            setting.rows
        );
        shop.batch_execute(&fill).await.unwrap();
        let simulator = simulator::start(Config { limits: Limits::off(), ..Config::default() }).await.unwrap();
        simulator.create_stream(STREAM, 2).unwrap();
        let ms = u64::try_from(setting.latency.as_millis()).unwrap();
        simulator.faults([Rule::on(Operation::PutRecords, Effect::Latency { ms })]);
        // As root, the program's PostgreSQL runs as another user, who has to pass.
        let home = tempfile::Builder::new().prefix("rowcast-crash-").tempdir().unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o711)).unwrap();
        let number = AtomicU32::new(0);
        let place = Self { setting, simulator, shop, shop_database, store_database, home, number };
        place.write_sync_file(true);
        place
    }

    /// Describes the sync. Whether removals are sent is the one thing that tests change.
    pub(crate) fn write_sync_file(&self, removals: bool) {
        let endpoint = self.simulator.endpoint();
        let text = format!(
            r#"name: items
source:
  postgres:
    url: {{ env: SHOP_DATABASE_URL }}
model:
  query: select id, body from items
  key: [id]
destination:
  region: eu-central-1
  endpoint: {endpoint}
  credentials:
    access_key:
      access_key_id: {{ env: SHOP_KEY }}
      secret_access_key: {{ env: SHOP_KEY }}
sync:
  stream: {STREAM}
  message:
    json: |
      {{
        "op": {{{{ op }}}}, "key": [{{{{ row.id }}}}], "id": {{{{ row.id }}}}, "body": {{{{ row.body }}}}, "before": {{{{ previous.body }}}},
        "event": {{ "id": {{{{ event.id }}}}, "sequence": {{{{ event.sequence }}}} }}
      }}
  partition_key: {{ column: id }}
  triggers: {{ removed: {removals} }}
"#
        );
        fs::write(self.sync_file(), text).unwrap();
    }

    pub(crate) fn sync_file(&self) -> PathBuf {
        self.home().join("items.yaml")
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) const fn window(&self) -> u32 {
        self.setting.window
    }

    pub(crate) const fn settling(&self) -> Duration {
        self.setting.settling
    }

    pub(crate) fn shop_url(&self) -> &str {
        self.shop_database.url()
    }

    pub(crate) fn store_url(&self) -> Option<&str> {
        self.store_database.as_ref().map(TestDatabase::url)
    }

    pub(crate) fn next_number(&self) -> u32 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn arrived(&self) -> usize {
        self.simulator.record_count(STREAM)
    }

    /// Starts a run that has to go to its end with everything delivered.
    pub(crate) async fn run(&self) -> Ended {
        let ended = Child::start(self, &Options::default()).ended().await;
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        ended
    }

    pub(crate) async fn store(&self) -> Client {
        connect(self.store_url().unwrap()).await
    }

    /// As if the time of every lease had passed. Only for processes that are dead.
    pub(crate) async fn expire_leases(&self) {
        let statement = "update run set lease_until = now() where state = 'running' and lease_until > now()";
        // A child that was killed at its start has not made the tables yet.
        let store = self.store().await;
        let made = store.query_one("select to_regclass('run') is not null", &[]).await.unwrap();
        if made.get(0) {
            store.execute(statement, &[]).await.unwrap();
        }
    }

    pub(crate) async fn table(&self) -> Rows {
        let rows = self.shop.query("select id, body from items", &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Reads the stream on; it has to say what the table says, both by event.sequence and by arrival. `forgotten`:
    /// removals that nobody wanted to be sent.
    pub(crate) async fn check_stream(&self, consumer: &mut Consumer, forgotten: &[i64]) {
        consumer.read(&self.simulator.records(STREAM));
        let table = self.table().await;
        for (order, mut rows) in [("event.sequence", consumer.by_sequence()), ("arrival", consumer.by_arrival())] {
            rows.retain(|id, _| table.contains_key(id) || !forgotten.contains(id));
            assert!(rows == table, "the stream by {order} differs from the table: {}", differences(&rows, &table));
        }
    }

    /// What every crash leaves behind has been cleaned up by the runs since, and all sums hold.
    pub(crate) async fn check_store(&self) {
        self.check_kept(&self.store().await).await;
    }

    /// The same of a store that is not the place's own.
    pub(crate) async fn check_kept(&self, store: &Client) {
        self.check_rest(store).await;
        self.check_log(store).await;
    }

    /// All of that but the log, which has to be read as a whole.
    pub(crate) async fn check_rest(&self, store: &Client) {
        let count = async |what: &str, sql: &str| {
            let found: i64 = store.query_one(sql, &[]).await.unwrap().get(0);
            assert_eq!(found, 0, "{what}");
        };
        count("runs that did not end", "select count(*) from run where ended_at is null").await;
        count("attempts that did not end", "select count(*) from attempt where outcome is null").await;
        count("windows that are open", "select count(*) from snapshot_window where state = 'open'").await;
        count("crowded manifests", "select count(*) from manifest where jsonb_array_length(body -> 'layers') > 64")
            .await;
        let attempts = store.query("select counts::text from attempt", &[]).await.unwrap();
        assert!(!attempts.is_empty());
        for attempt in attempts {
            serde_json::from_str::<domain::Counts>(attempt.get(0)).unwrap().check().unwrap();
        }
        let scratch = fs::read_dir(self.home().join("scratch")).unwrap().count();
        assert_eq!(scratch, 0, "scratch folders that nobody needs any more");
    }

    /// Every record is in the debug log, and every line of it is true.
    async fn check_log(&self, store: &Client) {
        let log = Log::read(store, &self.home().join("objects")).await.unwrap();
        let stream = Stream::read(self.simulator.endpoint(), STREAM).await.unwrap();
        let faults = reconcile(&log, &stream);
        assert!(faults.is_empty(), "{} faults of the debug log:\n{}", faults.len(), shown(&faults));
    }
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The first few.
fn shown(faults: &[String]) -> String {
    faults.iter().take(10).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// The first few rows that differ.
fn differences(rows: &Rows, table: &Rows) -> String {
    let ids = rows.keys().chain(table.keys().filter(|id| !rows.contains_key(id)));
    let differ = ids.filter(|id| rows.get(id) != table.get(id));
    let shown = differ.clone().take(10).map(|id| format!("{id}: {:?}, not {:?}", rows.get(id), table.get(id)));
    format!("{} rows, such as {}", differ.count(), shown.collect::<Vec<_>>().join("; "))
}
