//! Every line of the debug log against the stream, read by someone who knows neither the worker nor its crates.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{RunKind, RunState};
use runner::RunOptions;
use serde_json::{Value as Json, json};
use simulator::{Effect, LateAnswer, Operation, Rule, Selection};
use testkit::logged::{Call, Log, Row};
use testkit::oracle::Stream;
use testkit::reconcile::reconcile;
use testkit::rig::Rig;
use tokio_util::sync::CancellationToken;

/// Too large for a record.
const LARGE: i64 = 31;

/// Forty rows in windows of ten: one call each, unless something is put again.
struct Troubled {
    rig: Rig,
    /// The keys of rows to which something happens, each in a window of its own.
    poison: String,
    doubtful: String,
    reset: String,
}

/// A sync that has sent all of its rows. In its next run everything happens that can.
async fn troubled(log: Json) -> Troubled {
    let setup = format!(
        "create table items (id bigint, w text); insert into items select n, 'w' || n from generate_series(1, 61) n;
         update items set w = repeat('x', 1100000) where id = {LARGE}; insert into items values (null, 'null'), (100, 'a'), (100, 'b'), (100, 'c')"
    );
    let message = r#"{"op": {{ op }}, "key": [{{ row.id }}],
        "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}, "row": {"id": {{ row.id }}, "w": {{ row.w }}}}"#;
    let definition = json!({
        "model": {"query": "select id, w from items", "key": ["id"]},
        "sync": {"message": {"json": message}, "partition_key": {"column": "id"}, "log": log},
    });
    let mut rig = Rig::start(&setup, definition).await;
    rig.worker.settings.window.records = 10;
    rig.worker.settings.call_timeout = Duration::from_millis(400);
    let report = rig.run().await;
    assert_eq!((report.counts.delivered, report.counts.rejected), (60, 1));
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
    // Rows are sent in the order of their hashes, which is the same in each run.
    let mut windows: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for row in rig.log().await.rows {
        if let (Some(call), Some(key)) = (row.call, row.partition_key) {
            windows.entry(call).or_default().push(key);
        }
    }
    let windows: Vec<Vec<String>> = windows.into_values().collect();
    assert_eq!(windows.len(), 6);
    let put = |effect, key: &str| Rule::on(Operation::PutRecords, effect).partition_key(key);
    let doubtful = Effect::FailRecords {
        code: "InternalFailure".to_owned(),
        message: None,
        records: Selection::All,
        written: true,
    };
    rig.simulator.faults([
        put(Effect::Throttle(Selection::All), &windows[0][0]).times(2),
        put(Effect::Throttle(Selection::All), &windows[0][1]).times(1),
        put(Effect::fail_records("KMSDisabledException", Selection::All), &windows[1][0]),
        put(Effect::Hang, &windows[2][0]).times(1),
        put(Effect::ApplyLater { delay_ms: 500, answer: LateAnswer::Nothing }, &windows[3][0]).times(1),
        put(doubtful, &windows[4][0]),
        put(Effect::ResetAfter, &windows[5][0]).times(1),
    ]);
    rig.sql(&format!("update items set w = w || '!' where id <> {LARGE}")).await;
    let [poison, doubtful, reset] = [1, 4, 5].map(|window: usize| windows[window][0].clone());
    Troubled { rig, poison, doubtful, reset }
}

