//! The records of a window that were not put yet, each in the lane of its shard.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use domain::Limits;
use engine::limits::billed_bytes;
use engine::pace::{Lane, Pacer};
use engine::record::Record;
use engine::shard::hash_key;
use tokio::time::Instant;

use crate::pace::Pace;

/// Tokens are waited for so long, so that few calls carry much.
const GATHER: Duration = Duration::from_millis(60);
/// The same when a shard was throttled lately: what goes too far is little then.
const GATHER_LITTLE: Duration = Duration::from_millis(20);
/// When shards that were busy have had nothing left for so long, on average, another window serves them better. Until it
/// comes they live on what their buckets hold.
const IDLE: Duration = Duration::from_millis(100);
/// What is left is put all the same if it takes no longer.
const SHORT: Duration = Duration::from_millis(150);

pub(crate) struct Queue<'a> {
    records: &'a [Record],
    limits: Limits,
    pace: Option<Pace>,
    lanes: BTreeMap<Lane, Waiting>,
    left: usize,
    /// By position, from when it is known that the pace matters.
    hashes: Vec<u128>,
    /// Of the pacer, when the lanes were made.
    shape: Option<u64>,
    /// When records were taken last.
    taken: Option<Instant>,
    /// Since when tokens are waited for, while there is a place for a call.
    held: Option<Instant>,
    first: usize,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<u32>,
    /// It had to wait for tokens.
    busy: bool,
    dry: Option<Instant>,
}

pub(crate) enum Next {
    Take {
        /// Positions in the window, rising.
        records: Vec<u32>,
        /// Since when they wait for tokens.
        since: Instant,
    },
    WaitUntil(Instant),
    /// What is left waits for few shards, while others have nothing to do.
    EndWindow,
    Nothing,
}

impl<'a> Queue<'a> {
    /// `valid`: positions in the window, rising.
    pub(crate) fn new(records: &'a [Record], valid: VecDeque<u32>, limits: Limits, pace: Option<Pace>) -> Self {
        let left = valid.len();
        let all = Waiting { records: valid, ..Waiting::default() };
        let lanes = [(Lane::UNKNOWN, all)].into();
        Self { records, limits, pace, lanes, left, hashes: Vec::new(), shape: None, taken: None, held: None, first: 0 }
    }

    pub(crate) fn hash(&self, position: u32) -> u128 {
        let known = self.hashes.get(position as usize).copied();
        known.or_else(|| hash_key(self.records.get(position as usize)?)).unwrap_or_default()
    }

    /// The records of the next call. Some are taken, or nothing changed.
    pub(crate) fn next(&mut self, now: Instant) -> Next {
        if self.left == 0 {
            return Next::Nothing;
        }
        let Some(pace) = self.pace.clone() else { return self.all(now) };
        let mut pacer = pace.pacer();
        if pacer.is_free() {
            drop(pacer);
            return self.all(now);
        }
        self.sort_into_lanes(&pacer);
        let (time, share) = (pace.at(now), pace.windows());
        let (mut ready, mut soonest, mut crowded) = (0, Duration::MAX, false);
        for (lane, waiting) in &mut self.lanes {
            let Some(head) = waiting.records.front().and_then(|at| self.records.get(*at as usize)) else { continue };
            let room = pacer.room(*lane, time);
            waiting.busy |= room < waiting.records.len();
            // With others there, nobody takes all at once.
            ready += room.div_ceil(share).min(waiting.records.len());
            crowded |= pacer.share(*lane, time).1;
            if room == 0 {
                soonest = soonest.min(pacer.wait(*lane, billed_bytes(head), time));
            } else {
                soonest = Duration::ZERO;
            }
        }
        let gather = if crowded { GATHER_LITTLE } else { GATHER };
        let gathered = self.taken.map_or(now, |taken| taken + gather);
        let is_full = ready >= self.limits.call_records.min(self.left);
        if is_full || (ready > 0 && now >= gathered) {
            let records = self.take(&mut pacer, time, share, now);
            if !records.is_empty() {
                let since = self.held.take().unwrap_or(now);
                return Next::Take { records, since };
            }
            // The bytes were not enough.
            soonest = soonest.max(Duration::from_millis(5));
        }
        if self.serves_few(&mut pacer, time, now) {
            return Next::EndWindow;
        }
        self.held.get_or_insert(now);
        // Now and then, since others take tokens and give up theirs.
        let at = if ready > 0 { gathered } else { now + soonest };
        Next::WaitUntil(at.clamp(now + Duration::from_millis(2), now + gather))
    }

