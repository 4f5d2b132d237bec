//! The tokens of one shard, and the share of its limits that is ours. Others may put into it too: throttles say so.

use std::time::Duration;

/// Records that a shard takes in a second.
pub const RECORDS: f64 = 1_000.0;
/// Bytes that a shard takes in a second. The service says "1 MB" and seems to mean 2^20; this is less in both readings.
pub const BYTES: f64 = 1_000_000.0;
/// A bucket holds what comes in so many seconds. Calls that leave one after the other may arrive together, so it is less
/// than a shard has been seen to bear.
const BURST: f64 = 0.5;
/// A shard is never given less of its limits.
const LEAST: f64 = 0.05;
/// Throttles so far apart are accidents: they cost little.
const ACCIDENT: Duration = Duration::from_secs(20);
/// Throttles so close say that others take much of the shard.
const CROWDED: Duration = Duration::from_secs(5);
/// How fast a share grows back, in shares and seconds cubed: slow around the share at which the shard was throttled,
/// faster the longer all is well.
const GROWTH: f64 = 0.000_06;

#[derive(Debug, Clone)]
pub(super) struct Bucket {
    records: f64,
    bytes: f64,
    filled: Duration,
    /// Shards that it stands for.
    pub(super) shards: f64,
    cut: Option<Cut>,
}

/// What a throttle made of the share.
#[derive(Debug, Clone, Copy)]
struct Cut {
    at: Duration,
    from: f64,
    /// The share that may be too much.
    peak: f64,
}

impl Cut {
    fn share(&self, now: Duration) -> f64 {
        let flat = ((self.peak - self.from).max(0.0) / GROWTH).cbrt();
        let since = now.saturating_sub(self.at).as_secs_f64() - flat;
        (self.peak + GROWTH * since * since * since).clamp(LEAST, 1.0)
    }
}

impl Bucket {
    pub(super) fn full(now: Duration) -> Self {
        Self { records: RECORDS * BURST, bytes: BYTES * BURST, filled: now, shards: 1.0, cut: None }
    }

    /// The share of the limits that is given to it.
    pub(super) fn share(&self, now: Duration) -> f64 {
        self.cut.map_or(1.0, |cut| cut.share(now))
    }

    pub(super) fn fill(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.filled).as_secs_f64() * self.share(now) * self.shards;
        self.filled = self.filled.max(now);
        self.records = (self.records + RECORDS * seconds).min(RECORDS * BURST * self.shards);
        self.bytes = (self.bytes + BYTES * seconds).min(BYTES * BURST * self.shards);
    }

    /// A record larger than a full bucket passes when it is full, and is paid for afterwards.
    pub(super) fn covers(&self, bytes: usize) -> bool {
        self.records >= 1.0 && self.bytes >= self.needed(bytes)
    }

    /// Records that it has tokens for, apart from their bytes.
    pub(super) fn room(&self) -> usize {
        if self.bytes > 0.0 { self.records.max(0.0) as usize } else { 0 }
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        // What had to be put all the same is paid for, but not for ever.
        self.records = (self.records - 1.0).max(-RECORDS * self.shards);
        self.bytes = (self.bytes - bytes as f64).max(-16.0 * BYTES * self.shards);
    }

    /// How long it takes until it covers such a record.
    pub(super) fn wait(&self, bytes: usize, now: Duration) -> Duration {
        let share = self.share(now) * self.shards;
        let records = (1.0 - self.records) / (RECORDS * share);
        let bytes = (self.needed(bytes) - self.bytes) / (BYTES * share);
        Duration::from_secs_f64(records.max(bytes).clamp(0.0, 60.0))
    }

    /// The shard refused a record that was put at `put`. True if that is news.
    pub(super) fn throttled(&mut self, put: Duration, now: Duration) -> bool {
        if self.cut.is_some_and(|cut| put <= cut.at) {
            return false;
        }
        let (share, quiet) = (self.share(now), self.cut.map_or(Duration::MAX, |cut| now.saturating_sub(cut.at)));
        let (from, peak) = if quiet >= ACCIDENT {
            (share * 0.9, share)
        } else if quiet < CROWDED {
            (share * 0.7, share * 0.75)
        } else {
            (share * 0.85, share * 0.95)
        };
        self.cut = Some(Cut { at: now, from: from.max(LEAST), peak: peak.max(LEAST) });
        self.pause(now);
        true
    }

    /// The shard has nothing left. It has to get ahead of this bucket again, by as much as a full one holds.
    pub(super) fn pause(&mut self, now: Duration) {
        self.fill(now);
        let share = self.share(now) * self.shards;
        self.records = self.records.min(-RECORDS * BURST * share);
        self.bytes = self.bytes.min(-BYTES * BURST * share);
    }

    /// Whether it was throttled lately, so that what goes too far should be little.
    pub(super) fn crowded(&self, now: Duration) -> bool {
        self.cut.is_some_and(|cut| now.saturating_sub(cut.at) < 3 * ACCIDENT)
    }

    fn needed(&self, bytes: usize) -> f64 {
        (bytes as f64).min(BYTES * BURST * self.shards)
    }
}
