//! How fast the shards of a stream are given records: buckets of tokens, filled by the limits of Kinesis and by what
//! throttles say of others who use them. "Now" is the time since any moment, the same for all calls.
//!
//! Shards are told by the hash keys of records: as they were listed, or as answers say where records landed. A shard that
//! takes over the hash keys of another one is a child of it, by a split or a merge. What is not known shares a lane.

mod bucket;
mod quota;
mod ranges;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use bucket::Bucket;
pub use bucket::{BYTES, RECORDS};
pub use quota::{Extent, Load, Quotas};
use ranges::{Learnt, Ranges};

/// Records that wait for the same tokens: those of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lane(u32);

impl Lane {
    /// Of records whose shard is not known.
    pub const UNKNOWN: Self = Self(0);

    fn at(lane: Option<usize>) -> Self {
        Self(lane.and_then(|lane| u32::try_from(lane).ok()).unwrap_or_default())
    }
}

/// Records beyond the limits that are on their way to find out whether there are limits.
const PROBE_AT_ONCE: u32 = 50;
/// So many seconds' worth, and what came in meanwhile, is more than a shard bears: it has one second's worth at once.
const PROBE: f64 = 1.5;
const PROBE_TIME: Duration = Duration::from_secs(5);
/// What is found so early of a shard is believed of all. After a pause as long, putting begins anew.
const BEGINNING: Duration = Duration::from_secs(5);
/// Places that are looked at before a stream is told to ignore keys.
const LOOK_AT: u32 = 2_000;
/// More shards are not told apart.
const SHARDS: usize = 20_000;

/// What is known of a stream, and what may be put into it now.
#[derive(Debug)]
pub struct Pacer {
    ranges: Ranges,
    lanes: Vec<Shard>,
    names: BTreeMap<Box<str>, usize>,
    limits: Limited,
    /// When limits were found, by a probe or by mistake. What was put before was refused through our own doing.
    found: Option<Duration>,
    /// When putting began, after a pause or at all, and when a record was put last.
    began: Option<(Duration, Duration)>,
    /// Shards came and went, and what is new may refuse what was for others.
    resharded: bool,
    /// The service distributes the records as it likes.
    ignores_keys: bool,
    places: u32,
    odd_places: u32,
    shape: u64,
}

#[derive(Debug)]
struct Shard {
    name: Box<str>,
    bucket: Bucket,
    probe: Probe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limited {
    /// They are those of Kinesis.
    Yes,
    /// It is not known: what answers is not AWS. One shard at a time is given more than it would take.
    Perhaps,
    No,
}

#[derive(Debug, Default)]
struct Probe {
    began: Option<Duration>,
    out: u32,
    /// What the shard took since then. Between windows it may be idle, and has more to give afterwards than its bucket here:
    /// what went beyond that says nothing.
    took: Load,
}

impl Pacer {
    /// `proven`: that the stream has the limits of Kinesis. Else a short probe tells.
    pub fn new(proven: bool) -> Self {
        let unknown = Shard { name: Box::default(), bucket: Bucket::full(Duration::ZERO), probe: Probe::default() };
        Self {
            ranges: Ranges::default(),
            lanes: vec![unknown],
            names: BTreeMap::new(),
            limits: if proven { Limited::Yes } else { Limited::Perhaps },
            found: None,
            began: None,
            resharded: false,
            ignores_keys: false,
            places: 0,
            odd_places: 0,
            shape: 0,
        }
    }

    /// Whether nothing has to wait.
    pub fn is_free(&self) -> bool {
        self.limits == Limited::No
    }

    /// Whether the stream was seen to distribute records whatever their keys.
    pub const fn ignores_keys(&self) -> bool {
        self.ignores_keys
    }

    /// Changes when records may belong to other lanes than before.
    pub const fn shape(&self) -> u64 {
        self.shape
    }

    /// The open shards, as the stream lists them.
    pub fn know(&mut self, shards: impl IntoIterator<Item = (String, RangeInclusive<u128>)>, now: Duration) {
        let shards: Vec<_> = shards.into_iter().collect();
        let lanes = shards.into_iter().map(|(name, range)| (*range.start(), *range.end(), self.named(&name, now)));
        self.ranges = Ranges::listed(lanes.collect::<Vec<_>>());
        self.shape += 1;
    }

    pub fn lane(&self, hash: u128) -> Lane {
        Lane::at(if self.ignores_keys { None } else { self.ranges.lane(hash) })
    }

    /// The name of the shard; empty where it is not known.
    pub fn name(&self, lane: Lane) -> &str {
        self.lanes.get(lane.0 as usize).map_or("", |shard| &shard.name)
    }

