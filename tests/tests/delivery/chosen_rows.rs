//! Sending chosen rows: they arrive whatever triggers and snapshot say, and nothing else is touched.

use domain::{RunKind, RunState};
use runner::{ChosenRows, Report, RunOptions};
use serde_json::{Value as Json, json};
use simulator::Effect;
use testkit::oracle::sums;
use testkit::rig::{Rig, STREAM};

use crate::rows::{arrived, assert_delivered, puts, rig, tries};

fn chosen(keys: Json) -> RunOptions {
    let rows = ChosenRows { keys: serde_json::from_value(keys).unwrap(), ..ChosenRows::default() };
    RunOptions { rows: Some(rows), ..RunOptions::default() }
}

async fn send(rig: &Rig, keys: Json) -> Report {
    let report = rig.run_of(RunKind::Resend, chosen(keys)).await;
    assert_eq!(sums(&serde_json::to_value(report.counts).unwrap()), Vec::<String>::new());
    report
}

/// Keys of what arrived after the first so many records, sorted.
fn keys_after(rig: &Rig, before: usize) -> Vec<u64> {
    let mut keys: Vec<u64> =
        rig.messages()[before..].iter().map(|message| message["row"]["id"].as_u64().unwrap()).collect();
    keys.sort_unstable();
    keys
}

