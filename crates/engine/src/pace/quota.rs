//! How much of each shard a window may hold, where some shards get more than they take: enough for the time of the window, and
//! little more. What is beyond that can wait for a later window, so that it takes nobody's place in this one.

use std::time::Duration;

use super::bucket::{BYTES, RECORDS};
use super::ranges::Ranges;
use super::{Lane, Pacer};

/// A window may hold so many times what a shard takes in its time.
const MOST: f64 = 1.5;
/// With so many times that a shard is not out of records before the window ends, nor before the next one has begun.
const ENOUGH: f64 = 1.125;
/// Shards that need longer than others, by so much, for what a window left of them are in the way of the others.
const UNEVEN: f64 = 0.5;

/// What a window may hold in all.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub time: Duration,
    pub records: usize,
    /// In memory.
    pub bytes: usize,
    /// Windows that share the shards, this one included.
    pub windows: usize,
    /// Messages share records, so that only their bytes count for a shard.
    pub aggregated: bool,
}

/// Records, or one of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    pub records: f64,
    /// As Kinesis counts them.
    pub billed: f64,
    /// In memory.
    pub bytes: f64,
}

/// What a window holds of each shard, and how much that may be. A copy of what is known of the stream at a moment.
#[derive(Debug, Clone)]
pub struct Quotas {
    ranges: Ranges,
    /// By lane.
    quotas: Vec<Quota>,
    /// Shards that would be out of records in the time of the window.
    wanting: usize,
}

#[derive(Debug, Clone, Copy)]
struct Quota {
    /// What the shard takes in a second.
    rate: Load,
    most: Load,
    has: Load,
    /// It is a shard that takes records, as far as is known.
    open: bool,
}

impl Load {
    pub fn of_record(billed: usize, bytes: usize) -> Self {
        Self { records: 1.0, billed: billed as f64, bytes: bytes as f64 }
    }

    /// How long a shard needs for it at its limits.
    pub fn seconds(self) -> f64 {
        (self.records / RECORDS).max(self.billed / BYTES)
    }

    pub fn and(self, more: Self) -> Self {
        let Self { records, billed, bytes } = self;
        Self { records: records + more.records, billed: billed + more.billed, bytes: bytes + more.bytes }
    }

    fn scaled(self, by: f64) -> Self {
        Self { records: self.records * by, billed: self.billed * by, bytes: self.bytes * by }
    }

    /// The largest part that it is of another.
    fn part_of(self, whole: Self) -> f64 {
        (self.records / whole.records).max(self.billed / whole.billed).max(self.bytes / whole.bytes)
    }
}

impl Quota {
    fn new(share: f64, weight: f64, extent: &Extent) -> Self {
        let records = if extent.aggregated { f64::INFINITY } else { RECORDS * share };
        let rate = Load { records, billed: BYTES * share, bytes: f64::INFINITY };
        let in_time = rate.scaled(MOST * extent.time.as_secs_f64());
        let most = Load {
            // Whatever else, a window holds something.
            records: in_time.records.min(extent.records as f64 * weight).max(1.0),
            billed: in_time.billed.max(1.0),
            bytes: (extent.bytes as f64 * weight).max(1.0),
        };
        Self { rate, most, has: Load::default(), open: false }
    }

    fn filled(&self) -> f64 {
        self.has.part_of(self.most)
    }

    fn wants_more(&self) -> bool {
        self.open && self.filled() < ENOUGH / MOST
    }
}

impl Pacer {
    /// What a window may hold of each shard. None where it does not matter, or is not known.
    pub fn quotas(&self, extent: &Extent, now: Duration) -> Option<Quotas> {
        let open = self.ranges.lanes();
        if self.is_free() || self.ignores_keys() || open.len() < 2 {
            return None;
        }
        let share = |lane: usize| self.lanes.get(lane).map_or(1.0, |shard| shard.bucket.share(now));
        let all: f64 = open.iter().map(|lane| share(*lane)).sum();
        let quota = |lane| Quota::new(share(lane) / extent.windows.max(1) as f64, share(lane) / all, extent);
        let mut quotas: Vec<_> = (0..self.lanes.len()).map(quota).collect();
        for lane in &open {
            if let Some(quota) = quotas.get_mut(*lane) {
                quota.open = true;
            }
        }
        Some(Quotas { ranges: self.ranges.clone(), quotas, wanting: open.len() })
    }
}

