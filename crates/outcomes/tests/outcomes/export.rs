use std::fs;

use outcomes::{
    CallFilter, Export, ExportFormat, ObjectRef, Outcome, RowFilter, Values, Wanted, encode_calls, encode_rows,
};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::given::{calls, delivered, invalid, origin, rejected};
use crate::{Log, log};

async fn export(log: &Log, list: &[ObjectRef], wanted: Wanted, format: ExportFormat) -> Vec<u8> {
    let mut export = Export::new(log.objects.clone(), list.to_vec(), wanted, format).unwrap();
    let mut whole = Vec::new();
    while let Some(part) = export.next().await.unwrap() {
        assert!(!part.is_empty());
        whole.extend(part);
    }
    assert!(export.next().await.unwrap().is_none());
    whole
}

async fn three_objects(log: &Log) -> Vec<ObjectRef> {
    let mut list = Vec::new();
    for number in 0..3u32 {
        let start = u64::from(number) * 6_000;
        let mut rows = delivered(start..start + 6_000, true);
        rows.extend([rejected(90_000 + start), invalid()]);
        list.push(log.put(&encode_rows(origin(number), &mut rows).unwrap()).await);
    }
    list
}

#[tokio::test]
async fn lines_of_json_hold_every_row_with_exact_values() {
    let log = log();
    let list = three_objects(&log).await;
    let wanted = Wanted::Rows(RowFilter::default(), Values::Read);
    let text = String::from_utf8(export(&log, &list, wanted, ExportFormat::Ndjson).await).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3 * 6_002);
    let rejected: Vec<_> = lines.iter().filter(|line| line["outcome"] == "rejected").collect();
    assert_eq!(rejected.len(), 3);
    assert_eq!(rejected[0]["key"]["id"], 90_000);
    assert_eq!(rejected[0]["earlier_calls"], serde_json::json!([[3, 17], [5, 2]]));
    assert_eq!(rejected[0]["first_seen"], "2026-09-21T14:12:20.000Z");
    let delivered = lines.iter().find(|line| line["key"]["id"] == 17).unwrap();
    let number = delivered["sequence_number"].as_str().unwrap();
    assert!(number.len() > 50 && delivered["row_values"]["id"] == 17 && delivered["record"].is_string());
    assert_eq!(delivered["run"], origin(0).run.to_string());
    let hash = engine::shard::hash_partition_key("customer-17").to_string();
    assert_eq!(delivered["hash"], hash);
}

#[tokio::test]
async fn csv_survives_every_text() {
    let log = log();
    let mut rows = [invalid(), invalid(), invalid()];
    rows[0].message = Some("a \"quote\",\r\na line".into());
    rows[1].message = Some("".into());
    let object = log.put(&encode_rows(origin(0), &mut rows).unwrap()).await;
    let wanted = Wanted::Rows(RowFilter::default(), Values::Skip);
    let text = String::from_utf8(export(&log, &[object], wanted, ExportFormat::Csv).await).unwrap();
    let (names, rest) = text.split_once("\r\n").unwrap();
    let columns = names.split(',').count();
    assert!(
        names.starts_with("hash,key_hash,child,key,")
            && names.ends_with(",record_bytes,decided_at,sub_sequence,aggregated_bytes")
    );
    assert!(
        rest.contains(
            r#","a ""quote"",
a line","#
                .replace('\n', "\r\n")
                .as_str()
        )
    );
    let last: Vec<_> = rest.lines().last().unwrap().split(',').collect();
    assert_eq!(last.len(), columns);
    assert_eq!(last[3], r#""{""id"":null}""#);
    assert_eq!(rest.matches(r#",null-key,"","#).count(), 1, "an empty text is not a null");
    assert_eq!(rest.matches(",null-key,,").count(), 1);
}

#[tokio::test]
async fn a_filter_holds_for_an_export_too() {
    let log = log();
    let list = three_objects(&log).await;
    let filter = RowFilter { outcomes: vec![Outcome::Rejected], ..RowFilter::default() };
    for format in [ExportFormat::Csv, ExportFormat::Ndjson, ExportFormat::Parquet] {
        let bytes = export(&log, &list, Wanted::Rows(filter.clone(), Values::Skip), format).await;
        let rows = match format {
            ExportFormat::Csv => bytes.split(|byte| *byte == b'\n').count() - 2,
            ExportFormat::Ndjson => bytes.split(|byte| *byte == b'\n').count() - 1,
            ExportFormat::Parquet => rows_of(bytes),
        };
        assert_eq!(rows, 3, "{format:?}");
    }
}

fn rows_of(bytes: Vec<u8>) -> usize {
    let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    file.metadata().file_metadata().num_rows() as usize
}

#[tokio::test]
async fn several_objects_become_one_parquet_file_with_the_same_columns() {
    let log = log();
    let list = three_objects(&log).await;
    let bytes = export(&log, &list, Wanted::Rows(RowFilter::default(), Values::Read), ExportFormat::Parquet).await;
    let merged = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let first = fs::read(log.path(&list[0])).unwrap();
    let first = SerializedFileReader::new(bytes::Bytes::from(first)).unwrap();
    let schema = |file: &SerializedFileReader<bytes::Bytes>| file.metadata().file_metadata().schema().clone();
    assert_eq!(schema(&merged), schema(&first));
    let mut ids: Vec<String> = merged
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().get_column_iter().find(|(name, _)| *name == "key").unwrap().1.to_string())
        .collect();
    ids.sort();
    let nulls = ids.iter().filter(|id| id.contains("null")).count();
    ids.dedup();
    assert_eq!((ids.len(), nulls), (3 * 6_001 + 1, 3));
}

#[tokio::test]
async fn calls_are_exported_with_or_without_their_bodies() {
    let log = log();
    let mut given = calls(0..200, 50);
    let list = [log.put(&encode_calls(origin(0), &mut given, usize::MAX).unwrap()).await];
    let filter = CallFilter { failed: true, ..CallFilter::default() };
    let wanted = Wanted::Calls(filter.clone(), Values::Read);
    let text = String::from_utf8(export(&log, &list, wanted, ExportFormat::Ndjson).await).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(text.lines().count(), 22);
    assert_eq!(first["failures"][0]["positions"], serde_json::json!([0, 2]));
    assert!(first["request_body"].as_str().unwrap().contains("xxx"));
    let wanted = Wanted::Calls(filter.clone(), Values::Skip);
    let text = String::from_utf8(export(&log, &list, wanted, ExportFormat::Csv).await).unwrap();
    assert!(text.lines().count() == 23 && !text.contains("xxx") && !text.contains("request_body"));
    assert_eq!(rows_of(export(&log, &list, Wanted::Calls(filter, Values::Read), ExportFormat::Parquet).await), 22);
}

#[tokio::test]
async fn an_export_of_nothing_is_a_whole_file() {
    let log = log();
    for format in [ExportFormat::Csv, ExportFormat::Ndjson, ExportFormat::Parquet] {
        let wanted = Wanted::Rows(RowFilter::default(), Values::Read);
        let bytes = export(&log, &[], wanted, format).await;
        match format {
            ExportFormat::Csv => assert_eq!(bytes.split(|byte| *byte == b'\n').count(), 2),
            ExportFormat::Ndjson => assert!(bytes.is_empty()),
            ExportFormat::Parquet => assert_eq!(rows_of(bytes), 0),
        }
    }
}
