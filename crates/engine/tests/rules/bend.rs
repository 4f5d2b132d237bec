//! How mistakes bend the engine's answers. With `Mistake::Nothing` each function gives the engine's answer as it is.

use domain::{Change, RunKind};
use engine::form::FormId;
use engine::hash::Hash128;
use engine::rules::{
    Action, Attempt, Count, Decision, Ending, Epoch, Outcome, Version, WindowEntry, checkpoint, resync_after as after,
};
use engine::unit::{Mark, Unit};

use crate::layers::{Flaw, Item};
use crate::mistake::Mistake;
use crate::source::{Value, content_hash, row_hash};

/// What a checkpoint does to a unit. `first`: the run's first epoch, 0 for a window that a claim closes.
pub(crate) fn item(
    mistake: Mistake,
    entry: &WindowEntry,
    value: Option<Value>,
    outcome: Outcome,
    settles_at: i64,
    first: Epoch,
) -> Item {
    let mut entry = *entry;
    entry.resend &= mistake != Mistake::TriggerMutesAfterResend;
    let dead = first == 0;
    let taken = match (mistake, outcome) {
        (Mistake::RefusedCountsAsAcknowledged, Outcome::Refused) => Outcome::Acknowledged,
        (Mistake::UnansweredCountsAsAcknowledged, Outcome::Unanswered) if !dead => Outcome::AcknowledgedAfterDoubt,
        (Mistake::NoMark, Outcome::Unanswered) => Outcome::NotPut,
        _ => outcome,
    };
    let mut delta = checkpoint(&entry, taken, settles_at);
    let acknowledged = delta.ends_doubt;
    let flaw = match mistake {
        Mistake::AcknowledgementEndsSettling if acknowledged => {
            delta.marks.clear();
            Flaw::ClearMarks
        }
        Mistake::AcknowledgementClearsOwnDoubtOnly if acknowledged => Flaw::EndOwnDoubt(entry.sequence),
        Mistake::RefusalClearsMarkOfDeadAttempt if outcome == Outcome::Refused && entry.sequence >= first => {
            Flaw::DropMark(entry.sequence)
        }
        Mistake::AnyRefusalClearsMark if outcome == Outcome::Refused => Flaw::DropMark(entry.sequence),
        Mistake::CleanEndClearsEarlierMarks if outcome == Outcome::NotPut => Flaw::DropMark(entry.sequence),
        Mistake::OneMarkAUnit if !acknowledged => Flaw::Overwrite(entry.sequence),
        _ => Flaw::None,
    };
    Item { delta, value, flaw }
}

/// What an acknowledgement without sending does besides.
pub(crate) fn silently(mistake: Mistake, kind: RunKind, unit: &Unit) -> Flaw {
    let clears = match mistake {
        Mistake::ResetClearsMarks => kind == RunKind::Baseline,
        Mistake::MutedRemovalClearsMarks => kind != RunKind::Baseline,
        Mistake::ForgetClearsMarks => true,
        _ => false,
    };
    if clears && unit.uncertain() { Flaw::ClearMarks } else { Flaw::None }
}

pub(crate) fn resync_after(mistake: Mistake, kind: RunKind, resync: Option<Epoch>, ending: Ending) -> Option<Epoch> {
    match mistake {
        Mistake::ResyncEndsThoughRejected => after(kind, resync, &Ending { rejected: 0, ..ending }),
        Mistake::ResyncEndsWithoutWholePlan if kind != RunKind::Baseline && !ending.cancelled => {
            after(RunKind::Normal, resync, &Ending { planned: true, ..ending })
        }
        _ => after(kind, resync, &ending),
    }
}

/// `row`: the value that is read or sent again, and the run's form.
pub(crate) fn decision(
    mistake: Mistake,
    attempt: &Attempt,
    unit: &Unit,
    row: Option<(Value, FormId)>,
    made: Decision,
) -> Decision {
    if mistake == Mistake::Nothing {
        return made;
    }
    let action = match made.action {
        Action::Send(version) | Action::Wait(version) => sending(mistake, attempt, unit, row, made.count, version),
        _ => None,
    };
    let action = action.unwrap_or(made.action);
    let baseline = attempt.kind == RunKind::Baseline;
    let action = match (mistake, action) {
        (Mistake::ResetClearsMarks | Mistake::ResetRewritesUncertain, Action::Aside) if baseline => Action::Silent,
        (Mistake::MutedRemovalClearsMarks, Action::Aside) if !baseline => Action::Silent,
        (Mistake::NoSettling, Action::Wait(version)) => Action::Send(version),
        (_, action) => action,
    };
    let count = if matches!(action, Action::Nothing | Action::Rewrite) { Count::Unchanged } else { made.count };
    if made.action == Action::Nothing { made } else { Decision { count, action } }
}