fn of<'a>(log: &'a Log, id: &str) -> Vec<&'a Row> {
    log.rows.iter().filter(|row| row.key == format!(r#"{{"id":{id}}}"#)).collect()
}

/// The run with all the trouble, and the one after it that makes it good.
async fn told(rig: &Rig) -> (Log, Stream) {
    let run = rig.run().await;
    assert_eq!((run.counts.rejected, run.counts.unanswered), (2, 1), "{run:?}");
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
    rig.simulator.clear_faults();
    rig.settled().await;
    let good = rig.run().await;
    assert_eq!((good.counts.delivered, good.counts.rejected), (2, 1), "{good:?}");
    let (log, stream) = (rig.log().await, rig.stream().await);
    assert_eq!(reconcile(&log, &stream), Vec::<String>::new());
    (log, stream)
}

#[tokio::test]
async fn the_log_of_a_run_with_throttles_a_poison_record_a_hang_and_a_reset_is_what_the_stream_says() {
    let Troubled { rig, poison, doubtful, reset } = troubled(json!({})).await;
    let (log, stream) = told(&rig).await;

    // All of it happened, or the judge had nothing to judge.
    let codes: Vec<_> = of(&log, &poison).iter().map(|row| (&*row.outcome, row.code.as_deref())).collect();
    assert_eq!(codes, [("delivered", None), ("rejected", Some("KMSDisabledException")), ("delivered", None)]);
    let large = of(&log, &LARGE.to_string());
    assert_eq!(large.iter().map(|row| (&*row.outcome, row.call)).collect::<Vec<_>>(), [("rejected", None); 3]);
    let doubtful = of(&log, &doubtful);
    assert_eq!(doubtful.iter().map(|row| &*row.outcome).collect::<Vec<_>>(), ["delivered", "unanswered", "delivered"]);
    assert_eq!(doubtful[1].event_id, doubtful[2].event_id, "the acknowledgement is found by event.id");
    assert!(of(&log, &reset).iter().any(|row| row.after_doubt), "the reset put was applied, and put again");
    let throttled = |call: &&Call| call.failed_positions().iter().any(|(code, _)| code.starts_with("Provisioned"));
    assert!(log.calls.iter().any(|call| throttled(&call)));
    assert!(log.calls.iter().any(|call| call.retry_reason.is_some()));
    assert!(stream.duplicates() > 20, "what was put again after a reset, or applied late, came twice");
    assert_eq!(log.rows.iter().filter(|row| row.outcome == "invalid").count(), 3 * 4);
}

#[tokio::test]
async fn rows_of_a_duplicate_key_are_logged_as_they_write_it_and_found_with_all_others_of_the_key() {
    let message =
        r#"{"op": {{ op }}, "key": [{{ row.id }}], "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}}"#;
    let definition = json!({
        "model": {"query": "select id from items", "key": ["id"]},
        "sync": {"message": {"json": message}, "partition_key": {"column": "id"}},
    });
    let rig = Rig::start("create table items (id numeric); insert into items values (1.0), (2)", definition).await;
    assert_eq!(rig.run().await.counts.delivered, 2);
    rig.sql("insert into items values (1.00), (1.000), (1.0)").await;
    assert_eq!(rig.run().await.counts.invalid, 4);
    let rows = rig.log().await.rows;
    let sent = rows.iter().find(|row| row.key == r#"{"id":"1.0"}"#).unwrap();
    let invalid: Vec<_> = rows.iter().filter(|row| row.outcome == "invalid").collect();
    assert_eq!((invalid.len(), rig.log_faults().await), (4, Vec::new()));
    assert!(invalid.iter().all(|row| row.key_hash == sent.key_hash), "{invalid:?} {sent:?}");
    let written: BTreeSet<_> = invalid.iter().map(|row| &row.key).collect();
    assert!(written.len() > 1, "{written:?}");
}

#[tokio::test]
async fn rows_that_a_cancelled_run_did_not_come_to_have_a_line_each() {
    let message = r#"{"op": {{ op }}, "key": [{{ row.id }}],
        "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}, "row": {"id": {{ row.id }}}}"#;
    let definition = json!({
        "model": {"query": "select id from items", "key": ["id"]},
        "sync": {"message": {"json": message}, "partition_key": {"column": "id"}},
    });
    let setup = "create table items (id bigint); insert into items select generate_series(1, 50)";
    let mut rig = Rig::start(setup, definition).await;
    rig.worker.settings.window.records = 10;
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::Latency { ms: 200 })]);
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let cancel = CancellationToken::new();
    let cancels = async {
        rig.simulator.wait_for_calls(Operation::PutRecords, 2).await;
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(rig.try_work(&rig.worker, &cancel), cancels);
    let report = report.unwrap();
    assert_eq!(report.state, RunState::Cancelled);
    let log = rig.log().await;
    let deferred: BTreeSet<_> = log.rows.iter().filter(|row| row.outcome == "deferred").map(|row| &row.key).collect();
    assert!(report.counts.deferred > 0);
    assert_eq!(deferred.len() as u64, report.counts.deferred);
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}