fn code(report: &Report) -> &str {
    report.reason.as_ref().map_or("", |reason| &reason.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_chosen_rows_arrive_and_the_others_by_the_next_run() {
    let mut rig = rig(10).await;
    rig.run().await;
    rig.sql("update items set v = 100 where id between 3 and 5; delete from items where id = 9").await;
    rig.sql("insert into items values (11, 11), (12, 12)").await;
    rig.set("/sync/triggers", json!({"added": false, "changed": false, "removed": false})).await;
    let report = send(&rig, json!([[3], {"id": "7"}, [11]])).await;
    assert_eq!((report.state, report.counts.delivered, report.counts.planned), (RunState::Succeeded, 3, 3));
    let counts = report.counts;
    assert_eq!((counts.added, counts.changed, counts.removed, counts.repeated), (2, 3, 1, 1));
    assert_eq!((counts.unchanged, counts.not_wanted, counts.queried), (5, 4, 11));
    assert_eq!(keys_after(&rig, 10), [3, 7, 11]);
    assert_eq!(arrived(&rig, 3)[1..], [("changed".to_owned(), json!(100))]);
    assert_eq!(arrived(&rig, 7)[1..], [("changed".to_owned(), json!(7))]);
    assert_eq!(arrived(&rig, 11), [("added".to_owned(), json!(11))]);

    rig.set("/sync/triggers", json!({})).await;
    let report = rig.run().await;
    assert_eq!((report.counts.changed, report.counts.removed, report.counts.added), (2, 1, 1));
    assert_eq!(report.counts.delivered, 4, "what was chosen is not sent again: {:?}", report.counts);
    assert_delivered(&rig).await;
    assert_eq!(rig.run().await.counts.planned, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_row_that_follows_its_triggers_later_is_no_exception_for_ever() {
    let mut rig = rig(2).await;
    rig.run().await;
    rig.set("/sync/triggers", json!({"changed": false})).await;
    send(&rig, json!([[1]])).await;
    rig.sql("update items set v = 50").await;
    let report = rig.run().await;
    assert_eq!((report.counts.changed, report.counts.not_wanted, report.counts.planned), (2, 2, 0));
    assert_eq!(rig.records().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_sent_is_named_with_its_reason() {
    let rig = rig(5).await;
    rig.run().await;
    rig.sql("insert into items values (5, 6); delete from items where id = 4").await;
    let report = send(&rig, json!([[99], [5], [4], [1], [null]])).await;
    assert_eq!((report.state, code(&report), report.counts.delivered), (RunState::Succeeded, "rows-not-sent", 1));
    let not_sent: Vec<_> = report.not_sent.iter().map(|row| (row.key.to_string(), row.code)).collect();
    let expected =
        [("[99]", "not-in-model"), ("[5]", "duplicate-key"), ("[4]", "not-in-model"), ("[null]", "not-in-model")];
    assert_eq!(not_sent, expected.map(|(key, code)| (key.to_owned(), code)));
    assert_eq!(keys_after(&rig, 5), [1], "no removal is told of a chosen row that is gone");

    let listed = rig.worker.scope.invalid_rows(report.run).await.unwrap();
    let codes: Vec<_> = listed.iter().map(|row| row.code.as_str()).collect();
    assert_eq!(codes, ["not-in-model", "not-in-model", "not-in-model", "duplicate-key", "duplicate-key"]);
    let tallies = rig.worker.scope.tallies(report.run).await.unwrap().invalid_rows;
    assert_eq!(
        tallies.into_iter().collect::<Vec<_>>(),
        [("duplicate-key".to_owned(), 2), ("not-in-model".to_owned(), 3)]
    );

    let nothing = send(&rig, json!([[99]])).await;
    assert_eq!((nothing.state, code(&nothing)), (RunState::Failed, "rows-not-sent"));
    let text = nothing.reason.unwrap().text;
    assert!(text.contains("[99]") && text.contains("the model holds no row with this key"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_no_rows_as_it_should_is_refused_before_the_source_is_read() {
    let rig = rig(2).await;
    for (kind, options, reason) in [
        (RunKind::Resend, RunOptions::default(), "needs the keys"),
        (RunKind::Resend, chosen(json!([[1, 2]])), "1 values (id), not 2"),
        (RunKind::Normal, chosen(json!([[1]])), "only a run of the kind `resend`"),
    ] {
        let report = rig.run_of(kind, options).await;
        assert_eq!((report.state, code(&report)), (RunState::Failed, "configuration"));
        let text = report.reason.unwrap().text;
        assert!(text.contains(reason), "{text}");
    }
    assert_eq!(rig.records().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_rows_end_neither_a_first_run_nor_a_full_resync() {
    for first_run in ["send-all", "only-future"] {
        let mut rig = rig(4).await;
        rig.set("/sync/first_run", json!(first_run)).await;
        send(&rig, json!([[2]])).await;
        let state = rig.worker.scope.sync_state(rig.sync).await.unwrap();
        assert!(!state.first_run_done, "{first_run}");
        let planned = rig.run().await.counts.planned;
        assert_eq!(planned, if first_run == "send-all" { 4 } else { 0 });
        assert!(rig.worker.scope.sync_state(rig.sync).await.unwrap().first_run_done);
    }

    let rig = rig(4).await;
    rig.run().await;
    puts(&rig, tries(&rig), Effect::Throttle(simulator::Selection::All));
    let resync = rig.run_of(RunKind::FullResync, RunOptions::default()).await;
    assert_eq!(resync.counts.rejected, 4);
    send(&rig, json!([[2]])).await;
    assert!(rig.worker.scope.sync_state(rig.sync).await.unwrap().resync_epoch.is_some());
    assert_eq!(rig.run().await.counts.delivered, 3, "the chosen row has been sent since the resync began");
    assert!(rig.worker.scope.sync_state(rig.sync).await.unwrap().resync_epoch.is_none());
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_row_waits_for_an_older_version_that_may_still_arrive() {
    let mut rig = rig(3).await;
    rig.worker.settings.settling = std::time::Duration::from_secs(3);
    rig.run().await;
    rig.sql("update items set v = 10 where id = 1").await;
    puts(&rig, tries(&rig), Effect::ResetBefore);
    assert_eq!(rig.run().await.counts.unanswered, 1);
    rig.sql("update items set v = 20 where id = 1").await;
    let report = send(&rig, json!([[1]])).await;
    assert_eq!((report.counts.deferred, report.counts.delivered), (1, 0));
    assert!(report.follow_up.is_some());
    rig.follow_up_due().await;
    assert_eq!(rig.work().await.counts.delivered, 1);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_over_sends_those_of_the_chosen_rows_that_were_not_acknowledged() {
    let mut rig = rig(20).await;
    rig.run().await;
    rig.worker.settings.window.records = 1;
    rig.request(RunKind::Resend, chosen((1..=10).map(|id| json!([id])).collect())).await;
    let crash = rig.simulator.wait_for_records(STREAM, 25);
    assert!(rig.work_until(crash).await.is_none(), "the run ended before the crash");
    rig.end_lease().await;
    let report = rig.work().await;
    assert_eq!((report.state, report.kind), (RunState::Succeeded, RunKind::Resend));
    let stream = rig.stream().await;
    assert!(stream.duplicates() <= 2, "a window and the unanswered put: {}", stream.duplicates());
    let mut keys = keys_after(&rig, 20);
    keys.dedup();
    assert_eq!(keys, (1..=10).collect::<Vec<_>>());
    assert!(report.counts.delivered < 10, "{:?}", report.counts);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_the_chosen_rows_alone() {
    let rig = rig(5).await;
    let reporter = runner::Reporter::default();
    let shown = |keys| rig.worker.preview("rig", rig.parsed(), RunKind::Resend, chosen(keys), 10, &reporter);
    let preview = Box::pin(shown(json!([[2], [9]]))).await.unwrap();
    assert_eq!((preview.records.len(), preview.records_total), (1, 1));
    assert_eq!(preview.records[0].key, json!({"id": 2}));
    assert_eq!(preview.not_sent[0].key, json!([9]));
}
