//! The debug log of an attempt: what became of its rows, and its calls, as objects that a checkpoint names. An object is
//! durable before the transaction that names it, so what a checkpoint acknowledges is never missing from the log.

mod lost;
mod rows;
mod values;

use std::sync::{Arc, Mutex, PoisonError};

use domain::{LoggedBodies, RunId, SyncId};
use engine::rules::Epoch;
use kinesis::{BodyPolicy, CallLog, CallNumbers, Clock, Keep};
use objects::Objects;
use outcomes::{
    Body, Call, CallSummary, Digest, Encoded, ObjectRef, Origin, RecordFailure, RowOutcome, RowSummary, encode_calls,
    encode_rows,
};
use store::{Claim, LogKind, LogObjectRef, LogShard, NewLogObject};

use crate::Error;

pub(crate) use lost::account;
pub(crate) use rows::{RowLog, Unsent};
pub(crate) use values::{key_text, object};

/// Longer bodies are cut. No call that Kinesis takes is as long.
const BODY_BYTES: usize = 16 << 20;

/// Where the objects of one attempt go. Clones write into the same log.
#[derive(Clone)]
pub(crate) struct AttemptLog(Arc<Attempt>);

struct Attempt {
    objects: Objects,
    sync: SyncId,
    run: RunId,
    epoch: Epoch,
    numbers: CallNumbers,
    /// Calls that are no puts: each is added where it is made.
    calls: CallLog,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the newest object.
    number: u32,
    /// Durable, and in no checkpoint yet.
    unnamed: Vec<NewLogObject>,
}

impl AttemptLog {
    /// `call`: the number of its first call.
    pub(crate) fn new(objects: Objects, claim: &Claim, call: u64) -> Self {
        let settings = claim.definition.sync.log;
        let keep = match settings.bodies {
            LoggedBodies::None => Keep::None,
            LoggedBodies::Failures => Keep::Failures,
            LoggedBodies::All => Keep::All,
        };
        let numbers = CallNumbers::starting_at(call);
        let bodies = BodyPolicy { keep, sample: settings.sample };
        let calls = CallLog::new(numbers.clone(), Clock::new(crate::clock::now), bodies);
        let Claim { sync, run, epoch, .. } = *claim;
        Self(Arc::new(Attempt { objects, sync, run, epoch, numbers, calls, state: Mutex::default() }))
    }

    pub(crate) fn numbers(&self) -> CallNumbers {
        self.0.numbers.clone()
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    pub(crate) fn calls(&self) -> &CallLog {
        &self.0.calls
    }

    /// What the next transaction has to name.
    pub(crate) fn unnamed(&self) -> Vec<NewLogObject> {
        std::mem::take(&mut self.state().unnamed)
    }

    /// Writes the calls that nobody has taken yet: of a run that ends before it puts anything, these are all.
    pub(crate) async fn write_rest(&self) -> Result<(), Error> {
        self.write_calls(self.0.calls.drain()).await
    }

    /// Rows of a window that no checkpoint will close: the next attempt accounts for all of it.
    pub(crate) fn forget_rows(&self) {
        self.state().unnamed.retain(|object| object.kind == LogKind::Calls);
    }

    /// Rows of this attempt, of which there are some.
    async fn write_rows(
        &self,
        encode: impl FnOnce(Origin) -> Result<Encoded<RowSummary>, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let origin = self.origin(self.0.run);
        let encoded = blocking(move || encode(origin)).await?;
        self.put_rows(origin, None, encoded).await
    }

    /// `window`: of an attempt that died, whose rows these are.
    pub(crate) async fn write_rows_of(
        &self,
        run: RunId,
        window: Option<(Epoch, u32)>,
        mut rows: Vec<RowOutcome<'static>>,
    ) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let origin = self.origin(run);
        let encoded = blocking(move || encode_rows(origin, &mut rows)).await?;
        self.put_rows(origin, window, encoded).await
    }

    async fn put_rows(
        &self,
        origin: Origin,
        window: Option<(Epoch, u32)>,
        encoded: Encoded<RowSummary>,
    ) -> Result<(), Error> {
        let Encoded { object, bytes, summary } = encoded;
        self.0.objects.put(&object.name, &bytes).await?;
        let (entries, keys, calls, times) = (summary.rows, summary.keys, summary.calls, summary.times);
        let shards = summary.shards.iter().map(|range| LogShard {
            shard: range.shard.clone(),
            lowest: range.lowest.clone(),
            highest: range.highest.clone(),
        });
        self.add(NewLogObject {
            kind: LogKind::Rows,
            run: origin.run,
            epoch: origin.epoch,
            number: origin.number,
            object: stored(object),
            entries,
            keys: keys.map(|(low, high)| (low.0, high.0)),
            calls,
            times,
            shards: shards.collect(),
            window,
            summary: json::<RowSummary>(&summary)?,
        });
        Ok(())
    }

