//! Writing and reading of segments and snapshots.

use crate::common::{Owned, acknowledged, added, identity, read, read_range, shapes, storage, unit, window};
use engine::form::FormId;
use engine::hash::Hash128;
use engine::rules::{Outcome, WindowEntry, acknowledge_silently};
use engine::unit::{Delta, UnitId};
use objects::Objects;
use snapshots::{
    Error, FIRST_UNIT, Layer, Manifest, Outcomes, SegmentKind, SegmentRef, SegmentWriter, Snapshot, choose, verify,
};

fn entries(units: impl IntoIterator<Item = u64>, mark: u8, sequence: u64) -> Vec<(u64, WindowEntry, Owned)> {
    let row = |unit: u64| vec![mark ^ unit as u8; (unit % 97) as usize];
    units.into_iter().map(|unit| (unit, added(mark, sequence), Owned::new(unit, Some(row(unit))))).collect()
}

async fn silent(objects: &Objects, number: u32, units: &[(u64, Option<(FormId, u8)>)]) -> SegmentRef {
    let identity = identity(number, SegmentKind::Delta);
    let mut writer = SegmentWriter::create(objects, identity, &shapes()).await.unwrap();
    for (id, row) in units {
        let delta = acknowledge_silently(row.map(|(form, row)| (form, Hash128([row; 16]))), 12);
        let value = Owned::new(*id, None);
        let entry_value = row.is_some().then(|| value.value());
        writer.push_delta(unit(*id), &delta, entry_value, None).await.unwrap();
    }
    writer.finish().await.unwrap()
}

#[tokio::test]
async fn a_window_says_what_its_outcomes_say() {
    let (_folder, objects) = storage();
    let segment = window(&objects, 1, &entries(0..5, 7, 12)).await;
    let outcomes: Outcomes = (0..5).map(|byte| Outcome::from_byte(byte).unwrap()).collect();
    let manifest = Manifest { layers: vec![Layer::window(segment, outcomes, 100)] };
    let found = read(&objects, &manifest, 50).await.unwrap();
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [unit(2), unit(3), unit(4)]);
    let (unanswered, entry_value, mark_value) = &found[&unit(2)];
    assert!(unanswered.entry.is_none() && unanswered.uncertain());
    assert_eq!((entry_value, mark_value), (&None, &Some(Owned::new(2, Some(vec![5; 2])))));
    let (clean, entry_value, mark_value) = &found[&unit(3)];
    assert!(clean.entry.is_some() && clean.marks.is_empty());
    assert_eq!((entry_value, mark_value), (&Some(Owned::new(3, Some(vec![4; 3]))), &None));
    let (after_doubt, entry_value, mark_value) = &found[&unit(4)];
    assert!(after_doubt.entry.is_some() && !after_doubt.uncertain() && after_doubt.marks.len() == 1);
    assert!(entry_value.is_some() && entry_value == mark_value);
    let settled = read(&objects, &manifest, 100).await.unwrap();
    assert!(settled[&unit(2)].0.uncertain(), "doubt does not settle");
    assert_eq!((settled[&unit(4)].0.marks.len(), &settled[&unit(4)].2), (0, &None));
}

#[tokio::test]
async fn layers_of_many_blocks_fold_and_any_range_reads_the_same() {
    let (_folder, objects) = storage();
    let first = window(&objects, 1, &entries((0..6000).map(|unit| unit * 2), 1, 12)).await;
    let second = window(&objects, 2, &entries((0..4000).map(|unit| unit * 3), 2, 13)).await;
    let gone: Vec<_> = (0..1000).map(|unit| (unit * 6, None)).chain([(6001, Some((2, 9)))]).collect();
    let third = silent(&objects, 3, &gone).await;
    assert!(first.values.bytes > 100_000 || first.hashes.bytes > 2_000);
    let outcomes: Outcomes =
        (0..6000).map(|index| if index % 7 == 0 { Outcome::Refused } else { Outcome::Acknowledged }).collect();
    let manifest = Manifest {
        layers: vec![
            Layer::window(first, outcomes, 0),
            Layer::window(second, Outcomes::all(Outcome::Acknowledged, 4000), 0),
            Layer::delta(third),
        ],
    };
    let snapshot = Snapshot::open(&objects, &manifest, 0).await.unwrap().cache_bytes(150_000);
    let all = read_range(&snapshot, FIRST_UNIT, None).await.unwrap();
    let expected = |id: u64| match (id.is_multiple_of(6) && id < 6000, id.is_multiple_of(3), id.is_multiple_of(2)) {
        _ if id == 6001 => true,
        (true, ..) => false,
        (_, true, _) => true,
        (.., even) => even && !(id / 2).is_multiple_of(7),
    };
    let wanted: Vec<UnitId> = (0..12_000).filter(|id| expected(*id)).map(unit).collect();
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), wanted);
    assert_eq!(snapshot.count_entries().await.unwrap(), wanted.len() as u64);
    assert!(snapshot.entries_upper_bound() >= wanted.len() as u64);
    assert_eq!(snapshot.forms().into_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(snapshot.census().await.unwrap().forms[&2], 1);
    for (from, to) in
        [(0, 1), (1, 2), (5_000, 5_600), (2_999, 12_000), (11_998, 20_000), (13_000, 14_000), (7, 7), (9, 3)]
    {
        let part = read_range(&snapshot, unit(from), Some(unit(to))).await.unwrap();
        let within = all.iter().filter(|(id, _)| (unit(from)..unit(to)).contains(*id));
        assert_eq!(part, within.map(|(id, found)| (*id, found.clone())).collect());
    }
    assert_eq!(verify(&objects, &manifest).await.unwrap().entries, 11_001);
}

