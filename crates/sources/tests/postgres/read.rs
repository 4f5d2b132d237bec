//! Reading: chunks, columns, ends that are no ends, deadlines, and cancelling for real.

use std::time::Duration;

use crate::common::{client, decode, rows, settings, socket, sql, table, until, url_at};
use domain::{Column, ColumnType, Value};
use sources::Error;
use sources::postgres::{ReadOptions, Reader, describe, read};
use testkit::database::{TestDatabase, fresh};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn column(name: &str, kind: ColumnType) -> Column {
    Column { name: name.to_owned(), kind, source_type: String::new() }
}

async fn open(database: &TestDatabase, query: &str, options: &ReadOptions) -> Result<Reader, Error> {
    let settings = settings(database.url());
    let columns = describe(&settings, query).await?;
    read(&settings, query, &columns, options).await
}

#[tokio::test]
async fn columns_come_in_the_wanted_order() {
    let database = fresh();
    let settings = settings(database.url());
    let query = "SELECT 1 AS a, 'x' AS b, NULL::uuid AS c";
    let columns = describe(&settings, query).await.unwrap();
    let wanted = [columns[2].clone(), columns[0].clone()];
    assert_eq!(rows(&settings, query, &wanted).await.unwrap(), [[Value::Null, Value::Int(1)]]);

    let read_as = async |column| read(&settings, query, &[column], &ReadOptions::default()).await.err();
    assert!(matches!(read_as(column("d", ColumnType::Int)).await, Some(Error::MissingColumn(name)) if name == "d"));
    assert!(matches!(read_as(column("a", ColumnType::Text)).await, Some(Error::ChangedColumn { .. })));
    let none = read(&settings, query, &[], &ReadOptions::default()).await.err();
    assert!(matches!(none, Some(Error::NoColumnWanted)));
}

#[tokio::test]
async fn many_rows_come_in_chunks_of_whole_rows() {
    let database = fresh();
    let query = "SELECT i AS id, repeat('x', i % 97) AS pad FROM generate_series(1, 50000) AS i";
    let columns = describe(&settings(database.url()), query).await.unwrap();
    let mut reader = open(&database, query, &ReadOptions::default()).await.unwrap();
    let (mut next, mut chunks) = (1, 0);
    while let Some(chunk) = reader.next().await.unwrap() {
        chunks += 1;
        assert!(chunk.bytes() < (256 << 10) + 200);
        assert_eq!(chunk.rows().len(), chunk.len());
        for row in chunk.rows() {
            let expected = [Value::Int(next), Value::Text("x".repeat(usize::try_from(next % 97).unwrap()))];
            assert_eq!(decode(&columns, row), expected);
            next += 1;
        }
    }
    assert_eq!((next, reader.rows()), (50_001, 50_000));
    assert!(chunks > 5);
    assert!(reader.next().await.unwrap().is_none(), "the end stays the end");
}

#[tokio::test]
async fn a_model_without_rows_ends_at_once() {
    let (columns, rows) = table(&fresh(), "SELECT 1 AS a WHERE false").await.unwrap();
    assert_eq!((columns.len(), rows.len()), (1, 0));
}

#[tokio::test]
async fn a_large_row_is_read_and_one_over_the_limit_is_an_error() {
    let database = fresh();
    let (_, rows) = table(&database, "SELECT repeat('x', 20000000) AS a").await.unwrap();
    assert!(matches!(&rows[0][0], Value::Text(text) if text.len() == 20_000_000));
    let error = table(&database, "SELECT repeat('x', 70000000) AS a").await.unwrap_err();
    assert!(matches!(error, Error::RowTooLarge { bytes: 70_000_000.., .. }), "{error:?}");
}

#[tokio::test]
async fn an_error_in_the_middle_is_an_error_of_the_read() {
    let database = fresh();
    let query = "SELECT 100 / (20000 - i) AS a FROM generate_series(1, 30000) AS i";
    let options = ReadOptions { chunk_bytes: 1024, ..ReadOptions::default() };
    let mut reader = open(&database, query, &options).await.unwrap();
    let error = loop {
        match reader.next().await {
            Ok(chunk) => assert!(chunk.is_some(), "a failed read must not end"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("division by zero (SQLSTATE 22012)"), "{error}");
    assert!(matches!(reader.next().await, Err(Error::Failed)));
}

#[tokio::test]
async fn all_rows_are_of_one_moment() {
    let database = fresh();
    sql(database.url(), "CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 100000) AS i").await;
    let options = ReadOptions { chunk_bytes: 1024, ..ReadOptions::default() };
    let mut reader = open(&database, "SELECT id FROM t", &options).await.unwrap();
    assert!(reader.next().await.unwrap().is_some());
    sql(database.url(), "DELETE FROM t").await;
    while reader.next().await.unwrap().is_some() {}
    assert_eq!(reader.rows(), 100_000);
}

/// In the list of columns the series streams; in FROM the server would collect it first.
const ENDLESS: &str = "SELECT generate_series(1, 1000000000000) AS id, repeat('x', 1000) AS pad";
const GONE: &str = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
    WHERE application_name = 'rowcast' AND datname = current_database() AND state = 'active')";
const BUSY: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE application_name = 'rowcast' AND datname = current_database() AND state = 'active')";

