//! A cron expression as sets of numbers, and which minutes on the wall it matches. Time zones are none of its business.

mod parse;
mod set;

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use set::Set;

const MINUTES_OF_A_DAY: i64 = 24 * 60;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    /// 0 is Sunday.
    weekdays: Set,
    /// Neither day field begins with `*`: then a day needs to match one of them, else both.
    either_day: bool,
    /// The minute field is written with `*` or a step.
    minutes_repeat: bool,
}

impl Cron {
    /// A time that the clocks skip is made up for right after the jump; but for an expression that fires in every hour,
    /// which loses nothing.
    pub(crate) fn makes_up_for_skipped(&self) -> bool {
        !self.fires_every_hour()
    }

    /// A time that the clocks show twice counts twice for what is meant as "again and again", else the first time only.
    pub(crate) fn fires_again_when_repeated(&self) -> bool {
        self.minutes_repeat || self.fires_every_hour()
    }

    /// The first matching minute in a range of minutes on the wall, counted from 1970-01-01 00:00 on the same wall.
    pub(crate) fn first_in(&self, minutes: Range<i64>) -> Option<i64> {
        let mut from = minutes.start;
        while from < minutes.end {
            let day = from.div_euclid(MINUTES_OF_A_DAY);
            let first_of_day = day * MINUTES_OF_A_DAY;
            if self.matches_day(day)
                && let Some(minute) = self.first_in_day(from - first_of_day)
            {
                let found = first_of_day + minute;
                return (found < minutes.end).then_some(found);
            }
            from = first_of_day + MINUTES_OF_A_DAY;
        }
        None
    }

    fn fires_every_hour(&self) -> bool {
        self.hours == Set::of(0..=23)
    }

    fn matches_day(&self, day: i64) -> bool {
        let date = date_of(day);
        let (by_date, by_weekday) = (
            self.days.contains(i64::from(date.day())),
            self.weekdays.contains(i64::from(date.weekday().to_sunday_zero_offset())),
        );
        let fits = if self.either_day { by_date || by_weekday } else { by_date && by_weekday };
        fits && self.months.contains(i64::from(date.month()))
    }

    fn first_in_day(&self, from: i64) -> Option<i64> {
        let (hour, minute) = (from / 60, from % 60);
        if self.hours.contains(hour)
            && let Some(minute) = self.minutes.first_from(minute)
        {
            return Some(hour * 60 + minute);
        }
        Some(self.hours.first_from(hour + 1)? * 60 + self.minutes.first_from(0)?)
    }
}

/// By the number of days since 1970-01-01. The walk stays in the years that the calendar has.
fn date_of(day: i64) -> Date {
    Offset::UTC.to_datetime(Timestamp::from_second(day * 86_400).unwrap_or_default()).date()
}
