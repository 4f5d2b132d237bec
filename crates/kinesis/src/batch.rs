//! The way of one batch: put, and put again what failed, until each of its records is decided. All of it happens one
//! call after the other, so a record is never in two calls at once.

use std::sync::Arc;

use engine::limits::billed_bytes;
use engine::outcome::{Put, Verdict, judge_result};
use engine::pack::Batch;
use engine::record::Record;
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::failure::Failure;
use crate::identity::Ticket;
use crate::put::{ACTION, Answer};
use crate::slot::Slot;
use crate::texts::{Texts, codes, named_shards, note};
use crate::window::{Call, CallError, PutIn, PutOutcome, RecordFailure};
use crate::writer::{Window, Writer};

pub(crate) struct Delivered {
    /// With their positions in the window.
    pub(crate) outcomes: Vec<(u32, PutOutcome)>,
    pub(crate) calls: Vec<Call>,
    pub(crate) fatal: Option<Error>,
}

pub(crate) async fn deliver(window: &Window<'_>, batch: Batch) -> Delivered {
    let mut delivery = Delivery::new(window, batch);
    while let Some(group) = delivery.next_group() {
        if !due(window, group.due).await {
            delivery.waiting.push(group);
            break;
        }
        // Assuming a role takes time, in which the window may end. Nothing has been put of this group then.
        let ready = window.writer.client.ready().await;
        if window.is_over() {
            delivery.waiting.push(group);
            break;
        }
        delivery.put(group, ready).await;
    }
    delivery.end()
}

/// Waits for the time of a put; false if it must not begin.
async fn due(window: &Window<'_>, due: Option<Instant>) -> bool {
    if let Some(due) = due {
        tokio::select! {
            () = sleep_until(due) => {}
            () = window.over() => {}
        }
    }
    !window.is_over()
}

/// Records that go into the next call together.
#[derive(Debug)]
struct Group {
    /// Positions in `Delivery::slots`.
    members: Vec<usize>,
    attempt: u32,
    /// Puts that failed for reasons that pass; being cut out of a bad call is none.
    failed: u32,
    due: Option<Instant>,
    /// When it could have been put, had nothing held it back.
    since: Instant,
    /// What its records failed with before.
    reason: Option<Arc<str>>,
}

struct Delivery<'a> {
    window: &'a Window<'a>,
    slots: Vec<Slot>,
    waiting: Vec<Group>,
    began: Instant,
    calls: Vec<Call>,
    fatal: Option<Error>,
}

impl<'a> Delivery<'a> {
    fn new(window: &'a Window<'a>, batch: Batch) -> Self {
        let slots: Vec<_> = batch.records.into_iter().map(Slot::new).collect();
        let began = Instant::now();
        let members = (0..slots.len()).collect();
        let all = Group { members, attempt: 1, failed: 0, due: None, since: began, reason: None };
        Self { window, slots, waiting: vec![all], began, calls: Vec::new(), fatal: None }
    }

    fn next_group(&mut self) -> Option<Group> {
        let earliest = self.waiting.iter().enumerate().min_by_key(|(_, group)| group.due).map(|(index, _)| index);
        earliest.map(|index| self.waiting.swap_remove(index))
    }

    /// Positions in the window.
    fn positions(&self, group: &Group) -> impl Iterator<Item = u32> {
        group.members.iter().filter_map(|member| self.slots.get(*member)).map(|slot| slot.position)
    }

