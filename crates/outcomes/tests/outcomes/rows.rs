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
    let found = log.reader.find_position(&object, shard, number, Values::Read).await.unwrap().unwrap();
    assert_eq!(found.row, *row);
    let padded = format!("0{number}");
    assert!(log.reader.find_position(&object, shard, &padded, Values::Skip).await.unwrap().is_some());
    assert_eq!(log.reader.find_position(&object, "shardId-000000000099", number, Values::Skip).await.unwrap(), None);
    assert!(!summary.may_hold_position(shard, "1"));
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
