//! What the simulator may be told to do to a run.

use simulator::{Effect, LateAnswer, Operation, Rule, Selection};

use super::chance::Chance;

/// Rules for the next run, none in many cases. `long`: effects that cost a time-out may be among them.
pub(super) fn some(chance: &mut Chance) -> Vec<Rule> {
    let many = [0, 0, 1, 1, 1, 2][chance.below(6) as usize];
    (0..many).map(|_| rule(chance)).collect()
}

fn rule(chance: &mut Chance) -> Rule {
    let operation = if chance.percent(4) { Operation::ListStreams } else { Operation::PutRecords };
    let effect = if operation == Operation::PutRecords { effect(chance) } else { call_error(chance) };
    let lasting = chance.percent(15);
    let rule = Rule::on(operation, effect).skip(chance.below(3)).seed(chance.next());
    if lasting { rule } else { rule.times(1 + chance.below(4)) }
}

fn effect(chance: &mut Chance) -> Effect {
    match chance.below(15) {
        0 => Effect::Throttle(Selection::All),
        1 | 2 => Effect::Throttle(Selection::Fraction(0.5)),
        3 => Effect::InternalFailure(Selection::Fraction(0.5)),
        4 | 5 => Effect::FailRecords {
            code: "InternalFailure".to_owned(),
            message: None,
            records: Selection::Fraction(0.6),
            written: true,
        },
        6 => Effect::fail_records("KMSThrottlingException", Selection::Fraction(0.5)),
        7 => Effect::Latency { ms: 20 + chance.below(40) },
        8 => Effect::Hang,
        9 => Effect::ResetBefore,
        10 => Effect::ResetAfter,
        11 => Effect::CutAnswer,
        12 => Effect::ApplyLater {
            delay_ms: 20 + chance.below(100),
            answer: if chance.percent(50) { LateAnswer::Nothing } else { LateAnswer::Reset },
        },
        13 => Effect::HttpError { status: 500 + 3 * chance.below(2) as u16, written: chance.percent(50) },
        _ => call_error(chance),
    }
}

fn call_error(chance: &mut Chance) -> Effect {
    let codes = ["AccessDeniedException", "ExpiredTokenException", "ResourceNotFoundException", "InternalFailure"];
    Effect::call_error(*chance.one_of(&codes))
}
