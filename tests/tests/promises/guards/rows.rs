//! Rows that cannot be read, told apart or sent.

use domain::RunState;
use serde_json::json;
use simulator::{Effect, Operation, Rule, Selection};
use testkit::rig::Rig;

use super::{code, definition, ended, is_done, said_after, says, sent, succeeds, tells_the_model, text};

#[tokio::test]
async fn p6_a_query_that_fails_in_its_last_row_sends_and_removes_nothing() {
    let mut definition = definition();
    definition["model"]["query"] = json!("select id, (10 / d)::text as v from items order by id");
    let setup = "create table items (id bigint, d int); insert into items select g, 1 from generate_series(1, 2000) g";
    let rig = Rig::start(setup, definition).await;
    let spoil = "update items set d = 0 where id = 2000";
    let mend = "update items set d = 5 where id = 2000";
    for rows in [0, 2000] {
        rig.sql(spoil).await;
        let report = ended(&rig, rig.run().await, RunState::Failed).await;
        assert_eq!(code(&report), "source");
        assert!(text(&report).contains("division by zero"), "{report:?}");
        assert_eq!(rig.records().len(), rows);
        rig.sql(mend).await;
        succeeds(&rig).await;
        tells_the_model(&rig).await;
        is_done(&rig).await;
        rig.sql("delete from items where id = 1; update items set d = 2 where id = 2").await;
    }
    assert_eq!(said_after(&rig, 2000), says(&[("changed", 2), ("removed", 1)]));
}

#[tokio::test]
async fn p6_held_duplicate_keys_are_neither_changed_nor_removed_and_come_back_right() {
    let rig = sent(20).await;
    rig.sql("update items set v = 'other' where id = 2; insert into items values (1, 'v1'), (2, 'v2'), (3, 'x'), (21, 'a'), (21, 'b')")
        .await;
    // Four keys of twenty-one: more than three, less than a fifth.
    let report = succeeds(&rig).await;
    assert_eq!((report.counts.invalid, report.counts.unchanged, report.counts.planned), (8, 17, 0));
    let rejected = rig.store_query("select count(*) from invalid_row where key is not null").await;
    assert_eq!(rejected[0].get::<_, i64>(0), 8);
    // 1 as it was, 2 with the other value, 3 gone, 21 for the first time.
    rig.sql("delete from items where ctid in (select max(ctid) from items where id = 1)").await;
    rig.sql(
        "delete from items where id = 2 and v = 'v2'; delete from items where id = 3; delete from items where v = 'a'",
    )
    .await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 20), says(&[("added", 21), ("changed", 2), ("removed", 3)]));
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

/// A sync whose messages may be no longer than 400 bytes, with so many rows of which every nth is longer.
async fn too_long(rows: u32, nth: u32) -> Rig {
    let mut definition = definition();
    definition["sync"]["limits"] = json!({"record_bytes": 400});
    let setup = format!(
        "create table items (id bigint, v text);
         insert into items select g, repeat('x', case when g % {nth} = 0 then 500 else 1 end)
         from generate_series(1, {rows}) g"
    );
    Rig::start(&setup, definition).await
}

#[tokio::test]
async fn p6_a_run_stops_when_more_than_half_of_its_first_thousand_records_are_rejected() {
    let rig = too_long(3000, 1).await;
    let report = ended(&rig, rig.run().await, RunState::Stopped).await;
    assert_eq!(code(&report), "too-many-rejections");
    assert_eq!(rig.records().len(), 0);
    assert!(report.counts.deferred >= 1000, "{report:?}");
    rig.sql("update items set v = 'short'").await;
    assert_eq!(succeeds(&rig).await.counts.delivered, 3000);
    tells_the_model(&rig).await;
}

#[tokio::test]
async fn p6_rejections_of_a_third_of_the_records_do_not_stop_a_run() {
    let mut rig = too_long(2400, 3).await;
    // The good ones of a window count beside the bad ones that were found while it was made.
    rig.worker.settings.window.records = 600;
    let report = succeeds(&rig).await;
    assert_eq!((report.counts.delivered, report.counts.rejected), (1600, 800));
}

#[tokio::test]
async fn p6_records_that_the_stream_refuses_for_themselves_stop_a_run() {
    let rig = too_long(2500, 100_000).await;
    rig.simulator
        .faults([Rule::on(Operation::PutRecords, Effect::fail_records("KMSDisabledException", Selection::All))]);
    let report = ended(&rig, rig.run().await, RunState::Stopped).await;
    assert_eq!(code(&report), "too-many-rejections");
    assert!(report.counts.deferred >= 1000, "{report:?}");
    rig.simulator.clear_faults();
    assert_eq!(succeeds(&rig).await.counts.delivered, 2500);
    tells_the_model(&rig).await;
}
