//! Secrets that are known go in wherever secrets go, and into many places where they do not belong. Then everything that the
//! service says and keeps is searched for them: answers, refusals, logs of all processes at their most talkative, metrics,
//! panics, `rowcast config check`, the document, the database, the objects, the bodies of all calls and the exports of the log.

mod search;
mod slips;

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use self::search::Search;
use crate::world::{Client, Customer, Settings, Shop, Start, World, until};

/// Each has letters that JSON, URLs and base64 write differently.
const SOURCE_PASSWORD: &str = "Cnry\"Src/Pa55+wörd=1a9e";
const AWS_SECRET: &str = "CnryAwsSecret/7b2c+K3y=d41f";
const AWS_TOKEN: &str = "CnryAwsToken//8d1e+T0ken==b7c3";
const AWS_KEY_ID: &str = "AKIACNRYKEYID5E2D9F1";
const USER_PASSWORD: &str = "Cnry user pa55 & phrase \\ 3f8d";
const NEW_PASSWORD: &str = "Cnry new pa55 % phrase / 9c4e";
const WEBHOOK: &str = "https://hooks.example.com/services/T0C4N4RY/B1/x9Zq7";
/// Of the world: see `world/process.rs`.
const SERVICE_SECRET: &str = "secret-of-the-service-itself";

const ITEMS: &str = "create table items (id bigint primary key, body text not null);
    insert into items select n, 'a' from generate_series(1, 5) n;
    insert into items values (6, repeat('x', 2000000))";

#[tokio::test]
async fn no_secret_comes_out_of_the_service_or_lies_in_it_unsealed() {
    let world = World::start(Settings::default()).await;
    let (api, worker) = (world.serve().await, world.worker().await);
    let mut search = Search::default();
    let anyone = Client::new(api.url());
    let people = sign_in(&mut search, &anyone).await;
    search.secret("the master key", world.master_keys().split_once(':').unwrap().1);
    search.secret("the service's own AWS key", SERVICE_SECRET);
    for url in [world.database.api_url(), world.database.worker_url()] {
        search.secret("the password of a login", url.split(':').nth(2).unwrap().split('@').next().unwrap());
    }
    for (what, secret) in [
        ("a source's password", SOURCE_PASSWORD),
        ("an AWS secret", AWS_SECRET),
        ("an AWS session token", AWS_TOKEN),
        ("an AWS key id", AWS_KEY_ID),
        ("a password", USER_PASSWORD),
        ("a new password", NEW_PASSWORD),
        ("a webhook", WEBHOOK),
    ] {
        search.secret(what, secret);
    }
    let shop = world.shop(ITEMS).await;
    search.secret("the password that works", &shop.password());
    work(&mut search, &world, &people.ann, &shop).await;
    let mut slips = slips::make(&mut search, api.url(), &people).await;
    crash(&mut search, &world, &people.ann, &shop).await;
    read_all(&mut search, &people).await;

    for inner in [api.inner_url(), worker.inner_url()] {
        for path in ["/metrics", "/healthz", "/readyz"] {
            search.heard(path, &Client::new(inner).get(path).await);
        }
    }
    for path in ["/openapi.json", "/docs", "/problems"] {
        search.heard(path, &anyone.get(path).await);
    }
    let log = api.log();
    assert!(log.contains("\"DEBUG\"") && log.contains("\"answered\""), "the log tells less than it could");
    api.terminate().await;
    worker.terminate().await;
    logs(&mut search, &world);
    logs(&mut slips, &world);
    at_rest(&mut search, &world).await;
    search.finish();
    slips.finish();
}

struct People {
    /// Owner; her key and her session.
    ann: Customer,
}

