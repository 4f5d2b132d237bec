//! A key that is erased is found nowhere any more, and all others are as they were.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{RunKind, RunState};
use runner::{ChosenRows, EraseKeys, Report, RunOptions};
use serde_json::{Value as Json, json};
use simulator::{Effect, Operation, Rule};
use testkit::logged::Log;
use testkit::oracle::differences;
use testkit::rig::Rig;

use crate::found::{objects_with, rows_with};

const MESSAGE: &str = r#"{"op": {{ op }}, "key": [{{ row.email }}],
    "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}},
    "row": {"email": {{ row.email }}, "v": {{ row.v }}}, "previous": {{ previous.v }}}"#;
/// A key of the model, and values that its row has had.
const KEY: &str = "erin@example.com";
const VALUES: [&str; 4] = [KEY, "erin-before", "erin-between", "erin-now"];

async fn rig() -> Rig {
    let setup = "create table people (email text, v text);
        insert into people select 'p' || n || '@example.com', 'value ' || n from generate_series(1, 40) n;
        insert into people values ('erin@example.com', 'erin-before');";
    let definition = json!({
        "model": {"query": "select email, v from people", "key": ["email"]},
        "sync": {"message": {"json": MESSAGE}, "partition_key": {"column": "email"}, "values": "used"},
    });
    let mut rig = Rig::start(setup, definition).await;
    // Whatever goes at once does so for another reason than its age.
    rig.worker.settings.garbage_age = std::time::Duration::from_secs(24 * 60 * 60);
    rig
}

fn keys(keys: Json) -> RunOptions {
    let keys = serde_json::from_value(keys).unwrap();
    RunOptions { erase: Some(EraseKeys { keys, ..EraseKeys::default() }), ..RunOptions::default() }
}

async fn erase(rig: &Rig, of: Json) -> Report {
    let report = rig.run_of(RunKind::Erase, keys(of)).await;
    assert_eq!(report.kind, RunKind::Erase);
    report
}

/// All that the debug log tells, with the messages of its bodies.
async fn logged(rig: &Rig) -> String {
    let log = rig.log().await;
    let bodies = log.calls.iter().filter_map(|call| serde_json::from_str::<Json>(call.request_body.as_ref()?).ok());
    let records = bodies.flat_map(|body| body["Records"].as_array().cloned().unwrap_or_default());
    let messages = records.map(|record| {
        let data = BASE64_STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
        String::from_utf8(data).unwrap()
    });
    format!("{:?} {:?} {}", log.rows, log.calls, messages.collect::<String>())
}

async fn assert_gone(rig: &Rig) {
    for value in VALUES {
        assert!(!logged(rig).await.contains(value), "{value}");
        assert_eq!(objects_with(rig, value), Vec::<String>::new(), "{value}");
        assert_eq!(rows_with(rig, value).await, Vec::<String>::new(), "{value}");
    }
}

fn code(report: &Report) -> &str {
    report.reason.as_ref().map_or("", |reason| &reason.code)
}

/// Op and key of what came after so many records.
fn after(rig: &Rig, records: usize) -> Vec<(String, String)> {
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    rig.messages()[records..].iter().map(|message| (text(&message["op"]), text(&message["row"]["email"]))).collect()
}

