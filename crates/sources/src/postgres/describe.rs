//! A query becomes columns, without being run.
//!
//! The text is hostile. It is first prepared alone, by the extended protocol, which refuses more than one statement;
//! only a text that is a statement by itself is ever put between the brackets of ours.

use std::time::Duration;

use domain::Column;
use tokio::time::timeout;
use tokio_postgres::Statement;

use super::failure::{self, Text};
use super::session::Session;
use super::settings::Settings;
use super::types::{self, Reading};
use crate::Error;

const LIMIT: Duration = Duration::from_secs(60);

/// The columns that the query returns, in its order.
pub async fn describe(settings: &Settings, query: &str) -> Result<Vec<Column>, Error> {
    let mut session = Session::open(settings).await?;
    let described = within(LIMIT, async {
        begin(&mut session, None).await?;
        describe_in(&mut session, query).await
    })
    .await?;
    session.close().await;
    Ok(described.columns.into_iter().map(|column| column.column).collect())
}

/// A query that is known to be one statement and to stand as a subquery.
pub(super) struct Described {
    /// Without a semicolon at its end.
    pub(super) text: String,
    pub(super) columns: Vec<DescribedColumn>,
}

pub(super) struct DescribedColumn {
    pub(super) column: Column,
    pub(super) reading: Reading,
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(limit, work).await.unwrap_or(Err(Error::Timeout { doing: "describing the query", limit }))
}

/// Begins the one transaction of a session. Its first statement is ours: from then on, the transaction cannot be made
/// writable. What values look like in text is pinned, except `lc_monetary`: money would change its decimals.
pub(super) async fn begin(session: &mut Session, total: Option<Duration>) -> Result<(), Error> {
    begin_with(session, total, "").await
}

/// What another session may wait for a lock. The first one holds locks of its own meanwhile, and others may queue behind them.
const LOCK_LIMIT: Duration = Duration::from_secs(20);

/// The same, on the state of the database that another session sees.
pub(super) async fn begin_at(session: &mut Session, total: Option<Duration>, state: &State) -> Result<(), Error> {
    let lock = LOCK_LIMIT.as_millis();
    let first = format!("SET TRANSACTION SNAPSHOT '{}'; SET LOCAL lock_timeout = {lock};", state.name);
    begin_with(session, total, &first).await.map_err(not_one_state)?;
    if seen(session).await? == state.seen {
        return Ok(());
    }
    Err(Error::NotOneState { reason: "one has another server, another user or other settings".to_owned() })
}

/// What the transaction of a session sees, for others to see the same, until it ends.
pub(super) struct State {
    name: String,
    seen: String,
}

pub(super) async fn state(session: &mut Session) -> Result<State, Error> {
    // It cannot be told behind a savepoint.
    own(session, "RELEASE SAVEPOINT rowcast").await?;
    let name = text(session, "SELECT pg_catalog.pg_export_snapshot()").await.map_err(not_one_state)?;
    own(session, "SAVEPOINT rowcast").await?;
    // It becomes part of a statement.
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Error::Broken { reason: "the server names a snapshot in a strange way".to_owned(), source: None });
    }
    Ok(State { name, seen: seen(session).await? })
}

/// What has to be the same for one query to have the same rows. Names of snapshots alone may be alike on different servers.
async fn seen(session: &mut Session) -> Result<String, Error> {
    const SEEN: &str = "SELECT pg_catalog.concat_ws('|', pg_catalog.pg_postmaster_start_time(),
            pg_catalog.txid_current_snapshot(), current_user, pg_catalog.current_schemas(true)::pg_catalog.text,
            (SELECT pg_catalog.string_agg(s.name || '=' || s.setting, ',' ORDER BY s.name)
             FROM pg_catalog.pg_settings AS s WHERE s.source = 'session' AND s.name <> 'lock_timeout'))";
    text(session, SEEN).await
}

/// The one value of a query of ours.
async fn text(session: &mut Session, query: &str) -> Result<String, Error> {
    match session.client.query_one(query, &[]).await {
        Ok(row) => row.try_get(0).map_err(|cause| failure::server(cause, None)),
        Err(cause) => Err(session.explain(cause, None).await),
    }
}

/// Snapshots that are not there, of another database, or cannot be shared; all else is what it is.
fn not_one_state(error: Error) -> Error {
    match error {
        Error::Server(said) if ["22023", "42704", "0A000", "55000"].contains(&said.sqlstate.as_str()) => {
            Error::NotOneState { reason: said.to_string() }
        }
        other => other,
    }
}

