//! What a page should show. Everything that is set must hold.

use domain::Change;

use crate::call::Call;
use crate::object::{CallSummary, RowSummary};
use crate::row::{Outcome, RowOutcome};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// One of these; empty: any.
    pub outcomes: Vec<Outcome>,
    pub op: Option<Change>,
    pub code: Option<String>,
    /// Where it landed, or would have by the prediction.
    pub shard: Option<String>,
    /// Rows that were in the request of this call, whatever decided them.
    pub call: Option<u64>,
    /// The JSON of the key holds this text.
    pub key_text: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only calls that failed, or some of whose records did.
    pub failed: bool,
    pub kind: Option<String>,
    /// The call failed with it, or one of its records.
    pub code: Option<String>,
    pub shard: Option<String>,
}

impl RowFilter {
    /// What the filter says of a row of which the columns were read that it looks at.
    pub fn matches(&self, row: &RowOutcome<'_>) -> bool {
        let is = |wanted: &Option<String>, found: &Option<crate::Text<'_>>| {
            wanted.as_ref().is_none_or(|wanted| found.as_ref().is_some_and(|found| **found == **wanted))
        };
        (self.outcomes.is_empty() || self.outcomes.contains(&row.outcome))
            && self.op.is_none_or(|op| row.op == Some(op))
            && is(&self.code, &row.code)
            && is(&self.shard, if row.shard.is_some() { &row.shard } else { &row.predicted_shard })
            && self.call.is_none_or(|call| row.put.iter().chain(&row.earlier_puts).any(|put| put.call == call))
            && self.key_text.as_ref().is_none_or(|text| row.key.contains(text.as_str()))
    }

    /// Whether an object with this summary can hold such a row: if not, it need not be read.
    pub fn may_match(&self, summary: &RowSummary) -> bool {
        let outcome = |outcome: &Outcome| summary.outcomes.contains_key(outcome);
        let code = |code: &String| summary.codes.as_ref().is_none_or(|codes| codes.contains_key(code));
        let delivered = summary.outcomes.get(&Outcome::Delivered).copied().unwrap_or(0);
        // Predictions are not summarized.
        let shard =
            |shard: &String| delivered < summary.rows || summary.shards.iter().any(|range| range.shard == *shard);
        let call = |call: u64| summary.calls.is_some_and(|(first, last)| (first..=last).contains(&call));
        summary.rows > 0
            && (self.outcomes.is_empty() || self.outcomes.iter().any(outcome))
            && self.code.as_ref().is_none_or(code)
            && self.shard.as_ref().is_none_or(shard)
            && self.call.is_none_or(call)
    }
}

impl CallFilter {
    pub fn matches(&self, call: &Call<'_>) -> bool {
        let code = |code: &String| {
            call.error_code.as_ref().is_some_and(|found| **found == **code)
                || call.failures.iter().any(|failure| *failure.code == **code)
        };
        (!self.failed || call.failed())
            && self.kind.as_ref().is_none_or(|kind| *call.kind == **kind)
            && self.code.as_ref().is_none_or(code)
            && self.shard.as_ref().is_none_or(|shard| call.shards.iter().any(|found| **found == **shard))
    }

    /// Whether an object with this summary can hold such a call: if not, it need not be read.
    pub fn may_match(&self, summary: &CallSummary) -> bool {
        let code = |code: &String| summary.codes.as_ref().is_none_or(|codes| codes.contains_key(code));
        summary.calls > 0 && (!self.failed || summary.failed > 0) && self.code.as_ref().is_none_or(code)
    }
}
