//! Merging neighboring layers into one, without changing what the snapshot says.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use domain::Millis;
use engine::unit::{Delta, EntryChange, UnitId};
use objects::Objects;

use crate::error::{Error, Result};
use crate::manifest::{Layer, Manifest};
use crate::name::{SegmentIdentity, SegmentKind};
use crate::segment::{Effect, SegmentRef, SegmentWriter, Shape, Value, ValueBlock};
use crate::snapshot::{FIRST_UNIT, Merge, Snapshot, SnapshotUnit, ValueAt, fold};

/// A snapshot that is compacted while `choose` says so has no more layers than this.
pub const MOST_LAYERS: usize = 64;

/// So many layers of one level are merged.
const FAN_IN: usize = 6;
/// Level 0 ends at `FAN_IN` times this many bytes, each further level at `FAN_IN` times the one before.
const SMALLEST: u64 = 16 << 10;
const LEVELS: usize = 12;

/// Which layers to merge now, if any. Call it after each checkpoint, compact, and call it again until it gives `None`.
///
/// A layer's level is the logarithm of its size to the base 6, but no less than that of any newer layer; so levels
/// fall from old to new. Of 12 levels none keeps 6 layers: at most 60 are left. A merge moves what it reads up one
/// level, or, where a large new layer stands behind small old ones, joins at least one new layer of its level to it;
/// so a byte is written about once for each level, and never more than 6 times.
pub fn choose(manifest: &Manifest) -> Option<Range<usize>> {
    let closed = manifest.layers.iter().take_while(|layer| !layer.open()).count();
    let sizes: Vec<u64> = manifest.layers[..closed].iter().map(|layer| layer.segment.bytes()).collect();
    choose_by_size(&sizes)
}

fn choose_by_size(sizes: &[u64]) -> Option<Range<usize>> {
    let mut levels: Vec<usize> = sizes.iter().map(|bytes| level(*bytes)).collect();
    for index in (1..levels.len()).rev() {
        levels[index - 1] = levels[index - 1].max(levels[index]);
    }
    // Levels fall, so the lowest one stands last.
    let mut end = levels.len();
    while end > 0 {
        let start = levels.partition_point(|level| *level > levels[end - 1]);
        if end - start >= FAN_IN {
            return Some(start..end);
        }
        end = start;
    }
    None
}

fn level(bytes: u64) -> usize {
    let (mut level, mut bound) = (0, SMALLEST * FAN_IN as u64);
    while bytes >= bound && level + 1 < LEVELS {
        (level, bound) = (level + 1, bound * FAN_IN as u64);
    }
    level
}

/// Merges the layers of a range into one segment of deltas and returns the manifest with it in their place; with
/// nothing, where nothing is left of them. With the oldest layer among them the result is the state itself: without
/// deletions, without marks that have settled at `now`. The new segment's objects are durable when this returns; the
/// old ones stay, for readers of the old manifest, until they are collected.
pub async fn compact(
    objects: &Objects,
    manifest: &Manifest,
    identity: SegmentIdentity,
    which: Range<usize>,
    now: Millis,
) -> Result<Manifest> {
    let bad = |what| Error::Compact { from: which.start, to: which.end, what };
    let layers = manifest.layers.get(which.clone()).filter(|layers| !layers.is_empty());
    let layers = layers.ok_or_else(|| bad("the manifest does not have these layers"))?.to_vec();
    if identity.kind != SegmentKind::Delta || identity.sync != layers[0].segment.sync {
        return Err(bad("what comes of it is a segment of deltas of the same sync"));
    }
    let snapshot = Snapshot::open(objects, &Manifest { layers }, now).await?;
    let merged = merge(objects, &snapshot, identity, which.start == 0, &HashSet::new(), now).await?;
    let mut layers = manifest.layers.clone();
    layers.splice(which, merged.map(Layer::delta));
    Ok(Manifest { layers })
}

