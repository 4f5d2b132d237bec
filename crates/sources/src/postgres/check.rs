//! Tests a connection: who are we there, and what may we do that a reader needs not?

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, timeout};
use tokio_postgres::Row;

use super::describe::{begin, own};
use super::failure;
use super::session::Session;
use super::settings::Settings;
use crate::Error;

/// What a working connection is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestReport {
    pub server_version: String,
    pub user: String,
    pub database: String,
    /// The connection is encrypted.
    pub tls: bool,
    pub superuser: bool,
    /// The user may write somewhere: in tables, temporary tables, schemas or files.
    pub may_write: bool,
    /// The roles of PostgreSQL's own (`pg_...`) that the user is a member of.
    pub roles: Vec<String>,
    /// The time of one question and its answer.
    pub latency_ms: u64,
    /// What should be changed, in words.
    pub warnings: Vec<String>,
}

const LIMIT: Duration = Duration::from_secs(30);

pub async fn test(settings: &Settings) -> Result<TestReport, Error> {
    let mut session = Session::open(settings).await?;
    let asked = timeout(LIMIT, ask(&mut session)).await;
    let (row, latency) = asked.unwrap_or(Err(Error::Timeout { doing: "testing the connection", limit: LIMIT }))?;
    let report = judge(&row, latency, settings).map_err(|cause| failure::server(cause, None))?;
    session.close().await;
    Ok(report)
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
        r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls,
        ARRAY(SELECT g.rolname::pg_catalog.text FROM pg_catalog.pg_roles g
            WHERE g.rolname ~ '^pg_' AND g.rolname <> 'pg_database_owner'
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

/// Roles that only let their members see more.
const HARMLESS: [&str; 5] =
    ["pg_monitor", "pg_read_all_data", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables"];

fn judge(row: &Row, latency: Duration, settings: &Settings) -> Result<TestReport, tokio_postgres::Error> {
    let superuser: bool = row.try_get(3)?;
    let mut powers = Vec::new();
    for (at, power) in [
        (6, "write into tables"),
        (5, "create schemas in the database"),
        (4, "create temporary tables"),
        (7, "create roles"),
        (8, "create databases"),
        (9, "replicate the whole server"),
        (10, "read rows that row-level security hides"),
    ] {
        if row.try_get(at)? {
            powers.push((at, power));
        }
    }
    let roles: Vec<String> = row.try_get(11)?;
    let version: i32 = row.try_get(12)?;
    let writes = ["pg_write_all_data", "pg_write_server_files", "pg_execute_server_program"];
    Ok(TestReport {
        server_version: row.try_get(0)?,
        user: row.try_get(1)?,
        database: row.try_get(2)?,
        tls: settings.tls.0.is_some(),
        superuser,
        may_write: superuser
            || powers.iter().any(|(at, _)| (4..=6).contains(at))
            || roles.iter().any(|role| writes.contains(&role.as_str())),
        latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
        warnings: warnings(superuser, &powers, &roles, version),
        // A superuser counts as a member of every role.
        roles: if superuser { Vec::new() } else { roles },
    })
}

fn warnings(superuser: bool, powers: &[(usize, &str)], roles: &[String], version: i32) -> Vec<String> {
    let mut out = Vec::new();
    let risky: Vec<_> = roles.iter().map(String::as_str).filter(|role| !HARMLESS.contains(role)).collect();
    if superuser {
        out.push(
            "This user is a superuser, whose queries could read and write files of the server: give Rowcast a role \
             that can only read."
                .to_owned(),
        );
    } else {
        if !powers.is_empty() {
            let powers: Vec<_> = powers.iter().map(|(_, power)| *power).collect();
            out.push(format!("This user may {}: a role that can only read is safer.", powers.join(", ")));
        }
        if !risky.is_empty() {
            out.push(format!("This user is a member of {}: revoke what a reader does not need.", risky.join(", ")));
        }
    }
    if version < 120_000 {
        out.push("The server is older than PostgreSQL 12, the oldest version that is supported.".to_owned());
    }
    out
}
