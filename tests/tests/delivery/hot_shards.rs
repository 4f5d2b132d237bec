//! Records of one key are more than their shard takes, so that some wait for a later window: whatever ends the run meanwhile, every
//! row is accounted for. How far others get past them is shown by `cargo xtask bench shards`.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{RunKind, RunState};
use runner::RunOptions;
use serde_json::json;
use simulator::Limits;
use testkit::oracle::sums;
use testkit::rig::{Rig, STREAM};
use tokio_util::sync::CancellationToken;

use crate::rows::assert_delivered;

const MESSAGE: &str = r#"{"op": {{ op }}, "key": [{{ row.id }}],
    "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}},
    "row": {"id": {{ row.id }}, "v": {{ row.v }}, "p": {{ row.p }}}}"#;

const ROWS: usize = 6_000;
const HOT: &str = "hot";

/// Of five rows three have the same partition key; the others are for both shards alike. Shards have their limits.
async fn rig(sync: serde_json::Value) -> Rig {
    let setup = format!(
        "create table items (id bigint, v int, p text);
         insert into items select n, n, case when n % 5 < 3 then '{HOT}' else 'k' || n end from generate_series(1, {ROWS}) n"
    );
    let mut definition = json!({
        "model": {"query": "select id, v, p from items", "key": ["id"]},
        "sync": {"message": {"json": MESSAGE}, "partition_key": {"column": "p"}},
    });
    definition["sync"].as_object_mut().unwrap().extend(sync.as_object().unwrap().clone());
    let mut rig = Rig::start(&setup, definition).await;
    rig.simulator.set_limits(Limits::default());
    rig.worker.settings.window.time = Duration::from_millis(500);
    // Throttled records are tried until there is room for them.
    rig.worker.settings.puts.retry.max_attempts = 100;
    rig.worker.settings.puts.retry.max_backoff = Duration::from_millis(500);
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_arrives_once_beside_a_hot_shard() {
    let rig = rig(json!({})).await;
    let report = rig.run().await;
    assert_eq!((report.state, report.counts.delivered), (RunState::Succeeded, ROWS as u64));
    assert_eq!((rig.records().len(), rig.stream().await.duplicates()), (ROWS, 0));
    assert_delivered(&rig).await;
    assert_eq!(rig.log_faults().await, Vec::<String>::new());

    assert_eq!(rig.run().await.counts.planned, 0);
}

/// The moment at which what waited has to wait no more is tried in the runner's own tests: a whole run seldom meets it.
#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_a_skewed_table_arrives_once_where_there_are_no_limits() {
    let rig = rig(json!({})).await;
    rig.simulator.set_limits(Limits::off());
    rig.sql(
        "insert into items select id + 6000, v, p from items; insert into items select id + 12000, v, p from items",
    )
    .await;
    let report = rig.run().await;
    assert_eq!((report.state, report.counts.delivered), (RunState::Succeeded, 24_000));
    assert_eq!((rig.records().len(), rig.stream().await.duplicates()), (24_000, 0));
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_leaves_what_waits_for_its_shard_deferred_and_the_next_run_sends_it() {
    let rig = rig(json!({})).await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let cancel = CancellationToken::new();
    let cancels = async {
        rig.simulator.wait_for_records(STREAM, 3_500).await;
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(rig.try_work(&rig.worker, &cancel), cancels);
    let report = report.unwrap();
    let (sent, counts) = (rig.records().len() as u64, report.counts);
    assert_eq!(report.state, RunState::Cancelled);
    // A row whose last put was throttled when the run was cancelled is told as rejected, and is as pending as the others.
    let pending = counts.deferred + counts.rejected;
    assert_eq!((counts.delivered, pending, counts.unanswered), (sent, ROWS as u64 - sent, 0));
    let codes = rig.worker.scope.tallies(report.run).await.unwrap().rejections;
    assert!(codes.keys().all(|code| code.contains("Throughput")), "{codes:?}");
    assert_eq!(sums(&serde_json::to_value(counts).unwrap()), Vec::<String>::new());
    // Those that were not come to are told too, each once.
    let log = rig.log().await;
    let told: BTreeSet<_> = log.rows.iter().map(|row| &row.key).collect();
    assert_eq!((log.rows.len(), told.len()), (ROWS, ROWS));

    let next = rig.run().await;
    assert_eq!((next.state, next.counts.delivered), (RunState::Succeeded, ROWS as u64 - sent));
    assert_eq!((rig.records().len(), rig.stream().await.duplicates()), (ROWS, 0));
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_nothing_of_what_waits_for_its_shard() {
    let mut rig = rig(json!({})).await;
    rig.worker.settings.window.records = 2_000;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let ended = rig.work_until(rig.simulator.wait_for_records(STREAM, 3_500)).await;
    assert!(ended.is_none(), "{ended:?}");
    rig.end_lease().await;
    let report = rig.work().await;
    assert_eq!(report.state, RunState::Succeeded);
    let duplicates = rig.stream().await.duplicates();
    assert!(duplicates <= 2_000 && rig.records().len() == ROWS + duplicates, "{duplicates}");
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_every_message_that_shares_a_record() {
    let mut rig = rig(json!({"aggregate": true})).await;
    // So large that a shard takes some hundred of them in a second.
    rig.sql("alter table items add pad text; update items set pad = repeat(md5(id::text), 60)").await;
    rig.set("/model/query", json!("select id, v, p, pad from items")).await;
    rig.set("/sync/message", json!({"json": MESSAGE.replace("\"p\":", "\"pad\": {{ row.pad }}, \"p\":")})).await;
    let report = rig.run().await;
    assert_eq!((report.state, report.counts.delivered), (RunState::Succeeded, ROWS as u64));
    assert_eq!(rig.stream().await.duplicates(), 0);
    assert_delivered(&rig).await;
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}
