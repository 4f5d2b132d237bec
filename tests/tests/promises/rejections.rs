//! What does not arrive is listed, stays due, and is told in the end as it is then.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use domain::{Change, RunKind, RunState};
use runner::{Report, RunOptions};
use serde_json::{Value as Json, json};
use simulator::{Effect, Operation, Rule, Selection};
use store::Rejection;
use testkit::oracle::sums;
use testkit::rig::Rig;

use crate::messages::{is_whole, items, stream_is_right, stream_is_right_from_empty, sync_of, telling, told};

async fn rejections(rig: &Rig, report: &Report) -> Vec<Rejection> {
    let mut listed = rig.worker.scope.rejections(report.run).await.unwrap();
    listed.sort_by_key(|rejection| rejection.key.to_string());
    listed
}

/// Every put of this row is throttled, until the faults are cleared.
fn throttle(rig: &Rig, id: u64) {
    let effect = Effect::Throttle(Selection::All);
    rig.simulator.faults([Rule::on(Operation::PutRecords, effect).partition_key(id.to_string())]);
}

/// One row of the report is rejected, all the rest arrived.
async fn only_rejection(rig: &Rig, report: &Report) -> Rejection {
    report.counts.check().unwrap();
    assert_eq!((report.state, report.counts.rejected), (RunState::Succeeded, 1), "{report:?}");
    assert_eq!(report.counts.delivered + 1, report.counts.planned);
    rejections(rig, report).await.pop().unwrap()
}

#[tokio::test]
async fn p1_what_cannot_be_a_record_is_listed_with_key_code_and_message_and_all_others_arrive() {
    let rig = Rig::start(
        r#"create table items (id int primary key, pk text, doc text);
           insert into items select g, 'k' || g, '{"v": 1}' from generate_series(1, 20) g;
           insert into items values (21, 'k', '"' || repeat('x', 1100000) || '"'), (22, '', '{}'), (23, 'k', '{"v":'),
               (24, null, '{}'), (25, 'k', null), (26, repeat('é', 257), '{}')"#,
        json!({
            "model": {"query": "select id, pk, doc from items", "key": ["id"]},
            "sync": {"message": {"column": "doc"}, "partition_key": {"column": "pk"}},
        }),
    )
    .await;
    let report = rig.run().await;
    report.counts.check().unwrap();
    assert_eq!((report.state, report.counts.delivered, report.counts.rejected), (RunState::Succeeded, 20, 6));
    assert_eq!(rig.records().len(), 20);
    let expected = [
        (21, "record-too-large", "1100003 bytes"),
        (22, "partition-key-empty", "empty"),
        (23, "invalid-json", "`doc`"),
        (24, "partition-key-empty", "empty"),
        (25, "invalid-json", "`doc`"),
        (26, "partition-key-too-long", "256"),
    ];
    let listed = rejections(&rig, &report).await;
    assert_eq!(listed.len(), expected.len());
    for (rejection, (id, code, says)) in listed.iter().zip(expected) {
        assert_eq!((&rejection.key, rejection.code.as_str()), (&json!({"id": id}), code));
        assert!(rejection.message.contains(says), "{}", rejection.message);
        assert_eq!((rejection.op, rejection.tries, rejection.first_seen_run), (Change::Added, 1, report.run));
    }
    let tallies = rig.worker.scope.tallies(report.run).await.unwrap().rejections;
    let tallies: Vec<_> = tallies.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    let counted =
        [("invalid-json", 2), ("partition-key-empty", 2), ("partition-key-too-long", 1), ("record-too-large", 1)];
    assert_eq!(tallies, counted);
}

#[tokio::test]
async fn p1_tries_grow_from_run_to_run_until_the_row_is_mended_and_arrives_with_its_fresh_values() {
    let mut rig = items(10).await;
    rig.set("/sync/partition_key", json!({"column": "w"})).await;
    rig.sql("update items set w = '' where id = 3").await;
    let first = rig.run().await;
    let rejection = only_rejection(&rig, &first).await;
    assert_eq!((rejection.tries, rejection.first_seen_run), (1, first.run));
    let (since, mut tries) = (rejection.first_seen_at, 1);
    for v in 2..4 {
        rig.sql(&format!("update items set v = {v} where id in (3, 4)")).await;
        let again = rig.run().await;
        let rejection = only_rejection(&rig, &again).await;
        tries += 1;
        assert_eq!((rejection.tries, rejection.first_seen_run, rejection.first_seen_at), (tries, first.run, since));
        assert_eq!((rejection.op, again.counts.planned), (Change::Added, 2));
    }
    rig.sql("update items set v = 5, w = 'whole' where id = 3").await;
    let mended = rig.run().await;
    is_whole(&mended);
    assert_eq!((mended.counts.added, rejections(&rig, &mended).await.len()), (1, 0));
    let messages = told(&rig, 3);
    assert_eq!((messages.len(), &messages[0]["op"], &messages[0]["row"]["v"]), (1, &json!("added"), &json!(5)));
    stream_is_right_from_empty(&rig).await;
    // A later rejection of the same row begins anew.
    rig.sql("update items set w = '' where id = 3").await;
    let later = rig.run().await;
    let rejection = only_rejection(&rig, &later).await;
    assert_eq!((rejection.tries, rejection.first_seen_run, rejection.op), (1, later.run, Change::Changed));
}