async fn begin_with(session: &mut Session, total: Option<Duration>, first: &str) -> Result<(), Error> {
    let limit = total.map_or(String::new(), |total| format!("SET LOCAL statement_timeout = {};\n", total.as_millis()));
    let statements = format!(
        "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
         {first}
         SET LOCAL TimeZone = 'UTC';
         SET LOCAL DateStyle = 'ISO, YMD';
         SET LOCAL IntervalStyle = 'iso_8601';
         SET LOCAL extra_float_digits = 3;
         SET LOCAL bytea_output = 'hex';
         SET LOCAL xmlbinary = 'base64';
         SET LOCAL synchronize_seqscans = off;
         SET LOCAL client_min_messages = error;
         {limit}SELECT 1;
         SAVEPOINT rowcast"
    );
    own(session, &statements).await?;
    // From version 14: a server that computes for a client which died stops by itself. The savepoint comes behind it, so that going
    // back does not undo it.
    const CHECK: &str =
        "SET LOCAL client_connection_check_interval = '10s'; RELEASE SAVEPOINT rowcast; SAVEPOINT rowcast";
    if session.client.batch_execute(CHECK).await.is_err() {
        own(session, "ROLLBACK TO SAVEPOINT rowcast").await?;
    }
    Ok(())
}

/// Runs statements of ours.
pub(super) async fn own(session: &mut Session, statements: &str) -> Result<(), Error> {
    match session.client.batch_execute(statements).await {
        Ok(()) => Ok(()),
        Err(cause) => Err(session.explain(cause, None).await),
    }
}

/// Prepares a statement that holds a text of the user.
pub(super) async fn prepare(session: &mut Session, statement: &str, text: Text<'_>) -> Result<Statement, Error> {
    match session.client.prepare(statement).await {
        Ok(statement) => Ok(statement),
        Err(cause) => Err(session.explain(cause, Some(text)).await),
    }
}

const WRAP: &str = "SELECT q.* FROM (\n";

/// Within the transaction that `begin` has begun. The locks that preparing takes are held until it ends, so the
/// columns cannot change before the query is run.
pub(super) async fn describe_in(session: &mut Session, query: &str) -> Result<Described, Error> {
    let mut text = query.to_owned();
    // The server tells where it finds a semicolon at the end, behind which comments may stand. Each is blanked.
    loop {
        let statement = prepare(session, &text, Text { text: &text, offset: 0 }).await?;
        check(&statement)?;
        let at = Text { text: &text, offset: WRAP.chars().count() };
        let cause = match session.client.prepare(&format!("{WRAP}{text}\n) AS q")).await {
            Ok(_) => {
                let columns = columns(session, &statement).await?;
                return Ok(Described { text, columns });
            }
            Err(cause) => cause,
        };
        let place = failure::syntax_error_at(&cause, at);
        let semicolon = place.and_then(|place| text.char_indices().nth(place)).filter(|(_, c)| *c == ';');
        let Some((semicolon, _)) = semicolon else {
            return Err(match session.explain(cause, Some(at)).await {
                Error::Query(said) => Error::NotATable(said),
                other => other,
            });
        };
        own(session, "ROLLBACK TO SAVEPOINT rowcast").await?;
        text.replace_range(semicolon..=semicolon, " ");
    }
}

fn check(statement: &Statement) -> Result<(), Error> {
    if !statement.params().is_empty() {
        return Err(Error::Parameters);
    }
    if statement.columns().is_empty() {
        return Err(Error::NoColumns);
    }
    let mut names: Vec<_> = statement.columns().iter().map(|column| column.name()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Error::DuplicateColumn(pair[0].to_owned())),
    }
}

/// The description of a statement names the base types of domains already.
async fn columns(session: &mut Session, statement: &Statement) -> Result<Vec<DescribedColumn>, Error> {
    const NAMES: &str = "SELECT pg_catalog.format_type(c.oid, c.modifier), t.typcategory = 'A' OR t.typname = '_record'
        FROM unnest($1::pg_catalog.oid[], $2::pg_catalog.int4[]) WITH ORDINALITY AS c (oid, modifier, place)
        JOIN pg_catalog.pg_type t ON t.oid = c.oid
        ORDER BY c.place";
    let oids: Vec<u32> = statement.columns().iter().map(|column| column.type_().oid()).collect();
    let modifiers: Vec<i32> = statement.columns().iter().map(|column| column.type_modifier()).collect();
    let rows = match session.client.query(NAMES, &[&oids, &modifiers]).await {
        Ok(rows) => rows,
        Err(cause) => return Err(session.explain(cause, None).await),
    };
    if rows.len() != oids.len() {
        return Err(Error::Broken { reason: "a type of the query vanished meanwhile".to_owned(), source: None });
    }
    let mut columns = Vec::with_capacity(rows.len());
    for (column, row) in statement.columns().iter().zip(&rows) {
        let read = || Ok::<_, tokio_postgres::Error>((row.try_get(0)?, row.try_get(1)?));
        let (source_type, array): (String, bool) = read().map_err(|cause| failure::server(cause, None))?;
        let reading = types::reading(column.type_().oid(), array);
        let column = Column { name: column.name().to_owned(), kind: reading.kind.clone(), source_type };
        columns.push(DescribedColumn { column, reading });
    }
    Ok(columns)
}
