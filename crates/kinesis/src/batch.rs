//! The way of one batch: put, and put again what failed, until each of its records is decided. All of it happens one
//! call after the other, so a record is never in two calls at once.

use std::sync::Arc;

use engine::limits::billed_bytes;
use engine::outcome::{Put, Verdict, judge_result};
use engine::pack::Batch;
use engine::record::Record;
use engine::rules::Outcome;
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::failure::Failure;
use crate::put::{ACTION, Answer};
use crate::window::{Call, CallError, PutOutcome, RecordFailure};
use crate::writer::Window;

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
        let id = window.writer.calls.next();
        let records: Vec<&Record> = delivery.records(&group);
        let (started_at, started) = (window.writer.clock.now(), Instant::now());
        let answer = match ready {
            Ok(ticket) => window.writer.client.put_records(ticket, &window.writer.stream.arn, &records).await,
            Err(failure) => Err(failure),
        };
        let call = Call {
            id,
            attempt: group.attempt,
            records: delivery.positions(&group).collect(),
            bytes: records.into_iter().map(billed_bytes).sum(),
            started_at,
            ended_at: window.writer.clock.now(),
            latency: started.elapsed(),
            http_status: None,
            request_id: None,
            error: None,
            failures: Vec::new(),
        };
        match answer {
            Ok(answer) => delivery.answered(group, call, answer),
            Err(failure) => delivery.failed(group, call, failure),
        }
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
}

/// What is known of a record so far.
#[derive(Debug, Default)]
struct Slot {
    position: u32,
    outcome: Outcome,
    attempts: u32,
    call: u64,
    code: Arc<str>,
    message: Arc<str>,
    shard: String,
    sequence_number: String,
    cut_short: bool,
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
        let slots: Vec<_> = batch.records.into_iter().map(|position| Slot { position, ..Slot::default() }).collect();
        let all = Group { members: (0..slots.len()).collect(), attempt: 1, failed: 0, due: None };
        Self { window, slots, waiting: vec![all], began: Instant::now(), calls: Vec::new(), fatal: None }
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

    /// Status 200: each record has a result of its own.
    fn answered(&mut self, group: Group, mut call: Call, answer: Answer) {
        call.http_status = Some(200);
        call.request_id = answer.request_id;
        let mut texts = Texts::default();
        let mut again = Vec::new();
        for (member, result) in group.members.iter().zip(answer.results) {
            let Some(slot) = self.slots.get_mut(*member) else { continue };
            let put = judge_result(result.error_code(), result.shard_id(), result.sequence_number());
            if put == Put::Acknowledged {
                slot.acknowledge(
                    call.id,
                    result.shard_id.unwrap_or_default(),
                    result.sequence_number.unwrap_or_default(),
                );
                continue;
            }
            let code = texts.shared(result.error_code().unwrap_or("no-result"));
            let message = texts.shared(result.error_message().unwrap_or("no sequence number and no error came back"));
            call.failures.push(RecordFailure { record: slot.position, code: code.clone(), message: message.clone() });
            slot.fail(put, call.id, code, message);
            again.push(*member);
        }
        self.calls.push(call);
        self.later(&group, again);
    }

    /// The call failed as a whole.
    fn failed(&mut self, group: Group, mut call: Call, failure: Failure) {
        let error = CallError { code: failure.code.as_str().into(), message: failure.message.as_str().into() };
        let verdict = failure.verdict(group.members.len());
        for member in &group.members {
            if let Some(slot) = self.slots.get_mut(*member) {
                slot.fail(verdict.put(), call.id, error.code.clone(), error.message.clone());
            }
        }
        call.http_status = failure.status;
        call.request_id.clone_from(&failure.request_id);
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
                self.later(&group, all);
            }
            Verdict::OneRecord(named) => self.without(&group, &named),
            Verdict::OneRecordUnknown => self.halves(&group),
        }
    }

    /// Puts records again after a wait, unless they are out of attempts or time.
    fn later(&mut self, group: &Group, members: Vec<usize>) {
        let failed = group.failed + 1;
        let wait = self.window.writer.settings.retry.wait(failed, self.began.elapsed(), rand::random());
        if let Some(wait) = wait.filter(|_| !members.is_empty()) {
            let due = Some(Instant::now() + wait);
            self.waiting.push(Group { members, attempt: group.attempt + 1, failed, due });
        }
    }

    /// The records that an answer named stay refused, the others are put again.
    fn without(&mut self, group: &Group, named: &[usize]) {
        let others = group.members.iter().enumerate().filter(|(index, _)| !named.contains(index));
        let others: Vec<_> = others.map(|(_, member)| *member).collect();
        if !others.is_empty() && self.window.may_split() {
            self.now(group, others);
        }
    }

    /// Some record is bad: one half is without it.
    fn halves(&mut self, group: &Group) {
        if group.members.len() > 1 && self.window.may_split() {
            let (left, right) = group.members.split_at(group.members.len() / 2);
            self.now(group, left.to_vec());
            self.now(group, right.to_vec());
        }
    }

    fn now(&mut self, group: &Group, members: Vec<usize>) {
        self.waiting.push(Group { members, attempt: group.attempt + 1, failed: group.failed, due: None });
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

impl Slot {
    fn acknowledge(&mut self, call: u64, shard: String, sequence_number: String) {
        self.outcome = Put::Acknowledged.after(self.outcome);
        self.attempts += 1;
        (self.call, self.shard, self.sequence_number) = (call, shard, sequence_number);
    }

    fn fail(&mut self, put: Put, call: u64, code: Arc<str>, message: Arc<str>) {
        // A put in doubt says more of the record than a later refusal.
        if put == Put::Unanswered || self.outcome != Outcome::Unanswered {
            (self.call, self.code, self.message) = (call, code, message);
        }
        self.outcome = put.after(self.outcome);
        self.attempts += 1;
    }

    fn outcome(self) -> PutOutcome {
        let Self { call, attempts, code, message, shard, sequence_number, cut_short, .. } = self;
        match self.outcome {
            Outcome::NotPut => PutOutcome::NotPut,
            Outcome::Refused => PutOutcome::Refused { code, message, call: Some(call), attempts, cut_short },
            Outcome::Unanswered => PutOutcome::Unanswered { code, message, call, attempts, cut_short },
            Outcome::Acknowledged | Outcome::AcknowledgedAfterDoubt => PutOutcome::Acknowledged {
                shard,
                sequence_number,
                call,
                attempt: attempts,
                after_doubt: self.outcome == Outcome::AcknowledgedAfterDoubt,
            },
        }
    }
}

/// Five hundred throttled records have one message or a few.
#[derive(Default)]
struct Texts(Vec<Arc<str>>);

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().rev().take(8).find(|known| ***known == *text) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        self.0.push(text.clone());
        text
    }
}
