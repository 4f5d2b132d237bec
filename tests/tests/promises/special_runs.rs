//! First runs, resets, resyncs, triggers, and runs that are cut off: what was acknowledged is kept, the rest stays due.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use domain::{RunKind, RunState};
use runner::{Error, Executed, Report, Reporter, RunOptions};
use serde_json::{Value as Json, json};
use simulator::{Effect, LateAnswer, Operation, Rule};
use testkit::oracle::sums;
use testkit::rig::Rig;
use tokio_util::sync::CancellationToken;

use crate::messages::{is_whole, items, stream_is_right, stream_is_right_from_empty, told};

fn puts(rig: &Rig) -> u64 {
    rig.simulator.calls_of(Operation::PutRecords)
}

/// Operations told of one key.
fn ops(rig: &Rig, key: u64) -> Vec<String> {
    told(rig, key).iter().map(|message| message["op"].as_str().unwrap().to_owned()).collect()
}

async fn run_of(rig: &Rig, kind: RunKind) -> Report {
    rig.run_of(kind, RunOptions::default()).await
}

/// Requests a run and cancels it when so many puts have arrived.
async fn cancelled_after(rig: &Rig, kind: RunKind, more: u64) -> Report {
    rig.request(kind, RunOptions::default()).await;
    let cancel = CancellationToken::new();
    let (ended, ()) = tokio::join!(rig.try_work(&rig.worker, &cancel), async {
        rig.simulator.wait_for_calls(Operation::PutRecords, puts(rig) + more).await;
        cancel.cancel();
    });
    let report = ended.unwrap();
    report.counts.check().unwrap();
    assert_eq!(report.state, RunState::Cancelled, "{report:?}");
    report
}

/// Requests a run and drops it when so many puts have arrived; another attempt may begin at once.
async fn crashed_after(rig: &Rig, kind: RunKind, more: u64) {
    rig.request(kind, RunOptions::default()).await;
    let ended = rig.work_until(rig.simulator.wait_for_calls(Operation::PutRecords, puts(rig) + more)).await;
    assert!(ended.is_none(), "{ended:?}");
    rig.end_lease().await;
}

async fn first_run_done(rig: &Rig) -> bool {
    rig.worker.scope.sync_state(rig.sync).await.unwrap().first_run_done
}

async fn resync_epoch(rig: &Rig) -> Option<u64> {
    rig.worker.scope.sync_state(rig.sync).await.unwrap().resync_epoch
}

/// The sequence of each key's newest message.
async fn lowest_sequence(rig: &Rig) -> u64 {
    rig.stream().await.by_sequence().values().map(|message| message.sequence).min().unwrap()
}

