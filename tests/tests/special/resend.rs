//! Sending again what was rejected, or what a past run put, with current and with original values; and dismissing.

use domain::{RunKind, RunState};
use runner::{ChosenRejections, ChosenRows, EraseKeys, PutOutcome, Report, RunOptions, SendRows};
use serde_json::{Value as Json, json};
use simulator::{Effect, Operation, Rule, Selection};
use testkit::oracle::differences;
use testkit::rig::{Rig, STREAM};

const MESSAGE: &str = r#"{"op": {{ op }}, "key": [{{ row.id }}],
    "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}},
    "row": {"id": {{ row.id }}, "v": {{ row.v }}}, "previous": {{ previous.v }}}"#;

/// Messages of a `v` of more than about 250 characters are too large.
async fn rig(rows: u32) -> Rig {
    let setup = format!(
        "create table items (id bigint, v text); insert into items select n, 'v' || n from generate_series(1, {rows}) n"
    );
    let definition = json!({
        "model": {"query": "select id, v from items", "key": ["id"]},
        "sync": {"message": {"json": MESSAGE}, "partition_key": {"column": "id"}, "limits": {"record_bytes": 400}},
    });
    Rig::start(&setup, definition).await
}

async fn send(rig: &Rig, rows: ChosenRows) -> Report {
    let options = RunOptions { rows: Some(rows), ..RunOptions::default() };
    let report = rig.run_of(RunKind::Resend, options).await;
    report.counts.check().unwrap();
    report
}

fn keys(keys: Json) -> Vec<Json> {
    serde_json::from_value(keys).unwrap()
}

fn of_run(run: &Report, send: SendRows) -> ChosenRows {
    ChosenRows { run: Some(run.run), send, ..ChosenRows::default() }
}

fn rejected(code: Option<&str>, send: SendRows) -> ChosenRows {
    let rejections = Some(ChosenRejections { code: code.map(str::to_owned) });
    ChosenRows { rejections, send, ..ChosenRows::default() }
}

fn dismissed(of: Json) -> ChosenRows {
    ChosenRows { keys: keys(of), ..rejected(None, SendRows::Nothing) }
}

fn code(report: &Report) -> &str {
    report.reason.as_ref().map_or("", |reason| &reason.code)
}

/// Keys and codes, sorted.
fn not_sent(report: &Report) -> Vec<String> {
    let mut all: Vec<_> = report.not_sent.iter().map(|row| format!("{} {}", row.key, row.code)).collect();
    all.sort();
    all
}

/// Op, id and value of what came after so many records, in the order of the ids.
fn after(rig: &Rig, records: usize) -> Vec<String> {
    let mut messages = rig.messages().split_off(records);
    messages.sort_by_key(|message| message["row"]["id"].as_u64());
    messages.iter().map(|m| format!("{} {} {}", m["op"], m["row"]["id"], m["row"]["v"]).replace('"', "")).collect()
}

/// Together with the message: a definition that differs in its log alone is no new version.
async fn log_rows(rig: &mut Rig, rows: &str, space: &str) {
    let mut definition = rig.definition();
    definition["sync"]["log"] = json!({"rows": rows});
    definition["sync"]["message"]["json"] = json!(format!("{MESSAGE}{space}"));
    rig.put(definition).await;
}

/// Every put of these rows is throttled, until the faults are cleared.
fn throttle(rig: &Rig, ids: &[u64]) {
    let rule =
        |id: &u64| Rule::on(Operation::PutRecords, Effect::Throttle(Selection::All)).partition_key(id.to_string());
    rig.simulator.faults(ids.iter().map(rule).collect::<Vec<_>>());
}

