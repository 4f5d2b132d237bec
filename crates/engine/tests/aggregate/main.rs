//! Another implementation takes our records apart: the de-aggregation library of AWS for Python, in an environment of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use domain::Limits;
use engine::aggregate::{Ranges, group};
use engine::record::Record;
use engine::shard::{ShardMap, even_spread};
use serde_json::Value;

/// Reads the data of a record a line, writes its messages a line.
const SCRIPT: &str = "
import base64, json, sys
from aws_kinesis_agg.deaggregator import deaggregate_records
for line in sys.stdin:
    data = base64.b64encode(bytes.fromhex(line.strip())).decode()
    record = {'kinesis': {'kinesisSchemaVersion': '1.0', 'sequenceNumber': '1', 'approximateArrivalTimestamp': 0,
                          'partitionKey': 'a', 'data': data}}
    def message(found):
        found = found['kinesis']
        return [found.get('aggregated', False), found['partitionKey'], found.get('explicitHashKey'),
                found.get('subSequenceNumber'), base64.b64decode(found['data']).hex()]
    print(json.dumps([message(found) for found in deaggregate_records([record])]))
";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of all sizes, with keys in several scripts, some of which several messages have; every third with a hash key of its own.
fn messages() -> Vec<Record> {
    let one = |n: usize| {
        let size = match n % 10 {
            0 => 0,
            9 => 2_000 + n,
            _ => 40 + 7 * (n % 40),
        };
        let partition_key = match n % 4 {
            0 => "shared".to_owned(),
            1 => format!("schlüssel-{n}"),
            2 => format!("鍵-{}", n / 8),
            _ => n.to_string(),
        };
        let hash = (n as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834);
        Record {
            data: (0..size).map(|at| (at * 31 + n) as u8).collect(),
            partition_key,
            explicit_hash_key: n.is_multiple_of(3).then(|| hash.to_string()),
        }
    };
    (0..3_000).map(one).collect()
}

#[test]
fn the_library_of_aws_finds_exactly_the_plain_messages() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.rowcast/aws-kinesis-agg/bin/python");
    if !python.exists() {
        eprintln!("skipped: aws-kinesis-agg is not installed; `cargo xtask test` installs it");
        return;
    }
    let records = messages();
    let named = even_spread(5).into_iter().enumerate().map(|(at, range)| (format!("shardId-{at:012}"), range));
    let grouped = group(&records, &Ranges::of(&ShardMap::new(named).unwrap()), &Limits::default());
    assert!(grouped.together.len() > 20 && grouped.alone.len() < 10);
    let mut lines: Vec<String> = grouped.together.iter().map(|one| hex(&one.record.data)).collect();
    lines.push(hex(br#"{"plain": true}"#));

    let mut process = Command::new(python);
    process.args(["-c", SCRIPT]);
    let mut process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = process.stdin.take().unwrap();
    let writing = std::thread::spawn(move || lines.iter().try_for_each(|line| writeln!(input, "{line}")));
    let output = process.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Vec<Vec<Value>> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found.len(), grouped.together.len() + 1);
    for (one, found) in grouped.together.iter().zip(&found) {
        let wanted: Vec<_> = (0..)
            .zip(&one.children)
            .map(|(place, at): (u32, _)| {
                let Record { data, partition_key, explicit_hash_key } = &records[*at as usize];
                serde_json::json!([true, partition_key, explicit_hash_key, place, hex(data)])
            })
            .collect();
        assert_eq!(*found, wanted);
    }
    assert_eq!(found.last().unwrap()[0][0], serde_json::json!(false));
}
