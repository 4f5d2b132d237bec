//! Pacers against shards that have the limits of Kinesis, in virtual time.

mod probe;

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::shard::even_spread;

/// What one shard has left, and what it took.
struct Truth {
    range: RangeInclusive<u128>,
    name: String,
    open: bool,
    tokens: f64,
    taken: u64,
    refused: u64,
}

struct Stream {
    shards: Vec<Truth>,
    per_second: f64,
}

impl Stream {
    fn new(shards: u32, per_second: f64) -> Self {
        let mut stream = Self { shards: Vec::new(), per_second };
        even_spread(shards).into_iter().for_each(|range| stream.open(range));
        stream
    }

    fn open(&mut self, range: RangeInclusive<u128>) {
        let name = format!("shardId-{:012}", self.shards.len());
        let tokens = self.per_second;
        self.shards.push(Truth { range, name, open: true, tokens, taken: 0, refused: 0 });
    }

    fn split(&mut self, shard: usize) {
        let (start, end) = (*self.shards[shard].range.start(), *self.shards[shard].range.end());
        self.shards[shard].open = false;
        let middle = start + (end - start) / 2;
        self.open(start..=middle);
        self.open(middle + 1..=end);
    }

    fn merge(&mut self, left: usize, right: usize) {
        let range = *self.shards[left].range.start()..=*self.shards[right].range.end();
        (self.shards[left].open, self.shards[right].open) = (false, false);
        self.open(range);
    }

    fn tick(&mut self) {
        for shard in &mut self.shards {
            shard.tokens = (shard.tokens + self.per_second / 1_000.0).min(self.per_second);
        }
    }

    fn put(&mut self, hash: u128) -> (String, bool) {
        let shard = self.shards.iter_mut().find(|shard| shard.open && shard.range.contains(&hash)).unwrap();
        let fits = shard.tokens >= 1.0;
        if fits {
            shard.tokens -= 1.0;
            shard.taken += 1;
        } else {
            shard.refused += 1;
        }
        (shard.name.clone(), fits)
    }

    fn taken(&self) -> u64 {
        self.shards.iter().map(|shard| shard.taken).sum()
    }

    fn refused_share(&self) -> f64 {
        let refused: u64 = self.shards.iter().map(|shard| shard.refused).sum();
        refused as f64 / (refused + self.taken()) as f64
    }
}

struct Flying {
    arrives: u64,
    back: u64,
    began: u64,
    records: Vec<(u128, Lane)>,
    answers: Vec<(String, bool)>,
}

/// Puts records with random hash keys as fast as its pacer lets it.
struct Producer {
    pacer: Pacer,
    /// By lane, in their order.
    waiting: BTreeMap<Lane, VecDeque<u128>>,
    shape: u64,
    seed: u64,
    first: u64,
    flying: Vec<Flying>,
    last: u64,
    taken: u64,
    left: u64,
    /// Milliseconds of a window, and between windows, when nothing is put.
    windows: (u64, u64),
    /// The least, and how much more it may be.
    latency: (u64, u64),
}

const BYTES_EACH: usize = 300;

impl Producer {
    fn new(seed: u64, records: u64, proven: bool) -> Self {
        Self {
            pacer: Pacer::new(proven),
            waiting: BTreeMap::new(),
            shape: 0,
            seed,
            first: seed * 77,
            flying: Vec::new(),
            last: 0,
            taken: 0,
            left: records,
            windows: (2_000, 0),
            latency: (8, 20),
        }
    }

