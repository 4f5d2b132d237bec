//! A run, on one screen: **plan -> send -> finish**.
//!
//! Everything before the plan decides whether this is the run the user meant; everything after it is fenced by the
//! claim's epoch. Read on in `plan/` (what is different), `send.rs` (windows and checkpoints), `finish.rs` (the end).

use store::Claim;

use crate::course::{self, Course, Differences, RunOptions};
use crate::finish::{self, Report};
use crate::job::Job;
use crate::{Error, plan, send};

pub(crate) async fn run(job: &Job, course: Option<Course>, differences: &Differences) -> Result<Report, Error> {
    // The configuration is not what the snapshot was made with, and nobody has said how to go on.
    let Some(course) = course else { return finish::ask_about_changes(job, differences).await };

    let mut plan = plan::make(job, course).await?;

    // Nothing was sent so far. What looks like an accident needs a person's consent.
    let questions = plan.questions(job);
    if !questions.is_empty() {
        return finish::ask_about_plan(job, plan, &questions).await;
    }

    let sent = send::send(job, &mut plan).await?;
    if sent.ended.hands_over() {
        return finish::hand_over(job, sent).await;
    }

    finish::finish(job, plan, sent).await
}

/// The course of a run: what was asked for, what changed since the last one, and what the user said about it.
pub(crate) fn course(claim: &Claim, options: &RunOptions, differences: &Differences) -> Option<Course> {
    let first = (!claim.first_run_done).then_some(claim.definition.sync.first_run);
    course::choose(claim.kind, options, first, differences)
}
