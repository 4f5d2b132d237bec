//! What the hot statements read: an index, and few pages, however many rows there are. The statements are those of `.sqlx`,
//! so those that the code runs; row-level security is part of their plans.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use testkit::database::TestDatabase;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::fixture::migrated;

/// Tables that grow with use. A statement that scans one of them becomes slower with each day.
const BIG: [&str; 15] = [
    "api_key",
    "attempt",
    "audit_entry",
    "idempotency",
    "job",
    "log_object",
    "log_shard",
    "member",
    "person",
    "rejection",
    "run",
    "run_event",
    "session",
    "sync",
    "sync_version",
];

struct Hot {
    what: &'static str,
    role: &'static str,
    /// All of them stand in the statement, and in no other one.
    words: &'static [&'static str],
    arguments: &'static str,
    /// Pages of 8 KiB that it may touch; the table of runs has some thousands.
    pages: u64,
}

const fn hot(
    what: &'static str,
    role: &'static str,
    words: &'static [&'static str],
    arguments: &'static str,
    pages: u64,
) -> Hot {
    Hot { what, role, words, arguments, pages }
}

const APP: &str = "rowcast_app";
const WORKER: &str = "rowcast_worker";

/// The workspace is `id(1, 1)`, the biggest.
const STATEMENTS: &[Hot] = &[
    // Coming in.
    hot("find a session", APP, &["where s.token_hash = $1 and s.expires_at > now()"], "hash(777)", 20),
    hot("workspaces of a person", APP, &["workspaces_of_person($1)"], "id(2, 777)", 20),
    hot("the role of a person", APP, &["select role from member where"], "id(1, 1), id(2, 1000)", 20),
    hot("the workspace of a key", APP, &["workspace_of_api_key($1)"], "id(3, 777)", 20),
    hot("find a key", APP, &["from api_key k", "k.workspace_id = $1 and k.id = $2"], "id(1, 1), id(3, 1000)", 20),
    hot(
        "begin an idempotent request",
        APP,
        &["insert into idempotency"],
        "id(1, 1), id(3, 5), 'new', hash(1), id(4, 1)",
        60,
    ),
    // Runs, as people see them.
    hot(
        "list the runs of a workspace",
        APP,
        &["from run r left join lateral", "r.workspace_id = $1 and r.id < $2"],
        "id(1, 1), id(10, 149000), 50",
        500,
    ),
    hot(
        "list the runs of a workspace in a rare state",
        APP,
        &["from run r left join lateral", "r.state = $4 and r.id < $2"],
        "id(1, 1), id(10, 149000), 50, 'stopped'",
        60,
    ),
    hot(
        "list the runs of a sync",
        APP,
        &["from run r left join lateral", "r.sync_id = $2 and r.id < $3"],
        "id(1, 1), id(9, 0), id(10, 149000), 50, null",
        500,
    ),
    hot(
        "read a run",
        APP,
        &["from run r left join lateral", "r.workspace_id = $1 and r.id = $2"],
        "id(1, 1), id(10, 0)",
        30,
    ),
    hot("attempts of a run", APP, &["outcome, counts from attempt where"], "id(1, 1), id(10, 120000)", 30),
    hot("events of a run", APP, &["kind, detail from run_event where"], "id(1, 1), id(10, 120000), null, 50", 30),
    hot(
        "rejections of a run",
        APP,
        &["join rejection j", "j.ordinal > $3"],
        "id(1, 1), id(10, 149995), 100, 50, null, null",
        150,
    ),
    hot("list syncs", APP, &["run_state?"], "id(1, 1), null, id(9, 5999), 50, null, null", 600),
    hot(
        "ask for a run",
        APP,
        &["insert into run", "from sync s where"],
        "id(1, 1), id(9, 0), id(15, 1), 'normal', '{}', '{}'",
        150,
    ),
    hot("cancel a run", APP, &["set cancel_requested_at = coalesce"], "id(1, 1), id(11, 0)", 150),
    hot(
        "list audit entries",
        APP,
        &["from audit_entry where", "order by id desc"],
        "id(1, 1), id(5, 20000), 50, null, null, null",
        200,
    ),
    hot(
        "write an audit entry",
        APP,
        &["insert into audit_entry"],
        "id(1, 1), id(5, 0), '{}', 'x', null, '{}', null, null",
        60,
    ),
    hot("ask for a job", APP, &["insert into job"], "id(1, 1), id(13, 0), 'x', '{}', '{}', 10", 80),
    hot("read a job", APP, &["result, problem from job where"], "id(1, 1), id(13, 777)", 20),
    // The debug log.
    hot(
        "the log of a run",
        APP,
        &["log_object o where o.workspace_id = $1 and o.run_id = $2 and o.kind = $3"],
        "id(1, 1), id(10, 100000), 'rows'",
        60,
    ),
    hot(
        "the log of a key",
        APP,
        &["o.key_min <= $3 and o.key_max >= $3"],
        "id(1, 1), id(9, 0), decode('c8000000000000000000000000000000', 'hex'), 200000, 0, 20",
        500,
    ),
    hot(
        "the log of a place in a stream",
        APP,
        &["from log_shard n where"],
        "id(1, 1), 'shardId-000000000001', place(1000002), 10000",
        500,
    ),
    hot("the log of a call", APP, &["o.last_call >= $3 and o.first_call <= $3"], "id(1, 1), id(10, 100000), 5", 60),
    hot("the next call", WORKER, &["select max(o.last_call)"], "id(1, 1), id(10, 100000)", 20),
    hot(
        "windows without a log",
        WORKER,
        &["from snapshot_window w left join lateral"],
        "id(1, 1), id(9, 0), 150000",
        30,
    ),
    hot("how much log there is", APP, &["as oldest from log_object"], "id(1, 1)", 1_200),
    hot("which logs are old", WORKER, &["workspaces_with_expired_logs()"], "", 6_000),
    hot("old objects of the log", WORKER, &["o.created_at < now() - make_interval"], "id(1, 1), 50", 500),
    hot(
        "forget objects of the log",
        WORKER,
        &["delete from log_object o using"],
        "id(1, 1), array[id(9, 0)], array[100005], array[1], array['rows']",
        60,
    ),
    hot(
        "forget shards of the log",
        WORKER,
        &["delete from log_shard s using"],
        "id(1, 1), array[id(9, 0)], array[100005], array[1], array['rows']",
        60,
    ),
    // Ticks and claims.
    hot("due ticks", WORKER, &["from due_syncs($1)"], "500", 400),
    hot("whose run is next", WORKER, &["from claimable_sync($1, $2)"], "4, '{}'", 600),
    hot("which job is next", WORKER, &["from claimable_job($1, $2)"], "4, '{}'", 400),
    hot("find the run of a sync to claim", WORKER, &["as held_until from run"], "id(1, 1), id(9, 0), false", 60),
    hot("find a dead attempt", WORKER, &["from attempt where", "outcome is null"], "id(1, 1), id(9, 0)", 30),
    hot("count dead attempts", WORKER, &["from attempt where", "outcome = 'died'"], "id(1, 1), id(10, 120000)", 60),
    hot("the definition of a sync", WORKER, &["select definition from sync_version"], "id(1, 1), id(9, 0), 1", 20),
    hot("take a run", WORKER, &["update run set state = 'running'"], "id(1, 1), id(11, 0), 9, 1, 'w', 30000", 150),
    // While a run works, and at its end.
    hot("renew a lease", WORKER, &["lease_until!\", cancel_requested_at"], "id(1, 1), id(12, 3), 1, 30000", 150),
    hot(
        "the fence",
        WORKER,
        &["set manifest_version = manifest_version + $5"],
        "id(1, 1), id(9, 5003), 1, 0, 0, id(12, 3)",
        60,
    ),
    hot(
        "end a run",
        WORKER,
        &["with ending as"],
        "id(1, 1), id(9, 5003), id(12, 3), 1, 'succeeded', null, null, null",
        150,
    ),
    hot(
        "queue the run of a tick",
        WORKER,
        &["scheduled_for", "on conflict do nothing"],
        "id(1, 1), id(15, 2), id(9, 5500), 'normal', now(), '{}'",
        150,
    ),
    // Retention, every few minutes in each workspace.
    hot("forget old runs", WORKER, &["delete from run r where"], "id(1, 1), 8640000000, 10", 600),
    hot("forget old audit entries", WORKER, &["delete from audit_entry where", "at <"], "id(1, 1), 31536000000", 30),
    hot("forget old jobs", WORKER, &["delete from job where", "created_at <"], "id(1, 1), 86400000", 30),
];

