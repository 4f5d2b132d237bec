//! The entries of a block of hashes and the values of a block of values, as bytes.

use domain::{Change, Millis};
use engine::hash::Hash128;
use engine::rules::{Outcome, WindowEntry, checkpoint};
use engine::unit::{Delta, Entry, EntryChange, Mark, UnitId};

use super::bytes::Take;
use super::footer::{put_unit, take_unit};
use crate::name::SegmentKind;

/// Where a value lies in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) block: u32,
    pub(crate) index: u16,
}

/// What a segment does to one unit.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Effect {
    pub(crate) delta: Delta,
    pub(crate) entry_value: Option<Position>,
    pub(crate) mark_value: Option<Position>,
}

const RESENT: u8 = 1 << 3;
const ENDS_DOUBT: u8 = 1 << 2;
/// What a delta does to the entry.
const KIND: u8 = 0b11;
const SET: u8 = 1;

/// What they take, in bytes: a record of a window, an entry that is set with its value's position, and a mark.
const POSITION: usize = 6;
const WINDOW: usize = 50 + POSITION;
const ENTRY: usize = 28 + POSITION;
const MARK: usize = 37;

pub(crate) fn put_window(out: &mut Vec<u8>, unit: UnitId, entry: &WindowEntry, value: Position) {
    put_unit(out, unit);
    out.push(op_byte(entry.op));
    out.push(u8::from(entry.resend));
    out.extend(entry.content.0);
    out.extend(entry.version.to_be_bytes());
    out.extend(entry.sequence.to_be_bytes());
    out.extend(entry.row.0);
    out.extend(entry.form.to_be_bytes());
    put_position(out, value);
}

pub(crate) fn put_delta(
    out: &mut Vec<u8>,
    unit: UnitId,
    delta: &Delta,
    entry_value: Option<Position>,
    mark_value: Option<Position>,
) {
    put_unit(out, unit);
    let (kind, resent) = match &delta.entry {
        EntryChange::Keep => (0, false),
        EntryChange::Set(entry) => (SET, entry.resent),
        EntryChange::Delete => (2, false),
    };
    let flags = if delta.ends_doubt { ENDS_DOUBT } else { 0 } | if resent { RESENT } else { 0 };
    out.push(kind | flags);
    if let (EntryChange::Set(entry), Some(value)) = (&delta.entry, entry_value) {
        out.extend(entry.row.0);
        out.extend(entry.form.to_be_bytes());
        out.extend(entry.sequence.to_be_bytes());
        put_position(out, value);
    }
    out.extend((delta.marks.len() as u32).to_be_bytes());
    for mark in &delta.marks {
        out.push(op_byte(mark.op) | u8::from(mark.doubt) << 7);
        out.extend(mark.content.0);
        out.extend(mark.version.to_be_bytes());
        out.extend(mark.sequence.to_be_bytes());
        out.extend(mark.settles_at.to_be_bytes());
    }
    if let Some(value) = mark_value {
        put_position(out, value);
    }
}

/// Reads what an entry does to its unit, which comes before, into `effect`: a window's as the effect of its outcome.
pub(crate) fn take_effect(
    take: &mut Take<'_>,
    kind: SegmentKind,
    outcome: Outcome,
    settles_at: Millis,
    effect: &mut Effect,
) -> Option<()> {
    match kind {
        SegmentKind::Window => *effect = take_window(take, outcome, settles_at)?,
        SegmentKind::Delta => take_delta(take, effect)?,
    }
    Some(())
}

/// What most entries are: one that is set, without marks.
pub(crate) struct Plain {
    pub(crate) unit: UnitId,
    pub(crate) entry: Entry,
    pub(crate) value: Position,
}

impl Plain {
    /// What it takes, in bytes, with its unit.
    pub(crate) const BYTES: usize = 24 + 1 + ENTRY + 4;

    /// From the beginning of the bytes of an entry of a delta, if it is one of these.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes.get(..Self::BYTES)?);
        let (unit, flags) = (take_unit(&mut take)?, take.u8()?);
        let (entry, value) = (take_set(&mut take, flags)?, take_position(&mut take)?);
        (flags & !RESENT == SET && take.u32()? == 0).then_some(Self { unit, entry, value })
    }
}

