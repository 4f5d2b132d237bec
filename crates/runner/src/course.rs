//! What a run does about a changed configuration: go on, send all again, take only future changes, or ask.

use domain::{ApprovalId, FirstRun, RunId, RunKind};
use serde::{Deserialize, Serialize};
use store::{Decision, Part};

use crate::Error;

/// What the user asked of a run beyond "sync now". Kept with the run, so that a take-over does the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_change: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
    /// Send what is not a removal, and keep removals for later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hold_removals: bool,
    /// The answer to a guard's request. It is given when the run is claimed, so it ends with the request for the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardAnswer>,
    /// What a run of the kind `resend` sends. Every other row is left exactly as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<ChosenRows>,
    /// What a run of the kind `erase` forgets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erase: Option<EraseKeys>,
}

/// Keys to forget.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EraseKeys {
    /// Each an array of the values of the key columns in their order, or an object of them; values as they are shown in
    /// lists and previews.
    pub keys: Vec<serde_json::Value>,
    /// How many keys there were. They are forgotten everywhere else, so they are no longer told here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<usize>,
}

impl EraseKeys {
    /// Keys that one run takes; requests that wait for the same run add up.
    pub const MOST: usize = 10_000;
}

/// Rows by their keys, those that are rejected now, or those that a past run put. Keys narrow what a run put, and what is
/// dismissed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChosenRows {
    /// Each an array of the values of the key columns in their order, or an object of them; values as they are shown in
    /// lists and previews.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<serde_json::Value>,
    /// Rows whose rejection stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejections: Option<ChosenRejections>,
    /// Rows that this run put, as its log has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Of these only the ones with this outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<PutOutcome>,
    pub send: SendRows,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChosenRejections {
    /// Only those with this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What came of a record that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PutOutcome {
    Delivered,
    Unanswered,
}

impl ChosenRows {
    /// Keys that one run takes.
    pub const MOST: usize = 1_000;

    /// Whether they are looked for in the model alone.
    pub(crate) const fn by_key(&self) -> bool {
        self.rejections.is_none() && self.run.is_none() && !matches!(self.send, SendRows::Nothing)
    }

    /// Why no run can do this.
    fn problem(&self) -> Option<String> {
        let (keys, dismiss) = (self.keys.len(), self.send == SendRows::Nothing);
        let text = match (&self.rejections, self.run) {
            _ if keys > Self::MOST => {
                return Some(format!("{keys} keys are given; at most {} can be sent by one run", Self::MOST));
            }
            (Some(_), Some(_)) => "rows are those of rejections or those of a run, not both",
            (_, Some(_)) if dismiss => "only rejections can be dismissed",
            (Some(_), None) if keys > 0 && !dismiss => "rows are given by their keys or by rejections, not both",
            (_, None) if self.send == SendRows::Original => "original values are those of a run, and none is named",
            (_, None) if self.outcome.is_some() => "an outcome is that of a run, and none is named",
            (None, None) if keys == 0 => "no key is given",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// What of a chosen row is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendRows {
    /// As the model has it now, whatever triggers and snapshot say.
    #[default]
    Current,
    /// As the log of the run has it that put it.
    Original,
    /// Nothing: the rejected rows are dismissed, they count as acknowledged as the model has them now.
    Nothing,
}

impl RunOptions {
    /// Whether chosen rows are acknowledged without sending.
    pub(crate) fn dismisses(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.send == SendRows::Nothing)
    }

    /// Whether values are sent that the model may not have any more.
    pub(crate) fn sends_original(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.send == SendRows::Original)
    }

    /// Whether a run of this kind can be asked for with these options.
    pub fn check(&self, kind: RunKind) -> Result<(), Error> {
        self.check_erase(kind)?;
        let problem = match (&self.rows, kind == RunKind::Resend) {
            (None, false) => return Ok(()),
            (Some(_), false) => "only a run of the kind `resend` takes rows".to_owned(),
            (None, true) => "a run of the kind `resend` needs the keys of the rows to send".to_owned(),
            (Some(_), true) if self.repair.is_some() => {
                "a damaged snapshot is repaired by a run of its own, which sends every row".to_owned()
            }
            (Some(rows), true) => match rows.problem() {
                None => return Ok(()),
                Some(problem) => problem,
            },
        };
        Err(Error::ChosenRows(problem))
    }

