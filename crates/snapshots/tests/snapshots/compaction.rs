//! Compaction changes nothing that a scan says. Histories of a sync are played on a plain map and on segments.

use std::collections::BTreeMap;

use crate::common::{Owned, Read, added, identity, read, read_range, shapes, storage, unit, window};
use domain::Change;
use engine::hash::Hash128;
use engine::rules::{Outcome, WindowEntry, acknowledge_silently, checkpoint, rewrite};
use engine::unit::{Delta, EntryChange, Unit};
use objects::Objects;
use proptest::prelude::*;
use snapshots::{Error, Layer, Manifest, Outcomes, SegmentKind, SegmentWriter, Snapshot, choose, compact};

/// What happens to a unit in a layer, as dice.
#[derive(Debug, Clone)]
struct Event {
    what: u8,
    content: u8,
    reuse: bool,
    row: Option<usize>,
}

#[derive(Debug, Clone)]
struct Drawn {
    window: bool,
    settles_at: i64,
    events: BTreeMap<u64, Event>,
}

fn event() -> impl Strategy<Value = Event> {
    let row = prop_oneof![1 => Just(None), 6 => (0_usize..60).prop_map(Some), 1 => (0_usize..70_000).prop_map(Some)];
    (any::<u8>(), 0_u8..3, any::<bool>(), row).prop_map(|(what, content, reuse, row)| Event {
        what,
        content,
        reuse,
        row,
    })
}

fn layer() -> impl Strategy<Value = Drawn> {
    let events = proptest::collection::btree_map(0_u64..24, event(), 0..16);
    (any::<bool>(), 0_i64..100, events).prop_map(|(window, settles_at, events)| Drawn { window, settles_at, events })
}

type World = BTreeMap<u64, (Unit, Option<Owned>, Option<Owned>)>;

fn window_entry(event: &Event, state: &Unit, epoch: u64) -> (WindowEntry, Outcome) {
    // As the rules do it: a version that is in doubt may be put again, any other version is a new one.
    let doubt = state.doubts().next_back().filter(|_| event.reuse);
    let entry = WindowEntry {
        op: doubt.map_or(Change::ALL[usize::from(event.what % 3)], |mark| mark.op),
        content: doubt.map_or(Hash128([event.content; 16]), |mark| mark.content),
        version: 1,
        sequence: doubt.map_or(epoch, |mark| mark.sequence),
        row: Hash128([event.content; 16]),
        form: u32::from(event.content),
        resend: event.what > 200,
    };
    (entry, Outcome::from_byte(event.what / 3 % 5).unwrap())
}

fn silent(event: &Event, state: &Unit, epoch: u64) -> Delta {
    let row = Hash128([event.content; 16]);
    match (event.what % 3, state.entry) {
        (0, _) => acknowledge_silently(None, epoch),
        (1, Some(entry)) => rewrite(entry, u32::from(event.content), row),
        _ => acknowledge_silently(Some((u32::from(event.content), row)), epoch),
    }
}

fn play(world: &mut World, id: u64, delta: &Delta, value: &Owned) {
    let (state, entry_value, mark_value) = world.entry(id).or_default();
    state.apply(delta);
    match delta.entry {
        EntryChange::Keep => {}
        EntryChange::Set(_) => *entry_value = Some(value.clone()),
        EntryChange::Delete => *entry_value = None,
    }
    if !delta.marks.is_empty() {
        *mark_value = Some(value.clone());
    }
}

/// What a scan must say of the world.
fn seen(world: &World, now: i64) -> Read {
    let mut out = Read::new();
    for (id, (state, entry_value, mark_value)) in world {
        let state = state.clone().settled(now);
        let mark_value = mark_value.clone().filter(|_| !state.marks.is_empty());
        if state.entry.is_some() || !state.marks.is_empty() {
            out.insert(unit(*id), (state, entry_value.clone(), mark_value));
        }
    }
    out
}

async fn write(objects: &Objects, world: &mut World, drawn: &Drawn, number: u32) -> Layer {
    let kind = if drawn.window { SegmentKind::Window } else { SegmentKind::Delta };
    let mut writer = SegmentWriter::create(objects, identity(number, kind), &shapes()).await.unwrap();
    let mut outcomes = Vec::new();
    for (id, event) in &drawn.events {
        let state = world.entry(*id).or_default().0.clone();
        let value = Owned::new(*id, event.row.map(|length| vec![number as u8; length]));
        let delta = if drawn.window {
            let (entry, outcome) = window_entry(event, &state, u64::from(number));
            writer.push_window(unit(*id), &entry, value.value()).await.unwrap();
            outcomes.push(outcome);
            checkpoint(&entry, outcome, drawn.settles_at)
        } else {
            let delta = silent(event, &state, u64::from(number));
            let set = matches!(delta.entry, EntryChange::Set(_)).then(|| value.value());
            writer.push_delta(unit(*id), &delta, set, None).await.unwrap();
            delta
        };
        play(world, *id, &delta, &value);
    }
    let segment = writer.finish().await.unwrap();
    if drawn.window {
        Layer::window(segment, outcomes.into_iter().collect(), drawn.settles_at)
    } else {
        Layer::delta(segment)
    }
}

