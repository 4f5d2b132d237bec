//! One short history for each mistake that `.config/mutants.toml` makes on purpose and that the tests of a single crate
//! cannot see.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use domain::RunState;
use serde_json::{Value, json};
use testkit::rig::Rig;

/// A table without a primary key, so that it can hold a key twice.
async fn rig(rows: u32) -> Rig {
    let setup = format!(
        "create table items (id bigint, body text not null);
         insert into items select n, 'a' from generate_series(1, {rows}) n"
    );
    let message = r#"{ "op": {{ op }}, "id": {{ row.id }}, "body": {{ row.body }}, "event": {{ event.id }} }"#;
    let definition = json!({
        "model": { "query": "select id, body from items", "key": ["id"] },
        "sync": { "message": { "json": message }, "partition_key": { "column": "id" } },
    });
    let rig = Rig::start(&setup, definition).await;
    let report = rig.run().await;
    assert_eq!((report.state, report.counts.delivered), (RunState::Succeeded, u64::from(rows)));
    rig
}

/// P6: a row that cannot be told from another one is held back, and what the stream knows of it stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_there_twice_is_neither_sent_nor_removed() {
    let rig = rig(3).await;
    rig.sql("delete from items where id = 2; insert into items values (2, 'x'), (2, 'y')").await;
    let counts = rig.run().await.counts;
    assert_eq!((counts.invalid, counts.changed, counts.removed, counts.planned), (2, 0, 0, 0));
    rig.sql("delete from items where id = 2; insert into items values (2, 'a')").await;
    assert_eq!(rig.run().await.counts.unchanged, 3, "its entry stayed");
    assert_eq!(rig.records().len(), 3);
}

/// P6: a guard comes before the first record.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_needs_approval_has_sent_nothing() {
    let rig = rig(300).await;
    rig.sql("delete from items where id <= 200; update items set body = 'b'").await;
    let report = rig.run().await;
    assert_eq!((report.state, report.counts.deferred), (RunState::NeedsApproval, 300));
    assert_eq!(rig.records().len(), 300);
}

/// P2: consumers drop records by event.id, so each version has its own, even one whose values were there before.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_comes_back_is_a_new_event() {
    let rig = rig(1).await;
    for body in ["b", "a", "b"] {
        rig.sql(&format!("update items set body = '{body}'")).await;
        assert_eq!(rig.run().await.counts.delivered, 1);
    }
    let events: BTreeSet<String> = rig.messages().iter().map(|message| text(&message["event"])).collect();
    assert_eq!(events.len(), 4);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