    fn check_erase(&self, kind: RunKind) -> Result<(), Error> {
        let problem = match (&self.erase, kind == RunKind::Erase) {
            (None, false) => return Ok(()),
            (Some(_), false) => "only a run of the kind `erase` takes keys to forget".to_owned(),
            (None, true) => "a run of the kind `erase` needs the keys to forget".to_owned(),
            (Some(EraseKeys { erased: Some(_), .. }), true) => return Ok(()),
            (Some(erase), true) => match erase.keys.len() {
                0 => "no key is given".to_owned(),
                1..=EraseKeys::MOST => return Ok(()),
                many => format!("{many} keys are given; at most {} can be forgotten by one run", EraseKeys::MOST),
            },
        };
        Err(Error::ErasedKeys(problem))
    }
}

/// What a person says to the request that a guard left open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardAnswer {
    pub approval: ApprovalId,
    pub decision: Decision,
}

/// The answer to "the configuration changed: send all rows again, or only future changes?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    SendAll,
    OnlyFuture,
}

/// What to do with a damaged snapshot. Either way every row is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repair {
    /// Go back to the newest older manifest that is whole: removals of rows added since are not known any more.
    Older,
    /// Start without a snapshot: no removal is known any more.
    SendAll,
}

/// The same for every attempt of a run: what it is decided from changes only when a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Course {
    pub(crate) kind: RunKind,
    /// Layers that are older than the run are left behind.
    pub(crate) drop_snapshot: bool,
}

/// What differs from what the snapshot was made with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    /// Parts of the definition.
    pub(crate) parts: Vec<Part>,
    /// In words: which stream it was and which it is.
    pub(crate) stream: Option<String>,
    /// The watched or key columns, or their types.
    pub(crate) form: bool,
    /// Why entries of an older form cannot be compared any more.
    pub(crate) lost_forms: Vec<String>,
}

impl Differences {
    /// Whether a person has to say how to go on.
    fn ask(&self) -> bool {
        let asked = [Part::Source, Part::Query, Part::Key, Part::Destination, Part::Stream];
        self.stream.is_some()
            || self.form
            || !self.lost_forms.is_empty()
            || self.parts.iter().any(|p| asked.contains(p))
    }

    /// What changed, and what each answer would mean.
    pub(crate) fn question(&self, entries: u64) -> String {
        let mut changed: Vec<String> = self.parts.iter().map(|part| part_name(*part).to_owned()).collect();
        changed.extend(self.stream.clone());
        if self.form {
            changed.push("the watched columns or their types".to_owned());
        }
        if changed.is_empty() {
            changed.push("the columns of the model".to_owned());
        }
        let mut text = format!("Since the last run these changed: {}.", changed.join("; "));
        for reason in &self.lost_forms {
            text += &format!(" Rows cannot be compared with what was acknowledged before: {reason}.");
        }
        if self.stream.is_some() || !self.lost_forms.is_empty() {
            text += &format!(" Removals among the {entries} rows acknowledged before would no longer be known.");
        }
        let future = if self.lost_forms.is_empty() {
            "only rows that are equal to what was acknowledged count as sent"
        } else {
            "every row as it is now counts as sent, rows that changed meanwhile too"
        };
        text + &format!(" Choose `send-all` (every row is sent again) or `only-future` ({future}).")
    }
}

/// The course of a run, or `None` when it has to ask first. `requested` is what was asked for.
pub(crate) fn choose(
    requested: RunKind,
    options: &RunOptions,
    first_run: Option<FirstRun>,
    differences: &Differences,
) -> Option<Course> {
    let plain = |kind| Course { kind, drop_snapshot: false };
    let lost = !differences.lost_forms.is_empty();
    if options.repair.is_some() {
        // An older snapshot of other keys or of another stream would make every row of it a removal.
        let drop_snapshot = options.repair == Some(Repair::SendAll) || lost || differences.stream.is_some();
        return Some(Course { kind: RunKind::FullResync, drop_snapshot });
    }
    if requested == RunKind::Normal && first_run == Some(FirstRun::OnlyFuture) {
        return Some(plain(RunKind::Baseline));
    }
    // A first run that sends all goes on with the full resync that its claim, or an earlier one, has begun. What it has
    // acknowledged so far may still belong to another stream, or to other keys.
    let goes_on = first_run.is_some() && differences.stream.is_none() && !lost;
    if goes_on || !differences.ask() {
        return Some(plain(requested));
    }
    // A run that sends or takes everything anyway answers the question by itself.
    let answer = match requested {
        RunKind::FullResync => Some(Answer::SendAll),
        RunKind::Baseline => Some(Answer::OnlyFuture),
        RunKind::Normal => options.on_change,
        // It could take up the answer for the chosen rows alone.
        RunKind::Resend | RunKind::Erase => None,
    }?;
    Some(match answer {
        Answer::SendAll => Course { kind: RunKind::FullResync, drop_snapshot: lost || differences.stream.is_some() },
        Answer::OnlyFuture if lost => Course { kind: RunKind::Baseline, drop_snapshot: true },
        Answer::OnlyFuture => plain(requested),
    })
}

