//! The acknowledged snapshot: what the fold of all layers says of each unit.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::{Arc, Mutex, PoisonError};

use domain::Millis;
use engine::form::FormId;
use engine::hash::Hash128;
use engine::rules::Outcome;
use engine::unit::{Unit, UnitId};
use futures::stream::{self, StreamExt, TryStreamExt};
use objects::Objects;

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::segment::{Cursor, Effect, OpenLayer, Plain, Position, Shape, Step, ValueBlock, Wanted};

/// Before all units.
pub const FIRST_UNIT: UnitId = UnitId { key: Hash128([0; 16]), child: 0 };

/// What the value cache may hold, unless told otherwise.
pub const DEFAULT_CACHE: usize = 16 << 20;

/// Layers that are opened at the same time.
const OPENED_AT_ONCE: usize = 8;

/// What all cursors of a scan together may read ahead of themselves.
const READ_AHEAD: u64 = 4 << 20;

/// A snapshot whose segments' headers and footers were read and verified. Blocks are read and verified when needed.
#[derive(Debug)]
pub struct Snapshot {
    objects: Objects,
    layers: Arc<[OpenLayer]>,
    now: Millis,
    cache: Mutex<Cache>,
}

/// A unit that has an entry or marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotUnit {
    pub id: UnitId,
    /// Settled at the time the snapshot was opened for.
    pub unit: Unit,
    /// The acknowledged values; stands with an entry.
    pub entry_value: Option<ValueAt>,
    /// The values of the newest put that may be in the stream; stands with marks.
    pub mark_value: Option<ValueAt>,
}

/// Where a value lies in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueAt {
    layer: usize,
    position: Position,
}

/// A value: canonical bytes and the columns that they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredValue {
    pub key: Vec<u8>,
    pub shape: Arc<Shape>,
    /// `None` where only hashes are kept.
    pub row: Option<Vec<u8>>,
}

/// What a walk over the whole snapshot counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    pub entries: u64,
    /// How many entries are in which form.
    pub forms: BTreeMap<FormId, u64>,
    /// Units of which some version may be in the stream.
    pub uncertain: u64,
}

impl Snapshot {
    /// `now` settles marks. Every window must have its outcomes.
    pub async fn open(objects: &Objects, manifest: &Manifest, now: Millis) -> Result<Self> {
        let other = manifest.layers.iter().find(|layer| layer.segment.sync != manifest.layers[0].segment.sync);
        if let Some(layer) = other {
            return Err(Error::corrupt(&layer.segment.hashes.name, "the manifest mixes segments of several syncs"));
        }
        // A bucket answers late: layers do not wait for each other.
        let opening: Vec<_> = manifest.layers.iter().map(|layer| OpenLayer::open(objects, layer)).collect();
        let layers: Vec<_> = stream::iter(opening).buffered(OPENED_AT_ONCE).try_collect().await?;
        let cache = Mutex::new(Cache::new(DEFAULT_CACHE));
        Ok(Self { objects: objects.clone(), layers: layers.into(), now, cache })
    }

    /// Bounds the memory for decompressed values.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache = Mutex::new(Cache::new(bytes));
        self
    }

    /// The forms that entries may have. It may name one that only overwritten entries had; `census` is exact.
    pub fn forms(&self) -> BTreeSet<FormId> {
        self.layers.iter().flat_map(|layer| layer.segment.hashes.forms.iter().copied()).collect()
    }

    /// The shapes that values may have.
    pub fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.layers.iter().flat_map(|layer| layer.segment.shapes.iter().map(Arc::as_ref))
    }

    /// No more entries than this, found without reading them.
    pub fn entries_upper_bound(&self) -> u64 {
        let acknowledged = |outcome| matches!(outcome, Outcome::Acknowledged | Outcome::AcknowledgedAfterDoubt);
        let bound = |layer: &OpenLayer| {
            let sets = layer.segment.hashes.sets;
            let outcomes = layer.outcomes.as_ref();
            sets.min(outcomes.map_or(sets, |outcomes| outcomes.count(acknowledged)))
        };
        self.layers.iter().map(bound).sum()
    }

    /// Units from one on, up to before another, in order. Holds one block per layer, 4 MiB of read-ahead in all, and
    /// goes on independently of the snapshot it came from.
    pub fn scan(&self, from: UnitId, to: Option<UnitId>) -> Scan {
        Scan { merge: Merge::new(self, from, to), now: self.now, unit: SnapshotUnit::nothing(from) }
    }

    pub async fn census(&self) -> Result<Census> {
        let mut census = Census::default();
        let mut scan = self.scan(FIRST_UNIT, None);
        while let Some(SnapshotUnit { unit, .. }) = scan.advance().await? {
            if let Some(entry) = unit.entry {
                census.entries += 1;
                *census.forms.entry(entry.form).or_default() += 1;
            }
            census.uncertain += u64::from(unit.uncertain());
        }
        Ok(census)
    }

    /// How many units have an entry: reads all hashes.
    pub async fn count_entries(&self) -> Result<u64> {
        Ok(self.census().await?.entries)
    }

    /// One value. See `values` for many.
    pub async fn value(&self, at: &ValueAt) -> Result<StoredValue> {
        let block = self.block(at).await?;
        stored_value(&self.layers[at.layer], Some(&block), at)
    }

    pub(crate) async fn block(&self, at: &ValueAt) -> Result<Arc<ValueBlock>> {
        let Some(layer) = self.layers.get(at.layer) else { return Err(Error::corrupt("?", "a value of no layer")) };
        let key = (at.layer, at.position.block);
        if let Some(block) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Ok(block);
        }
        let block = Arc::new(layer.segment.value_block(&self.objects, at.position.block).await?);
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(key, &block);
        Ok(block)
    }

    pub(crate) fn no_value(&self, at: &ValueAt) -> Error {
        let object = self.layers.get(at.layer).map_or("?", |layer| &layer.segment.reference.values.name);
        no_value(object)
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    pub(crate) fn layers(&self) -> &Arc<[OpenLayer]> {
        &self.layers
    }
}