    /// The share of its limits that a shard is given, and whether it was throttled lately.
    pub fn share(&self, lane: Lane, now: Duration) -> (f64, bool) {
        let bucket = self.lanes.get(lane.0 as usize).map(|shard| &shard.bucket);
        bucket.map_or((1.0, false), |bucket| (bucket.share(now), bucket.crowded(now)))
    }

    /// How many records, at most, may be put now.
    pub fn room(&mut self, lane: Lane, now: Duration) -> usize {
        let beyond = self.beyond(lane, now);
        let Some(shard) = self.at(lane, now) else { return usize::MAX };
        shard.bucket.room() + if beyond { (PROBE_AT_ONCE - shard.probe.out.min(PROBE_AT_ONCE)) as usize } else { 0 }
    }

    /// Whether this is the shard that is given more than its limits, to see what happens.
    pub fn probes(&self, lane: Lane) -> bool {
        let shard = self.lanes.get(lane.0 as usize);
        self.limits == Limited::Perhaps && shard.is_some_and(|shard| shard.probe.began.is_some())
    }

    /// Takes the tokens of one record; false if there are not enough.
    pub fn take(&mut self, lane: Lane, bytes: usize, now: Duration) -> bool {
        if self.is_free() {
            return true;
        }
        self.begin(now);
        let beyond = self.beyond(lane, now);
        let Some(shard) = self.at(lane, now) else { return true };
        if shard.bucket.covers(bytes) {
            shard.bucket.spend(bytes);
            return true;
        }
        if beyond && shard.probe.out < PROBE_AT_ONCE {
            shard.probe.out += 1;
            shard.probe.began.get_or_insert(now);
            return true;
        }
        false
    }

    /// Takes the tokens of a record that is put in any case: one that is tried again.
    pub fn charge(&mut self, lane: Lane, bytes: usize, now: Duration) {
        if let Some(shard) = self.at(lane, now) {
            shard.bucket.spend(bytes);
        }
    }

    /// How long it takes until there are tokens for such a record.
    pub fn wait(&mut self, lane: Lane, bytes: usize, now: Duration) -> Duration {
        self.at(lane, now).map_or(Duration::ZERO, |shard| shard.bucket.wait(bytes, now))
    }

    /// A record that was put at `put` landed in this shard; its tokens were taken from `paid`.
    pub fn acknowledged(&mut self, hash: u128, bytes: usize, paid: Lane, shard: &str, put: Duration, now: Duration) {
        if self.is_free() {
            return;
        }
        let lane = self.landed(hash, shard, now);
        if lane == paid {
            self.passed(lane, bytes, put, now);
        } else if !self.ignores_keys {
            self.charge(lane, bytes, now);
        }
        if let Some(shard) = self.lanes.get_mut(lane.0 as usize) {
            shard.bucket.took(bytes);
        }
    }

    /// A shard had no room for a record that was put at `put`. Names of shards are in the messages of throttles. True if
    /// it was not known yet, so that the shard is given less from now on.
    pub fn throttled(&mut self, hash: u128, paid: Lane, shard: Option<&str>, put: Duration, now: Duration) -> bool {
        if self.limits == Limited::No {
            // There were limits all the time, and no shard has anything left.
            self.shape += 1;
            self.found = Some(now);
            self.lanes.iter_mut().for_each(|shard| shard.bucket.pause(now));
        }
        let probed = self.limits == Limited::Perhaps
            && self.lanes.get(paid.0 as usize).is_some_and(|shard| shard.probe.began.is_some());
        if probed {
            self.found = Some(now);
        }
        let probed = self.found.is_some_and(|found| put <= found);
        self.limits = Limited::Yes;
        let lane = shard.map_or(paid, |shard| self.landed(hash, shard, now));
        let lane = if self.ignores_keys { Lane::UNKNOWN } else { lane };
        let began = self.began.is_some_and(|(began, _)| now.saturating_sub(began) < BEGINNING);
        let begins = began && !self.resharded;
        let Some(shard) = self.at(lane, now) else { return false };
        if shard.bucket.tells_of_others(put, begins, now) {
            shard.bucket.halve(now);
            shard.bucket.pause(now);
            self.lanes.iter_mut().for_each(|shard| shard.bucket.believe(now));
            return true;
        }
        if probed {
            shard.bucket.pause(now);
            return false;
        }
        shard.bucket.throttled(put, now)
    }

