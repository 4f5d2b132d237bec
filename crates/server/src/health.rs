//! Whether this process lives, and whether it should be sent work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use store::Store;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Anybody may ask, so the database is asked only so often.
const REMEMBERED: Duration = Duration::from_secs(1);
/// Shorter than what asks usually waits.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub(crate) struct Health {
    shared: Arc<Shared>,
}

struct Shared {
    stores: Vec<Store>,
    has_master_keys: bool,
    drain: CancellationToken,
    last: Mutex<Option<(Instant, Checks)>>,
}

/// What anybody may know. The reasons are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Checks {
    database: bool,
    schema: bool,
    isolation: bool,
    master_keys: bool,
    not_draining: bool,
}

impl Checks {
    const fn ready(self) -> bool {
        self.database && self.schema && self.isolation && self.master_keys && self.not_draining
    }
}

impl Health {
    pub(crate) fn new(stores: Vec<Store>, has_master_keys: bool, drain: CancellationToken) -> Self {
        Self { shared: Arc::new(Shared { stores, has_master_keys, drain, last: Mutex::new(None) }) }
    }

    /// `/healthz` and `/readyz`.
    pub(crate) fn router(&self) -> Router {
        let ready = self.clone();
        Router::new()
            .route("/healthz", get(|| async { ([(header::CACHE_CONTROL, "no-store")], "alive\n") }))
            .route("/readyz", get(move || async move { ready.answer().await }))
    }

    async fn answer(&self) -> Response {
        let checks = self.check().await;
        let status = if checks.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let body = Json(serde_json::json!({ "ready": checks.ready(), "checks": checks }));
        (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
    }

    async fn check(&self) -> Checks {
        let Shared { stores, has_master_keys, drain, last } = &*self.shared;
        let mut last = last.lock().await;
        let checks = match *last {
            Some((at, checks)) if at.elapsed() < REMEMBERED => checks,
            _ => {
                let nothing = Checks {
                    database: false,
                    schema: false,
                    isolation: false,
                    master_keys: *has_master_keys,
                    not_draining: true,
                };
                let checks = tokio::time::timeout(PATIENCE, look(stores, nothing)).await.unwrap_or_else(|_| {
                    tracing::warn!("not ready: the database did not answer within {PATIENCE:?}");
                    nothing
                });
                *last = Some((Instant::now(), checks));
                checks
            }
        };
        Checks { not_draining: !drain.is_cancelled(), ..checks }
    }
}

async fn look(stores: &[Store], nothing: Checks) -> Checks {
    let mut checks = Checks { database: true, schema: true, isolation: true, ..nothing };
    for store in stores {
        checks.database &= told(store.ping().await);
        if !checks.database {
            return nothing;
        }
        checks.schema &= told(store.check_schema().await);
        checks.isolation &= told(store.check_isolation().await);
        checks.master_keys &= told(store.check_master_keys().await);
    }
    checks
}

fn told(checked: Result<(), store::Error>) -> bool {
    if let Err(error) = &checked {
        tracing::warn!("not ready: {}", runner::chain(error));
    }
    checked.is_ok()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use store::Access;
    use testkit::database::{TestDatabase, cluster, fresh};
    use tower::ServiceExt;

    use super::*;

    async fn database() -> (TestDatabase, Store) {
        let database = fresh();
        store::migrate(database.url()).await.unwrap();
        let store = Store::connect(database.url(), Access::App, 2).await.unwrap();
        (database, store)
    }

    async fn ask(health: &Health, path: &str) -> (StatusCode, String) {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = health.router().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        (head.status, String::from_utf8(to_bytes(body, 4_096).await.unwrap().to_vec()).unwrap())
    }

    /// The members that are false.
    async fn missing(health: &Health) -> Vec<String> {
        *health.shared.last.lock().await = None;
        let (status, body) = ask(health, "/readyz").await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let checks = body["checks"].as_object().unwrap();
        let missing: Vec<String> =
            checks.iter().filter(|(_, fine)| **fine == false).map(|(name, _)| name.clone()).collect();
        assert_eq!(status == StatusCode::OK, missing.is_empty());
        assert_eq!(body["ready"], missing.is_empty());
        missing
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_ready_until_it_drains_and_alive_all_the_time() {
        let (_database, store) = database().await;
        let drain = CancellationToken::new();
        let health = Health::new(vec![store], true, drain.clone());
        assert!(missing(&health).await.is_empty());
        drain.cancel();
        assert_eq!(missing(&health).await, ["not_draining"]);
        assert_eq!(ask(&health, "/healthz").await, (StatusCode::OK, "alive\n".to_owned()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn draining_is_told_at_once_although_answers_are_remembered() {
        let (_database, store) = database().await;
        let drain = CancellationToken::new();
        let health = Health::new(vec![store], true, drain.clone());
        assert_eq!(ask(&health, "/readyz").await.0, StatusCode::OK);
        drain.cancel();
        assert_eq!(ask(&health, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_not_ready_without_master_keys_or_with_another_schema_or_without_policies() {
        let (database, store) = database().await;
        let health = Health::new(vec![store.clone()], false, CancellationToken::new());
        assert_eq!(missing(&health).await, ["master_keys"]);
        let health = Health::new(vec![store], true, CancellationToken::new());
        let script = |text: &'static str| cluster().run_script(database.name(), text, "a script");
        script("alter table source no force row level security").await.unwrap();
        assert_eq!(missing(&health).await, ["isolation"]);
        script("alter table source force row level security").await.unwrap();
        assert!(missing(&health).await.is_empty());
        script("update _sqlx_migrations set version = version + 1 where version = (select max(version) from _sqlx_migrations)")
            .await
            .unwrap();
        assert_eq!(missing(&health).await, ["schema"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_not_ready_while_a_master_key_is_missing_that_secrets_need() {
        let (database, store) = database().await;
        let keys = store::MasterKeys::parse(&format!("here:{}=", "A".repeat(43))).unwrap();
        let health = Health::new(vec![store.with_keys(keys)], true, CancellationToken::new());
        assert!(missing(&health).await.is_empty());
        let text = "insert into workspace (id, name, hash_key) values (gen_random_uuid(), 'w', decode(repeat('00', 32), 'hex'));
                    insert into data_key (workspace_id, version, master_key_id, nonce, wrapped)
                    select id, 1, 'elsewhere', '', '' from workspace";
        cluster().run_script(database.name(), text, "a script").await.unwrap();
        assert_eq!(missing(&health).await, ["master_keys"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_not_ready_when_the_database_is_gone() {
        let (database, store) = database().await;
        let health = Health::new(vec![store], true, CancellationToken::new());
        assert!(missing(&health).await.is_empty());
        drop(database);
        assert_eq!(missing(&health).await, ["database", "schema", "isolation"]);
    }
}