#[tokio::test]
async fn p1_a_first_run_that_sends_all_adds_every_row() {
    let rig = items(20).await;
    let report = rig.run().await;
    is_whole(&report);
    assert_eq!((report.counts.added, report.counts.delivered), (20, 20));
    assert!(first_run_done(&rig).await && resync_epoch(&rig).await.is_none());
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p1_a_first_run_for_future_changes_sends_nothing_and_later_changes_are_told_from_it() {
    let mut rig = items(20).await;
    rig.set("/sync/first_run", json!("only-future")).await;
    let report = rig.run().await;
    is_whole(&report);
    assert_eq!((report.counts.planned, report.counts.not_wanted, puts(&rig)), (0, 20, 0));
    assert!(first_run_done(&rig).await);
    rig.sql(
        "update items set v = 2 where id = 1; delete from items where id = 2; insert into items values (21, 1, 'w')",
    )
    .await;
    is_whole(&rig.run().await);
    assert_eq!(
        (ops(&rig, 1), ops(&rig, 2), ops(&rig, 21)),
        (vec!["changed".into()], vec!["removed".into()], vec!["added".into()])
    );
    assert_eq!((&told(&rig, 1)[0]["previous"]["v"], &told(&rig, 2)[0]["row"]["w"]), (&json!(1), &json!("w")));
    assert_eq!(rig.records().len(), 3);
}

#[tokio::test]
async fn p1_a_first_run_that_is_interrupted_goes_on_until_it_ends_whole() {
    let mut rig = items(30).await;
    rig.worker.settings.window.records = 4;
    // A crash: the same run goes on, with the rows as they are by then.
    crashed_after(&rig, RunKind::Normal, 3).await;
    rig.sql("delete from items where id = 1; insert into items values (31, 1, 'w')").await;
    // A cancel in its second attempt.
    let cancel = CancellationToken::new();
    let (ended, ()) = tokio::join!(rig.try_work(&rig.worker, &cancel), async {
        rig.simulator.wait_for_calls(Operation::PutRecords, puts(&rig) + 2).await;
        cancel.cancel();
    });
    assert_eq!(ended.unwrap().state, RunState::Cancelled);
    assert!(!first_run_done(&rig).await && resync_epoch(&rig).await.is_some());
    // No trigger holds back what a first run owes. A failed query leaves it where it was.
    rig.set("/sync/triggers", json!({"added": false, "changed": false, "removed": true})).await;
    rig.sql("alter table items rename to hidden").await;
    assert_eq!(rig.run().await.state, RunState::Failed);
    assert!(!first_run_done(&rig).await);
    rig.sql("alter table hidden rename to items").await;
    rig.settled().await;
    is_whole(&rig.run().await);
    assert!(first_run_done(&rig).await && resync_epoch(&rig).await.is_none());
    stream_is_right_from_empty(&rig).await;
    // From here on the triggers hold.
    rig.sql("insert into items values (32, 1, 'w')").await;
    let after = rig.run().await;
    assert_eq!((after.counts.added, after.counts.planned), (1, 0));
}

#[tokio::test]
async fn p1_a_first_run_for_future_changes_is_all_or_nothing() {
    let mut rig = items(20).await;
    rig.set("/sync/first_run", json!("only-future")).await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert_eq!(rig.try_work(&rig.worker, &cancel).await.unwrap().state, RunState::Cancelled);
    assert!(!first_run_done(&rig).await);
    let report = rig.run().await;
    assert_eq!((report.counts.not_wanted, report.counts.unchanged, puts(&rig)), (20, 0, 0));
    assert!(first_run_done(&rig).await);
}

#[tokio::test]
async fn p1_a_reset_acknowledges_everything_without_sending_and_a_cancelled_one_nothing() {
    let rig = items(20).await;
    is_whole(&rig.run().await);
    rig.sql("update items set v = 2 where id <= 3; delete from items where id in (4, 5); insert into items values (21, 1, 'w')").await;
    rig.request(RunKind::Baseline, RunOptions::default()).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let cancelled = rig.try_work(&rig.worker, &cancel).await.unwrap();
    cancelled.counts.check().unwrap();
    assert_eq!(cancelled.state, RunState::Cancelled);
    // Nothing was acknowledged: it is all still there to be done.
    let reset = run_of(&rig, RunKind::Baseline).await;
    is_whole(&reset);
    let counts = reset.counts;
    assert_eq!((counts.changed, counts.removed, counts.added), (3, 2, 1));
    assert_eq!((counts.not_wanted, counts.planned, rig.records().len()), (6, 0, 20));
    let after = rig.run().await;
    assert_eq!((after.counts.unchanged, after.counts.planned, after.counts.removed), (19, 0, 0));
    // What comes after is told from the reset on.
    rig.sql("update items set v = 3 where id = 1; insert into items values (4, 9, 'w')").await;
    is_whole(&rig.run().await);
    assert_eq!(told(&rig, 1)[1]["previous"]["v"], json!(2));
    assert_eq!(ops(&rig, 4), ["added", "added"]);
}

#[tokio::test]
async fn p1_a_reset_leaves_what_is_uncertain_as_it_is() {
    let rig = items(3).await;
    is_whole(&rig.run().await);
    rig.sql("update items set v = 2 where id = 1").await;
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::ResetAfter).times(3)]);
    assert_eq!(rig.run().await.counts.unanswered, 1);
    rig.sql("update items set v = 1 where id = 1").await;
    let reset = run_of(&rig, RunKind::Baseline).await;
    reset.counts.check().unwrap();
    assert_eq!(reset.state, RunState::Succeeded);
    // The stream may say v = 2, so it has to hear of v = 1.
    rig.settled().await;
    is_whole(&rig.run().await);
    assert_eq!(told(&rig, 1).last().unwrap()["row"]["v"], json!(1));
    stream_is_right(&rig).await;
}

#[tokio::test]
async fn p1_a_full_resync_sends_every_row_again_and_still_finds_removals() {
    let rig = items(20).await;
    is_whole(&rig.run().await);
    rig.sql(
        "update items set v = 2 where id = 1; delete from items where id = 2; insert into items values (21, 1, 'w')",
    )
    .await;
    let report = run_of(&rig, RunKind::FullResync).await;
    is_whole(&report);
    let counts = report.counts;
    assert_eq!((counts.repeated, counts.changed, counts.added, counts.removed), (18, 1, 1, 1));
    assert_eq!((counts.delivered, rig.records().len()), (21, 41));
    assert_eq!(
        (ops(&rig, 2), ops(&rig, 3)),
        (vec!["added".to_owned(), "removed".into()], vec!["added".into(), "changed".into()])
    );
    assert_eq!(rig.stream().await.duplicates(), 0);
    stream_is_right_from_empty(&rig).await;
    assert!(resync_epoch(&rig).await.is_none());
    assert_eq!(rig.run().await.counts.planned, 0);
}

