//! Chosen units, any number of them: spilled like the rows of the model, and read in the order of the units.

use std::collections::VecDeque;

use domain::Change;
use engine::canonical::{Corrupt, fields, push_field};
use engine::hash::Hash128;
use engine::unit::UnitId;
use serde_json::Value as Json;
use spill::{Item, Partition, PartitionItems, Read, RowSpill, Scratch};

use crate::Error;
use crate::plan::unsent::{Unsent, Why};

/// What is done with chosen units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Sent as the model has them now. `rejected`: as long as they differ from what was acknowledged.
    Current { rejected: bool },
    /// Sent as the log has them.
    Original,
    /// Acknowledged without sending.
    Dismiss,
}

/// What was found of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Found {
    Wanted = 0,
    /// It is not chosen after all: what was found first of a unit decides.
    Skip = 1,
    ValuesNotLogged = 2,
    ValuesDoNotFit = 3,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(super) unit: UnitId,
    pub(super) found: Found,
    /// Of the rejection, or of the record that was put.
    pub(super) op: Change,
    /// JSON, for people.
    pub(super) key: String,
    /// Of logged values: the content, and the watched columns in the form of the run.
    pub(super) hashes: [Hash128; 2],
    /// Logged values, as what is kept of a row.
    pub(super) kept: Option<Vec<u8>>,
    /// The key in canonical form, where values are logged or a removal is.
    pub(super) unit_key: Vec<u8>,
}

impl Pick {
    pub(super) fn chosen(unit: UnitId, op: Change, key: String) -> Self {
        let (hashes, kept, unit_key) = (Default::default(), None, Vec::new());
        Self { unit, found: Found::Wanted, op, key, hashes, kept, unit_key }
    }

    pub(super) fn json(&self) -> Json {
        serde_json::from_str(&self.key).unwrap_or_default()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        out.push(self.found as u8);
        out.push(Change::ALL.iter().position(|op| *op == self.op).unwrap_or_default() as u8);
        push_field(out, Some(self.key.as_bytes()));
        push_field(out, self.kept.as_deref());
        push_field(out, Some(&self.unit_key));
    }

    fn decode(unit: UnitId, hashes: &[Hash128], bytes: &[u8]) -> Result<Self, Corrupt> {
        let ([found, op], rest) = bytes.split_first_chunk().ok_or(Corrupt)?;
        let all = [Found::Wanted, Found::Skip, Found::ValuesNotLogged, Found::ValuesDoNotFit];
        let mut rest = fields(rest);
        let mut next = || rest.next().ok_or(Corrupt)?.map(|field| field.map(<[u8]>::to_vec));
        let key = String::from_utf8(next()?.unwrap_or_default()).map_err(|_error| Corrupt)?;
        Ok(Self {
            unit,
            found: *all.get(usize::from(*found)).ok_or(Corrupt)?,
            op: *Change::ALL.get(usize::from(*op)).ok_or(Corrupt)?,
            key,
            hashes: hashes.try_into().map_err(|_error| Corrupt)?,
            kept: next()?,
            unit_key: next()?.unwrap_or_default(),
        })
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.unit_key.len() + self.kept.as_ref().map_or(0, Vec::len)
    }
}

/// Takes picks in any order. Of a unit that comes more than once, the first counts.
pub(super) struct PickSpill {
    scratch: Scratch,
    spill: RowSpill,
    buffer: Vec<u8>,
}

impl PickSpill {
    pub(super) fn new(scratch: Scratch) -> Self {
        Self { scratch, spill: RowSpill::create(2), buffer: Vec::new() }
    }

    pub(super) fn push(&mut self, pick: &Pick) -> Result<(), Error> {
        pick.encode(&mut self.buffer);
        Ok(self.spill.push(&self.scratch, pick.unit, &pick.hashes, &self.buffer)?)
    }

    /// `memory`: of the items of a partition; of picks that are read ahead, a part of it.
    pub(super) fn finish(self, mode: Mode, unsent: Unsent, memory: usize) -> Result<Picks, Error> {
        let mut todo = self.spill.finish(snapshots::FIRST_UNIT, None)?;
        todo.reverse();
        let chosen = unsent.total;
        Ok(Picks { scratch: self.scratch, todo, current: None, ready: VecDeque::new(), memory, mode, unsent, chosen })
    }
}

