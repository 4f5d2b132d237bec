//! When a run needs a person's consent. Guards are checked when everything is planned and nothing is sent (P6); the
//! last one watches the first records.

use domain::Guards;

/// What a finished plan says to the guards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Planned {
    /// Rows that the query returned.
    pub queried: u64,
    /// Keys that were present but invalid: null or duplicate.
    pub invalid_keys: u64,
    /// Valid keys, each once.
    pub valid_keys: u64,
    /// Units that were acknowledged before this run.
    pub snapshot: u64,
    /// Units that are gone from the model, whether their removal would be sent or not.
    pub removals: u64,
    /// Those of them that an approval has covered.
    pub covered_removals: u64,
    /// How many invalid keys an approval has covered.
    pub covered_invalid: u64,
}

/// Why a run asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The query returned no valid row, but the snapshot holds some.
    EmptyResult {
        snapshot: u64,
    },
    Removals {
        removals: u64,
        not_covered: u64,
        snapshot: u64,
    },
    InvalidKeys {
        invalid: u64,
        keys: u64,
    },
}

impl Question {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmptyResult { .. } => "empty-result",
            Self::Removals { .. } => "removals",
            Self::InvalidKeys { .. } => "invalid-keys",
        }
    }
}

/// The questions of a plan; none when it may be sent.
pub fn questions(guards: &Guards, plan: &Planned) -> Vec<Question> {
    let mut out = Vec::new();
    let not_covered = plan.removals.saturating_sub(plan.covered_removals);
    // Rows without a single valid key are as good as none: with a null in each key, held units cannot be told.
    if plan.valid_keys == 0 && not_covered > 0 {
        out.push(Question::EmptyResult { snapshot: plan.snapshot });
    } else if not_covered > 0 && exceeds(guards, plan.removals, plan.snapshot) {
        out.push(Question::Removals { removals: plan.removals, not_covered, snapshot: plan.snapshot });
    }
    let keys = plan.valid_keys + plan.invalid_keys;
    if plan.invalid_keys > plan.covered_invalid && exceeds(guards, plan.invalid_keys, keys) {
        out.push(Question::InvalidKeys { invalid: plan.invalid_keys, keys });
    }
    out
}

/// Above the share and above the count.
fn exceeds(guards: &Guards, part: u64, whole: u64) -> bool {
    // Counts beyond 2^53 do not occur; a rounded share decides nothing that matters.
    part > guards.removed_more_than && part as f64 * 100.0 > guards.removed_percent * whole as f64
}

/// Records looked at before a run is stopped for what they are.
pub const FIRST_RECORDS: u64 = 1_000;

/// Whether a run stops: more than half of its first records were rejected for reasons of their own.
pub const fn stops(finished: u64, rejected_for_themselves: u64) -> bool {
    finished >= FIRST_RECORDS && finished < 2 * FIRST_RECORDS && rejected_for_themselves * 2 > finished
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(removals: u64, snapshot: u64) -> Planned {
        Planned { queried: 1, valid_keys: 1_000, snapshot, removals, ..Planned::default() }
    }

    #[test]
    fn removals_ask_above_the_share_and_the_count() {
        let guards = Guards::default();
        for (removals, snapshot, asks) in
            [(100, 100, false), (101, 101, true), (101, 10_000, false), (2_000, 10_000, false), (2_001, 10_000, true)]
        {
            assert_eq!(!questions(&guards, &plan(removals, snapshot)).is_empty(), asks, "{removals} of {snapshot}");
        }
    }

    #[test]
    fn an_empty_result_asks_however_small_the_snapshot() {
        let empty = Planned { queried: 0, valid_keys: 0, ..plan(3, 3) };
        assert_eq!(questions(&Guards::default(), &empty), [Question::EmptyResult { snapshot: 3 }]);
        let keys_all_null = Planned { queried: 50, invalid_keys: 50, ..empty };
        assert!(!questions(&Guards::default(), &keys_all_null).is_empty());
        let nothing_to_lose = Planned { removals: 0, snapshot: 0, ..empty };
        assert!(questions(&Guards::default(), &nothing_to_lose).is_empty());
    }

    #[test]
    fn an_approval_covers_what_was_shown_and_no_more() {
        let shown = Planned { covered_removals: 500, ..plan(500, 1_000) };
        assert!(questions(&Guards::default(), &shown).is_empty());
        let more = Planned { removals: 501, ..shown };
        assert!(matches!(questions(&Guards::default(), &more)[..], [Question::Removals { not_covered: 1, .. }]));
    }

    #[test]
    fn invalid_keys_ask_like_removals() {
        let bad = Planned { invalid_keys: 400, ..plan(0, 0) };
        assert_eq!(questions(&Guards::default(), &bad), [Question::InvalidKeys { invalid: 400, keys: 1_400 }]);
        assert!(questions(&Guards::default(), &Planned { covered_invalid: 400, ..bad }).is_empty());
    }

    #[test]
    fn a_run_stops_when_most_of_its_first_records_are_bad() {
        assert!(!stops(999, 999));
        assert!(!stops(1_000, 500));
        assert!(stops(1_000, 501));
        assert!(!stops(2_000, 2_000), "later records are not its business");
    }
}