/// A way to make a true log untrue.
type Lie = (&'static str, fn(&mut Log));

#[tokio::test]
async fn the_judge_of_the_log_finds_every_kind_of_lie() {
    fn first(log: &mut Log, which: impl Fn(&Row) -> bool) -> &mut Row {
        log.rows.iter_mut().find(|row| which(row)).unwrap()
    }
    fn delivered(log: &mut Log) -> &mut Row {
        first(log, |row| row.outcome == "delivered" && !row.after_doubt)
    }
    let (log, stream) = told(&troubled(json!({})).await.rig).await;
    let lies: [Lie; 14] = [
        ("a row is missing", |log| log.rows.retain(|row| row.outcome != "delivered" || row.key != r#"{"id":3}"#)),
        ("doubts are missing", |log| log.rows.retain(|row| row.outcome != "unanswered")),
        ("a row is there twice", |log| {
            let row = delivered(log).clone();
            log.rows.push(row);
        }),
        ("another number", |log| delivered(log).sequence_number = Some("1".to_owned())),
        ("another shard", |log| delivered(log).shard = Some("shardId-000000000009".to_owned())),
        ("another size", |log| delivered(log).record_bytes = Some(1)),
        ("another partition key", |log| delivered(log).partition_key = Some("x".to_owned())),
        ("another operation", |log| delivered(log).op = Some("removed".to_owned())),
        ("another record", |log| delivered(log).record = Some("{}".to_owned())),
        ("another call", |log| delivered(log).call = Some(999)),
        ("a doubt that was none", |log| delivered(log).after_doubt = true),
        ("no doubt where one was", |log| first(log, |row| row.after_doubt).after_doubt = false),
        ("another reason", |log| first(log, |row| row.outcome == "rejected" && row.call.is_some()).code = None),
        ("a call is missing", |log| log.calls.retain(|call| call.number != 3 || call.kind != "PutRecords")),
    ];
    for (lie, tell) in lies {
        let mut log = log.clone();
        tell(&mut log);
        assert!(!reconcile(&log, &stream).is_empty(), "not found: {lie}");
    }
}

#[tokio::test]
async fn bodies_that_are_kept_hold_exactly_the_records_whose_rows_name_the_call() {
    let (log, _) = told(&troubled(json!({"bodies": "all"})).await.rig).await;
    let mut at: HashMap<(&str, u64), BTreeSet<u32>> = HashMap::new();
    let call_of =
        |row: &Row, number| log.calls.iter().find(|call| call.run == row.run && call.number == number).unwrap();
    for row in &log.rows {
        for (number, position) in row.puts() {
            at.entry((&row.run, number)).or_default().insert(position);
            let sent = &body(&call_of(row, number).request_body)["Records"][position as usize];
            let data = BASE64_STANDARD.decode(sent["Data"].as_str().unwrap()).unwrap();
            assert_eq!(data, row.record.as_ref().unwrap().as_bytes(), "{row:?}");
            assert_eq!(sent["PartitionKey"].as_str(), row.partition_key.as_deref());
        }
        if let (Some(number), Some(position), "delivered") = (row.call, row.call_position, &*row.outcome) {
            let answered = &body(&call_of(row, number).response_body)["Records"][position as usize];
            assert_eq!(answered["ShardId"].as_str(), row.shard.as_deref());
            assert_eq!(answered["SequenceNumber"].as_str(), row.sequence_number.as_deref());
        }
    }
    let puts: Vec<&Call> = log.calls.iter().filter(|call| call.kind == "PutRecords").collect();
    assert!(puts.len() > 8 && puts.iter().any(|call| call.response_body.is_none()), "some were not answered");
    for call in puts {
        let sent = body(&call.request_body);
        let positions: BTreeSet<u32> = (0..sent["Records"].as_array().unwrap().len() as u32).collect();
        assert_eq!(at.get(&(&*call.run, call.number)), Some(&positions), "{call:?}");
        assert_eq!(call.request_bytes, call.request_body.as_ref().map(|body| body.len() as u64));
        if call.response_body.is_some() {
            for (code, positions) in call.failed_positions() {
                for position in positions {
                    let answered = &body(&call.response_body)["Records"][position as usize];
                    assert_eq!(answered["ErrorCode"], json!(code));
                }
            }
        }
    }
}

fn body(text: &Option<String>) -> Json {
    serde_json::from_str(text.as_ref().unwrap()).unwrap()
}
