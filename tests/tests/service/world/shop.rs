//! A customer's PostgreSQL, at 127.0.0.1 and with a login of its own.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use testkit::database::{self, TestDatabase};
use tokio_postgres::Client;

use super::database::connect;

pub(crate) struct Shop {
    pub(crate) client: Client,
    database: TestDatabase,
    login: String,
}

impl Shop {
    pub(super) async fn new(setup: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let login = format!("shop_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let database = tokio::task::spawn_blocking(database::fresh).await.unwrap();
        let client = connect(database.url()).await;
        let allow = format!(
            "create role {login} login password 'pass-of-{login}';
             alter default privileges in schema public grant select on tables to {login}"
        );
        client.batch_execute(&allow).await.unwrap();
        client.batch_execute(setup).await.unwrap_or_else(|error| panic!("{setup}: {error:?}"));
        Self { client, database, login }
    }

    /// Statements, as the owner of the tables.
    pub(crate) async fn sql(&self, statements: &str) {
        self.client.batch_execute(statements).await.unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }

    /// The member `postgres` of a source.
    pub(crate) fn connection(&self) -> Value {
        json!({
            "host": "127.0.0.1", "port": self.port(), "database": self.database.name(),
            "user": self.login, "password": self.password(), "tls": "disable",
        })
    }

    pub(crate) fn port(&self) -> u16 {
        database::cluster().tcp_port().unwrap()
    }

    pub(crate) fn database(&self) -> &str {
        self.database.name()
    }

    pub(crate) fn user(&self) -> &str {
        &self.login
    }

    pub(crate) fn password(&self) -> String {
        format!("pass-of-{}", self.login)
    }
}