const fn part_name(part: Part) -> &'static str {
    match part {
        Part::Source => "the source",
        Part::Query => "the query of the model",
        Part::Key => "the primary key",
        Part::Connections => "through how many connections the model is read",
        Part::Destination => "the destination",
        Part::Stream => "the name of the stream",
        Part::Message => "the message",
        Part::PartitionKey => "the partition key",
        Part::HashKey => "the hash key",
        Part::FanOut => "the column whose elements are messages of their own",
        Part::Triggers => "the triggers",
        Part::FirstRun => "the choice for the first run",
        Part::Watch => "the choice of watched columns",
        Part::Values => "which values are kept",
        Part::Numbers => "the form of numbers",
        Part::Missing => "the meaning of missing names",
        Part::Guards => "the guards",
        Part::Limits => "the limits",
        Part::Aggregate => "whether messages share records",
        Part::Log => "what the debug log keeps",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(parts: &[Part], stream: bool, lost: bool) -> Differences {
        Differences {
            parts: parts.to_vec(),
            stream: stream.then(|| "another stream".to_owned()),
            form: false,
            lost_forms: if lost { vec!["the key changed".to_owned()] } else { Vec::new() },
        }
    }

    fn answered(answer: Option<Answer>) -> RunOptions {
        RunOptions { on_change: answer, ..RunOptions::default() }
    }

    #[test]
    fn a_changed_message_alone_asks_nothing() {
        let course = choose(RunKind::Normal, &answered(None), None, &differences(&[Part::Message], false, false));
        assert_eq!(course, Some(Course { kind: RunKind::Normal, drop_snapshot: false }));
    }

    #[test]
    fn a_changed_query_asks_and_both_answers_keep_the_snapshot() {
        let changed = differences(&[Part::Query], false, false);
        assert_eq!(choose(RunKind::Normal, &answered(None), None, &changed), None);
        let all = choose(RunKind::Normal, &answered(Some(Answer::SendAll)), None, &changed);
        assert_eq!(all, Some(Course { kind: RunKind::FullResync, drop_snapshot: false }));
        let future = choose(RunKind::Normal, &answered(Some(Answer::OnlyFuture)), None, &changed);
        assert_eq!(future, Some(Course { kind: RunKind::Normal, drop_snapshot: false }));
    }

    #[test]
    fn another_stream_gets_everything_or_takes_the_snapshot_over() {
        let changed = differences(&[Part::Stream], true, false);
        let all = choose(RunKind::Normal, &answered(Some(Answer::SendAll)), None, &changed);
        assert_eq!(all, Some(Course { kind: RunKind::FullResync, drop_snapshot: true }));
        let future = choose(RunKind::Normal, &answered(Some(Answer::OnlyFuture)), None, &changed);
        assert_eq!(future, Some(Course { kind: RunKind::Normal, drop_snapshot: false }));
    }

    #[test]
    fn chosen_rows_are_sent_in_the_first_run_too_and_ask_when_a_question_is_open() {
        let send_all = answered(Some(Answer::SendAll));
        let resend = |first, changed: &Differences| choose(RunKind::Resend, &send_all, first, changed);
        let plain = Some(Course { kind: RunKind::Resend, drop_snapshot: false });
        for first in [None, Some(FirstRun::SendAll), Some(FirstRun::OnlyFuture)] {
            assert_eq!(resend(first, &Differences::default()), plain);
        }
        assert_eq!(resend(None, &differences(&[Part::Query], false, false)), None);
        assert_eq!(resend(Some(FirstRun::SendAll), &differences(&[], true, false)), None);
    }

    #[test]
    fn rows_belong_to_a_resend_and_a_resend_needs_some() {
        let with = |keys: usize| RunOptions {
            rows: Some(ChosenRows { keys: vec![serde_json::json!([1]); keys], ..ChosenRows::default() }),
            ..RunOptions::default()
        };
        let problem = |options: &RunOptions, kind| options.check(kind).unwrap_err().to_string();
        with(1).check(RunKind::Resend).unwrap();
        with(1_000).check(RunKind::Resend).unwrap();
        assert!(problem(&with(1_001), RunKind::Resend).contains("at most 1000"));
        assert!(problem(&with(0), RunKind::Resend).contains("no key"));
        assert!(problem(&RunOptions::default(), RunKind::Resend).contains("needs the keys"));
        assert!(problem(&with(1), RunKind::Normal).contains("resend"));
        let repair = RunOptions { repair: Some(Repair::Older), ..with(1) };
        assert!(problem(&repair, RunKind::Resend).contains("repaired"));
    }

    #[test]
    fn rows_are_chosen_in_one_way() {
        let run = Some(RunId::from_uuid(uuid::Uuid::nil()));
        let all = Some(ChosenRejections::default());
        let (original, nothing) = (SendRows::Original, SendRows::Nothing);
        let (key, none) = (vec![serde_json::json!([1])], ChosenRows::default());
        for fine in [
            ChosenRows { rejections: all.clone(), ..none.clone() },
            ChosenRows { run, ..none.clone() },
            ChosenRows {
                run,
                outcome: Some(PutOutcome::Unanswered),
                keys: key.clone(),
                send: original,
                ..none.clone()
            },
            ChosenRows { rejections: all.clone(), send: nothing, ..none.clone() },
            ChosenRows { keys: key.clone(), send: nothing, ..none.clone() },
        ] {
            assert_eq!(fine.problem(), None, "{fine:?}");
            let json = serde_json::to_value(&fine).unwrap();
            assert_eq!(serde_json::from_value::<ChosenRows>(json).unwrap(), fine);
        }
        for (odd, reason) in [
            (ChosenRows { rejections: all.clone(), run, ..none.clone() }, "not both"),
            (ChosenRows { rejections: all.clone(), keys: key.clone(), ..none.clone() }, "not both"),
            (ChosenRows { keys: key.clone(), send: original, ..none.clone() }, "original values"),
            (ChosenRows { keys: key, outcome: Some(PutOutcome::Delivered), ..none.clone() }, "outcome"),
            (ChosenRows { run, send: nothing, ..none.clone() }, "dismissed"),
            (none, "no key"),
        ] {
            assert!(odd.problem().is_some_and(|text| text.contains(reason)), "{odd:?}");
        }
    }

    #[test]
    fn a_form_that_is_lost_leaves_the_snapshot_behind() {
        let changed = differences(&[], false, true);
        assert_eq!(choose(RunKind::Normal, &answered(None), None, &changed), None);
        let future = choose(RunKind::Normal, &answered(Some(Answer::OnlyFuture)), None, &changed);
        assert_eq!(future, Some(Course { kind: RunKind::Baseline, drop_snapshot: true }));
        assert!(changed.question(7).contains("the 7 rows"));
    }

    #[test]
    fn the_first_run_follows_its_choice() {
        let none = Differences::default();
        let first = |choice| choose(RunKind::Normal, &answered(None), Some(choice), &none).map(|course| course.kind);
        assert_eq!(first(FirstRun::SendAll), Some(RunKind::Normal));
        assert_eq!(first(FirstRun::OnlyFuture), Some(RunKind::Baseline));
    }

    #[test]
    fn a_first_run_that_is_not_over_asks_when_its_stream_or_its_keys_changed() {
        for (parts, stream, lost, asks) in [
            (&[Part::Query][..], false, false, false),
            (&[Part::Stream], true, false, true),
            (&[Part::Key], false, true, true),
        ] {
            let changed = differences(parts, stream, lost);
            let first = |choice| choose(RunKind::Normal, &answered(None), Some(choice), &changed);
            assert_eq!(first(FirstRun::SendAll).is_none(), asks, "{parts:?}");
            assert!(first(FirstRun::OnlyFuture).is_some(), "nothing was acknowledged before");
        }
    }
}
