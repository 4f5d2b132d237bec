//! What a person is shown of a database while writing a model: its tables, the first rows, what they say about a key.

use std::time::Duration;

use crate::common::{client, settings, sql, until};
use domain::egress::EgressPolicy;
use domain::{Change, PostgresSource, Value};
use engine::message::{CompiledMessage, RowContext};
use serde_json::{Value as Json, json};
use sources::Error;
use sources::postgres::{Cut, KeyCheck, ReadOptions, Settings, catalog, describe, key_check, preview_rows, read};
use testkit::database::{TestDatabase, cluster, fresh};

const PATIENCE: Duration = Duration::from_secs(60);

/// A user of its own, who may do nothing yet.
async fn reader(database: &TestDatabase) -> Settings {
    let role = format!("looker_{}", database.name());
    sql(database.url(), &format!("CREATE ROLE {role} LOGIN PASSWORD 'p'")).await;
    let login = format!("{}:{}@", cluster().user(), cluster().password());
    settings(&database.url().replace(&login, &format!("{role}:p@")))
}

#[tokio::test]
async fn a_catalog_lists_what_its_user_may_select() {
    let database = fresh();
    let settings = reader(&database).await;
    let name = database.name();
    sql(
        database.url(),
        &format!(
            "CREATE SCHEMA shop; CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int);
             CREATE TABLE shop.orders (id bigint, line int, note varchar(20), PRIMARY KEY (id, line))
                PARTITION BY LIST (line);
             CREATE TABLE shop.orders_1 PARTITION OF shop.orders FOR VALUES IN (1);
             CREATE TABLE public.\"Odd \"\"name\" (gone int, \"größe\" numeric(10,2)[] NOT NULL);
             ALTER TABLE public.\"Odd \"\"name\" DROP COLUMN gone;
             CREATE TABLE public.secret (id int, open text, closed text);
             CREATE VIEW public.v AS SELECT 1 AS a; CREATE MATERIALIZED VIEW public.m AS SELECT 1 AS a;
             CREATE SEQUENCE public.s;
             GRANT USAGE ON SCHEMA shop TO looker_{name};
             GRANT SELECT ON ALL TABLES IN SCHEMA shop, hidden TO looker_{name};
             GRANT SELECT ON public.\"Odd \"\"name\", public.v, public.m TO looker_{name};
             GRANT SELECT (open) ON public.secret TO looker_{name}"
        ),
    )
    .await;
    let column = |name: &str, source_type: &str, nullable: bool, key: bool| json!({"name": name, "source_type": source_type, "nullable": nullable, "key": key});
    let found = catalog(&settings, 10_000).await.unwrap();
    assert_eq!(
        serde_json::to_value(&found).unwrap(),
        json!({"truncated": false, "schemas": [
            {"name": "public", "tables": [
                {"name": "Odd \"name", "kind": "table", "columns": [column("größe", "numeric(10,2)[]", false, false)]},
                {"name": "m", "kind": "materialized-view", "columns": [column("a", "integer", true, false)]},
                {"name": "secret", "kind": "table", "columns": [column("open", "text", true, false)]},
                {"name": "v", "kind": "view", "columns": [column("a", "integer", true, false)]},
            ]},
            {"name": "shop", "tables": [
                {"name": "orders", "kind": "table", "columns": [
                    column("id", "bigint", false, true),
                    column("line", "integer", false, true),
                    column("note", "character varying(20)", true, false),
                ]},
            ]},
        ]})
    );
    let columns = |catalog: &sources::postgres::Catalog| -> usize {
        catalog.schemas.iter().flat_map(|schema| &schema.tables).map(|table| table.columns.len()).sum()
    };
    for (limit, truncated) in [(0, true), (6, true), (7, false), (8, false)] {
        let found = catalog(&settings, limit).await.unwrap();
        assert_eq!((columns(&found), found.truncated), (7.min(limit as usize), truncated), "{limit}");
    }
    sql(database.url(), &format!("DROP OWNED BY looker_{name}; DROP ROLE looker_{name}")).await;
}

const WIDE: &str = r#"SELECT 1 AS id, 9007199254740993 AS big, (-9223372036854775808)::int8 AS least, true AS yes,
    NULL AS nothing,
    0.1::float4 AS single, 1e300::float8 AS double, 'NaN'::float8 AS nan, '-Infinity'::float8 AS low,
    12345678901234567890.1200::numeric AS exact, 'NaN'::numeric AS no_number,
    E'a"\\\u00e9\n' AS text, '\x00ff'::bytea AS bytes, '{"a": 1.50, "b": [12345678901234567890, null]}'::json AS json,
    '"text"'::jsonb AS jsonb, 'null'::jsonb AS json_null,
    '2026-01-02 03:04:05.678+01'::timestamptz AS at, '2026-01-02 03:04:05'::timestamp AS local,
    '2026-01-02'::date AS day,
    '1 day'::interval AS span, '7d0f1e0a-6a6e-4b5e-9a55-9a3c0d5c7e11'::uuid AS uuid, ARRAY[[1,2],[3,NULL]] AS matrix,
    ARRAY[0.5::float4] AS singles, ARRAY['\x01'::bytea] AS blobs, '10.0.0.1'::inet AS inet, '12.50'::money AS money,
    ROW(1,'x') AS pair"#;

