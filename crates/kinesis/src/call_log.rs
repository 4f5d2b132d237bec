//! What keeps the calls of a run that are no puts, and decides whose bodies are kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_kinesis::operation::RequestId;
use tokio::time::Instant;

use crate::bodies::Bodies;
use crate::failure::Failure;
use crate::window::{Call, CallError, CallNumbers, Clock};

/// Which calls keep the bodies of their request and their response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyPolicy {
    pub keep: Keep,
    /// With [`Keep::Failures`] one good call in so many is kept besides, the first one to begin with. Puts and other
    /// calls are counted apart. 0: none.
    pub sample: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    None,
    /// Those of calls that failed, and of calls with a record that failed.
    Failures,
    All,
}

/// Takes the calls of a client that are no puts. Clones are the same log.
#[derive(Debug, Clone)]
pub struct CallLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    numbers: CallNumbers,
    clock: Clock,
    policy: BodyPolicy,
    good_puts: AtomicU64,
    good_others: AtomicU64,
    calls: Mutex<Vec<Call>>,
}

impl CallLog {
    /// With the numbers and the clock of the run's writer.
    pub fn new(numbers: CallNumbers, clock: Clock, bodies: BodyPolicy) -> Self {
        let (good_puts, good_others) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { numbers, clock, policy: bodies, good_puts, good_others, calls: Mutex::default() }))
    }

    /// The calls that ended since it was drained last, by their number.
    pub fn drain(&self) -> Vec<Call> {
        let mut calls = std::mem::take(&mut *self.0.calls.lock().unwrap_or_else(PoisonError::into_inner));
        calls.sort_unstable_by_key(|call| call.id);
        calls
    }

    /// Whether any body is kept.
    pub(crate) fn keeps_bodies(&self) -> bool {
        self.0.policy.keep != Keep::None
    }

    /// Keeps the bodies of a put that has ended, if the policy says so.
    pub(crate) async fn keep_of_put(&self, call: &mut Call, bodies: &Bodies) {
        self.keep(call, bodies, &self.0.good_puts).await;
    }

    async fn keep(&self, call: &mut Call, bodies: &Bodies, good: &AtomicU64) {
        let BodyPolicy { keep, sample } = self.0.policy;
        let kept = match keep {
            Keep::None => false,
            Keep::All => true,
            Keep::Failures if !call.is_good() => true,
            Keep::Failures => sample > 0 && good.fetch_add(1, Ordering::Relaxed).is_multiple_of(u64::from(sample)),
        };
        if kept {
            (call.request, call.response) = bodies.take().await;
        }
    }

    fn begin(&self, entry: &Entry) -> Call {
        Call {
            retry_reason: entry.this.reason.clone(),
            waited: entry.this.failed_at.map_or(Duration::ZERO, |failed| failed.elapsed()),
            ..Call::begun(entry.kind, self.0.numbers.next(), entry.this.attempt, self.0.clock.now())
        }
    }

    async fn end<T: RequestId>(&self, mut call: Call, entry: &Entry, answer: &Result<T, Failure>, bodies: &Bodies) {
        call.ended_at = self.0.clock.now();
        match answer {
            Ok(answer) => {
                call.http_status = Some(200);
                call.request_id = answer.request_id().map(str::to_owned);
            }
            Err(failure) => {
                call.http_status = failure.status;
                call.request_id.clone_from(&failure.request_id);
                let (code, message) = (failure.code.as_str().into(), failure.message.as_str().into());
                call.error = (entry.good != Some(&*failure.code)).then_some(CallError { code, message });
            }
        }
        self.keep(&mut call, bodies, &self.0.good_others).await;
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

/// What is known of a call that is no put before it is made.
#[derive(Debug)]
pub(crate) struct Entry {
    kind: &'static str,
    this: Try,
    good: Option<&'static str>,
}

impl Entry {
    pub(crate) const fn new(kind: &'static str, this: Try) -> Self {
        Self { kind, this, good: None }
    }

    /// The code of an error that says that all is well.
    pub(crate) fn fulfilled_by(self, code: &'static str) -> Self {
        Self { good: Some(code), ..self }
    }
}

/// One of several tries of a call.
#[derive(Debug)]
pub(crate) struct Try {
    /// From 1.
    pub(crate) attempt: u32,
    reason: Option<Arc<str>>,
    failed_at: Option<Instant>,
}

impl Try {
    pub(crate) const fn first() -> Self {
        Self { attempt: 1, reason: None, failed_at: None }
    }

    /// The one that follows a try that has just failed.
    pub(crate) fn after(attempt: u32, code: &str) -> Self {
        Self { attempt: attempt + 1, reason: Some(code.into()), failed_at: Some(Instant::now()) }
    }
}

/// Makes a call that is no put, and logs it where there is a log.
pub(crate) async fn logged<T: RequestId>(
    log: Option<&CallLog>,
    entry: Entry,
    bodies: &Bodies,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(log) = log else { return call.await };
    let (mut begun, started) = (log.begin(&entry), Instant::now());
    let answer = call.await;
    begun.latency = started.elapsed();
    log.end(begun, &entry, &answer, bodies).await;
    answer
}
