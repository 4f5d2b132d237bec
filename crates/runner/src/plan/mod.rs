//! Phase 1: read the model, compare it with the acknowledged snapshot, write an ordered plan to scratch. Nothing
//! is sent, and apart from scratch and the segment of silent acknowledgements, which nothing names yet, nothing is
//! written.

mod ahead;
mod bins;
mod choose;
mod chosen;
mod compare;
mod gather;
mod ingest;
mod invalid;
mod logged;
mod picks;
mod sift;
mod sort;
mod unsent;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use domain::{Counts, Millis, RunKind};
use engine::guard::{self, Planned, Question};
use snapshots::{Damage, SegmentRef, Shape, Snapshot, verify};
use spill::{PlanReader, Postponed, Scratch};
use store::NewInvalidRow;

use crate::course::Course;
use crate::job::Job;
use crate::progress::Phase;
use crate::{Error, fail_point, manifest};
use bins::Filling;
use choose::Choice;
use chosen::Chosen;
use compare::{Comparison, values_lack};
use ingest::ingest;

use invalid::InvalidRows;
pub use unsent::NotSent;
use unsent::Unsent;

/// What a run would do.
pub(crate) struct Plan {
    pub(crate) course: Course,
    pub(crate) counts: Counts,
    pub(crate) planned: Planned,
    /// Shared with the thread that renders ahead.
    pub(crate) entries: Arc<Mutex<PlanReader>>,
    pub(crate) removals: PlanReader,
    pub(crate) silent: Option<SegmentRef>,
    pub(crate) rewritten: u64,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) waits_until: Option<Millis>,
    pub(crate) invalid: InvalidRows,
    /// The object that lists all invalid rows, if the store does not.
    pub(crate) invalid_list: Option<String>,
    /// How many rows were chosen, and those of them that cannot be sent.
    pub(crate) chosen: u64,
    pub(crate) not_sent: Unsent,
    /// The layers that the plan was compared with.
    pub(crate) layers: manifest::Layers,
    /// Holds the files of the plan.
    scratch: Scratch,
}

impl Plan {
    /// A place for changes that have to wait.
    pub(crate) fn postponed(&self) -> Postponed {
        Postponed::new(&self.scratch)
    }

    pub(crate) fn scratch_bytes(&self) -> u64 {
        self.scratch.written()
    }

    /// To be listed, once. Chosen rows that cannot be sent come first: somebody asked for them.
    pub(crate) fn invalid_rows(&mut self) -> Vec<NewInvalidRow> {
        self.not_sent.listed().chain(self.invalid.take()).collect()
    }

    pub(crate) fn invalid_by_code(&self) -> BTreeMap<String, u64> {
        self.invalid.by_code().chain(self.not_sent.by_code()).collect()
    }

    /// What a person has to consent to. Chosen rows were chosen by one, and nothing else is touched.
    pub(crate) fn questions(&self, job: &Job) -> Vec<Question> {
        if self.course.kind == RunKind::Resend {
            return Vec::new();
        }
        guard::questions(&job.definition().sync.guards, &self.planned)
    }
}

pub(crate) async fn make(job: &Job, course: Course) -> Result<Plan, Error> {
    let limits = job.settings.limits;
    match plan(job, course).await {
        Err(Error::Scratch(spill::Error::Full { limit })) if limits.spilled_bytes == Some(limit) => {
            Err(Error::TooManyBytes { limit })
        }
        other => other,
    }
}

async fn plan(job: &Job, course: Course) -> Result<Plan, Error> {
    let layers = job.manifest(course).await?;
    let snapshot = job.open(&layers.manifest).await?;
    let covered = covered(job).await?;
    let settings = &job.settings;
    let most = settings.limits.spilled_bytes.map_or(settings.scratch_bytes, |most| most.min(settings.scratch_bytes));
    let scratch = Scratch::create(&settings.scratch, &job.scratch_name(), most)?;
    let mut chosen = match &job.options.rows {
        Some(rows) if rows.by_key() => Some(Choice::Keys(Chosen::new(rows, &job.layout)?)),
        Some(rows) => Some(Choice::Units(gather::gather(job, rows).await?)),
        None => None,
    };
    job.enter(Phase::Reading);
    let attempt = job.attempt(course);
    let may_rest = chosen.is_none() && job.layout.element().is_none() && !values_lack(job, &snapshot);
    let filling =
        if may_rest { Filling::begin(&snapshot, &attempt, settings.plan_memory * 3 / 8) } else { Filling::default() };
    let mut read = ingest(job, &scratch, filling, chosen.as_mut().and_then(Choice::keys)).await?;
    job.enter(Phase::Comparing);
    fail_point::pass("before-plan-written")?;
    let comparison = Comparison::new(job, &scratch, &snapshot, covered.as_ref(), attempt)?;
    let compared = comparison.choosing(chosen.as_mut()).run(read.sorted, &mut read.invalid).await?;
    fail_point::pass("after-plan-written")?;
    let invalid_list = read.invalid.finish().await?;
    let (chosen, not_sent) = chosen.map_or_else(Default::default, Choice::came_to);
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
        entries: Arc::new(Mutex::new(compared.plan)),
        removals: compared.removals,
        silent: compared.silent,
        rewritten: compared.rewritten,
        shapes: compared.shapes,
        waits_until: compared.waits_until,
        invalid: read.invalid,
        invalid_list,
        chosen,
        not_sent,
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
        serde_json::from_value(segment.clone()).map_err(|source| Error::Manifest(Arc::new(source)))?;
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
