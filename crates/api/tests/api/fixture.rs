//! The router on a migrated database of its own, and clients who sign up, sign in and hold keys.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use api::{App, Rate, Rates, Settings, SignUp};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use objects::{Durability, Objects};
use serde_json::{Value, json};
use store::{Access, MasterKeys, Store};
use testkit::database::TestDatabase;
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "a long enough pass phrase";
pub(crate) const PUBLIC_URL: &str = "https://rowcast.example";

pub(crate) struct Fixture {
    pub(crate) router: Router,
    pub(crate) app: App,
    pub(crate) store: Store,
    pub(crate) database: TestDatabase,
    /// Where objects are, of all workspaces.
    pub(crate) objects: Objects,
    _folder: tempfile::TempDir,
}

/// Somebody who sends requests: with a session, with a key, or with nothing.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    pub(crate) headers: Vec<(String, String)>,
    /// The workspace that came with signing up.
    pub(crate) workspace: String,
    pub(crate) person: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null if the body is empty or no JSON.
    pub(crate) body: Value,
}

impl Fixture {
    /// Everybody may sign up, and nobody gets to a limit.
    pub(crate) async fn new() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let database = migrated();
        let store = Store::connect(database.url(), Access::App, 5).await.unwrap().with_keys(master_keys());
        let folder = tempfile::tempdir().unwrap();
        let own = || Objects::local(folder.path()).unwrap().durability(Durability::Unsynced);
        let objects = settings.objects.clone().unwrap_or_else(own);
        let app = App::new(Settings { objects: Some(objects.clone()), ..settings }, store.clone());
        Self { router: api::router(app.clone()), app, store, database, objects, _folder: folder }
    }

    /// Without credentials.
    pub(crate) fn anyone(&self) -> Client {
        Client { router: self.router.clone(), headers: Vec::new(), workspace: String::new(), person: String::new() }
    }

    /// A new person, signed in, owner of a new workspace.
    pub(crate) async fn sign_up(&self, email: &str) -> Client {
        let new = json!({"email": email, "password": PASSWORD, "workspace_name": format!("of {email}")});
        self.anyone().post("/v1/sign-up", new).await.expect(StatusCode::CREATED).signed_in(self)
    }

    /// A new person who joins `owner`'s workspace.
    pub(crate) async fn member(&self, owner: &Client, role: &str) -> Client {
        let token = owner.invite(json!({"role": role})).await;
        let email = new_email();
        let new = json!({"email": email, "password": PASSWORD, "invitation": token});
        self.anyone().post("/v1/sign-up", new).await.expect(StatusCode::CREATED).signed_in(self)
    }

    /// Runs a statement as the owner of the tables, past the store.
    pub(crate) async fn sql(&self, statement: &str) -> Vec<tokio_postgres::Row> {
        let (client, connection) = tokio_postgres::connect(self.database.url(), tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let rows = client.query(statement, &[]).await.unwrap();
        connection.abort();
        rows
    }
}

impl Client {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body), &[]).await
    }

    pub(crate) async fn put(&self, path: &str, if_match: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body), &[("if-match", if_match)]).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, &[]).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let text = body.map(|body| body.to_string());
        let json = text.as_ref().map(|_| ("content-type", "application/json"));
        let headers: Vec<_> = json.into_iter().chain(headers.iter().copied()).collect();
        self.raw(method, path, text.unwrap_or_default(), &headers).await
    }

    /// Whatever one wants, beside one's own headers.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Body>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, text, body }
    }

    /// An answer that is not read yet.
    pub(crate) async fn open(&self, path: &str) -> axum::response::Response {
        let mut request = Request::builder().uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// The path of one's own workspace, with this behind it.
    pub(crate) fn at(&self, rest: &str) -> String {
        format!("/v1/workspaces/{}{rest}", self.workspace)
    }

    /// A key of one's own workspace.
    pub(crate) async fn key(&self, role: &str) -> Client {
        let made = self.post(&self.at("/api-keys"), json!({"name": role, "role": role})).await;
        self.bearer(made.expect(StatusCode::CREATED).body["key"].as_str().unwrap())
    }

    pub(crate) fn bearer(&self, key: &str) -> Client {
        Client { headers: vec![("authorization".to_owned(), format!("Bearer {key}"))], ..self.clone() }
    }

    /// The same by another router.
    pub(crate) fn through(&self, router: Router) -> Client {
        Client { router, ..self.clone() }
    }

    /// The token of a new invitation.
    pub(crate) async fn invite(&self, invitation: Value) -> String {
        let made = self.post(&self.at("/invitations"), invitation).await.expect(StatusCode::CREATED);
        made.body["token"].as_str().unwrap().to_owned()
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Of the shape that every problem has, with this code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["type"], format!("/problems/{code}"));
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["instance"], self.header("x-request-id"));
        assert!(!self.body["title"].as_str().unwrap().is_empty() && !self.body["detail"].as_str().unwrap().is_empty());
        self
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {self:?}")).to_str().unwrap()
    }

    /// `name=token` of the cookie that it sets.
    pub(crate) fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    /// Whoever signed up by it.
    pub(crate) fn signed_in(&self, api: &Fixture) -> Client {
        Client {
            headers: vec![("cookie".to_owned(), self.cookie())],
            workspace: self.body["workspace_id"].as_str().unwrap_or_default().to_owned(),
            person: self.body["person"]["id"].as_str().unwrap_or_default().to_owned(),
            ..api.anyone()
        }
    }

    /// The body without what differs between any two requests.
    pub(crate) fn without_request_id(&self) -> String {
        self.text.replace(self.header("x-request-id"), "<request>")
    }
}

pub(crate) fn settings() -> Settings {
    let many = Rate { requests: 1_000_000, seconds: 1 };
    Settings {
        sign_up: SignUp::Open,
        public_url: PUBLIC_URL.to_owned(),
        rates: Rates { address: many, attempts: many, account: many, credential: many, workspace: many },
        password_wait: std::time::Duration::from_secs(60),
        ..Settings::default()
    }
}

/// The same byte over and over.
fn master_keys() -> MasterKeys {
    MasterKeys::parse("a:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap()
}

pub(crate) fn new_email() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("person-{}@example.com", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A copy of one that was migrated once for all tests of this process.
fn migrated() -> TestDatabase {
    static TEMPLATE: OnceLock<TestDatabase> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let database = testkit::database::fresh();
        let url = database.url().to_owned();
        let migrate = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(store::migrate(&url)).unwrap();
        };
        std::thread::scope(|scope| scope.spawn(migrate).join()).unwrap();
        database
    });
    testkit::database::copy_of(template)
}