#[tokio::test]
async fn p1_rows_that_are_throttled_until_retries_are_used_up_arrive_in_the_next_run_with_the_values_of_then() {
    let rig = items(10).await;
    throttle(&rig, 7);
    let first = rig.run().await;
    let rejection = only_rejection(&rig, &first).await;
    assert_eq!(rejection.code, "ProvisionedThroughputExceededException");
    assert_eq!((rejection.key, first.throttled), (json!({"id": 7}), 3));
    assert_eq!(told(&rig, 7).len(), 0);
    rig.simulator.clear_faults();
    rig.sql("update items set v = 2 where id = 7").await;
    is_whole(&rig.run().await);
    let messages = told(&rig, 7);
    assert_eq!((messages.len(), &messages[0]["op"], &messages[0]["row"]["v"]), (1, &json!("added"), &json!(2)));
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p1_throttling_that_ends_in_time_rejects_nothing_and_sends_nothing_twice() {
    let rig = items(200).await;
    let throttled = Effect::Throttle(Selection::Fraction(0.5));
    rig.simulator.faults([Rule::on(Operation::PutRecords, throttled).times(2).seed(5)]);
    let report = rig.run().await;
    is_whole(&report);
    assert!(report.throttled > 0);
    assert_eq!(rig.records().len(), 200);
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p1_a_rejected_row_that_was_never_told_vanishes_without_a_word() {
    let rig = items(10).await;
    throttle(&rig, 7);
    only_rejection(&rig, &rig.run().await).await;
    rig.simulator.clear_faults();
    rig.sql("delete from items where id = 7").await;
    let second = rig.run().await;
    is_whole(&second);
    assert_eq!((second.counts.planned, second.counts.removed, told(&rig, 7).len()), (0, 0, 0));
    assert_eq!(rejections(&rig, &second).await.len(), 0);
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p1_a_rejected_change_and_a_rejected_removal_still_know_the_values_acknowledged_last() {
    let rig = items(10).await;
    is_whole(&rig.run().await);
    throttle(&rig, 7);
    rig.sql("update items set v = 2 where id = 7").await;
    assert_eq!(only_rejection(&rig, &rig.run().await).await.op, Change::Changed);
    rig.sql("delete from items where id = 7").await;
    for tries in 2..4 {
        let rejection = only_rejection(&rig, &rig.run().await).await;
        assert_eq!((rejection.op, rejection.tries, rejection.key), (Change::Removed, tries, json!({"id": 7})));
    }
    rig.simulator.clear_faults();
    let report = rig.run().await;
    is_whole(&report);
    assert_eq!(report.counts.removed, 1);
    let messages = told(&rig, 7);
    assert_eq!((messages.len(), &messages[1]["op"]), (2, &json!("removed")));
    assert_eq!(messages[1]["row"], json!({"id": 7, "v": 1, "w": "w"}));
    stream_is_right_from_empty(&rig).await;
    // Back again after its removal was told: it is new.
    rig.sql("insert into items values (7, 1, 'w')").await;
    is_whole(&rig.run().await);
    assert_eq!(told(&rig, 7)[2]["op"], "added");
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p1_a_removal_that_was_rejected_and_came_back_unchanged_needs_no_word() {
    let rig = items(10).await;
    is_whole(&rig.run().await);
    throttle(&rig, 7);
    rig.sql("delete from items where id = 7").await;
    only_rejection(&rig, &rig.run().await).await;
    rig.simulator.clear_faults();
    rig.sql("insert into items values (7, 1, 'w')").await;
    let report = rig.run().await;
    is_whole(&report);
    assert_eq!((report.counts.planned, told(&rig, 7).len()), (0, 1));
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p1_one_record_that_makes_kinesis_refuse_the_whole_call_is_found_and_the_others_arrive() {
    let mut rig = items(40).await;
    // The stream takes 1 MiB, whatever the sync believes, and nobody may ask what it takes.
    rig.set("/sync/limits", json!({"record_bytes": 2 << 20})).await;
    let asked = Rule::on(Operation::DescribeStreamSummary, Effect::call_error("AccessDeniedException"));
    rig.simulator.faults([asked]);
    rig.sql("update items set w = repeat('x', 1500000) where id = 11").await;
    let report = rig.run().await;
    let rejection = only_rejection(&rig, &report).await;
    assert_eq!(rejection.key, json!({"id": 11}));
    assert!(rejection.code.ends_with("Exception") && !rejection.message.is_empty(), "{rejection:?}");
    assert_eq!((rig.records().len(), told(&rig, 11).len()), (39, 0));
    assert_eq!(rig.stream().await.duplicates(), 0);
    rig.sql("update items set w = 'small' where id = 11").await;
    is_whole(&rig.run().await);
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p1_p3_access_denied_ends_the_run_as_failed_with_everything_pending() {
    for (code, says) in [("AccessDeniedException", "denied"), ("ResourceNotFoundException", "stream")] {
        let rig = items(10).await;
        is_whole(&rig.run().await);
        rig.sql("update items set v = 2 where id < 4; delete from items where id = 4; insert into items values (11, 1, 'w')").await;
        rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::call_error(code))]);
        for _ in 0..2 {
            let report = rig.run().await;
            report.counts.check().unwrap();
            let reason = report.reason.unwrap();
            assert_eq!((report.state, reason.code.as_str()), (RunState::Failed, "destination"));
            assert!(reason.text.contains(says), "{}", reason.text);
            assert_eq!((report.counts.planned, report.counts.delivered), (5, 0));
        }
        assert_eq!(rig.records().len(), 10);
        rig.simulator.clear_faults();
        let report = rig.run().await;
        is_whole(&report);
        assert_eq!(report.counts.delivered, 5);
        stream_is_right_from_empty(&rig).await;
    }
}

#[tokio::test]
async fn p1_p3_more_rejections_than_the_store_lists_are_counted_exactly_and_all_in_the_full_list() {
    let mut sync = sync_of(
        "select g as id, case when g <= 10050 then '' else 'k' end as pk, 1 as v from generate_series(1, 24000) g",
    );
    sync["sync"]["partition_key"] = json!({"column": "pk"});
    sync["sync"]["message"] = json!({"json": r#"{"id": {{ row.id }}}"#});
    let rig = Rig::start("", sync).await;
    let report = rig.run().await;
    report.counts.check().unwrap();
    assert_eq!(report.state, RunState::Succeeded, "{report:?}");
    let counts = report.counts;
    assert_eq!((counts.queried, counts.delivered, counts.rejected), (24_000, 13_950, 10_050));
    let tallies = rig.worker.scope.tallies(report.run).await.unwrap();
    assert_eq!(tallies.rejections.get("partition-key-empty"), Some(&10_050));
    assert_eq!(rig.worker.scope.rejections(report.run).await.unwrap().len(), 10_000);
    let [name] = report.full_lists.as_slice() else { panic!("{:?}", report.full_lists) };
    let workspace = rig.worker.settings.objects.join(rig.worker.workspace.id.to_string());
    let list = std::fs::read_to_string(workspace.join(name)).unwrap();
    let mut ids: Vec<u64> = list
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap())
        .inspect(|line| assert_eq!((&line["code"], &line["op"]), (&json!("partition-key-empty"), &json!("added"))))
        .map(|line| line["key"]["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=10_050).collect::<Vec<_>>());
    assert_eq!(rig.records().len(), 13_950);
}

#[tokio::test]
async fn p3_the_sums_hold_for_every_attempt_killed_ones_too() {
    let mut rig = Rig::start(
        "create table items (id bigint, v int);
         insert into items select g, 1 from generate_series(1, 30) g;
         insert into items values (null, 1), (40, 1), (40, 2)",
        json!({
            "model": {"query": "select id, v from items", "key": ["id"]},
            "sync": {"message": telling(&["id"]), "partition_key": {"column": "id"}},
        }),
    )
    .await;
    rig.worker.settings.window.records = 4;
    // Each attempt is dropped at a later put than the one before; the last one comes to the end.
    let run = rig.request(RunKind::Normal, RunOptions::default()).await;
    for killed in 1..5 {
        let calls = rig.simulator.calls_of(Operation::PutRecords);
        let ended = rig.work_until(rig.simulator.wait_for_calls(Operation::PutRecords, calls + killed)).await;
        assert!(ended.is_none(), "{ended:?}");
        rig.end_lease().await;
    }
    let report = rig.work().await;
    assert_eq!((report.run, report.state), (run, RunState::Succeeded), "{report:?}");
    let attempts = rig.worker.scope.attempts(run).await.unwrap();
    assert_eq!(attempts.len(), 5);
    for attempt in &attempts {
        attempt.counts.check().unwrap();
        assert_eq!(sums(&serde_json::to_value(attempt.counts).unwrap()), Vec::<String>::new());
        assert_eq!((attempt.counts.queried, attempt.counts.invalid), (33, 3), "{attempt:?}");
    }
    assert!(attempts[..4].iter().all(|attempt| attempt.counts.unanswered > 0 && attempt.counts.unanswered <= 4));
    assert_eq!(attempts[4].counts, report.counts);
    stream_is_right(&rig).await;
    // A crash repeats at most one window.
    assert!(rig.stream().await.duplicates() <= 4 * 4);
    assert_eq!(rig.stream().await.faults(true), Vec::<String>::new());
}
