use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use crate::{Cluster, Error};

impl Cluster {
    /// Creates an empty database.
    pub async fn create_database(&self, name: &str) -> Result<(), Error> {
        self.execute(&format!("create database {}", quote(name)), format!("create database {name}")).await
    }

    /// Creates an empty database unless there is one of this name.
    pub async fn ensure_database(&self, name: &str) -> Result<(), Error> {
        match self.create_database(name).await {
            Err(Error::Database { source, .. }) if source.code() == Some(&SqlState::DUPLICATE_DATABASE) => Ok(()),
            other => other,
        }
    }

    /// Creates a copy of a database that nobody is connected to; much quicker than migrating an empty one.
    pub async fn copy_database(&self, name: &str, original: &str) -> Result<(), Error> {
        let statement = format!("create database {} template {}", quote(name), quote(original));
        self.execute(&statement, format!("copy database {original} to {name}")).await
    }

    /// Drops a database if it exists, and ends the sessions that use it.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.execute(&format!("drop database if exists {} with (force)", quote(name)), format!("drop database {name}"))
            .await
    }

    /// Runs statements in a database; `name` tells the user which, should they fail.
    pub async fn run_script(&self, database: &str, script: &str, name: &str) -> Result<(), Error> {
        self.execute_in(database, script, format!("run {name}")).await
    }

    async fn execute(&self, statement: &str, step: String) -> Result<(), Error> {
        self.execute_in("postgres", statement, step).await
    }

    async fn execute_in(&self, database: &str, statement: &str, step: String) -> Result<(), Error> {
        let url = self.url(database);
        let work = async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
            // Whichever ends first: the statement, or the connection with an error that the statement then reports.
            let driver = tokio::spawn(connection);
            let done = client.batch_execute(statement).await;
            driver.abort();
            done
        };
        work.await.map_err(|source| Error::Database { step, source })
    }
}

fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}
