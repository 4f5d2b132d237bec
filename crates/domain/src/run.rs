//! Runs: their kinds and states, what can happen to a row, and the counts that must add up (promise P3).

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = i64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Added,
    Changed,
    Removed,
}

impl Change {
    pub const ALL: [Self; 3] = [Self::Added, Self::Changed, Self::Removed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// What a run does with the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// Sends what differs from the acknowledged snapshot.
    Normal,
    /// Sends every row again, and still finds removals.
    FullResync,
    /// Acknowledges the model as it is, without sending: a first run for future changes only, or a reset.
    Baseline,
    /// Sends chosen values of chosen units again, or acknowledges chosen rejected units without sending.
    Resend,
    /// Forgets chosen keys and their values wherever they are kept. It reads no model and sends nothing.
    Erase,
}

/// ```text
/// queued -> running -> succeeded | needs-approval | stopped | failed | cancelled
/// ```
/// A run whose worker died stays `running` with a lease that has ended; the next claim goes on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    Queued,
    Running,
    Succeeded,
    /// A guard wants a person's consent; nothing was sent.
    NeedsApproval,
    /// A guard ended the run while it was sending; what was acknowledged is kept.
    Stopped,
    Failed,
    Cancelled,
}

impl RunState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::NeedsApproval => "needs-approval",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub const fn ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// The counts of a run or an attempt. `queried`, `invalid` and `rows` count rows, the others units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    pub queried: u64,
    pub invalid: u64,
    /// Valid rows.
    pub rows: u64,
    /// Units that the valid rows hold: as many as rows, unless a row fans out.
    pub units: u64,
    pub unchanged: u64,
    pub added: u64,
    pub changed: u64,
    pub removed: u64,
    /// Uncertain or full-resync rows whose values did not change.
    pub repeated: u64,
    /// Added, changed, removed or repeated, but acknowledged without sending or left aside.
    pub not_wanted: u64,
    pub planned: u64,
    pub delivered: u64,
    pub rejected: u64,
    pub unanswered: u64,
    pub deferred: u64,
}

impl Counts {
    /// The sums of promise P3, in words when one does not hold.
    pub fn check(&self) -> Result<(), String> {
        let sums = [
            ("queried", self.queried, self.rows + self.invalid),
            ("units", self.units, self.unchanged + self.added + self.changed + self.repeated),
            (
                "added + changed + removed + repeated",
                self.added + self.changed + self.removed + self.repeated,
                self.planned + self.not_wanted,
            ),
            ("planned", self.planned, self.delivered + self.rejected + self.unanswered + self.deferred),
        ];
        match sums.into_iter().find(|(_, left, right)| left != right) {
            None => Ok(()),
            Some((name, left, right)) => Err(format!("{name}: {left} is not {right} in {self:?}")),
        }
    }
}