#[tokio::test]
async fn dropping_a_reader_stops_the_query_on_the_server() {
    let database = fresh();
    let client = client(database.url()).await;
    let mut reader = open(&database, ENDLESS, &ReadOptions::default()).await.unwrap();
    assert!(reader.next().await.unwrap().is_some());
    until(&client, BUSY).await;
    drop(reader);
    until(&client, GONE).await;
}

#[tokio::test]
async fn cancel_returns_once_the_query_has_stopped() {
    let database = fresh();
    let client = client(database.url()).await;
    let mut reader = open(&database, ENDLESS, &ReadOptions::default()).await.unwrap();
    assert!(reader.next().await.unwrap().is_some());
    until(&client, BUSY).await;
    reader.cancel().await;
    assert!(client.query_one(GONE, &[]).await.unwrap().get::<_, bool>(0), "it runs after cancel has returned");
}

#[tokio::test]
async fn a_query_that_has_sent_nothing_yet_is_stopped_too() {
    let database = fresh();
    let client = client(database.url()).await;
    let url = database.url().to_owned();
    let reading = tokio::spawn(async move {
        let columns = [column("a", ColumnType::Text)];
        rows(&settings(&url), "SELECT pg_sleep(600)::text AS a", &columns).await
    });
    until(&client, BUSY).await;
    reading.abort();
    until(&client, GONE).await;
}

#[tokio::test]
async fn dropping_the_future_that_opens_a_reader_stops_the_query_too() {
    let database = fresh();
    sql(database.url(), "CREATE TABLE t (id int)").await;
    let mut blocker = client(database.url()).await;
    let lock = blocker.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE t").await.unwrap();
    let settings = settings(database.url());
    let opening = tokio::spawn(async move { describe(&settings, "SELECT id FROM t").await });
    let observer = client(database.url()).await;
    until(&observer, BUSY).await;
    opening.abort();
    until(&observer, GONE).await;
}

#[tokio::test]
async fn a_server_that_sends_nothing_runs_into_the_idle_deadline() {
    let database = fresh();
    let client = client(database.url()).await;
    let options = ReadOptions { idle: Duration::from_millis(500), ..ReadOptions::default() };
    let query = "SELECT pg_sleep(600)::text AS a";
    let failure = match open(&database, query, &options).await {
        Ok(mut reader) => reader.next().await.err(),
        Err(error) => Some(error),
    };
    assert!(matches!(failure, Some(Error::Timeout { .. })), "{failure:?}");
    until(&client, GONE).await;
}

#[tokio::test]
async fn a_read_that_goes_on_and_on_runs_into_the_total_deadline() {
    let database = fresh();
    let client = client(database.url()).await;
    let options = ReadOptions { total: Some(Duration::from_millis(1500)), ..ReadOptions::default() };
    let mut reader = open(&database, ENDLESS, &options).await.unwrap();
    let error = loop {
        match reader.next().await {
            Ok(chunk) => assert!(chunk.is_some()),
            Err(error) => break error,
        }
    };
    // Whoever notices first: we, or the server, which was told.
    assert!(matches!(error, Error::Timeout { .. } | Error::Canceled(_)), "{error:?}");
    drop(reader);
    until(&client, GONE).await;
}

#[tokio::test]
async fn dropping_the_future_of_next_loses_no_row() {
    let database = fresh();
    let query = "SELECT i AS id FROM generate_series(1, 20000) AS i";
    let options = ReadOptions { chunk_bytes: 4096, ..ReadOptions::default() };
    let mut reader = open(&database, query, &options).await.unwrap();
    let mut seen = 0;
    loop {
        // Polled once and dropped, over and over.
        match futures::FutureExt::now_or_never(reader.next()) {
            None => tokio::task::yield_now().await,
            Some(chunk) => match chunk.unwrap() {
                Some(chunk) => seen += chunk.len(),
                None => break,
            },
        }
    }
    assert_eq!(seen, 20_000);
}

#[tokio::test]
async fn a_backend_that_is_ended_is_a_broken_connection() {
    let database = fresh();
    let client = client(database.url()).await;
    let mut reader = open(&database, ENDLESS, &ReadOptions::default()).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'rowcast' AND datname = current_database()";
    client.query(end, &[]).await.unwrap();
    let error = loop {
        match reader.next().await {
            Ok(chunk) => assert!(chunk.is_some()),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Broken { .. }), "{error:?}");
}

/// Passes bytes between a client and the server, and lets only so many of the server's through.
async fn proxy(limit: usize) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = tokio::net::UnixStream::connect(socket()).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let (mut buffer, mut left) = (vec![0; 8192], limit);
                while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                    let length = length.min(left);
                    if to_client.write_all(&buffer[..length]).await.is_err() {
                        return;
                    }
                    left -= length;
                    if left == 0 {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_connection_that_is_cut_off_anywhere_is_never_a_whole_read() {
    let database = fresh();
    let query = "SELECT i AS id FROM generate_series(1, 300) AS i";
    let wanted = [column("id", ColumnType::Int)];
    let mut whole = 0;
    for limit in (500..10_000).step_by(433) {
        let url = url_at(proxy(limit).await, &database);
        match rows(&settings(&url), query, &wanted).await {
            Ok(rows) => {
                assert_eq!(rows.len(), 300, "cut after {limit}");
                whole += 1;
            }
            Err(error) => assert!(whole == 0, "cut after {limit}, later than what was enough: {error}"),
        }
    }
    assert!(whole > 0, "the longest limit lets everything through");
}

#[test]
fn a_reader_can_move_between_threads() {
    fn send<T: Send>() {}
    send::<Reader>();
}