/// Everything that tokens and passwords go through. What is shown once is taken from the answer, and not searched.
async fn sign_in(search: &mut Search, anyone: &Client) -> People {
    let email = "canary@example.com";
    let new = json!({"email": email, "password": USER_PASSWORD, "workspace_name": "canary"});
    let signed_up = anyone.post("/v1/sign-up", new.clone()).await.expect(201);
    let first = signed_up.cookie();
    search.secret("a session", first.split_once('=').unwrap().1);
    search.told("sign_up", &signed_up.text);
    search.heard("a taken address", &anyone.post("/v1/sign-up", new).await.expect(409));
    let wrong = json!({"email": email, "password": NEW_PASSWORD});
    search.heard("a wrong password", &anyone.post("/v1/sign-in", wrong).await.expect(401));
    let session = anyone.cookie(&first);
    let change = json!({"current_password": USER_PASSWORD, "new_password": NEW_PASSWORD});
    let changed = session.post("/v1/me/password", change).await.expect(204);
    let session = anyone.cookie(&changed.cookie());
    search.secret("a session", changed.cookie().split_once('=').unwrap().1);
    let workspace = signed_up.body["workspace_id"].as_str().unwrap().to_owned();
    let at = |rest: &str| format!("/v1/workspaces/{workspace}{rest}");
    let key = session.post(&at("/api-keys"), json!({"name": "canary", "role": "owner"})).await.expect(201);
    let key = key.body["key"].as_str().unwrap().to_owned();
    search.secret("an API key", &key[key.len() - 43..]);
    let invited = session.post(&at("/invitations"), json!({"role": "editor"})).await.expect(201);
    let token = invited.body["token"].as_str().unwrap().to_owned();
    search.secret("an invitation", &token);
    search.heard("look up", &anyone.post("/v1/invitations/look-up", json!({"token": token})).await.expect(200));
    let bob = json!({"email": "bob@example.com", "password": USER_PASSWORD, "invitation": token});
    let bob = anyone.post("/v1/sign-up", bob).await.expect(201);
    search.secret("a session", bob.cookie().split_once('=').unwrap().1);
    let person = bob.body["person"]["id"].as_str().unwrap();
    let reset = session.post(&at(&format!("/members/{person}/password-reset")), json!({})).await.expect(201);
    let token = reset.body["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    search.secret("a reset link", &token);
    let reset = json!({"token": token, "new_password": NEW_PASSWORD});
    search.heard("reset", &anyone.post("/v1/password-reset", reset.clone()).await.expect(204));
    search.heard("a used reset link", &anyone.post("/v1/password-reset", reset).await.expect(404));
    // A credential that does not work any more is told nothing of.
    let client = anyone.bearer(&key);
    search.heard("a mangled key", &anyone.bearer(&format!("{key}x")).get(&at("")).await.expect(401));
    People { ann: Customer { client, session, workspace, email: email.to_owned() } }
}

/// Sources and destinations that work and that do not, their jobs, and runs that fail by them.
async fn work(search: &mut Search, world: &World, ann: &Customer, shop: &Shop) {
    let run = ann.run_now(&ann.sync(world, shop, "select id, body from items where id < 6", json!({})).await).await;
    search.told("a run", &run.to_string());
    let connection = |change: Value| {
        let mut connection = shop.connection();
        connection["password"] = SOURCE_PASSWORD.into();
        for (name, value) in change.as_object().unwrap() {
            connection[name] = value.clone();
        }
        connection
    };
    let mut sources = Vec::new();
    for (name, change) in [
        ("wrong password", json!({})),
        ("no server", json!({"port": 1})),
        ("no such host", json!({"host": "nowhere.invalid"})),
        ("no TLS", json!({"tls": "require"})),
        ("forbidden", json!({"host": "169.254.169.254"})),
    ] {
        let made = ann.post("/sources", json!({"name": name, "postgres": connection(change)})).await.expect(201);
        search.heard("create_source", &made);
        sources.push(made.id());
    }
    for source in &sources {
        for (what, body) in [("test", json!({})), ("tables", json!({})), ("query", json!({"query": "select 1"}))] {
            search.heard(what, &ann.post(&format!("/sources/{source}/{what}?wait=20"), body).await);
        }
    }
    let put = json!({"name": "wrong password again", "postgres": connection(json!({}))});
    let put = ann.client.put(&ann.at(&format!("/sources/{}", sources[0])), "*", put).await.expect(200);
    search.heard("update_source", &put);
    let keys = json!({
        "type": "access-key", "access_key_id": AWS_KEY_ID, "secret_access_key": AWS_SECRET, "session_token": AWS_TOKEN,
    });
    let mut destinations = Vec::new();
    for (name, endpoint) in [("simulated", world.simulator.endpoint()), ("nobody there", "http://127.0.0.1:1")] {
        let new = json!({"name": name, "region": crate::world::REGION, "endpoint": endpoint, "credentials": keys});
        let made = ann.post("/destinations", new).await.expect(201);
        search.heard("create_destination", &made);
        let stream = json!({"stream": crate::world::STREAM});
        for (what, body) in [("verify", stream.clone()), ("streams", json!({})), ("shards", stream)] {
            let path = format!("/destinations/{}/{what}?wait=20", made.id());
            search.heard(what, &ann.post(&path, body).await);
        }
        destinations.push(made.id());
    }
    // Runs that fail: by the source, by the destination; and one with a rejection.
    let broken = ann.model(&sources[0], "select id, body from items", &["id"]).await;
    let right = ann.model(&ann.source(shop).await, "select id, body from items", &["id"]).await;
    for (model, destination) in [(&broken, &destinations[0]), (&right, &destinations[1]), (&right, &destinations[0])] {
        let sync = ann.sync_of(model, destination, json!({"log": {"bodies": "all"}})).await;
        search.heard("preview", &ann.post(&format!("/syncs/{sync}/preview?wait=20"), json!({})).await);
        let run = ann.trigger(&sync, json!({"kind": "normal"})).await;
        // A destination that cannot be reached is tried for a while.
        tokio::time::timeout(Duration::from_secs(3), ann.ended(&run)).await.map(|_| ()).unwrap_or_default();
        search.heard("cancel", &ann.post(&format!("/runs/{run}/cancel"), json!({})).await);
        ann.ended(&run).await;
        read_run(search, ann, &run).await;
    }
    // The calls of a role, whose answers hold credentials.
    let role = ann.role_destination(world).await;
    let sync = ann.sync_of(&right, &role, json!({"log": {"bodies": "all"}})).await;
    let run = ann.trigger(&sync, json!({"kind": "normal"})).await;
    ann.ended(&run).await;
    let calls = read_run(search, ann, &run).await;
    assert!(calls.contains("AssumeRole") && calls.contains("PutRecords"), "{calls}");
}

/// All that is told of a run; its calls.
async fn read_run(search: &mut Search, ann: &Customer, run: &str) -> String {
    for rest in ["", "/events", "/stream", "/rejections", "/rejections/export", "/invalid-rows/export", "/report"] {
        search.heard("run", &ann.get(&format!("/runs/{run}{rest}")).await.expect(200));
    }
    search.heard("outcomes", &ann.get(&format!("/runs/{run}/outcomes?values=true")).await.expect(200));
    for format in ["csv", "ndjson"] {
        for table in ["rows", "calls"] {
            let path = format!("/runs/{run}/log-export?table={table}&format={format}");
            search.heard("an export", &ann.get(&path).await.expect(200));
        }
    }
    let calls = ann.get(&format!("/runs/{run}/calls")).await.expect(200);
    for call in calls.body["items"].as_array().unwrap() {
        search.heard("a call", &ann.get(&format!("/runs/{run}/calls/{}", call["number"])).await.expect(200));
    }
    calls.text
}

/// A worker that panics while it holds the secrets of a run.
async fn crash(search: &mut Search, world: &World, ann: &Customer, shop: &Shop) {
    let sync = ann.sync(world, shop, "select id, body from items where id < 3", json!({})).await;
    // The only one that takes runs, so that it is the one that panics.
    let start = Start::all().fail_point("before-put:1:panic");
    let panics = world.start_process(start).await;
    until("a worker to panic", async || {
        let run = ann.trigger(&sync, json!({"kind": "full-resync"})).await;
        ann.ended(&run).await;
        panics.log().contains("fail point before-put").then_some(())
    })
    .await;
    search.told("a log with a panic", &panics.log());
    panics.terminate().await;
}

/// Every list and every member of it, as those see it who may see all.
async fn read_all(search: &mut Search, people: &People) {
    let ann = &people.ann;
    for list in
        ["sources", "models", "destinations", "syncs", "runs", "api-keys", "invitations", "members", "audit-entries"]
    {
        let found = ann.get(&format!("/{list}?limit=200")).await.expect(200);
        search.heard(list, &found);
        for item in found.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|_| !["members", "audit-entries", "invitations"].contains(&list))
        {
            search.heard(list, &ann.get(&format!("/{list}/{}", item["id"].as_str().unwrap())).await.expect(200));
        }
    }
    for path in ["/usage", "", "/aws-setup?region=eu-central-1"] {
        search.heard(path, &ann.get(path).await.expect(200));
    }
    for path in ["/v1/me", "/v1/me/sessions", "/v1/workspaces"] {
        search.heard(path, &ann.session.get(path).await.expect(200));
    }
}

