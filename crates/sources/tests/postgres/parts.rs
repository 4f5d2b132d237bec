//! Reading through several connections: every row once, on one state of the database, or an error.

use domain::Value;
use sources::Error;
use sources::postgres::{ReadOptions, Reader, describe, read_in_parts};
use testkit::database::fresh;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

use crate::common::{client, rows_of, settings, socket, sql, until, url_at};

async fn parts(url: &str, query: &str, key: &[&str], parts: u32) -> Result<Vec<Reader>, Error> {
    let settings = settings(url);
    let columns = describe(&settings, query).await?;
    let key: Vec<_> = key.iter().map(|name| (*name).to_owned()).collect();
    read_in_parts(&settings, query, &columns, &key, parts, &ReadOptions::default()).await
}

#[tokio::test]
async fn every_row_comes_through_one_connection_and_all_of_one_moment() {
    let database = fresh();
    // Collations that do not go together, nulls, and a name that has to be quoted.
    let setup = r#"CREATE TABLE t (a text COLLATE "C", "B ""q" text COLLATE "POSIX", n bigint);
        INSERT INTO t SELECT nullif(i % 7, 0), nullif(i % 11, 0), i FROM generate_series(1, 20000) AS i"#;
    sql(database.url(), setup).await;
    // Others go on meanwhile, so that any two moments differ.
    let writer = client(database.url()).await;
    let writing = tokio::spawn(async move {
        loop {
            writer.batch_execute("INSERT INTO t VALUES ('late', 'late', 0); DELETE FROM t WHERE n = 0").await.unwrap();
        }
    });
    let query = "SELECT t.*, pg_current_snapshot()::text AS moment FROM t WHERE n > 0; -- all";
    let columns = describe(&settings(database.url()), query).await.unwrap();
    let readers = parts(database.url(), query, &["a", "B \"q"], 4).await.unwrap();
    assert_eq!(readers.len(), 4);
    let mut all = Vec::new();
    for reader in readers {
        let rows = rows_of(reader, &columns).await.unwrap();
        assert!((1_000..12_000).contains(&rows.len()), "{} rows", rows.len());
        all.extend(rows);
    }
    writing.abort();
    let moment = all[0][3].clone();
    assert!(all.iter().all(|row| row[3] == moment), "all rows are of {moment:?}");
    let mut numbers: Vec<_> = all.iter().map(|row| row[2].clone()).collect();
    numbers.sort_by_key(|number| if let Value::Int(number) = number { *number } else { 0 });
    assert_eq!(numbers, (1..=20_000).map(Value::Int).collect::<Vec<_>>());
}

#[tokio::test]
async fn dropping_the_readers_stops_all_queries_on_the_server() {
    let database = fresh();
    let client = client(database.url()).await;
    let query = "SELECT generate_series(1, 1000000000000) AS id, repeat('x', 1000) AS pad";
    let mut readers = parts(database.url(), query, &["id"], 3).await.unwrap();
    for reader in &mut readers {
        assert!(reader.next().await.unwrap().is_some());
    }
    let busy = |count| {
        format!(
            "SELECT count(*) = {count} FROM pg_stat_activity
             WHERE application_name = 'rowcast' AND datname = current_database() AND state = 'active'"
        )
    };
    until(&client, &busy(3)).await;
    drop(readers);
    until(&client, &busy(0)).await;
}

/// Passes bytes between clients and the server, but changes them where a connection joins another: as if it came to another server,
/// or to a connection that somebody else has left behind.
async fn changing(what: &'static [u8], to: &'static [u8]) -> u16 {
    const JOINS: &[u8] = b"SET TRANSACTION SNAPSHOT '";
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|some| some == what);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = UnixStream::connect(socket()).await.unwrap().into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 8192];
                while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                    let sent = &mut buffer[..length];
                    if find(sent, JOINS).is_some() {
                        let at = find(sent, what).unwrap();
                        sent[at..at + to.len()].copy_from_slice(to);
                    }
                    to_server.write_all(sent).await.unwrap();
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn connections_that_do_not_see_the_same_are_an_error_that_says_what_to_do() {
    let database = fresh();
    let cases: [(&[u8], &[u8], &[&str]); 2] = [
        (b"SNAPSHOT '0", b"SNAPSHOT 'E", &["22023", "42704"]),
        (b"TimeZone = 'UTC'", b"TimeZone = 'GMT'", &["other settings"]),
    ];
    for (what, to, reasons) in cases {
        let url = url_at(changing(what, to).await, &database);
        let error = parts(&url, "SELECT 1 AS id", &["id"], 2).await.err().unwrap();
        assert!(matches!(error, Error::NotOneState { .. }), "{error:?}");
        let text = error.to_string();
        assert!(reasons.iter().any(|reason| text.contains(reason)), "{text}");
        assert!(text.contains("have to reach one server") && text.contains("through one connection"), "{text}");
        assert_eq!(parts(&url, "SELECT 1 AS id", &["id"], 1).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_row_falls_to_one_part_by_a_key_of_any_type() {
    let database = fresh();
    let setup = r#"CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN short AS text CHECK (length(value) < 9);
        CREATE TYPE pair AS (a int, b text);
        CREATE TABLE t AS SELECT i AS n, md5(i::text)::uuid AS uuid, decode(md5(i::text), 'hex') AS bytea, i / 7.0 AS decimal,
            to_jsonb(i) AS jsonb, array[i, NULL, -i] AS ints, now() + i * interval '1 s' AS at, i::text::short AS short,
            ('{good,bad}'::mood[])[1 + i % 2] AS mood, ROW(i, 'x''"')::pair AS pair, '10.0.0.0'::inet + i AS inet,
            i::money AS money, i / 3.0::float8 AS float8, i % 2 = 0 AS bool, 'pg_class'::regclass AS class
        FROM generate_series(1, 200) AS i"#;
    sql(database.url(), setup).await;
    let columns = describe(&settings(database.url()), "SELECT * FROM t").await.unwrap();
    for column in &columns {
        let mut numbers = Vec::new();
        for reader in parts(database.url(), "SELECT * FROM t", &[&column.name], 3).await.unwrap() {
            numbers.extend(rows_of(reader, &columns).await.unwrap().into_iter().map(|row| row[0].clone()));
        }
        numbers.sort_by_key(|number| if let Value::Int(number) = number { *number } else { 0 });
        assert_eq!(numbers, (1..=200).map(Value::Int).collect::<Vec<_>>(), "by {}", column.name);
    }
}
