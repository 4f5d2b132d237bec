//! The command line as a program: what it leaves behind, and how it ends.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};

use testkit::database::{self, TestDatabase};
use tokio_postgres::{Client, NoTls};

struct Stage {
    shop: Client,
    store: Client,
    simulator: simulator::Handle,
    home: tempfile::TempDir,
    shop_url: String,
    store_url: String,
    _databases: [TestDatabase; 2],
}

impl Stage {
    async fn start(rows: u32) -> Self {
        let (shop_database, store_database) = (database::fresh(), database::fresh());
        let shop_url = format!("{}?sslmode=disable", database::cluster().tcp_url(shop_database.name()).unwrap());
        let store_url = store_database.url().to_owned();
        let (shop, store) = (connect(&shop_url).await, connect(&store_url).await);
        let table = format!(
            "create table t (id bigint primary key, v text); insert into t select n, 'old' from generate_series(1, {rows}) n"
        );
        shop.batch_execute(&table).await.unwrap();
        let simulator = simulator::start(simulator::Config::default()).await.unwrap();
        simulator.create_stream("t", 2).unwrap();
        let home = tempfile::tempdir().unwrap();
        let file = format!(
            "name: t\nsource: {{ postgres: {{ url: {{ env: SHOP }} }} }}\nmodel: {{ query: \"select id, v from t\", key: [id] }}\n\
             destination:\n  region: eu-west-1\n  endpoint: {}\n  credentials:\n    access_key:\n      \
             access_key_id: {{ env: KEY }}\n      secret_access_key: {{ env: KEY }}\n\
             sync: {{ stream: t, message: {{ fields: all }}, partition_key: {{ column: id }} }}\n",
            simulator.endpoint()
        );
        std::fs::write(home.path().join("t.yaml"), file).unwrap();
        Self { shop, store, simulator, home, shop_url, store_url, _databases: [shop_database, store_database] }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rowcast-under-test"));
        command.arg("run").arg(self.home.path().join("t.yaml")).arg("--home").arg(self.home.path().join("state"));
        command.args(arguments).env("DATABASE_URL", &self.store_url).env("SHOP", &self.shop_url).env("KEY", "any");
        tokio::task::block_in_place(|| command.output().unwrap())
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_reset_that_a_dead_process_asked_for_is_not_done_by_the_next_run() {
    let stage = Stage::start(20).await;
    assert_eq!(code(&stage.run(&[])), 0);
    let left = "insert into run (workspace_id, id, sync_id, kind)
                select workspace_id, gen_random_uuid(), id, 'baseline' from sync";
    stage.store.batch_execute(left).await.unwrap();
    stage.shop.batch_execute("update t set v = 'new' where id <= 5").await.unwrap();
    let run = stage.run(&[]);
    assert_eq!(code(&run), 0, "{run:?}");
    assert_eq!(stage.simulator.records("t").len(), 25, "the changes were sent, not acknowledged silently");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_in_other_hands_is_busy_and_the_request_is_withdrawn() {
    let stage = Stage::start(20).await;
    assert_eq!(code(&stage.run(&[])), 0);
    // Another process: it holds the run, and renews its lease while we wait.
    let held = "insert into run (workspace_id, id, sync_id, kind, state, sync_version, started_at, first_epoch, epoch, worker, lease_until)
                select workspace_id, gen_random_uuid(), id, 'normal', 'running', version, now(), epoch, epoch, 'other',
                       now() + interval '2 s' from sync";
    stage.store.batch_execute(held).await.unwrap();
    let renewed = connect(&stage.store_url).await;
    let renewal = tokio::spawn(async move {
        loop {
            let renew = "update run set lease_until = now() + interval '2 s' where state = 'running'";
            if renewed.batch_execute(renew).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
    let run = stage.run(&["--reset"]);
    assert_eq!(code(&run), 6, "{run:?}");
    renewal.abort();
    let waiting = stage.store.query_one("select count(*) from run where state = 'queued'", &[]).await.unwrap();
    assert_eq!(waiting.get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_ends_the_run_with_its_reason_and_sends_nothing() {
    let stage = Stage::start(20).await;
    assert_eq!(code(&stage.run(&[])), 0);
    let bad = std::fs::read_to_string(stage.home.path().join("t.yaml")).unwrap();
    let bad = bad.replace("select id, v from t", "select id, (1 / (id - 20))::text as v from t");
    std::fs::write(stage.home.path().join("t.yaml"), bad).unwrap();
    let run = stage.run(&["--on-change", "only-future"]);
    assert_eq!(code(&run), 1, "{run:?}");
    assert!(String::from_utf8_lossy(&run.stdout).contains("division by zero"), "{run:?}");
    assert_eq!(stage.simulator.records("t").len(), 20);
}

/// The environment of a process that has begun: it has answered.
fn environment(setting: Option<&str>) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowcast-under-test"));
    command.args(["template", "render", "--batch", "--text"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    match setting {
        Some(value) => command.env("MALLOC_ARENA_MAX", value),
        None => command.env_remove("MALLOC_ARENA_MAX"),
    };
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"{\"template\": \"Hello\", \"context\": {}}\n").unwrap();
    let mut answer = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    assert_eq!(answer.trim(), r#"{"output":"Hello"}"#);
    let environment = std::fs::read(format!("/proc/{}/environ", child.id())).unwrap();
    let arguments = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    let called = String::from_utf8(arguments).unwrap();
    let called: Vec<_> = called.trim_end_matches('\0').split('\0').collect();
    assert_eq!(called, [env!("CARGO_BIN_EXE_rowcast-under-test"), "template", "render", "--batch", "--text"]);
    String::from_utf8_lossy(&environment).split('\0').map(str::to_owned).collect()
}

#[cfg(target_env = "gnu")]
#[test]
fn the_allocator_has_an_arena_for_each_processor_unless_somebody_says_otherwise() {
    let processors = std::thread::available_parallelism().unwrap().get().max(2);
    assert!(environment(None).contains(&format!("MALLOC_ARENA_MAX={processors}")));
    assert!(environment(Some("7")).contains(&"MALLOC_ARENA_MAX=7".to_owned()));
}
