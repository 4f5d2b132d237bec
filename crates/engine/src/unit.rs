//! What the snapshot knows of a unit, and the layers it is kept in. A snapshot is a list of layers, oldest first; each
//! layer holds a `Delta` for some units; the state of a unit is the fold of its deltas. Deltas compose, so merging
//! neighboring layers changes no state (property-tested below).

use domain::{Change, Millis};

use crate::form::FormId;
use crate::hash::Hash128;
use crate::rules::Epoch;

/// The unit of acknowledgement: a primary key, and an element of a fan-out (0 where the row does not fan out).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId {
    pub key: Hash128,
    pub child: u64,
}

/// What the stream has acknowledged of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The hash of the row's watched columns, in the given form.
    pub row: Hash128,
    pub form: FormId,
    /// `event.sequence` of the acknowledged version.
    pub sequence: Epoch,
    /// Written by a re-send of older values: the next run sends the current ones, whatever the triggers say.
    pub resent: bool,
}

/// A version that may be in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub op: Change,
    /// The hash of everything a message can be made of; zero for a removal.
    pub content: Hash128,
    /// The sync version that rendered it.
    pub version: u32,
    pub sequence: Epoch,
    /// A put of it may still be applied until then.
    pub settles_at: Millis,
    /// False once the stream acknowledged the unit: then only the settling time is left.
    pub doubt: bool,
}

/// A unit's part of the snapshot; oldest mark first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    pub entry: Option<Entry>,
    pub marks: Vec<Mark>,
}

/// What a layer does to the entry of a unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EntryChange {
    #[default]
    Keep,
    Set(Entry),
    Delete,
}

/// What a layer does to a unit. An acknowledgement by the stream ends every doubt that was there before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    pub entry: EntryChange,
    pub ends_doubt: bool,
    pub marks: Vec<Mark>,
}

impl Unit {
    pub fn apply(&mut self, delta: &Delta) {
        match delta.entry {
            EntryChange::Keep => {}
            EntryChange::Set(entry) => self.entry = Some(entry),
            EntryChange::Delete => self.entry = None,
        }
        overlay(&mut self.marks, delta);
    }

    /// Drops the marks that say nothing any more: acknowledged since, and settled.
    pub fn settle(&mut self, now: Millis) {
        self.marks.retain(|mark| mark.doubt || mark.settles_at > now);
    }

    /// The unit without them.
    pub fn settled(mut self, now: Millis) -> Self {
        self.settle(now);
        self
    }

    pub fn doubts(&self) -> impl DoubleEndedIterator<Item = &Mark> {
        self.marks.iter().filter(|mark| mark.doubt)
    }

    pub fn uncertain(&self) -> bool {
        self.marks.iter().any(|mark| mark.doubt)
    }
}

impl Delta {
    /// The one delta that does what `self` and then `newer` do.
    pub fn then(mut self, newer: &Delta) -> Self {
        if newer.entry != EntryChange::Keep {
            self.entry = newer.entry;
        }
        overlay(&mut self.marks, newer);
        self.ends_doubt |= newer.ends_doubt;
        self
    }

    pub fn empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Marks of `newer` over older ones. A version that was put again keeps its place.
fn overlay(marks: &mut Vec<Mark>, newer: &Delta) {
    if newer.ends_doubt {
        marks.iter_mut().for_each(|mark| mark.doubt = false);
    }
    for mark in &newer.marks {
        match marks.iter_mut().find(|older| older.sequence == mark.sequence) {
            Some(older) => {
                older.doubt |= mark.doubt;
                older.settles_at = older.settles_at.max(mark.settles_at);
            }
            None => marks.push(*mark),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marks() -> impl Strategy<Value = Vec<Mark>> {
        proptest::collection::vec((1_u64..5, 0_i64..4, any::<bool>()), 0..3).prop_map(|marks| {
            let mut out: Vec<Mark> = Vec::new();
            for (sequence, settles_at, doubt) in marks {
                if out.iter().all(|mark| mark.sequence != sequence) {
                    out.push(Mark {
                        op: Change::Changed,
                        content: Hash128::default(),
                        version: 1,
                        sequence,
                        settles_at,
                        doubt,
                    });
                }
            }
            out
        })
    }

    fn delta() -> impl Strategy<Value = Delta> {
        (0_u64..4, any::<bool>(), marks()).prop_map(|(entry, ends_doubt, marks)| Delta {
            entry: match entry {
                0 => EntryChange::Keep,
                1 => EntryChange::Delete,
                sequence => {
                    EntryChange::Set(Entry { row: Hash128([sequence as u8; 16]), form: 1, sequence, resent: false })
                }
            },
            ends_doubt,
            marks,
        })
    }

    proptest! {
        #[test]
        fn merging_neighboring_layers_changes_no_state(
            layers in proptest::collection::vec(delta(), 1..7), at in 0_usize..6, now in 0_i64..4,
        ) {
            let fold = |layers: &[Delta]| {
                let mut unit = Unit::default();
                layers.iter().for_each(|delta| unit.apply(delta));
                unit.settled(now)
            };
            let plain = fold(&layers);
            let mut merged = layers.clone();
            if at + 1 < merged.len() {
                let newer = merged.remove(at + 1);
                merged[at] = merged[at].clone().then(&newer);
            }
            prop_assert_eq!(plain, fold(&merged));
        }
    }
}