#[tokio::test]
async fn p1_a_full_resync_that_is_interrupted_goes_on_in_the_next_normal_run() {
    for interrupted in ["crash", "cancel", "query", "rejection"] {
        let mut rig = items(30).await;
        is_whole(&rig.run().await);
        rig.worker.settings.window.records = 4;
        let before = rig.worker.scope.sync_state(rig.sync).await.unwrap().epoch;
        match interrupted {
            "crash" => {
                crashed_after(&rig, RunKind::FullResync, 3).await;
                // Its second attempt is cancelled, so that a run of its own goes on.
                let cancel = CancellationToken::new();
                cancel.cancel();
                assert_eq!(rig.try_work(&rig.worker, &cancel).await.unwrap().state, RunState::Cancelled);
            }
            "cancel" => {
                let report = cancelled_after(&rig, RunKind::FullResync, 3).await;
                assert!(report.counts.delivered < 30);
            }
            "query" => {
                rig.sql("alter table items rename to hidden").await;
                assert_eq!(run_of(&rig, RunKind::FullResync).await.state, RunState::Failed);
                rig.sql("alter table hidden rename to items").await;
            }
            _ => {
                let throttled = Effect::Throttle(simulator::Selection::All);
                rig.simulator.faults([Rule::on(Operation::PutRecords, throttled).partition_key("7")]);
                assert_eq!(run_of(&rig, RunKind::FullResync).await.counts.rejected, 1);
                rig.simulator.clear_faults();
            }
        }
        assert_eq!(resync_epoch(&rig).await, Some(before + 1), "{interrupted}");
        // With triggers off it sends nothing but what the resync owes.
        rig.set("/sync/triggers", json!({"added": false, "changed": false, "removed": true})).await;
        rig.settled().await;
        let report = rig.run().await;
        is_whole(&report);
        assert!(report.counts.delivered > 0, "{interrupted}");
        assert!(lowest_sequence(&rig).await > before, "{interrupted}: a row was not sent again");
        assert_eq!(resync_epoch(&rig).await, None);
        assert_eq!(rig.run().await.counts.planned, 0, "{interrupted}");
        stream_is_right_from_empty(&rig).await;
    }
}

#[tokio::test]
async fn p1_what_a_trigger_that_is_off_lets_pass_is_not_told_when_it_is_on_again() {
    let mut rig = items(10).await;
    is_whole(&rig.run().await);
    rig.set("/sync/triggers", json!({"added": false, "changed": false, "removed": false})).await;
    rig.sql("update items set v = 2 where id = 1; delete from items where id in (2, 3); insert into items values (11, 1, 'w')").await;
    let off = rig.run().await;
    is_whole(&off);
    let counts = off.counts;
    assert_eq!((counts.changed, counts.removed, counts.added, counts.not_wanted), (1, 2, 1, 4));
    assert_eq!((counts.planned, rig.records().len()), (0, 10));
    rig.set("/sync/triggers", json!({"added": true, "changed": true, "removed": true})).await;
    assert_eq!(rig.run().await.counts.planned, 0);
    // From here on everything is told, and from what was acknowledged while nobody heard.
    rig.sql("update items set v = 3 where id in (1, 11); insert into items values (2, 1, 'w'); delete from items where id = 4").await;
    is_whole(&rig.run().await);
    assert_eq!(told(&rig, 1)[1]["previous"]["v"], json!(2));
    assert_eq!((ops(&rig, 11), ops(&rig, 2)), (vec!["changed".to_owned()], vec!["added".into(), "added".into()]));
    assert_eq!((ops(&rig, 4).len(), ops(&rig, 3).len()), (2, 1));
}

