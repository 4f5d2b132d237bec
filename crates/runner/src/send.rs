//! Phase 2: the plan in order, in windows. A window is one immutable segment, durable and registered before its first
//! put; the checkpoint that says what became of it registers the next one. So a crash leaves at most one window in
//! doubt, and nothing acknowledged is forgotten but its newest part.

use std::time::Duration;

use domain::{Counts, Millis};
use engine::guard;
use engine::hash::event_id;
use engine::outcome::throttled;
use engine::record::Record;
use engine::rules::{Outcome, WindowEntry};
use kinesis::{PutOutcome, WindowResult, Writer};
use serde_json::json;
use snapshots::{SegmentKind, SegmentRef, SegmentWriter, Value};
use spill::PlanEntry;
use store::{Checkpoint, ClosedWindow, LayerChange, NewRejection, NewWindow};
use tokio::time::Instant;

use crate::full_list::FullList;
use crate::job::Job;
use crate::log::{RowLog, Unsent};
use crate::plan::Plan;
use crate::prepared::{Prepared, silent, was_cut_short};
use crate::progress::Phase;
use crate::render::Logged;
use crate::{Error, clock, compaction, fail_point, manifest};

/// Rejections that wait for a checkpoint; when there are more, one is made for them.
const PENDING_REJECTIONS: usize = 10_000;
const SMALLEST_WINDOW: usize = 500;
/// Less would leave no time for a put.
const SHORTEST_WINDOW: Duration = Duration::from_millis(100);
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
    plan: &'a mut Plan,
    writer: Writer,
    counts: Counts,
    /// Not decided when their window's time was over; they go first into the next one.
    carried: Vec<Prepared>,
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
    let writer = job.writer()?;
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
    let (counts, size) = (plan.counts, job.settings.window.records.min(2 * SMALLEST_WINDOW));
    let mut log = RowLog::new(job);
    if plan.entries.left() > 0 {
        log.know_shards(job).await;
    }
    log.invalid(plan.invalid.take_logged());
    let mut sending = Sending {
        job,
        plan,
        writer,
        counts,
        carried: Vec::new(),
        left,
        rejections: FullList::new(&job.objects, &job.claim, "rejections"),
        log,
        size,
        calls: 0,
        throttled: 0,
        finished: 0,
        rejected_for_themselves: 0,
        ended: None,
    };
    sending.run().await?;
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
            let window = self.prepare()?;
            if window.is_empty() {
                if self.left.rejections.is_empty() || (self.plan.entries.left() == 0 && self.carried.is_empty()) {
                    break;
                }
                self.checkpoint(None).await?;
                continue;
            }
            let segment = self.write(&window).await?;
            self.checkpoint(Some((segment, window.len() as u64))).await?;
            self.make_room().await?;
            let began = Instant::now();
            let result = self.put(&window, began).await?;
            fail_point::pass("before-acknowledged")?;
            self.take_in(window, result, began)?;
            self.log.begin().await?;
            fail_point::pass("after-acknowledged")?;
        }
        // What was carried and cannot be put any more keeps the outcome it has.
        for prepared in std::mem::take(&mut self.carried) {
            self.decide(prepared)?;
        }
        match self.ended {
            // Another worker comes to them.
            None | Some(Ended::Drained) => Ok(()),
            Some(_) => self.log_unreached(),
        }
    }

    /// Rows that the run did not come to: the first of them, since whoever cancelled it waits for its end.
    fn log_unreached(&mut self) -> Result<(), Error> {
        for _ in 0..LOGGED_UNREACHED {
            let Some(entry) = self.plan.entries.read()? else { break };
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

    /// The next records to put, in the order of their units. Rows that cannot be records are rejected here.
    fn prepare(&mut self) -> Result<Vec<Prepared>, Error> {
        if self.ended.is_some() {
            return Ok(Vec::new());
        }
        let limits = self.job.settings.window;
        let shapes = self.plan.shapes.clone();
        let renderer = self.job.renderer(&shapes);
        let logs_values = self.job.logs_values();
        let mut window = std::mem::take(&mut self.carried);
        let mut bytes: usize = window.iter().map(Prepared::bytes).sum();
        while window.len() < self.size && bytes < limits.bytes && self.left.rejections.len() < PENDING_REJECTIONS {
            let Some(entry) = self.plan.entries.read()? else { break };
            let id = event_id(self.job.hash_key(), self.job.claim.sync, entry.unit, entry.op, entry.sequence);
            let mut logged = logs_values.then(Logged::default);
            match renderer.render(&entry, &id, logged.as_mut())? {
                Ok(record) => {
                    let prepared = Prepared::new(entry, id, record, logged);
                    bytes += prepared.bytes();
                    window.push(prepared);
                }
                Err(rejection) => {
                    self.rejected_for_themselves += 1;
                    let key = renderer.key(&entry)?;
                    let (code, message) = (rejection.code.as_str(), rejection.message.as_str());
                    self.reject(&entry, key, code, message);
                    self.log.rejected(Unsent { entry: &entry, event_id: &id, code, message, logged })?;
                    self.watch(window.len());
                    if self.ended.is_some() {
                        break;
                    }
                }
            }
        }
        if self.ended.is_some() {
            self.carried = window;
            return Ok(Vec::new());
        }
        Ok(window)
    }

    /// One immutable segment: what would be in the stream if all of the window were acknowledged.
    async fn write(&self, window: &[Prepared]) -> Result<SegmentRef, Error> {
        fail_point::pass("before-window-written")?;
        let job = self.job;
        let identity = job.identity(SegmentKind::Window);
        let kept = [job.kept_shape()];
        let shapes = if job.keeps_values() { self.plan.shapes.as_slice() } else { &kept };
        let mut segment = SegmentWriter::create(&job.objects, identity, shapes).await?;
        for Prepared { entry, .. } in window {
            let put = WindowEntry {
                op: entry.op,
                content: entry.content,
                version: job.claim.version,
                sequence: entry.sequence,
                row: entry.hash,
                form: job.form,
                resend: job.options.sends_original(),
            };
            let row = entry.row.as_ref().filter(|_| job.keeps_values());
            let value = Value {
                key: &entry.key,
                shape: row.map_or(0, |stored| stored.shape),
                row: row.map(|stored| stored.row.as_slice()),
            };
            segment.push_window(entry.unit, &put, value).await?;
        }
        let written = segment.finish().await?;
        fail_point::pass("after-window-written")?;
        Ok(written)
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

    async fn put(&mut self, window: &[Prepared], began: Instant) -> Result<WindowResult, Error> {
        fail_point::pass("before-put")?;
        let records: Vec<Record> = window.iter().map(|prepared| prepared.record.clone()).collect();
        let stop = self.job.lease.stop(began + self.job.settings.window.time.max(SHORTEST_WINDOW));
        let result = self.writer.put(&records, &stop).await;
        fail_point::pass("after-put")?;
        Ok(result)
    }

    /// What the puts came to: for the next checkpoint, for the counts, and for the next window.
    fn take_in(&mut self, window: Vec<Prepared>, result: WindowResult, began: Instant) -> Result<(), Error> {
        let number = self.job.open_window();
        let outcomes = result.outcomes.iter().map(|outcome| outcome.outcome() as u8).collect();
        let settling_ms = self.job.settings.settling.as_millis() as i64;
        self.left.close = Some(ClosedWindow { number, outcomes, settling_ms });
        self.calls += result.calls.len() as u64;
        self.throttled +=
            result.calls.iter().flat_map(|call| &call.failures).filter(|f| throttled(&f.code)).count() as u64;
        self.account(&window, &result, began);
        self.log.calls(result.calls);
        self.resize(window.len(), began);
        if let Some(fatal) = result.fatal {
            self.ended = Some(Ended::Fatal(fatal));
        }
        let silent = silent(&result.outcomes);
        let mut waiting = window.len();
        for (mut prepared, outcome) in window.into_iter().zip(result.outcomes) {
            waiting -= 1;
            let cut_short = was_cut_short(&outcome);
            prepared.follow(outcome, began);
            if self.ended.is_none() && cut_short && prepared.may_be_tried(&self.job.settings.puts.retry) {
                self.carried.push(prepared);
            } else {
                self.decide(prepared)?;
                self.watch(waiting);
            }
        }
        // Every record was tried as often as it may be; there is no point in trying the rest of the plan.
        if let Some(text) = silent.filter(|_| self.carried.is_empty() && self.plan.entries.left() > 0) {
            self.ended.get_or_insert(Ended::NoAnswer(text));
        }
        let (counts, calls, throttled) = (self.counts_now(), self.calls, self.throttled);
        self.job.progress.update(|progress| {
            (progress.counts, progress.calls, progress.throttled) = (counts, calls, throttled);
        });
        Ok(())
    }

    /// What the puts of a window came to, for people.
    fn account(&self, window: &[Prepared], result: &WindowResult, began: Instant) {
        let account = &mut self.job.state().account;
        let before = account.sums();
        account.calls(&result.calls);
        account.keys(window.iter().map(|prepared| &prepared.record));
        for (prepared, outcome) in window.iter().zip(&result.outcomes) {
            if let PutOutcome::Acknowledged { shard, .. } = outcome {
                account.delivered(&prepared.record, shard);
            }
        }
        let time = began.elapsed();
        account.window(clock::now() - time.as_millis() as Millis, time, before);
    }

    /// Counts and logs what a record came to in the end.
    fn decide(&mut self, prepared: Prepared) -> Result<(), Error> {
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
                let key = self.job.renderer(&self.plan.shapes).key(&prepared.entry).unwrap_or_default();
                self.reject(&prepared.entry, key, &code, &message);
            }
        }
        self.log.decided(prepared)
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

    /// As many records as the time of a window allows.
    fn resize(&mut self, records: usize, began: Instant) {
        let limits = self.job.settings.window;
        let share = limits.time.as_secs_f64() / began.elapsed().as_secs_f64().max(0.001);
        let fits = (records as f64 * share) as usize;
        self.size = fits.min(self.size * 4).max(SMALLEST_WINDOW).min(limits.records).max(1);
    }
}

async fn list(full: &mut FullList, rejections: &[NewRejection]) -> Result<(), Error> {
    for NewRejection { key, op, code, message, .. } in rejections {
        full.push(&json!({ "key": key, "op": op, "code": code, "message": message })).await?;
    }
    Ok(())
}
