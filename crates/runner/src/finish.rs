//! Phase 3: totals, compaction, the last transaction; and the other ways in which a run ends.

use domain::{Counts, Millis, RunId, RunKind, RunState};
use engine::guard::Question;
use engine::rules::{Ending, Epoch, resync_after};
use store::{Checkpoint, Claim, Finish, LayerChange, LayerRef, NewLogObject, Reason, Update};

use crate::course::{Course, Differences};
use crate::error::chain;
use crate::job::{Belongs, Job, resync};
use crate::log::{AttemptLog, RowLog};
use crate::plan::{NotSent, Plan};
use crate::progress::Phase;
use crate::send::{Ended, Sent};
use crate::worker::Worker;
use crate::{Error, approval, compaction, fail_point, manifest};

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Report {
    pub run: RunId,
    pub kind: RunKind,
    pub state: RunState,
    pub reason: Option<Reason>,
    pub counts: Counts,
    pub calls: u64,
    /// Puts that were throttled; each may have been tried again.
    pub throttled: u64,
    /// A run that follows by itself, not before this time: some rows wait for puts that may still be applied.
    pub follow_up: Option<(RunId, Millis)>,
    /// Objects that were collected.
    pub collected: usize,
    /// Bytes that planning wrote to scratch.
    pub scratch_bytes: u64,
    /// Objects that list all rejections or invalid rows, where the store does not.
    pub full_lists: Vec<String>,
    /// Chosen rows that could not be sent.
    pub not_sent: Vec<NotSent>,
}

impl Report {
    /// Of a run that did nothing worth counting.
    pub(crate) fn of(claim: &Claim, finished: &Finish) -> Self {
        Self {
            run: claim.run,
            kind: claim.kind,
            state: finished.state,
            reason: finished.reason.clone(),
            counts: Counts::default(),
            calls: 0,
            throttled: 0,
            follow_up: None,
            collected: 0,
            scratch_bytes: 0,
            full_lists: Vec::new(),
            not_sent: Vec::new(),
        }
    }
}

pub(crate) async fn finish(job: &Job, plan: Plan, sent: Sent) -> Result<Report, Error> {
    job.enter(Phase::Finishing);
    let whole = matches!(sent.ended, Ended::Whole);
    let counts = total(sent.counts);
    let rewritten = plan.rewritten;
    // What is held back is still asked about.
    let held = job.options.hold_removals && plan.planned.removals > 0;
    let last = settle(job, &plan, sent.left, counts, whole).await?;
    let (state, reason) = ending(&sent.ended, counts, &plan, job);
    let began = job.state().began;
    if began {
        compaction::compact(job, rewritten > 0 && whole).await?;
        compaction::prune(job).await?;
    }
    let ending = Ending { planned: true, cancelled: !whole, rejected: counts.rejected, deferred: counts.deferred };
    let resync_epoch = resync_after(plan.course.kind, resync(&job.claim, plan.course.kind), &ending);
    let follow_up = plan.waits_until.filter(|_| whole);
    let scratch_bytes = plan.scratch_bytes();
    let full_lists: Vec<_> = plan.invalid_list.clone().into_iter().chain(sent.rejection_list).collect();
    // Chosen rows alone answer no question, and what was never sent whole is still to be sent.
    let all = plan.course.kind != RunKind::Resend;
    let finished = Finish {
        reason,
        resync_epoch,
        first_run_done: job.claim.first_run_done || (all && whole && resync_epoch.is_none()),
        accepted: (all && whole) || began,
        follow_up,
        approvals: if all && whole && !held { approval::close_all(job).await? } else { Vec::new() },
        stream: if all || began { belongs(job)? } else { Update::Keep },
        question: if all { Update::Clear } else { Update::Keep },
        last: Checkpoint { counts: Some(counts), ..last },
        ..Finish::new(&job.claim, state, settling(job))
    };
    let mut report = end(job, finished, counts).await?;
    (report.calls, report.throttled, report.scratch_bytes) = (sent.calls, sent.throttled, scratch_bytes);
    (report.full_lists, report.not_sent) = (full_lists, plan.not_sent.rows);
    report.follow_up = report.follow_up.and_then(|(run, _)| Some((run, follow_up?)));
    report.collected = compaction::collect(job).await?;
    Ok(report)
}