#[tokio::test]
async fn p4_a_newer_version_waits_until_the_older_one_can_no_longer_arrive_and_follows_by_itself() {
    let mut rig = items(1).await;
    // Long enough for any machine; the test ends it when it wants to.
    rig.worker.settings.settling = Duration::from_secs(600);
    // Three puts, none of them answered, that are applied when nobody waits any more.
    let late = Effect::ApplyLater { delay_ms: 300, answer: LateAnswer::Reset };
    rig.simulator.faults([Rule::on(Operation::PutRecords, late).times(3)]);
    let first = rig.run().await;
    assert_eq!((first.state, first.counts.unanswered), (RunState::Succeeded, 1), "{first:?}");
    rig.sql("update items set v = 2").await;
    let calls = puts(&rig);
    let second = rig.run().await;
    second.counts.check().unwrap();
    assert_eq!((second.state, second.counts.planned, second.counts.deferred), (RunState::Succeeded, 1, 1));
    assert_eq!(puts(&rig), calls, "nothing newer is put while the older one is in flight");
    let (follow_up, due) = second.follow_up.expect("a run that follows by itself");
    assert!(due > rig.now().await, "and not before the puts have settled");
    // The first version arrives late, three times; then its time is over.
    rig.simulator.wait_for_records(testkit::rig::STREAM, 3).await;
    rig.store_query("update snapshot_window set settles_at = now() - interval '1 ms'").await;
    rig.store_query("update run set due_at = now() where state = 'queued'").await;
    let third = rig.work().await;
    assert_eq!(third.run, follow_up);
    is_whole(&third);
    let versions: Vec<_> = told(&rig, 1).iter().map(|message| message["row"]["v"].clone()).collect();
    assert_eq!(versions, [json!(1), json!(1), json!(1), json!(2)]);
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p4_while_puts_settle_the_same_version_may_be_sent_again() {
    let mut rig = items(1).await;
    rig.worker.settings.settling = Duration::from_secs(600);
    rig.worker.settings.call_timeout = Duration::from_millis(200);
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::Hang).times(3)]);
    let first = rig.run().await;
    assert_eq!(first.counts.unanswered, 1, "{first:?}");
    let second = rig.run().await;
    is_whole(&second);
    assert_eq!((second.counts.delivered, second.counts.deferred, rig.records().len()), (1, 0, 1));
    // The acknowledgement ends the doubt, not the settling of the puts before.
    rig.sql("update items set v = 2").await;
    let third = rig.run().await;
    assert_eq!((third.counts.deferred, rig.records().len()), (1, 1), "{third:?}");
}

#[tokio::test]
async fn p1_p3_a_cancel_keeps_what_was_acknowledged() {
    let mut rig = items(40).await;
    rig.worker.settings.window.records = 5;
    let cancelled = cancelled_after(&rig, RunKind::Normal, 4).await;
    assert!((15..40).contains(&cancelled.counts.delivered), "{cancelled:?}");
    rig.settled().await;
    let rest = rig.run().await;
    is_whole(&rest);
    assert_eq!(rest.counts.planned, 40 - cancelled.counts.delivered);
    assert!(rig.stream().await.duplicates() as u64 <= cancelled.counts.unanswered);
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p4_of_two_workers_on_one_sync_the_second_is_told_that_it_is_busy() {
    let mut rig = items(40).await;
    rig.worker.settings.window.records = 1;
    let second = rig.second_worker().await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let cancel = CancellationToken::new();
    let (ended, ()) = tokio::join!(rig.try_work(&rig.worker, &cancel), async {
        rig.simulator.wait_for_calls(Operation::PutRecords, 1).await;
        let now = rig.now().await;
        let told = Box::pin(second.execute(rig.sync, &Reporter::default(), CancellationToken::new())).await.unwrap();
        assert!(matches!(told, Executed::Busy { lease_until } if lease_until > now), "{told:?}");
    });
    is_whole(&ended.unwrap());
    assert_eq!((rig.records().len(), rig.stream().await.duplicates()), (40, 0));
    let nothing = Box::pin(second.execute(rig.sync, &Reporter::default(), CancellationToken::new())).await.unwrap();
    assert!(matches!(nothing, Executed::Nothing), "{nothing:?}");
}

#[tokio::test]
async fn p1_p3_p4_a_worker_that_lost_its_lease_can_write_nothing_more() {
    let mut rig = items(30).await;
    rig.worker.settings.window.records = 4;
    let second = rig.second_worker().await;
    // The first one's fourth put is never answered. It learns from its next heartbeat that its run is another's.
    rig.worker.settings.lease = Duration::from_secs(3);
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::Hang).skip(3).times(1)]);
    let run = rig.request(RunKind::Normal, RunOptions::default()).await;
    let reporter = Reporter::default();
    let first = Box::pin(rig.worker.execute(rig.sync, &reporter, CancellationToken::new()));
    let takes_over = async {
        rig.simulator.wait_for_calls(Operation::PutRecords, 4).await;
        rig.taken_over_by(&second).await
    };
    let (lost, report) = tokio::join!(first, takes_over);
    assert!(
        matches!(&lost, Err(Error::LeaseLost | Error::Store(store::Error::Fenced { .. }))),
        "it must not end the run, nor go on: {lost:?}"
    );
    assert_eq!((report.run, report.state), (run, RunState::Succeeded));
    let attempts = rig.worker.scope.attempts(run).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.worker.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    for attempt in &attempts {
        assert_eq!(sums(&serde_json::to_value(attempt.counts).unwrap()), Vec::<String>::new());
    }
    let settled: Json = json!(rig.run().await.counts.planned);
    assert_eq!(settled, json!(0), "what the second one acknowledged is all there");
    assert!(rig.stream().await.duplicates() <= 4, "at most the window that was open");
    stream_is_right_from_empty(&rig).await;
}
