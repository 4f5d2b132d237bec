//! Hints that something was queued. The truth is in the tables; a hint only makes it quicker.

use sqlx::postgres::PgListener;

use crate::error::database;
use crate::{Error, Store};

impl Store {
    /// Passes on what is notified, `run` or `job`, for as long as the connection holds. It takes one of the pool.
    pub async fn listen(&self, hear: &(dyn Fn(&str) + Send + Sync)) -> Result<(), Error> {
        let mut listener = PgListener::connect_with(&self.pool).await.map_err(database("listen"))?;
        listener.ignore_pool_close_event(false);
        listener.listen("rowcast").await.map_err(database("listen"))?;
        while let Some(heard) = listener.try_recv().await.map_err(database("listen"))? {
            hear(heard.payload());
        }
        Ok(())
    }
}
