//! Whether a stream has limits: what the probe finds out, and what it must not take for none.

use super::*;

#[test]
fn a_sink_without_limits_is_found_out_and_a_limited_one_costs_few_throttles() {
    let mut stream = Stream::new(4, 1e9);
    let mut producers = [Producer::new(3, 200_000, false)];
    let ms = run(&mut stream, &mut producers, 60_000, |_, _| {});
    assert!(producers[0].pacer.is_free() && ms < 4_000, "{ms}");

    let mut stream = Stream::new(8, RECORDS);
    let mut producers = [Producer::new(3, 200_000, false)];
    let ms = run(&mut stream, &mut producers, 60_000, |_, _| {});
    assert!(!producers[0].pacer.is_free() && ms < 26_000, "{ms}");
    let crowded = (1..=8).any(|lane| producers[0].pacer.share(Lane(lane), Duration::from_millis(ms)).1);
    assert!(!crowded, "what the probe had refused says nothing of others");
    assert!(stream.refused_share() <= 0.001, "{}", stream.refused_share());
}

#[test]
fn limits_that_come_to_light_late_are_taken_for_no_sign_of_others() {
    let mut stream = Stream::new(8, RECORDS);
    let mut producers = [Producer::new(3, 200_000, false)];
    producers[0].pacer.know(listed(&stream), Duration::ZERO);
    producers[0].pacer.limits = Limited::No;
    let ms = run(&mut stream, &mut producers, 60_000, |_, _| {});
    assert!(!producers[0].pacer.is_free() && ms < 27_000, "{ms}");
    assert!(stream.refused_share() <= 0.02, "{}", stream.refused_share());
}

/// Puts into the one shard of a stream all that the pacer lets through, `records` in each window of so many milliseconds.
fn in_windows_of(records: u32, ms_each: u64, bytes: usize, per_second: f64) -> (Pacer, Stream) {
    let (mut stream, mut pacer) = (Stream::new(1, per_second), Pacer::new(false));
    pacer.know([(stream.shards[0].name.clone(), 0..=u128::MAX)], Duration::ZERO);
    let (lane, mut left) = (pacer.lane(7), 0);
    for ms in 0..20_000 {
        let now = Duration::from_millis(ms);
        stream.tick();
        if ms % ms_each == 0 {
            left = records;
        }
        while left > 0 && pacer.take(lane, bytes, now) {
            let (name, fits) = stream.put(7);
            if fits {
                left -= 1;
                pacer.acknowledged(7, bytes, lane, &name, now, now);
            } else {
                pacer.throttled(7, lane, Some(&name), now, now);
            }
        }
    }
    (pacer, stream)
}

#[test]
fn a_shard_that_is_idle_between_windows_is_not_taken_for_one_without_limits() {
    // As each of 64 shards has them of a window of 50,000 records.
    let (pacer, stream) = in_windows_of(781, 800, BYTES_EACH, RECORDS);
    assert!(!pacer.is_free());
    assert_eq!(stream.shards[0].refused, 0, "it takes that much in that time");
    // A full shard takes one record that is larger than what it takes in seconds.
    let (pacer, _) = in_windows_of(2, 6_000, 5_000_000, 1e9);
    assert!(!pacer.is_free());
    // What no shard takes at once.
    assert!(in_windows_of(2_000, 2_000, BYTES_EACH, 1e9).0.is_free());
    assert!(in_windows_of(60, 6_000, 100_000, 1e9).0.is_free());
}
