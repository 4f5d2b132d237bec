//! The delivery rules: what a run does with each unit, what registering a window and the outcome of its puts do to the
//! snapshot, and when a full resync ends. `tests/rules/` checks them against every promise with its own world.

use domain::{Change, Millis, RunKind, Triggers};

use crate::form::FormId;
use crate::hash::Hash128;
use crate::unit::{Delta, Entry, EntryChange, Mark, Unit};

/// The sync's epoch: it rises with every claim of a run and never falls.
pub type Epoch = u64;

/// What the rules know of a run and its attempt.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    pub kind: RunKind,
    pub triggers: Triggers,
    /// The sync version the run started with.
    pub version: u32,
    pub epoch: Epoch,
    /// The starting epoch of an unfinished full resync.
    pub resync: Option<Epoch>,
    /// The form in which this run writes hashes.
    pub form: FormId,
    /// When the attempt began; marks that settle later make newer versions wait.
    pub now: Millis,
}

/// What the model says of a unit.
#[derive(Debug, Clone, Copy)]
pub enum Read<'a> {
    Absent,
    /// Present but invalid: a duplicate key.
    Held,
    Row(RowHashes<'a>),
}

/// The hashes of one row.
#[derive(Debug, Clone, Copy)]
pub struct RowHashes<'a> {
    /// Of its watched columns, in every form that this run can compute.
    pub forms: &'a [(FormId, Hash128)],
    /// Of every column a message may use.
    pub content: Hash128,
}

impl RowHashes<'_> {
    pub fn of(&self, form: FormId) -> Option<Hash128> {
        self.forms.iter().find(|(id, _)| *id == form).map(|(_, hash)| *hash)
    }

    fn equal(&self, entry: &Entry) -> bool {
        self.of(entry.form) == Some(entry.row)
    }
}

/// Promise P3's word for a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Neither in the model nor in the snapshot.
    Nothing,
    Held,
    Unchanged,
    Added,
    Changed,
    Removed,
    Repeated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Nothing,
    Send(Version),
    /// An older version may still be applied: this one is deferred to a later run.
    Wait(Version),
    /// Acknowledge without sending.
    Silent,
    /// Uncertain, and not to be sent: entry and marks stay as they are.
    Aside,
    /// Unchanged: the entry is written again in the form of this run, or with values that were missing.
    Rewrite,
}

/// A version of a unit on its way to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    pub op: Change,
    /// `event.sequence`.
    pub sequence: Epoch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub count: Count,
    pub action: Action,
}

/// The plan for one unit. `unit` must be settled at `attempt.now`; `rewrite` says that an unchanged entry lacks
/// something this run would write (an older form, values that were not kept).
pub fn decide(attempt: &Attempt, unit: &Unit, read: Read<'_>, rewrite: bool) -> Decision {
    match read {
        Read::Held => Decision { count: Count::Held, action: Action::Nothing },
        Read::Absent => decide_absent(attempt, unit),
        Read::Row(row) => decide_present(attempt, unit, &row, rewrite),
    }
}

/// The hash of the row that leaves a unit as it is: neither sent nor written. `None` where every row has to be looked at.
pub fn at_rest(attempt: &Attempt, unit: &Unit) -> Option<Hash128> {
    let entry = unit.entry.filter(|entry| entry.form == attempt.form)?;
    let row = RowHashes { forms: &[(entry.form, entry.row)], content: Hash128::default() };
    let rests = Decision { count: Count::Unchanged, action: Action::Nothing };
    (decide(attempt, unit, Read::Row(row), false) == rests).then_some(entry.row)
}

fn decide_absent(attempt: &Attempt, unit: &Unit) -> Decision {
    if unit.entry.is_none() && !unit.uncertain() {
        return Decision { count: Count::Nothing, action: Action::Nothing };
    }
    let sends = attempt.kind != RunKind::Baseline && attempt.triggers.removed;
    let action = match (sends, unit.uncertain()) {
        (true, _) => send(attempt, unit, Change::Removed, Hash128::default()),
        (false, true) => Action::Aside,
        (false, false) => Action::Silent,
    };
    Decision { count: Count::Removed, action }
}

fn decide_present(attempt: &Attempt, unit: &Unit, row: &RowHashes<'_>, rewrite: bool) -> Decision {
    let uncertain = unit.uncertain();
    let due = attempt.resync.is_some_and(|start| unit.entry.is_none_or(|entry| entry.sequence < start));
    let sends_all = attempt.kind != RunKind::Baseline;
    let count = match unit.entry {
        None => Count::Added,
        Some(entry) if !row.equal(&entry) => Count::Changed,
        Some(_) if sends_all && (uncertain || due) => Count::Repeated,
        Some(_) => Count::Unchanged,
    };
    let action = match count {
        _ if attempt.kind == RunKind::Baseline => silent(uncertain),
        Count::Unchanged if rewrite => Action::Rewrite,
        Count::Unchanged => Action::Nothing,
        _ => {
            let resent = unit.entry.is_some_and(|entry| entry.resent);
            let wanted = match count {
                Count::Added => attempt.triggers.added,
                Count::Changed => attempt.triggers.changed,
                _ => false,
            };
            if wanted || uncertain || due || resent {
                send(attempt, unit, operation(unit), row.content)
            } else {
                Action::Silent
            }
        }
    };
    Decision { count, action }
}

/// A re-send puts a chosen value of a unit again, unless its key is held.
pub fn decide_resend(attempt: &Attempt, unit: &Unit, content: Hash128) -> Decision {
    Decision { count: Count::Repeated, action: send(attempt, unit, operation(unit), content) }
}