/// Of all processes.
fn logs(search: &mut Search, world: &World) {
    let logs = std::fs::read_dir(world.home().join("logs")).unwrap().map(|entry| entry.unwrap().path());
    let logs: Vec<_> = logs.collect();
    assert!(logs.len() >= 3);
    for log in logs {
        search.bytes(&log.display().to_string(), &std::fs::read(&log).unwrap());
    }
}

/// What lies on disks: configuration as it is shown, the database, objects.
async fn at_rest(search: &mut Search, world: &World) {
    let config = std::fs::read_dir(world.home()).unwrap().map(|entry| entry.unwrap().path());
    let config = config.into_iter().find(|path| path.extension().is_some_and(|end| end == "yaml")).unwrap();
    let shown = Command::new(env!("CARGO_BIN_EXE_rowcast-under-test"))
        .args(["config", "check", "--config"])
        .arg(config)
        .env_clear()
        .env("ROWCAST_DATABASE__URL", world.database.api_url())
        .env("ROWCAST_DATABASE__WORKER_URL", world.database.worker_url())
        .env("ROWCAST_MASTER_KEYS__VALUE", world.master_keys())
        .env("ROWCAST_AWS__SECRET_ACCESS_KEY", SERVICE_SECRET)
        .output()
        .unwrap();
    assert!(shown.status.success() && shown.stdout.len() > 1000, "{shown:?}");
    search.bytes("config check", &[shown.stdout, shown.stderr].concat());
    let mut bodies = 0;
    for object in world.objects() {
        let name = object.display().to_string();
        search.bytes(&name, &std::fs::read(&object).unwrap());
        if name.ends_with(".parquet") {
            let lines = testkit::logged::lines_of(&object).unwrap();
            bodies += lines.iter().filter(|line| line["request_body"].is_string()).count();
            lines.iter().for_each(|line| search.told(&name, &line.to_string()));
        }
    }
    assert!(bodies > 5, "{bodies} bodies of calls were kept");
    let tables = "select format('%I', relname) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')";
    let mut rows = 0;
    for table in world.database.query(tables).await {
        let table: String = table.get(0);
        for row in world.database.query(&format!("select t::text, to_jsonb(t)::text from {table} t")).await {
            search.told(&table, &row.get::<_, String>(0));
            search.told(&table, &row.get::<_, String>(1));
            rows += 1;
        }
        // As bytes too: what is in a bytea as it is shows in none of its texts.
        let bytea = format!(
            "select a.attname::text from pg_attribute a where a.attrelid = '{table}'::regclass and a.atttypid = 'bytea'::regtype
               and not a.attisdropped"
        );
        for column in world.database.query(&bytea).await {
            let column: String = column.get(0);
            for row in world.database.query(&format!("select {column} from {table} where {column} is not null")).await {
                search.bytes(&table, row.get(0));
            }
        }
    }
    assert!(rows > 50);
}