    /// Where a record landed, which may say something of the shards.
    fn landed(&mut self, hash: u128, shard: &str, now: Duration) -> Lane {
        if let Some(lane) = self.ranges.lane(hash).filter(|lane| &*self.lanes[*lane].name == shard) {
            if !self.ignores_keys {
                self.ranges.learn(hash, lane, |_, _| false);
            }
            self.looked(false);
            return Lane::at(Some(lane));
        }
        let lane = self.named(shard, now);
        if lane == 0 || self.ignores_keys {
            return Lane::UNKNOWN;
        }
        let names = &self.lanes;
        // Children have higher numbers than their parents.
        let learnt = self.ranges.learn(hash, lane, |a, b| names[a].name < names[b].name);
        if let Learnt::Shape { .. } = learnt {
            self.shape += 1;
        }
        self.resharded |= learnt == Learnt::Shape { replaced: true };
        self.looked(matches!(learnt, Learnt::Odd | Learnt::Shape { replaced: true }));
        Lane::at(Some(lane))
    }

    /// A reshard moves a few records to where nobody expects them, and then no more. Where it does not end, keys do not count.
    fn looked(&mut self, odd: bool) {
        self.places += 1;
        self.odd_places += u32::from(odd);
        if self.places < LOOK_AT {
            return;
        }
        if self.odd_places > self.places / 4 && !self.ignores_keys {
            self.ignores_keys = true;
            self.ranges.forget();
            self.shape += 1;
        }
        (self.places, self.odd_places) = (0, 0);
    }

    /// What others put into the shards is not known when putting begins.
    fn begin(&mut self, now: Duration) {
        match &mut self.began {
            Some((_, last)) if now.saturating_sub(*last) < BEGINNING => *last = now,
            began => {
                *began = Some((now, now));
                (1..self.lanes.len()).for_each(|lane| self.careful(lane, now));
            }
        }
    }

    /// A shard is not given much at once then. One of them is, so that it shows before the rest whether others are there; where
    /// limits are looked for, that does.
    fn careful(&mut self, lane: usize, now: Duration) {
        let shows = lane == 1 && self.limits == Limited::Yes;
        if let Some(shard) = self.lanes.get_mut(lane).filter(|_| !shows) {
            shard.bucket.fill(now);
            shard.bucket.begin(lane);
        }
    }

    fn named(&mut self, name: &str, now: Duration) -> usize {
        if let Some(lane) = self.names.get(name) {
            return *lane;
        }
        if self.lanes.len() > SHARDS {
            return 0;
        }
        let lane = self.lanes.len();
        self.lanes.push(Shard { name: name.into(), bucket: Bucket::full(now), probe: Probe::default() });
        self.careful(lane, now);
        self.names.insert(name.into(), lane);
        lane
    }

    fn at(&mut self, lane: Lane, now: Duration) -> Option<&mut Shard> {
        let shards = (self.lanes.len() - 1).max(1);
        let ignores_keys = self.ignores_keys;
        let shard = self.lanes.get_mut(lane.0 as usize)?;
        if lane == Lane::UNKNOWN {
            shard.bucket.shards = if ignores_keys { shards as f64 } else { 1.0 };
        }
        shard.bucket.fill(now);
        Some(shard)
    }

    /// Whether this lane is the one that may have more than its limits, to see what happens.
    fn beyond(&mut self, lane: Lane, now: Duration) -> bool {
        if self.limits != Limited::Perhaps || lane == Lane::UNKNOWN {
            return false;
        }
        let other = self.lanes.iter_mut().enumerate().find(|(_, shard)| shard.probe.began.is_some());
        match other {
            Some((_, shard)) if shard.probe.began.is_some_and(|began| now.saturating_sub(began) > PROBE_TIME) => {
                // It came to nothing: too few records.
                shard.probe = Probe::default();
                true
            }
            Some((at, _)) => at == lane.0 as usize,
            None => true,
        }
    }

    fn passed(&mut self, lane: Lane, bytes: usize, put: Duration, now: Duration) {
        let Some(probe) = self.lanes.get_mut(lane.0 as usize).map(|shard| &mut shard.probe) else { return };
        let Some(began) = probe.began.filter(|began| self.limits == Limited::Perhaps && *began <= put) else { return };
        // A full shard takes one record that is larger than all it has; the next one shows whether that was all.
        if probe.took.seconds() > PROBE + now.saturating_sub(began).as_secs_f64() {
            self.limits = Limited::No;
            self.shape += 1;
        }
        probe.out = probe.out.saturating_sub(1);
        probe.took = probe.took.and(Load::of_record(bytes, 0));
    }
}

#[cfg(test)]
mod tests;
