//! The way of the records of a window: put, and put again what failed, until each of them is decided. A record is in one
//! group at a time, and a group in one call.

use std::sync::Arc;
use std::time::Duration;

use engine::limits::{billed_bytes, check, possible};
use engine::outcome::{Put, Verdict, judge_result};
use engine::pace::Lane;
use engine::record::{Record, Rejection};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use crate::bodies::Bodies;
use crate::error::Error;
use crate::failure::Failure;
use crate::put::{ACTION, Answer};
use crate::queue::{Next, Queue};
use crate::slot::Slot;
use crate::texts::{Texts, codes, named_shards, note};
use crate::window::{Call, CallError, PutIn, PutOutcome, Puts, RecordFailure, WindowResult};
use crate::writer::{Window, Writer};

/// Records that were throttled do not wait longer for tokens.
const MOST_FOR_TOKENS: Duration = Duration::from_secs(1);

pub(crate) async fn deliver(window: &Window<'_>) -> WindowResult {
    let pace = window.writer.settings.pace.as_ref();
    let _entered = pace.map(crate::pace::Pace::enter);
    let mut delivery = Delivery::new(window);
    let concurrency = window.writer.settings.concurrency.max(1);
    let mut flying = FuturesUnordered::new();
    loop {
        let now = Instant::now();
        let mut wake = None;
        while flying.len() < concurrency && !delivery.over() {
            match delivery.next(flying.len(), concurrency, now) {
                Begin::Call(group) => flying.push(call(window, group)),
                Begin::At(at) => {
                    wake = at;
                    break;
                }
            }
        }
        if flying.is_empty() && (delivery.over() || wake.is_none()) {
            return delivery.end();
        }
        let until = wake.filter(|_| !delivery.over());
        tokio::select! {
            biased;
            Some(called) = flying.next(), if !flying.is_empty() => delivery.take_in(called).await,
            () = sleep_until(until.unwrap_or(now)), if until.is_some() => {}
            () = window.over(), if !delivery.over() => {}
        }
    }
}

/// Records that go into the next call together.
#[derive(Debug)]
struct Group {
    /// Positions in the window.
    members: Vec<u32>,
    attempt: u32,
    /// Puts that failed for reasons that pass; being cut out of a bad call is none.
    failed: u32,
    /// When they were put first.
    first: Option<Instant>,
    due: Option<Instant>,
    /// When it could have been put, had nothing held it back.
    since: Instant,
    /// What its records failed with before.
    reason: Option<Arc<str>>,
    /// Whether it takes the place of a call while it waits, so that others wait too.
    holds: bool,
}

enum Begin {
    Call(Group),
    /// Something may begin then; never, if nothing waits.
    At(Option<Instant>),
}

/// A group after its call, or back before it.
struct Called {
    group: Group,
    put: Option<Made>,
}

struct Made {
    call: Call,
    started: Instant,
    answer: Result<Answer, Failure>,
    bodies: Option<Bodies>,
}

/// One call.
async fn call(window: &Window<'_>, mut group: Group) -> Called {
    let Writer { client, stream, calls, clock, .. } = window.writer;
    // Assuming a role takes time, in which the window may end. Nothing has been put of this group then.
    let ready = client.ready().await;
    if window.is_over() {
        return Called { group, put: None };
    }
    let records: Vec<&Record> = window.records_of(&group.members).collect();
    let bodies = client.bodies_of_put();
    let mut call = Call {
        records: group.members.clone(),
        bytes: records.iter().copied().map(billed_bytes).sum(),
        retry_reason: group.reason.clone(),
        waited: group.since.elapsed(),
        ..Call::begun("PutRecords", calls.next(), group.attempt, clock.now())
    };
    let started = Instant::now();
    group.first.get_or_insert(started);
    let answer = match ready {
        Ok(ticket) => client.put_records(ticket, &stream.arn, &records, bodies.as_ref()).await,
        Err(failure) => Err(failure),
    };
    (call.latency, call.ended_at) = (started.elapsed(), clock.now());
    Called { group, put: Some(Made { call, started, answer, bodies }) }
}

