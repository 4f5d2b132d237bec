//! What the tests share.

use std::path::PathBuf;

use domain::egress::EgressPolicy;
use domain::{Column, PostgresSource, Value};
use sources::Error;
use sources::postgres::{ReadOptions, Reader, Settings, describe, read};
use testkit::database::{TestDatabase, cluster};

pub(crate) fn settings(url: &str) -> Settings {
    Settings::new(&PostgresSource::default(), Some(url.to_owned()), None).unwrap().egress(EgressPolicy::open())
}

/// Runs statements as a superuser.
pub(crate) async fn sql(url: &str, statements: &str) {
    client(url).await.batch_execute(statements).await.unwrap();
}

pub(crate) async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) type Table = (Vec<Column>, Vec<Vec<Value>>);

/// All rows of a query, decoded.
pub(crate) async fn table(database: &TestDatabase, query: &str) -> Result<Table, Error> {
    let settings = settings(database.url());
    let columns = describe(&settings, query).await?;
    let rows = rows(&settings, query, &columns).await?;
    Ok((columns, rows))
}

pub(crate) async fn rows(settings: &Settings, query: &str, columns: &[Column]) -> Result<Vec<Vec<Value>>, Error> {
    rows_of(read(settings, query, columns, &ReadOptions::default()).await?, columns).await
}

pub(crate) async fn rows_of(mut reader: Reader, columns: &[Column]) -> Result<Vec<Vec<Value>>, Error> {
    let mut rows = Vec::new();
    while let Some(chunk) = reader.next().await? {
        rows.extend(chunk.rows().map(|row| decode(columns, row)));
    }
    assert_eq!(reader.rows(), rows.len() as u64);
    Ok(rows)
}

pub(crate) fn decode(columns: &[Column], row: &[u8]) -> Vec<Value> {
    let fields: Vec<_> = engine::canonical::fields(row).map(Result::unwrap).collect();
    assert_eq!(fields.len(), columns.len());
    let decode = |(column, field): (&Column, &Option<&[u8]>)| match field {
        None => Value::Null,
        Some(bytes) => engine::canonical::decode(&column.kind, bytes).unwrap(),
    };
    columns.iter().zip(&fields).map(decode).collect()
}

/// Polls until the question, which must give one boolean, is answered with true.
pub(crate) async fn until(client: &tokio_postgres::Client, question: &str) {
    let limit = std::time::Duration::from_secs(20);
    let asked = tokio::time::timeout(limit, async {
        while !client.query_one(question, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::task::yield_now().await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("never true: {question}"));
}

/// Where the server listens.
pub(crate) fn socket() -> PathBuf {
    cluster().socket_dir().join(format!(".s.PGSQL.{}", cluster().tcp_port().unwrap()))
}

/// A database by way of what listens on this port and passes on what it hears.
pub(crate) fn url_at(port: u16, database: &TestDatabase) -> String {
    let (user, password) = (cluster().user(), cluster().password());
    format!("postgres://{user}:{password}@127.0.0.1:{port}/{}?sslmode=disable", database.name())
}
