//! What the README tells a newcomer to type does what it says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use testkit::database;
use tokio_postgres::NoTls;

const README: &str = include_str!("../../README.md");

fn rowcast() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowcast-under-test"));
    command.env_remove("DATABASE_URL").env_remove("ROWCAST_HOME");
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The block of YAML below the file's name.
fn yaml() -> &'static str {
    let after = README.split("`customers.yaml`:").nth(1).unwrap();
    after.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap()
}

fn messages(simulator: &simulator::Handle, stream: &str) -> Vec<Value> {
    simulator.records(stream).iter().map(|record| serde_json::from_slice(&record.data).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_the_file_in_the_readme_previews_and_syncs_an_outside_table_and_again_after_changes() {
    let shop = database::fresh();
    let url = format!("{}?sslmode=disable", database::cluster().tcp_url(shop.name()).unwrap());
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let table = "create table customers (id bigint primary key, email text, name text, city text, balance numeric);
                 insert into customers select n, n || '@x', 'Ada \"' || n || '\"', 'Lyon', n + 0.10
                 from generate_series(1, 40) n";
    client.batch_execute(table).await.unwrap();
    let simulator = simulator::start(simulator::Config::default()).await.unwrap();
    simulator.create_stream("customers", 2).unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("customers.yaml");
    std::fs::write(&file, yaml().replace("http://127.0.0.1:4567", simulator.endpoint())).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = rowcast();
        command.args(arguments).arg(&file).arg("--home").arg(home.path().join("state")).env("SHOP_DATABASE_URL", &url);
        command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any");
        tokio::task::block_in_place(|| command.output().unwrap())
    };

    let preview = command(&["preview"]);
    assert!(preview.status.success(), "{}", text(&preview));
    assert!(text(&preview).contains("... and 30 more records"), "{}", text(&preview));
    assert!(simulator.records("customers").is_empty(), "a preview sends nothing");

    let first = command(&["run"]);
    assert!(first.status.success(), "{}", text(&first));
    assert!(
        text(&first).contains("planned 40 = delivered 40 + rejected 0 + unanswered 0 + deferred 0"),
        "{}",
        text(&first)
    );
    let sent = messages(&simulator, "customers");
    assert_eq!(sent.len(), 40);
    let seventh = sent.iter().find(|message| message["id"] == 7).unwrap();
    assert_eq!(seventh["greeting"], "Dear Ada \"7\"");
    assert_eq!(seventh["balance"].to_string(), "7.10");

    let changes = "update customers set city = 'Oslo' where id = 7; delete from customers where id = 8;
                   insert into customers values (41, null, 'Zoë', null, null)";
    client.batch_execute(changes).await.unwrap();
    let second = command(&["run", "--json"]);
    assert!(second.status.success(), "{}", text(&second));
    let report: Value = serde_json::from_slice(&second.stdout).unwrap();
    assert_eq!(report["counts"]["unchanged"], 38);
    let mut sent: Vec<_> = messages(&simulator, "customers").split_off(40);
    sent.sort_by_key(|message| message["id"].as_i64());
    let told: Vec<_> = sent.iter().map(|m| (m["op"].as_str().unwrap(), m["id"].as_i64().unwrap())).collect();
    assert_eq!(told, [("changed", 7), ("removed", 8), ("added", 41)]);
    assert_eq!(sent[0]["city_before"], "Lyon");
    connection.abort();
}

#[test]
fn the_demo_tells_its_story_and_ends_well() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().join("demo");
    let output = rowcast().args(["demo", "--once", "--rows", "600", "--home"]).arg(&home).output().unwrap();
    let told = text(&output);
    assert!(output.status.success(), "{told}");
    for part in ["1. First run", "2. The shop goes on", "3. ", "4. ", "Nothing was lost."] {
        assert!(told.contains(part), "`{part}` is missing in:\n{told}");
    }
    assert!(
        !Path::new(&home).join("scratch").read_dir().is_ok_and(|mut left| left.next().is_some()),
        "scratch is left"
    );
}