struct Delivery<'a> {
    window: &'a Window<'a>,
    slots: Vec<Slot>,
    /// Not put yet.
    fresh: Queue<'a>,
    /// Put, and to be put again.
    again: Vec<Group>,
    /// By position, whose tokens a record took; empty while the pace does not matter.
    paid: Vec<Lane>,
    /// Records that no call may hold.
    invalid: Vec<(u32, PutOutcome)>,
    calls: Vec<Call>,
    fatal: Option<Error>,
    /// Another window serves the stream better.
    ended_early: bool,
}

impl<'a> Delivery<'a> {
    fn new(window: &'a Window<'a>) -> Self {
        let settings = &window.writer.settings;
        let (mut valid, mut invalid) = (Vec::with_capacity(window.records.len()), Vec::new());
        for (position, record) in (0u32..).zip(window.records) {
            match check(record, &settings.limits) {
                Ok(()) => valid.push(position),
                Err(why) => invalid.push((position, refused(why.into()))),
            }
        }
        let pace = settings.pace.clone();
        let paid = if pace.is_some() { vec![Lane::UNKNOWN; window.records.len()] } else { Vec::new() };
        Self {
            window,
            slots: (0u32..).zip(window.records).map(|_| Slot::default()).collect(),
            fresh: Queue::new(window.records, valid.into(), possible(&settings.limits), pace),
            again: Vec::new(),
            paid,
            invalid,
            calls: Vec::new(),
            fatal: None,
            ended_early: false,
        }
    }

    fn over(&self) -> bool {
        self.ended_early || self.window.is_over()
    }

    fn next(&mut self, flying: usize, concurrency: usize, now: Instant) -> Begin {
        let held = self.again.iter().filter(|group| group.holds).count();
        let has_place = flying + held < concurrency;
        let may_begin = |group: &&Group| group.holds || has_place;
        let earliest = self.again.iter().filter(may_begin).min_by_key(|group| group.due).map(|group| group.due);
        if let Some(due) = earliest
            && due.is_none_or(|due| due <= now)
            && let Some(at) = self.again.iter().position(|group| group.due == due && may_begin(&group))
        {
            return Begin::Call(self.with_others(at, now));
        }
        let mut wake = earliest.flatten();
        if has_place {
            match self.fresh.next(now) {
                Next::Take { records, since } => return Begin::Call(self.first_put(records, since)),
                Next::WaitUntil(at) => wake = Some(wake.map_or(at, |wake| wake.min(at))),
                Next::EndWindow => {
                    self.ended_early = true;
                    self.tell_slowest();
                }
                Next::Nothing => {}
            }
        }
        Begin::At(wake)
    }

    fn first_put(&mut self, members: Vec<u32>, since: Instant) -> Group {
        if let Some(pace) = &self.window.writer.settings.pace {
            let pacer = pace.pacer();
            if !pacer.is_free() {
                for at in &members {
                    let lane = pacer.lane(self.fresh.hash(*at));
                    if let Some(paid) = self.paid.get_mut(*at as usize) {
                        *paid = lane;
                    }
                }
            }
        }
        Group { members, attempt: 1, failed: 0, first: None, due: None, since, reason: None, holds: false }
    }

