//! The footer of either object: where its blocks lie, and totals.

use std::ops::Range;

use engine::form::FormId;
use engine::hash::Hash128;
use engine::unit::UnitId;

use super::bytes::Take;
use super::header::END;

/// Where a block lies and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockRef {
    pub(crate) offset: u64,
    /// Stored and raw length in bytes.
    pub(crate) stored: u32,
    pub(crate) raw: u32,
    /// How many entries or values it holds.
    pub(crate) count: u32,
    /// The first 16 bytes of BLAKE3 over the stored bytes.
    pub(crate) digest: [u8; 16],
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HashesFooter {
    /// Each with its first unit.
    pub(crate) blocks: Vec<(UnitId, BlockRef)>,
    pub(crate) last: UnitId,
    pub(crate) entries: u64,
    pub(crate) sets: u64,
    pub(crate) forms: Vec<FormId>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ValuesFooter {
    pub(crate) blocks: Vec<BlockRef>,
    pub(crate) values: u64,
}

impl BlockRef {
    /// The bytes of the object in which it is stored.
    pub(crate) fn range(&self) -> Range<u64> {
        self.offset..self.offset + u64::from(self.stored)
    }
}

pub(crate) fn digest16(stored: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&blake3::hash(stored).as_bytes()[..16]);
    out
}

impl HashesFooter {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = (self.blocks.len() as u32).to_be_bytes().to_vec();
        for (first, block) in &self.blocks {
            put_unit(&mut out, *first);
            block.encode(&mut out);
        }
        put_unit(&mut out, self.last);
        out.extend(self.entries.to_be_bytes());
        out.extend(self.sets.to_be_bytes());
        out.extend((self.forms.len() as u32).to_be_bytes());
        self.forms.iter().for_each(|form| out.extend(form.to_be_bytes()));
        finish(out)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(body(bytes)?);
        let blocks = take.u32()?;
        let blocks = (0..blocks).map(|_| Some((take_unit(&mut take)?, BlockRef::decode(&mut take)?)));
        let blocks = blocks.collect::<Option<_>>()?;
        let last = take_unit(&mut take)?;
        let (entries, sets) = (take.u64()?, take.u64()?);
        let forms = take.u32()?;
        let forms = (0..forms).map(|_| take.u32()).collect::<Option<_>>()?;
        take.done().then_some(Self { blocks, last, entries, sets, forms })
    }
}

impl ValuesFooter {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = (self.blocks.len() as u32).to_be_bytes().to_vec();
        self.blocks.iter().for_each(|block| block.encode(&mut out));
        out.extend(self.values.to_be_bytes());
        finish(out)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(body(bytes)?);
        let blocks = take.u32()?;
        let blocks = (0..blocks).map(|_| BlockRef::decode(&mut take)).collect::<Option<_>>()?;
        let values = take.u64()?;
        take.done().then_some(Self { blocks, values })
    }
}

impl BlockRef {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.offset.to_be_bytes());
        out.extend(self.stored.to_be_bytes());
        out.extend(self.raw.to_be_bytes());
        out.extend(self.count.to_be_bytes());
        out.extend(self.digest);
    }

    fn decode(take: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            offset: take.u64()?,
            stored: take.u32()?,
            raw: take.u32()?,
            count: take.u32()?,
            digest: take.array()?,
        })
    }
}

pub(crate) fn put_unit(out: &mut Vec<u8>, unit: UnitId) {
    out.extend(unit.key.0);
    out.extend(unit.child.to_be_bytes());
}

pub(crate) fn take_unit(take: &mut Take<'_>) -> Option<UnitId> {
    Some(UnitId { key: Hash128(take.array()?), child: take.u64()? })
}

/// The length of the whole footer and the end mark close it, for tools that have no manifest.
fn finish(mut out: Vec<u8>) -> Vec<u8> {
    let length = out.len() as u64 + 16;
    out.extend(length.to_be_bytes());
    out.extend(END);
    out
}

fn body(bytes: &[u8]) -> Option<&[u8]> {
    let at = bytes.len().checked_sub(16)?;
    let (body, tail) = bytes.split_at(at);
    let mut take = Take(tail);
    (take.u64()? == bytes.len() as u64 && take.array() == Some(END)).then_some(body)
}