/// The removal of a chosen unit is put again: its row is still gone, whatever the snapshot has.
pub fn decide_resend_removal(attempt: &Attempt, unit: &Unit) -> Decision {
    Decision { count: Count::Removed, action: send(attempt, unit, Change::Removed, Hash128::default()) }
}

/// A chosen change that is dismissed: what `decide` says is acknowledged without sending.
pub fn decide_dismiss(unit: &Unit, decided: Decision) -> Decision {
    let action = match decided.count {
        Count::Nothing | Count::Held | Count::Unchanged => Action::Nothing,
        _ => silent(unit.uncertain()),
    };
    Decision { action, ..decided }
}

/// Nothing acknowledges an uncertain unit without sending.
const fn silent(uncertain: bool) -> Action {
    if uncertain { Action::Aside } else { Action::Silent }
}

/// A unit that was never acknowledged, or that the stream may hold as removed, is added.
fn operation(unit: &Unit) -> Change {
    let added = unit.entry.is_none() || unit.doubts().any(|mark| mark.op == Change::Removed);
    if added { Change::Added } else { Change::Changed }
}

/// Identity and settling. The identity of the newest mark in doubt is reused only by an equal version, and only if
/// that mark is not older than an unfinished full resync.
fn send(attempt: &Attempt, unit: &Unit, op: Change, content: Hash128) -> Action {
    let lender = unit.doubts().next_back().filter(|mark| {
        mark.op == op
            && mark.content == content
            && mark.version == attempt.version
            && attempt.resync.is_none_or(|start| mark.sequence >= start)
    });
    let sequence = lender.map_or(attempt.epoch, |mark| mark.sequence);
    let version = Version { op, sequence };
    let blocked = unit.marks.iter().any(|mark| mark.settles_at > attempt.now && mark.sequence != sequence);
    if blocked { Action::Wait(version) } else { Action::Send(version) }
}

/// What became of a record of a window, over all its puts in this attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// Never put: the run ended or the window was cut before.
    #[default]
    NotPut = 0,
    /// Every put was refused.
    Refused = 1,
    /// At least one put has no answer, and none was acknowledged.
    Unanswered = 2,
    /// Acknowledged, and every earlier put was refused.
    Acknowledged = 3,
    /// Acknowledged after a put without an answer, which may still be applied.
    AcknowledgedAfterDoubt = 4,
}

impl Outcome {
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::NotPut),
            1 => Some(Self::Refused),
            2 => Some(Self::Unanswered),
            3 => Some(Self::Acknowledged),
            4 => Some(Self::AcknowledgedAfterDoubt),
            _ => None,
        }
    }
}

/// A record of a window as its segment keeps it: what the checkpoint needs to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowEntry {
    pub op: Change,
    pub content: Hash128,
    pub version: u32,
    pub sequence: Epoch,
    /// What the unit's entry becomes once it is acknowledged; unused by a removal.
    pub row: Hash128,
    pub form: FormId,
    pub resend: bool,
}

/// What one record of a checkpointed window does to its unit. `settles_at`: the settling time of the window's puts.
/// A record that was refused each time, or never put, was surely not applied by this attempt: it leaves no mark; a mark
/// that an earlier attempt set stands in an older layer and stays.
pub fn checkpoint(entry: &WindowEntry, outcome: Outcome, settles_at: Millis) -> Delta {
    let mark = |doubt| Mark {
        op: entry.op,
        content: entry.content,
        version: entry.version,
        sequence: entry.sequence,
        settles_at,
        doubt,
    };
    match outcome {
        Outcome::NotPut | Outcome::Refused => Delta::default(),
        Outcome::Unanswered => Delta { marks: vec![mark(true)], ..Delta::default() },
        Outcome::Acknowledged | Outcome::AcknowledgedAfterDoubt => {
            let again = outcome == Outcome::AcknowledgedAfterDoubt;
            Delta {
                entry: match entry.op {
                    Change::Removed => EntryChange::Delete,
                    Change::Added | Change::Changed => EntryChange::Set(Entry {
                        row: entry.row,
                        form: entry.form,
                        sequence: entry.sequence,
                        resent: entry.resend,
                    }),
                },
                ends_doubt: true,
                marks: if again { vec![mark(false)] } else { Vec::new() },
            }
        }
    }
}

/// First run without sending, reset, an off trigger: the snapshot says what the model says. Marks stay.
pub fn acknowledge_silently(row: Option<(FormId, Hash128)>, epoch: Epoch) -> Delta {
    let entry = match row {
        None => EntryChange::Delete,
        Some((form, row)) => EntryChange::Set(Entry { row, form, sequence: epoch, resent: false }),
    };
    Delta { entry, ..Delta::default() }
}

/// An unchanged entry in the form of this run: nothing was sent, so it keeps its sequence.
pub fn rewrite(entry: Entry, form: FormId, row: Hash128) -> Delta {
    Delta { entry: EntryChange::Set(Entry { row, form, ..entry }), ..Delta::default() }
}

/// How a run ended, for what it means to an unfinished full resync.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ending {
    /// The whole model was planned; false when the query failed.
    pub planned: bool,
    pub cancelled: bool,
    pub rejected: u64,
    pub deferred: u64,
}

/// The start of the full resync that is unfinished after a run ended.
pub fn resync_after(kind: RunKind, resync: Option<Epoch>, ending: &Ending) -> Option<Epoch> {
    let whole = match kind {
        RunKind::Baseline => ending.planned && !ending.cancelled,
        RunKind::Resend | RunKind::Erase => false,
        RunKind::Normal | RunKind::FullResync => {
            ending.planned && !ending.cancelled && ending.rejected == 0 && ending.deferred == 0
        }
    };
    resync.filter(|_| !whole)
}
