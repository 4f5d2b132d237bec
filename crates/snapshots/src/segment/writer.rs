//! Writing a segment: units in ascending order, values beside them. Holds one block of each, the indexes, and what two
//! object writers hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Change;
use engine::form::FormId;
use engine::rules::WindowEntry;
use engine::unit::{Delta, EntryChange, UnitId};
use objects::Objects;

use super::entry::{Position, put_delta, put_value, put_window};
use super::footer::{BlockRef, HashesFooter, ValuesFooter, digest16};
use super::header::{Header, Shape};
use super::{ObjectRef, SegmentRef};
use crate::error::{Error, Result};
use crate::name::{ObjectName, Part, SegmentIdentity, SegmentKind};

/// A block is closed once its raw bytes reach this.
const BLOCK: usize = 64 << 10;
/// The most that one value or one entry may take; offsets in a block are 32 bits wide.
const LARGEST: usize = 1 << 30;
const LEVEL: i32 = 1;

/// The values that were sent or acknowledged: canonical bytes, and which columns they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    pub key: &'a [u8],
    /// The index of its shape in the segment's table.
    pub shape: u16,
    /// `None` where only hashes are kept.
    pub row: Option<&'a [u8]>,
}

pub struct SegmentWriter {
    identity: SegmentIdentity,
    shapes: usize,
    hashes: BlockWriter,
    values: BlockWriter,
    first: UnitId,
    last: Option<UnitId>,
    firsts: Vec<UnitId>,
    entries: u64,
    sets: u64,
    forms: BTreeSet<FormId>,
}

impl SegmentWriter {
    pub async fn create(objects: &Objects, identity: SegmentIdentity, shapes: &[Shape]) -> Result<Self> {
        let shapes: Vec<_> = shapes.iter().cloned().map(Arc::new).collect();
        let header = |part| Header { identity, part, shapes: shapes.clone() };
        Ok(Self {
            identity,
            shapes: shapes.len(),
            hashes: BlockWriter::create(objects, &header(Part::Hashes)).await?,
            values: BlockWriter::create(objects, &header(Part::Values)).await?,
            first: UnitId { key: Default::default(), child: 0 },
            last: None,
            firsts: Vec::new(),
            entries: 0,
            sets: 0,
            forms: BTreeSet::new(),
        })
    }

    /// A record of a window and the values that it carries (a removal: the acknowledged ones).
    pub async fn push_window(&mut self, unit: UnitId, entry: &WindowEntry, value: Value<'_>) -> Result<()> {
        if self.identity.kind != SegmentKind::Window {
            return Err(self.unfit(unit, "a record of a window was pushed to a segment of deltas"));
        }
        self.ascending(unit)?;
        let value = self.push_value(unit, value).await?;
        if entry.op != Change::Removed {
            self.sets += 1;
            self.forms.insert(entry.form);
        }
        put_window(&mut self.hashes.raw, unit, entry, value);
        self.close_entry(unit).await
    }

    /// What is done to a unit. `entry_value` goes with an entry that is set, `mark_value` (the newest put that may be
    /// in the stream) with marks. A delta that does nothing is left out.
    pub async fn push_delta(
        &mut self,
        unit: UnitId,
        delta: &Delta,
        entry_value: Option<Value<'_>>,
        mark_value: Option<Value<'_>>,
    ) -> Result<()> {
        if self.identity.kind != SegmentKind::Delta {
            return Err(self.unfit(unit, "a delta was pushed to a segment of a window"));
        }
        self.check_values(unit, delta, entry_value.is_some(), mark_value.is_some())?;
        if delta.empty() {
            return Ok(());
        }
        self.ascending(unit)?;
        let entry_position = match entry_value {
            Some(value) => Some(self.push_value(unit, value).await?),
            None => None,
        };
        let mark_position = match mark_value {
            Some(_) if mark_value == entry_value => entry_position,
            Some(value) => Some(self.push_value(unit, value).await?),
            None => None,
        };
        self.put_delta(unit, delta, entry_position, mark_position).await
    }

    /// Takes over a block of values as another segment with the same shapes stores it, and the units that it is all of: the
    /// entry of each is set to its value, in their order.
    pub(crate) async fn push_block(
        &mut self,
        block: &BlockRef,
        stored: &[u8],
        units: &[(UnitId, Delta)],
    ) -> Result<()> {
        let whole = u32::try_from(units.len()).is_ok_and(|count| count == block.count);
        if let Some((unit, _)) = units.first().filter(|_| !whole || block.count > u32::from(u16::MAX)) {
            return Err(self.unfit(*unit, "a block is taken over with all units that its values are of"));
        }
        self.values.close().await?;
        let number = self.values.next_block()?;
        self.values.append(stored, block.raw, block.count).await?;
        for (index, (unit, delta)) in (0..).zip(units) {
            self.check_values(*unit, delta, true, false)?;
            self.ascending(*unit)?;
            self.put_delta(*unit, delta, Some(Position { block: number, index }), None).await?;
        }
        Ok(())
    }

    fn check_values(&self, unit: UnitId, delta: &Delta, entry: bool, mark: bool) -> Result<()> {
        if matches!(delta.entry, EntryChange::Set(_)) != entry {
            return Err(self.unfit(unit, "an entry that is set, and no other, has a value"));
        }
        if delta.marks.is_empty() == mark {
            return Err(self.unfit(unit, "marks, and nothing else, have the value of the newest put"));
        }
        if delta.marks.len() > LARGEST / 64 {
            return Err(self.unfit(unit, "it has more marks than fit"));
        }
        Ok(())
    }

