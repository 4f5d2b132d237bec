//! The tokens of one shard, and the share of its limits that is ours. Others may put into it too: throttles say so.

use std::ops::Range;
use std::time::Duration;

use super::Load;

/// Records that a shard takes in a second.
pub const RECORDS: f64 = 1_000.0;
/// Bytes that a shard takes in a second. The service says "1 MB" and seems to mean 2^20; this is less in both readings.
pub const BYTES: f64 = 1_000_000.0;
/// A bucket holds what comes in so many seconds. Calls that leave one after the other may arrive together, so it is less
/// than a shard has been seen to bear.
const BURST: f64 = 0.5;
/// Before the first record it holds less, and not the same in each shard, so that where others put into them too, some are
/// found out before the rest is.
const START: Range<f64> = 0.05..0.4;
/// A shard that refuses records although less than this of what it could take was ours is not ours alone.
const ALONE: f64 = 0.75;
/// The share that is right for two.
const HALF: f64 = 0.48;
/// A shard that says so more often has others of its own.
const TELLS: u32 = 5;
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
    /// The most seconds' worth that it holds.
    burst: f64,
    /// When it was full last.
    full: Duration,
    /// What the shard took of us since then.
    took: Load,
    /// How often it told something of all shards.
    told: u32,
}

/// What a throttle made of the share.
#[derive(Debug, Clone, Copy)]
struct Cut {
    at: Duration,
    from: f64,
    /// The share that may be too much.
    peak: f64,
    /// The shard itself refused nothing; another one did.
    believed: bool,
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
        let (records, bytes, took) = (RECORDS * BURST, BYTES * BURST, Load::default());
        Self { records, bytes, filled: now, shards: 1.0, cut: None, burst: BURST, full: now, took, told: 0 }
    }

    /// Nothing was put into the shard for a while, or at all. Until something is, it holds less; `number` is that of the shard.
    pub(super) fn begin(&mut self, number: usize) {
        // The golden ratio spreads them.
        let place = (number as f64 * 0.618_034).fract();
        self.burst = START.end - place * (START.end - START.start);
        self.records = self.records.min(RECORDS * self.burst * self.shards);
        self.bytes = self.bytes.min(BYTES * self.burst * self.shards);
        self.told = 0;
    }

    /// The share of the limits that is given to it.
    pub(super) fn share(&self, now: Duration) -> f64 {
        self.cut.map_or(1.0, |cut| cut.share(now))
    }

    pub(super) fn fill(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.filled).as_secs_f64() * self.share(now) * self.shards;
        self.filled = self.filled.max(now);
        let burst = self.burst * self.shards;
        let (records, bytes) = (self.records + RECORDS * seconds, self.bytes + BYTES * seconds);
        if records >= RECORDS * burst && bytes >= BYTES * burst {
            (self.full, self.took) = (now, Load::default());
        }
        (self.records, self.bytes) = (records.min(RECORDS * burst), bytes.min(BYTES * burst));
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
        self.burst = BURST;
        // What had to be put all the same is paid for, but not for ever.
        self.records = (self.records - 1.0).max(-RECORDS * self.shards);
        self.bytes = (self.bytes - bytes as f64).max(-16.0 * BYTES * self.shards);
    }

    /// The shard took a record.
    pub(super) fn took(&mut self, bytes: usize) {
        self.took = self.took.and(Load::of_record(bytes, 0));
    }

    /// Whether what the shard refused says that others put into it, and most likely into all shards. When sending `begins` it
    /// does if the shard could have taken much more than it got from us: a second's worth at once, and what came in since. Where
    /// another shard has said so before, and it was held to be true for a while, it does too.
    pub(super) fn tells_of_others(&self, put: Duration, begins: bool, now: Duration) -> bool {
        match self.cut {
            None => {
                let could = (1.0 + now.saturating_sub(self.full).as_secs_f64()) * self.shards;
                begins && self.took.seconds() < ALONE * could
            }
            Some(cut) => cut.believed && put > cut.at,
        }
    }

    /// It is given half, which is right for two; more is tried slowly.
    pub(super) fn halve(&mut self, now: Duration) {
        self.fill(now);
        self.told += 1;
        self.cut = Some(Cut { at: now, from: HALF, peak: HALF, believed: self.told < TELLS });
    }

    /// The same for what another shard told, unless this one knows better.
    pub(super) fn believe(&mut self, now: Duration) {
        if self.cut.is_none_or(|cut| cut.believed) {
            self.fill(now);
            self.cut = Some(Cut { at: now, from: HALF, peak: HALF, believed: true });
        }
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
        self.cut = Some(Cut { at: now, from: from.max(LEAST), peak: peak.max(LEAST), believed: false });
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
        (bytes as f64).min(BYTES * self.burst * self.shards)
    }
}
