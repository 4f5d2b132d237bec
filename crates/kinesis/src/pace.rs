//! The pace of a stream, shared by all who put into it from this process.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::pace::Pacer;
use tokio::time::Instant;

use crate::client::Client;
use crate::shards::Shard;

/// How fast a stream is given records, shard by shard. Clones are the same pace: whoever puts into one stream of one
/// customer shares it, so that they do not exceed its limits together.
#[derive(Clone)]
pub struct Pace(Arc<Inner>);

struct Inner {
    origin: Instant,
    pacer: Mutex<Pacer>,
    /// Windows that are being put.
    windows: AtomicUsize,
}

impl Pace {
    /// Of a stream that nothing is known of yet. What is not AWS may have other limits, or none.
    pub fn new(client: &Client) -> Self {
        Self::of(Pacer::new(client.is_aws()))
    }

    pub(crate) fn of(pacer: Pacer) -> Self {
        Self(Arc::new(Inner { origin: Instant::now(), pacer: Mutex::new(pacer), windows: AtomicUsize::new(0) }))
    }

    /// The open shards, as they were just listed. Without them they are learnt from where records land.
    pub fn know(&self, shards: &[Shard]) {
        let ranges = shards.iter().filter_map(|shard| {
            let (first, last) = (shard.first_hash_key.parse().ok()?, shard.last_hash_key.parse().ok()?);
            Some((shard.id.clone(), first..=last))
        });
        self.pacer().know(ranges, self.now());
    }

    /// The time of the pacer.
    pub(crate) fn now(&self) -> Duration {
        self.at(Instant::now())
    }

    pub(crate) fn at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.0.origin)
    }

    pub(crate) fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.0.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Windows that share it at the moment, for one of them.
    pub(crate) fn windows(&self) -> usize {
        self.others().max(1)
    }

    /// The same for one that is not put yet.
    pub(crate) fn others(&self) -> usize {
        self.0.windows.load(Ordering::Relaxed)
    }

    /// Until it is dropped, there is one window more.
    pub(crate) fn enter(&self) -> Entered {
        self.0.windows.fetch_add(1, Ordering::Relaxed);
        Entered(self.clone())
    }
}

pub(crate) struct Entered(Pace);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.windows.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pace(..)")
    }
}