#[tokio::test]
async fn hot_statements_use_indexes_and_touch_few_pages() {
    let database = filled().await;
    let (mut client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let known = statements();
    let mut wrong = Vec::new();
    for hot in STATEMENTS {
        // What is planned for these values, and what is planned once for all: the server chooses between them.
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let (scanned, pages) = explain(&mut client, hot, statement(&known, hot), mode).await;
            if !scanned.is_empty() || pages > hot.pages {
                wrong.push(format!("{} ({mode}): {pages} pages of at most {}, scans {scanned:?}", hot.what, hot.pages));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_statement_without_an_index_is_noticed() {
    let database = filled().await;
    let (mut client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let indexes = "drop index attempt_open_idx, run_claimable_idx, run_waiting_key, run_state_idx, log_object_key_idx;
                   alter table log_shard drop constraint log_shard_pkey";
    client.batch_execute(indexes).await.unwrap();
    let known = statements();
    for what in [
        "find a dead attempt",
        "whose run is next",
        "list the runs of a workspace in a rare state",
        "the log of a key",
        "the log of a place in a stream",
    ] {
        let hot = STATEMENTS.iter().find(|hot| hot.what == what).unwrap();
        let (scanned, pages) = explain(&mut client, hot, statement(&known, hot), "force_custom_plan").await;
        assert!(pages > hot.pages, "{what}: {pages} pages, scans {scanned:?}");
    }
}

/// The big tables that it scans from end to end, and how many pages it touches, those of functions that it calls included.
async fn explain(client: &mut Client, hot: &Hot, statement: &str, mode: &str) -> (BTreeSet<String>, u64) {
    let transaction = client.transaction().await.unwrap();
    let set_up = format!(
        "set local plan_cache_mode = {mode}; set local rowcast.workspace = '00000001-0000-7000-8000-000000000001';
         set local role {}; prepare hot as {statement}",
        hot.role
    );
    transaction.batch_execute(&set_up).await.unwrap_or_else(|error| panic!("{}: {error:?}", hot.what));
    let arguments = if hot.arguments.is_empty() { String::new() } else { format!("({})", hot.arguments) };
    let explain = format!("explain (analyze, buffers, timing off, format json) execute hot{}", arguments);
    // The first time, functions plan and catalogues are read.
    let savepoint = "savepoint before; {}; rollback to before".replace("{}", &explain);
    let warmed = transaction.batch_execute(&savepoint).await;
    warmed.unwrap_or_else(|error| panic!("{}: {error:?}", hot.what));
    let answer = transaction.simple_query(&explain).await.unwrap();
    let text = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let plan: Value = serde_json::from_str(text.unwrap()).unwrap();
    let plan = &plan[0]["Plan"];
    let pages = plan["Shared Hit Blocks"].as_u64().unwrap() + plan["Shared Read Blocks"].as_u64().unwrap();
    let mut scanned = BTreeSet::new();
    scans(plan, &mut scanned);
    transaction.batch_execute("rollback; deallocate all").await.unwrap();
    (scanned, pages)
}

fn scans(plan: &Value, found: &mut BTreeSet<String>) {
    if plan["Node Type"] == "Seq Scan"
        && let Some(table) = plan["Relation Name"].as_str().filter(|table| BIG.contains(table))
    {
        found.insert(table.to_owned());
    }
    for part in plan["Plans"].as_array().into_iter().flatten() {
        scans(part, found);
    }
}

/// The texts of all statements of the crate, on one line each.
fn statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.sqlx");
    let files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| {
        let query: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        query["query"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    files.filter(|path| path.extension().is_some_and(|ending| ending == "json")).map(text).collect()
}

fn statement<'a>(known: &'a [String], hot: &Hot) -> &'a str {
    let found: Vec<_> = known.iter().filter(|text| hot.words.iter().all(|word| text.contains(word))).collect();
    let [statement] = found[..] else {
        panic!("{}: {} statements have these words: {found:#?}", hot.what, found.len())
    };
    statement
}

async fn filled() -> TestDatabase {
    static FILLED: tokio::sync::OnceCell<TestDatabase> = tokio::sync::OnceCell::const_new();
    let filled = FILLED
        .get_or_init(|| async {
            let database = migrated().await;
            let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            client.batch_execute(include_str!("fill.sql")).await.unwrap();
            client.batch_execute("vacuum analyze").await.unwrap();
            drop(client);
            connection.await.unwrap().unwrap();
            database
        })
        .await;
    testkit::database::copy_of(filled)
}
