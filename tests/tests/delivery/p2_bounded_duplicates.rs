//! P2: what a crash or an unanswered put may send twice, and how a consumer tells.

use domain::RunState;
use simulator::{Effect, LateAnswer, Selection};
use testkit::rig::STREAM;

use crate::rows::{assert_delivered, puts, rig};

const WINDOW: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_crash_after_any_put_sends_at_most_the_records_of_one_window_twice() {
    for windows in 1..=3 {
        let mut rig = rig(12).await;
        rig.worker.settings.window.records = WINDOW;
        rig.request(domain::RunKind::Normal, runner::RunOptions::default()).await;
        // The stream has the records; that it has them was most likely not heard.
        let crashed = rig.work_until(rig.simulator.wait_for_records(STREAM, windows * WINDOW)).await;
        if crashed.is_none() {
            rig.end_lease().await;
            assert_eq!(rig.work().await.state, RunState::Succeeded);
        }
        let stream = rig.stream().await;
        assert!(stream.duplicates() <= WINDOW, "{} after {windows} windows", stream.duplicates());
        assert_delivered(&rig).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_put_without_an_answer_is_sent_again_with_the_same_event_id() {
    let rig = rig(3).await;
    puts(&rig, 1, Effect::CutAnswer);
    let report = rig.run().await;
    assert_eq!((report.counts.delivered, rig.records().len()), (3, 6));
    let stream = rig.stream().await;
    assert_eq!(stream.duplicates(), 3);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_across_runs_an_equal_version_in_doubt_keeps_its_event_id() {
    let rig = rig(3).await;
    let written = Effect::FailRecords {
        code: "InternalFailure".to_owned(),
        message: None,
        records: Selection::All,
        written: true,
    };
    puts(&rig, 3, written);
    assert_eq!(rig.run().await.counts.unanswered, 3);
    assert_eq!(rig.run().await.counts.delivered, 3, "the same version need not wait");
    let stream = rig.stream().await;
    assert_eq!((stream.0.len(), stream.duplicates()), (12, 9));
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_put_that_is_applied_late_is_a_duplicate_and_no_new_version() {
    let rig = rig(2).await;
    puts(&rig, 1, Effect::ApplyLater { delay_ms: 50, answer: LateAnswer::Reset });
    assert_eq!(rig.run().await.counts.delivered, 2);
    rig.simulator.wait_for_records(STREAM, 4).await;
    assert_eq!(rig.stream().await.duplicates(), 2);
    assert_delivered(&rig).await;
}
