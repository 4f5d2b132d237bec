use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::Millis;
use engine::rules::Outcome;
use smallvec::SmallVec;

use crate::error::Error;

/// What became of a record, over all its puts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    Acknowledged {
        shard: String,
        sequence_number: String,
        call: u64,
        /// Which put of this record it was, from 1.
        attempt: u32,
        /// An earlier put has no answer and may still be applied.
        after_doubt: bool,
        /// All its puts in this window, the oldest first.
        puts: Puts,
    },
    /// Every put was refused; or none was made, because Kinesis would not take the record.
    Refused {
        code: Arc<str>,
        message: Arc<str>,
        /// The last call that held it.
        call: Option<u64>,
        attempts: u32,
        /// It would have been put again, but no put may begin any more.
        cut_short: bool,
        puts: Puts,
    },
    /// At least one put has no answer, and none was acknowledged. Code and message are those of the last put without
    /// an answer.
    Unanswered { code: Arc<str>, message: Arc<str>, call: u64, attempts: u32, cut_short: bool, puts: Puts },
    /// The run was stopped before.
    NotPut,
}

impl PutOutcome {
    /// All puts of the record in this window, the oldest first.
    pub fn puts(&self) -> &[PutIn] {
        match self {
            Self::Acknowledged { puts, .. } | Self::Refused { puts, .. } | Self::Unanswered { puts, .. } => puts,
            Self::NotPut => &[],
        }
    }

    /// What the delivery rules need to know of it.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Acknowledged { after_doubt: false, .. } => Outcome::Acknowledged,
            Self::Acknowledged { after_doubt: true, .. } => Outcome::AcknowledgedAfterDoubt,
            Self::Refused { .. } => Outcome::Refused,
            Self::Unanswered { .. } => Outcome::Unanswered,
            Self::NotPut => Outcome::NotPut,
        }
    }
}

/// The puts of a record, the oldest first. Nearly all records are put once.
pub type Puts = SmallVec<[PutIn; 1]>;

/// Where a put of a record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PutIn {
    pub call: u64,
    /// In the request of the call, from 0.
    pub position: u32,
    /// Where it was in the record there, if that held several.
    pub child: Option<Child>,
}

/// A place in an aggregated record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Child {
    /// Among the messages of the record, from 0.
    pub sub_sequence: u32,
    /// Of the whole record with its partition key, as Kinesis counts them.
    pub record_bytes: u32,
}

/// One call of the AWS API.
#[derive(Debug, Clone)]
pub struct Call {
    /// The action: `PutRecords`, `ListStreams`, `AssumeRole`; or `DryRun`, which is a PutRecords that writes nothing.
    pub kind: &'static str,
    /// Its number within the run.
    pub id: u64,
    /// Which try it was, from 1. Of a put: how often its records had been put with it; each record of a call has the
    /// same number.
    pub attempt: u32,
    /// Positions in the window, in the order of the call; of an aggregated record, that of its first message. Only puts have
    /// them.
    pub records: Vec<u32>,
    /// As Kinesis counts them.
    pub bytes: usize,
    pub started_at: Millis,
    pub ended_at: Millis,
    pub latency: Duration,
    pub http_status: Option<u16>,
    pub request_id: Option<String>,
    /// The call failed as a whole.
    pub error: Option<CallError>,
    /// Records that failed in a call that did not.
    pub failures: Vec<RecordFailure>,
    /// The shards that took records, and those that failures name; sorted, each once.
    pub shards: Vec<String>,
    /// Why it had to be made again: the codes that the try before ended with.
    pub retry_reason: Option<Arc<str>>,
    /// How long it was held back before `started_at`, from when its records were ready: back-off, the pace of their
    /// shards, a session of the role.
    pub waited: Duration,
    /// The body as it was sent, if the policy keeps it.
    pub request: Option<Bytes>,
    /// The body as it came, if the policy keeps it, it came whole, and it holds no credentials.
    pub response: Option<Bytes>,
}

impl Call {
    /// One that begins now; what comes of it is still to be said.
    pub(crate) const fn begun(kind: &'static str, id: u64, attempt: u32, started_at: Millis) -> Self {
        Self {
            kind,
            id,
            attempt,
            records: Vec::new(),
            bytes: 0,
            started_at,
            ended_at: 0,
            latency: Duration::ZERO,
            http_status: None,
            request_id: None,
            error: None,
            failures: Vec::new(),
            shards: Vec::new(),
            retry_reason: None,
            waited: Duration::ZERO,
            request: None,
            response: None,
        }
    }

    /// Whether all of it was done.
    pub fn is_good(&self) -> bool {
        self.error.is_none() && self.failures.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    pub code: Arc<str>,
    pub message: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFailure {
    /// Its position in the window.
    pub record: u32,
    /// In the request, from 0.
    pub position: u32,
    pub code: Arc<str>,
    pub message: Arc<str>,
}

/// What a window came to: one outcome for each record, in their order.
#[derive(Debug)]
pub struct WindowResult {
    pub outcomes: Vec<PutOutcome>,
    /// By their number.
    pub calls: Vec<Call>,
    /// Why no put of this run can succeed.
    pub fatal: Option<Error>,
}

/// Numbers the calls of a run. Clones go on counting together.
#[derive(Debug, Clone, Default)]
pub struct CallNumbers(Arc<AtomicU64>);

impl CallNumbers {
    pub fn starting_at(first: u64) -> Self {
        Self(Arc::new(AtomicU64::new(first)))
    }

    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Where the times of calls come from: the database's clock, as the runner knows it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    pub fn new(now: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Millis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(..)")
    }
}