#[tokio::test]
async fn preview_rows_show_values_as_messages_write_them() {
    let database = fresh();
    let settings = settings(database.url());
    let preview = preview_rows(&settings, WIDE, 10, PATIENCE).await.unwrap();
    assert_eq!((preview.rows.len(), preview.cut), (1, None));
    let shown: Json = preview
        .columns
        .iter()
        .zip(&preview.rows[0])
        .map(|(column, value)| (column.name.clone(), value.clone()))
        .collect();
    for (name, expected) in [
        ("big", "9007199254740993"),
        ("least", "-9223372036854775808"),
        ("single", "0.1"),
        ("nan", r#""NaN""#),
        ("exact", r#""12345678901234567890.1200""#),
        ("bytes", r#""AP8=""#),
        ("json", r#"{"a":1.50,"b":[12345678901234567890,null]}"#),
        ("json_null", "null"),
        ("at", r#""2026-01-02T02:04:05.678Z""#),
        ("matrix", "[[1,2],[3,null]]"),
    ] {
        assert_eq!(shown[name].to_string(), expected, "{name}");
    }

    // The message of a sync that sends all columns is the reference.
    let columns = describe(&settings, WIDE).await.unwrap();
    assert_eq!(preview.columns, columns);
    let sync = json!({"stream": "s", "message": {"fields": "all"}, "partition_key": {"column": "id"}});
    let message = CompiledMessage::compile(&serde_json::from_value(sync).unwrap(), &columns).unwrap().aligned(&columns);
    let mut reader = read(&settings, WIDE, &columns, &ReadOptions::default()).await.unwrap();
    let chunk = reader.next().await.unwrap().unwrap();
    let row: Vec<Option<Value>> =
        crate::common::decode(&columns, chunk.rows().next().unwrap()).into_iter().map(Some).collect();
    let context = RowContext {
        op: Change::Added,
        row: &row,
        previous: None,
        changed_columns: None,
        event_id: "",
        event_sequence: 0,
        run_id: "",
        run_started_at: "",
        sync_id: "",
        sync_name: "",
        element: None,
    };
    let sent: Json = serde_json::from_slice(&message.render(&context).unwrap().data).unwrap();
    assert_eq!(shown, sent);
}

#[tokio::test]
async fn a_preview_stops_at_its_limits_and_says_which() {
    let database = fresh();
    let settings = settings(database.url());
    let show = async |query: &str, limit| {
        let preview = preview_rows(&settings, query, limit, PATIENCE).await.unwrap();
        (preview.rows.len(), preview.cut)
    };
    let five = "SELECT i FROM generate_series(1, 5) AS i -- a comment";
    assert_eq!(show(five, 4).await, (4, Some(Cut::Rows)));
    assert_eq!(show(five, 5).await, (5, None));
    assert_eq!(show(five, usize::MAX).await, (5, None));
    assert_eq!(show("SELECT 1 AS a WHERE false", 5).await, (0, None));
    // Only as many rows as are shown are computed, so the last one does no harm.
    assert_eq!(show("SELECT 1 / (3 - i) AS a FROM generate_series(1, 3) AS i;", 1).await, (1, Some(Cut::Rows)));
    let large = |bytes: usize| format!("SELECT repeat('x', {bytes}) AS a FROM generate_series(1, 9)");
    assert_eq!(show(&large(300_000), 9).await, (3, Some(Cut::Bytes)));
    assert_eq!(show(&large(2_000_000), 9).await, (0, Some(Cut::Bytes)));
    assert_eq!(show(&large(9_000_000), 9).await, (0, Some(Cut::Bytes)));
    // A control character takes six times its size as JSON.
    assert_eq!(show("SELECT repeat(E'\\x01', 200000) AS a", 9).await, (0, Some(Cut::Bytes)));

    let error = preview_rows(&settings, "SELECT 1; DROP TABLE t", 1, PATIENCE).await.unwrap_err();
    assert!(matches!(error, Error::Query(_)), "{error:?}");
    let error = preview_rows(&settings, "SELECT nothing", 1, PATIENCE).await.unwrap_err();
    assert!(matches!(&error, Error::Query(said) if said.place.is_some_and(|place| place.column == 8)), "{error:?}");
}

#[tokio::test]
async fn a_late_preview_and_a_dropped_one_are_canceled_on_the_server() {
    let database = fresh();
    let observer = client(database.url()).await;
    let idle = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
        WHERE application_name = 'rowcast' AND datname = current_database() AND state = 'active')";
    let busy = "SELECT EXISTS (SELECT FROM pg_stat_activity
        WHERE application_name = 'rowcast' AND datname = current_database() AND wait_event = 'PgSleep')";
    let settings = settings(database.url());
    let slow = "SELECT 1 AS a FROM pg_sleep(1000)";
    let late = preview_rows(&settings, slow, 1, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(late, Error::Timeout { .. } | Error::Canceled(_)), "{late:?}");
    until(&observer, idle).await;

    let dropped = tokio::spawn(async move { preview_rows(&settings, slow, 1, PATIENCE).await.map(|_preview| ()) });
    until(&observer, busy).await;
    dropped.abort();
    until(&observer, idle).await;
}

async fn check(database: &TestDatabase, query: &str, key: &[&str]) -> Result<KeyCheck, Error> {
    let key: Vec<String> = key.iter().map(|&name| name.to_owned()).collect();
    key_check(&settings(database.url()), query, &key, PATIENCE).await
}

#[tokio::test]
async fn a_key_check_finds_nulls_and_duplicates_as_a_run_would() {
    let database = fresh();
    let query =
        "SELECT * FROM (VALUES (1, 'a', 1.0), (2, NULL, 1.00), (2, 'b', 2), (2, 'b', 3)) AS v (id, name, amount)";
    let id = check(&database, query, &["id"]).await.unwrap();
    assert_eq!((id.rows, id.complete, id.null_rows, id.duplicate_keys), (4, true, 0, 1));
    assert_eq!((id.null_example, id.duplicate_example), (None, Some(vec![json!(2)])));
    assert!(id.finding.starts_with("1 key stands in more than one row among all 4 rows."), "{}", id.finding);
    let both = check(&database, query, &["name", "id"]).await.unwrap();
    assert_eq!((both.null_rows, both.duplicate_keys), (1, 1));
    assert_eq!(both.null_example, Some(vec![json!(null), json!(2)]));
    let equal_numbers = check(&database, query, &["amount"]).await.unwrap();
    assert_eq!(equal_numbers.duplicate_keys, 1, "1.0 and 1.00 are one key");
    let all = check(&database, query, &["id", "amount"]).await.unwrap();
    assert_eq!((all.null_rows, all.duplicate_keys), (0, 0));

    assert!(
        matches!(check(&database, query, &["nothing"]).await, Err(Error::MissingColumn(name)) if name == "nothing")
    );
    assert!(matches!(check(&database, query, &[]).await, Err(Error::NoColumnWanted)));
}

#[tokio::test]
async fn a_key_check_says_how_far_it_has_looked() {
    let database = fresh();
    let rows =
        |count: u32| format!("SELECT i AS id, greatest(i, 10001) AS late FROM generate_series({count}, 1, -1) AS i");
    let all = check(&database, &rows(10_000), &["id"]).await.unwrap();
    assert_eq!((all.rows, all.complete), (10_000, true));
    // The duplicates of `late` come behind the first 10,000 rows.
    let some = check(&database, &rows(20_001), &["late"]).await.unwrap();
    assert_eq!((some.rows, some.complete, some.duplicate_keys), (10_000, false, 0));
    assert_eq!(some.finding, "No null and no duplicate among the first 10,000 rows; the others were not looked at.");
    // So do rows whose keys are too large to remember.
    let wide = "SELECT i || repeat('x', 5000000) AS id FROM generate_series(1, 20) AS i";
    let some = check(&database, wide, &["id"]).await.unwrap();
    assert_eq!((some.rows, some.complete, some.duplicate_keys), (4, false, 0));
}

#[tokio::test]
async fn what_a_source_can_tell_is_refused_like_its_reads_where_the_host_is_refused() {
    let url = cluster().tcp_url("postgres").unwrap() + "?sslmode=disable";
    let settings = Settings::new(&PostgresSource::default(), Some(url), None).unwrap().egress(EgressPolicy::default());
    let columns = [domain::Column { name: "a".into(), kind: domain::ColumnType::Int, source_type: String::new() }];
    let id = ["a".to_owned()];
    for refused in [
        catalog(&settings, 1).await.err(),
        preview_rows(&settings, "SELECT 1 AS a", 1, PATIENCE).await.err(),
        key_check(&settings, "SELECT 1 AS a", &id, PATIENCE).await.err(),
        describe(&settings, "SELECT 1 AS a").await.err(),
        read(&settings, "SELECT 1 AS a", &columns, &ReadOptions::default()).await.err(),
    ] {
        assert!(matches!(refused, Some(Error::NotReached { .. })), "{refused:?}");
    }
}
