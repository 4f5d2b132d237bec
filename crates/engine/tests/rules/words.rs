//! What a plan must say of each unit, word by word, from what the checker itself knows of it. Only for the engine as it
//! is: mistakes have to break a promise that a consumer can see.

use domain::RunKind;

use crate::product::{Plan, Run};
use crate::source::{Value, same};
use crate::world::{Cell, Held, World, broken};

/// P3's words for a whole plan.
#[derive(Debug, Default, PartialEq, Eq)]
struct Words {
    queried: u64,
    invalid: u64,
    units: u64,
    unchanged: u64,
    added: u64,
    changed: u64,
    removed: u64,
    repeated: u64,
    planned: u64,
}

impl World {
    pub(crate) fn judge_words(&self, run: &Run, plan: &Plan) -> Held {
        for (unit, sequence) in &plan.waiting {
            let other = |(version, until): &(u64, i64)| version != sequence && *until > self.now;
            if !self.cells[*unit].unsettled.iter().any(other) {
                return broken("S", || format!("u{unit} seq {sequence} waits though nothing else may be applied"));
            }
        }
        if run.kind == RunKind::Resend {
            return Ok(());
        }
        let (present, held) = self.source.keys();
        let mut words = Words { queried: present + 2 * held, invalid: 2 * held, ..Words::default() };
        for unit in 0..self.cells.len() {
            match self.source.value(unit) {
                _ if self.source.held(unit) => {}
                Some(value) => self.present(run, &self.cells[unit], value, &mut words),
                None => self.gone(run, unit, &mut words),
            }
        }
        let counts = &plan.counts;
        let said = Words {
            queried: counts.queried,
            invalid: counts.invalid,
            units: counts.units,
            unchanged: counts.unchanged,
            added: counts.added,
            changed: counts.changed,
            removed: counts.removed,
            repeated: counts.repeated,
            planned: counts.planned,
        };
        if said == words { Ok(()) } else { broken("S", || format!("the plan says {said:?}, it should {words:?}")) }
    }

    fn present(&self, run: &Run, cell: &Cell, value: Value, words: &mut Words) {
        words.units += 1;
        let sends = run.kind != RunKind::Baseline;
        let due = self.product.resync.is_some_and(|start| cell.acked.is_none_or(|acked| acked.sequence < start));
        let owed = cell.doubt || due;
        let comparable = |form| form >= self.product.oldest_form;
        let wanted = match cell.acked {
            None => {
                words.added += 1;
                run.triggers.added
            }
            Some(acked) if !comparable(acked.form) || !same(acked.form, acked.value, value) => {
                words.changed += 1;
                run.triggers.changed || cell.resent
            }
            Some(_) if sends && owed => {
                words.repeated += 1;
                true
            }
            Some(_) => {
                words.unchanged += 1;
                return;
            }
        };
        words.planned += u64::from(sends && (wanted || owed));
    }

    fn gone(&self, run: &Run, unit: usize, words: &mut Words) {
        if self.cells[unit].acked.is_none() && !self.cells[unit].doubt {
            return;
        }
        words.removed += 1;
        let forgotten = self.consent.forgotten & (1 << unit) != 0;
        words.planned += u64::from(run.kind != RunKind::Baseline && run.triggers.removed && !forgotten);
    }
}
