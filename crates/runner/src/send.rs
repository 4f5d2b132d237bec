//! Phase 2: the plan in order, in windows. A window is one immutable segment, durable and registered before its first
//! put; the checkpoint that says what became of it registers the next one. So a crash leaves at most one window in
//! doubt, and nothing acknowledged is forgotten but its newest part.

use std::sync::PoisonError;
use std::time::Duration;

use domain::{Counts, Millis};
use engine::guard;
use engine::outcome::throttled;
use engine::rules::Outcome;
use kinesis::{PutOutcome, WindowResult, Writer};
use serde_json::json;
use snapshots::{SegmentKind, SegmentRef};
use spill::PlanEntry;
use store::{Checkpoint, ClosedWindow, LayerChange, NewRejection, NewWindow};
use tokio::time::Instant;

use crate::ahead::{Ahead, Made, Most};
use crate::batch::{Batch, Refused};
use crate::crowd::{Crowd, Extent};
use crate::full_list::FullList;
use crate::job::Job;
use crate::log::{RowLog, Unsent};
use crate::plan::Plan;
use crate::prepared::{Prepared, Window, silent, was_cut_short};
use crate::progress::Phase;
use crate::{Error, aggregation, clock, compaction, fail_point, manifest};

/// Rejections that wait for a checkpoint; when there are more, one is made for them.
const PENDING_REJECTIONS: usize = 10_000;
const SMALLEST_WINDOW: usize = 500;
/// So many records are looked at before more of them are put: most of them may be bad, or the stream slow.
const FIRST_WINDOW: usize = 1_000;
/// How many times larger a window may be than the one before.
const GROWTH: usize = 8;
/// Records of a window, to those that were decided in its time.
const MARGIN: f64 = 1.125;
/// Less would leave no time for a put.
const SHORTEST_WINDOW: Duration = Duration::from_millis(100);
/// Rows of the plan that are looked at for a window, to its records: shards may want what few rows are for.
const LOOK_AHEAD: usize = 4;
/// Rows that a run did not come to, and are told one by one.
const LOGGED_UNREACHED: usize = 20_000;

/// How sending ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Every planned record has its outcome.
    Whole,
    /// Most of the first records were rejected for reasons of their own.
    Stopped,
    Cancelled,
    /// The run is left to another worker.
    Drained,
    TookTooLong(Error),
    /// No put can succeed.
    Fatal(kinesis::Error),
    /// Not one put of a whole window was answered.
    NoAnswer(String),
}

impl Ended {
    pub(crate) const fn hands_over(&self) -> bool {
        matches!(self, Self::Drained)
    }
}

pub(crate) struct Sent {
    pub(crate) ended: Ended,
    pub(crate) counts: Counts,
    pub(crate) calls: u64,
    pub(crate) throttled: u64,
    /// The object that lists all rejections, if the store does not.
    pub(crate) rejection_list: Option<String>,
    /// What the last window came to, and rejections that no checkpoint has yet.
    pub(crate) left: Checkpoint,
}

struct Sending<'a> {
    job: &'a Job,
    writer: Writer,
    counts: Counts,
    ahead: Ahead,
    /// Rendered, and in no window yet.
    ready: Batch,
    /// Planned changes that are in no window yet, rendered or not.
    waiting: u64,
    crowd: Crowd,
    /// Not decided when their window's time was over; they go first into the next one.
    carried: Window,
    /// The window before had records to carry over. Their place is in the next segment too, so none is written ahead.
    carries: bool,
    left: Checkpoint,
    rejections: FullList,
    log: RowLog,
    size: usize,
    calls: u64,
    throttled: u64,
    finished: u64,
    rejected_for_themselves: u64,
    ended: Option<Ended>,
}

