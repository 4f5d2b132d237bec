//! What there is to read: the tables and views of a database that its user may select from.

use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt;
use serde::Serialize;
use tokio::time::timeout;
use tokio_postgres::Row;

use super::describe::begin;
use super::session::Session;
use super::settings::Settings;
use crate::Error;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Catalog {
    /// By name, those of the server itself left out.
    pub schemas: Vec<Schema>,
    /// There is more than was asked for.
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schema {
    pub name: String,
    /// By name. Partitions are left out: they are read by way of their table.
    pub tables: Vec<Table>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    pub name: String,
    pub kind: TableKind,
    /// In the table's order, those alone that the user may read.
    pub columns: Vec<TableColumn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableKind {
    Table,
    View,
    MaterializedView,
    ForeignTable,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableColumn {
    pub name: String,
    /// The name of the type, for people.
    pub source_type: String,
    pub nullable: bool,
    /// Belongs to the primary key.
    pub key: bool,
}

const LIMIT: Duration = Duration::from_secs(30);

/// `columns`: how many columns there may be in all of it.
pub async fn catalog(settings: &Settings, columns: u32) -> Result<Catalog, Error> {
    let mut session = Session::open(settings).await?;
    let asked = timeout(LIMIT, ask(&mut session, columns)).await;
    let catalog = asked.unwrap_or(Err(Error::Timeout { doing: "listing tables", limit: LIMIT }))?;
    session.close().await;
    Ok(catalog)
}

const QUESTION: &str = "
    SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind::pg_catalog.text,
        a.attname::pg_catalog.text, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
        COALESCE(a.attnum = ANY (i.indkey), false)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
    ORDER BY n.nspname, c.relname, a.attnum
    LIMIT $1";

async fn ask(session: &mut Session, columns: u32) -> Result<Catalog, Error> {
    begin(session, None).await?;
    let collected = collect(&session.client, columns).await;
    match collected {
        Ok(catalog) => Ok(catalog),
        Err(cause) => Err(session.explain(cause, None).await),
    }
}

/// Row by row: a server that does not keep to the limit fills no memory of ours.
async fn collect(client: &tokio_postgres::Client, columns: u32) -> Result<Catalog, tokio_postgres::Error> {
    let mut rows = pin!(client.query_raw(QUESTION, [i64::from(columns) + 1]).await?);
    let mut catalog = Catalog::default();
    let mut taken = 0;
    while let Some(row) = rows.try_next().await? {
        if taken == columns {
            catalog.truncated = true;
            break;
        }
        taken += 1;
        catalog.add(&row)?;
    }
    Ok(catalog)
}

impl Catalog {
    /// Rows come in order.
    fn add(&mut self, row: &Row) -> Result<(), tokio_postgres::Error> {
        let (schema, table): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let column = TableColumn {
            name: row.try_get(3)?,
            source_type: row.try_get(4)?,
            nullable: row.try_get(5)?,
            key: row.try_get(6)?,
        };
        let kind = match row.try_get(2)? {
            "v" => TableKind::View,
            "m" => TableKind::MaterializedView,
            "f" => TableKind::ForeignTable,
            _ => TableKind::Table,
        };
        let schemas = &mut self.schemas;
        if schemas.last().is_none_or(|last| last.name != schema) {
            schemas.push(Schema { name: schema.to_owned(), tables: Vec::new() });
        }
        let Some(Schema { tables, .. }) = schemas.last_mut() else { return Ok(()) };
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Table { name: table.to_owned(), kind, columns: Vec::new() });
        }
        if let Some(table) = tables.last_mut() {
            table.columns.push(column);
        }
        Ok(())
    }
}