impl ValueAt {
    pub(crate) const fn new(layer: usize, position: Position) -> Self {
        Self { layer, position }
    }

    pub(crate) const fn layer(&self) -> usize {
        self.layer
    }

    pub(crate) const fn block(&self) -> u32 {
        self.position.block
    }

    pub(crate) const fn index(&self) -> u16 {
        self.position.index
    }
}

/// A value of a block of a layer, if it has it.
pub(crate) fn stored_value(layer: &OpenLayer, block: Option<&ValueBlock>, at: &ValueAt) -> Result<StoredValue> {
    let segment = &layer.segment;
    let found = block.and_then(|block| block.get(at.position.index)).and_then(|value| {
        let shape = segment.shapes.get(usize::from(value.shape))?;
        let row = value.row.map(<[u8]>::to_vec);
        Some(StoredValue { key: value.key.to_vec(), shape: Arc::clone(shape), row })
    });
    found.ok_or_else(|| no_value(&segment.reference.values.name))
}

fn no_value(object: &str) -> Error {
    Error::corrupt(object, "an entry points to a value or a shape that it does not have")
}

impl SnapshotUnit {
    const fn nothing(id: UnitId) -> Self {
        Self { id, unit: Unit { entry: None, marks: Vec::new() }, entry_value: None, mark_value: None }
    }

    /// Becomes what a layer makes of a unit that no other knows.
    fn become_plain(&mut self, layer: usize, plain: &Plain) {
        self.id = plain.unit;
        (self.unit.entry, self.entry_value) = (Some(plain.entry), Some(ValueAt::new(layer, plain.value)));
        self.unit.marks.clear();
        self.mark_value = None;
    }

    /// Becomes what the layers, oldest first, make of a unit.
    fn fold<'a>(&mut self, id: UnitId, effects: impl Iterator<Item = (usize, &'a Effect)>, now: Millis) {
        let Self { unit, entry_value, mark_value, .. } = self;
        self.id = id;
        (unit.entry, *entry_value, *mark_value) = (None, None, None);
        unit.marks.clear();
        for (layer, effect) in effects {
            unit.apply(&effect.delta);
            *entry_value = effect.entry_value.map(|position| ValueAt::new(layer, position)).or(*entry_value);
            *mark_value = effect.mark_value.map(|position| ValueAt::new(layer, position)).or(*mark_value);
        }
        unit.settle(now);
        *entry_value = entry_value.filter(|_| unit.entry.is_some());
        *mark_value = mark_value.filter(|_| !unit.marks.is_empty());
    }
}

/// The units of a snapshot, in order.
pub struct Scan {
    merge: Merge,
    now: Millis,
    /// Where it stands: one place for all units.
    unit: SnapshotUnit,
}

impl Scan {
    /// Before the first unit: passes over all that are not wanted, which takes a fraction of what others do.
    #[must_use]
    pub fn only(mut self, wanted: impl Fn(UnitId) -> bool + Send + Sync + 'static) -> Self {
        let wanted: Wanted = Arc::new(wanted);
        self.merge.cursors.iter_mut().for_each(|cursor| cursor.only(&wanted));
        self
    }

    /// The next unit that has an entry or marks. Waits only where a block has to be read.
    pub async fn next(&mut self) -> Result<Option<SnapshotUnit>> {
        Ok(self.advance().await?.cloned())
    }