/// Sends what is planned. Whatever ends it, what is in `left` still has to be checkpointed.
pub(crate) async fn send(job: &Job, plan: &mut Plan) -> Result<Sent, Error> {
    job.enter(Phase::Sending);
    let waiting = plan.entries.lock().unwrap_or_else(PoisonError::into_inner).left();
    let writer = if waiting > 0 { aggregation::writer(job).await? } else { job.writer()? };
    let left = Checkpoint {
        invalid_rows: plan.invalid_rows(),
        invalid_by_code: plan.invalid_by_code(),
        layers: if plan.course.drop_snapshot {
            LayerChange::Replace(plan.layers.refs.clone())
        } else {
            LayerChange::Keep
        },
        ..Checkpoint::default()
    };
    let mut log = RowLog::new(job);
    if waiting > 0 {
        log.know_shards(job).await;
    }
    log.invalid(plan.invalid.take_logged());
    let mut sending = Sending {
        job,
        writer,
        counts: plan.counts,
        ahead: Ahead::new(job, plan),
        ready: Batch::default(),
        waiting,
        crowd: Crowd::new(),
        carried: Window::default(),
        carries: false,
        left,
        rejections: FullList::new(&job.objects, &job.claim, "rejections"),
        log,
        size: job.settings.window.records.min(FIRST_WINDOW),
        calls: 0,
        throttled: 0,
        finished: 0,
        rejected_for_themselves: 0,
        ended: None,
    };
    let done = sending.run().await;
    if done.is_err() {
        // Nothing goes on behind the back of a run that has failed. Its own failure says more than another one.
        drop(sending.ahead.made().await);
        drop(sending.log.written().await);
    }
    done?;
    let Sending { counts, calls, throttled, left, ended, mut rejections, mut log, .. } = sending;
    log.end().await?;
    list(&mut rejections, &left.rejections).await?;
    let rejection_list = rejections.finish().await?;
    Ok(Sent { ended: ended.unwrap_or(Ended::Whole), counts, calls, throttled, rejection_list, left })
}

