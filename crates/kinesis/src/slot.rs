use std::sync::Arc;

use engine::outcome::Put;
use engine::rules::Outcome;

use crate::window::{PutIn, PutOutcome, Puts};

/// What is known of a record so far.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    outcome: Outcome,
    puts: Puts,
    call: u64,
    code: Arc<str>,
    message: Arc<str>,
    shard: String,
    sequence_number: String,
    pub(crate) cut_short: bool,
}

impl Slot {
    pub(crate) fn acknowledge(&mut self, this: PutIn, shard: String, sequence_number: String) {
        self.outcome = Put::Acknowledged.after(self.outcome);
        (self.call, self.shard, self.sequence_number) = (this.call, shard, sequence_number);
        self.note(this);
    }

    pub(crate) fn fail(&mut self, put: Put, this: PutIn, code: Arc<str>, message: Arc<str>) {
        // A put in doubt says more of the record than a later refusal.
        if put == Put::Unanswered || self.outcome != Outcome::Unanswered {
            (self.call, self.code, self.message) = (this.call, code, message);
        }
        self.outcome = put.after(self.outcome);
        self.note(this);
    }

    fn note(&mut self, this: PutIn) {
        self.puts.push(this);
    }

    pub(crate) fn outcome(self) -> PutOutcome {
        let Self { call, puts, code, message, shard, sequence_number, cut_short, .. } = self;
        let attempts = u32::try_from(puts.len()).unwrap_or(u32::MAX);
        match self.outcome {
            Outcome::NotPut => PutOutcome::NotPut,
            Outcome::Refused => PutOutcome::Refused { code, message, call: Some(call), attempts, cut_short, puts },
            Outcome::Unanswered => PutOutcome::Unanswered { code, message, call, attempts, cut_short, puts },
            Outcome::Acknowledged | Outcome::AcknowledgedAfterDoubt => PutOutcome::Acknowledged {
                shard,
                sequence_number,
                call,
                attempt: attempts,
                after_doubt: self.outcome == Outcome::AcknowledgedAfterDoubt,
                puts,
            },
        }
    }
}
