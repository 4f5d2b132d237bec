use std::time::Duration;

use serde::Serialize;

use super::random::Random;
use super::{Effect, LateAnswer, Rule, Selection};
use crate::api::{ApiError, Call, PutEntry, RecordFaults};

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultReport {
    pub rule: Rule,
    /// Calls that matched, those skipped included.
    pub matched: u64,
    /// Calls on which the rule acted.
    pub fired: u64,
}

/// The rules in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct FaultQueue(Vec<Pending>);

#[derive(Debug)]
struct Pending {
    report: FaultReport,
    random: Random,
}

/// What is done to one call.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) latency: Duration,
    pub(crate) records: RecordFaults,
    pub(crate) ending: Option<Ending>,
}

/// How a call ends other than by its answer.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    Hang,
    ResetBefore,
    ResetAfter,
    CutAnswer,
    ApplyLater { delay: Duration, answer: LateAnswer },
    Error { error: ApiError, written: bool },
}

impl FaultQueue {
    pub(crate) fn add(&mut self, rules: impl IntoIterator<Item = Rule>) {
        self.0.extend(rules.into_iter().map(|rule| Pending {
            random: Random::new(rule.seed),
            report: FaultReport { rule, matched: 0, fired: 0 },
        }));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn reports(&self) -> Vec<FaultReport> {
        self.0.iter().map(|pending| pending.report.clone()).collect()
    }

    /// Whether judging a call needs to know the shards of its records.
    pub(crate) fn names_shards(&self) -> bool {
        let by_shard = |rule: &Rule| matches!(rule.effect.on_records(), Some((Selection::Shard(_), _)));
        self.0.iter().any(|pending| by_shard(&pending.report.rule))
    }

    /// Goes through the rules; `shards` holds the shard of each record if `names_shards` said that it is needed.
    pub(crate) fn judge(&mut self, call: &Call, shards: &[String]) -> Verdict {
        let mut verdict = Verdict::default();
        for pending in &mut self.0 {
            if !pending.is_due(call) {
                continue;
            }
            pending.act(call, shards, &mut verdict);
            if verdict.ending.is_some() {
                break;
            }
        }
        verdict
    }
}

impl Pending {
    /// Whether the rule's turn has come, for a call that it describes.
    fn is_due(&mut self, call: &Call) -> bool {
        let FaultReport { rule, matched, fired } = &mut self.report;
        if !rule.describes(call) {
            return false;
        }
        *matched += 1;
        *matched > rule.skip
            && rule.times.is_none_or(|times| *fired < times)
            && rule.probability.is_none_or(|probability| self.random.chance(probability))
    }

    fn act(&mut self, call: &Call, shards: &[String], verdict: &mut Verdict) {
        let rule = &self.report.rule;
        let mut acted = true;
        match &rule.effect {
            Effect::Latency { ms } => verdict.latency += Duration::from_millis(*ms),
            // STS has no records: it throttles whole calls.
            Effect::Throttle(_) if call.operation.is_sts() => {
                verdict.ending = Some(Ending::Error { error: ApiError::typical("Throttling", ""), written: false });
            }
            effect => match effect.on_records() {
                None => verdict.ending = ending(effect, call.target.display_name()),
                Some((selection, fault)) => {
                    acted = false;
                    for (position, entry) in call.records().iter().enumerate() {
                        let selected = rule.describes_record(entry)
                            && match selection {
                                Selection::All => true,
                                Selection::Fraction(fraction) => self.random.chance(*fraction),
                                Selection::Shard(id) => shards.get(position) == Some(id),
                            };
                        if selected {
                            verdict.records.entry(position).or_insert_with(|| fault.clone());
                            acted = true;
                        }
                    }
                }
            },
        }
        self.report.fired += u64::from(acted);
    }
}

impl Rule {
    fn describes(&self, call: &Call) -> bool {
        let throttles_sts = call.operation.is_sts() && matches!(self.effect, Effect::Throttle(_));
        let about_records = self.partition_key.is_some()
            || self.data_contains.is_some()
            || self.effect.on_records().is_some() && !throttles_sts;
        self.operation.is_none_or(|operation| operation == call.operation)
            && self.stream.as_deref().is_none_or(|name| name == call.target.display_name())
            && (!about_records || call.records().iter().any(|entry| self.describes_record(entry)))
    }

    fn describes_record(&self, entry: &PutEntry) -> bool {
        self.partition_key.as_deref().is_none_or(|key| key == entry.partition_key())
            && self.data_contains.as_deref().is_none_or(|text| contains(entry.data(), text.as_bytes()))
    }
}

fn contains(data: &[u8], part: &[u8]) -> bool {
    part.is_empty() || data.windows(part.len()).any(|window| window == part)
}

fn ending(effect: &Effect, stream: &str) -> Option<Ending> {
    Some(match effect {
        Effect::Hang => Ending::Hang,
        Effect::ResetBefore => Ending::ResetBefore,
        Effect::ResetAfter => Ending::ResetAfter,
        Effect::CutAnswer => Ending::CutAnswer,
        Effect::ApplyLater { delay_ms, answer } => {
            Ending::ApplyLater { delay: Duration::from_millis(*delay_ms), answer: *answer }
        }
        Effect::HttpError { status, written } => {
            let code = if *status == 503 { "ServiceUnavailable" } else { "InternalFailure" };
            Ending::Error { error: ApiError::typical(code, stream).with_status(*status), written: *written }
        }
        Effect::CallError { code, message } => {
            let mut error = ApiError::typical(code, stream);
            if let Some(message) = message {
                error.message.clone_from(message);
            }
            Ending::Error { error, written: false }
        }
        Effect::Throttle(_) | Effect::InternalFailure(_) | Effect::FailRecords { .. } | Effect::Latency { .. } => {
            return None;
        }
    })
}