impl Quotas {
    pub fn lane(&self, hash: u128) -> Lane {
        Lane::at(self.ranges.lane(hash))
    }

    /// There is more of a shard, whether it fits or not.
    pub fn add(&mut self, lane: Lane, more: Load) {
        let Some(quota) = self.quotas.get_mut(lane.0 as usize) else { return };
        let wanted = quota.wants_more();
        quota.has = quota.has.and(more);
        self.wanting -= usize::from(wanted && !quota.wants_more());
    }

    /// The window that holds what was added is put: what is left then belongs into the next one.
    pub fn put(&mut self) {
        for quota in &mut self.quotas {
            let filled = quota.filled();
            if filled > 0.0 {
                quota.has = quota.has.scaled((filled - 1.0 / MOST).max(0.0) / filled);
            }
        }
        self.wanting = self.quotas.iter().filter(|quota| quota.wants_more()).count();
    }

    /// Whether there may be more of a shard. One that is gone takes nothing.
    pub fn has_room(&self, lane: Lane) -> bool {
        self.quotas.get(lane.0 as usize).is_none_or(|quota| quota.filled() < 1.0)
    }

    /// Adds a record, if there may be more of its shard.
    pub fn takes(&mut self, lane: Lane, record: Load) -> bool {
        let takes = self.has_room(lane);
        if takes {
            self.add(lane, record);
        }
        takes
    }

    /// Whether some shard would be out of records in the time of the window.
    pub const fn want_more(&self) -> bool {
        self.wanting > 0
    }