impl Sending<'_> {
    async fn run(&mut self) -> Result<(), Error> {
        while self.ended.is_none() {
            match self.job.lease.check() {
                Err(Error::Cancelled) => self.ended = Some(Ended::Cancelled),
                Err(Error::Drained) => self.ended = Some(Ended::Drained),
                Err(error @ Error::TookTooLong { .. }) => self.ended = Some(Ended::TookTooLong(error)),
                other => other?,
            }
            let (window, segment) = self.prepare().await?;
            if window.is_empty() {
                if self.left.rejections.is_empty() || (self.waiting == 0 && self.carried.is_empty()) {
                    break;
                }
                self.checkpoint(None).await?;
                continue;
            }
            let segment = match segment {
                Some(segment) => segment,
                None => self.ahead.write(self.job.identity(SegmentKind::Window), &window).await?,
            };
            // The checkpoint waits for the log, so that has all processors. What is made ahead fills what a put leaves of them.
            self.log.end().await?;
            self.begin_ahead(Some(&window));
            self.checkpoint(Some((segment, window.len() as u64))).await?;
            self.make_room().await?;
            let began = Instant::now();
            let result = self.put(&window, began).await?;
            fail_point::pass("before-acknowledged")?;
            self.take_in(window, result, began)?;
            self.log.begin().await?;
            fail_point::pass("after-acknowledged")?;
        }
        if let (Some(segment), _) = self.take_up().await? {
            self.ahead.discard(&segment).await;
        }
        // What was carried and cannot be put any more keeps the outcome it has.
        let mut carried = std::mem::take(&mut self.carried);
        let now = clock::now();
        carried.rows_mut().iter_mut().for_each(|prepared| self.decide(prepared, now));
        self.log.decided(carried);
        match self.ended {
            // Another worker comes to them.
            None | Some(Ended::Drained) => Ok(()),
            Some(_) => self.log_unreached(),
        }
    }

    /// Rows that the run did not come to: the first of them, since whoever cancelled it waits for its end.
    fn log_unreached(&mut self) -> Result<(), Error> {
        let mut left = LOGGED_UNREACHED;
        for entry in std::mem::take(&mut self.ready).into_entries().take(left) {
            self.log.unreached(&entry)?;
            left -= 1;
        }
        for _ in 0..left {
            let Some(entry) = self.ahead.unreached()? else { break };
            self.log.unreached(&entry)?;
        }
        Ok(())
    }

    /// Merges layers when there are many. The window is open by then: a record that is carried over from the one before has
    /// no other trace, should this attempt die meanwhile. Whatever ends the run is found by the put that follows.
    async fn make_room(&self) -> Result<(), Error> {
        if !self.job.crowded() {
            return Ok(());
        }
        match compaction::compact(self.job, false).await {
            Err(Error::Cancelled | Error::Drained | Error::TookTooLong { .. }) => Ok(()),
            other => other,
        }
    }

    /// Begins to make what follows the window that is about to be put, or the next one, if none is.
    fn begin_ahead(&mut self, open: Option<&Window>) {
        let (extent, writer) = (self.extent(), &self.writer);
        let quotas = match open {
            Some(open) => self.crowd.quotas_after(writer, extent, open),
            None => self.crowd.quotas(writer, extent, &self.carried),
        };
        let rendered = self.ready.len();
        let records = if quotas.is_some() { extent.records } else { self.size };
        let enough = quotas.is_none() && (self.waiting <= rendered as u64 || rendered >= records);
        if enough || self.waiting == 0 {
            return;
        }
        let looked_at = extent.records.saturating_mul(LOOK_AHEAD);
        let most = Most { records, bytes: extent.bytes, refused: PENDING_REJECTIONS, looked_at };
        let alone = rendered == 0 && !self.carries;
        let segment = alone.then(|| self.job.identity(SegmentKind::Window));
        self.ahead.begin(std::mem::take(&mut self.ready), most, quotas, segment);
    }

    /// The most that a window may hold.
    fn extent(&self) -> Extent {
        let limits = self.job.settings.window;
        Extent { time: limits.time.max(SHORTEST_WINDOW), records: limits.records, bytes: self.window_bytes() }
    }

    /// The window that is put, the next one, and the rows of the last on their way into the log are in memory at once.
    fn window_bytes(&self) -> usize {
        (self.job.settings.window.bytes / 2).max(1)
    }

    /// The next records to put, in the order of their units, and their segment if it is there already. Rows that cannot be
    /// records are rejected here.
    async fn prepare(&mut self) -> Result<(Window, Option<SegmentRef>), Error> {
        if self.ended.is_some() {
            return Ok(Default::default());
        }
        let segment = self.rendered().await?;
        let mut window = std::mem::take(&mut self.carried);
        self.carries = !window.is_empty();
        let mut batch = match &segment {
            Some(_) if !self.carries => std::mem::take(&mut self.ready),
            _ => {
                let size = if self.crowd.is_there() { self.job.settings.window.records } else { self.size };
                let (records, bytes) = (size.saturating_sub(window.len()), self.window_bytes());
                self.ready.take(records, bytes.saturating_sub(window.bytes()))
            }
        };
        self.refuse(window.len(), &mut batch)?;
        self.waiting = self.waiting.saturating_sub(batch.len() as u64);
        let segment = match segment {
            Some(segment) if self.carries || self.ended.is_some() => {
                self.ahead.discard(&segment).await;
                None
            }
            other => other,
        };
        window.append(batch.window);
        window.sort();
        if self.ended.is_some() {
            self.carried = window;
            return Ok(Default::default());
        }
        Ok((window, segment))
    }

    /// Waits for what is rendered ahead, or renders it. Afterwards something is ready, if anything is left. The segment that
    /// was written of it, if one was.
    async fn rendered(&mut self) -> Result<Option<SegmentRef>, Error> {
        if !self.ahead.is_running() {
            self.begin_ahead(None);
        }
        let (segment, evenly) = self.take_up().await?;
        // When it was begun, nobody knew that shards would be in each other's way; or each was expected to have enough to do.
        let crowded = self.crowd.is_there() && !evenly && !self.ready.is_empty();
        let nothing = self.ready.is_empty() && self.carried.is_empty() && self.waiting > 0;
        if !crowded && !nothing {
            return Ok(segment);
        }
        if let Some(segment) = segment {
            self.ahead.discard(&segment).await;
        }
        self.begin_ahead(None);
        Ok(self.take_up().await?.0)
    }

    async fn take_up(&mut self) -> Result<(Option<SegmentRef>, bool), Error> {
        if !self.ahead.is_running() {
            return Ok((None, false));
        }
        let Made { batch, evenly, postponed, segment } = self.ahead.made().await?;
        self.ready = batch;
        self.crowd.postponed = postponed;
        Ok((segment, evenly))
    }

    /// Takes in the rows of a batch that cannot be records. Where they end the run, what follows is not come to: it leaves
    /// the batch. `carried`: records of the window that are not of the batch.
    fn refuse(&mut self, carried: usize, batch: &mut Batch) -> Result<(), Error> {
        let mut refused = std::mem::take(&mut batch.refused).into_iter();
        while let Some((before, Refused { entry, event_id, rejection, logged })) = refused.next() {
            self.waiting = self.waiting.saturating_sub(1);
            self.rejected_for_themselves += 1;
            let key = self.ahead.renderer().key(&entry)?;
            let (code, message) = (rejection.code.as_str(), rejection.message.as_str());
            self.reject(&entry, key, code, message);
            self.log.rejected(Unsent { entry: &entry, event_id: &event_id, code, message, logged })?;
            self.watch(carried + before);
            if self.ended.is_some() {
                let first = batch.split(before);
                let mut later = std::mem::replace(batch, first);
                later.refused = refused.map(|(at, refused)| (at.saturating_sub(before), refused)).collect();
                later.append(std::mem::take(&mut self.ready));
                self.ready = later;
                break;
            }
        }
        Ok(())
    }

    /// Says what became of the window before, and registers the next one: its units are uncertain from now on.
    async fn checkpoint(&mut self, open: Option<(SegmentRef, u64)>) -> Result<(), Error> {
        self.job.lease.held()?;
        let (closes, opens) = (self.left.close.is_some(), open.is_some());
        if opens {
            fail_point::pass("before-window-registered")?;
        }
        if closes {
            fail_point::pass("before-checkpoint-committed")?;
        }
        list(&mut self.rejections, &self.left.rejections).await?;
        self.log.end().await?;
        self.left.counts = Some(self.counts_now());
        self.left.open = match open {
            Some((segment, entries)) => {
                let number = segment.number;
                Some(NewWindow { number, segment: manifest::to_json(&segment)?, entries })
            }
            None => None,
        };
        self.job.checkpoint(std::mem::take(&mut self.left)).await?;
        if closes {
            fail_point::pass("after-checkpoint-committed")?;
        }
        if opens {
            fail_point::pass("after-window-registered")?;
        }
        Ok(())
    }

    async fn put(&mut self, window: &Window, began: Instant) -> Result<WindowResult, Error> {
        fail_point::pass("before-put")?;
        let stop = self.job.lease.stop(began + self.extent().time);
        let result = self.writer.put(window.records(), &stop).await;
        fail_point::pass("after-put")?;
        Ok(result)
    }

    /// What the puts came to: for the next checkpoint, for the counts, and for the next window.
    fn take_in(&mut self, mut window: Window, result: WindowResult, began: Instant) -> Result<(), Error> {
        let number = self.job.open_window();
        let outcomes = result.outcomes.iter().map(|outcome| outcome.outcome() as u8).collect();
        let settling_ms = self.job.settings.settling.as_millis() as i64;
        self.left.close = Some(ClosedWindow { number, outcomes, settling_ms });
        self.calls += result.calls.len() as u64;
        self.throttled +=
            result.calls.iter().flat_map(|call| &call.failures).filter(|f| throttled(&f.code)).count() as u64;
        self.account(&window, &result, began);
        self.crowd.look_at(&window, &result, began.elapsed());
        self.log.calls(result.calls);
        if let Some(fatal) = result.fatal {
            self.ended = Some(Ended::Fatal(fatal));
        }
        let silent = silent(&result.outcomes);
        let (now, mut waiting, mut carried) = (clock::now(), window.len(), Vec::new());
        for ((at, prepared), outcome) in window.rows_mut().iter_mut().enumerate().zip(result.outcomes) {
            waiting -= 1;
            let cut_short = was_cut_short(&outcome);
            prepared.follow(outcome, began);
            if self.ended.is_none() && cut_short && prepared.may_be_tried(&self.job.settings.puts.retry) {
                carried.push(at);
            } else {
                self.decide(prepared, now);
                self.watch(waiting);
            }
        }
        self.carried = window.take(&carried);
        self.crowd.look_at_rest(&self.writer, self.extent(), &self.carried);
        self.resize(window.len(), began);
        self.log.decided(window);
        // Every record was tried as often as it may be; there is no point in trying the rest of the plan.
        if let Some(text) = silent.filter(|_| self.carried.is_empty() && self.waiting > 0) {
            self.ended.get_or_insert(Ended::NoAnswer(text));
        }
        let (counts, calls, throttled) = (self.counts_now(), self.calls, self.throttled);
        self.job.progress.update(|progress| {
            (progress.counts, progress.calls, progress.throttled) = (counts, calls, throttled);
        });
        Ok(())
    }

    /// What the puts of a window came to, for people.
    fn account(&self, window: &Window, result: &WindowResult, began: Instant) {
        let account = &mut self.job.state().account;
        let before = account.sums();
        account.calls(&result.calls);
        account.keys(window.records());
        for (record, outcome) in window.records().iter().zip(&result.outcomes) {
            if let PutOutcome::Acknowledged { shard, .. } = outcome {
                let child = outcome.puts().last().and_then(|put| put.child);
                account.delivered(record, child, shard);
            }
        }
        let time = began.elapsed();
        account.window(clock::now() - time.as_millis() as Millis, time, before);
    }

    /// Counts what a record came to in the end.
    fn decide(&mut self, prepared: &mut Prepared, now: Millis) {
        prepared.at = now;
        match prepared.outcome {
            Outcome::Acknowledged | Outcome::AcknowledgedAfterDoubt => {
                self.counts.delivered += 1;
                self.finished += 1;
            }
            Outcome::Unanswered => {
                self.counts.unanswered += 1;
                self.finished += 1;
            }
            // It stays deferred: planned, and nothing else.
            Outcome::NotPut => {}
            Outcome::Refused => {
                let (code, message) = prepared.refusal.clone().unwrap_or_else(|| ("refused".into(), "refused".into()));
                if !throttled(&code) && self.ended.is_none() {
                    self.rejected_for_themselves += 1;
                }
                let key = self.ahead.renderer().key(&prepared.entry).unwrap_or_default();
                self.reject(&prepared.entry, key, &code, &message);
            }
        }
    }

    fn reject(&mut self, entry: &PlanEntry, key: serde_json::Value, code: &str, message: &str) {
        self.counts.rejected += 1;
        self.finished += 1;
        self.left.rejections.push(NewRejection {
            unit: entry.unit,
            key,
            op: entry.op,
            code: code.to_owned(),
            message: message.to_owned(),
        });
    }

    /// The guard that watches the first records, one by one: a window may hold more of them than it looks at. Records that
    /// wait for their outcome count as good, or the bad ones found while a window is made would seem to be most of all.
    fn watch(&mut self, waiting: usize) {
        let looked_at = self.finished + waiting as u64;
        if self.ended.is_none() && guard::stops(looked_at, self.rejected_for_themselves) {
            self.ended = Some(Ended::Stopped);
        }
    }

    /// What is planned and not decided counts as deferred, so the sums hold at every moment.
    fn counts_now(&self) -> Counts {
        let counts = self.counts;
        Counts { deferred: counts.planned - counts.delivered - counts.rejected - counts.unanswered, ..counts }
    }

    /// As many records as are decided in the time of a window, and some more: where a stream holds them back, a window ends by
    /// its time, and until then no shard waits for others.
    fn resize(&mut self, decided: usize, began: Instant) {
        let limits = self.job.settings.window;
        let share = limits.time.as_secs_f64() / began.elapsed().as_secs_f64().max(0.001);
        let fits = (decided as f64 * share * MARGIN) as usize;
        let most = self.size.saturating_mul(GROWTH).min(limits.records);
        self.size = fits.max(SMALLEST_WINDOW).min(most).max(1);
    }
}

async fn list(full: &mut FullList, rejections: &[NewRejection]) -> Result<(), Error> {
    for NewRejection { key, op, code, message, .. } in rejections {
        full.push(&json!({ "key": key, "op": op, "code": code, "message": message }), 1).await?;
    }
    Ok(())
}