/// Several versions of the row, in several windows and snapshots.
async fn live(rig: &Rig) {
    rig.run().await;
    for value in ["erin-between", "erin-now"] {
        rig.sql(&format!("update people set v = '{value}' where email = '{KEY}'; update people set v = v || '+' where email like 'p1%'"))
            .await;
        assert!(rig.run().await.counts.delivered > 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_key_is_in_no_object_and_in_no_row_and_the_others_keep_their_state() {
    let rig = rig().await;
    live(&rig).await;
    for value in VALUES {
        assert!(!objects_with(&rig, value).is_empty(), "{value} is looked for where it is");
        assert!(logged(&rig).await.contains(value), "{value} is looked for where it is");
    }
    let before = rig.log().await;
    let bodies = |log: &Log| log.calls.iter().filter(|call| call.request_body.is_some()).count();
    assert!(bodies(&before) > 0);
    let sent = rig.records().len();
    let report = erase(&rig, json!([[KEY]])).await;
    assert_eq!((report.state, report.reason.clone()), (RunState::Succeeded, None));
    assert_eq!(rig.records().len(), sent, "nothing is sent");
    assert_gone(&rig).await;
    let manifests = rig.worker.scope.manifests(rig.sync).await.unwrap();
    assert_eq!((manifests.len(), manifests[0].layers.len()), (1, 1));
    assert_eq!(rig.snapshot_objects().len(), 2, "{:?}", rig.objects());
    let log = rig.log().await;
    let of_others = before.rows.iter().filter(|row| !row.key.contains(KEY)).count();
    assert_eq!((log.rows.len(), log.calls.len()), (of_others, before.calls.len()), "the log keeps the others");
    assert!(bodies(&log) < bodies(&before));
    let run = rig.worker.scope.run(report.run).await.unwrap();
    assert_eq!(run.options, json!({"erase": {"keys": [], "erased": 1}}));

    // The row is still in the model.
    let next = rig.run().await;
    assert_eq!((next.counts.added, next.counts.planned, next.counts.unchanged), (1, 1, 40));
    assert_eq!(after(&rig, sent), [("added".to_owned(), KEY.to_owned())]);
    let (stream, model) = (rig.stream().await, rig.model().await);
    assert!(differences(&stream.by_sequence(), &model).is_empty());
    assert_eq!(rig.run().await.counts.planned, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_gone_from_the_model_sends_no_removal_once_it_is_erased() {
    let rig = rig().await;
    live(&rig).await;
    rig.sql(&format!("delete from people where email = '{KEY}'")).await;
    erase(&rig, json!([{"email": KEY}])).await;
    assert_gone(&rig).await;
    let sent = rig.records().len();
    assert_eq!(rig.run().await.counts.planned, 0);
    assert_eq!(rig.records().len(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_key_that_was_removed_before_go_with_the_older_layers() {
    let rig = rig().await;
    live(&rig).await;
    rig.sql(&format!("delete from people where email = '{KEY}'")).await;
    assert_eq!(rig.run().await.counts.removed, 1);
    assert!(!objects_with(&rig, KEY).is_empty());
    let report = erase(&rig, json!([[KEY]])).await;
    assert_eq!((report.state, code(&report)), (RunState::Succeeded, ""), "the debug log had it");
    assert_gone(&rig).await;
    assert_eq!(rig.run().await.counts.unchanged, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uncertain_key_is_forgotten_with_its_marks() {
    let rig = rig().await;
    rig.run().await;
    rig.sql(&format!("update people set v = 'erin-between' where email = '{KEY}'")).await;
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::ResetBefore).times(3)]);
    assert_eq!(rig.run().await.counts.unanswered, 1);
    erase(&rig, json!([[KEY]])).await;
    assert_gone(&rig).await;
    let next = rig.run().await.counts;
    assert_eq!((next.added, next.delivered, next.unchanged), (1, 1, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_other_runs_forget_the_key_and_keep_the_rest() {
    let rig = rig().await;
    rig.run().await;
    // An approval that shows and lists it, rejections, invalid rows, and chosen rows that name it.
    rig.sql(&format!("update people set v = 'erin-between' where email = '{KEY}'; update people set v = 'other' where email = 'p1@example.com'"))
        .await;
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::Throttle(simulator::Selection::All)).times(3)]);
    let rejected = rig.run().await;
    assert_eq!(rejected.counts.rejected, 2);
    rig.simulator.clear_faults();
    rig.sql(&format!("insert into people values ('{KEY}', 'twice'), ('p2@example.com', 'twice')")).await;
    let held = rig.run().await;
    assert_eq!(held.counts.invalid, 4);
    rig.sql("create table kept as table people; delete from people").await;
    assert_eq!(rig.run().await.state, RunState::NeedsApproval);
    let chosen = |keys: Json| RunOptions {
        rows: Some(ChosenRows { keys: serde_json::from_value(keys).unwrap(), ..ChosenRows::default() }),
        ..RunOptions::default()
    };
    let resend = rig.run_of(RunKind::Resend, chosen(json!([[KEY], ["p3@example.com"]]))).await;
    assert_eq!(code(&resend), "rows-not-sent");
    let asked = rig.worker.scope.approvals(rig.sync, true).await.unwrap().len();
    assert_eq!(asked, 1);
    assert!(!rows_with(&rig, KEY).await.is_empty());

    erase(&rig, json!([[KEY]])).await;
    assert_gone(&rig).await;
    let scope = &rig.worker.scope;
    let left: Vec<_> = scope.rejections(rejected.run).await.unwrap().into_iter().map(|listed| listed.key).collect();
    assert_eq!(left, [json!({"email": "p1@example.com"})]);
    let left: Vec<_> = scope.invalid_rows(held.run).await.unwrap().into_iter().map(|listed| listed.key).collect();
    assert_eq!(left, [json!({"email": "p2@example.com"}), json!({"email": "p2@example.com"})]);
    assert_eq!(scope.run(resend.run).await.unwrap().options["rows"]["keys"], json!([["p3@example.com"]]));
    assert_eq!(scope.approvals(rig.sync, true).await.unwrap().len(), 0, "its list is gone, so it is asked anew");
    assert_eq!(rig.run().await.state, RunState::NeedsApproval);
    rig.sql("insert into people select * from kept where v <> 'twice'").await;
    let next = rig.run().await.counts;
    assert_eq!((next.added, next.removed), (1, 0), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_written_anew_without_the_key() {
    let rig = rig().await;
    rig.sql("insert into people select 'p' || n || '@example.com', 'again' from generate_series(1, 5100) n, generate_series(1, 2);
             insert into people values ('erin@example.com', 'twice')")
        .await;
    let report = rig.run().await;
    assert_eq!(report.full_lists.len(), 1, "{report:?}");
    assert!(objects_with(&rig, KEY).iter().any(|name| name.ends_with(&report.full_lists[0])));
    erase(&rig, json!([[KEY]])).await;
    assert_gone(&rig).await;
    let others = objects_with(&rig, "p7@example.com");
    assert!(others.iter().any(|name| name.ends_with(&report.full_lists[0])), "{others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_needs_neither_source_nor_stream_and_works_before_the_first_run_and_for_the_last_key() {
    let mut rig = rig().await;
    assert_eq!(code(&erase(&rig, json!([[KEY]])).await), "key-not-found");
    live(&rig).await;
    rig.sql("alter table people rename to elsewhere").await;
    rig.set("/destination/endpoint", json!("http://127.0.0.1:1")).await;
    let all: Vec<Json> = (1..=40).map(|n| json!([format!("p{n}@example.com")])).chain([json!([KEY])]).collect();
    assert_eq!(erase(&rig, json!(all)).await.state, RunState::Succeeded);
    assert_gone(&rig).await;
    assert_eq!(rig.snapshot_objects(), Vec::<String>::new());
    let log = rig.log().await;
    assert!(log.rows.is_empty() && !log.calls.is_empty(), "{:?}", log.rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_other_columns_is_refused_and_nothing_is_forgotten() {
    let rig = rig().await;
    rig.run().await;
    for key in [json!([KEY, 1]), json!({"name": KEY}), json!(KEY)] {
        let report = erase(&rig, json!([key])).await;
        assert_eq!((report.state, code(&report)), (RunState::Failed, "configuration"));
        assert!(!report.reason.unwrap().text.contains(KEY));
    }
    assert_eq!(rig.run_of(RunKind::Normal, keys(json!([[KEY]]))).await.state, RunState::Failed);
    assert_eq!(rig.run_of(RunKind::Erase, RunOptions::default()).await.state, RunState::Failed);
    assert_eq!(rig.run().await.counts.unchanged, 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_normal_run_waits_beside_one_that_erases_and_neither_takes_the_place_of_the_other() {
    for erase_first in [false, true] {
        let rig = rig().await;
        rig.run().await;
        let kinds = if erase_first { [RunKind::Erase, RunKind::Normal] } else { [RunKind::Normal, RunKind::Erase] };
        for kind in kinds {
            let options = if kind == RunKind::Erase { keys(json!([[KEY]])) } else { RunOptions::default() };
            rig.request(kind, options).await;
        }
        rig.request(RunKind::Erase, keys(json!([["p1@example.com"]]))).await;
        // Whichever was asked for first: keys are forgotten before anything is sent.
        for kind in [RunKind::Erase, RunKind::Normal] {
            let report = rig.work().await;
            assert_eq!((report.kind, report.state), (kind, RunState::Succeeded));
            match kind {
                RunKind::Erase => {
                    assert_eq!(rig.worker.scope.run(report.run).await.unwrap().options["erase"]["erased"], 2);
                }
                _ => assert_eq!(report.counts.added, 2),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_place_ends_with_the_key_gone() {
    for polls in [2, 5, 9, 14, 20, 30, 45, 70] {
        let rig = rig().await;
        live(&rig).await;
        rig.request(RunKind::Erase, keys(json!([[KEY]]))).await;
        if rig.work_for_polls(polls).await.is_none() {
            rig.end_lease().await;
            assert_eq!(rig.work().await.state, RunState::Succeeded);
        }
        assert_gone(&rig).await;
        let next = rig.run().await.counts;
        assert_eq!((next.added, next.planned, next.unchanged), (1, 1, 40), "{polls}");
    }
}
