//! P4: versions of one key enter the stream in the order of the runs.

use std::time::Duration;

use domain::{RunKind, RunState};
use runner::{Error, RunOptions};
use serde_json::json;
use simulator::{Effect, LateAnswer, Operation};
use testkit::rig::Deadline;
use tokio_util::sync::CancellationToken;

use crate::rows::{arrived, assert_delivered, puts, rig, tries};

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_newer_version_waits_until_an_unanswered_put_of_an_older_one_has_settled() {
    let mut rig = rig(1).await;
    rig.run().await;
    rig.worker.settings.settling = Duration::from_secs(2);
    // Refused by the connection, applied 300 ms later: as late as an old version can come.
    puts(&rig, tries(&rig), Effect::ApplyLater { delay_ms: 300, answer: LateAnswer::Reset });
    rig.sql("update items set v = 2").await;
    assert_eq!(rig.run().await.counts.unanswered, 1);
    rig.sql("update items set v = 3").await;
    let report = rig.run().await;
    assert_eq!((report.counts.deferred, report.counts.delivered), (1, 0));
    let (follow_up, due) = report.follow_up.expect("a run that follows by itself");
    assert!(due > rig.now().await - 2_000);
    assert_eq!(rig.follow_up_due().await, follow_up);
    let report = rig.work().await;
    assert_eq!((report.run, report.counts.delivered), (follow_up, 1));
    let values: Vec<_> = arrived(&rig, 1).into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, [json!(1), json!(2), json!(2), json!(2), json!(3)]);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_what_a_dead_attempt_had_put_settles_from_the_claim_that_finds_it() {
    let mut rig = rig(1).await;
    rig.run().await;
    rig.worker.settings.settling = Duration::from_secs(1);
    rig.sql("update items set v = 2").await;
    puts(&rig, 1, Effect::ApplyLater { delay_ms: 300, answer: LateAnswer::Nothing });
    let calls = rig.simulator.calls_of(Operation::PutRecords);
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let crashed = rig.work_until(rig.simulator.wait_for_calls(Operation::PutRecords, calls + 1)).await;
    assert!(crashed.is_none());
    rig.sql("update items set v = 3").await;
    rig.end_lease().await;
    let report = rig.work().await;
    assert_eq!((report.counts.deferred, report.counts.delivered), (1, 0), "the put of the dead may still come");
    rig.follow_up_due().await;
    assert_eq!(rig.work().await.counts.delivered, 1);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_worker_that_cannot_renew_its_lease_puts_nothing_after_another_one_has_begun() {
    let mut rig = rig(40).await;
    rig.worker.settings.window.records = 1;
    let mut first = rig.worker.clone();
    first.settings.lease = Duration::from_secs(2);
    first.settings.puts.concurrency = 1;
    let second = rig.second_worker().await;
    // Slow, so that the lease of the first one ends in the middle.
    rig.simulator.faults([simulator::Rule::on(Operation::PutRecords, Effect::Latency { ms: 60 })]);
    let run = rig.request(RunKind::Normal, RunOptions::default()).await.uuid();
    let cancel = CancellationToken::new();
    let take_over = async {
        let deadline = Deadline::new("two puts of the first worker, which lost its lease before them if it was slow");
        while rig.simulator.calls_of(Operation::PutRecords) < 2 {
            deadline.pause().await;
        }
        // The row stays locked until the lease has ended, so that nobody renews it.
        rig.store_query("begin").await;
        rig.store_query(&format!("select 1 from run where id = '{run}' for update")).await;
        let over = format!("select 1 from run where id = '{run}' and lease_until <= clock_timestamp()");
        let deadline = Deadline::new("a lease to end");
        while rig.store_query(&over).await.is_empty() {
            deadline.pause().await;
        }
        let stopped = rig.simulator.calls_of(Operation::PutRecords);
        rig.store_query("rollback").await;
        (stopped, rig.try_work(&second, &CancellationToken::new()).await.unwrap())
    };
    let (first, (_, report)) = tokio::join!(rig.try_work(&first, &cancel), take_over);
    assert!(matches!(first, Err(Error::LeaseLost | Error::Store(_))), "{first:?}");
    assert_eq!(report.state, RunState::Succeeded);
    assert!(rig.stream().await.duplicates() <= 1);
    assert_delivered(&rig).await;
}