/// What a mistake does to a unit that would be sent or wait; `None`: nothing else.
fn sending(
    mistake: Mistake,
    attempt: &Attempt,
    unit: &Unit,
    row: Option<(Value, FormId)>,
    count: Count,
    version: Version,
) -> Option<Action> {
    let uncertain = unit.uncertain();
    let due = attempt.resync.is_some_and(|start| unit.entry.is_none_or(|entry| entry.sequence < start));
    let normal = !matches!(attempt.kind, RunKind::Resend | RunKind::FullResync);
    let present = row.is_some();
    let wanted = match count {
        Count::Added => attempt.triggers.added,
        Count::Changed => attempt.triggers.changed,
        _ => false,
    };
    let resent = unit.entry.is_some_and(|entry| entry.resent);
    match mistake {
        Mistake::ResyncMutesNewRows if normal && count == Count::Added && due && !uncertain && !wanted => {
            Some(Action::Silent)
        }
        Mistake::UncertainComparedByValue if normal && count == Count::Repeated && uncertain && !due => {
            Some(Action::Nothing)
        }
        Mistake::TriggersMuteUncertain if normal && present && uncertain && !due && !resent && !wanted => {
            Some(Action::Silent)
        }
        Mistake::OnlyFutureTakesAll => {
            let older = unit.entry.is_some_and(|entry| entry.form != attempt.form);
            (count == Count::Changed && older && !uncertain && !due).then_some(Action::Rewrite)
        }
        _ => identity(mistake, attempt, unit, row, version),
    }
}

/// Other readings of who lends an identity.
fn identity(
    mistake: Mistake,
    attempt: &Attempt,
    unit: &Unit,
    row: Option<(Value, FormId)>,
    version: Version,
) -> Option<Action> {
    let mut op = version.op;
    let newest = unit.doubts().next_back();
    let lenders: Vec<&Mark> = match mistake {
        Mistake::AnyEqualMarkLendsIdentity => unit.doubts().rev().collect(),
        Mistake::SettlingMarkLendsIdentity => unit.marks.last().into_iter().collect(),
        Mistake::NewIdentityEachAttempt => Vec::new(),
        Mistake::Control
        | Mistake::ResyncReusesOlderIdentity
        | Mistake::IdentityIgnoresVersion
        | Mistake::IdentityFromTheRowAlone => newest.into_iter().collect(),
        Mistake::AddedPutAgainBecomesChanged => {
            let added = unit.entry.is_none() || newest.is_some_and(|mark| mark.op == Change::Removed);
            if op == Change::Added && !added {
                op = Change::Changed;
            }
            newest.into_iter().collect()
        }
        _ => return None,
    };
    let content = row.map_or(Hash128::default(), |(value, _)| content_hash(value));
    let lender = lenders.into_iter().find(|mark| {
        mark.op == op
            && mark.content == content
            && (mark.version == attempt.version || mistake == Mistake::IdentityIgnoresVersion)
            && (mistake == Mistake::ResyncReusesOlderIdentity
                || attempt.resync.is_none_or(|start| mark.sequence >= start))
    });
    let alone = unit.entry.filter(|entry| {
        mistake == Mistake::IdentityFromTheRowAlone
            && row.is_some_and(|(value, _)| row_hash(entry.form, value) == entry.row)
    });
    let sequence = match (lender, alone) {
        (Some(mark), _) => mark.sequence,
        (None, Some(entry)) => entry.sequence,
        (None, None) => attempt.epoch,
    };
    let blocked = unit.marks.iter().any(|mark| mark.settles_at > attempt.now && mark.sequence != sequence);
    let version = Version { op, sequence };
    Some(if blocked { Action::Wait(version) } else { Action::Send(version) })
}