async fn history(layers: Vec<Drawn>, merges: Vec<(usize, usize, usize)>, now: i64, later: i64) {
    let (_folder, objects) = storage();
    let (mut world, mut manifest) = (World::new(), Manifest::default());
    for (index, drawn) in layers.iter().enumerate() {
        manifest.layers.push(write(&objects, &mut world, drawn, index as u32).await);
        for (number, (_, from, length)) in merges.iter().enumerate().filter(|(_, (when, ..))| *when == index) {
            let from = from % manifest.layers.len().max(1);
            let to = (from + 1 + length).min(manifest.layers.len());
            if from < to {
                let identity = identity(1000 + number as u32, SegmentKind::Delta);
                manifest = compact(&objects, &manifest, identity, from..to, now).await.unwrap();
            }
            for at in [now, later] {
                assert_eq!(read(&objects, &manifest, at).await.unwrap(), seen(&world, at));
            }
        }
    }
    for at in [now, later] {
        assert_eq!(read(&objects, &manifest, at).await.unwrap(), seen(&world, at));
    }
    if !manifest.layers.is_empty() {
        let all = 0..manifest.layers.len();
        manifest = compact(&objects, &manifest, identity(2000, SegmentKind::Delta), all, later).await.unwrap();
        let seen = seen(&world, later);
        assert_eq!(manifest.layers.iter().map(|layer| layer.segment.entries).sum::<u64>(), seen.len() as u64);
        assert_eq!(read(&objects, &manifest, later).await.unwrap(), seen);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn merging_any_neighboring_layers_changes_nothing_that_a_scan_says(
        layers in proptest::collection::vec(layer(), 1..9),
        merges in proptest::collection::vec((0_usize..9, 0_usize..9, 0_usize..5), 0..5),
        now in 0_i64..100, wait in 0_i64..60,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(history(layers, merges, now, now + wait));
    }
}

#[tokio::test]
async fn compacting_while_told_to_keeps_few_layers_and_every_unit() {
    let (_folder, objects) = storage();
    let (mut world, mut manifest) = (World::new(), Manifest::default());
    let mut number = 0;
    for round in 0..150_u64 {
        let event = |id: u64| Event { what: (id * 31 + round) as u8, content: 1, reuse: true, row: Some(500) };
        let events = (round * 7..round * 7 + 20).map(|id| (id, event(id))).collect();
        let drawn = Drawn { window: round % 3 > 0, settles_at: round as i64, events };
        manifest.layers.push(write(&objects, &mut world, &drawn, number).await);
        number += 1;
        while let Some(range) = choose(&manifest) {
            let identity = identity(number, SegmentKind::Delta);
            manifest = compact(&objects, &manifest, identity, range, round as i64).await.unwrap();
            number += 1;
        }
    }
    assert!(manifest.layers.len() < 20);
    assert_eq!(read(&objects, &manifest, 150).await.unwrap(), seen(&world, 150));
    let snapshot = Snapshot::open(&objects, &manifest, 150).await.unwrap();
    let entries = seen(&world, 150).values().filter(|(unit, ..)| unit.entry.is_some()).count();
    assert_eq!(snapshot.count_entries().await.unwrap(), entries as u64);
}

#[tokio::test]
async fn values_keep_their_shapes_when_layers_with_other_tables_merge() {
    let (_folder, objects) = storage();
    let mut manifest = Manifest::default();
    let tables = [vec![0], vec![1, 0], vec![1]];
    for (number, table) in (0..).zip(&tables) {
        let identity = identity(number, SegmentKind::Delta);
        let table: Vec<_> = table.iter().map(|shape| shapes()[*shape].clone()).collect();
        let mut writer = SegmentWriter::create(&objects, identity, &table).await.unwrap();
        for (shape, _) in (0..).zip(&table) {
            let delta = acknowledge_silently(Some((1, Hash128::default())), 12);
            let value = snapshots::Value { key: b"key", shape, row: None };
            let id = unit(u64::from(number) * 10 + u64::from(shape));
            writer.push_delta(id, &delta, Some(value), None).await.unwrap();
        }
        manifest.layers.push(Layer::delta(writer.finish().await.unwrap()));
    }
    let merged = compact(&objects, &manifest, identity(9, SegmentKind::Delta), 0..3, 0).await.unwrap();
    for manifest in [manifest, merged] {
        let snapshot = Snapshot::open(&objects, &manifest, 0).await.unwrap();
        let (mut scan, mut found) = (snapshot.scan(snapshots::FIRST_UNIT, None), Vec::new());
        while let Some(next) = scan.next().await.unwrap() {
            found.push(snapshot.value(&next.entry_value.unwrap()).await.unwrap().shape);
        }
        let wanted = tables.concat();
        let wanted: Vec<_> = wanted.into_iter().map(|shape| shapes()[shape].clone().into()).collect();
        assert_eq!(found, wanted);
    }
}

#[tokio::test]
async fn p7_a_shape_that_no_value_has_any_more_is_not_named_after_a_merge() {
    let (_folder, objects) = storage();
    let mut manifest = Manifest::default();
    for number in 0..2_u32 {
        let identity = identity(number, SegmentKind::Delta);
        let mut writer = SegmentWriter::create(&objects, identity, &shapes()[..2]).await.unwrap();
        // The second layer overwrites each entry of the first with values of the other shape.
        for id in 0..5 {
            let delta = acknowledge_silently(Some((1, Hash128::default())), 12);
            let value = snapshots::Value { key: b"key", shape: number as u16, row: None };
            writer.push_delta(unit(id), &delta, Some(value), None).await.unwrap();
        }
        manifest.layers.push(Layer::delta(writer.finish().await.unwrap()));
    }
    let merged = compact(&objects, &manifest, identity(9, SegmentKind::Delta), 0..2, 0).await.unwrap();
    let snapshot = Snapshot::open(&objects, &merged, 0).await.unwrap();
    assert_eq!(snapshot.shapes().collect::<Vec<_>>(), [&shapes()[1]]);
    assert_eq!(snapshot.count_entries().await.unwrap(), 5);
}

/// Windows that lie one behind the other, as a first run writes them, of several blocks each; some records were refused.
async fn one_behind_the_other(objects: &Objects, refused: &[u64]) -> Manifest {
    let mut manifest = Manifest::default();
    for number in 0..3_u32 {
        let units = u64::from(number) * 2_000..u64::from(number + 1) * 2_000;
        let row = |id: u64| (0..200).map(|at| (id * 31 + at) as u8).collect();
        let entries: Vec<_> =
            units.clone().map(|id| (id, added(id as u8, 12), Owned::new(id, Some(row(id))))).collect();
        let outcome = |id| if refused.contains(&id) { Outcome::Refused } else { Outcome::Acknowledged };
        let outcomes: Outcomes = units.map(outcome).collect();
        manifest.layers.push(Layer::window(window(objects, number, &entries).await, outcomes, 0));
    }
    manifest
}

#[tokio::test]
async fn layers_one_behind_the_other_keep_every_value_when_they_merge() {
    for refused in [&[][..], &[0], &[1_999, 2_000], &[2_500, 5_999]] {
        let (_folder, objects) = storage();
        let manifest = one_behind_the_other(&objects, refused).await;
        let before = read(&objects, &manifest, 0).await.unwrap();
        assert_eq!(before.len(), 6_000 - refused.len());
        let merged = compact(&objects, &manifest, identity(9, SegmentKind::Delta), 0..3, 0).await.unwrap();
        assert_eq!(read(&objects, &merged, 0).await.unwrap(), before);
        // Merged once more, blocks of deltas are taken over too.
        let again = compact(&objects, &merged, identity(10, SegmentKind::Delta), 0..1, 0).await.unwrap();
        assert_eq!(read(&objects, &again, 0).await.unwrap(), before);
        // Whatever the range, nothing of what lies around it comes along.
        let snapshot = Snapshot::open(&objects, &again, 0).await.unwrap();
        for (from, to) in [(0, 10), (1, 2), (1_500, 2_600), (5_990, 6_000)].map(|(from, to)| (unit(from), unit(to))) {
            let some = before.range(from..to).map(|(id, read)| (*id, read.clone())).collect();
            assert_eq!(read_range(&snapshot, from, Some(to)).await.unwrap(), some);
        }
        let bytes = |manifest: &Manifest| manifest.layers.iter().map(|layer| layer.segment.values.bytes).sum::<u64>();
        assert!(bytes(&merged) <= bytes(&manifest) && bytes(&again) <= bytes(&merged));
    }
}

#[tokio::test]
async fn a_damaged_block_is_reported_and_not_taken_over() {
    let (folder, objects) = storage();
    let manifest = one_behind_the_other(&objects, &[]).await;
    let path = folder.path().join(&manifest.layers[1].segment.values.name);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let merged = compact(&objects, &manifest, identity(9, SegmentKind::Delta), 0..3, 0).await;
    assert!(matches!(merged, Err(Error::Corrupt { .. })), "{merged:?}");
}