/// Checkpoints the last window, and what is acknowledged without sending: all of it or nothing. What changes no layer is
/// left for the last transaction.
async fn settle(job: &Job, plan: &Plan, left: Checkpoint, counts: Counts, whole: bool) -> Result<Checkpoint, Error> {
    let mut left = Checkpoint { counts: Some(counts), ..left };
    if let Some(silent) = plan.silent.as_ref().filter(|_| whole) {
        let silent = LayerRef::Segment(manifest::to_json(silent)?);
        left.layers = match left.layers {
            LayerChange::Keep => LayerChange::Append(vec![silent]),
            LayerChange::Append(layers) => LayerChange::Append([layers, vec![silent]].concat()),
            LayerChange::Replace(layers) => LayerChange::Replace([layers, vec![silent]].concat()),
        };
    }
    if left.close.is_none() && matches!(left.layers, LayerChange::Keep) {
        return Ok(left);
    }
    let closes = left.close.is_some();
    if closes {
        fail_point::pass("before-checkpoint-committed")?;
    }
    job.checkpoint(left).await?;
    if closes {
        fail_point::pass("after-checkpoint-committed")?;
    }
    Ok(Checkpoint::default())
}

/// The configuration changed, and nobody said how to go on.
pub(crate) async fn ask_about_changes(job: &Job, differences: &Differences) -> Result<Report, Error> {
    let layers = manifest::read(&job.scope, job.claim.sync).await?;
    let entries = job.open(&layers.manifest).await?.count_entries().await?;
    let text = differences.question(entries);
    let finished = Finish {
        reason: Some(Reason { code: "configuration-changed".to_owned(), text: text.clone() }),
        question: Update::Set(serde_json::json!({ "text": text, "entries": entries })),
        ..Finish::new(&job.claim, RunState::NeedsApproval, settling(job))
    };
    end(job, finished, Counts::default()).await
}

/// A guard wants consent: nothing was sent, what was planned stays pending.
pub(crate) async fn ask_about_plan(job: &Job, mut plan: Plan, questions: &[Question]) -> Result<Report, Error> {
    let mut text = questions.iter().map(|question| describe(question, job)).collect::<Vec<_>>().join(" ");
    if job.options.on_change.is_some() {
        text += " The answer about the changed configuration was not used: give it again together with this one.";
    }
    let counts = Counts { deferred: plan.counts.planned, ..plan.counts };
    let mut log = RowLog::new(job);
    log.invalid(plan.invalid.take_logged());
    log.end().await?;
    let finished = Finish {
        reason: Some(Reason { code: questions[0].code().to_owned(), text }),
        approvals: approval::ask(job, &mut plan, questions).await?,
        last: Checkpoint {
            counts: Some(counts),
            invalid_rows: plan.invalid_rows(),
            invalid_by_code: plan.invalid_by_code(),
            ..Checkpoint::default()
        },
        resync_epoch: after_repair(&job.claim, job.options.repair.is_some()),
        ..Finish::new(&job.claim, RunState::NeedsApproval, settling(job))
    };
    let mut report = end(job, finished, counts).await?;
    report.full_lists.extend(plan.invalid_list);
    Ok(report)
}

