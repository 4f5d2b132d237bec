//! Format version 1 stays readable: `tests/fixtures/v1` was written by `example` when the format was fixed, and is
//! never written again.

use std::path::PathBuf;

use domain::Change;
use engine::hash::Hash128;
use engine::rules::{Outcome, WindowEntry, acknowledge_silently};
use engine::unit::{Delta, EntryChange, Mark};
use objects::Objects;
use snapshots::{Layer, Manifest, Outcomes, SegmentKind, SegmentWriter, verify};

use crate::common::{Owned, Read, added, identity, read, shapes, storage, unit, window};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1"))
}

fn manifest() -> Manifest {
    serde_json::from_slice(&std::fs::read(folder().join("manifest.json")).unwrap()).unwrap()
}

/// What the fixture holds: a window with every outcome and operation, and deltas with every part.
async fn example(objects: &Objects) -> Manifest {
    let entry = |id: u64| WindowEntry {
        op: Change::ALL[(id % 3) as usize],
        resend: id == 4,
        form: 1 + u32::from(id > 7),
        ..added(id as u8, 12)
    };
    let value = |id: u64| Owned::new(id, (!id.is_multiple_of(5)).then(|| vec![id as u8; 9]));
    let entries: Vec<_> = (0..15).map(|id| (id, entry(id), value(id))).collect();
    let first = window(objects, 1, &entries).await;
    let outcomes: Outcomes = (0..15_u8).map(|id| Outcome::from_byte(id / 3).unwrap()).collect();
    let mut writer = SegmentWriter::create(objects, identity(2, SegmentKind::Delta), &shapes()).await.unwrap();
    let mark = |sequence, doubt| Mark {
        op: Change::Changed,
        content: Hash128([3; 16]),
        version: 2,
        sequence,
        settles_at: 1_700_000_000_000,
        doubt,
    };
    let removed = acknowledge_silently(None, 13);
    writer.push_delta(unit(10), &removed, None, None).await.unwrap();
    let mut set = acknowledge_silently(Some((3, Hash128([8; 16]))), 13);
    set.marks = vec![mark(12, false), mark(13, true)];
    let (entry_value, mark_value) = (value(11), value(12));
    writer.push_delta(unit(11), &set, Some(entry_value.value()), Some(mark_value.value())).await.unwrap();
    let marked = Delta { entry: EntryChange::Keep, ends_doubt: true, marks: vec![mark(14, true)] };
    writer.push_delta(unit(40), &marked, None, Some(value(3).value())).await.unwrap();
    let second = writer.finish().await.unwrap();
    Manifest { layers: vec![Layer::window(first, outcomes, 1_700_000_000_000), Layer::delta(second)] }
}

async fn example_read() -> Read {
    let (_folder, objects) = storage();
    let manifest = example(&objects).await;
    read(&objects, &manifest, 1_600_000_000_000).await.unwrap()
}

#[tokio::test]
async fn segments_of_format_version_1_are_read() {
    let objects = Objects::local(&folder()).unwrap();
    let found = read(&objects, &manifest(), 1_600_000_000_000).await.unwrap();
    assert_eq!(found, example_read().await);
    assert_eq!(found.len(), 9);
    let verified = verify(&objects, &manifest()).await.unwrap();
    assert_eq!((verified.layers, verified.entries, verified.values), (2, 18, 18));
}

#[test]
fn the_bytes_lie_where_the_readme_says() {
    for layer in manifest().layers {
        let segment = layer.segment;
        let kind = if segment.kind == SegmentKind::Window { 1 } else { 2 };
        for (object, part) in [(&segment.hashes, 1), (&segment.values, 2)] {
            let bytes = std::fs::read(folder().join(&object.name)).unwrap();
            let number = |at: usize, length: usize| {
                bytes[at..at + length].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
            };
            assert_eq!(&bytes[..8], b"\x93RCSEG\r\n");
            assert_eq!((number(8, 2), number(10, 1), number(11, 1)), (1, part, kind));
            assert_eq!(&bytes[12..28], segment.sync.uuid().as_bytes());
            assert_eq!((number(28, 8), number(36, 4)), (segment.epoch, u64::from(segment.number)));
            assert_eq!(number(40, 4) + 44, object.header);
            let end = bytes.len();
            assert_eq!(end as u64, object.bytes);
            assert_eq!(&bytes[end - 8..], b"\x93RCEND\r\n");
            assert_eq!(number(end - 16, 8), object.footer);
            let footer = end - object.footer as usize;
            let block = footer + 4 + if part == 1 { 24 } else { 0 };
            assert_eq!(number(footer, 4), 1);
            let (offset, stored) = (number(block, 8), number(block + 8, 4));
            assert_eq!((offset, offset + stored), (object.header, footer as u64));
            let stored = &bytes[offset as usize..footer];
            assert_eq!(&blake3::hash(stored).as_bytes()[..16], &bytes[block + 20..block + 36]);
            let raw = zstd::bulk::decompress(stored, number(block + 12, 4) as usize).unwrap();
            match (part, kind) {
                (1, 1) => assert_eq!((raw.len(), number(block + 16, 4)), (15 * 80, 15)),
                (1, _) => assert_eq!((raw.len(), number(block + 16, 4)), (29 + 143 + 72, 3)),
                (_, 1) => assert_eq!((raw.len(), number(block + 16, 4)), (15 * 15 + 12 * 13, 15)),
                _ => assert_eq!((raw.len(), number(block + 16, 4)), (3 * 15 + 3 * 13, 3)),
            }
        }
    }
}
