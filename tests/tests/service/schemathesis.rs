//! What the service answers against the document that it serves. Schemathesis makes the requests from the document: examples,
//! edge cases of each parameter, random ones that fit and that do not; and checks that each answer is one that the document
//! knows: no 5xx, no status, header or body that is not in it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::world::{self, Client, Customer, Settings, Shop, World};

/// Every run makes the same requests.
const SEED: &str = "20240229";

/// These would end the credential with which all others are made; `crates/api/tests/tenants` asks for them.
const NOT_ASKED_FOR: &[(&str, &str)] = &[
    ("sign_out", "ends the session of the other requests"),
    ("sign_out_everywhere", "ends the session of the other requests"),
];

#[tokio::test]
async fn every_answer_is_one_that_the_document_knows() {
    let _turn = world::turn().await;
    let Some(program) = variable("ROWCAST_SCHEMATHESIS") else {
        eprintln!("skipped: schemathesis is not installed; `cargo xtask test` installs it and says where it is");
        return;
    };
    let long = variable("ROWCAST_LONG").is_some();
    let world = World::start(Settings::default()).await;
    let service = world.all().await;
    let ann = Customer::sign_up(service.url()).await;
    let shop =
        world.shop("create table items (id bigint primary key, body text); insert into items values (1, 'a')").await;
    let ids = one_of_each(&world, &Client::new(service.url()), &ann, &shop).await;
    let config = world.home().join("schemathesis.toml");
    fs::write(&config, settings(&ann, &ids)).unwrap();
    let folder = reports();
    fs::create_dir_all(&folder).unwrap();
    let report = folder.join("schemathesis.xml");
    let examples = if long { "300" } else { "10" };
    let mut command = Command::new(program);
    command
        .arg("--config-file")
        .arg(&config)
        .args(["run", &format!("{}/openapi.json", service.url()), "--url", service.url()])
        .args(["--exclude-checks", "positive_data_acceptance", "--max-examples", examples, "--seed", SEED])
        .args(["--phases", if long { "examples,coverage,fuzzing,stateful" } else { "examples,fuzzing" }])
        // Threads that parse Python at once stop Python 3.11 before 3.11.8 (its issue 106905).
        .args(["--workers", "1", "--continue-on-failure", "--no-shrink", "--generation-database", "none"])
        .args(["--suppress-health-check", "all", "--request-timeout", "60", "--warnings", "off", "--no-color"])
        .args(["--report", "junit", "--report-junit-path"])
        .arg(&report)
        .current_dir(world.home())
        .kill_on_drop(true);
    let at_most = Duration::from_secs(if long { 3600 } else { 600 });
    let output = tokio::time::timeout(at_most, command.output()).await.expect("schemathesis does not end").unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{}", said.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"));
    let all = folder.join("schemathesis.log");
    fs::write(&all, format!("{said}\n{}", String::from_utf8_lossy(&output.stderr))).unwrap();
    let log = service.log();
    let warned = log.lines().filter(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\""));
    let warned = warned.map(|line| line.chars().take(600).collect::<String>()).take(20).collect::<Vec<_>>().join("\n");
    assert!(output.status.success(), "{}; all of it is in {}\n{warned}", output.status, all.display());
    let failed = log.lines().filter(|line| line.contains("\"ERROR\"") || line.contains("panicked"));
    assert_eq!(failed.collect::<Vec<_>>(), Vec::<&str>::new());
    service.terminate().await;
}

/// By the names of the parameters of paths. What operations use up are spare ones.
async fn one_of_each(world: &World, anyone: &Client, ann: &Customer, shop: &Shop) -> Vec<(&'static str, Value)> {
    let source = ann.source(shop).await;
    let model = ann.model(&source, "select id, body from items", &["id"]).await;
    let destination = ann.destination(world).await;
    let sync = ann.sync_of(&model, &destination, json!({})).await;
    let run = ann.run_now(&sync).await["id"].clone();
    let job = ann.post(&format!("/sources/{source}/test"), json!({})).await.expect(200).body["id"].clone();
    let key = ann.post("/api-keys", json!({"name": "spare", "role": "viewer"})).await.expect(201);
    let invitation = ann.post("/invitations", json!({"role": "viewer"})).await.expect(201);
    let bob = json!({
        "email": "spare@example.com", "password": "a long enough pass phrase", "invitation": invitation.body["token"],
    });
    let bob = anyone.post("/v1/sign-up", bob).await.expect(201);
    let invitation = ann.post("/invitations", json!({"role": "viewer"})).await.expect(201);
    let copy = ann.post(&format!("/syncs/{sync}/duplicate"), json!({"name": "spare"})).await.expect(201);
    let bare = |id: &str| id.split_once('_').unwrap().1.to_owned();
    let approval = "0190b3f0c4d27c3e9a51f2b8d6e07a14";
    let insert = format!(
        "insert into approval (workspace_id, id, sync_id, run_id, kind, covered, shown)
         values ('{}', '{approval}', '{}', '{}', 'removals', '{{}}', '{{\"removals\": 7}}')",
        bare(&ann.workspace),
        bare(&sync),
        bare(run.as_str().unwrap())
    );
    world.database.query(&insert).await;
    vec![
        ("workspace_id", json!(ann.workspace)),
        ("source_id", json!(source)),
        ("model_id", json!(model)),
        ("destination_id", json!(destination)),
        ("sync_id", json!(sync)),
        ("run_id", run),
        ("job_id", job),
        ("key_id", key.body["api_key"]["id"].clone()),
        ("invitation_id", invitation.body["invitation"]["id"].clone()),
        ("person_id", bob.body["person"]["id"].clone()),
        ("spare_sync_id", copy.body["id"].clone()),
        ("approval_id", json!(format!("apr_{approval}"))),
    ]
}

fn settings(ann: &Customer, ids: &[(&'static str, Value)]) -> String {
    let header = |client: &Client| client.headers[0].1.clone();
    let key = header(&ann.client).replace("Bearer ", "");
    let session = header(&ann.session).split_once('=').unwrap().1.to_owned();
    let mut text = String::from("max-stream-events = 20\n[parameters]\n");
    for (name, id) in ids {
        text += &format!("\"path.{name}\" = {id}\n");
    }
    // Refusals by a condition are refusals too; RFC 6585 has the one, RFC 9110 the other.
    text += "[checks]\nmissing_required_header.expected-statuses = [400, 401, 403, 406, 415, 422, 428]\n";
    text += "negative_data_rejection.expected-statuses = \
             [400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428, 429]\n";
    text += &format!("[auth.openapi]\napi_key = {{ bearer = {key:?} }}\nsession = {{ api_key = {session:?} }}\n");
    let spare = &ids.iter().find(|(name, _)| *name == "spare_sync_id").unwrap().1;
    text += &format!(
        "[[operations]]\ninclude-operation-id = \"delete_sync\"\nparameters = {{ \"path.sync_id\" = {spare} }}\n"
    );
    for (operation, _reason) in NOT_ASKED_FOR {
        text += &format!("[[operations]]\ninclude-operation-id = {operation:?}\nenabled = false\n");
    }
    text
}

fn reports() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/reports")
}

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment what is installed")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
