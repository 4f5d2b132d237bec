//! What the tests share: a storage, segments from plain data, and a scan as plain data.

use std::collections::BTreeMap;

use domain::{Change, Column, ColumnType, Millis, SyncId};
use engine::hash::Hash128;
use engine::rules::{Outcome, WindowEntry};
use engine::unit::{Unit, UnitId};
use objects::{Durability, Objects};
use snapshots::{
    FIRST_UNIT, Layer, Manifest, SegmentIdentity, SegmentKind, SegmentRef, SegmentWriter, Shape, Snapshot, StoredValue,
    Value,
};
use tempfile::TempDir;

pub(crate) fn storage() -> (TempDir, Objects) {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::local(folder.path()).unwrap().durability(Durability::Unsynced);
    (folder, objects)
}

pub(crate) fn identity(number: u32, kind: SegmentKind) -> SegmentIdentity {
    SegmentIdentity { sync: SyncId::from_uuid(uuid::Uuid::from_u128(1)), epoch: 12, number, kind }
}

pub(crate) fn unit(number: u64) -> UnitId {
    UnitId { key: Hash128(u128::from(number >> 1).to_be_bytes()), child: number & 1 }
}

pub(crate) fn shapes() -> Vec<Shape> {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind, source_type: "t".to_owned() };
    let key = vec![column("id", ColumnType::Int)];
    let tags = ColumnType::Array(Box::new(ColumnType::Text));
    vec![
        Shape { key: key.clone(), columns: vec![] },
        Shape { key, columns: vec![column("id", ColumnType::Int), column("tags", tags)] },
    ]
}

/// A value, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) key: Vec<u8>,
    pub(crate) row: Option<Vec<u8>>,
}

impl Owned {
    pub(crate) fn new(unit: u64, row: Option<Vec<u8>>) -> Self {
        Self { key: unit.to_be_bytes().to_vec(), row }
    }

    pub(crate) fn value(&self) -> Value<'_> {
        Value { key: &self.key, shape: u16::from(self.row.is_some()), row: self.row.as_deref() }
    }

    fn of(stored: StoredValue) -> Self {
        assert_eq!(*stored.shape, shapes()[usize::from(stored.row.is_some())]);
        Self { key: stored.key, row: stored.row }
    }
}

pub(crate) fn added(content: u8, sequence: u64) -> WindowEntry {
    WindowEntry {
        op: Change::Added,
        content: Hash128([content; 16]),
        version: 1,
        sequence,
        row: Hash128([content ^ 0x55; 16]),
        form: 1,
        resend: false,
    }
}

pub(crate) async fn window(objects: &Objects, number: u32, entries: &[(u64, WindowEntry, Owned)]) -> SegmentRef {
    let identity = identity(number, SegmentKind::Window);
    let mut writer = SegmentWriter::create(objects, identity, &shapes()).await.unwrap();
    for (id, entry, value) in entries {
        writer.push_window(unit(*id), entry, value.value()).await.unwrap();
    }
    writer.finish().await.unwrap()
}

pub(crate) fn acknowledged(segment: SegmentRef) -> Manifest {
    let outcomes = snapshots::Outcomes::all(Outcome::Acknowledged, segment.entries);
    Manifest { layers: vec![Layer::window(segment, outcomes, 0)] }
}

/// Everything a scan says, values included.
pub(crate) type Read = BTreeMap<UnitId, (Unit, Option<Owned>, Option<Owned>)>;

pub(crate) async fn read(objects: &Objects, manifest: &Manifest, now: Millis) -> snapshots::Result<Read> {
    let snapshot = Snapshot::open(objects, manifest, now).await?.cache_bytes(200_000);
    read_range(&snapshot, FIRST_UNIT, None).await
}

pub(crate) async fn read_range(snapshot: &Snapshot, from: UnitId, to: Option<UnitId>) -> snapshots::Result<Read> {
    let mut scan = snapshot.scan(from, to);
    let mut found = Vec::new();
    while let Some(next) = scan.next().await? {
        found.push(next);
    }
    let is_wanted = |id: UnitId| id.key.0.iter().fold(id.child as u8, |sum, byte| sum ^ byte) % 3 == 1;
    let (mut scan, mut some) = (snapshot.scan(from, to).only(is_wanted), Vec::new());
    while let Some(next) = scan.next().await? {
        some.push(next);
    }
    assert_eq!(some, found.iter().filter(|next| is_wanted(next.id)).cloned().collect::<Vec<_>>());
    let wanted: Vec<_> = found.iter().flat_map(|next| [next.entry_value, next.mark_value]).flatten().collect();
    let mut values = snapshot.values(wanted);
    let mut out = Read::new();
    for next in found {
        let mut taken = [None, None];
        for (taken, at) in taken.iter_mut().zip([next.entry_value, next.mark_value]) {
            if let Some(at) = at {
                let value = values.next().await?.unwrap();
                assert_eq!(value, snapshot.value(&at).await?);
                *taken = Some(Owned::of(value));
            }
        }
        let [entry_value, mark_value] = taken;
        assert!(out.last_key_value().is_none_or(|(last, _)| *last < next.id));
        out.insert(next.id, (next.unit, entry_value, mark_value));
    }
    assert_eq!(values.next().await?, None);
    Ok(out)
}
