//! Messages that share records: consumers that take these apart see what they would see of plain ones, whatever fails on the
//! way, and the debug log tells of each message where it is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use simulator::{Effect, LateAnswer, Operation, Rule, Selection};
use testkit::logged::Log;
use testkit::oracle::differences;
use testkit::rig::Rig;

const ROWS: u64 = 2_000;

async fn rig(more: serde_json::Value) -> Rig {
    let setup = format!(
        "create table items (id bigint, w text); insert into items select n, 'w' || n from generate_series(1, {ROWS}) n"
    );
    let message = r#"{"op": {{ op }}, "key": [{{ row.id }}],
        "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}, "row": {"id": {{ row.id }}, "w": {{ row.w }}}}"#;
    let mut sync = json!({"message": {"json": message}, "partition_key": {"column": "id"}, "aggregate": true});
    sync.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let definition = json!({"model": {"query": "select id, w from items", "key": ["id"]}, "sync": sync});
    let mut rig = Rig::start(&setup, definition).await;
    rig.worker.settings.window.records = 250;
    rig.worker.settings.call_timeout = Duration::from_millis(400);
    rig
}

/// Of all rows that were delivered, the share that had a record of its own.
fn alone(log: &Log) -> f64 {
    let delivered: Vec<_> = log.rows.iter().filter(|row| row.outcome == "delivered").collect();
    let alone = delivered.iter().filter(|row| row.sub_sequence.is_none()).count();
    alone as f64 / delivered.len() as f64
}

async fn assert_all_is_told(rig: &Rig) {
    let (stream, model) = (rig.stream().await, rig.model().await);
    assert_eq!(differences(&stream.by_sequence(), &model), BTreeMap::new());
    assert_eq!(stream.faults(true), Vec::<String>::new());
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}

#[tokio::test]
async fn messages_share_records_and_arrive_as_plain_ones_do() {
    let rig = rig(json!({})).await;
    let report = rig.run().await;
    assert_eq!(report.counts.delivered, ROWS);
    assert_all_is_told(&rig).await;
    let records = rig.records().len();
    assert!(records <= 2 * 3 * (ROWS as usize / 250), "{records} records");
    assert!(alone(&rig.log().await) < 0.01);
    let unchanged = rig.run().await;
    assert_eq!((unchanged.counts.planned, rig.records().len()), (0, records));
}

#[tokio::test]
async fn nothing_is_lost_or_untold_when_aggregated_records_are_throttled_lost_or_come_late() {
    let rig = rig(json!({"log": {"bodies": "all"}})).await;
    rig.run().await;
    rig.sql("update items set w = w || '!' where id % 3 > 0; delete from items where id % 50 = 0").await;
    let on_puts = |effect| Rule::on(Operation::PutRecords, effect);
    let failing = Effect::FailRecords {
        code: "InternalFailure".to_owned(),
        message: None,
        records: Selection::All,
        written: true,
    };
    rig.simulator.faults([
        on_puts(Effect::Throttle(Selection::Fraction(0.6))).times(2),
        on_puts(Effect::ResetAfter).skip(3).times(1),
        on_puts(Effect::Hang).skip(5).times(1),
        on_puts(Effect::ApplyLater { delay_ms: 500, answer: LateAnswer::Nothing }).skip(7).times(1),
        on_puts(failing).skip(9).times(2),
    ]);
    let run = rig.run().await;
    assert_eq!(run.counts.removed, ROWS / 50);
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
    rig.simulator.clear_faults();
    rig.settled().await;
    rig.run().await;
    assert_all_is_told(&rig).await;

    // All of it happened, or the judge had nothing to judge.
    let log = rig.log().await;
    assert!(log.rows.iter().any(|row| row.after_doubt && row.sub_sequence.is_some()));
    assert!(
        log.calls.iter().any(|call| call.failed_positions().iter().any(|(code, _)| code.starts_with("Provisioned")))
    );
    assert!(rig.stream().await.duplicates() > 0);
    assert!(alone(&log) < 0.1, "{}", alone(&log));
}

#[tokio::test]
async fn turning_it_on_or_off_sends_nothing_again() {
    let mut rig = rig(json!({"aggregate": false})).await;
    rig.run().await;
    assert_eq!(rig.records().len() as u64, ROWS);
    rig.set("/sync/aggregate", json!(true)).await;
    let report = rig.run().await;
    assert_eq!((report.counts.planned, rig.records().len() as u64), (0, ROWS));
    rig.sql("update items set w = 'same' where id <= 500").await;
    assert_eq!(rig.run().await.counts.delivered, 500);
    assert!(rig.records().len() as u64 - ROWS < 20);
    rig.set("/sync/aggregate", json!(false)).await;
    assert_eq!(rig.run().await.counts.planned, 0);
    assert_all_is_told(&rig).await;
}
