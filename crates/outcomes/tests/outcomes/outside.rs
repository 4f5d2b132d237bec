//! Another implementation of Parquet reads what we write: DuckDB, in a Python environment of its own.

use std::path::Path;
use std::process::Command;

use outcomes::{Export, ExportFormat, RowFilter, Values, Wanted, encode_calls, encode_rows};
use serde_json::{Value, json};

use crate::given::{calls, delivered, invalid, origin, rejected};
use crate::log;

const SCRIPT: &str = "
import duckdb, json, sys
rows, calls, merged = sys.argv[1:]
db = duckdb.connect()
db.execute(\"set timezone = 'UTC'\")
def types(path):
    return {line[0]: line[1] for line in db.execute(f\"describe select * from read_parquet('{path}')\").fetchall()}
def ask(text):
    return [list(line) for line in db.execute(text).fetchall()]
print(json.dumps({
    'row_types': types(rows), 'call_types': types(calls), 'merged_types': types(merged),
    'outcomes': ask(f\"select outcome, count(*) from read_parquet('{rows}') group by 1 order by 1\"),
    'merged': ask(f\"select outcome, count(*) from read_parquet('{merged}') group by 1 order by 1\"),
    'row': ask(f\"select lower(hex(key_hash)), key, event_id, event_sequence, run, shard, sequence_number, call, call_position, decided_at::varchar, first_seen::varchar, previous, row_values, record, record_bytes, after_doubt, code from read_parquet('{rows}') where key->>'id' = '77'\"),
    'rejected': ask(f\"select code, message, first_seen::varchar, times_tried, earlier_calls, shard, attempts from read_parquet('{rows}') where outcome = 'rejected'\"),
    'nulls': ask(f\"select count(*) from read_parquet('{rows}') where key_hash is null and op is null and partition_key is null\"),
    'sums': ask(f\"select sum(record_bytes)::bigint, sum(call_position)::bigint, min(decided_at)::varchar, max(decided_at)::varchar, count(distinct sequence_number) from read_parquet('{rows}')\"),
    'calls': ask(f\"select count(*), sum(failed_records)::bigint, count(error_code), count(request_body), count(response_body), sum(bytes)::bigint, sum(latency_us)::bigint from read_parquet('{calls}')\"),
    'call': ask(f\"select kind, started_at::varchar, http_status, failures, shards, retry_reason, request_body from read_parquet('{calls}') where number = 3\"),
}))
";

#[tokio::test]
async fn duckdb_reads_the_same_counts_types_and_values() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.rowcast/duckdb/bin/python");
    if !python.exists() {
        eprintln!("skipped: DuckDB is not installed; `cargo xtask test` installs it");
        return;
    }
    let log = log();
    let mut rows = delivered(0..7_000, true);
    rows.extend([rejected(90_000), invalid()]);
    let object = log.put(&encode_rows(origin(0), &mut rows).unwrap()).await;
    let mut given = calls(0..200, 50);
    let call_object = log.put(&encode_calls(origin(0), &mut given, usize::MAX).unwrap()).await;
    let wanted = Wanted::Rows(RowFilter::default(), Values::Read);
    let twice = vec![object.clone(), object.clone()];
    let mut export = Export::new(log.objects.clone(), twice, wanted, ExportFormat::Parquet).unwrap();
    let mut merged = Vec::new();
    while let Some(part) = export.next().await.unwrap() {
        merged.extend(part);
    }
    let merged_path = log.folder.path().join("merged.parquet");
    std::fs::write(&merged_path, merged).unwrap();
    let script = log.folder.path().join("ask.py");
    std::fs::write(&script, SCRIPT).unwrap();
    let arguments = [script, log.path(&object), log.path(&call_object), merged_path];
    let output = Command::new(python).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(said["outcomes"], json!([["delivered", 7_000], ["invalid", 1], ["rejected", 1]]));
    assert_eq!(said["merged"], json!([["delivered", 14_000], ["invalid", 2], ["rejected", 2]]));
    assert_eq!(said["merged_types"], said["row_types"]);
    let row_types = [
        ("key_hash", "BLOB"),
        ("key", "JSON"),
        ("outcome", "VARCHAR"),
        ("child", "UBIGINT"),
        ("times_tried", "UINTEGER"),
        ("after_doubt", "BOOLEAN"),
        ("decided_at", "TIMESTAMP WITH TIME ZONE"),
        ("sequence_number", "VARCHAR"),
    ];
    for (name, kind) in row_types {
        assert_eq!(said["row_types"][name], kind, "{name}");
    }
    for (name, kind) in [("started_at", "TIMESTAMP WITH TIME ZONE"), ("failures", "JSON"), ("request_body", "VARCHAR")]
    {
        assert_eq!(said["call_types"][name], kind, "{name}");
    }
    let row = rows.iter().find(|row| row.key == r#"{"id":77}"#).unwrap();
    let put = row.put.unwrap();
    let unit = u128::from_be_bytes(row.unit.unwrap().key.0);
    let expected = json!([[
        format!("{unit:032x}"),
        row.key,
        row.event_id,
        7,
        origin(0).run.to_string(),
        row.shard,
        row.sequence_number,
        put.call,
        put.position,
        said["row"][0][9],
        null,
        row.previous,
        row.row,
        row.record,
        row.record_bytes,
        false,
        null,
    ]]);
    assert_eq!(said["row"], expected);
    assert!(said["row"][0][9].as_str().unwrap().starts_with("2026-09-21 14:13:"), "{}", said["row"][0][9]);
    let message = rows.iter().find_map(|row| row.message.clone()).unwrap();
    let throttled = "ProvisionedThroughputExceededException";
    let expected = json!([[throttled, message, "2026-09-21 14:12:20+00", 4, "[[3,17],[5,2]]", null, 3]]);
    assert_eq!(said["rejected"], expected);
    assert_eq!(said["nulls"], json!([[1]]));
    let bytes: u64 = rows.iter().filter_map(|row| row.record_bytes).map(u64::from).sum();
    let positions: u64 = rows.iter().filter_map(|row| row.put).map(|put| u64::from(put.position)).sum();
    assert_eq!(said["sums"][0][0], bytes);
    assert_eq!(said["sums"][0][1], positions);
    assert_eq!(said["sums"][0][4], 7_000);
    let sum = |of: fn(&outcomes::Call<'_>) -> u64| given.iter().map(of).sum::<u64>();
    let expected = json!([[
        200,
        sum(|call| call.failures.len() as u64),
        2,
        200,
        sum(|call| u64::from(call.response.is_some())),
        sum(|call| call.bytes),
        sum(|call| call.latency.as_micros() as u64),
    ]]);
    assert_eq!(said["calls"], expected);
    let call = &said["call"][0];
    assert_eq!(call[1], "2026-09-21 14:13:20.033+00");
    assert_eq!(call[2], 200);
    assert_eq!(serde_json::from_str::<Value>(call[3].as_str().unwrap()).unwrap()[0]["positions"], json!([0, 2]));
    assert_eq!(call[6], given[3].request.as_ref().unwrap().text.as_ref());
}
