//! Reading a segment. Nothing is parsed before its digest was checked, and nothing is read that no digest covers.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use domain::Millis;
use engine::unit::UnitId;
use objects::Objects;
use zstd::bulk::Decompressor;

use super::bytes::Take;
use super::entry::{RawValue, take_value};
use super::footer::{BlockRef, HashesFooter, ValuesFooter, digest16};
use super::header::{Header, Shape};
use super::{Digest, ObjectRef, SegmentRef};
use crate::error::{Error, Result};
use crate::name::{Part, SegmentIdentity, SegmentKind};
use crate::outcomes::Outcomes;

/// A segment whose headers and footers were read and verified.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) reference: SegmentRef,
    pub(crate) hashes: HashesFooter,
    pub(crate) values: ValuesFooter,
    pub(crate) shapes: Vec<Arc<Shape>>,
}

/// A segment with what became of its entries.
#[derive(Debug)]
pub(crate) struct OpenLayer {
    pub(crate) segment: Segment,
    pub(crate) outcomes: Option<Outcomes>,
    pub(crate) settles_at: Millis,
}

impl Segment {
    pub(crate) async fn open(objects: &Objects, reference: &SegmentRef) -> Result<Self> {
        let SegmentRef { sync, epoch, number, kind, .. } = *reference;
        let identity = SegmentIdentity { sync, epoch, number, kind };
        let hashes = ends(objects, &reference.hashes, identity, Part::Hashes);
        let values = ends(objects, &reference.values, identity, Part::Values);
        let (hashes, values) = futures::join!(hashes, values);
        let ((_, hashes), (header, values)) = (hashes?, values?);
        let bad = |object: &ObjectRef, what: &str| Error::corrupt(&object.name, what);
        let hashes = HashesFooter::decode(&hashes).ok_or_else(|| bad(&reference.hashes, "its footer is cut"))?;
        let values = ValuesFooter::decode(&values).ok_or_else(|| bad(&reference.values, "its footer is cut"))?;
        let blocks = hashes.blocks.iter().map(|(_, block)| block);
        if !tiled(blocks, &reference.hashes, hashes.entries) || hashes.entries != reference.entries {
            return Err(bad(&reference.hashes, "its footer does not agree with itself"));
        }
        if !hashes.blocks.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Err(bad(&reference.hashes, "its blocks are not in order"));
        }
        if !tiled(values.blocks.iter(), &reference.values, values.values) {
            return Err(bad(&reference.values, "its footer does not agree with itself"));
        }
        Ok(Self { reference: reference.clone(), hashes, values, shapes: header.shapes })
    }

    pub(crate) async fn value_block(&self, objects: &Objects, block: u32) -> Result<ValueBlock> {
        let at = self.block_of_values(block)?;
        let stored = read(objects, &self.reference.values.name, at.range()).await?;
        self.decode_values(at, &stored)
    }

    /// A block of values as it is stored, if it is the one that was written.
    pub(crate) async fn stored_values(&self, objects: &Objects, block: u32) -> Result<(BlockRef, Bytes)> {
        let object = &self.reference.values.name;
        let at = self.block_of_values(block)?;
        let stored = read(objects, object, at.range()).await?;
        if digest16(&stored) != at.digest {
            return Err(Error::corrupt(object, format!("the block at byte {} is not the one written", at.offset)));
        }
        Ok((*at, stored))
    }

    /// Blocks of values that lie behind each other, from the first to the last of the named ones, read at once.
    pub(crate) async fn value_blocks(&self, objects: &Objects, blocks: &[u32]) -> Result<Vec<(u32, ValueBlock)>> {
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return Ok(Vec::new()) };
        let range = self.block_of_values(*first)?.offset..self.block_of_values(*last)?.range().end;
        let start = range.start;
        let stored = read(objects, &self.reference.values.name, range).await?;
        let decode = |block: &u32| {
            let at = self.block_of_values(*block)?;
            let from = (at.offset - start) as usize;
            Ok((*block, self.decode_values(at, &stored[from..from + at.stored as usize])?))
        };
        blocks.iter().map(decode).collect()
    }

    /// Where a block of values lies.
    pub(crate) fn block_of_values(&self, block: u32) -> Result<&BlockRef> {
        let at = self.values.blocks.get(block as usize);
        at.ok_or_else(|| Error::corrupt(&self.reference.values.name, "an entry points to a value behind its end"))
    }

    fn decode_values(&self, at: &BlockRef, stored: &[u8]) -> Result<ValueBlock> {
        let object = &self.reference.values.name;
        ValueBlock::decode(unpack(object, at, stored)?, at.count)
            .ok_or_else(|| Error::corrupt(object, "a block of values is not well-formed"))
    }

    /// The blocks that may hold units from one to before another.
    pub(super) fn blocks(&self, from: UnitId, to: Option<UnitId>) -> Range<usize> {
        let blocks = &self.hashes.blocks;
        let start = blocks.partition_point(|(first, _)| *first <= from).saturating_sub(1);
        let end = to.map_or(blocks.len(), |to| blocks.partition_point(|(first, _)| *first < to));
        if from > self.hashes.last { 0..0 } else { start..end.max(start) }
    }
}

