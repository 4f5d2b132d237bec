//! The times of the crate against a slow reference that was written apart from it: every minute of ten years in forty
//! zones, with another time zone library and its own copy of the zone data. `ROWCAST_LONG=1` adds expressions made at
//! random and ten years of the future.
#![cfg(test)]

mod random;
mod reference;

use std::ops::Range;
use std::slice::Iter;
use std::sync::Mutex;
use std::thread;

use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::Schedule;
use schedule::Plan;

/// Half an hour of summer time, two hours of it, winter time as the exception, dates that never were, midnight as the
/// hour that is missing or repeated, offsets of 30 and 45 minutes, and changes of mind at short notice.
const ZONES: [&str; 40] = [
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Johannesburg",
    "Africa/Sao_Tome",
    "Africa/Tripoli",
    "Africa/Windhoek",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "America/Los_Angeles",
    "America/New_York",
    "America/Nuuk",
    "America/Phoenix",
    "America/Port-au-Prince",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Fakaofo",
    "Pacific/Kwajalein",
];

const EXPRESSIONS: [&str; 36] = [
    // Fixed times, inside gaps and overlaps of one zone or another, and at their edges.
    "0 0 * * *",
    "1 0 * * *",
    "30 0 * * *",
    "0 1 * * *",
    "30 1 * * *",
    "59 1 * * *",
    "0 2 * * *",
    "15 2 * * *",
    "30 2 * * *",
    "0 3 * * *",
    "59 23 * * *",
    // Steps, ranges and lists.
    "*/15 1 * * *",
    "*/20 2 * * *",
    "0-59/20 0,1 * * *",
    "10-50/20 1-3 * * *",
    "0,30 1,2,3 * * *",
    "0 */6 * * *",
    "45 */2 * * *",
    "20 * * * *",
    "25 0-23 * * *",
    "*/30 * * * *",
    "* 2 * 3,4,9-11 0",
    "5,35 0-2,23 * 3,10,11 0",
    // Days of the month, of the week, both, ends of months, leap days.
    "0 9 * * 1-5",
    "0 0 1 * *",
    "0 12 31 * *",
    "0 5 28-31 * *",
    "0 0 29 2 *",
    "30 2 29 2 0",
    "0 6 13 * 5",
    "0 6 */2 * 1",
    "15 4 1-7 * */3",
    "7 3-5 * */2 *",
    "0 22 * 12 5,6,7",
    // The day that Samoa left out.
    "0 * 30 12 *",
    "30 12 30 12 5",
];

/// Zones whose rules for the future have changed since the reference's copy of the zone data was made.
const CHANGED_SINCE: [&str; 2] = ["Africa/Casablanca", "Africa/El_Aaiun"];

/// Expressions of one pass of the reference.
const PASS: usize = 60;
const ROUNDS: u64 = 3;

#[test]
fn ten_years_in_forty_zones_are_exact() {
    let mut expressions = EXPRESSIONS.map(str::to_owned).to_vec();
    expressions.extend((0..(PASS - EXPRESSIONS.len()) as u64).map(random::rare_expression));
    compare_all(&ZONES, &expressions, years(2010, 2020));
}

#[test]
fn what_will_be_and_what_chance_writes_is_exact_too() {
    if !long() {
        return;
    }
    let unchanged = ZONES.into_iter().filter(|zone| !CHANGED_SINCE.contains(zone)).collect::<Vec<_>>();
    compare_all(&unchanged, &EXPRESSIONS.map(str::to_owned), years(2040, 2050));
    for round in 0..ROUNDS {
        let seeds = (1_000 * (round + 1)..).take(PASS);
        let expressions: Vec<String> = seeds.map(random::expression).collect();
        let start = 1985 + i32::try_from(round).unwrap() * 13;
        compare_all(&ZONES, &expressions, years(start, start + 10));
    }
}

fn compare_all(zones: &[&str], expressions: &[String], minutes: Range<i64>) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let waiting = Mutex::new(zones.iter());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(zone) = next_of(&waiting) {
                    compare(zone, expressions, minutes.clone());
                }
            });
        }
    });
}

/// Gives the lock back before the zone is compared.
fn next_of<'a>(waiting: &Mutex<Iter<'_, &'a str>>) -> Option<&'a str> {
    waiting.lock().unwrap().next().copied()
}

fn compare(zone: &str, expressions: &[String], minutes: Range<i64>) {
    let known: Tz = zone.parse().unwrap();
    let wanted = reference::fires(known, expressions, minutes.clone());
    for (expression, wanted) in expressions.iter().zip(wanted) {
        let schedule = Schedule::Cron { expression: expression.clone(), time_zone: zone.to_owned() };
        let plan = Plan::new(&schedule).unwrap_or_else(|problem| panic!("{expression}: {problem}"));
        let ticks = plan.ticks(millis(minutes.start) - 1, 0).take_while(|tick| *tick < millis(minutes.end));
        let found: Vec<i64> = ticks.collect();
        let first_wrong = wanted.iter().zip(&found).find(|(wanted, found)| **wanted != **found);
        assert!(first_wrong.is_none(), "{zone}, {expression}: first (wanted, found) {first_wrong:?}");
        assert_eq!(wanted.len(), found.len(), "{zone}, {expression}: {:?}, {:?}", wanted.last(), found.last());
        compare_single_steps(&plan, &wanted);
    }
}

/// Asked anew from somewhere in between, as the sweeper asks, the answers are the same.
fn compare_single_steps(plan: &Plan, wanted: &[i64]) {
    let every = wanted.len() / 100 + 1;
    for pair in wanted.windows(2).step_by(every) {
        let [tick, next] = *pair else { unreachable!() };
        assert_eq!(plan.next(tick - 1, 0), Some(tick));
        assert_eq!(plan.next(tick, 0), Some(next));
        assert_eq!(plan.next(tick.midpoint(next), 0), Some(next));
        assert_eq!(plan.next(next - 1, 0), Some(next));
    }
}

fn millis(minute: i64) -> i64 {
    minute * 60_000
}

fn years(first: i32, after_last: i32) -> Range<i64> {
    let start =
        |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() / 60;
    start(first)..start(after_last)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment chooses how much this test compares; there is no server"
)]
fn long() -> bool {
    std::env::var("ROWCAST_LONG").is_ok_and(|value| value == "1")
}