/// Passes over it. What it does may be malformed, but not its length.
pub(crate) fn pass_effect(take: &mut Take<'_>, kind: SegmentKind) -> Option<()> {
    if kind == SegmentKind::Window {
        return take.bytes(WINDOW).map(drop);
    }
    let sets = take.u8()? & KIND == SET;
    take.bytes(if sets { ENTRY } else { 0 })?;
    let marks = take.u32()? as usize;
    let value = if marks > 0 { POSITION } else { 0 };
    take.bytes(marks.checked_mul(MARK)?.checked_add(value)?).map(drop)
}

fn take_window(take: &mut Take<'_>, outcome: Outcome, settles_at: Millis) -> Option<Effect> {
    let entry = WindowEntry {
        op: op(take.u8()?)?,
        resend: flag(take.u8()?)?,
        content: Hash128(take.array()?),
        version: take.u32()?,
        sequence: take.u64()?,
        row: Hash128(take.array()?),
        form: take.u32()?,
    };
    let value = take_position(take)?;
    let delta = checkpoint(&entry, outcome, settles_at);
    let entry_value = matches!(delta.entry, EntryChange::Set(_)).then_some(value);
    let mark_value = (!delta.marks.is_empty()).then_some(value);
    Some(Effect { delta, entry_value, mark_value })
}

fn take_delta(take: &mut Take<'_>, effect: &mut Effect) -> Option<()> {
    let flags = take.u8()?;
    (effect.delta.entry, effect.entry_value) = match flags & KIND {
        0 => (EntryChange::Keep, None),
        SET => {
            let entry = take_set(take, flags)?;
            (EntryChange::Set(entry), Some(take_position(take)?))
        }
        2 => (EntryChange::Delete, None),
        _ => return None,
    };
    effect.delta.marks.clear();
    for _ in 0..take.u32()? {
        effect.delta.marks.push(take_mark(take)?);
    }
    effect.mark_value = if effect.delta.marks.is_empty() { None } else { Some(take_position(take)?) };
    effect.delta.ends_doubt = flags & ENDS_DOUBT != 0;
    (flags >> 4 == 0).then_some(())
}

fn take_set(take: &mut Take<'_>, flags: u8) -> Option<Entry> {
    let (row, form, sequence) = (Hash128(take.array()?), take.u32()?, take.u64()?);
    Some(Entry { row, form, sequence, resent: flags & RESENT != 0 })
}

fn take_mark(take: &mut Take<'_>) -> Option<Mark> {
    let byte = take.u8()?;
    Some(Mark {
        op: op(byte & 0x7f)?,
        doubt: byte >> 7 == 1,
        content: Hash128(take.array()?),
        version: take.u32()?,
        sequence: take.u64()?,
        settles_at: take.i64()?,
    })
}

pub(crate) fn put_value(out: &mut Vec<u8>, shape: u16, key: &[u8], row: Option<&[u8]>) {
    out.extend(shape.to_be_bytes());
    out.push(u8::from(row.is_some()));
    out.extend((key.len() as u32).to_be_bytes());
    out.extend(key);
    if let Some(row) = row {
        out.extend((row.len() as u32).to_be_bytes());
        out.extend(row);
    }
}

pub(crate) struct RawValue<'a> {
    pub(crate) shape: u16,
    pub(crate) key: &'a [u8],
    pub(crate) row: Option<&'a [u8]>,
}

pub(crate) fn take_value<'a>(take: &mut Take<'a>) -> Option<RawValue<'a>> {
    let shape = take.u16()?;
    let kept = flag(take.u8()?)?;
    let key = take.u32()?;
    let key = take.bytes(key as usize)?;
    let row = match kept {
        false => None,
        true => {
            let row = take.u32()?;
            Some(take.bytes(row as usize)?)
        }
    };
    Some(RawValue { shape, key, row })
}

fn put_position(out: &mut Vec<u8>, position: Position) {
    out.extend(position.block.to_be_bytes());
    out.extend(position.index.to_be_bytes());
}

fn take_position(take: &mut Take<'_>) -> Option<Position> {
    Some(Position { block: take.u32()?, index: take.u16()? })
}

const fn op_byte(op: Change) -> u8 {
    match op {
        Change::Added => 1,
        Change::Changed => 2,
        Change::Removed => 3,
    }
}

const fn op(byte: u8) -> Option<Change> {
    match byte {
        1 => Some(Change::Added),
        2 => Some(Change::Changed),
        3 => Some(Change::Removed),
        _ => None,
    }
}

const fn flag(byte: u8) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}
