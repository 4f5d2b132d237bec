//! What the simulator remembers: streams, shards and the records in them.

mod bucket;
mod sequence;
mod shard;
mod stream;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::api::Operation;
use crate::faults::FaultQueue;
use crate::iam::Iam;
use crate::{Config, Limits};

pub(crate) use bucket::Bucket;
pub(crate) use sequence::Sequence;
pub use shard::hash_key;
pub(crate) use shard::{Shard, shard_id};
pub use stream::StoredRecord;
pub(crate) use stream::{Entry, Mode, NewRecord, Status, Stream};

/// Everything that the connections and the handle share. Locks are held for the length of a statement or a batch,
/// never across an await.
#[derive(Debug)]
pub(crate) struct Simulator {
    account: Mutex<Account>,
    faults: Mutex<FaultQueue>,
    iam: Mutex<Iam>,
    calls: Mutex<BTreeMap<Operation, u64>>,
    /// Counts what happened (a call arrived, records were written), so that tests can wait for it.
    events: watch::Sender<u64>,
    pub(crate) closing: watch::Sender<bool>,
}

impl Simulator {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            account: Mutex::new(Account {
                streams: BTreeMap::new(),
                limits: config.limits,
                change_takes: Duration::from_millis(config.stream_activation_ms),
                last_created_ms: 0,
            }),
            faults: Mutex::default(),
            iam: Mutex::default(),
            calls: Mutex::default(),
            events: watch::Sender::new(0),
            closing: watch::Sender::new(false),
        }
    }

    /// The streams as they are now.
    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        account.streams.retain(|_, stream| !stream.is_gone(now));
        account
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultQueue> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn iam(&self) -> MutexGuard<'_, Iam> {
        self.iam.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_call(&self, operation: Operation) {
        *self.lock_calls().entry(operation).or_default() += 1;
        self.notify();
    }

    pub(crate) fn calls(&self) -> BTreeMap<Operation, u64> {
        self.lock_calls().clone()
    }

    /// Tells those who wait that something happened.
    pub(crate) fn notify(&self) {
        self.events.send_modify(|count| *count += 1);
    }

    /// Waits until `condition` holds; it is checked again after each event.
    pub(crate) async fn wait_until(&self, mut condition: impl FnMut(&Self) -> bool) {
        let mut events = self.events.subscribe();
        while !condition(self) {
            if events.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock_calls(&self) -> MutexGuard<'_, BTreeMap<Operation, u64>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) streams: BTreeMap<String, Stream>,
    pub(crate) limits: Limits,
    /// How long a stream stays in a state of change.
    pub(crate) change_takes: Duration,
    last_created_ms: u64,
}

impl Account {
    pub(crate) fn create(&mut self, name: &str, mode: Mode, shards: u32, max_record_kib: u32) {
        // No two streams share a creation time, so that one created anew under an old name is told apart.
        self.last_created_ms = now_ms().max(self.last_created_ms + 1);
        let mut stream = Stream::new(name, mode, shards, max_record_kib, self.last_created_ms);
        stream.begin(Status::Creating, self.change_takes);
        self.streams.insert(name.to_owned(), stream);
    }
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the simulator is an edge: arrival times are those of the machine")]
pub(crate) fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
