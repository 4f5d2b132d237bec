//! The product's durable snapshot: layers, oldest first. A window is a layer that says nothing while it is open.

use engine::rules::{Epoch, WindowEntry};
use engine::unit::{Delta, EntryChange, Unit, UnitId};

use crate::mistake::Mistake;
use crate::source::Value;

/// What a layer holds of a unit: its delta, and beside it the values of the entry that it sets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    pub delta: Delta,
    pub value: Option<Value>,
    pub flaw: Flaw,
}

/// What only mistakes do to a unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Flaw {
    #[default]
    None,
    DropMark(Epoch),
    ClearMarks,
    /// The acknowledgement of this version leaves the doubts about others.
    EndOwnDoubt(Epoch),
    /// This version's mark is put in the place of all others.
    Overwrite(Epoch),
}

#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub entries: Vec<(UnitId, WindowEntry, Option<Value>)>,
    pub registered_at: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub id: u32,
    pub items: Vec<(UnitId, Item)>,
    pub open: Option<Open>,
}

/// The state of a unit and the acknowledged values.
pub(crate) fn fold(layers: &[Layer], id: UnitId) -> (Unit, Option<Value>) {
    let (mut unit, mut value) = (Unit::default(), None);
    for (_, item) in layers.iter().flat_map(|layer| &layer.items).filter(|(of, _)| *of == id) {
        apply(&mut unit, item);
        if item.delta.entry != EntryChange::Keep {
            value = item.value;
        }
    }
    (unit, value)
}

fn apply(unit: &mut Unit, item: &Item) {
    let before = if item.flaw == Flaw::None { Vec::new() } else { unit.marks.clone() };
    match item.flaw {
        Flaw::Overwrite(sequence) if before.iter().all(|mark| mark.sequence != sequence) => unit.marks.clear(),
        _ => {}
    }
    unit.apply(&item.delta);
    match item.flaw {
        Flaw::None | Flaw::Overwrite(_) => {}
        Flaw::ClearMarks => unit.marks.clear(),
        Flaw::DropMark(sequence) => unit.marks.retain(|mark| mark.sequence != sequence),
        Flaw::EndOwnDoubt(sequence) => {
            for mark in unit.marks.iter_mut().filter(|mark| mark.sequence != sequence) {
                mark.doubt = before.iter().any(|old| old.sequence == mark.sequence && old.doubt);
            }
        }
    }
}

/// Merges the layer at `at` with its newer neighbor. False where a window is open.
pub(crate) fn merge(layers: &mut Vec<Layer>, at: usize, now: i64, mistake: Mistake) -> bool {
    let fits = |layer: &Layer| layer.open.is_none() && layer.items.iter().all(|(_, item)| item.flaw == Flaw::None);
    if at + 1 >= layers.len() || !fits(&layers[at]) || !fits(&layers[at + 1]) {
        return false;
    }
    let newer = layers.remove(at + 1);
    let older = &mut layers[at];
    for (id, item) in newer.items {
        match older.items.iter_mut().find(|(of, _)| *of == id) {
            None => older.items.push((id, item)),
            Some((_, under)) => {
                let ended = under.delta.ends_doubt;
                under.delta = std::mem::take(&mut under.delta).then(&item.delta);
                if item.delta.entry != EntryChange::Keep {
                    under.value = item.value;
                }
                match mistake {
                    Mistake::MergeForgetsEndOfDoubt => under.delta.ends_doubt = ended,
                    Mistake::MergeForgetsMarks => under.delta.marks = item.delta.marks,
                    _ => {}
                }
            }
        }
    }
    if at == 0 {
        settle_bottom(older, now, mistake);
    }
    true
}

/// Nothing lies under the bottom: what ends or deletes there says nothing, nor does what has settled.
fn settle_bottom(layer: &mut Layer, now: i64, mistake: Mistake) {
    for (_, item) in &mut layer.items {
        item.delta.ends_doubt = false;
        if item.delta.entry == EntryChange::Delete {
            item.delta.entry = EntryChange::Keep;
        }
        let settling = mistake != Mistake::BottomMergeForgetsSettling;
        item.delta.marks.retain(|mark| mark.doubt || (settling && mark.settles_at > now));
    }
    layer.items.retain(|(_, item)| !item.delta.empty());
}