    /// With a checkpoint between windows, and slower answers.
    fn in_windows(self, between: u64) -> Self {
        Self { windows: (2_000, between), latency: (10, 50), ..self }
    }

    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.seed >> 11
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.flying.is_empty() && self.waiting.values().all(VecDeque::is_empty)
    }

    fn hash(&mut self) -> u128 {
        (0..4).fold(0, |hash: u128, _| (hash << 32) | u128::from(self.random() & 0xffff_ffff))
    }

    fn step(&mut self, ms: u64, stream: &mut Stream) {
        let now = Duration::from_millis(ms);
        for flying in &mut self.flying {
            if flying.arrives == ms {
                flying.answers = flying.records.iter().map(|(hash, _)| stream.put(*hash)).collect();
            }
        }
        let (back, flying) = std::mem::take(&mut self.flying).into_iter().partition(|flying| flying.back == ms);
        self.flying = flying;
        for Flying { began, records, answers, .. } in back {
            for ((hash, lane), (shard, fits)) in records.into_iter().zip(answers) {
                if fits {
                    self.taken += 1;
                    self.pacer.acknowledged(hash, BYTES_EACH, lane, &shard, Duration::from_millis(began), now);
                } else {
                    self.pacer.throttled(hash, lane, Some(&shard), Duration::from_millis(began), now);
                    self.waiting.entry(lane).or_default().push_front(hash);
                }
            }
        }
        // A window of records is known at a time.
        let waiting: usize = self.waiting.values().map(VecDeque::len).sum();
        for _ in waiting..(20_000.min(waiting + self.left as usize)) {
            let hash = self.hash();
            self.waiting.entry(self.pacer.lane(hash)).or_default().push_back(hash);
            self.left -= 1;
        }
        if self.shape != self.pacer.shape() {
            self.shape = self.pacer.shape();
            for hash in std::mem::take(&mut self.waiting).into_values().flatten() {
                self.waiting.entry(self.pacer.lane(hash)).or_default().push_back(hash);
            }
        }
        let (window, between) = self.windows;
        let within = (ms + self.first % 1_000) % (window + between) < window;
        if self.flying.len() < 4 && within {
            self.call(ms);
        }
    }

    fn call(&mut self, ms: u64) {
        let now = Duration::from_millis(ms);
        let pacer = &mut self.pacer;
        let ready: usize = self.waiting.iter().map(|(lane, queue)| pacer.room(*lane, now).min(queue.len())).sum();
        let crowded = self.waiting.keys().any(|lane| pacer.share(*lane, now).1);
        let linger = if crowded { 20 } else { 60 };
        if ready == 0 || (ready < 500 && ms < self.last + linger) {
            return;
        }
        self.last = ms;
        let mut records = Vec::new();
        for (lane, queue) in &mut self.waiting {
            while records.len() < 500 && !queue.is_empty() && pacer.take(*lane, BYTES_EACH, now) {
                records.extend(queue.pop_front().map(|hash| (hash, *lane)));
            }
        }
        let latency = self.latency.0 + self.random() % self.latency.1;
        let (arrives, back) = (ms + latency / 2, ms + latency);
        self.flying.push(Flying { arrives, back, began: ms, records, answers: Vec::new() });
    }
}

/// Until all is put; the milliseconds that it took. `at` happens meanwhile.
fn run(stream: &mut Stream, producers: &mut [Producer], most: u64, mut at: impl FnMut(u64, &mut Stream)) -> u64 {
    for ms in 1..most {
        stream.tick();
        at(ms, stream);
        producers.iter_mut().for_each(|producer| producer.step(ms, stream));
        if producers.iter().all(Producer::is_done) {
            return ms;
        }
    }
    most
}

fn listed(stream: &Stream) -> Vec<(String, RangeInclusive<u128>)> {
    stream.shards.iter().map(|shard| (shard.name.clone(), shard.range.clone())).collect()
}

#[test]
fn a_stream_is_filled_to_its_limit_and_nothing_is_throttled() {
    for (shards, known) in [(1, true), (1, false), (8, true), (8, false), (40, false)] {
        let mut stream = Stream::new(shards, RECORDS);
        let records = u64::from(shards) * 20_000;
        let mut producers = [Producer::new(7, records, true)];
        if known {
            producers[0].pacer.know(listed(&stream), Duration::ZERO);
        }
        let ms = run(&mut stream, &mut producers, 60_000, |_, _| {});
        let fullest = stream.shards.iter().map(|shard| shard.taken).max().unwrap();
        let reach = fullest as f64 / ms as f64;
        assert_eq!(stream.taken(), records);
        assert!(reach > 0.98, "{shards} {known} {reach} in {ms} ms");
        assert!(stream.refused_share() <= 0.000_5, "{shards} {known} {}", stream.refused_share());
    }
}

#[test]
fn a_split_and_a_merge_are_noticed() {
    let mut stream = Stream::new(8, RECORDS);
    let mut producers = [Producer::new(3, 200_000, true)];
    producers[0].pacer.know(listed(&stream), Duration::ZERO);
    let ms = run(&mut stream, &mut producers, 90_000, |ms, stream| match ms {
        5_000 => stream.split(2),
        12_000 => stream.merge(5, 6),
        _ => {}
    });
    assert_eq!(stream.taken(), 200_000);
    assert!(stream.refused_share() <= 0.001, "{}", stream.refused_share());
    // From the merge on the one shard takes an eighth twice.
    let merged = stream.shards.last().unwrap().taken as f64;
    assert!(merged / (ms - 12_000) as f64 > 0.95, "{merged} in {ms}");
}

#[test]
fn one_throttle_costs_little_and_a_smaller_limit_is_found() {
    let mut stream = Stream::new(1, 400.0);
    let mut producers = [Producer::new(5, 40_000, true)];
    let ms = run(&mut stream, &mut producers, 200_000, |_, _| {});
    assert_eq!(stream.taken(), 40_000);
    let reach = 40_000.0 / 0.4 / ms as f64;
    assert!(reach > 0.85, "{reach}");
    assert!(stream.refused_share() < 0.02, "{}", stream.refused_share());

    let mut bucket = Bucket::full(Duration::ZERO);
    let second = Duration::from_secs(1);
    assert!(bucket.throttled(second, second));
    assert!(!bucket.throttled(second / 2, 2 * second), "it was put before");
    assert!(bucket.share(2 * second) > 0.89 && bucket.share(20 * second) > 0.97);
}