/// Reads and verifies header and footer of an object.
async fn ends(objects: &Objects, object: &ObjectRef, identity: SegmentIdentity, part: Part) -> Result<(Header, Bytes)> {
    let name = &object.name;
    let bytes = objects.len(name).await.map_err(|source| Error::reading(name, source))?;
    if bytes != object.bytes {
        return Err(Error::corrupt(name, format!("it is {bytes} bytes long, not {}", object.bytes)));
    }
    let body = bytes.checked_sub(object.footer).filter(|start| *start >= object.header);
    let Some(footer) = body else {
        return Err(Error::corrupt(name, "the manifest says that header and footer are longer than the object"));
    };
    let header = read(objects, name, 0..object.header);
    let (header, footer) = futures::join!(header, read(objects, name, footer..bytes));
    let (header, footer) = (header?, footer?);
    let mut digest = blake3::Hasher::new();
    digest.update(&header).update(&footer);
    if Digest::from(digest.finalize()) != object.digest {
        return Err(Error::corrupt(name, "its header or footer is not the one that was written"));
    }
    let header = Header::decode(&header).map_err(|what| Error::corrupt(name, what))?;
    if header.identity != identity || header.part != part {
        return Err(Error::corrupt(name, format!("it belongs to {:?}, {:?}", header.identity, header.part)));
    }
    Ok((header, footer))
}

/// Whether the blocks fill the object between header and footer, and hold as many items as they should.
fn tiled<'a>(blocks: impl Iterator<Item = &'a BlockRef>, object: &ObjectRef, items: u64) -> bool {
    let (mut offset, mut count) = (object.header, 0);
    for block in blocks {
        if block.offset != offset || block.count == 0 {
            return false;
        }
        offset += u64::from(block.stored);
        count += u64::from(block.count);
    }
    offset == object.bytes - object.footer && count == items
}

pub(super) async fn read(objects: &Objects, object: &str, range: Range<u64>) -> Result<Bytes> {
    objects.read(object, range).await.map_err(|source| Error::reading(object, source))
}

pub(super) fn unpack(object: &str, block: &BlockRef, stored: &[u8]) -> Result<Vec<u8>> {
    if digest16(stored) != block.digest {
        return Err(Error::corrupt(object, format!("the block at byte {} is not the one written", block.offset)));
    }
    // A context is larger than a block: making one anew each time costs half as much as unpacking does.
    thread_local! {
        static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let raw = ZSTD.with_borrow_mut(|kept| {
        let zstd = match kept {
            Some(zstd) => zstd,
            none => none.insert(Decompressor::new()?),
        };
        zstd.decompress(stored, block.raw as usize)
    });
    match raw {
        Ok(raw) if raw.len() == block.raw as usize => Ok(raw),
        _ => Err(Error::corrupt(object, format!("the block at byte {} does not decompress", block.offset))),
    }
}

/// A decompressed block of values.
#[derive(Debug)]
pub(crate) struct ValueBlock {
    bytes: Vec<u8>,
    starts: Vec<u32>,
}

impl ValueBlock {
    pub(crate) fn decode(bytes: Vec<u8>, count: u32) -> Option<Self> {
        let mut take = Take(&bytes);
        let mut starts = Vec::new();
        for _ in 0..count {
            starts.push(u32::try_from(bytes.len() - take.0.len()).ok()?);
            take_value(&mut take)?;
        }
        take.done().then_some(())?;
        Some(Self { bytes, starts })
    }

    pub(crate) fn get(&self, index: u16) -> Option<RawValue<'_>> {
        let start = *self.starts.get(usize::from(index))?;
        take_value(&mut Take(self.bytes.get(start as usize..)?))
    }

    /// The shapes that its values have.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = u16> {
        (0..self.starts.len()).filter_map(|index| self.get(index as u16)).map(|value| value.shape)
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// What it takes in memory.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + 4 * self.starts.len()
    }
}

impl OpenLayer {
    pub(crate) async fn open(objects: &Objects, layer: &crate::Layer) -> Result<Self> {
        let object = &layer.segment.hashes.name;
        match (layer.segment.kind, &layer.outcomes) {
            (SegmentKind::Window, None) => return Err(Error::Open { object: object.clone() }),
            (SegmentKind::Delta, Some(_)) => {
                return Err(Error::corrupt(object, "the manifest has outcomes for it, though it is no window"));
            }
            (_, Some(outcomes)) if outcomes.len() != layer.segment.entries => {
                let what =
                    format!("the manifest has {} outcomes for its {} entries", outcomes.len(), layer.segment.entries);
                return Err(Error::corrupt(object, what));
            }
            _ => {}
        }
        let segment = Segment::open(objects, &layer.segment).await?;
        Ok(Self { segment, outcomes: layer.outcomes.clone(), settles_at: layer.settles_at })
    }
}
