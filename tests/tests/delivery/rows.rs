//! A table `items (id, v)` and messages that the oracle can read.

use serde_json::{Value as Json, json};
use simulator::{Effect, Operation, Rule};
use testkit::oracle::differences;
use testkit::rig::Rig;

pub(crate) const MESSAGE: &str = r#"{"op": {{ op }}, "key": [{{ row.id }}],
    "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}},
    "row": {"id": {{ row.id }}, "v": {{ row.v }}}, "previous": {{ previous.v }}}"#;

pub(crate) async fn rig(rows: u32) -> Rig {
    let setup = format!(
        "create table items (id bigint, v int); insert into items select n, n from generate_series(1, {rows}) n"
    );
    let definition = json!({
        "model": {"query": "select id, v from items", "key": ["id"]},
        "sync": {"message": {"json": MESSAGE}, "partition_key": {"column": "id"}},
    });
    Rig::start(&setup, definition).await
}

/// The next so many PutRecords calls meet this.
pub(crate) fn puts(rig: &Rig, times: u64, effect: Effect) {
    rig.simulator.faults([Rule::on(Operation::PutRecords, effect).times(times)]);
}

/// Nothing is answered in the whole run, as in `times` puts of it; what is tried again is not answered either.
pub(crate) fn tries(rig: &Rig) -> u64 {
    u64::from(rig.worker.settings.puts.retry.max_attempts)
}

/// Op and value of every message of a key, in the order of arrival.
pub(crate) fn arrived(rig: &Rig, id: u64) -> Vec<(String, Json)> {
    let messages = rig.messages().into_iter().filter(|message| message["row"]["id"] == json!(id));
    messages.map(|message| (message["op"].as_str().unwrap().to_owned(), message["row"]["v"].clone())).collect()
}

/// By sequence and by arrival the stream says what the model says, and every message is in its place.
pub(crate) async fn assert_delivered(rig: &Rig) {
    let (stream, model) = (rig.stream().await, rig.model().await);
    assert_eq!(stream.faults(true), Vec::<String>::new());
    for last in [stream.by_sequence(), stream.by_arrival()] {
        let wrong = differences(&last, &model);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