    /// As many as a call holds, in their order.
    fn all(&mut self, now: Instant) -> Next {
        if self.lanes.len() > 1 {
            let mut all: Vec<_> = std::mem::take(&mut self.lanes).into_values().flat_map(|lane| lane.records).collect();
            all.sort_unstable();
            self.lanes = [(Lane::UNKNOWN, Waiting { records: all.into(), ..Waiting::default() })].into();
        }
        self.shape = None;
        let Some(waiting) = self.lanes.values_mut().next() else { return Next::Nothing };
        let (mut records, mut bytes) = (Vec::with_capacity(waiting.records.len().min(self.limits.call_records)), 0);
        while let Some(at) = waiting.records.front().copied() {
            let size = self.records.get(at as usize).map_or(0, billed_bytes);
            if records.len() == self.limits.call_records || (bytes + size > self.limits.call_bytes && bytes > 0) {
                break;
            }
            bytes += size;
            records.push(at);
            waiting.records.pop_front();
        }
        self.left -= records.len();
        Next::Take { records, since: self.held.take().unwrap_or(now) }
    }

    fn take(&mut self, pacer: &mut Pacer, time: Duration, share: usize, now: Instant) -> Vec<u32> {
        let (mut records, mut bytes) = (Vec::with_capacity(self.limits.call_records.min(self.left)), 0);
        let with_some = self.lanes.values().filter(|waiting| !waiting.records.is_empty()).count().max(1);
        // Spread over the shards first, as far as that fills the call.
        let even = self.limits.call_records.div_ceil(with_some);
        self.first = (self.first + 1) % self.lanes.len().max(1);
        for most in [even, usize::MAX] {
            let mut lanes: Vec<_> = self.lanes.iter_mut().collect();
            lanes.rotate_left(self.first);
            // The call may be full before it comes to the shard that shows whether there are limits at all.
            lanes.sort_by_key(|(lane, _)| !pacer.probes(**lane));
            for (lane, waiting) in lanes {
                let most = if pacer.probes(*lane) { usize::MAX } else { most };
                let most = most.min(pacer.room(*lane, time).div_ceil(share));
                for _ in 0..most {
                    let Some(at) = waiting.records.front().copied() else { break };
                    let size = self.records.get(at as usize).map_or(0, billed_bytes);
                    let fits = records.len() < self.limits.call_records
                        && (bytes + size <= self.limits.call_bytes || records.is_empty());
                    if !fits || !pacer.take(*lane, size, time) {
                        break;
                    }
                    bytes += size;
                    records.push(at);
                    waiting.records.pop_front();
                }
                if waiting.records.is_empty() {
                    waiting.dry.get_or_insert(now);
                }
            }
        }
        if !records.is_empty() {
            self.taken = Some(now);
            self.left -= records.len();
            records.sort_unstable();
        }
        records
    }

    /// Whether shards that were busy have nothing left, and the others need long for what they have.
    fn serves_few(&self, pacer: &mut Pacer, time: Duration, now: Instant) -> bool {
        let busy: Vec<_> = self.lanes.iter().filter(|(_, waiting)| waiting.busy).collect();
        let idle: Duration = busy.iter().filter_map(|(_, waiting)| Some(now - waiting.dry?)).sum();
        let few = busy.len() > 1 && idle >= IDLE * u32::try_from(busy.len()).unwrap_or(u32::MAX);
        few && busy.iter().any(|(lane, waiting)| {
            let share = pacer.share(**lane, time).0;
            waiting.records.len() as f64 / (engine::pace::RECORDS * share) > SHORT.as_secs_f64()
        })
    }

    /// The shard that has most left, and how many records wait for it.
    pub(crate) fn fullest(&self) -> Option<(Lane, usize)> {
        let fullest = self.lanes.iter().max_by_key(|(_, waiting)| waiting.records.len());
        fullest.map(|(lane, waiting)| (*lane, waiting.records.len()))
    }