    /// Whether some shards need much longer than others for what they have, or take the place of others that have too little.
    pub fn are_uneven(&self) -> bool {
        let seconds = self.quotas.iter().filter(|quota| quota.open).map(|quota| quota.has.part_of(quota.rate));
        let (least, most) =
            seconds.fold((f64::INFINITY, 0.0_f64), |(least, most), needs| (least.min(needs), most.max(needs)));
        let full = self.quotas.iter().any(|quota| quota.open && quota.filled() >= 1.0);
        most - least > UNEVEN || (full && self.want_more())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shard::even_spread;

    const EXTENT: Extent =
        Extent { time: Duration::from_secs(2), records: 50_000, bytes: 16 << 20, windows: 1, aggregated: false };

    fn pacer(shards: u32) -> Pacer {
        let mut pacer = Pacer::new(true);
        let named = (0..).zip(even_spread(shards)).map(|(number, range)| (format!("shardId-{number:012}"), range));
        pacer.know(named, Duration::ZERO);
        pacer
    }

    fn quotas(shards: u32, extent: &Extent) -> Quotas {
        pacer(shards).quotas(extent, Duration::ZERO).unwrap()
    }

    fn hash(shard: usize, shards: u32) -> u128 {
        *even_spread(shards)[shard].start()
    }

    /// How many records of a shard fit.
    fn taken(quotas: &mut Quotas, lane: Lane, record: Load) -> usize {
        (0..100_000).take_while(|_| quotas.takes(lane, record)).count()
    }

    #[test]
    fn a_window_holds_half_as_much_again_as_a_shard_takes_in_its_time() {
        let small = Load::of_record(300, 600);
        let mut eight = quotas(8, &EXTENT);
        let lane = eight.lane(hash(3, 8));
        assert_eq!(taken(&mut eight, lane, small), 3_000);
        assert!(!eight.has_room(lane) && eight.has_room(eight.lane(hash(4, 8))));
        // By their bytes, and by those in memory: an eighth of a window.
        let (large, roomy) = (Load::of_record(10_000, 10_000), Load::of_record(1, 20_000));
        assert_eq!(taken(&mut quotas(4, &EXTENT), lane, large), 300);
        assert_eq!(taken(&mut quotas(8, &EXTENT), lane, roomy), 105);
        // Of two windows that share the shards, and of a window that has no room for all that they take.
        let both = Extent { windows: 2, ..EXTENT };
        assert_eq!(taken(&mut quotas(8, &both), lane, small), 1_500);
        assert_eq!(taken(&mut quotas(100, &EXTENT), lane, Load::of_record(10, 10)), 500);
        let together = Extent { aggregated: true, ..EXTENT };
        assert_eq!(taken(&mut quotas(8, &together), lane, Load::of_record(10, 10)), 6_250);
        assert_eq!(taken(&mut quotas(8, &Extent { records: 1, ..EXTENT }), lane, small), 1);
    }

    #[test]
    fn more_is_wanted_until_no_shard_runs_dry_and_what_is_put_makes_room() {
        let small = Load::of_record(300, 600);
        let mut quotas = quotas(2, &EXTENT);
        let [hot, cold] = [0, 1].map(|shard| quotas.lane(hash(shard, 2)));
        quotas.add(hot, Load { records: 9_000.0, ..Load::default() });
        assert!(quotas.want_more() && !quotas.takes(hot, small));
        assert_eq!((0..).take_while(|_| quotas.want_more() && quotas.takes(cold, small)).count(), 2_250);
        quotas.put();
        assert_eq!(taken(&mut quotas, cold, small), 2_750);
        assert!(!quotas.takes(hot, small), "7,000 are left of it");
        (0..2).for_each(|_| quotas.put());
        assert_eq!(taken(&mut quotas, hot, small), 0);
        quotas.put();
        assert_eq!(taken(&mut quotas, hot, small), 2_000);
    }

    #[test]
    fn shards_are_uneven_when_one_needs_half_a_second_longer_than_another() {
        let mut quotas = quotas(2, &EXTENT);
        let [one, other] = [0, 1].map(|shard| quotas.lane(hash(shard, 2)));
        let records = |records| Load { records, ..Load::default() };
        quotas.add(one, records(400.0));
        assert!(!quotas.are_uneven());
        quotas.add(one, records(700.0));
        assert!(quotas.are_uneven());
        quotas.add(other, records(700.0));
        assert!(!quotas.are_uneven());
    }

    #[test]
    fn shards_are_uneven_when_one_takes_more_of_a_small_window_than_its_part() {
        let mut small = quotas(2, &Extent { records: 100, ..EXTENT });
        let lane = small.lane(0);
        small.add(lane, Load { records: 49.0, ..Load::default() });
        assert!(!small.are_uneven());
        small.add(lane, Load { records: 1.0, ..Load::default() });
        assert!(small.are_uneven());
    }

    #[test]
    fn there_are_no_quotas_where_nothing_waits_or_no_shards_are_known() {
        assert!(Pacer::new(true).quotas(&EXTENT, Duration::ZERO).is_none());
        assert!(pacer(1).quotas(&EXTENT, Duration::ZERO).is_none());
        let mut scattered = pacer(4);
        for number in 0..10_000_u128 {
            let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let lane = scattered.lane(hash);
            scattered.acknowledged(
                hash,
                1,
                lane,
                &format!("shardId-{:012}", number % 4),
                Duration::ZERO,
                Duration::ZERO,
            );
        }
        assert!(scattered.ignores_keys() && scattered.quotas(&EXTENT, Duration::ZERO).is_none());
    }

    #[test]
    fn a_shard_that_is_throttled_gets_less() {
        let (mut pacer, second) = (pacer(2), Duration::from_secs(1));
        let lane = pacer.lane(0);
        pacer.throttled(0, lane, None, second, second);
        let mut quotas = pacer.quotas(&EXTENT, second).unwrap();
        assert!((2_700..=2_701).contains(&taken(&mut quotas, lane, Load::of_record(300, 600))));
    }

    proptest! {
        #[test]
        fn a_window_is_never_too_large_and_never_empty(
            shards in 2_u32..200, records in 1_usize..60_000, bytes in 1_usize..1_000_000, windows in 1_usize..4,
            size in 1_usize..3_000, ms in 100_u64..3_000, aggregated: bool,
        ) {
            let extent = Extent { time: Duration::from_millis(ms), records, bytes, windows, aggregated };
            let mut quotas = quotas(shards, &extent);
            let (lanes, load) = (quotas.ranges.lanes(), Load::of_record(size, size));
            let each: Vec<_> = lanes.iter().map(|lane| taken(&mut quotas, Lane::at(Some(*lane)), load)).collect();
            prop_assert!(each.iter().all(|count| *count > 0) && !quotas.want_more());
            let (all, last) = (each.iter().sum::<usize>(), shards as usize);
            prop_assert!(all <= records + last && all * size <= bytes + last * size, "{all}");
        }
    }
}