    async fn write_calls(&self, calls: Vec<kinesis::Call>) -> Result<(), Error> {
        if calls.is_empty() {
            return Ok(());
        }
        let (run, epoch) = (self.0.run, self.0.epoch);
        self.put_calls(run, move |origin| {
            let mut calls: Vec<_> = calls.iter().map(|call| logged(call, epoch)).collect();
            encode_calls(origin, &mut calls, BODY_BYTES)
        })
        .await
    }

    /// Calls that were in the log before.
    pub(crate) async fn rewrite_calls(&self, run: RunId, mut calls: Vec<Call<'static>>) -> Result<(), Error> {
        self.put_calls(run, move |origin| encode_calls(origin, &mut calls, BODY_BYTES)).await
    }

    async fn put_calls(
        &self,
        run: RunId,
        encode: impl FnOnce(Origin) -> outcomes::Result<Encoded<CallSummary>> + Send + 'static,
    ) -> Result<(), Error> {
        let origin = self.origin(run);
        let Encoded { object, bytes, summary } = blocking(move || encode(origin)).await?;
        self.0.objects.put(&object.name, &bytes).await?;
        self.add(NewLogObject {
            kind: LogKind::Calls,
            run,
            epoch: origin.epoch,
            number: origin.number,
            object: stored(object),
            entries: summary.calls,
            keys: None,
            calls: summary.numbers,
            times: summary.times,
            shards: Vec::new(),
            window: None,
            summary: json::<CallSummary>(&summary)?,
        });
        Ok(())
    }

    fn objects(&self) -> &Objects {
        &self.0.objects
    }

    fn origin(&self, run: RunId) -> Origin {
        let mut state = self.state();
        state.number += 1;
        Origin { sync: self.0.sync, run, epoch: self.0.epoch, number: state.number }
    }

    fn add(&self, object: NewLogObject) {
        self.state().unnamed.push(object);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a reader needs to know of an object.
pub(crate) fn reference(object: &store::LogObject) -> ObjectRef {
    let LogObjectRef { name, bytes, footer_bytes, footer_digest } = object.object.clone();
    ObjectRef { name, bytes, footer_bytes, footer_digest: Digest(footer_digest) }
}

fn stored(object: ObjectRef) -> LogObjectRef {
    let ObjectRef { name, bytes, footer_bytes, footer_digest } = object;
    LogObjectRef { name, bytes, footer_bytes, footer_digest: footer_digest.0 }
}

fn json<T: serde::Serialize>(summary: &T) -> Result<serde_json::Value, Error> {
    serde_json::to_value(summary).map_err(Error::Summary)
}

/// Work for a thread that may be busy. It cannot be cancelled, so no join fails but by its panic.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// A call in the words of the log. Its texts are borrowed: bodies are large.
fn logged(call: &kinesis::Call, epoch: Epoch) -> Call<'_> {
    Call {
        number: call.id,
        kind: call.kind.into(),
        epoch,
        attempt: call.attempt,
        started_at: call.started_at,
        latency: call.latency,
        http_status: call.http_status,
        request_id: call.request_id.as_deref().map(Into::into),
        records: call.records.len() as u32,
        bytes: call.bytes as u64,
        error_code: call.error.as_ref().map(|error| (&*error.code).into()),
        error_message: call.error.as_ref().map(|error| (&*error.message).into()),
        failures: call.failures.iter().map(failure).collect(),
        shards: call.shards.iter().map(|shard| shard.as_str().into()).collect(),
        retry_reason: call.retry_reason.as_deref().map(Into::into),
        waited: call.waited,
        request: call.request.as_deref().map(body),
        response: call.response.as_deref().map(body),
    }
}

fn failure(failure: &kinesis::RecordFailure) -> RecordFailure<'_> {
    let (code, message) = ((&*failure.code).into(), (&*failure.message).into());
    RecordFailure { position: failure.position, code, message }
}

fn body(bytes: &[u8]) -> Body<'_> {
    Body { text: String::from_utf8_lossy(bytes), bytes: bytes.len() as u64 }
}