    /// The same, lent.
    pub async fn advance(&mut self) -> Result<Option<&SnapshotUnit>> {
        if let Some((layer, plain)) = self.merge.plain() {
            self.unit.become_plain(layer, &plain);
            return Ok(Some(&self.unit));
        }
        while let Some(id) = self.merge.next().await? {
            self.unit.fold(id, self.merge.effects(), self.now);
            if self.unit.unit.entry.is_some() || !self.unit.unit.marks.is_empty() {
                return Ok(Some(&self.unit));
            }
        }
        Ok(None)
    }
}

/// What the layers, oldest first, make of a unit.
pub(crate) fn fold<'a>(id: UnitId, effects: impl Iterator<Item = (usize, &'a Effect)>, now: Millis) -> SnapshotUnit {
    let mut unit = SnapshotUnit::nothing(id);
    unit.fold(id, effects, now);
    unit
}

/// Brings the entries of all layers together by unit.
pub(crate) struct Merge {
    objects: Objects,
    cursors: Vec<Cursor>,
    heap: BinaryHeap<Reverse<(UnitId, usize)>>,
    /// The layers whose cursor has to go on before the next unit is known.
    behind: Vec<usize>,
    /// The layers that know the unit, oldest first.
    at: Vec<usize>,
    state: State,
}

/// What a step without IO gave.
enum Merged {
    Unit(UnitId),
    /// A block is needed.
    Load,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// A call failed or was dropped while it waited.
    Broken,
}

impl Merge {
    pub(crate) fn new(snapshot: &Snapshot, from: UnitId, to: Option<UnitId>) -> Self {
        let layers = &snapshot.layers;
        let read_ahead = READ_AHEAD / layers.len().max(1) as u64;
        let cursors = (0..layers.len()).map(|layer| Cursor::new(layers, layer, from, to, read_ahead)).collect();
        let behind = (0..layers.len()).rev().collect();
        let (objects, heap, at) = (snapshot.objects.clone(), BinaryHeap::new(), Vec::new());
        Self { objects, cursors, heap, behind, at, state: State::Ready }
    }

    /// The next unit.
    pub(crate) async fn next(&mut self) -> Result<Option<UnitId>> {
        loop {
            match self.step()? {
                Merged::Unit(id) => return Ok(Some(id)),
                Merged::End => return Ok(None),
                Merged::Load => self.load().await?,
            }
        }
    }

    /// The next unit, if only one layer knows it and all it does is to set the entry. Mostly it is so.
    fn plain(&mut self) -> Option<(usize, Plain)> {
        let [layer] = self.behind[..] else { return None };
        if self.state == State::Broken {
            return None;
        }
        let before = self.heap.peek().map(|Reverse((id, _))| *id);
        Some((layer, self.cursors[layer].plain(before)?))
    }

    /// What each layer that knows the unit does to it, oldest first.
    pub(crate) fn effects(&self) -> impl Iterator<Item = (usize, &Effect)> {
        self.at.iter().map(|layer| (*layer, self.cursors[*layer].effect()))
    }

    /// What can be said without waiting. After `Load` comes `load`, and then the next step.
    fn step(&mut self) -> Result<Merged> {
        if std::mem::replace(&mut self.state, State::Broken) == State::Broken {
            return Err(Error::Interrupted);
        }
        self.at.clear();
        while let Some(&layer) = self.behind.last() {
            match self.cursors[layer].step()? {
                // Mostly it is the turn of the layer that was last, and no other knows the unit.
                Step::Entry(id) if self.behind.len() == 1 && self.is_next(id) => {
                    self.at.push(layer);
                    self.state = State::Ready;
                    return Ok(Merged::Unit(id));
                }
                Step::Entry(id) => self.heap.push(Reverse((id, layer))),
                Step::Load => return Ok(Merged::Load),
                Step::End => {}
            }
            self.behind.pop();
        }
        let mut next = None;
        while let Some(Reverse((id, layer))) = self.heap.peek().copied() {
            if *next.get_or_insert(id) != id {
                break;
            }
            self.heap.pop();
            self.at.push(layer);
            self.behind.push(layer);
        }
        self.state = State::Ready;
        Ok(next.map_or(Merged::End, Merged::Unit))
    }

    /// Whether a unit comes before what all other layers stand at.
    fn is_next(&self, id: UnitId) -> bool {
        self.heap.peek().is_none_or(|Reverse((next, _))| id < *next)
    }

    async fn load(&mut self) -> Result<()> {
        if let Some(&layer) = self.behind.last() {
            self.cursors[layer].load(&self.objects).await?;
        }
        self.state = State::Ready;
        Ok(())
    }
}