/// Merges all layers into one that knows nothing of some units: neither entry nor marks, and none of their values.
pub async fn compact_without(
    objects: &Objects,
    manifest: &Manifest,
    identity: SegmentIdentity,
    left_out: &HashSet<UnitId>,
    now: Millis,
) -> Result<Manifest> {
    let snapshot = Snapshot::open(objects, manifest, now).await?;
    let merged = merge(objects, &snapshot, identity, true, left_out, now).await?;
    Ok(Manifest { layers: merged.map(Layer::delta).into_iter().collect() })
}

async fn merge(
    objects: &Objects,
    snapshot: &Snapshot,
    identity: SegmentIdentity,
    oldest: bool,
    left_out: &HashSet<UnitId>,
    now: Millis,
) -> Result<Option<SegmentRef>> {
    let shapes = Shapes::used(snapshot, oldest, left_out, now).await?;
    let mut scan = Merge::new(snapshot, FIRST_UNIT, None);
    let mut target = Target { objects, identity, snapshot, shapes, writer: None, whole: Whole::default() };
    while let Some(id) = scan.next().await? {
        if left_out.contains(&id) {
            continue;
        }
        let merged = if oldest { state(fold(id, scan.effects(), now)) } else { compose(scan.effects()) };
        if !merged.0.empty() {
            target.push(id, merged).await?;
        }
    }
    target.finish().await
}

/// The segment that comes of merging.
struct Target<'a> {
    objects: &'a Objects,
    identity: SegmentIdentity,
    snapshot: &'a Snapshot,
    shapes: Shapes,
    writer: Option<SegmentWriter>,
    whole: Whole,
}

/// Units whose values are a block, from its first one on. Where they turn out to be all of it, it is taken over as it is
/// stored: most of what merging costs is to compress values.
#[derive(Default)]
struct Whole {
    units: Vec<(UnitId, Delta)>,
    at: Vec<ValueAt>,
}

impl Whole {
    /// Whether this value is the one that follows.
    fn goes_on_with(&self, at: &ValueAt) -> bool {
        usize::from(at.index()) == self.at.len()
            && self.at.first().is_none_or(|first| (first.layer(), first.block()) == (at.layer(), at.block()))
    }
}

impl Target<'_> {
    async fn push(&mut self, id: UnitId, merged: Merged) -> Result<()> {
        let (delta, entry_value, mark_value) = merged;
        let whole = match entry_value.filter(|_| mark_value.is_none()) {
            Some(at) if self.shapes.are_those_of(at.layer()) => Some(at),
            _ => None,
        };
        if !whole.is_some_and(|at| self.whole.goes_on_with(&at)) {
            self.piece_by_piece().await?;
        }
        match whole.filter(|at| self.whole.goes_on_with(at)) {
            Some(at) => {
                self.whole.units.push((id, delta));
                self.whole.at.push(at);
                self.take_over(at).await
            }
            None => self.push_one(id, &delta, entry_value, mark_value).await,
        }
    }

    /// Writes the block that ends with this value, if it does.
    async fn take_over(&mut self, last: ValueAt) -> Result<()> {
        let Some(layer) = self.snapshot.layers().get(last.layer()) else { return Err(self.snapshot.no_value(&last)) };
        let count = layer.segment.values.blocks.get(last.block() as usize).map(|block| block.count as usize);
        if count != Some(self.whole.units.len()) {
            return Ok(());
        }
        let (block, stored) = layer.segment.stored_values(self.objects, last.block()).await?;
        let units = std::mem::take(&mut self.whole).units;
        self.writer().await?.push_block(&block, &stored, &units).await
    }

    /// Writes the units of a block that is not taken over.
    async fn piece_by_piece(&mut self) -> Result<()> {
        let Whole { units, at } = std::mem::take(&mut self.whole);
        for ((id, delta), at) in units.into_iter().zip(at) {
            self.push_one(id, &delta, Some(at), None).await?;
        }
        Ok(())
    }

    async fn push_one(
        &mut self,
        id: UnitId,
        delta: &Delta,
        entry_value: Option<ValueAt>,
        mark_value: Option<ValueAt>,
    ) -> Result<()> {
        let entry_value = Held::read(self.snapshot, entry_value).await?;
        let mark_value = Held::read(self.snapshot, mark_value).await?;
        self.writer().await?;
        let Self { snapshot, shapes, writer: Some(writer), .. } = self else { return Ok(()) };
        let entry_value = entry_value.as_ref().map(|held| held.value(snapshot, shapes)).transpose()?;
        let mark_value = mark_value.as_ref().map(|held| held.value(snapshot, shapes)).transpose()?;
        writer.push_delta(id, delta, entry_value, mark_value).await
    }

    /// The segment is begun when there is something to write.
    async fn writer(&mut self) -> Result<&mut SegmentWriter> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => SegmentWriter::create(self.objects, self.identity, &self.shapes.table).await?,
        };
        Ok(self.writer.insert(writer))
    }

    async fn finish(mut self) -> Result<Option<SegmentRef>> {
        self.piece_by_piece().await?;
        match self.writer {
            Some(writer) => writer.finish().await.map(Some),
            None => Ok(None),
        }
    }
}

