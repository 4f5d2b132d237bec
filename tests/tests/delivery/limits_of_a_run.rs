//! What an operator allows a run: rows, scratch, time, secrets of the machine, endpoints.

use std::time::Duration;

use domain::{RunKind, RunState};
use runner::{Report, RunLimits, RunOptions};
use simulator::Effect;
use testkit::oracle::sums;
use testkit::rig::Rig;

use crate::rows::{assert_delivered, puts, rig};

/// Ended as failed for this reason, with sums that hold; the text for people.
fn failed(report: &Report, code: &str) -> String {
    let reason = report.reason.clone().unwrap();
    assert_eq!((report.state, reason.code.as_str()), (RunState::Failed, code), "{reason:?}");
    assert_eq!(sums(&serde_json::to_value(report.counts).unwrap()), Vec::<String>::new());
    reason.text
}

fn limit(rig: &mut Rig, limits: RunLimits) {
    rig.worker.settings.limits = limits;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_with_more_rows_than_a_run_may_read_fails_before_anything_is_sent() {
    let mut rig = rig(10).await;
    limit(&mut rig, RunLimits { rows: Some(9), ..RunLimits::default() });
    let text = failed(&rig.run().await, "too-many-rows");
    assert!(text.contains("9 rows") && text.contains("narrow the model"), "{text}");
    assert_eq!(rig.records().len(), 0);
    limit(&mut rig, RunLimits { rows: Some(10), ..RunLimits::default() });
    assert_eq!(rig.run().await.counts.delivered, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_needs_more_scratch_than_a_run_may_take_fails_before_anything_is_sent() {
    let mut rig = rig(20_000).await;
    limit(&mut rig, RunLimits { spilled_bytes: Some(50_000), ..RunLimits::default() });
    let text = failed(&rig.run().await, "too-many-bytes");
    assert!(text.contains("50000 bytes") && text.contains("fewer rows"), "{text}");
    assert_eq!(rig.records().len(), 0);
    // The operator's own limit is smaller: it is not the workspace's to be told of a quota.
    limit(&mut rig, RunLimits { spilled_bytes: Some(60_000), ..RunLimits::default() });
    rig.worker.settings.scratch_bytes = 50_000;
    failed(&rig.run().await, "scratch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_takes_longer_than_a_run_may_take_is_given_up() {
    let mut rig = rig(3).await;
    rig.sql("begin; lock table items in access exclusive mode").await;
    limit(&mut rig, RunLimits { time: Some(Duration::from_millis(1500)), ..RunLimits::default() });
    let text = failed(&rig.run().await, "took-too-long");
    assert!(text.contains("than the 1.5 s"), "{text}");
    rig.sql("rollback").await;
    limit(&mut rig, RunLimits::default());
    assert_eq!(rig.run().await.counts.delivered, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_when_the_time_of_a_run_is_over_is_kept() {
    let mut rig = rig(400).await;
    rig.worker.settings.window.records = 2;
    // A put takes so long that the run would need twice its time.
    puts(&rig, 1_000, Effect::Latency { ms: 20 });
    limit(&mut rig, RunLimits { time: Some(Duration::from_secs(2)), ..RunLimits::default() });
    let report = rig.run().await;
    failed(&report, "took-too-long");
    let sent = rig.records().len();
    assert!(sent < 400, "the run was over before its time");
    assert_eq!(report.counts.delivered, sent as u64);
    limit(&mut rig, RunLimits::default());
    rig.worker.settings.window.records = 50_000;
    assert_eq!(rig.run().await.counts.delivered, 400 - sent as u64);
    assert_eq!(rig.stream().await.duplicates(), 0);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_run_goes_on_over_its_attempts() {
    let mut rig = rig(3).await;
    rig.sql("begin; lock table items in access exclusive mode").await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let claimed = async {
        let deadline = testkit::rig::Deadline::new("the run to start");
        while rig.store_query("select 1 from run where state = 'running'").await.is_empty() {
            deadline.pause().await;
        }
    };
    assert!(rig.work_until(claimed).await.is_none());
    rig.end_lease().await;
    rig.store_query("update run set started_at = started_at - interval '1 hour'").await;
    rig.sql("rollback").await;
    limit(&mut rig, RunLimits { time: Some(Duration::from_secs(3000)), ..RunLimits::default() });
    failed(&rig.work().await, "took-too-long");
    assert_eq!(rig.records().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_reads_no_secret_from_its_own_environment_or_files() {
    let mut rig = rig(3).await;
    rig.worker.settings.secrets = None;
    let text = failed(&rig.run().await, "credentials");
    assert!(text.contains("environment variable") && text.contains("store the secret"), "{text}");
    rig.set("/source/postgres/url", serde_json::json!({"file": "/etc/hostname"})).await;
    let text = failed(&rig.run().await, "credentials");
    assert!(text.contains("the file names") && !text.contains("/etc"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_the_operator_does_not_allow_is_never_called() {
    let mut rig = rig(3).await;
    rig.worker.settings.endpoint_override = false;
    let text = failed(&rig.run().await, "configuration");
    assert!(text.contains("names an endpoint"), "{text}");
    assert!(rig.simulator.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_the_operator_does_not_allow_is_not_connected_to() {
    let mut rig = rig(3).await;
    let public = domain::egress::EgressPolicy::default();
    let local = public.clone().allow("127.0.0.0/8".parse().unwrap());
    rig.worker.settings.egress = public;
    failed(&rig.run().await, "destination");
    assert!(rig.simulator.calls().is_empty());
    // Now the stream's address is allowed, and the source's socket is not.
    rig.worker.settings.egress = local;
    failed(&rig.run().await, "source");
}
