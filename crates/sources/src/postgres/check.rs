//! Tests a connection: who are we there, and what may we do that a reader needs not?

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_postgres::Row;

use super::describe::{begin, own};
use super::failure;
use super::session::Session;
use super::settings::Settings;
use crate::Error;

/// What a working connection is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub server_version: String,
    pub user: String,
    pub database: String,
    pub encrypted: bool,
    pub superuser: bool,
    /// The user may write somewhere: in tables, temporary tables, schemas or files.
    pub may_write: bool,
    /// The time of one question and its answer.
    pub latency: Duration,
    /// What should be changed, in words.
    pub warnings: Vec<String>,
}

const LIMIT: Duration = Duration::from_secs(30);

pub async fn test(settings: &Settings) -> Result<Verdict, Error> {
    let mut session = Session::open(settings).await?;
    let asked = timeout(LIMIT, ask(&mut session)).await;
    let (row, latency) = asked.unwrap_or(Err(Error::Timeout { doing: "testing the connection", limit: LIMIT }))?;
    let verdict = judge(&row, latency, settings).map_err(|cause| failure::server(cause, None))?;
    session.close().await;
    Ok(verdict)
}

const QUESTION: &str = "
    SELECT pg_catalog.current_setting('server_version'), current_user::pg_catalog.text,
        pg_catalog.current_database()::pg_catalog.text, r.rolsuper,
        pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP'),
        pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
        EXISTS (SELECT FROM pg_catalog.pg_class c
            WHERE c.relkind IN ('r', 'p') AND c.relnamespace NOT IN (
                SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname IN ('pg_catalog', 'information_schema'))
            AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')),
        ARRAY(SELECT g.rolname::pg_catalog.text FROM pg_catalog.pg_roles g
            WHERE g.rolname IN ('pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',
                'pg_execute_server_program', 'pg_signal_backend')
            AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER') ORDER BY 1),
        pg_catalog.current_setting('server_version_num')::pg_catalog.int4
    FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

async fn ask(session: &mut Session) -> Result<(Row, Duration), Error> {
    begin(session, None).await?;
    let before = Instant::now();
    own(session, "SELECT 1").await?;
    let latency = before.elapsed();
    match session.client.query_one(QUESTION, &[]).await {
        Ok(row) => Ok((row, latency)),
        Err(cause) => Err(session.explain(cause, None).await),
    }
}

fn judge(row: &Row, latency: Duration, settings: &Settings) -> Result<Verdict, tokio_postgres::Error> {
    let superuser: bool = row.try_get(3)?;
    let [temporary, schemas, tables]: [bool; 3] = [row.try_get(4)?, row.try_get(5)?, row.try_get(6)?];
    let roles: Vec<String> = row.try_get(7)?;
    let version: i32 = row.try_get(8)?;
    let mut warnings = Vec::new();
    if superuser {
        warnings.push(
            "The user is a superuser: a query could read and write files of the server. Use a role that may only read."
                .to_owned(),
        );
    } else {
        let powers = [
            (tables, "write into tables"),
            (schemas, "create schemas in the database"),
            (temporary, "create temporary tables"),
        ];
        let powers: Vec<_> = powers.into_iter().filter(|(may, _)| *may).map(|(_, power)| power).collect();
        if !powers.is_empty() {
            warnings.push(format!("The user may {}. A role that may only read is safer.", powers.join(", ")));
        }
        if !roles.is_empty() {
            warnings.push(format!("The user is a member of {}. Revoke what a reader does not need.", roles.join(", ")));
        }
    }
    if version < 120_000 {
        warnings.push("The server is older than PostgreSQL 12, the oldest version that is supported.".to_owned());
    }
    Ok(Verdict {
        server_version: row.try_get(0)?,
        user: row.try_get(1)?,
        database: row.try_get(2)?,
        encrypted: settings.tls.0.is_some(),
        superuser,
        may_write: superuser || temporary || schemas || tables || roles.iter().any(|role| role.contains("write")),
        latency,
        warnings,
    })
}
