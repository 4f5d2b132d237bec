//! Records up to what the stream takes: a sync may allow more, and the stream may be asked.

use serde_json::json;
use testkit::rig::Rig;

#[tokio::test]
async fn a_row_larger_than_the_stream_takes_is_rejected_by_itself_and_spoils_no_call() {
    let setup = "create table items (id bigint, v text);
        insert into items select n, 'v' || n from generate_series(1, 20) n;
        update items set v = repeat('x', 1200000) where id = 7";
    let message = r#"{"op": {{ op }}, "key": [{{ row.id }}],
        "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}, "row": {"id": {{ row.id }}, "v": {{ row.v }}}}"#;
    let definition = json!({
        "model": {"query": "select id, v from items", "key": ["id"]},
        "sync": {"message": {"json": message}, "partition_key": {"column": "id"},
                 "limits": {"record_bytes": 5 << 20, "call_bytes": 5 << 20}},
    });
    let rig = Rig::start(setup, definition).await;
    let report = rig.run().await;
    assert_eq!((report.counts.delivered, report.counts.rejected), (19, 1));
    let log = rig.log().await;
    assert!(log.calls.iter().all(|call| call.error_code.is_none()), "{:?}", log.calls);
    let rejected: Vec<_> = log.rows.iter().filter_map(|row| Some((row.code.as_deref()?, row.attempts))).collect();
    assert_eq!(rejected, [("record-too-large", 0)]);
    assert_eq!(rig.log_faults().await, Vec::<String>::new());
}