    /// A group that is due, with what others brought that are due and failed as it did. They are put whether there are
    /// tokens or not: they have waited, and what they take is missing to those that were not put yet.
    fn with_others(&mut self, at: usize, now: Instant) -> Group {
        let mut group = self.again.swap_remove(at);
        let limits = possible(&self.window.writer.settings.limits);
        let bytes = |members: &[u32]| self.window.records_of(members).map(billed_bytes).sum::<usize>();
        let mut size = bytes(&group.members);
        if !group.holds {
            let mut place = 0;
            while let Some(other) = self.again.get(place) {
                let alike = !other.holds
                    && (other.attempt, other.failed, &other.reason) == (group.attempt, group.failed, &group.reason)
                    && other.due.is_none_or(|due| due <= now)
                    && group.members.len() + other.members.len() <= limits.call_records;
                let more = if alike { bytes(&other.members) } else { 0 };
                if alike && size + more <= limits.call_bytes {
                    let other = self.again.swap_remove(place);
                    group.members.extend(other.members);
                    (group.first, group.since) = (group.first.min(other.first), group.since.min(other.since));
                    size += more;
                } else {
                    place += 1;
                }
            }
            group.members.sort_unstable();
        }
        if let Some(pace) = &self.window.writer.settings.pace {
            let (now, mut pacer) = (pace.at(now), pace.pacer());
            for (at, record) in group.members.iter().zip(self.window.records_of(&group.members)) {
                let lane = pacer.lane(self.fresh.hash(*at));
                pacer.charge(lane, billed_bytes(record), now);
                if let Some(paid) = self.paid.get_mut(*at as usize) {
                    *paid = lane;
                }
            }
        }
        group
    }

    async fn take_in(&mut self, called: Called) {
        let Called { mut group, put } = called;
        let Some(Made { call, started, answer, bodies }) = put else {
            group.due = None;
            self.again.push(group);
            return;
        };
        match answer {
            Ok(answer) => {
                self.learn(&group, &answer, started);
                self.answered(group, call, answer);
            }
            Err(failure) => self.failed(group, call, failure),
        }
        let log = &self.window.writer.client.log;
        if let (Some(log), Some(bodies), Some(call)) = (log, &bodies, self.calls.last_mut()) {
            log.keep_of_put(call, bodies).await;
        }
    }

    /// Where records landed, and which shards had no room.
    fn learn(&self, group: &Group, answer: &Answer, started: Instant) {
        let Some(pace) = &self.window.writer.settings.pace else { return };
        let (now, put, mut pacer) = (pace.now(), pace.at(started), pace.pacer());
        let limited = |code: Option<&str>| code == Some("ProvisionedThroughputExceededException");
        if pacer.is_free() && !answer.results.iter().any(|result| limited(result.error_code())) {
            return;
        }
        let records = group.members.iter().zip(self.window.records_of(&group.members));
        for ((at, record), result) in records.zip(&answer.results) {
            let paid = self.paid.get(*at as usize).copied().unwrap_or_default();
            match (result.error_code(), result.shard_id()) {
                (None, Some(shard)) => {
                    pacer.acknowledged(self.fresh.hash(*at), billed_bytes(record), paid, shard, put, now);
                }
                (code, _) if limited(code) => {
                    let shard = result.error_message().and_then(|message| named_shards(message).next());
                    if pacer.throttled(self.fresh.hash(*at), paid, shard, put, now) {
                        let (stream, lane) = (&self.window.writer.stream.name, pacer.lane(self.fresh.hash(*at)));
                        let share = pacer.share(lane, now).0;
                        tracing::info!(stream, shard, share, "a shard has no room; it is given less for a while");
                    }
                }
                _ => {}
            }
        }
    }

    /// Status 200: each record has a result of its own.
    fn answered(&mut self, group: Group, mut call: Call, answer: Answer) {
        call.http_status = Some(200);
        call.request_id = answer.request_id;
        let mut texts = Texts::default();
        let mut again = Vec::new();
        for ((position, member), result) in (0..).zip(&group.members).zip(answer.results) {
            let Some(slot) = self.slots.get_mut(*member as usize) else { continue };
            let this = PutIn { call: call.id, position, child: None };
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
            let failed = (code.clone(), message.clone());
            call.failures.push(RecordFailure { record: *member, position, code: failed.0, message: failed.1 });
            slot.fail(put, this, code, message);
            again.push(*member);
        }
        let reason = codes(&call.failures);
        // Where one shard has no room, the others still have.
        let holds = again.len() == group.members.len() && call.shards.len() != 1;
        self.calls.push(call);
        let tokens = self.wait_for_tokens(&again);
        self.later(&group, again, reason, holds, tokens);
    }

