//! Going through the entries of one layer, block by block.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use engine::rules::Outcome;
use engine::unit::UnitId;
use objects::Objects;

use super::bytes::Take;
use super::entry::{Effect, Plain, pass_effect, take_effect};
use super::footer::{BlockRef, take_unit};
use super::reader::{OpenLayer, read, unpack};
use crate::error::{Error, Result};
use crate::outcomes::OutcomeCursor;

/// Holds one decompressed block, and stored ones within its read-ahead.
pub(crate) struct Cursor {
    layers: Arc<[OpenLayer]>,
    layer: usize,
    blocks: Range<usize>,
    ahead: VecDeque<Bytes>,
    read_ahead: u64,
    raw: Vec<u8>,
    at: usize,
    /// Entries of the block that are still to be parsed.
    left: u32,
    outcomes: Option<OutcomeCursor>,
    last: Option<UnitId>,
    /// Of the entry that it stands at: one place for all of them.
    effect: Effect,
    from: UnitId,
    to: Option<UnitId>,
    /// If not all units between them are.
    wanted: Option<Wanted>,
}

/// Whether a unit is wanted.
pub(crate) type Wanted = Arc<dyn Fn(UnitId) -> bool + Send + Sync>;

/// What a step without IO gave.
pub(crate) enum Step {
    /// It stands at an entry of this unit.
    Entry(UnitId),
    /// The next block is needed.
    Load,
    End,
}

impl Cursor {
    pub(crate) fn new(
        layers: &Arc<[OpenLayer]>,
        layer: usize,
        from: UnitId,
        to: Option<UnitId>,
        read_ahead: u64,
    ) -> Self {
        let OpenLayer { segment, outcomes, .. } = &layers[layer];
        let blocks = segment.blocks(from, to);
        let skipped = segment.hashes.blocks[..blocks.start].iter().map(|(_, block)| u64::from(block.count)).sum();
        Self {
            outcomes: outcomes.as_ref().map(|outcomes| outcomes.cursor(skipped)),
            layers: Arc::clone(layers),
            layer,
            blocks,
            ahead: VecDeque::new(),
            read_ahead,
            raw: Vec::new(),
            at: 0,
            left: 0,
            last: None,
            effect: Effect::default(),
            from,
            to,
            wanted: None,
        }
    }

    /// Passes over the entries of all other units.
    pub(crate) fn only(&mut self, wanted: &Wanted) {
        self.wanted = Some(Arc::clone(wanted));
    }

    /// What the entry that it stands at does to its unit.
    pub(crate) const fn effect(&self) -> &Effect {
        &self.effect
    }

    /// The next entry, if it is plain, its unit comes before another one, and there is nothing out of the ordinary about it. What is,
    /// is left for `step`. It does not stand at it then.
    #[inline]
    pub(crate) fn plain(&mut self, before: Option<UnitId>) -> Option<Plain> {
        // Deltas have no outcomes; and with the last entry of a block comes its end.
        if self.outcomes.is_some() || self.wanted.is_some() || self.left < 2 {
            return None;
        }
        let plain = Plain::read(self.raw.get(self.at..)?)?;
        let (unit, ends) = (plain.unit, [before, self.to]);
        let after = unit >= self.from && self.last.is_none_or(|last| unit > last);
        if !after || ends.into_iter().flatten().any(|end| unit >= end) {
            return None;
        }
        (self.at, self.left, self.last) = (self.at + Plain::BYTES, self.left - 1, Some(unit));
        Some(plain)
    }

    pub(crate) fn step(&mut self) -> Result<Step> {
        while self.left > 0 {
            let (unit, wanted) = self.parse()?;
            if self.to.is_some_and(|to| unit >= to) {
                self.left = 0;
                self.blocks = 0..0;
            } else if wanted && unit >= self.from {
                return Ok(Step::Entry(unit));
            }
        }
        Ok(if self.blocks.is_empty() { Step::End } else { Step::Load })
    }

    /// Loads the next block.
    pub(crate) async fn load(&mut self, objects: &Objects) -> Result<()> {
        if self.ahead.is_empty() {
            self.fetch(objects).await?;
        }
        let index = self.blocks.start;
        let segment = &self.layers[self.layer].segment;
        let object = &segment.reference.hashes.name;
        let (first, block) = segment.hashes.blocks[index];
        let stored = self.ahead.pop_front().unwrap_or_default();
        self.raw = unpack(object, &block, &stored)?;
        (self.at, self.left) = (0, block.count);
        if take_unit(&mut Take(&self.raw)) != Some(first) {
            return Err(Error::corrupt(object, "a block does not begin with the unit that the footer names"));
        }
        self.blocks.start += 1;
        Ok(())
    }

    /// Reads as many of the next blocks as the read-ahead allows, at least one.
    async fn fetch(&mut self, objects: &Objects) -> Result<()> {
        let segment = &self.layers[self.layer].segment;
        let mut refs: Vec<BlockRef> = Vec::new();
        let mut bytes = 0;
        for (_, block) in &segment.hashes.blocks[self.blocks.clone()] {
            bytes += u64::from(block.stored);
            if !refs.is_empty() && bytes > self.read_ahead {
                break;
            }
            refs.push(*block);
        }
        let (Some(first), Some(last)) = (refs.first(), refs.last()) else { return Ok(()) };
        let range = first.offset..last.range().end;
        let start = range.start;
        let stored = read(objects, &segment.reference.hashes.name, range).await?;
        for block in &refs {
            let at = (block.offset - start) as usize;
            self.ahead.push_back(stored.slice(at..at + block.stored as usize));
        }
        Ok(())
    }

    /// The unit of the next entry, and whether it is wanted. Only then it is known what it does.
    fn parse(&mut self) -> Result<(UnitId, bool)> {
        let OpenLayer { segment, settles_at, .. } = &self.layers[self.layer];
        let bad = |what| Error::corrupt(&segment.reference.hashes.name, what);
        let outcome = match &mut self.outcomes {
            Some(outcomes) => outcomes.next().ok_or_else(|| bad("it has more entries than outcomes"))?,
            None => Outcome::NotPut,
        };
        let (mut take, kind) = (Take(&self.raw[self.at..]), segment.reference.kind);
        let malformed = || bad("a block of entries is not well-formed");
        let unit = take_unit(&mut take).ok_or_else(malformed)?;
        let wanted = self.wanted.as_ref().is_none_or(|wanted| wanted(unit));
        let parsed = match wanted {
            true => take_effect(&mut take, kind, outcome, *settles_at, &mut self.effect),
            false => pass_effect(&mut take, kind),
        };
        parsed.ok_or_else(malformed)?;
        if self.last.is_some_and(|last| last >= unit) {
            return Err(bad("its entries are not in order"));
        }
        self.at = self.raw.len() - take.0.len();
        self.left -= 1;
        self.last = Some(unit);
        if self.left == 0 && self.at != self.raw.len() {
            return Err(bad("a block holds more than its entries"));
        }
        Ok((unit, wanted))
    }
}