/// The attempt failed in a way that ends its run. Records of an open window may be in the stream.
pub(crate) async fn fail(job: &Job, course: Option<Course>, error: &Error) -> Result<Report, Error> {
    // Taken at once: a guard in the expression below would live to its end, and lock out the next one.
    let (counts, open, began) = {
        let state = job.state();
        (state.counts, state.open.map_or(0, |(_, entries)| entries), state.began)
    };
    if open > 0 {
        job.log.forget_rows();
    }
    let left = counts.planned - counts.delivered - counts.rejected - counts.unanswered;
    let open = open.min(left);
    let counts = Counts { unanswered: counts.unanswered + open, deferred: left - open, ..counts };
    let state = state_after(error);
    let finished = Finish {
        reason: Some(Reason { code: error.code().to_owned(), text: advice(error) }),
        accepted: began,
        stream: if began { belongs(job)? } else { Update::Keep },
        // Nobody is asked again, so what the answer began goes on in the next run.
        resync_epoch: match course {
            Some(course) if began => resync(&job.claim, course.kind),
            _ => after_repair(&job.claim, job.options.repair.is_some()),
        },
        last: Checkpoint { counts: Some(counts), ..Checkpoint::default() },
        ..Finish::new(&job.claim, state, settling(job))
    };
    end(job, finished, counts).await
}

/// Another worker is to go on: what the last window came to is said, and nothing is in doubt that was acknowledged. What
/// no window has registered yet is found again by the next plan. Always an error, since this attempt has no end.
pub(crate) async fn hand_over(job: &Job, sent: Sent) -> Result<Report, Error> {
    if sent.left.close.is_some() {
        let counts = Some(total(sent.counts));
        job.checkpoint(Checkpoint { counts, ..sent.left }).await?;
    }
    Err(Error::Drained)
}

/// Source, stream or configuration could not be used; nothing was planned.
pub(crate) async fn fail_early(
    worker: &Worker,
    claim: &Claim,
    log: Option<&AttemptLog>,
    error: &Error,
) -> Result<Report, Error> {
    let settling = worker.settings.settling.as_millis() as Millis;
    let version = worker.scope.sync_state(claim.sync).await?.manifest_version;
    // This attempt may have repaired the snapshot before it failed, or one that died.
    let repaired = claim.options.get("repair").is_some_and(|repair| !repair.is_null())
        && (version != claim.manifest_version || claim.epoch != claim.first_epoch);
    let finished = Finish {
        reason: Some(Reason { code: error.code().to_owned(), text: advice(error) }),
        resync_epoch: after_repair(claim, repaired),
        last: Checkpoint { log: rest(log).await, ..Checkpoint::default() },
        ..Finish::new(claim, state_after(error), settling)
    };
    worker.scope.finish(claim, version, &finished).await?;
    Ok(Report::of(claim, &finished))
}

/// What is left of a log. A run that failed has its reason, which an object storage that takes nothing must not hide.
async fn rest(log: Option<&AttemptLog>) -> Vec<NewLogObject> {
    let Some(log) = log else { return Vec::new() };
    if let Err(error) = log.write_rest().await {
        tracing::warn!(error = chain(&error), "the last calls of a run could not be logged");
    }
    log.unnamed()
}

async fn end(job: &Job, mut finished: Finish, counts: Counts) -> Result<Report, Error> {
    finished.last.log = rest(Some(&job.log)).await;
    finished.report = Some(job.state().account.json());
    fail_point::pass("before-finished")?;
    let version = job.state().manifest_version;
    let done = job.scope.finish(&job.claim, version, &finished).await?;
    fail_point::pass("after-finished")?;
    job.progress.update(|progress| progress.counts = counts);
    let follow_up = done.follow_up.map(|run| (run, 0));
    Ok(Report { counts, follow_up, ..Report::of(&job.claim, &finished) })
}

/// The unfinished full resync after a run that did not end whole. A repaired snapshot is whole and may still be wrong about
/// what the stream holds, so every row is sent before it is compared with alone.
fn after_repair(claim: &Claim, repaired: bool) -> Option<Epoch> {
    if repaired { resync(claim, RunKind::FullResync) } else { claim.resync_epoch }
}

const fn state_after(error: &Error) -> RunState {
    if matches!(error, Error::Cancelled) { RunState::Cancelled } else { RunState::Failed }
}

