use testkit::database::{TestDatabase, fresh};

use crate::process::{output, text};

const KEYS: &str = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

async fn migrated() -> TestDatabase {
    let database = fresh();
    store::migrate(database.url()).await.unwrap();
    database
}

/// The error with which the command ends.
fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = output(home.path(), arguments, variables);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    text(&output.stderr)
}

#[test]
fn a_wrong_configuration_is_told_whole() {
    for command in ["serve", "worker", "all", "migrate"] {
        let told = refused(&[command], &[("ROWCAST_WORKER__LEASE", "long"), ("ROWCAST_HTP__LISTEN", "x")]);
        assert!(told.contains("ROWCAST_WORKER__LEASE") && told.contains("did you mean http.listen?"), "{told}");
    }
    let told = refused(&["config", "check", "--config", "/nowhere.yaml"], &[]);
    assert!(told.contains("/nowhere.yaml"), "{told}");
}

#[test]
fn a_service_needs_a_database_and_master_keys() {
    assert!(refused(&["serve"], &[]).contains("ROWCAST_DATABASE__URL"));
    assert!(refused(&["migrate"], &[]).contains("ROWCAST_DATABASE__URL"));
    let told = refused(&["serve"], &[("ROWCAST_DATABASE__URL", "postgres://u@127.0.0.1:1/db")]);
    assert!(told.contains("rowcast keys new"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_this_schema_is_refused() {
    let database = fresh();
    let variables = [("ROWCAST_DATABASE__URL", database.url()), ("ROWCAST_MASTER_KEYS__VALUE", KEYS)];
    let told = refused(&["serve"], &variables);
    assert!(told.contains("rowcast migrate"), "{told}");
    let home = tempfile::tempdir().unwrap();
    assert!(output(home.path(), &["migrate"], &variables).status.success());
    let told = refused(&["serve"], &[&variables[..], &[("ROWCAST_HTTP__LISTEN", "192.0.2.1:1")]].concat());
    assert!(told.contains("cannot listen on 192.0.2.1:1"), "now it gets further: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_keep_workspaces_apart_is_refused() {
    let database = migrated().await;
    let script = "create table leak (workspace_id uuid not null); grant select on leak to rowcast_app";
    testkit::database::cluster().run_script(database.name(), script, "a table without a policy").await.unwrap();
    for command in ["serve", "worker", "all"] {
        let variables = [("ROWCAST_DATABASE__URL", database.url()), ("ROWCAST_MASTER_KEYS__VALUE", KEYS)];
        let told = refused(&[command], &variables);
        assert!(told.contains("leak"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_refused() {
    let told = refused(
        &["worker"],
        &[
            ("ROWCAST_DATABASE__URL", "postgres://u@127.0.0.1:1/db"),
            ("ROWCAST_MASTER_KEYS__VALUE", KEYS),
            ("ROWCAST_OBJECTS__FOLDER", "/dev/null/objects"),
        ],
    );
    assert!(told.contains("objects.folder") && told.contains("/dev/null/objects"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_used_is_refused_and_says_what_is_missing() {
    let server = testkit::s3::Server::start().await;
    let endpoint = server.endpoint();
    let started = async |command: &'static [&'static str], bucket: &'static str| {
        let endpoint = endpoint.clone();
        let run = move || {
            let home = tempfile::tempdir().unwrap();
            let variables = [
                ("ROWCAST_DATABASE__URL", "postgres://u@127.0.0.1:1/db"),
                ("ROWCAST_MASTER_KEYS__VALUE", KEYS),
                ("ROWCAST_OBJECTS__S3__BUCKET", bucket),
                ("ROWCAST_OBJECTS__S3__REGION", testkit::s3::REGION),
                ("ROWCAST_OBJECTS__S3__ENDPOINT", endpoint.as_str()),
                ("ROWCAST_OBJECTS__S3__ACCESS_KEY_ID", testkit::s3::ACCESS_KEY),
                ("ROWCAST_OBJECTS__S3__SECRET_ACCESS_KEY", testkit::s3::SECRET_KEY),
            ];
            output(home.path(), command, &variables)
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let told = text(&output.stderr) + &text(&output.stdout);
        assert!(!told.contains(testkit::s3::SECRET_KEY), "{told}");
        (output.status.code(), told)
    };
    let (code, told) = started(&["config", "check"], testkit::s3::BUCKET).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("objects.s3.endpoint is not https"), "{told}");
    for command in [&["config", "check"][..], &["worker"], &["serve"]] {
        let (code, told) = started(command, "no-such-bucket").await;
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("create the bucket") && told.contains("no-such-bucket"), "{told}");
        server.fail(
            |asked| asked.puts() && asked.headers.contains_key("if-none-match"),
            testkit::s3::Fault::error(403, "AccessDenied"),
        );
        let (code, told) = started(command, testkit::s3::BUCKET).await;
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("objects.s3: ") && told.contains("allow s3:PutObject"), "{told}");
    }
    assert_eq!(server.objects(), Vec::<String>::new());
}

#[test]
fn what_is_printed_for_the_operator_can_be_used_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let key = output(home.path(), &["keys", "new"], &[]);
    let line = text(&key.stdout);
    let shown = output(home.path(), &["config", "check"], &[("ROWCAST_MASTER_KEYS__VALUE", line.trim())]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("master_keys.value = (hidden)  # ROWCAST_MASTER_KEYS__VALUE"), "{shown}");
    assert!(!shown.contains(line.trim().split_once(':').unwrap().1), "{shown}");
    let document = output(home.path(), &["openapi"], &[]);
    let document: serde_json::Value = serde_json::from_slice(&document.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}
