//! Runs with an answer that crash or fail before they are over.

use domain::{RunKind, RunState};
use runner::{Answer, Report};
use serde_json::json;
use simulator::{Effect, Operation, Rule};
use testkit::oracle::{Stream, differences};
use testkit::rig::Rig;
use tokio_util::sync::CancellationToken;

use super::super::guards::{ended, is_done, said_after, sent, succeeds};
use super::{OTHER_STREAM, WIDE_MESSAGE, answered, each, wide};

/// Crashes in the middle of sending; another worker goes on with the run.
async fn crash_and_take_over(rig: &mut Rig, answer: Answer, calls: u64) -> Report {
    rig.worker.settings.window.records = 2;
    rig.request(RunKind::Normal, answered(answer)).await;
    let before = rig.simulator.calls_of(Operation::PutRecords);
    let crash = rig.simulator.wait_for_calls(Operation::PutRecords, before + calls);
    assert!(rig.work_until(crash).await.is_none(), "the run ended before the crash");
    rig.end_lease().await;
    let second = rig.second_worker().await;
    let report = rig.try_work(&second, &CancellationToken::new()).await.unwrap();
    ended(rig, report, RunState::Succeeded).await
}

#[tokio::test]
async fn p1_a_take_over_of_a_run_with_an_answer_does_the_same() {
    for (pointer, value) in [("/model/query", json!("select * from items where true")), ("/model/key", json!(["code"]))]
    {
        let mut rig = wide(20).await;
        rig.set(pointer, value).await;
        crash_and_take_over(&mut rig, Answer::SendAll, 3).await;
        let mut keys: Vec<_> = rig.messages()[20..].iter().filter_map(|m| m["key"][0].as_i64()).collect();
        // At most one window of two is sent twice.
        assert!((20..=22).contains(&keys.len()), "{keys:?}");
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys, (1..=20).collect::<Vec<_>>());
        rig.settled().await;
        is_done(&rig).await;
    }
}

#[tokio::test]
async fn p1_a_take_over_of_a_run_that_begins_anew_in_another_stream_does_the_same() {
    let mut rig = sent(20).await;
    rig.simulator.create_stream(OTHER_STREAM, 1).unwrap();
    rig.sql("delete from items where id = 20").await;
    rig.set("/sync/stream", json!(OTHER_STREAM)).await;
    let report = crash_and_take_over(&mut rig, Answer::SendAll, 3).await;
    assert_eq!(report.counts.removed, 0);
    let stream = Stream::read(rig.simulator.endpoint(), OTHER_STREAM).await.unwrap();
    assert_eq!(stream.faults(true), Vec::<String>::new());
    assert_eq!(differences(&stream.by_sequence(), &rig.model().await), Default::default());
    assert!(stream.duplicates() <= 2, "at most one window of two is sent twice");
    rig.settled().await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p1_a_take_over_of_a_run_with_only_future_does_the_same() {
    let mut rig = wide(20).await;
    rig.sql("update items set v = 'x' where id <= 10").await;
    rig.set("/sync/message/json", json!(WIDE_MESSAGE)).await;
    crash_and_take_over(&mut rig, Answer::OnlyFuture, 2).await;
    let keys = said_after(&rig, 20);
    assert!((10..=12).contains(&keys.len()), "{keys:?}");
    let mut once = keys;
    once.dedup();
    assert_eq!(once, each("changed", 10));
    rig.settled().await;
    is_done(&rig).await;
}

/// The objects cannot be written any more once some windows were put: the run fails in the middle.
#[tokio::test]
async fn p1_an_answer_to_send_all_survives_a_run_that_failed_in_the_middle() {
    let mut rig = sent(30).await;
    rig.worker.settings.window.records = 2;
    rig.set("/model/query", json!("select id, v from items where true")).await;
    rig.request(RunKind::Normal, answered(Answer::SendAll)).await;
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::Latency { ms: 30 })]);
    let before = rig.simulator.calls_of(Operation::PutRecords);
    let (objects, aside) = (rig.worker.settings.objects.clone(), rig.home.path().join("aside"));
    let spoil = async {
        rig.simulator.wait_for_calls(Operation::PutRecords, before + 2).await;
        std::fs::rename(&objects, &aside).unwrap();
        std::fs::write(&objects, "not a folder").unwrap();
    };
    let ((), report) = tokio::join!(spoil, rig.work());
    let report = ended(&rig, report, RunState::Failed).await;
    assert!(report.counts.delivered > 0 && report.counts.deferred > 0, "{report:?}");
    std::fs::remove_file(&objects).unwrap();
    std::fs::rename(&aside, &objects).unwrap();
    rig.simulator.clear_faults();
    rig.settled().await;
    // The configuration was taken up, so nothing asks again; what was not sent is still due.
    succeeds(&rig).await;
    let mut keys: Vec<_> = said_after(&rig, 30).into_iter().map(|(_, key)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys, (1..=30).collect::<Vec<_>>());
    is_done(&rig).await;
}
