//! One message for each element of an array column: the unit of everything is the row's key and an element.

mod held;
mod units;

use runner::Report;
use serde_json::{Value as Json, json};
use testkit::oracle::sums_of_elements;
use testkit::rig::Rig;

const MESSAGE: &str = r#"{"op": {{ op }}, "key": [{{ row.id }}, {{ element }}],
    "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}},
    "row": {"id": {{ row.id }}, "v": {{ row.v }}, "element": {{ element }}}, "previous": {{ previous.v }}}"#;

/// A table `items (id, v, tags)` whose tags are of a type, and a sync that fans out by them.
async fn rig(kind: &str, rows: &str) -> Rig {
    let setup = format!("create table items (id bigint, v int, tags {kind}); insert into items values {rows}");
    let definition = json!({
        "model": {"query": "select id, v, tags from items", "key": ["id"]},
        "sync": {"message": {"json": MESSAGE}, "partition_key": {"column": "id"}, "fan_out": {"column": "tags"}},
    });
    Rig::start(&setup, definition).await
}

/// A run that has to add up.
async fn run(rig: &Rig) -> Report {
    added_up(rig.run().await)
}

fn added_up(report: Report) -> Report {
    let wrong = sums_of_elements(&serde_json::to_value(report.counts).unwrap());
    assert!(wrong.is_empty(), "{wrong:?}: {:?}", report.reason);
    report
}

/// Op, id and element of what arrived after the first so many records, sorted.
fn arrived(rig: &Rig, before: usize) -> Vec<String> {
    let told = |message: &Json| format!("{} {}", message["op"].as_str().unwrap(), message["key"]);
    let mut all: Vec<String> = rig.messages()[before..].iter().map(told).collect();
    all.sort();
    all
}
