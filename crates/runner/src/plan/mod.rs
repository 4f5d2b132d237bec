//! Phase 1: read the model once, compare it with the acknowledged snapshot, write an ordered plan to scratch. Nothing
//! is sent, and apart from scratch and the segment of silent acknowledgements, which nothing names yet, nothing is
//! written.

mod compare;
mod ingest;
mod invalid;
mod write;

use domain::{Counts, Millis};
use engine::guard::Planned;
use snapshots::{Damage, SegmentRef, Shape, Snapshot, verify};
use spill::{PlanReader, Scratch};

use crate::course::Course;
use crate::job::Job;
use crate::progress::Phase;
use crate::{Error, fail_point, manifest};
use compare::Comparison;
use ingest::ingest;

pub(crate) use invalid::InvalidRows;

/// What a run would do.
pub(crate) struct Plan {
    pub(crate) course: Course,
    pub(crate) counts: Counts,
    pub(crate) planned: Planned,
    pub(crate) entries: PlanReader,
    pub(crate) removals: PlanReader,
    pub(crate) silent: Option<SegmentRef>,
    pub(crate) rewritten: u64,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) waits_until: Option<Millis>,
    pub(crate) invalid: InvalidRows,
    pub(crate) null_keys: u64,
    /// The object that lists all invalid rows, if the store does not.
    pub(crate) invalid_list: Option<String>,
    /// The layers that the plan was compared with.
    pub(crate) layers: manifest::Layers,
    /// Holds the files of the plan.
    scratch: Scratch,
}

impl Plan {
    pub(crate) fn scratch_bytes(&self) -> u64 {
        self.scratch.written()
    }
}

pub(crate) async fn make(job: &Job, course: Course) -> Result<Plan, Error> {
    let layers = job.manifest(course).await?;
    let snapshot = job.open(&layers.manifest).await?;
    let covered = covered(job).await?;
    let scratch = Scratch::create(&job.settings.scratch, &job.scratch_name(), job.settings.scratch_bytes)?;
    job.progress.update(|progress| progress.phase = Phase::Reading);
    let mut read = ingest(job, &scratch).await?;
    job.progress.update(|progress| progress.phase = Phase::Comparing);
    fail_point::pass("before-plan-written")?;
    let comparison = Comparison::new(job, &scratch, &snapshot, covered.as_ref(), job.attempt(course))?;
    let compared = comparison.run(read.partitions, &mut read.invalid).await?;
    fail_point::pass("after-plan-written")?;
    let invalid_list = read.invalid.finish().await?;
    let mut counts = compared.counts;
    counts.queried = read.queried;
    counts.invalid += read.null_keys;
    let mut planned = compared.planned;
    planned.queried = read.queried;
    planned.invalid_keys += read.null_keys;
    planned.covered_invalid = covered_invalid(job);
    Ok(Plan {
        course,
        counts,
        planned,
        entries: compared.plan,
        removals: compared.removals,
        silent: compared.silent,
        rewritten: compared.rewritten,
        shapes: compared.shapes,
        waits_until: compared.waits_until,
        invalid: read.invalid,
        null_keys: read.null_keys,
        invalid_list,
        layers,
        scratch,
    })
}

/// The units of the approval that a person gave, as a snapshot of their own. A list that is damaged covers nothing: the
/// run asks again, since no repair of the snapshot would bring it back.
async fn covered(job: &Job) -> Result<Option<Snapshot>, Error> {
    let Some(approval) = &job.approval else { return Ok(None) };
    let Some(segment) = approval.covered.get("segment").filter(|segment| !segment.is_null()) else {
        return Ok(None);
    };
    let segment: SegmentRef =
        serde_json::from_value(segment.clone()).map_err(|source| Error::Manifest(std::sync::Arc::new(source)))?;
    let manifest = snapshots::Manifest { layers: vec![snapshots::Layer::delta(segment)] };
    // There is one layer, so there is at most one damage.
    if let Some(Damage { error, .. }) = verify(&job.objects, &manifest).await.err().and_then(|mut all| all.pop()) {
        if !matches!(error, snapshots::Error::Missing { .. } | snapshots::Error::Corrupt { .. }) {
            return Err(error.into());
        }
        tracing::warn!(approval = %approval.id, %error, "the list of approved removals is damaged");
        return Ok(None);
    }
    Ok(Some(job.open(&manifest).await?))
}

/// Who says "send the rest" has seen the invalid keys: they are held in any case.
fn covered_invalid(job: &Job) -> u64 {
    if job.options.hold_removals {
        return u64::MAX;
    }
    let covered = job.approval.as_ref().and_then(|approval| approval.covered.get("invalid_keys")?.as_u64());
    covered.unwrap_or_default()
}