/// The chosen units in their order.
pub(crate) struct Picks {
    scratch: Scratch,
    todo: Vec<Partition>,
    /// And how many of its items were read.
    current: Option<(Partition, PartitionItems, usize)>,
    ready: VecDeque<Pick>,
    memory: usize,
    pub(super) mode: Mode,
    pub(super) unsent: Unsent,
    /// How many there were so far.
    pub(super) chosen: u64,
}

impl Picks {
    /// The next unit, if it comes before `end`.
    pub(super) fn next_before(&mut self, end: Option<UnitId>) -> Result<Option<UnitId>, Error> {
        if self.ready.is_empty() {
            self.refill()?;
        }
        Ok(self.ready.front().map(|pick| pick.unit).filter(|unit| end.is_none_or(|end| *unit < end)))
    }

    /// The next one, if it is of this unit and chosen.
    pub(super) fn take(&mut self, unit: UnitId) -> Option<Pick> {
        let pick = self.ready.pop_front_if(|pick| pick.unit == unit)?;
        if pick.found == Found::Skip {
            return None;
        }
        self.chosen += 1;
        Some(pick)
    }

    pub(super) fn refuse(&mut self, pick: &Pick, why: Why) {
        self.unsent.push(pick.json(), why);
    }

    fn refill(&mut self) -> Result<(), Error> {
        while self.ready.is_empty() {
            if let Some((partition, items, at)) = &mut self.current {
                let some = some(items, at, self.memory / 4);
                if !some.is_empty() {
                    let mut picks = vec![None; some.len()];
                    let mut damaged = Ok(());
                    partition.visit(&some, |index, row| {
                        match Pick::decode(some[index].unit, items.hashes(&some[index]), row) {
                            Ok(pick) => picks[index] = Some(pick),
                            Err(error) => damaged = Err(error),
                        }
                        Ok(())
                    })?;
                    damaged?;
                    self.ready.extend(picks.into_iter().flatten());
                    continue;
                }
            }
            self.current = None;
            let Some(partition) = self.todo.pop() else { return Ok(()) };
            match partition.read(self.memory)? {
                Read::TooLarge(partition) => self.todo.extend(partition.split(&self.scratch)?.into_iter().rev()),
                Read::Whole(partition, items) => self.current = Some((partition, items, 0)),
            }
        }
        Ok(())
    }
}

/// The next items, one of each unit, whose rows take so many bytes or a little more.
fn some(items: &PartitionItems, at: &mut usize, most: usize) -> Vec<Item> {
    let (mut out, mut bytes) = (Vec::<Item>::new(), 0);
    while let Some(item) = items.items.get(*at).filter(|_| bytes <= most) {
        *at += 1;
        if out.last().is_none_or(|last| last.unit != item.unit) {
            // A unit never begins a part that has another item in the part before.
            if *at >= 2 && items.items[*at - 2].unit == item.unit {
                continue;
            }
            bytes += item.row_len() + size_of::<Pick>();
            out.push(*item);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(n: u64) -> UnitId {
        let mut key = Hash128::default();
        key.0[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        UnitId { key, child: 0 }
    }

    fn pick(n: u64, text: &str) -> Pick {
        let kept = n.is_multiple_of(2).then(|| vec![n as u8; n as usize % 90]);
        Pick { kept, ..Pick::chosen(unit(n), Change::ALL[n as usize % 3], format!("\"{text}{n}\"")) }
    }

    #[test]
    fn the_first_of_each_unit_comes_back_in_the_order_of_units_whatever_the_memory() {
        for memory in [2_000, 20_000, 10 << 20] {
            let root = tempfile::tempdir().unwrap();
            let mut spill = PickSpill::new(Scratch::create(root.path(), "run", u64::MAX).unwrap());
            for text in ["first", "second", "third"] {
                (0..3_000).for_each(|n| spill.push(&pick(n, text)).unwrap());
            }
            spill.push(&Pick { found: Found::Skip, ..pick(5_000, "") }).unwrap();
            let mut picks = spill.finish(Mode::Original, Unsent::default(), memory).unwrap();
            let mut back = Vec::new();
            while let Some(unit) = picks.next_before(None).unwrap() {
                assert!(picks.next_before(Some(unit)).unwrap().is_none());
                back.extend(picks.take(unit));
            }
            assert!(back.is_sorted_by_key(|pick| pick.unit));
            back.sort_by_key(|pick| {
                pick.key.len() * 10_000 + pick.key[6..pick.key.len() - 1].parse::<usize>().unwrap()
            });
            assert_eq!((back, picks.chosen), ((0..3_000).map(|n| pick(n, "first")).collect::<Vec<_>>(), 3_000));
        }
    }
}
