//! Asking a person, and what the answer covers.

use domain::ApprovalId;
use engine::guard::Question;
use engine::rules;
use engine::unit::{Delta, EntryChange};
use serde_json::{Value as Json, json};
use snapshots::{SegmentRef, Value};
use store::{Approval, ApprovalChange, ApprovalState, NewApproval, Scope};

use crate::course::GuardAnswer;
use crate::job::Job;
use crate::plan::Plan;
use crate::{Error, manifest};

/// Keys that the person sees.
const SHOWN: usize = 100;
/// One kind for all guards: an answer covers everything that the run asked about.
const KIND: &str = "guards";

/// Gives the answer that came with the request for this run, while the question is still open.
pub(crate) async fn answer(scope: &Scope, answer: &GuardAnswer) -> Result<(), Error> {
    if scope.approval(answer.approval).await?.state == ApprovalState::Open {
        scope.decide_approval(answer.approval, answer.decision, "with the run").await?;
    }
    Ok(())
}

/// The approval that a person gave and no run has used yet.
pub(crate) async fn given(scope: &Scope, sync: domain::SyncId) -> Result<Option<Approval>, Error> {
    let all = scope.approvals(sync, false).await?;
    Ok(all.into_iter().find(|approval| matches!(approval.state, ApprovalState::Approved | ApprovalState::Forgotten)))
}

/// Requests that a run which passed its guards has used or made needless.
pub(crate) async fn close_all(job: &Job) -> Result<Vec<ApprovalChange>, Error> {
    let all = job.scope.approvals(job.claim.sync, false).await?;
    let unused = |approval: &Approval| {
        matches!(approval.state, ApprovalState::Open | ApprovalState::Approved | ApprovalState::Forgotten)
    };
    Ok(all.into_iter().filter(unused).map(|approval| ApprovalChange::Close(approval.id)).collect())
}

/// A request that covers exactly the units whose removal is planned now.
pub(crate) async fn ask(job: &Job, plan: &mut Plan, questions: &[Question]) -> Result<Vec<ApprovalChange>, Error> {
    // An answer covers what was asked about, no more.
    let asked = questions.iter().any(|question| !matches!(question, Question::InvalidKeys { .. }));
    let (segment, shown) = if asked { removals(job, plan).await? } else { (None, Vec::new()) };
    let segment = segment.map(|segment| manifest::to_json(&segment)).transpose()?;
    let covered = json!({
        "segment": segment,
        "removals": plan.planned.removals,
        "invalid_keys": plan.planned.invalid_keys,
    });
    let shown = json!({
        "questions": questions.iter().map(Question::code).collect::<Vec<_>>(),
        "removals": plan.planned.removals,
        "snapshot": plan.planned.snapshot,
        "invalid_keys": plan.planned.invalid_keys,
        "first_keys": shown,
    });
    let mut changes = close_all(job).await?;
    // An open request of the same kind is replaced by the new one, an answered one is used up.
    changes.retain(
        |change| matches!(change, ApprovalChange::Close(id) if Some(*id) == job.approval.as_ref().map(|a| a.id)),
    );
    changes.push(ApprovalChange::Open(NewApproval {
        id: ApprovalId::from_uuid(uuid::Uuid::now_v7()),
        kind: KIND.to_owned(),
        covered,
        shown,
    }));
    Ok(changes)
}

/// The segment of an approval's units, which must not be collected while it can still be used.
pub(crate) fn objects(approval: &Approval) -> Vec<String> {
    segment(approval).map_or_else(Vec::new, |segment| segment.objects().map(str::to_owned).to_vec())
}

pub(crate) fn segment(approval: &Approval) -> Option<SegmentRef> {
    let live = !matches!(approval.state, ApprovalState::Closed | ApprovalState::Replaced | ApprovalState::Dismissed);
    let segment = approval.covered.get("segment").filter(|_| live).cloned();
    segment.and_then(|segment| serde_json::from_value(segment).ok())
}

async fn removals(job: &Job, plan: &mut Plan) -> Result<(Option<SegmentRef>, Vec<Json>), Error> {
    let renderer = job.renderer(&plan.shapes);
    let mut shown = Vec::new();
    let mut writer = None;
    while let Some(entry) = plan.removals.read()? {
        if shown.len() < SHOWN {
            shown.push(renderer.key(&entry)?);
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(job.delta_segment(&plan.shapes[..1]).await?),
        };
        // Only the unit counts; a delta has to set something to be kept.
        let delta = rules::acknowledge_silently(Some((job.form, entry.hash)), job.claim.epoch);
        let delta = Delta { entry: EntryChange::clone(&delta.entry), ..delta };
        writer.push_delta(entry.unit, &delta, Some(Value { key: &entry.key, shape: 0, row: None }), None).await?;
    }
    let segment = match writer {
        Some(writer) => Some(writer.finish().await?),
        None => None,
    };
    Ok((segment, shown))
}
