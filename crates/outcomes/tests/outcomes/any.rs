//! Whatever is put into the log comes out of it.

use std::time::Duration;

use domain::Change;
use engine::hash::Hash128;
use engine::unit::UnitId;
use outcomes::{
    Body, Call, CallFilter, Outcome, PutIn, RecordFailure, RowFilter, RowOutcome, Text, Values, encode_calls,
    encode_rows,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::{given, log, plain, tokio};

fn text() -> impl Strategy<Value = Text<'static>> {
    let long = (0usize..100_000).prop_map(|length| "\u{0}ü\"\n".repeat(length / 5));
    prop_oneof![
        60 => any::<String>().prop_map(Text::from),
        5 => Just(Text::from("")),
        5 => Just(Text::from("\u{0}\r\n\",\u{feff}\u{202e}'; drop table")),
        1 => long.prop_map(Text::from),
    ]
}

fn put() -> impl Strategy<Value = PutIn> {
    (any::<u64>(), any::<u32>()).prop_map(|(call, position)| PutIn { call, position })
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), i64::MIN / 1000..i64::MAX / 1000, 1_700_000_000_000i64..1_900_000_000_000]
}

prop_compose! {
    fn row()(
        unit in of((any::<[u8; 16]>(), any::<u64>())),
        [key, other] in [text(), text()],
        [element, code, message, event_id] in [of(text()), of(text()), of(text()), of(text())],
        [partition_key, predicted_shard, shard, sequence_number] in [of(text()), of(text()), of(text()), of(text())],
        [previous, row, record] in [of(text()), of(text()), of(text())],
        explicit in of(any::<u128>()),
        (op, outcome) in (0usize..4, 0usize..5),
        (first_seen, at) in (of(time()), time()),
        (times_tried, record_bytes, attempts) in (any::<Option<u32>>(), any::<Option<u32>>(), any::<u32>()),
        (sub_sequence, aggregated_bytes) in (any::<Option<u32>>(), any::<Option<u32>>()),
        (event_sequence, epoch, after_doubt) in (any::<Option<u64>>(), any::<u64>(), any::<bool>()),
        put in of(put()), earlier_puts in vec(put(), 0..3),
    ) -> RowOutcome<'static> {
        RowOutcome {
            unit: unit.map(|(key, child)| UnitId { key: Hash128(key), child }),
            key: if op == 3 { other } else { key },
            element, code, message, event_id, partition_key, predicted_shard, shard, sequence_number, previous, row,
            record, first_seen, at, times_tried, record_bytes, attempts, event_sequence, epoch, after_doubt, put,
            earlier_puts, sub_sequence, aggregated_bytes,
            op: Change::ALL.get(op).copied(),
            outcome: Outcome::ALL[outcome],
            explicit_hash_key: explicit.map(|key| key.to_string().into()),
        }
    }
}

prop_compose! {
    fn call()(
        number in 0u64..50,
        [kind, code, message] in [text(), text(), text()],
        [request_id, error_code, error_message, retry_reason] in [of(text()), of(text()), of(text()), of(text())],
        [request, response] in [of(text()), of(text())],
        failures in vec((any::<u32>(), any::<bool>()), 0..4), shards in vec(text(), 0..3),
        (epoch, bytes, waited, latency) in (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>()),
        (attempt, records, http_status) in (any::<u32>(), any::<u32>(), any::<Option<u16>>()),
        started_at in time(),
    ) -> Call<'static> {
        let failure = |(position, same): (u32, bool)| RecordFailure {
            position,
            code: code.clone(),
            message: if same { message.clone() } else { kind.clone() },
        };
        let mut failures: Vec<_> = failures.into_iter().map(failure).collect();
        failures.sort();
        Call {
            number, kind: kind.clone(), epoch, attempt, started_at, http_status, request_id, records, bytes,
            error_code, error_message, failures, shards, retry_reason,
            latency: Duration::from_micros(latency.into()),
            waited: Duration::from_millis(waited.into()),
            request: request.map(Body::whole),
            response: response.map(Body::whole),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_come_back_as_they_were_put(mut rows in vec(row(), 0..20)) {
        tokio().block_on(async {
            let log = log();
            let object = log.put(&encode_rows(given::origin(0), &mut rows).unwrap()).await;
            let page = log.reader.rows(&object, &RowFilter::default(), 0, 100, Values::Read).await.unwrap();
            assert_eq!((plain(page.rows), page.next), (rows.clone(), None));
            for row in rows.iter().filter(|row| row.unit.is_some()) {
                let found = log.reader.find_key(&object, row.unit.unwrap().key, Values::Read).await.unwrap();
                assert!(plain(found).contains(row));
            }
        });
    }

    #[test]
    fn calls_come_back_as_they_were_put(mut calls in vec(call(), 0..8)) {
        tokio().block_on(async {
            let log = log();
            let object = log.put(&encode_calls(given::origin(0), &mut calls, usize::MAX).unwrap()).await;
            let page = log.reader.calls(&object, &CallFilter::default(), 0, 100).await.unwrap();
            assert_eq!(page.calls.len(), calls.len());
            for call in &calls {
                let found = log.reader.call(&object, call.number).await.unwrap().unwrap().call;
                assert!(calls.contains(&found) && found.number == call.number);
            }
        });
    }
}

#[tokio::test]
async fn a_time_that_no_parquet_timestamp_holds_is_refused() {
    let mut rows = [RowOutcome { at: i64::MAX / 999, ..RowOutcome::default() }];
    let error = encode_rows(given::origin(0), &mut rows).unwrap_err();
    assert!(matches!(error, outcomes::Error::Unfit { what: "a time", .. }), "{error}");
}

#[tokio::test]
async fn a_hash_key_that_is_no_number_is_refused() {
    let mut rows = [RowOutcome { explicit_hash_key: Some("007".into()), ..RowOutcome::default() }];
    assert!(encode_rows(given::origin(0), &mut rows).is_err());
}
