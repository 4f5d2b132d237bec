use std::collections::BTreeSet;

use domain::Change;
use outcomes::{
    ObjectName, ObjectRef, Outcome, RowFilter, RowSummary, Values, compare_sequence_numbers, encode_rows, prefix,
};

use crate::given::{delivered, invalid, key_hash, origin, rejected};
use crate::{Log, log, plain};

/// One object of 12,000 rows with a few that were not delivered.
async fn mixed(log: &Log) -> (ObjectRef, RowSummary, Vec<outcomes::RowOutcome<'static>>) {
    let mut rows = delivered(0..12_000, true);
    rows.extend((20_000..20_040).map(rejected));
    rows.push(invalid());
    let encoded = encode_rows(origin(1), &mut rows).unwrap();
    (log.put(&encoded).await, encoded.summary, rows)
}

#[tokio::test]
async fn a_key_is_found_with_everything_that_is_known_of_it() {
    let log = log();
    let (object, summary, rows) = mixed(&log).await;
    for id in [0, 7_777, 20_003] {
        assert!(summary.may_hold_key(key_hash(id)));
        let found = log.reader.find_key(&object, key_hash(id), Values::Read).await.unwrap();
        let [found] = found.as_slice() else { panic!("{} rows of one key", found.len()) };
        assert_eq!(found.row, rows[found.position as usize]);
        assert_eq!(found.run, origin(1).run);
        assert!(found.row.unit.unwrap().key == key_hash(id));
    }
    assert_eq!(log.reader.find_key(&object, key_hash(15_000), Values::Read).await.unwrap(), []);
}