    async fn put_delta(
        &mut self,
        unit: UnitId,
        delta: &Delta,
        entry_value: Option<Position>,
        mark_value: Option<Position>,
    ) -> Result<()> {
        if let EntryChange::Set(entry) = &delta.entry {
            self.sets += 1;
            self.forms.insert(entry.form);
        }
        put_delta(&mut self.hashes.raw, unit, delta, entry_value, mark_value);
        self.close_entry(unit).await
    }

    /// How many entries were pushed.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Publishes both objects durably. The values come first: hashes never stand without them.
    pub async fn finish(mut self) -> Result<SegmentRef> {
        self.close_hashes().await?;
        self.values.close().await?;
        let values_footer = ValuesFooter { values: self.values.total, blocks: std::mem::take(&mut self.values.blocks) };
        let blocks = self.firsts.into_iter().zip(std::mem::take(&mut self.hashes.blocks)).collect();
        let hashes_footer = HashesFooter {
            blocks,
            last: self.last.unwrap_or(self.first),
            entries: self.entries,
            sets: self.sets,
            forms: self.forms.into_iter().collect(),
        };
        let values = self.values.finish(&values_footer.encode()).await?;
        let hashes = self.hashes.finish(&hashes_footer.encode()).await?;
        let SegmentIdentity { sync, epoch, number, kind } = self.identity;
        Ok(SegmentRef { sync, epoch, number, kind, entries: self.entries, hashes, values })
    }

    fn ascending(&mut self, unit: UnitId) -> Result<()> {
        match self.last {
            Some(last) if last >= unit => Err(Error::Order { object: self.hashes.object.clone(), last, next: unit }),
            _ => {
                self.last = Some(unit);
                Ok(())
            }
        }
    }

    async fn push_value(&mut self, unit: UnitId, value: Value<'_>) -> Result<Position> {
        if usize::from(value.shape) >= self.shapes {
            return Err(self.unfit(unit, "the shape of its value is not in the table"));
        }
        if value.key.len() + value.row.map_or(0, <[u8]>::len) > LARGEST {
            return Err(Error::TooLarge { object: self.values.object.clone(), what: "a value of more than 1 GiB" });
        }
        let values = &mut self.values;
        if values.count > u32::from(u16::MAX) {
            values.close().await?;
        }
        let position = Position { block: values.next_block()?, index: values.count as u16 };
        put_value(&mut values.raw, value.shape, value.key, value.row);
        values.count += 1;
        if values.raw.len() >= BLOCK {
            values.close().await?;
        }
        Ok(position)
    }

    async fn close_entry(&mut self, unit: UnitId) -> Result<()> {
        if self.hashes.count == 0 {
            self.first = unit;
        }
        self.hashes.count += 1;
        self.entries += 1;
        if self.hashes.raw.len() >= BLOCK { self.close_hashes().await } else { Ok(()) }
    }

    async fn close_hashes(&mut self) -> Result<()> {
        if self.hashes.count > 0 {
            self.hashes.next_block()?;
            self.firsts.push(self.first);
        }
        self.hashes.close().await
    }

    fn unfit(&self, unit: UnitId, what: &'static str) -> Error {
        Error::Unfit { object: self.hashes.object.clone(), unit, what }
    }
}

/// One object of a segment: header, blocks, footer.
struct BlockWriter {
    object: String,
    writer: objects::Writer,
    compressor: zstd::bulk::Compressor<'static>,
    header: Vec<u8>,
    raw: Vec<u8>,
    count: u32,
    total: u64,
    offset: u64,
    blocks: Vec<BlockRef>,
}

impl BlockWriter {
    async fn create(objects: &Objects, header: &Header) -> Result<Self> {
        let object = ObjectName { segment: header.identity, part: header.part }.to_string();
        let bytes = header.encode().map_err(|source| Error::Shapes { object: object.clone(), source })?;
        let compressor = zstd::bulk::Compressor::new(LEVEL);
        let compressor = compressor.map_err(|source| Error::Compress { object: object.clone(), source })?;
        let mut writer = objects.create(&object).await?;
        writer.write(&bytes).await?;
        let offset = bytes.len() as u64;
        let (raw, blocks) = (Vec::with_capacity(BLOCK + BLOCK / 4), Vec::new());
        Ok(Self { object, writer, compressor, header: bytes, raw, count: 0, total: 0, offset, blocks })
    }

    fn next_block(&self) -> Result<u32> {
        let next = u32::try_from(self.blocks.len()).ok().filter(|next| *next < u32::MAX);
        next.ok_or_else(|| Error::TooLarge { object: self.object.clone(), what: "more than 4 billion blocks" })
    }

    async fn close(&mut self) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let stored = self.compressor.compress(&self.raw);
        let stored = stored.map_err(|source| Error::Compress { object: self.object.clone(), source })?;
        self.append(&stored, self.raw.len() as u32, self.count).await?;
        self.count = 0;
        self.raw.clear();
        // One giant value does not keep its memory until the end of the segment.
        self.raw.shrink_to(2 * BLOCK);
        Ok(())
    }

    /// Adds a compressed block.
    async fn append(&mut self, stored: &[u8], raw: u32, count: u32) -> Result<()> {
        self.writer.write(stored).await?;
        let (offset, digest) = (self.offset, digest16(stored));
        self.blocks.push(BlockRef { offset, stored: stored.len() as u32, raw, count, digest });
        self.offset += stored.len() as u64;
        self.total += u64::from(count);
        Ok(())
    }

    async fn finish(mut self, footer: &[u8]) -> Result<ObjectRef> {
        self.writer.write(footer).await?;
        let bytes = self.writer.finish().await?;
        let mut digest = blake3::Hasher::new();
        digest.update(&self.header).update(footer);
        Ok(ObjectRef {
            name: self.object,
            bytes,
            header: self.header.len() as u64,
            footer: footer.len() as u64,
            digest: digest.finalize().into(),
        })
    }
}
