//! A model that is read through several connections at once is delivered as through one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use domain::{RunKind, RunState};
use runner::{Error, Reporter, RunLimits, RunOptions};
use serde_json::{Value as Json, json};
use testkit::rig::{Deadline, Rig};
use tokio_util::sync::CancellationToken;

use crate::messages::{is_whole, stream_is_right_from_empty, sync_of};

/// Rows that are new, keys with a null, and keys of two rows.
const SETUP: &str = "create table items (id bigint, v bigint);
    insert into items select g, 0 from generate_series(1, 1200) g;
    insert into items select g, 1 from generate_series(100, 1200, 100) g;
    insert into items values (null, 0), (null, 1), (null, 0)";
const EDIT: &str = "update items set v = 2 where id % 50 = 1; delete from items where id % 1000 = 7;
    insert into items select g, 0 from generate_series(3001, 3010) g;
    insert into items values (8, 0), (null, 2)";

async fn through(connections: u32) -> Rig {
    let mut sync = sync_of("select id, v from items");
    sync["model"]["connections"] = json!(connections);
    Rig::start(SETUP, sync).await
}

/// What the stream was told, whatever the order and the ids of events.
fn told(rig: &Rig) -> Vec<String> {
    let told = |mut message: Json| {
        message.as_object_mut().unwrap().remove("event");
        message.to_string()
    };
    let mut all: Vec<_> = rig.messages().into_iter().map(told).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_rows_are_told_right_through_any_number_of_connections() {
    for connections in [2, 5] {
        let (one, several) = (through(1).await, through(connections).await);
        for edit in ["", EDIT, ""] {
            let mut reports = Vec::new();
            for rig in [&one, &several] {
                rig.sql(edit).await;
                let report = rig.run().await;
                is_whole(&report);
                let tallies = rig.worker.scope.tallies(report.run).await.unwrap().invalid_rows;
                reports.push((report.counts, tallies));
            }
            assert_eq!(reports[0], reports[1], "{connections} connections");
            assert_eq!(told(&one), told(&several), "{connections} connections");
        }
        stream_is_right_from_empty(&several).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_elements_are_told_right_through_several_connections() {
    let mut sync = sync_of("select id, tags from items");
    sync["model"]["connections"] = json!(3);
    sync["sync"]["fan_out"] = json!({"column": "tags"});
    sync["sync"]["message"] = json!({"json": r#"{"op": {{ op }}, "id": {{ row.id }}, "tag": {{ element | json }}}"#});
    let rig = Rig::start(
        "create table items (id bigint primary key, tags text[]);
         insert into items select g, array['a' || g, 'b'] from generate_series(1, 1000) g",
        sync,
    )
    .await;
    is_whole(&rig.run().await);
    assert_eq!(rig.records().len(), 2_000);
    rig.sql("update items set tags = tags || array['c'] where id % 100 = 0; delete from items where id = 1").await;
    let report = rig.run().await;
    is_whole(&report);
    assert_eq!((report.counts.added, report.counts.removed, report.counts.unchanged), (10, 2, 1_998));
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_connection_that_fails_fails_the_run_and_takes_nothing_for_removed() {
    // So long that a connection is stopped while it reads.
    let mut sync = sync_of("select id, 6 / v as v, repeat('x', 3000) as pad from items");
    sync["model"]["connections"] = json!(4);
    sync["sync"]["first_run"] = json!("only-future");
    let setup = "create table items (id bigint primary key, v int); insert into items select g, 2 from generate_series(1, 3000) g";
    let mut rig = Rig::start(setup, sync).await;
    is_whole(&rig.run().await);
    rig.sql("update items set v = 0 where id = 1234").await;
    let failed = rig.run().await;
    let reason = failed.reason.clone().unwrap();
    assert_eq!((failed.state, reason.code.as_str()), (RunState::Failed, "source"), "{reason:?}");
    assert!(reason.text.contains("division by zero"), "{reason:?}");
    assert_eq!((failed.counts.removed, rig.records().len()), (0, 0));
    rig.sql("update items set v = 3 where id = 1234").await;
    rig.worker.settings.limits = RunLimits { rows: Some(2_000), ..RunLimits::default() };
    let refused = rig.run().await;
    assert_eq!((refused.state, refused.reason.unwrap().code.as_str()), (RunState::Failed, "too-many-rows"));
    rig.worker.settings.limits = RunLimits::default();
    let again = rig.run().await;
    is_whole(&again);
    assert_eq!((again.counts.planned, again.counts.unchanged), (1, 2_999));
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_rows_that_find_no_scratch_space_end_the_reading_through_all_connections() {
    let mut sync = sync_of("select id, v, repeat('x', 3000) as pad from items");
    sync["model"]["connections"] = json!(3);
    sync["sync"]["first_run"] = json!("only-future");
    let setup = "create table items (id bigint primary key, v int); insert into items select g, 2 from generate_series(1, 3000) g";
    let mut rig = Rig::start(setup, sync).await;
    is_whole(&rig.run().await);
    rig.sql("update items set v = 3 where id = 1234").await;
    let enough = std::mem::replace(&mut rig.worker.settings.scratch_bytes, 1_000_000);
    let failed = rig.run().await;
    let reason = failed.reason.clone().unwrap();
    assert_eq!((failed.state, reason.code.as_str()), (RunState::Failed, "scratch"), "{reason:?}");
    assert_eq!((failed.counts.removed, rig.records().len()), (0, 0));
    nobody_reads(&rig).await;
    rig.worker.settings.scratch_bytes = enough;
    let again = rig.run().await;
    is_whole(&again);
    assert_eq!((again.counts.planned, again.counts.unchanged), (1, 2_999));
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_worker_that_lost_its_lease_while_it_read_ends_all_connections_and_another_tells_all() {
    // For the first worker, the first row takes longer than this test may.
    let mut sync = sync_of("select id, v, (select pg_sleep(seconds)::text from pace) as slow from items");
    sync["model"]["connections"] = json!(3);
    let setup = "create table pace (seconds float); insert into pace values (3600);
        create table items (id bigint, v bigint); insert into items select g, 0 from generate_series(1, 200) g";
    let mut rig = Rig::start(setup, sync).await;
    rig.worker.settings.lease = Duration::from_secs(3);
    let second = rig.second_worker().await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let reporter = Reporter::default();
    let first = async {
        let lost = Box::pin(rig.worker.execute(rig.sync, &reporter, CancellationToken::new())).await;
        assert!(matches!(&lost, Err(Error::LeaseLost | Error::Store(store::Error::Fenced { .. }))), "{lost:?}");
    };
    let takes_over = async {
        let deadline = Deadline::new("three connections to read");
        while reading(&rig).await < 3 {
            deadline.pause().await;
        }
        rig.sql("update pace set seconds = 0").await;
        rig.taken_over_by(&second).await
    };
    let ((), report) = tokio::join!(first, takes_over);
    is_whole(&report);
    assert_eq!((report.counts.delivered, rig.records().len()), (200, 200));
    nobody_reads(&rig).await;
}

async fn nobody_reads(rig: &Rig) {
    let deadline = Deadline::new("queries of a run that has ended to end");
    while reading(rig).await > 0 {
        deadline.pause().await;
    }
}

/// How many connections read a model.
async fn reading(rig: &Rig) -> i64 {
    let query = "select count(*) from pg_stat_activity
        where datname = current_database() and state = 'active' and query ilike 'copy%'";
    rig.query(query).await[0].get(0)
}