#[test]
fn two_who_do_not_know_of_each_other_share_a_stream() {
    let mut stream = Stream::new(4, RECORDS);
    let mut producers = [Producer::new(3, 10_000_000, true), Producer::new(11, 10_000_000, true)];
    run(&mut stream, &mut producers, 60_000, |_, _| {});
    let taken = producers.each_ref().map(|producer| producer.taken as f64);
    let ratio = taken[0].max(taken[1]) / taken[0].min(taken[1]);
    let reach = stream.taken() as f64 / 4.0 / 60_000.0;
    assert!(ratio < 1.5, "{taken:?}");
    assert!(reach > 0.9, "{reach}");
    assert!(stream.refused_share() < 0.005, "{}", stream.refused_share());
}

/// Two runs of which one begins later. How full the stream was, the share of puts that were refused, and how much more one
/// had put than the other when it was done.
fn two_runs(seeds: [u64; 2], between: u64, later: u64, proven: bool) -> [f64; 3] {
    let mut stream = Stream::new(8, RECORDS);
    let mut producers = seeds.map(|seed| Producer::new(seed, 100_000, proven).in_windows(between));
    producers.iter_mut().for_each(|producer| producer.pacer.know(listed(&stream), Duration::ZERO));
    let (mut ms, mut ratio) = (0, None);
    while !producers.iter().all(Producer::is_done) {
        ms += 1;
        stream.tick();
        producers
            .iter_mut()
            .zip([0, later])
            .filter(|(_, from)| ms > *from)
            .for_each(|(one, _)| one.step(ms, &mut stream));
        if producers.iter().any(Producer::is_done) {
            let taken = producers.each_ref().map(|producer| producer.taken as f64);
            ratio.get_or_insert(taken[0].max(taken[1]) / taken[0].min(taken[1]));
        }
    }
    let fullest = stream.shards.iter().map(|shard| shard.taken).max().unwrap();
    [fullest as f64 / ms as f64, stream.refused_share(), ratio.unwrap()]
}

#[test]
fn two_runs_that_begin_together_fill_a_stream_and_few_puts_are_throttled() {
    let mut refused = Vec::new();
    for proven in [true, false] {
        for (seeds, between, later) in
            [([3, 11], 100, 0), ([3, 11], 200, 300), ([5, 6], 200, 0), ([17, 4], 200, 700), ([21, 8], 200, 100)]
        {
            let found = two_runs(seeds, between, later, proven);
            let [reach, share, ratio] = found;
            assert!(reach > 0.97 && share < 0.001_5 && ratio < 1.2, "{proven} {seeds:?} {found:?}");
            refused.push(share);
        }
    }
    let mean = refused.iter().sum::<f64>() / refused.len() as f64;
    assert!(mean < 0.000_8, "{refused:?}");

    // Once one of them is under way, more is refused until both have found their shares. It has put a fourth by then.
    let [reach, share, ratio] = two_runs([9, 13], 200, 3_000, false);
    assert!(reach > 0.85 && share < 0.005 && ratio < 1.6, "{reach} {share} {ratio}");
}

#[test]
fn a_shard_that_others_use_does_not_hold_back_the_rest_for_long() {
    let mut stream = Stream::new(8, RECORDS);
    let mut producers = [Producer::new(3, 10_000_000, true)];
    producers[0].pacer.know(listed(&stream), Duration::ZERO);
    // Somebody takes four fifths of it from the beginning.
    let others = |stream: &mut Stream| stream.shards[3].tokens = (stream.shards[3].tokens - 0.8).max(0.0);
    run(&mut stream, &mut producers, 2_000, |_, stream| others(stream));
    let at = |seconds| Duration::from_secs(seconds);
    assert!((1..=8).all(|lane| producers[0].pacer.share(Lane(lane), at(2)).0 < 0.5));
    run(&mut stream, &mut producers, 60_000, |_, stream| others(stream));
    for lane in 1..=8 {
        let share = producers[0].pacer.share(Lane(lane), at(60)).0;
        assert!(if lane == 4 { share < 0.4 } else { share > 0.95 }, "{lane} {share}");
    }
}

