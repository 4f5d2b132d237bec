//! The write limits of one shard: a bucket of records and a bucket of bytes, each holding one second's worth.

use std::time::Instant;

use crate::Limits;

#[derive(Debug, Default)]
pub(crate) struct Bucket {
    records: Level,
    bytes: Level,
    refilled: Option<Instant>,
}

impl Bucket {
    /// Takes one record of `size` bytes out of the bucket, or nothing at all when one of the limits is reached.
    pub(crate) fn take(&mut self, limits: &Limits, size: usize, now: Instant) -> bool {
        let seconds = self.refilled.map(|at| now.saturating_duration_since(at).as_secs_f64());
        self.refilled = Some(now);
        self.records.refill(limits.records_per_second, seconds);
        self.bytes.refill(limits.bytes_per_second, seconds);

        let size = f64::from(u32::try_from(size).unwrap_or(u32::MAX));
        let fits =
            self.records.covers(limits.records_per_second, 1.0) && self.bytes.covers(limits.bytes_per_second, size);
        if fits {
            self.records.0 -= 1.0;
            self.bytes.0 -= size;
        }
        fits
    }
}

/// What is left in a bucket. It may fall below zero: a record larger than a whole second's worth passes when the
/// bucket is full, and is paid for afterwards; otherwise it could never pass.
#[derive(Debug, Default)]
struct Level(f64);

impl Level {
    fn refill(&mut self, per_second: Option<u32>, seconds: Option<f64>) {
        let capacity = per_second.map_or(0.0, f64::from);
        self.0 = match seconds {
            Some(seconds) => (self.0 + capacity * seconds).min(capacity),
            None => capacity,
        };
    }

    fn covers(&self, per_second: Option<u32>, amount: f64) -> bool {
        per_second.is_none_or(|capacity| self.0 >= amount.min(f64::from(capacity)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(bucket: &mut Bucket, limits: &Limits, attempts: usize, size: usize, now: Instant) -> usize {
        (0..attempts).filter(|_| bucket.take(limits, size, now)).count()
    }

    #[test]
    fn a_shard_takes_1000_records_at_once_and_as_many_again_each_second() {
        let (mut bucket, limits, start) = (Bucket::default(), Limits::default(), Instant::now());
        assert_eq!(taken(&mut bucket, &limits, 1_500, 10, start), 1_000);
        assert_eq!(taken(&mut bucket, &limits, 1_500, 10, start + Duration::from_millis(250)), 250);
        assert_eq!(taken(&mut bucket, &limits, 1_500, 10, start + Duration::from_secs(60)), 1_000);
    }

    #[test]
    fn a_shard_takes_one_mebibyte_a_second() {
        let (mut bucket, limits, start) = (Bucket::default(), Limits::default(), Instant::now());
        assert_eq!(taken(&mut bucket, &limits, 10, 400 * 1024, start), 2);
        assert!(bucket.take(&limits, 200 * 1024, start), "a refused record takes nothing");
        assert_eq!(taken(&mut bucket, &limits, 10, 256 * 1024, start + Duration::from_millis(500)), 2);
    }

    #[test]
    fn a_record_above_one_second_s_bytes_passes_a_full_bucket_and_is_paid_for_afterwards() {
        let (mut bucket, limits, start) = (Bucket::default(), Limits::default(), Instant::now());
        let large = 3 * 1024 * 1024;
        assert!(bucket.take(&limits, large, start));
        assert!(!bucket.take(&limits, 1, start + Duration::from_millis(1_900)));
        assert!(bucket.take(&limits, large, start + Duration::from_secs(4)));
    }

    #[test]
    fn without_limits_everything_is_taken() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        assert_eq!(taken(&mut bucket, &Limits::off(), 100_000, 1 << 20, start), 100_000);
    }
}