/// The stream says what the model says, and the log says what the stream says.
async fn assert_right(rig: &Rig) {
    let (stream, model) = (rig.stream().await, rig.model().await);
    let wrong = differences(&stream.by_sequence(), &model);
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_past_run_are_sent_as_they_are_now_and_nothing_else_is_touched() {
    let mut rig = rig(6).await;
    let first = rig.run().await;
    rig.sql("update items set v = 'new' where id in (1, 2); delete from items where id = 3; insert into items values (7, 'v7')")
        .await;
    rig.set("/sync/triggers", json!({"added": false, "changed": false, "removed": false})).await;
    let report = send(&rig, of_run(&first, SendRows::Current)).await;
    assert_eq!((report.state, code(&report)), (RunState::Succeeded, "rows-not-sent"));
    assert_eq!(not_sent(&report), [r#"{"id":3} not-in-model"#]);
    assert_eq!(after(&rig, 6), ["changed 1 new", "changed 2 new", "changed 4 v4", "changed 5 v5", "changed 6 v6"]);
    assert_eq!((report.counts.delivered, report.counts.not_wanted), (5, 2));

    let narrowed = ChosenRows { keys: keys(json!([[4], {"id": "3"}, [99]])), ..of_run(&first, SendRows::Current) };
    let report = send(&rig, narrowed).await;
    assert_eq!(not_sent(&report), [r#"[99] not-logged"#, r#"{"id":3} not-in-model"#]);
    assert_eq!(after(&rig, 11), ["changed 4 v4"]);
    let unanswered = ChosenRows { outcome: Some(PutOutcome::Unanswered), ..of_run(&first, SendRows::Current) };
    let report = send(&rig, unanswered).await;
    assert_eq!((report.state, report.counts.planned), (RunState::Succeeded, 0), "nothing to do is no failure");

    rig.set("/sync/triggers", json!({})).await;
    let counts = rig.run().await.counts;
    assert_eq!((counts.added, counts.removed, counts.planned), (1, 1, 2));
    assert_right(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn original_values_arrive_and_the_next_run_tells_the_current_ones_whatever_the_triggers_say() {
    let mut rig = rig(5).await;
    let first = rig.run().await;
    rig.sql("update items set v = 'new' where id in (1, 2); delete from items where id = 3").await;
    let second = rig.run().await;
    rig.set("/sync/triggers", json!({"added": false, "changed": false})).await;
    let report = send(&rig, of_run(&first, SendRows::Original)).await;
    assert_eq!((report.state, code(&report), report.counts.delivered), (RunState::Succeeded, "", 5));
    assert_eq!(after(&rig, 8), ["changed 1 v1", "changed 2 v2", "added 3 v3", "changed 4 v4", "changed 5 v5"]);
    let previous: Vec<_> = rig.messages().split_off(8).iter().map(|message| message["previous"].clone()).collect();
    assert_eq!(previous.iter().filter(|previous| **previous == json!("new")).count(), 2, "{previous:?}");
    let next = rig.run().await.counts;
    assert_eq!((next.changed, next.removed, next.delivered), (2, 1, 3), "{next:?}");
    assert_eq!(after(&rig, 13), ["changed 1 new", "changed 2 new", "removed 3 v3"]);
    assert_right(&rig).await;

    // A removal is put again as long as its row is gone.
    let report = send(&rig, of_run(&second, SendRows::Original)).await;
    assert_eq!(after(&rig, 16), ["changed 1 new", "changed 2 new", "removed 3 v3"]);
    assert_eq!((report.counts.delivered, report.counts.repeated, report.counts.removed), (3, 2, 1));
    assert_eq!(rig.run().await.counts.planned, 0, "what was sent again is what the model says");
    rig.sql("insert into items values (3, 'back')").await;
    let report = send(&rig, of_run(&second, SendRows::Original)).await;
    assert_eq!(not_sent(&report), [r#"{"id":3} back-in-model"#]);
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_every_type_come_back_from_the_log_as_they_were() {
    let setup = "create table items (id numeric(20, 2), flag bool, n numeric, f real, d float8, t text, b bytea, day date,
            at time, atz timetz, w timestamp, wz timestamptz, span interval, u uuid, j json, jb jsonb, list text[], tags text[]);
        insert into items values
            (1.50, true, -12.3400, 0.1, 1e300, E'a\"\\n\\u00e9', '\\x00ff', '2024-02-29', '23:59:59.5', '01:02:03+05:30',
             '1999-12-31 23:59:59.000001', '2024-01-01 00:00:00+02', '1 year 2 mons -3 days 04:05:06.7',
             '0190b3f0-c4d2-7c3e-9a51-f2b8d6e07a14', '{ \"a\": 1.0 }', '{\"b\": [1, null]}', '{x,NULL,\"[\"}', '{p,q}'),
            (2, null, 'NaN', 'Infinity', '-0', '', '', 'infinity', null, null, '-infinity', '0044-03-15 BC', '0', null, '[]',
             '\"text\"', '{}', '{r}')";
    let definition = json!({
        "model": {"query": "select * from items", "key": ["id"]},
        "sync": {"partition_key": {"column": "id"}, "fan_out": {"column": "tags"}, "watch": "all",
            "message": {"json": r#"{"op": {{ op }}, "key": [{{ row.id }}, {{ element }}], "row": {{ row }}}"#}},
    });
    let rig = Rig::start(setup, definition).await;
    let first = rig.run().await;
    assert_eq!(first.counts.delivered, 3, "{first:?}");
    let report = send(&rig, of_run(&first, SendRows::Original)).await;
    assert_eq!((report.counts.delivered, code(&report)), (3, ""), "{:?}", report.not_sent);
    let text = |record: &simulator::StoredRecord| String::from_utf8(record.data.to_vec()).unwrap();
    let mut all: Vec<_> = rig.records().iter().map(text).collect();
    let mut again: Vec<_> = all.split_off(3).into_iter().map(|text| text.replace("\"changed\"", "\"added\"")).collect();
    all.sort();
    again.sort();
    assert_eq!(all, again);
    assert_eq!(rig.run().await.counts.planned, 0, "the snapshot has the bytes that the model has");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_values_the_log_lacks_is_named_with_the_reason() {
    let mut rig = rig(4).await;
    log_rows(&mut rig, "outcomes", " ").await;
    let without_values = rig.run().await;
    assert_eq!(without_values.counts.delivered, 4, "{without_values:?}");
    let report = send(&rig, of_run(&without_values, SendRows::Original)).await;
    assert_eq!(report.not_sent.len(), 4, "{report:?}");
    assert_eq!((report.state, code(&report)), (RunState::Failed, "rows-not-sent"));
    assert!(report.not_sent.iter().all(|row| row.code == "values-not-logged"), "{:?}", report.not_sent);
    let tallies = rig.worker.scope.tallies(report.run).await.unwrap().invalid_rows;
    assert_eq!(tallies.into_iter().collect::<Vec<_>>(), [("values-not-logged".to_owned(), 4)]);

    log_rows(&mut rig, "full", "").await;
    rig.sql("update items set v = 'w'").await;
    let with_values = rig.run().await;
    let erase = EraseKeys { keys: keys(json!([[2]])), erased: None };
    rig.run_of(RunKind::Erase, RunOptions { erase: Some(erase), ..RunOptions::default() }).await;
    let named = ChosenRows { keys: keys(json!([[1], [2]])), ..of_run(&with_values, SendRows::Original) };
    let report = send(&rig, named).await;
    assert_eq!((report.counts.delivered, not_sent(&report)), (1, vec!["[2] not-logged".to_owned()]));

    rig.sql("alter table items add column more int").await;
    rig.set("/model/query", json!("select id, v, more from items")).await;
    rig.set("/sync/message/json", json!(MESSAGE.replace("\"row\": {", "\"row\": {\"more\": {{ row.more }}, "))).await;
    let on_change = Some(runner::Answer::OnlyFuture);
    rig.run_of(RunKind::Normal, RunOptions { on_change, ..RunOptions::default() }).await;
    let report = send(&rig, of_run(&with_values, SendRows::Original)).await;
    assert_eq!((report.state, report.not_sent.len()), (RunState::Failed, 3), "{report:?}");
    assert!(report.not_sent.iter().all(|row| row.code == "values-do-not-fit"), "{:?}", report.not_sent);

    rig.store_query("delete from log_object").await;
    let report = send(&rig, of_run(&with_values, SendRows::Original)).await;
    assert_eq!((report.state, code(&report)), (RunState::Failed, "log-expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_is_sent_again_and_a_poison_row_stays_rejected() {
    let rig = rig(20).await;
    rig.run().await;
    rig.sql("update items set v = 'new' where id <= 4; update items set v = repeat('x', 500) where id = 5; delete from items where id = 6").await;
    throttle(&rig, &[1, 2, 6]);
    let report = rig.run().await;
    assert_eq!((report.counts.rejected, report.counts.delivered), (4, 2));
    let listed = rig.worker.scope.rejections(report.run).await.unwrap();
    let throttled = listed.iter().find(|rejection| rejection.key["id"] == 1).unwrap().code.clone();
    rig.simulator.clear_faults();
    rig.sql("update items set v = 'newer' where id = 2; update items set v = 'later' where id = 10").await;
    let report = send(&rig, rejected(Some(&throttled), SendRows::Current)).await;
    assert_eq!((report.state, report.counts.delivered, report.counts.planned), (RunState::Succeeded, 3, 3));
    assert_eq!(after(&rig, 22), ["changed 1 new", "changed 2 newer", "removed 6 v6"]);
    let report = send(&rig, rejected(None, SendRows::Current)).await;
    assert_eq!((report.counts.planned, report.counts.rejected), (1, 1), "of the others nothing is rejected any more");
    rig.sql("update items set v = 'small' where id = 5").await;
    assert_eq!(send(&rig, rejected(None, SendRows::Current)).await.counts.delivered, 1);
    assert_eq!(after(&rig, 25), ["changed 5 small"]);
    assert_eq!(rig.run().await.counts.delivered, 1, "the row that was not chosen");
    assert_right(&rig).await;
    let report = send(&rig, rejected(None, SendRows::Current)).await;
    assert_eq!((report.state, report.counts.planned), (RunState::Succeeded, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissed_rejection_is_not_tried_until_its_row_changes() {
    let mut rig = rig(20).await;
    rig.run().await;
    rig.sql(
        "update items set v = repeat('x', 500) where id in (1, 2, 3); insert into items values (21, repeat('y', 500))",
    )
    .await;
    rig.sql("update items set v = 'new' where id = 4; delete from items where id = 5").await;
    throttle(&rig, &[4, 5]);
    assert_eq!(rig.run().await.counts.rejected, 6);
    rig.simulator.clear_faults();
    rig.sql("update items set v = 'other' where id = 9").await;

    let report = send(&rig, dismissed(json!([[1], [9], [99], {"id": "5"}]))).await;
    assert_eq!((report.state, code(&report)), (RunState::Succeeded, "rows-not-dismissed"));
    assert_eq!(not_sent(&report), ["[99] not-rejected", "[9] not-rejected"]);
    assert_eq!((report.counts.planned, rig.records().len()), (0, 20));
    let report = send(&rig, rejected(Some("record-too-large"), SendRows::Nothing)).await;
    assert_eq!((report.state, report.counts.planned), (RunState::Succeeded, 0));
    let next = rig.run().await.counts;
    assert_eq!((next.rejected, next.changed, next.removed, next.unchanged), (0, 2, 0, 18), "{next:?}");
    assert_eq!(after(&rig, 20), ["changed 4 new", "changed 9 other"]);
    rig.sql("update items set v = 'small' where id in (2, 21)").await;
    // What was dismissed is the value before, which the message tells too.
    rig.set("/sync/limits/record_bytes", json!(2_000)).await;
    let report = rig.run().await;
    assert_eq!((report.state, report.counts.delivered), (RunState::Succeeded, 2), "{report:?}");
    assert_eq!(after(&rig, 22), ["changed 2 small", "changed 21 small"]);
    let report = send(&rig, dismissed(json!([[2]]))).await;
    assert_eq!((report.state, code(&report)), (RunState::Failed, "rows-not-dismissed"), "none was done");
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_row_that_may_be_in_the_stream_is_not_dismissed() {
    let mut rig = rig(3).await;
    rig.run().await;
    rig.worker.settings.settling = std::time::Duration::from_millis(200);
    rig.sql("update items set v = 'doubt' where id = 1").await;
    let times = u64::from(rig.worker.settings.puts.retry.max_attempts);
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::ResetBefore).times(times)]);
    assert_eq!(rig.run().await.counts.unanswered, 1);
    rig.settled().await;
    rig.simulator.clear_faults();
    throttle(&rig, &[1, 2]);
    rig.sql("update items set v = 'new' where id = 2").await;
    assert_eq!(rig.run().await.counts.rejected, 2);
    rig.simulator.clear_faults();
    let report = send(&rig, rejected(None, SendRows::Nothing)).await;
    assert_eq!((report.state, not_sent(&report)), (RunState::Succeeded, vec![r#"{"id":1} uncertain"#.to_owned()]));
    let next = rig.run().await.counts;
    assert_eq!((next.planned, next.delivered), (1, 1), "{next:?}");
    assert_eq!(after(&rig, 3), ["changed 1 doubt"]);
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_key_is_neither_sent_as_it_was_nor_dismissed() {
    let rig = rig(4).await;
    let first = rig.run().await;
    rig.sql("update items set v = 'new' where id in (1, 2)").await;
    throttle(&rig, &[1, 2]);
    rig.run().await;
    rig.simulator.clear_faults();
    rig.sql("insert into items values (1, 'twice')").await;
    let report = send(&rig, of_run(&first, SendRows::Original)).await;
    assert_eq!((report.counts.delivered, not_sent(&report)), (3, vec![r#"{"id":1} duplicate-key"#.to_owned()]));
    let report = send(&rig, rejected(None, SendRows::Nothing)).await;
    assert_eq!(not_sent(&report), [r#"{"id":1} duplicate-key"#]);
    rig.sql("delete from items where v = 'twice'").await;
    let next = rig.run().await.counts;
    assert_eq!((next.changed, next.delivered), (1, 1), "2 was dismissed: {next:?}");
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_over_sends_what_is_left_of_a_past_run() {
    let mut rig = rig(20).await;
    rig.run().await;
    rig.sql("delete from items where id <= 6; update items set v = 'new' where id between 7 and 12").await;
    let second = rig.run().await;
    assert_eq!(second.counts.delivered, 12);
    rig.worker.settings.window.records = 1;
    let rows = of_run(&second, SendRows::Original);
    rig.request(RunKind::Resend, RunOptions { rows: Some(rows), ..RunOptions::default() }).await;
    let crash = rig.simulator.wait_for_records(STREAM, 39);
    assert!(rig.work_until(crash).await.is_none(), "the run ended before the crash");
    rig.end_lease().await;
    let report = rig.work().await;
    assert_eq!((report.state, report.kind), (RunState::Succeeded, RunKind::Resend), "{report:?}");
    let again = after(&rig, 32);
    assert!((12..=14).contains(&again.len()), "a window and the unanswered put: {again:?}");
    for id in 1..=12 {
        assert!(again.iter().any(|told| told.contains(&format!(" {id} "))), "{id}: {again:?}");
    }
    assert_eq!(rig.run().await.counts.planned, 0);
    assert_right(&rig).await;
}