#[tokio::test]
async fn objects_of_version_1_are_read_as_before() {
    let log = log();
    let bytes = include_bytes!("../fixtures/v1-rows.parquet");
    let length: [u8; 4] = bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap();
    let footer = &bytes[bytes.len() - 8 - u32::from_le_bytes(length) as usize..];
    let object = ObjectRef {
        name: "outcomes/v1-rows.parquet".to_owned(),
        bytes: bytes.len() as u64,
        footer_bytes: footer.len() as u32,
        footer_digest: outcomes::Digest(*blake3::hash(footer).as_bytes()),
    };
    log.objects.put(&object.name, bytes).await.unwrap();
    let page = log.reader.rows(&object, &RowFilter::default(), 0, 100, Values::Read).await.unwrap();
    assert_eq!(page.rows.len(), 29);
    let row = &page.rows[0].row;
    assert!(row.record.as_deref().is_some_and(|record| record.contains(r#""email": "customer"#)), "{row:?}");
    assert_eq!((row.sub_sequence, row.aggregated_bytes), (None, None));
    let (shard, number) = (row.shard.as_deref().unwrap(), row.sequence_number.as_deref().unwrap());
    let found = log.reader.find_position(&object, shard, number, Values::Skip).await.unwrap();
    assert_eq!((found.len(), found[0].position), (1, 0));
    let key = row.unit.unwrap().key;
    assert_eq!(log.reader.find_key(&object, key, Values::Read).await.unwrap()[0].row, *row);
    // Exported, it has the columns of today.
    let wanted = outcomes::Wanted::Rows(RowFilter::default(), Values::Read);
    let format = outcomes::ExportFormat::Parquet;
    let mut export = outcomes::Export::new(log.objects.clone(), vec![object], wanted, format).unwrap();
    assert!(export.next().await.unwrap().is_some());
}

#[tokio::test]
async fn all_children_of_a_key_are_found_together() {
    let log = log();
    let mut rows = delivered(0..30, false);
    for (child, row) in rows.iter_mut().enumerate() {
        row.unit.as_mut().unwrap().child = child as u64;
        row.unit.as_mut().unwrap().key = key_hash(child as u64 % 3);
        row.element = Some(format!("{{\"line\":{child}}}").into());
    }
    let object = log.put(&encode_rows(origin(0), &mut rows).unwrap()).await;
    let found = plain(log.reader.find_key(&object, key_hash(1), Values::Skip).await.unwrap());
    let children: Vec<u64> = found.iter().map(|row| row.unit.unwrap().child).collect();
    assert_eq!(children, (0..10).map(|at| 3 * at + 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_place_in_the_stream_leads_back_to_its_row() {
    let log = log();
    let (object, summary, rows) = mixed(&log).await;
    let row = rows.iter().filter(|row| row.shard.is_some()).nth(9_000).unwrap();
    let (shard, number) = (row.shard.as_deref().unwrap(), row.sequence_number.as_deref().unwrap());
    assert!(summary.may_hold_position(shard, number));
    let found = log.reader.find_position(&object, shard, number, Values::Read).await.unwrap();
    assert_eq!(plain(found), std::slice::from_ref(row));
    let padded = format!("0{number}");
    assert_eq!(log.reader.find_position(&object, shard, &padded, Values::Skip).await.unwrap().len(), 1);
    assert_eq!(log.reader.find_position(&object, "shardId-000000000099", number, Values::Skip).await.unwrap(), []);
    assert!(!summary.may_hold_position(shard, "1"));
}

#[tokio::test]
async fn a_place_of_an_aggregated_record_leads_back_to_all_of_its_rows() {
    let log = log();
    let mut rows = delivered(0..12_000, true);
    let (shard, number) = (rows[0].shard.clone(), rows[0].sequence_number.clone());
    // They lie in several row groups.
    for (sub_sequence, at) in [11_000, 3, 6_000].into_iter().enumerate() {
        let row = &mut rows[at];
        (row.shard, row.sequence_number) = (shard.clone(), Some("7".into()));
        (row.sub_sequence, row.aggregated_bytes) = (Some(sub_sequence as u32), Some(900));
    }
    let object = log.put(&encode_rows(origin(1), &mut rows).unwrap()).await;
    let shard = shard.unwrap();
    for values in [Values::Read, Values::Skip] {
        let found = plain(log.reader.find_position(&object, &shard, "7", values).await.unwrap());
        let keys: Vec<_> = found.iter().map(|row| (row.sub_sequence, row.aggregated_bytes, row.key.clone())).collect();
        let wanted: Vec<_> = [11_000, 3, 6_000].map(|at: usize| rows[at].key.clone()).into_iter().collect();
        let wanted: Vec<_> = (0..).zip(wanted).map(|(at, key)| (Some(at), Some(900), key)).collect();
        assert_eq!(keys, wanted);
    }
    let alone = log.reader.find_position(&object, &shard, &number.unwrap(), Values::Skip).await.unwrap();
    assert_eq!(plain(alone)[0].sub_sequence, None);
}

#[tokio::test]
async fn pages_show_every_row_once_whatever_their_size() {
    let log = log();
    let (object, _, rows) = mixed(&log).await;
    for limit in [1_000, 4_999, 5_000, 20_000] {
        let (mut from, mut seen) = (Some(0), Vec::new());
        while let Some(at) = from {
            let page = log.reader.rows(&object, &RowFilter::default(), at, limit, Values::Skip).await.unwrap();
            assert!(page.rows.len() <= limit);
            assert!(page.rows.iter().all(|found| found.row.row.is_none()));
            seen.extend(page.rows.iter().map(|found| (found.position, found.row.event_id.clone())));
            from = page.next;
        }
        let all: Vec<_> = (0..).zip(&rows).map(|(at, row)| (at, row.event_id.clone())).collect();
        assert_eq!(seen, all, "pages of {limit}");
    }
}

/// Such a column is encoded once for all groups that have it in common, and only for those.
#[tokio::test]
async fn a_value_that_all_rows_share_comes_back_whatever_groups_before_shared() {
    let (log, mut number) = (log(), 0);
    let code = |code: &str| Some(code.to_owned().into());
    let long = "x".repeat(300);
    for (rows, epoch, code) in [
        (12_000, 7, None),
        (12_000, 8, code("one")),
        (12_000, 8, code("two")),
        (7_000, 8, code("two")),
        (7_000, 8, code("")),
        (7_000, 8, code(&long)),
        (7_000, 8, None),
    ] {
        let mut rows = delivered(0..rows, false);
        rows.iter_mut().for_each(|row| (row.epoch, row.code) = (epoch, code.clone()));
        rows.last_mut().unwrap().after_doubt = true;
        number += 1;
        let object = log.put(&encode_rows(origin(number), &mut rows).unwrap()).await;
        let page = log.reader.rows(&object, &RowFilter::default(), 0, 20_000, Values::Read).await.unwrap();
        assert!(plain(page.rows) == rows, "{} rows of epoch {epoch} with {code:?}", rows.len());
    }
}

#[tokio::test]
async fn a_filter_takes_what_it_says_and_pages_go_on_behind_it() {
    let log = log();
    let (object, summary, rows) = mixed(&log).await;
    let text = |text: &str| Some(text.to_owned());
    let filters = [
        RowFilter { outcomes: vec![Outcome::Rejected], ..RowFilter::default() },
        RowFilter { outcomes: vec![Outcome::Rejected, Outcome::Invalid], ..RowFilter::default() },
        RowFilter { op: Some(Change::Removed), ..RowFilter::default() },
        RowFilter { code: text("null-key"), ..RowFilter::default() },
        RowFilter { shard: text("shardId-000000000003"), outcomes: vec![Outcome::Rejected], ..RowFilter::default() },
        RowFilter { call: Some(5), ..RowFilter::default() },
        RowFilter { call: Some(23), ..RowFilter::default() },
        RowFilter { key_text: text("\"id\":77"), op: Some(Change::Changed), ..RowFilter::default() },
    ];
    for filter in filters {
        let (mut from, mut seen) = (Some(0), Vec::new());
        while let Some(at) = from {
            let page = log.reader.rows(&object, &filter, at, 7, Values::Read).await.unwrap();
            seen.extend(plain(page.rows));
            from = page.next;
        }
        let expected: Vec<_> = rows.iter().filter(|row| filter.matches(row)).cloned().collect();
        assert!(seen == expected, "{filter:?}: {} rows, not {}", seen.len(), expected.len());
        assert!(filter.may_match(&summary) || expected.is_empty());
    }
    // It was held by an earlier call, and another one decided it.
    let call = RowFilter { call: Some(5), outcomes: vec![Outcome::Rejected], ..RowFilter::default() };
    assert_eq!(log.reader.rows(&object, &call, 0, 100, Values::Skip).await.unwrap().rows.len(), 40);
    assert!(!RowFilter { call: Some(24), ..RowFilter::default() }.may_match(&summary));
    assert!(!RowFilter { outcomes: vec![Outcome::Deferred], ..RowFilter::default() }.may_match(&summary));
    assert!(!RowFilter { code: text("other"), ..RowFilter::default() }.may_match(&summary));
}

#[tokio::test]
async fn the_summary_says_what_the_object_holds() {
    let log = log();
    let (_, summary, rows) = mixed(&log).await;
    assert_eq!(summary.rows, 12_041);
    let outcomes: Vec<_> = summary.outcomes.clone().into_iter().collect();
    assert_eq!(outcomes, [(Outcome::Delivered, 12_000), (Outcome::Rejected, 40), (Outcome::Invalid, 1)]);
    let shards: BTreeSet<_> = rows.iter().filter_map(|row| row.shard.clone()).collect();
    assert_eq!(shards, summary.shards.iter().map(|range| range.shard.as_str().into()).collect());
    for range in &summary.shards {
        let mut numbers: Vec<_> = rows
            .iter()
            .filter(|row| row.shard.as_deref() == Some(&range.shard))
            .filter_map(|row| row.sequence_number.as_deref())
            .collect();
        numbers.sort_by(|left, right| compare_sequence_numbers(left, right));
        assert_eq!([range.lowest.as_str(), range.highest.as_str()], [numbers[0], numbers[numbers.len() - 1]]);
    }
    let json = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<RowSummary>(&json).unwrap(), summary);
}

#[test]
fn a_name_reads_back_what_it_prints_and_nothing_else() {
    for table in [outcomes::Table::Rows, outcomes::Table::Calls] {
        let name = ObjectName { origin: origin(12), table };
        assert_eq!(name.to_string().parse::<ObjectName>().unwrap(), name);
        assert!(name.to_string().starts_with(&prefix(origin(0).sync)));
        assert!(name.to_string().replace("-n000012", "-n12").parse::<ObjectName>().is_err());
        assert!(format!("{name}.partial-1").parse::<ObjectName>().is_err());
    }
}