    /// Tells the shards of records, when it is not known or has changed.
    fn sort_into_lanes(&mut self, pacer: &Pacer) {
        if self.shape == Some(pacer.shape()) {
            return;
        }
        if self.hashes.is_empty() {
            self.hashes = self.records.iter().map(|record| hash_key(record).unwrap_or_default()).collect();
        }
        self.shape = Some(pacer.shape());
        let mut all: Vec<_> = std::mem::take(&mut self.lanes).into_values().flat_map(|lane| lane.records).collect();
        all.sort_unstable();
        for at in all {
            let lane = self.hashes.get(at as usize).map_or(Lane::UNKNOWN, |hash| pacer.lane(*hash));
            self.lanes.entry(lane).or_default().records.push_back(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::limits::{check, possible};
    use proptest::prelude::*;

    use super::*;

    fn record(bytes: usize, key: usize) -> Record {
        Record {
            data: vec![0; bytes],
            partition_key: char::from(b'a' + (key % 26) as u8).into(),
            explicit_hash_key: None,
        }
    }

    /// The calls that the records of a window are put in, if each is answered at once; and how many are in none, since the
    /// window ended before.
    fn calls(records: &[Record], limits: Limits, pace: Option<Pace>) -> (Vec<Vec<u32>>, usize) {
        let valid =
            (0u32..).zip(records).filter(|(_, record)| check(record, &limits).is_ok()).map(|(at, _)| at).collect();
        let mut queue = Queue::new(records, valid, possible(&limits), pace);
        let (mut calls, mut now) = (Vec::new(), Instant::now());
        loop {
            match queue.next(now) {
                Next::Take { records, .. } => calls.push(records),
                Next::WaitUntil(at) => {
                    assert!(at > now, "it would wait for ever");
                    now = at;
                }
                Next::EndWindow => return (calls, queue.left),
                Next::Nothing => return (calls, 0),
            }
        }
    }

    #[test]
    fn a_call_is_full_at_500_records() {
        let records: Vec<_> = (0..1001).map(|_| record(1, 0)).collect();
        let (calls, _) = calls(&records, Limits::default(), None);
        assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [500, 500, 1]);
    }

    #[test]
    fn a_call_is_full_at_its_bytes() {
        let limits = Limits { call_bytes: 30, ..Limits::default() };
        let (calls, _) = calls(&[9, 9, 9, 0, 29, 30, 0].map(|bytes| record(bytes, 0)), limits, None);
        assert_eq!(calls, [vec![0, 1, 2], vec![3], vec![4], vec![6]]);
    }

    #[test]
    fn nothing_makes_no_call() {
        assert_eq!(calls(&[], Limits::default(), None), (Vec::new(), 0));
    }

    proptest! {
        #[test]
        fn every_record_is_in_one_call_at_most_and_every_call_is_legal(
            sizes in prop::collection::vec(0usize..120, 0..200),
            call_bytes in 1usize..300,
            record_bytes in 1usize..120,
            call_records in 1usize..20,
            paced: bool,
        ) {
            let limits = Limits { record_bytes, call_bytes, call_records };
            let records: Vec<_> = sizes.iter().enumerate().map(|(at, size)| record(*size, at)).collect();
            let (calls, left) = calls(&records, limits, paced.then(|| Pace::of(Pacer::new(true))));

            let mut seen = calls.concat();
            seen.sort_unstable();
            prop_assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", seen);
            let fitting = sizes.iter().filter(|size| **size < record_bytes.min(call_bytes)).count();
            prop_assert_eq!(seen.len() + left, fitting);
            let size = |at: &u32| sizes[*at as usize] + 1;
            for call in &calls {
                prop_assert!(!call.is_empty() && call.len() <= call_records && call.is_sorted());
                prop_assert!(call.iter().map(size).sum::<usize>() <= call_bytes);
                prop_assert!(call.iter().map(size).all(|bytes| bytes <= record_bytes));
            }
            if !paced {
                prop_assert!(calls.concat().is_sorted() && left == 0);
                for pair in calls.windows(2) {
                    let bytes: usize = pair[0].iter().map(size).sum();
                    prop_assert!(pair[0].len() == call_records || bytes + size(&pair[1][0]) > call_bytes);
                }
            }
        }
    }
}