    /// How long it takes until there is room for records that were throttled. Trying sooner would only be refused.
    fn wait_for_tokens(&self, members: &[u32]) -> Duration {
        let Some(pace) = &self.window.writer.settings.pace else { return Duration::ZERO };
        let (now, mut pacer) = (pace.now(), pace.pacer());
        if pacer.is_free() {
            return Duration::ZERO;
        }
        let waits = members.iter().map(|at| {
            let lane = pacer.lane(self.fresh.hash(*at));
            pacer.wait(lane, 1, now)
        });
        waits.max().unwrap_or_default().min(MOST_FOR_TOKENS)
    }

    /// The call failed as a whole.
    fn failed(&mut self, group: Group, mut call: Call, failure: Failure) {
        let error = CallError { code: failure.code.as_str().into(), message: failure.message.as_str().into() };
        let verdict = failure.verdict(group.members.len());
        for (position, member) in (0..).zip(&group.members) {
            if let Some(slot) = self.slots.get_mut(*member as usize) {
                let this = PutIn { call: call.id, position, child: None };
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
                self.later(&group, all, Some(reason), true, Duration::ZERO);
            }
            Verdict::OneRecord(named) => self.without(&group, &named, &reason),
            Verdict::OneRecordUnknown => self.halves(&group, &reason),
        }
    }

    /// Puts records again after a wait, unless they are out of attempts or time.
    fn later(&mut self, group: &Group, members: Vec<u32>, reason: Option<Arc<str>>, holds: bool, least: Duration) {
        let (failed, first) = (group.failed + 1, group.first);
        let elapsed = first.map(|first| first.elapsed()).unwrap_or_default();
        let wait = self.window.writer.settings.retry.wait(failed, elapsed, rand::random());
        if let Some(wait) = wait.filter(|_| !members.is_empty()) {
            let since = Instant::now();
            let due = Some(since + wait.max(least));
            self.again.push(Group { members, attempt: group.attempt + 1, failed, first, due, since, reason, holds });
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

    fn now(&mut self, group: &Group, members: Vec<u32>, reason: &Arc<str>) {
        let (attempt, first, since) = (group.attempt + 1, group.first, Instant::now());
        let (reason, holds) = (Some(reason.clone()), true);
        self.again.push(Group { members, attempt, failed: group.failed, first, due: None, since, reason, holds });
    }

    fn tell_slowest(&self) {
        let (Some(pace), Some((lane, waiting))) = (&self.window.writer.settings.pace, self.fresh.fullest()) else {
            return;
        };
        let (stream, pacer) = (&self.window.writer.stream.name, pace.pacer());
        tracing::debug!(
            stream,
            shard = pacer.name(lane),
            waiting,
            "records wait for a shard that gets more than others"
        );
    }

    fn end(mut self) -> WindowResult {
        // What still waits was cut short: by the time of the window, or by the end of the run.
        for member in self.again.iter().flat_map(|group| &group.members) {
            if let Some(slot) = self.slots.get_mut(*member as usize) {
                slot.cut_short = true;
            }
        }
        let mut outcomes: Vec<_> = self.slots.into_iter().map(Slot::outcome).collect();
        for (position, refused) in self.invalid {
            if let Some(outcome) = outcomes.get_mut(position as usize) {
                *outcome = refused;
            }
        }
        self.calls.sort_unstable_by_key(|call| call.id);
        WindowResult { outcomes, calls: self.calls, fatal: self.fatal }
    }
}

fn refused(why: Rejection) -> PutOutcome {
    let (code, message) = (Arc::from(why.code.as_str()), Arc::from(why.message));
    PutOutcome::Refused { code, message, call: None, attempts: 0, cut_short: false, puts: Puts::new() }
}
