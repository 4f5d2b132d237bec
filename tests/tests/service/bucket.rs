//! Objects that lie in a bucket, which stumbles now and then: a whole run, changes, removals, a worker that is killed; and the
//! debug log as the API reads it back.

use serde_json::{Value, json};
use simulator::{Effect, Operation, Rule};
use testkit::logged::Log;
use testkit::oracle::Stream;
use testkit::reconcile::reconcile;
use testkit::s3::{ACCESS_KEY, Asked, BUCKET, Fault, REGION, SECRET_KEY, Server};
use tokio_postgres::NoTls;

use crate::world::{Customer, STREAM, Settings, Start, World, until};

/// Short: the server keeps metadata in files whose names have the object's name in them, twice as long, and a system takes
/// 255 bytes.
const PREFIX: &str = "t";
const ROWS: usize = 600;
/// Promise P2's W, and what one put more may cost.
const WINDOW: usize = 100;
const CALL: usize = 20;
const ITEMS: &str = "create table items (id bigint primary key, body text not null);
    insert into items select n, 'a' || n from generate_series(1, 600) n";
const MESSAGE: &str = r#"{"op": {{ op }}, "key": [{{ row.id }}], "id": {{ row.id }}, "body": {{ row.body }},
    "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}}"#;

fn with_secret(start: Start) -> Start {
    start.env("ROWCAST_OBJECTS__S3__SECRET_ACCESS_KEY", SECRET_KEY)
}

fn settings(server: &Server) -> Settings {
    let bucket = json!({
        "bucket": BUCKET, "prefix": PREFIX, "region": REGION, "endpoint": server.endpoint(),
        "access_key_id": ACCESS_KEY,
    });
    Settings::default()
        .set("objects.folder", Value::Null)
        .set("objects.s3", bucket)
        .set("worker.window_records", WINDOW)
}

/// Every kind of request meets a fault or two, and is tried again.
fn stumble(server: &Server) {
    let reads: fn(&Asked) -> bool = |asked| asked.method == "GET" && asked.headers.contains_key("range");
    let finds: fn(&Asked) -> bool = |asked| asked.method == "HEAD";
    let puts: fn(&Asked) -> bool = Asked::puts;
    for wanted in [puts, reads, finds] {
        server.fail(wanted, Fault::error(503, "SlowDown"));
        server.fail(wanted, Fault::Reset);
    }
    for _ in 0..3 {
        server.fail(Asked::puts, Fault::ResetAfter);
    }
    server.fail(reads, Fault::Cut(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_whose_objects_lie_in_a_bucket_loses_nothing_by_kills_and_faults_and_can_be_explained() {
    let server = Server::start().await;
    let world = World::start(settings(&server)).await;
    let api = world.start_process(with_secret(Start::serve())).await;
    let doomed = world.start_process(with_secret(Start::worker())).await;
    let ann = Customer::sign_up(api.url()).await;
    let shop = world.shop(ITEMS).await;
    let more = json!({
        "message": {"json": MESSAGE}, "limits": {"call_records": CALL}, "guards": {"removed_percent": 100.0},
    });
    let sync = ann.sync(&world, &shop, "select id, body from items", more).await;

    // Slow enough to be killed while it sends.
    world.simulator.faults([Rule::on(Operation::PutRecords, Effect::Latency { ms: 200 })]);
    stumble(&server);
    let run = ann.trigger(&sync, json!({"kind": "normal"})).await;
    until("the first window to be sent", async || (world.simulator.record_count(STREAM) > WINDOW + CALL).then_some(()))
        .await;
    doomed.kill().await;
    stumble(&server);
    let worker = world.start_process(with_secret(Start::worker())).await;
    let ended = ann.ended(&run).await;
    assert_eq!((&ended["state"], ended["attempts"].as_array().unwrap().len()), (&json!("succeeded"), 2), "{ended:#}");
    let sent = world.simulator.record_count(STREAM);
    assert!((ROWS..=ROWS + WINDOW + CALL).contains(&sent), "{sent} records for {ROWS} rows and one kill");

    world.simulator.faults([]);
    stumble(&server);
    shop.sql("update items set body = 'b' where id <= 40; delete from items where id > 570").await;
    assert_eq!(ann.run_now(&sync).await["counts"]["delivered"], 70);
    let unchanged = ann.run_now(&sync).await;
    assert_eq!((&unchanged["counts"]["delivered"], &unchanged["counts"]["unchanged"]), (&json!(0), &json!(570)));
    assert_eq!(server.faults_left(), 0, "all faults were met");

    explained(&world, &server).await;
    let export = ann.get(&format!("/runs/{run}/log-export?table=rows&format=csv")).await.expect(200).text;
    assert!(export.lines().count() > ROWS, "{} lines", export.lines().count());
    for said in [api.log(), worker.log()] {
        assert!(!said.contains(SECRET_KEY), "{said}");
    }

    assert!(server.objects().iter().all(|name| name.starts_with(&format!("{PREFIX}/{}/", ann.workspace))));
    assert_eq!((world.objects().len(), server.parts()), (0, 0), "nothing lies in a folder, nothing is half sent");
    let path = ann.at(&format!("/syncs/{sync}"));
    ann.client.delete(&path).await.expect(204);
    until("the objects of the deleted sync to be gone", async || server.objects().is_empty().then_some(())).await;
}

/// Every record is in the debug log, every line of it is true, and the stream says what the table says.
async fn explained(world: &World, server: &Server) {
    let (store, connection) = tokio_postgres::connect(world.database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let log = Log::read(&store, &server.file(PREFIX)).await.unwrap();
    let stream = Stream::read(world.simulator.endpoint(), STREAM).await.unwrap();
    let faults = reconcile(&log, &stream);
    assert!(faults.is_empty(), "{} faults of the debug log: {:#?}", faults.len(), faults.first());
    let mut last = std::collections::BTreeMap::new();
    for record in world.simulator.records(STREAM) {
        let message: Value = serde_json::from_slice(&record.data).unwrap();
        let (id, sequence) = (message["id"].as_i64().unwrap(), message["event"]["sequence"].as_u64().unwrap());
        if last.get(&id).is_none_or(|(before, _)| *before <= sequence) {
            last.insert(id, (sequence, message));
        }
    }
    last.retain(|_, (_, message)| message["op"] != "removed");
    assert_eq!(last.len(), 570);
    assert!(
        last.iter()
            .all(|(id, (_, message))| message["body"] == if *id <= 40 { "b".to_owned() } else { format!("a{id}") })
    );
}