#[test]
fn after_a_pause_little_is_given_at_once_and_a_large_record_passes_all_the_same() {
    let mut pacer = Pacer::new(true);
    pacer.know(listed(&Stream::new(4, RECORDS)), Duration::ZERO);
    let room = |pacer: &mut Pacer, seconds| {
        let now = Duration::from_secs(seconds);
        assert!(pacer.take(Lane(1), 10, now));
        [1, 2, 3, 4].map(|lane| pacer.room(Lane(lane), now))
    };
    let first = room(&mut pacer, 100);
    assert!(first[0] == 499 && first[1..].iter().all(|room| (50..=400).contains(room)), "{first:?}");
    assert!(pacer.take(Lane(2), 400_000, Duration::from_secs(100)), "it is more than the bucket holds");
    assert_eq!(room(&mut pacer, 102), [500 - 1, 499 + 1, first[2], first[3]]);
    assert_eq!(room(&mut pacer, 200), first);
}

#[test]
fn one_who_comes_later_gets_a_share_and_leaves_it_again() {
    let mut stream = Stream::new(2, RECORDS);
    let mut producers = [Producer::new(3, 10_000_000, true), Producer::new(11, 0, true)];
    let mut first = 0;
    for ms in 1..180_000 {
        stream.tick();
        if ms == 20_000 {
            producers[1].left = 10_000_000;
            first = producers[0].taken;
        }
        producers.iter_mut().for_each(|producer| producer.step(ms, &mut stream));
        if ms == 80_000 {
            let taken = [(producers[0].taken - first) as f64, producers[1].taken as f64];
            let ratio = taken[0].max(taken[1]) / taken[0].min(taken[1]);
            assert!(ratio < 1.5, "{taken:?}");
            producers[1].left = 0;
            producers[1].waiting.clear();
        }
        if ms == 120_000 {
            first = producers[0].taken;
        }
    }
    let alone = (producers[0].taken - first) as f64 / 2.0 / 60_000.0;
    assert!(alone > 0.95, "{alone}");
}

#[test]
fn a_stream_that_ignores_keys_is_noticed_and_filled() {
    let mut pacer = Pacer::new(true);
    let now = Duration::from_secs(1);
    for number in 0..10_000_u128 {
        let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let lane = pacer.lane(hash);
        pacer.acknowledged(hash, 10, lane, &format!("shardId-{:012}", number % 4), now, now);
    }
    assert!(pacer.ignores_keys());
    assert_eq!((pacer.lane(1), pacer.lane(u128::MAX)), (Lane::UNKNOWN, Lane::UNKNOWN));
    assert!(pacer.room(Lane::UNKNOWN, now + Duration::from_secs(2)) >= 2_000, "four shards take it");
}

#[test]
fn records_above_a_second_s_bytes_pass_one_by_one() {
    let (mut bucket, mut passed) = (Bucket::full(Duration::ZERO), 0);
    for ms in 0..30_000 {
        let now = Duration::from_millis(ms);
        bucket.fill(now);
        if bucket.covers(3 << 20) {
            bucket.spend(3 << 20);
            passed += 1;
        } else {
            assert!(bucket.wait(3 << 20, now) > Duration::ZERO);
        }
    }
    assert_eq!(passed, 10);
}

proptest! {
    #[test]
    fn no_shard_is_ever_given_more_than_its_limits_and_a_burst(
        steps in prop::collection::vec((0u64..400, 0usize..700, 0usize..20_000), 1..80),
    ) {
        let mut pacer = Pacer::new(true);
        pacer.know([("shardId-000000000000".to_owned(), 0..=u128::MAX)], Duration::ZERO);
        let (lane, mut ms, mut taken) = (pacer.lane(7), 0, Vec::new());
        for (later, wanted, bytes) in steps {
            ms += later;
            let now = Duration::from_millis(ms);
            taken.extend((0..wanted).take_while(|_| pacer.take(lane, bytes, now)).map(|_| (ms, bytes)));
        }
        for (first, (from, _)) in taken.iter().enumerate() {
            for (count, (until, _)) in (1u64..).zip(&taken[first..]) {
                prop_assert!(count <= 501 + (until - from), "{count} in {} ms", until - from);
            }
            let span = taken[first..].iter().take_while(|(at, _)| *at < from + 1_000);
            let bytes: usize = span.map(|(_, bytes)| bytes).sum();
            prop_assert!(bytes <= 1_520_000, "{bytes}");
        }
    }

    #[test]
    fn waiting_as_long_as_told_is_enough(taken in 0usize..900, bytes in 0usize..600_000) {
        let mut pacer = Pacer::new(true);
        let now = Duration::from_secs(1);
        for _ in 0..taken {
            pacer.charge(Lane::UNKNOWN, 300, now);
        }
        let wait = pacer.wait(Lane::UNKNOWN, bytes, now);
        prop_assert!(pacer.take(Lane::UNKNOWN, bytes, now + wait + Duration::from_micros(10)));
    }
}
