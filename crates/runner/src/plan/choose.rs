//! Chosen units among all others, which are counted as they differ and left as they are.

use engine::rules::{self, Action, Count, Decision, Read, RowHashes};
use engine::unit::{Entry, Unit, UnitId};
use snapshots::SnapshotUnit;

use domain::Change;

use crate::Error;
use crate::plan::chosen::Chosen;
use crate::plan::compare::Comparison;
use crate::plan::invalid::Reason;
use crate::plan::picks::{Found, Mode, Pick, Picks};
use crate::plan::unsent::{Unsent, Why};
use crate::plan::write::Of;

/// How a run's rows were chosen.
pub(super) enum Choice {
    /// By keys that are looked for while the model is read.
    Keys(Chosen),
    Units(Picks),
}

impl Choice {
    pub(super) const fn keys(&mut self) -> Option<&mut Chosen> {
        match self {
            Self::Keys(chosen) => Some(chosen),
            Self::Units(_) => None,
        }
    }

    /// How many were chosen, and which of them were not sent.
    pub(super) fn came_to(self) -> (u64, Unsent) {
        match self {
            Self::Keys(chosen) => (chosen.len() as u64, chosen.not_sent()),
            Self::Units(picks) => (picks.chosen, picks.unsent),
        }
    }
}

impl Comparison<'_> {
    /// The next chosen unit before `end`.
    pub(super) fn next_pick(&mut self, end: Option<UnitId>) -> Result<Option<UnitId>, Error> {
        match &mut self.chosen {
            Some(Choice::Units(picks)) => picks.next_before(end),
            _ => Ok(None),
        }
    }

    pub(super) fn take_pick(&mut self, unit: UnitId) -> Option<Pick> {
        match &mut self.chosen {
            Some(Choice::Units(picks)) => picks.take(unit),
            _ => None,
        }
    }

    /// A key that is held is neither sent nor dismissed.
    pub(super) fn hold_pick(&mut self, pick: Option<Pick>, reason: Reason) {
        if let (Some(Choice::Units(picks)), Some(pick)) = (&mut self.chosen, pick) {
            picks.refuse(&pick, Why::held(reason));
        }
    }

    /// What becomes of a unit that the model holds. A chosen row is sent, whatever triggers and snapshot say, unless an
    /// earlier attempt of this run has done it.
    pub(super) fn choose(
        &mut self,
        decision: Decision,
        id: UnitId,
        unit: &Unit,
        row: &RowHashes<'_>,
        pick: Option<Pick>,
    ) -> (Decision, Option<Box<Pick>>) {
        let unchanged = decision.count == Count::Unchanged;
        let left = Decision { action: if unchanged { Action::Nothing } else { Action::Aside }, ..decision };
        let count = if unchanged { Count::Repeated } else { decision.count };
        let done = |entry: Entry| entry.sequence >= self.job.claim.first_epoch && !unit.uncertain();
        let done = unit.entry.is_some_and(done);
        let attempt = &self.attempt;
        let send = |content| Decision { count, action: rules::decide_resend(attempt, unit, content).action };
        let (picks, pick) = match (&mut self.chosen, pick) {
            (None, _) => return (decision, None),
            (Some(Choice::Keys(chosen)), _) if chosen.has(id) && !done => return (send(row.content), None),
            (Some(Choice::Units(picks)), Some(pick)) => (picks, pick),
            _ => return (left, None),
        };
        let why = match picks.mode {
            Mode::Dismiss if !unit.uncertain() => return (rules::decide_dismiss(unit, decision), None),
            Mode::Dismiss => Why::UNCERTAIN,
            _ if done => return (left, None),
            Mode::Current { rejected } if rejected && unchanged => return (left, None),
            Mode::Current { .. } => return (send(row.content), None),
            Mode::Original if pick.op == Change::Removed => Why::BACK_IN_MODEL,
            Mode::Original => match lacking(&pick) {
                None => return (send(pick.hashes[0]), Some(Box::new(pick))),
                Some(why) => why,
            },
        };
        picks.refuse(&pick, why);
        (left, None)
    }

    /// A unit that the model does not hold, while rows are chosen.
    pub(super) fn absent_among_chosen(
        &mut self,
        id: UnitId,
        known: Option<SnapshotUnit>,
        pick: Option<Pick>,
    ) -> Result<(), Error> {
        let known =
            known.unwrap_or_else(|| SnapshotUnit { id, unit: Unit::default(), entry_value: None, mark_value: None });
        let unit = &known.unit;
        let decision = rules::decide(&self.attempt, unit, Read::Absent, false);
        let gone = decision.count == Count::Removed;
        let (action, logged) = self.choose_absent(unit, decision, pick);
        // What is put of a row that neither model nor snapshot hold counts here too: it is none of the model's units.
        let counted = gone || matches!(action, Action::Send(_) | Action::Wait(_));
        self.out.counts.removed += u64::from(counted);
        if !counted {
            return Ok(());
        }
        match (action, logged) {
            (Action::Aside | Action::Nothing, _) => {
                self.out.counts.not_wanted += 1;
                Ok(())
            }
            (action, Some(pick)) => self.act(id, action, Of::Logged(pick), Default::default(), known),
            (action, None) => self.act(id, action, Of::Gone, Default::default(), known),
        }
    }

    fn choose_absent(&mut self, unit: &Unit, decision: Decision, pick: Option<Pick>) -> (Action, Option<Box<Pick>>) {
        let left = (Action::Aside, None);
        let (Some(Choice::Units(picks)), Some(pick)) = (&mut self.chosen, pick) else { return left };
        let gone = decision.count == Count::Removed;
        let done = |entry: Entry| entry.sequence >= self.job.claim.first_epoch && !unit.uncertain();
        let why = match picks.mode {
            // What was rejected was never acknowledged, and its row is gone: nothing is left to do.
            Mode::Dismiss if !gone => return left,
            Mode::Dismiss if unit.uncertain() => Why::UNCERTAIN,
            Mode::Dismiss => return (rules::decide_dismiss(unit, decision).action, None),
            Mode::Current { rejected: true } if pick.op == Change::Removed && gone => {
                return (rules::decide_resend_removal(&self.attempt, unit).action, None);
            }
            // It arrived since it was rejected.
            Mode::Current { rejected: true } if pick.op == Change::Removed => return left,
            Mode::Current { .. } => Why::GONE,
            Mode::Original if unit.entry.is_some_and(done) => return left,
            Mode::Original if pick.op == Change::Removed && pick.found == Found::Wanted => {
                return (rules::decide_resend_removal(&self.attempt, unit).action, Some(Box::new(pick)));
            }
            Mode::Original => match lacking(&pick) {
                None => {
                    let decision = rules::decide_resend(&self.attempt, unit, pick.hashes[0]);
                    return (decision.action, Some(Box::new(pick)));
                }
                Some(why) => why,
            },
        };
        picks.refuse(&pick, why);
        left
    }
}

/// Why the logged values of a row cannot be sent.
const fn lacking(pick: &Pick) -> Option<Why> {
    match pick.found {
        Found::ValuesNotLogged => Some(Why::VALUES_NOT_LOGGED),
        Found::ValuesDoNotFit => Some(Why::VALUES_DO_NOT_FIT),
        Found::Wanted | Found::Skip => None,
    }
}
