//! Many values at once: blocks that lie beside each other are read with one request, ahead of whoever takes the values, and
//! decoded on all processors. One value after the other would wait for each block: for a bucket, that is a round trip.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::vec;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use objects::Objects;
use tokio_util::task::AbortOnDropHandle;

use crate::error::{Error, Result};
use crate::segment::{OpenLayer, ValueBlock};
use crate::snapshot::{Snapshot, StoredValue, ValueAt, stored_value};

/// What the blocks of a group take in memory, or more if one of them alone does.
const GROUP: u64 = 1 << 20;

/// Groups that are read at the same time.
const AT_ONCE: usize = 4;

/// Values on their way.
pub struct Values {
    groups: BoxStream<'static, Result<Vec<StoredValue>>>,
    some: vec::IntoIter<StoredValue>,
}

impl Snapshot {
    /// The values at these places, in this order. They go past the cache, and it costs least where neighbors are wanted one after the
    /// other, as they are in the order of the units.
    pub fn values(&self, wanted: Vec<ValueAt>) -> Values {
        let (objects, layers) = (self.objects().clone(), Arc::clone(self.layers()));
        let read = move |group| {
            let read = read(objects.clone(), Arc::clone(&layers), group);
            let read = AbortOnDropHandle::new(tokio::spawn(read));
            async { read.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())) }
        };
        let groups = stream::iter(groups(self.layers(), wanted)).map(read).buffered(AT_ONCE).boxed();
        Values { groups, some: Vec::new().into_iter() }
    }
}

impl Values {
    /// The next value. Nothing comes after an error.
    pub async fn next(&mut self) -> Result<Option<StoredValue>> {
        if let Some(value) = self.some.next() {
            return Ok(Some(value));
        }
        match self.groups.try_next().await {
            Ok(group) => self.some = group.unwrap_or_default().into_iter(),
            Err(error) => {
                self.groups = stream::empty().boxed();
                return Err(error);
            }
        }
        Ok(self.some.next())
    }
}

/// Takes what is wanted apart: of each group the blocks are so many as may be read at once.
fn groups(layers: &Arc<[OpenLayer]>, wanted: Vec<ValueAt>) -> impl Iterator<Item = Vec<ValueAt>> + Send + use<> {
    let layers = Arc::clone(layers);
    let mut wanted = wanted.into_iter().peekable();
    std::iter::from_fn(move || {
        let (mut group, mut blocks, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
        while let Some(at) = wanted.peek() {
            if !blocks.contains(&(at.layer(), at.block())) {
                let block = layers.get(at.layer()).and_then(|layer| layer.segment.block_of_values(at.block()).ok());
                bytes += block.map_or(0, |block| u64::from(block.raw));
                if !group.is_empty() && bytes > GROUP {
                    break;
                }
                blocks.insert((at.layer(), at.block()));
            }
            group.extend(wanted.next());
        }
        (!group.is_empty()).then_some(group)
    })
}

async fn read(objects: Objects, layers: Arc<[OpenLayer]>, wanted: Vec<ValueAt>) -> Result<Vec<StoredValue>> {
    let places: BTreeSet<(usize, u32)> = wanted.iter().map(|at| (at.layer(), at.block())).collect();
    let places: Vec<_> = places.into_iter().collect();
    let runs = places.chunk_by(|one, next| one.0 == next.0 && one.1 + 1 == next.1).map(|run| {
        let (objects, layers) = (&objects, &layers);
        async move {
            let layer = run[0].0;
            let blocks: Vec<u32> = run.iter().map(|(_, block)| *block).collect();
            let blocks = open(layers, layer)?.segment.value_blocks(objects, &blocks).await?;
            Ok::<_, Error>(blocks.into_iter().map(move |(block, values)| ((layer, block), values)))
        }
    });
    let runs = futures::future::try_join_all(runs).await?;
    let blocks: HashMap<(usize, u32), ValueBlock> = runs.into_iter().flatten().collect();
    let value = |at: &ValueAt| {
        let block = blocks.get(&(at.layer(), at.block()));
        stored_value(open(&layers, at.layer())?, block, at)
    };
    wanted.iter().map(value).collect()
}

fn open(layers: &[OpenLayer], layer: usize) -> Result<&OpenLayer> {
    layers.get(layer).ok_or_else(|| Error::corrupt("?", "a value of no layer"))
}

#[cfg(test)]
mod tests {
    use domain::{Change, Column, ColumnType, SyncId};
    use engine::hash::Hash128;
    use engine::rules::{Outcome, WindowEntry};
    use engine::unit::UnitId;

    use super::*;
    use crate::{FIRST_UNIT, Layer, Manifest, Outcomes, SegmentIdentity, SegmentKind, SegmentWriter, Shape, Value};

    /// What is stored of values may be a hundredth of them, so it says nothing of the memory that they take.
    #[tokio::test]
    async fn however_well_values_compress_few_blocks_are_unpacked_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let (sync, kind) = (SyncId::from_uuid(uuid::Uuid::nil()), SegmentKind::Window);
        let id = Column { name: "id".to_owned(), kind: ColumnType::Int, source_type: "t".to_owned() };
        let shape = Shape { key: vec![id.clone()], columns: vec![id] };
        let identity = SegmentIdentity { sync, epoch: 1, number: 1, kind };
        let mut writer = SegmentWriter::create(&objects, identity, &[shape]).await.unwrap();
        let (content, row) = (Hash128::default(), vec![7; 40 << 10]);
        let (op, version, sequence, form, resend) = (Change::Added, 1, 1, 1, false);
        let entry = WindowEntry { op, content, version, sequence, row: content, form, resend };
        for key in 0..100_u128 {
            let unit = UnitId { key: Hash128(key.to_be_bytes()), child: 0 };
            writer.push_window(unit, &entry, Value { key: b"k", shape: 0, row: Some(&row) }).await.unwrap();
        }
        let segment = writer.finish().await.unwrap();
        assert!(segment.values.bytes < 100 << 10, "they compress well");
        let outcomes = Outcomes::all(Outcome::Acknowledged, segment.entries);
        let manifest = Manifest { layers: vec![Layer::window(segment, outcomes, 0)] };
        let snapshot = Snapshot::open(&objects, &manifest, 0).await.unwrap();
        let (mut scan, mut wanted) = (snapshot.scan(FIRST_UNIT, None), Vec::new());
        while let Some(unit) = scan.advance().await.unwrap() {
            wanted.extend(unit.entry_value);
        }
        let groups: Vec<_> = groups(snapshot.layers(), wanted.clone()).collect();
        assert_eq!(groups.concat(), wanted);
        for group in groups {
            assert!(group.len() * row.len() <= GROUP as usize, "{} values at once", group.len());
        }
    }
}
