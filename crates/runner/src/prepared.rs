//! A record on its way through one window or several.

use std::sync::Arc;

use engine::outcome::RetryPolicy;
use engine::record::Record;
use engine::rules::Outcome;
use kinesis::PutOutcome;
use spill::PlanEntry;
use tokio::time::Instant;

/// The writer's code for a call that never left this machine.
const UNREACHABLE: &str = "unreachable";

/// A record of a window.
pub(crate) struct Prepared {
    pub(crate) entry: PlanEntry,
    pub(crate) record: Record,
    /// Over all windows it was part of.
    pub(crate) outcome: Outcome,
    pub(crate) attempts: u32,
    pub(crate) first_put: Option<Instant>,
    /// Code and message of its newest refusal.
    pub(crate) refusal: Option<(Arc<str>, Arc<str>)>,
}

impl Prepared {
    pub(crate) const fn new(entry: PlanEntry, record: Record) -> Self {
        Self { entry, record, outcome: Outcome::NotPut, attempts: 0, first_put: None, refusal: None }
    }

    /// Whether it is put again when the time of its window cut it short.
    pub(crate) fn again(&self, outcome: &PutOutcome, retry: &RetryPolicy) -> bool {
        let late = self.first_put.is_some_and(|first| first.elapsed() >= retry.retry_for);
        let tries_left = self.attempts < retry.max_attempts && !late;
        match outcome {
            PutOutcome::Acknowledged { .. } => false,
            PutOutcome::NotPut => tries_left,
            PutOutcome::Unanswered { cut_short, .. } | PutOutcome::Refused { cut_short, .. } => {
                *cut_short && tries_left
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let stored = |stored: &Option<spill::Stored>| stored.as_ref().map_or(0, |stored| stored.row.len());
        self.record.data.len() + stored(&self.entry.row) + stored(&self.entry.previous)
    }

    pub(crate) fn follow(&mut self, outcome: &PutOutcome, began: Instant) {
        let attempts = match outcome {
            PutOutcome::Acknowledged { attempt, .. } => *attempt,
            PutOutcome::Refused { attempts, .. } | PutOutcome::Unanswered { attempts, .. } => *attempts,
            PutOutcome::NotPut => 0,
        };
        if let PutOutcome::Refused { code, message, .. } = outcome {
            self.refusal = Some((code.clone(), message.clone()));
        }
        self.attempts += attempts;
        if attempts > 0 {
            self.first_put.get_or_insert(began);
        }
        // What never left is as if it had not been tried: the next run sends it.
        let left = !matches!(outcome, PutOutcome::Refused { code, .. } if **code == *UNREACHABLE);
        self.outcome = after(self.outcome, if left { outcome.outcome() } else { Outcome::NotPut });
    }
}

/// What to tell when no put of a window got any answer, in the words of the last failure.
pub(crate) fn silent(outcomes: &[PutOutcome]) -> Option<String> {
    let mut text = None;
    for outcome in outcomes {
        match outcome {
            PutOutcome::Unanswered { code, message, .. } => text = Some(format!("{code}: {message}")),
            PutOutcome::Refused { code, message, .. } if **code == *UNREACHABLE => {
                text = Some(format!("{code}: {message}"));
            }
            PutOutcome::NotPut => {}
            PutOutcome::Acknowledged { .. } | PutOutcome::Refused { .. } => return None,
        }
    }
    text
}

/// The outcome over several windows: a doubt stays until the stream acknowledges.
const fn after(earlier: Outcome, later: Outcome) -> Outcome {
    match (earlier, later) {
        (Outcome::Unanswered, Outcome::Acknowledged) => Outcome::AcknowledgedAfterDoubt,
        (_, Outcome::Acknowledged | Outcome::AcknowledgedAfterDoubt) => later,
        (Outcome::Unanswered, _) => Outcome::Unanswered,
        (earlier, Outcome::NotPut) => earlier,
        (_, later) => later,
    }
}