    fn records(&self, group: &Group) -> Vec<&'a Record> {
        self.positions(group).filter_map(|position| self.window.records.get(position as usize)).collect()
    }

    /// One call, and what follows from it.
    async fn put(&mut self, group: Group, ready: Result<Ticket, Failure>) {
        let Writer { client, stream, calls, clock, .. } = self.window.writer;
        let records = self.records(&group);
        let bodies = client.bodies_of_put();
        let mut call = Call {
            records: self.positions(&group).collect(),
            bytes: records.iter().copied().map(billed_bytes).sum(),
            retry_reason: group.reason.clone(),
            waited: group.since.elapsed(),
            ..Call::begun("PutRecords", calls.next(), group.attempt, clock.now())
        };
        let started = Instant::now();
        let answer = match ready {
            Ok(ticket) => client.put_records(ticket, &stream.arn, &records, bodies.as_ref()).await,
            Err(failure) => Err(failure),
        };
        (call.latency, call.ended_at) = (started.elapsed(), clock.now());
        match answer {
            Ok(answer) => self.answered(group, call, answer),
            Err(failure) => self.failed(group, call, failure),
        }
        if let (Some(log), Some(bodies), Some(call)) = (&client.log, &bodies, self.calls.last_mut()) {
            log.keep_of_put(call, bodies).await;
        }
    }

    /// Status 200: each record has a result of its own.
    fn answered(&mut self, group: Group, mut call: Call, answer: Answer) {
        call.http_status = Some(200);
        call.request_id = answer.request_id;
        let mut texts = Texts::default();
        let mut again = Vec::new();
        for ((position, member), result) in (0..).zip(&group.members).zip(answer.results) {
            let Some(slot) = self.slots.get_mut(*member) else { continue };
            let this = PutIn { call: call.id, position };
            let put = judge_result(result.error_code(), result.shard_id(), result.sequence_number());
            if put == Put::Acknowledged {
                let shard = result.shard_id.unwrap_or_default();
                note(&mut call.shards, &shard);
                slot.acknowledge(this, shard, result.sequence_number.unwrap_or_default());
                continue;
            }
            let code = texts.shared(result.error_code().unwrap_or("no-result"));
            let message = texts.shared(result.error_message().unwrap_or("no sequence number and no error came back"));
            named_shards(&message).for_each(|shard| note(&mut call.shards, shard));
            let (record, failed) = (slot.position, (code.clone(), message.clone()));
            call.failures.push(RecordFailure { record, position, code: failed.0, message: failed.1 });
            slot.fail(put, this, code, message);
            again.push(*member);
        }
        let reason = codes(&call.failures);
        self.calls.push(call);
        self.later(&group, again, reason);
    }

    /// The call failed as a whole.
    fn failed(&mut self, group: Group, mut call: Call, failure: Failure) {
        let error = CallError { code: failure.code.as_str().into(), message: failure.message.as_str().into() };
        let verdict = failure.verdict(group.members.len());
        for (position, member) in (0..).zip(&group.members) {
            if let Some(slot) = self.slots.get_mut(*member) {
                let this = PutIn { call: call.id, position };
                slot.fail(verdict.put(), this, error.code.clone(), error.message.clone());
            }
        }
        if failure.is_its_own() {
            call.http_status = failure.status;
            call.request_id.clone_from(&failure.request_id);
        }
        named_shards(&error.message).for_each(|shard| note(&mut call.shards, shard));
        let reason = error.code.clone();
        call.error = Some(error);
        tracing::warn!(call = call.id, records = group.members.len(), %failure, "a PutRecords call failed");
        self.calls.push(call);
        match verdict {
            Verdict::Fatal(_) => {
                self.window.halt.cancel();
                let stream = &self.window.writer.stream;
                self.fatal = Some(self.window.writer.client.error(ACTION, &stream.arn, failure));
            }
            Verdict::Retryable { .. } => {
                let all = group.members.clone();
                self.later(&group, all, Some(reason));
            }
            Verdict::OneRecord(named) => self.without(&group, &named, &reason),
            Verdict::OneRecordUnknown => self.halves(&group, &reason),
        }
    }

    /// Puts records again after a wait, unless they are out of attempts or time.
    fn later(&mut self, group: &Group, members: Vec<usize>, reason: Option<Arc<str>>) {
        let failed = group.failed + 1;
        let wait = self.window.writer.settings.retry.wait(failed, self.began.elapsed(), rand::random());
        if let Some(wait) = wait.filter(|_| !members.is_empty()) {
            let since = Instant::now();
            let due = Some(since + wait);
            self.waiting.push(Group { members, attempt: group.attempt + 1, failed, due, since, reason });
        }
    }

    /// The records that an answer named stay refused, the others are put again.
    fn without(&mut self, group: &Group, named: &[usize], reason: &Arc<str>) {
        let others = group.members.iter().enumerate().filter(|(index, _)| !named.contains(index));
        let others: Vec<_> = others.map(|(_, member)| *member).collect();
        if !others.is_empty() && self.window.may_split() {
            self.now(group, others, reason);
        }
    }

    /// Some record is bad: one half is without it.
    fn halves(&mut self, group: &Group, reason: &Arc<str>) {
        if group.members.len() > 1 && self.window.may_split() {
            let (left, right) = group.members.split_at(group.members.len() / 2);
            self.now(group, left.to_vec(), reason);
            self.now(group, right.to_vec(), reason);
        }
    }

    fn now(&mut self, group: &Group, members: Vec<usize>, reason: &Arc<str>) {
        let (attempt, since, reason) = (group.attempt + 1, Instant::now(), Some(reason.clone()));
        self.waiting.push(Group { members, attempt, failed: group.failed, due: None, since, reason });
    }

    fn end(mut self) -> Delivered {
        // What still waits was cut short: by the time of the window, or by the end of the run.
        for member in self.waiting.iter().flat_map(|group| &group.members) {
            if let Some(slot) = self.slots.get_mut(*member) {
                slot.cut_short = true;
            }
        }
        let outcomes = self.slots.into_iter().map(|slot| (slot.position, slot.outcome())).collect();
        Delivered { outcomes, calls: self.calls, fatal: self.fatal }
    }
}
