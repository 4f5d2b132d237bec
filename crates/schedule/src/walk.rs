//! The times of a cron expression in a time zone, in their order. This is where the clocks change.

use crate::cron::Cron;
use crate::zone::{EARLIEST, LATEST, Stretch, Zone};

/// The rarest expressions wait for a 29 February on certain days of the week: decades.
const SEARCH: i64 = 100 * 366 * 86_400;

/// Seconds since 1970 UTC.
#[derive(Debug, Clone)]
pub(crate) struct Walk<'a> {
    cron: &'a Cron,
    zone: &'a Zone,
    after: i64,
    stretch: Stretch,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(cron: &'a Cron, zone: &'a Zone, after: i64) -> Self {
        let after = after.clamp(EARLIEST, LATEST);
        Self { cron, zone, after, stretch: zone.stretch_at(after) }
    }

    /// Were clocks put forward at the start of this stretch, over a time that the expression names?
    fn makes_up_at_start(&self) -> bool {
        let Stretch { start, offset, offset_before, .. } = self.stretch;
        let skipped = minute_from(start + offset_before)..minute_from(start + offset);
        self.after < start && self.cron.makes_up_for_skipped() && self.cron.first_in(skipped).is_some()
    }

    fn first_in_stretch(&self, until: i64) -> Option<i64> {
        let Stretch { start, end, offset, offset_before } = self.stretch;
        let mut from = (self.after + 1).max(start) + offset;
        if !self.cron.fires_again_when_repeated() {
            // What the wall showed before the clocks were put back has had its turn.
            from = from.max(start + offset_before);
        }
        let minute = self.cron.first_in(minute_from(from)..minute_from(end.min(until) + offset))?;
        Some(minute * 60 - offset)
    }
}

impl Iterator for Walk<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let until = (self.after + SEARCH).min(LATEST);
        loop {
            let made_up = self.makes_up_at_start().then_some(self.stretch.start);
            if let Some(second) = made_up.or_else(|| self.first_in_stretch(until)) {
                self.after = second;
                return Some(second);
            }
            if self.stretch.end >= until {
                return None;
            }
            self.after = self.stretch.end - 1;
            self.stretch = self.zone.stretch_after(self.stretch);
        }
    }
}

/// The first minute that begins at or after a second. Offsets of the past are not whole minutes.
fn minute_from(second: i64) -> i64 {
    second.div_euclid(60) + i64::from(second.rem_euclid(60) != 0)
}