fn ending(ended: &Ended, counts: Counts, plan: &Plan, job: &Job) -> (RunState, Option<Reason>) {
    let reason = |code: &str, text: String| Some(Reason { code: code.to_owned(), text });
    match ended {
        Ended::Whole => {
            let Some(first) = plan.not_sent.rows.first() else { return (RunState::Succeeded, None) };
            // If it is all of them, nothing of what was asked for was done.
            let all = plan.not_sent.total >= plan.chosen;
            let state = if all { RunState::Failed } else { RunState::Succeeded };
            let (count, key, message) = (plan.not_sent.total, &first.key, first.message);
            if job.options.dismisses() {
                return (state, reason("rows-not-dismissed", not_dismissed(count, key, message)));
            }
            (state, reason("rows-not-sent", not_sent(count, key, message)))
        }
        Ended::Drained => (RunState::Failed, reason("drained", Error::Drained.to_string())),
        Ended::TookTooLong(error) => (RunState::Failed, reason(error.code(), error.to_string())),
        Ended::Cancelled => (RunState::Cancelled, reason("cancelled", "the run was cancelled".to_owned())),
        Ended::Fatal(error) => (RunState::Failed, reason("destination", chain(error))),
        Ended::NoAnswer(text) => {
            let text = format!("no put of a whole window was answered ({text}); check the network, then run again");
            (RunState::Failed, reason("no-answer", text))
        }
        Ended::Stopped => {
            let text = format!(
                "more than half of the first records were rejected for reasons of their own ({} rejected, {} delivered); \
                 look at the rejections, correct the mapping or the limits, and run again",
                counts.rejected, counts.delivered
            );
            (RunState::Stopped, reason("too-many-rejections", text))
        }
    }
}

/// What became of the first of them stands for all; the others are listed.
fn not_sent(count: u64, key: &serde_json::Value, message: &str) -> String {
    format!(
        "{count} of the chosen rows could not be sent, such as {key}: {message}; look at the list, correct the keys or the \
         model, and send them again"
    )
}

fn not_dismissed(count: u64, key: &serde_json::Value, message: &str) -> String {
    format!("{count} of the chosen rejections were not dismissed, such as {key}: {message}; look at the list")
}

pub(crate) fn describe(question: &Question, job: &Job) -> String {
    let units = if job.layout.element().is_some() { "elements" } else { "rows" };
    match question {
        Question::EmptyResult { snapshot } => format!(
            "The query returned no valid row, but {snapshot} {units} were acknowledged before; those that are gone would be removed."
        ),
        Question::Removals { removals, not_covered, snapshot } => {
            let covered = removals - not_covered;
            let more = if covered > 0 { format!(" ({covered} of them were approved before)") } else { String::new() };
            format!("{removals} of {snapshot} {units} are gone and would be removed{more}.")
        }
        Question::InvalidKeys { invalid, keys } => {
            format!("{invalid} of {keys} keys are invalid (null or duplicate); their rows are held back.")
        }
    }
}

/// What is planned and not decided counts as deferred.
const fn total(counts: Counts) -> Counts {
    Counts { deferred: counts.planned - counts.delivered - counts.rejected - counts.unanswered, ..counts }
}

fn belongs(job: &Job) -> Result<Update<serde_json::Value>, Error> {
    let belongs = Belongs { arn: job.stream.arn.clone(), created_at: job.stream.created_at, form: job.form };
    Ok(Update::Set(serde_json::to_value(belongs).map_err(Error::Options)?))
}

fn settling(job: &Job) -> Millis {
    job.settings.settling.as_millis() as Millis
}

fn advice(error: &Error) -> String {
    let text = chain(error);
    match error.code() {
        "snapshot-damaged" => format!(
            "{text}. Choose a repair: `older` (the newest older snapshot that is whole; removals of rows that were added \
             since are no longer known) or `send-all` (no snapshot; no removal is known). Either sends every row again"
        ),
        _ => text,
    }
}