type Merged = (Delta, Option<ValueAt>, Option<ValueAt>);

/// The delta that makes a unit what it is, from nothing.
fn state(folded: SnapshotUnit) -> Merged {
    let SnapshotUnit { unit, entry_value, mark_value, .. } = folded;
    let entry = unit.entry.map_or(EntryChange::Keep, EntryChange::Set);
    (Delta { entry, ends_doubt: false, marks: unit.marks }, entry_value, mark_value)
}

/// The delta that does what all of them do one after the other.
fn compose<'a>(effects: impl Iterator<Item = (usize, &'a Effect)>) -> Merged {
    let (mut delta, mut entry_value, mut mark_value) = (Delta::default(), None, None);
    for (layer, effect) in effects {
        delta = delta.then(&effect.delta);
        entry_value = effect.entry_value.map(|position| ValueAt::new(layer, position)).or(entry_value);
        mark_value = effect.mark_value.map(|position| ValueAt::new(layer, position)).or(mark_value);
    }
    let entry_value = entry_value.filter(|_| matches!(delta.entry, EntryChange::Set(_)));
    (delta, entry_value, mark_value)
}

/// The tables of shapes of all layers as one.
struct Shapes {
    table: Vec<Shape>,
    /// For each layer, where its shapes stand in the table.
    numbers: Vec<Vec<usize>>,
}

impl Shapes {
    /// Only those that some value of the result has: while an old one is named, readers have to look at every value.
    async fn used(snapshot: &Snapshot, oldest: bool, left_out: &HashSet<UnitId>, now: Millis) -> Result<Self> {
        let all = Self::of(snapshot);
        if all.table.len() < 2 {
            return Ok(all);
        }
        let mut used = vec![false; all.table.len()];
        let mut scan = Merge::new(snapshot, FIRST_UNIT, None);
        while let Some(id) = scan.next().await? {
            if left_out.contains(&id) {
                continue;
            }
            let merged = if oldest { state(fold(id, scan.effects(), now)) } else { compose(scan.effects()) };
            let (_, entry_value, mark_value) = merged;
            for at in [entry_value, mark_value].into_iter().flatten() {
                let block = snapshot.block(&at).await?;
                let shape = block.get(at.index()).map(|value| usize::from(value.shape));
                let number = shape.and_then(|shape| all.numbers.get(at.layer())?.get(shape).copied());
                let slot = number.and_then(|number| used.get_mut(number)).ok_or_else(|| snapshot.no_value(&at))?;
                *slot = true;
            }
        }
        Ok(all.keep(&used))
    }

    /// Whether the values of a layer have these shapes by the numbers that they have there.
    fn are_those_of(&self, layer: usize) -> bool {
        self.numbers.get(layer).is_some_and(|numbers| numbers.iter().enumerate().all(|(at, number)| at == *number))
    }