#[tokio::test]
async fn a_manifest_survives_json() {
    let (_folder, objects) = storage();
    let mut manifest = acknowledged(window(&objects, 1, &entries(0..9, 1, 12)).await);
    manifest.layers.push(Layer::delta(silent(&objects, 2, &[(3, None)]).await));
    let text = serde_json::to_string(&manifest).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
    assert_eq!(manifest.objects().count(), 4);
}

#[tokio::test]
async fn values_larger_than_blocks_and_caches_and_empty_ones_read_back() {
    let (_folder, objects) = storage();
    let large: Vec<u8> = (0..3_000_000_u32).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let rows = [Some(vec![]), Some(large.clone()), None, Some(large), Some(vec![1])];
    let entries: Vec<_> =
        rows.into_iter().zip(0..).map(|(row, unit)| (unit, added(1, 12), Owned::new(unit, row))).collect();
    let manifest = acknowledged(window(&objects, 1, &entries).await);
    let found = read(&objects, &manifest, 0).await.unwrap();
    for (id, _, value) in entries {
        assert_eq!(found[&unit(id)].1.as_ref(), Some(&value));
    }
}

#[tokio::test]
async fn an_empty_snapshot_and_an_empty_segment_have_no_units() {
    let (_folder, objects) = storage();
    assert_eq!(read(&objects, &Manifest::default(), 0).await.unwrap().len(), 0);
    let manifest = acknowledged(window(&objects, 1, &[]).await);
    assert_eq!(read(&objects, &manifest, 0).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_window_without_outcomes_is_not_read_nor_compacted() {
    let (_folder, objects) = storage();
    let segment = window(&objects, 1, &entries(0..3, 1, 12)).await;
    let mut manifest = Manifest { layers: vec![Layer { segment, outcomes: None, settles_at: 0 }; 9] };
    assert!(matches!(Snapshot::open(&objects, &manifest, 0).await, Err(Error::Open { .. })));
    assert_eq!(choose(&manifest), None);
    assert_eq!(verify(&objects, &manifest).await.unwrap().layers, 9);
    manifest.layers[0].outcomes = Some(Outcomes::all(Outcome::Acknowledged, 2));
    assert!(matches!(Snapshot::open(&objects, &manifest, 0).await, Err(Error::Corrupt { .. })));
}

#[tokio::test]
async fn a_writer_refuses_what_does_not_fit_together() {
    let (_folder, objects) = storage();
    let mut writer = SegmentWriter::create(&objects, identity(1, SegmentKind::Delta), &shapes()).await.unwrap();
    let value = Owned::new(1, None);
    let set = acknowledge_silently(Some((1, Hash128::default())), 12);
    assert!(matches!(writer.push_delta(unit(5), &set, None, None).await, Err(Error::Unfit { .. })));
    let delete = acknowledge_silently(None, 12);
    assert!(matches!(writer.push_delta(unit(5), &delete, None, Some(value.value())).await, Err(Error::Unfit { .. })));
    assert!(matches!(writer.push_window(unit(5), &added(1, 1), value.value()).await, Err(Error::Unfit { .. })));
    let mut odd = value.value();
    odd.shape = 2;
    assert!(matches!(writer.push_delta(unit(5), &set, Some(odd), None).await, Err(Error::Unfit { .. })));
    writer.push_delta(unit(1), &Delta::default(), None, None).await.unwrap();
    assert_eq!(writer.entries(), 0);
    writer.push_delta(unit(6), &delete, None, None).await.unwrap();
    assert!(matches!(writer.push_delta(unit(6), &delete, None, None).await, Err(Error::Order { .. })));
    drop(writer);
    assert_eq!(objects.list("").await.unwrap(), []);
}

#[tokio::test]
async fn a_segment_is_never_replaced() {
    let (_folder, objects) = storage();
    window(&objects, 1, &entries(0..3, 1, 12)).await;
    let again = SegmentWriter::create(&objects, identity(1, SegmentKind::Window), &shapes()).await;
    assert!(matches!(again.err(), Some(Error::Objects(objects::Error::Exists { .. }))));
}

#[tokio::test]
async fn a_scan_that_failed_does_not_go_on() {
    let (_folder, objects) = storage();
    let manifest = acknowledged(window(&objects, 1, &entries(0..3, 1, 12)).await);
    let snapshot = Snapshot::open(&objects, &manifest, 0).await.unwrap();
    objects.delete(manifest.layers[0].segment.objects()[0]).await.unwrap();
    let mut scan = snapshot.scan(FIRST_UNIT, None);
    assert!(matches!(scan.next().await, Err(Error::Missing { .. })));
    assert!(matches!(scan.next().await, Err(Error::Interrupted)));
}
