//! What cron means, as a person with a clock on the wall would say: it looks at the clock each minute of the world.
//!
//! - It fires when the clock shows a minute that the expression names.
//! - When the clock shows a minute that it has shown before, only expressions that mean "again and again" fire: those
//!   whose minute field is written with `*` or `/`, and those that name all 24 hours.
//! - When the clock jumped over minutes that the expression names, it fires at once, one time; but not if it names all
//!   24 hours.

use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

const DAY: i64 = 24 * 60;

/// A bit for each expression.
type Bits = u64;

struct Tables {
    first_day: i64,
    by_day: Vec<Bits>,
    by_minute: Vec<Bits>,
    all_hours: Bits,
    again: Bits,
}

/// For each expression the milliseconds since 1970 at which it fires in a range of minutes.
pub(crate) fn fires(zone: Tz, expressions: &[String], minutes: Range<i64>) -> Vec<Vec<i64>> {
    assert!(expressions.len() <= 64);
    let tables = Tables::new(expressions, &minutes);
    let mut fired = vec![Vec::new(); expressions.len()];
    // Begins three days early, to know what the clock has shown.
    let mut shown_until = i64::MAX;
    let mut minute = minutes.start - 3 * DAY;
    while minute < minutes.end {
        let constant = constant_for_an_hour(zone, minute);
        for minute in minute..minute + 60 {
            let wall = minute + constant.unwrap_or_else(|| offset(zone, minute));
            let mut bits = tables.at(wall);
            if wall <= shown_until {
                bits &= tables.again;
            } else {
                for skipped in shown_until + 1..wall {
                    bits |= tables.at(skipped) & !tables.all_hours;
                }
            }
            shown_until = if shown_until == i64::MAX { wall } else { shown_until.max(wall) };
            while bits != 0 && minutes.contains(&minute) {
                fired[bits.trailing_zeros() as usize].push(minute * 60_000);
                bits &= bits - 1;
            }
        }
        minute += 60;
    }
    fired
}

/// The offset in minutes, when the first and the last minute of an hour have the same: no clock changes twice in one.
fn constant_for_an_hour(zone: Tz, minute: i64) -> Option<i64> {
    let first = offset(zone, minute);
    (first == offset(zone, minute + 59)).then_some(first)
}

fn offset(zone: Tz, minute: i64) -> i64 {
    let seconds = zone.offset_from_utc_datetime(&at(minute)).fix().local_minus_utc();
    assert_eq!(seconds % 60, 0, "{zone}: this reference knows whole minutes");
    i64::from(seconds / 60)
}

fn at(minute: i64) -> NaiveDateTime {
    DateTime::from_timestamp(minute * 60, 0).unwrap().naive_utc()
}

impl Tables {
    fn new(expressions: &[String], minutes: &Range<i64>) -> Self {
        let first_day = minutes.start.div_euclid(DAY) - 5;
        let last_day = minutes.end.div_euclid(DAY) + 5;
        let fields: Vec<Vec<&str>> = expressions.iter().map(|expression| expression.split(' ').collect()).collect();
        let bits = |matches: &dyn Fn(&[&str]) -> bool| -> Bits {
            fields.iter().enumerate().map(|(index, fields)| Bits::from(matches(fields)) << index).sum()
        };
        let names_all_hours = |fields: &[&str]| (0..24).all(|hour| names(fields[1], 0, 23, hour));
        Tables {
            first_day,
            by_day: (first_day..=last_day).map(|day| bits(&|fields| names_day(fields, at(day * DAY)))).collect(),
            by_minute: (0..DAY)
                .map(|now| bits(&|fields| names(fields[0], 0, 59, now % 60) && names(fields[1], 0, 23, now / 60)))
                .collect(),
            all_hours: bits(&names_all_hours),
            again: bits(&|fields| fields[0].contains('*') || fields[0].contains('/') || names_all_hours(fields)),
        }
    }

    fn at(&self, wall: i64) -> Bits {
        let by_minute = self.by_minute[(wall.rem_euclid(DAY)) as usize];
        if by_minute == 0 { 0 } else { by_minute & self.by_day[(wall.div_euclid(DAY) - self.first_day) as usize] }
    }
}

fn names_day(fields: &[&str], date: NaiveDateTime) -> bool {
    let [day, month, weekday] = [fields[2], fields[3], fields[4]];
    let by_day = names(day, 1, 31, i64::from(date.day()));
    let sunday = date.weekday().num_days_from_sunday();
    let by_weekday =
        names(weekday, 0, 6, i64::from(sunday)) || sunday == 0 && !weekday.contains('*') && names(weekday, 0, 7, 7);
    let by_both = match (day.starts_with('*'), weekday.starts_with('*')) {
        (false, false) => by_day || by_weekday,
        _ => by_day && by_weekday,
    };
    by_both && names(month, 1, 12, i64::from(date.month()))
}

/// Does a field name a number? `first` and `last` are what `*` means.
fn names(field: &str, first: i64, last: i64, number: i64) -> bool {
    field.split(',').any(|item| {
        let (range, step) = item.split_once('/').unwrap_or((item, "1"));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
            None if range == "*" => (first, last),
            None => (range.parse().unwrap(), range.parse().unwrap()),
        };
        from <= number && number <= to && (number - from) % step.parse::<i64>().unwrap() == 0
    })
}