    /// Numbers of shapes that are not kept mean nothing any more; no value has them.
    fn keep(self, used: &[bool]) -> Self {
        let place = |number: usize| used.iter().take(number).filter(|used| **used).count();
        let numbers = self.numbers.into_iter().map(|layer| layer.into_iter().map(place).collect()).collect();
        let table = self.table.into_iter().zip(used).filter_map(|(shape, used)| used.then_some(shape)).collect();
        Self { table, numbers }
    }

    fn of(snapshot: &Snapshot) -> Self {
        let mut table: Vec<Shape> = Vec::new();
        let mut number = |shape: &Arc<Shape>| {
            let known = table.iter().position(|other| *other == **shape);
            known.unwrap_or_else(|| {
                table.push(Shape::clone(shape));
                table.len() - 1
            })
        };
        let numbers = snapshot.layers().iter().map(|layer| layer.segment.shapes.iter().map(&mut number).collect());
        let numbers = numbers.collect();
        Self { table, numbers }
    }
}

/// A value in the block that holds it.
struct Held {
    at: ValueAt,
    block: Arc<ValueBlock>,
}

impl Held {
    async fn read(snapshot: &Snapshot, at: Option<ValueAt>) -> Result<Option<Self>> {
        match at {
            Some(at) => Ok(Some(Self { at, block: snapshot.block(&at).await? })),
            None => Ok(None),
        }
    }

    fn value(&self, snapshot: &Snapshot, shapes: &Shapes) -> Result<Value<'_>> {
        let found = self.block.get(self.at.index()).and_then(|value| {
            let shape = *shapes.numbers.get(self.at.layer())?.get(usize::from(value.shape))?;
            Some(Value { key: value.key, shape: u16::try_from(shape).ok()?, row: value.row })
        });
        found.ok_or_else(|| snapshot.no_value(&self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Adds layers one by one, compacts as told, and gives the sizes left, all bytes written, and the most layers seen.
    fn grow(added: impl IntoIterator<Item = u64>, keep: impl Fn(u64) -> u64) -> (Vec<u64>, u64, usize) {
        let (mut sizes, mut written, mut most) = (Vec::new(), 0, 0);
        for size in added {
            sizes.push(size);
            most = most.max(sizes.len());
            while let Some(range) = choose_by_size(&sizes) {
                let merged = keep(sizes[range.clone()].iter().sum());
                written += merged;
                sizes.splice(range, [merged]);
            }
        }
        (sizes, written, most)
    }

    #[test]
    fn write_amplification_is_logarithmic() {
        for layer in [1_u64 << 10, 1 << 20, 50 << 20] {
            let count = 20_000;
            let (_, written, most) = grow(std::iter::repeat_n(layer, count), |sum| sum);
            assert!(most < MOST_LAYERS);
            let levels = LEVELS as u64;
            assert!(written <= layer * count as u64 * levels, "{}", written as f64 / (layer * count as u64) as f64);
        }
    }

    #[test]
    fn a_large_base_is_not_rewritten_for_every_few_small_layers() {
        let base = 10_u64 << 30;
        let layers = std::iter::once(base).chain(std::iter::repeat_n(100 << 10, 5_000));
        let (_, written, _) = grow(layers, |sum| sum);
        assert!(written < base);
    }

    #[test]
    fn a_window_that_is_open_is_not_merged() {
        assert_eq!(choose(&Manifest::default()), None);
    }

    proptest! {
        #[test]
        fn there_are_never_more_than_64_layers(
            sizes in proptest::collection::vec((0_u32..45).prop_map(|bits| 1_u64 << bits), 0..600),
            kept in 1_u64..=4,
        ) {
            let total: u64 = sizes.iter().sum();
            let (_, written, most) = grow(sizes, |sum| sum * kept / 4);
            prop_assert!(most < MOST_LAYERS);
            prop_assert!(written <= total * (FAN_IN * LEVELS) as u64);
        }
    }
}
