//! P1: every change reaches the stream, or is listed and tried again, whatever failed before.

use domain::{RunKind, RunState};
use runner::RunOptions;
use serde_json::json;
use simulator::{Effect, Operation, Selection};
use tokio_util::sync::CancellationToken;

use crate::rows::{arrived, assert_delivered, puts, rig, tries};

/// A put that the stream applied and never answered: whether it was is not known.
fn lost_answer() -> Effect {
    Effect::HttpError { status: 500, written: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_row_that_went_back_to_its_acknowledged_value_is_sent_again_while_another_may_be_in_the_stream() {
    let rig = rig(1).await;
    rig.run().await;
    rig.sql("update items set v = 2").await;
    puts(&rig, tries(&rig), lost_answer());
    assert_eq!(rig.run().await.counts.unanswered, 1);
    rig.sql("update items set v = 1").await;
    rig.settled().await;
    let report = rig.run().await;
    assert_eq!((report.counts.repeated, report.counts.delivered), (1, 1));
    assert_eq!(arrived(&rig, 1).last(), Some(&("changed".to_owned(), json!(1))));
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_row_that_vanished_before_its_add_was_answered_is_removed_and_one_that_was_refused_is_not() {
    let rig = rig(2).await;
    puts(&rig, tries(&rig), lost_answer());
    assert_eq!(rig.run().await.counts.unanswered, 2);
    rig.sql("delete from items; insert into items values (3, 3)").await;
    rig.settled().await;
    puts(&rig, tries(&rig), Effect::Throttle(Selection::All));
    let report = rig.run().await;
    assert_eq!((report.counts.removed, report.counts.added, report.counts.rejected), (2, 1, 3));
    rig.sql("delete from items; insert into items values (4, 4)").await;
    let report = rig.run().await;
    assert_eq!((report.counts.removed, report.counts.delivered), (2, 3), "row 3 never reached the stream");
    assert_eq!(arrived(&rig, 3), []);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_throttled_row_arrives_in_the_next_run_with_the_values_it_has_then() {
    let rig = rig(3).await;
    puts(&rig, tries(&rig), Effect::Throttle(Selection::All));
    let report = rig.run().await;
    assert_eq!((report.state, report.counts.rejected), (RunState::Succeeded, 3));
    let listed = rig.worker.scope.rejections(report.run).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|rejection| rejection.code == "ProvisionedThroughputExceededException"));
    rig.sql("update items set v = 20 where id = 2; delete from items where id = 3").await;
    assert_eq!(rig.run().await.counts.delivered, 2);
    assert_eq!(arrived(&rig, 2), [("added".to_owned(), json!(20))]);
    assert_eq!(arrived(&rig, 3), [], "a refused add that vanished sends nothing");
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_cancelled_run_keeps_what_was_acknowledged_and_the_next_one_sends_the_rest() {
    let mut rig = rig(10).await;
    rig.worker.settings.window.records = 2;
    rig.simulator.faults([
        simulator::Rule::on(Operation::PutRecords, Effect::Hang).skip(2),
        simulator::Rule::on(Operation::PutRecords, Effect::Latency { ms: 1 }),
    ]);
    let cancel = CancellationToken::new();
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let (report, ()) = tokio::join!(rig.try_work(&rig.worker, &cancel), async {
        rig.simulator.wait_for_calls(Operation::PutRecords, 3).await;
        cancel.cancel();
    });
    let report = report.unwrap();
    assert_eq!(report.state, RunState::Cancelled);
    assert_eq!((report.counts.delivered, report.counts.unanswered, report.counts.deferred), (4, 2, 4));
    rig.simulator.clear_faults();
    let report = rig.run().await;
    assert_eq!((report.counts.unchanged, report.counts.delivered), (4, 6));
    assert_eq!(rig.stream().await.duplicates(), 0);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_run_that_cannot_meet_its_stream_fails_with_the_reason_and_loses_nothing() {
    let rig = rig(2).await;
    for code in ["AccessDeniedException", "ExpiredTokenException", "ResourceNotFoundException"] {
        rig.sql("update items set v = v + 1").await;
        puts(&rig, 1, Effect::call_error(code));
        let report = rig.run().await;
        assert_eq!((report.state, report.counts.deferred + report.counts.rejected), (RunState::Failed, 2), "{code}");
        assert!(report.reason.unwrap().text.len() > 20, "{code}");
    }
    assert_eq!(rig.run().await.counts.delivered, 2);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_full_resync_that_crashed_is_finished_by_the_runs_that_follow() {
    let mut rig = rig(9).await;
    rig.run().await;
    rig.worker.settings.window.records = 3;
    rig.set("/sync/triggers", json!({"added": false, "changed": false, "removed": true})).await;
    let calls = rig.simulator.calls_of(Operation::PutRecords);
    rig.request(RunKind::FullResync, RunOptions::default()).await;
    // The third window is never answered.
    rig.simulator.faults([simulator::Rule::on(Operation::PutRecords, Effect::Hang).skip(2)]);
    let crashed = rig.work_until(rig.simulator.wait_for_calls(Operation::PutRecords, calls + 3)).await;
    assert!(crashed.is_none());
    rig.simulator.clear_faults();
    rig.end_lease().await;
    rig.sql("update items set v = 0 where id = 1").await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let report = rig.work().await;
    assert_eq!((report.kind, report.state), (RunKind::FullResync, RunState::Succeeded));
    assert!((3..=4).contains(&report.counts.planned), "what was acknowledged is not sent again: {report:?}");
    rig.settled().await;
    // Whatever waited is sent by this run, though its triggers are off; then the resync is over.
    rig.run().await;
    assert_eq!(rig.worker.scope.sync_state(rig.sync).await.unwrap().resync_epoch, None);
    assert_eq!(rig.run().await.counts.planned, 0);
    assert_delivered(&rig).await;
}
