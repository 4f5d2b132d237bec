//! What the README promises, told by examples that a person can check with a calendar.
#![cfg(test)]

use chrono::DateTime;
use chrono_tz::Tz;
use domain::{Millis, Schedule, Unit};
use proptest::prelude::*;
use schedule::{COUNTED, Due, Plan, Problem, due};

const MINUTE: Millis = 60_000;
const DAY: Millis = 24 * 60 * MINUTE;

fn cron(expression: &str, time_zone: &str) -> Result<Plan, Problem> {
    Plan::new(&Schedule::Cron { expression: expression.to_owned(), time_zone: time_zone.to_owned() })
}

fn every(every: u32, unit: Unit) -> Result<Plan, Problem> {
    Plan::new(&Schedule::Interval { every, unit })
}

/// The instant of a time with its offset, such as `2026-03-08T02:30:00-08:00`.
fn instant(text: &str) -> Millis {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// The next ticks as the clocks of the zone show them.
fn shown(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let plan = cron(expression, zone).unwrap();
    let known: Tz = zone.parse().unwrap();
    let ticks = plan.fires(instant(after), Millis::MAX, 0, count);
    let show = |tick| DateTime::from_timestamp_millis(tick).unwrap().with_timezone(&known);
    ticks.into_iter().map(|tick| show(tick).format("%m-%d %H:%M %z").to_string()).collect()
}

const ANGELES: &str = "America/Los_Angeles";
/// Two in the morning becomes three on 2026-03-08, and one again on 2026-11-01.
const SPRING: &str = "2026-03-08T00:00:00-08:00";
const AUTUMN: &str = "2026-11-01T00:00:00-07:00";

#[test]
fn a_time_that_the_clocks_skip_fires_once_right_after_the_jump() {
    assert_eq!(shown("30 2 * * *", ANGELES, SPRING, 2), ["03-08 03:00 -0700", "03-09 02:30 -0700"]);
    assert_eq!(shown("*/20 2 * * *", ANGELES, SPRING, 2), ["03-08 03:00 -0700", "03-09 02:00 -0700"]);
    assert_eq!(
        shown("0,30 2,3 * * *", ANGELES, SPRING, 3),
        ["03-08 03:00 -0700", "03-08 03:30 -0700", "03-09 02:00 -0700"]
    );
    assert_eq!(shown("0 0 * * *", "America/Havana", "2026-03-07T12:00:00-05:00", 1), ["03-08 01:00 -0400"]);
    assert_eq!(shown("15 2 * * *", "Australia/Lord_Howe", "2026-10-04T00:00:00+10:30", 1), ["10-04 02:30 +1100"]);
    assert_eq!(
        shown("0 9 30 12 *", "Pacific/Apia", "2011-12-29T00:00:00-10:00", 2),
        ["12-31 00:00 +1400", "12-30 09:00 +1400"]
    );
}

#[test]
fn what_fires_every_hour_loses_nothing_when_the_clocks_skip_one() {
    let ticks = shown("45 * * * *", ANGELES, "2026-03-08T00:50:00-08:00", 3);
    assert_eq!(ticks, ["03-08 01:45 -0800", "03-08 03:45 -0700", "03-08 04:45 -0700"]);
}

#[test]
fn a_fixed_time_that_the_clocks_show_twice_fires_the_first_time() {
    assert_eq!(shown("30 1 * * *", ANGELES, AUTUMN, 2), ["11-01 01:30 -0700", "11-02 01:30 -0800"]);
    assert_eq!(
        shown("0,30 1 * * *", ANGELES, AUTUMN, 3),
        ["11-01 01:00 -0700", "11-01 01:30 -0700", "11-02 01:00 -0800"]
    );
}

#[test]
fn what_repeats_fires_in_both_hours_that_the_clocks_show_alike() {
    let both =
        ["11-01 01:00 -0700", "11-01 01:30 -0700", "11-01 01:00 -0800", "11-01 01:30 -0800", "11-02 01:00 -0800"];
    assert_eq!(shown("*/30 1 * * *", ANGELES, AUTUMN, 5), both);
    assert_eq!(shown("0-59/30 1 * * *", ANGELES, AUTUMN, 5), both);
    let hourly = ["11-01 00:45 -0700", "11-01 01:45 -0700", "11-01 01:45 -0800", "11-01 02:45 -0800"];
    assert_eq!(shown("45 * * * *", ANGELES, AUTUMN, 4), hourly);
}

#[test]
fn two_restricted_day_fields_mean_either_and_a_star_in_front_means_both() {
    let start = "2026-02-01T00:00:00+00:00";
    assert_eq!(shown("0 6 13 * 5", "UTC", start, 3), ["02-06 06:00 +0000", "02-13 06:00 +0000", "02-20 06:00 +0000"]);
    assert_eq!(shown("0 6 */2 * 1", "UTC", start, 3), ["02-09 06:00 +0000", "02-23 06:00 +0000", "03-09 06:00 +0000"]);
    assert_eq!(
        shown("0 6 * * SAT-SUN", "UTC", start, 3),
        ["02-01 06:00 +0000", "02-07 06:00 +0000", "02-08 06:00 +0000"]
    );
    assert_eq!(shown("0 6 * * 7", "UTC", start, 2), ["02-01 06:00 +0000", "02-08 06:00 +0000"]);
}

#[test]
fn names_and_nicknames_mean_their_numbers() {
    let start = "2026-02-01T00:00:00+00:00";
    for (name, meaning) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@Midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("  0   9 * Mar-may,DEC mon-Fri ", "0 9 * 3-5,12 1-5"),
    ] {
        assert_eq!(shown(name, "UTC", start, 50), shown(meaning, "UTC", start, 50), "{name}");
    }
}

#[test]
fn a_leap_day_on_a_day_of_the_week_is_found_across_a_century_that_has_none() {
    let plan = cron("0 0 29 2 */5", "UTC").unwrap(); // Sundays and Fridays.
    let found = plan.next(instant("2092-03-01T00:00:00Z"), 0);
    assert_eq!(found, Some(instant("2104-02-29T00:00:00Z")));
}

#[test]
fn intervals_count_from_their_anchor() {
    let plan = every(90, Unit::Minutes).unwrap();
    let anchor = 1_000_000_007;
    assert_eq!(plan.next(anchor, anchor), Some(anchor + 90 * MINUTE));
    assert_eq!(plan.next(anchor + 90 * MINUTE - 1, anchor), Some(anchor + 90 * MINUTE));
    assert_eq!(plan.next(anchor + 90 * MINUTE, anchor), Some(anchor + 180 * MINUTE));
    assert_eq!(plan.next(anchor - 10 * DAY, anchor), Some(anchor + 90 * MINUTE), "nothing fires before it was set");
    let days = every(2, Unit::Days).unwrap();
    assert_eq!(days.fires(0, 7 * DAY, 0, 10), [2 * DAY, 4 * DAY, 6 * DAY]);
    assert_eq!(days.fires(0, 6 * DAY, 0, 10).len(), 3, "the end counts");
    assert_eq!(days.fires(0, Millis::MAX, 0, 2), [2 * DAY, 4 * DAY]);
}

#[test]
fn a_manual_schedule_never_fires() {
    assert_eq!(Plan::new(&Schedule::Manual).unwrap().next(0, 0), None);
}

#[test]
fn of_many_missed_ticks_the_latest_one_runs() {
    let plan = cron("0 * * * *", "UTC").unwrap();
    let at = |time: &str| instant(&format!("2026-05-01T{time}Z"));
    assert_eq!(due(&plan, at("10:00:00"), at("09:59:59.999"), 0), None);
    let on_time = Due { scheduled_for: at("10:00:00"), skipped: 0, next: Some(at("11:00:00")) };
    assert_eq!(due(&plan, at("10:00:00"), at("10:00:00"), 0), Some(on_time));
    assert_eq!(due(&plan, at("10:00:00"), at("10:59:59.999"), 0), Some(on_time));
    let late = Due { scheduled_for: at("14:00:00"), skipped: 4, next: Some(at("15:00:00")) };
    assert_eq!(due(&plan, at("10:00:00"), at("14:20:00"), 0), Some(late));
}

#[test]
fn a_tick_that_the_schedule_no_longer_has_still_runs_once() {
    let stale = 17 * MINUTE + 3;
    let daily = cron("0 5 * * *", "UTC").unwrap();
    let wanted = Due { scheduled_for: stale, skipped: 0, next: Some(5 * 60 * MINUTE) };
    assert_eq!(due(&daily, stale, 60 * MINUTE, 0), Some(wanted));
    let manual = Plan::new(&Schedule::Manual).unwrap();
    assert_eq!(due(&manual, stale, DAY, 0), Some(Due { scheduled_for: stale, skipped: 0, next: None }));
}

#[test]
fn counting_missed_ticks_has_an_end_and_the_tick_to_run_is_right_beyond_it() {
    let minutely = cron("* * * * *", "UTC").unwrap();
    let years = 30 * 366 * DAY;
    let wanted = Due { scheduled_for: years, skipped: COUNTED, next: Some(years + MINUTE) };
    assert_eq!(due(&minutely, 0, years + 5, 0), Some(wanted));
    let rare = cron("0 0 29 2 *", "UTC").unwrap();
    let from = instant("2024-02-29T00:00:00Z");
    let found = due(&rare, from, instant("2031-06-01T00:00:00Z"), 0).unwrap();
    assert_eq!((found.scheduled_for, found.skipped), (instant("2028-02-29T00:00:00Z"), 1));
}

#[test]
fn a_refusal_names_the_field_and_what_to_write() {
    let rows = [
        (
            "0 9 * *",
            "`expression` has 4 fields in place of five; write minute, hour, day of month, month and day of week",
        ),
        ("", "`expression` has 0 fields"),
        (
            "0 0 9 * * 1",
            "`expression` has six fields, and schedules have no seconds field; if the first one is seconds, leave \
             it out: `0 9 * * 1`",
        ),
        ("@reboot", "`expression` has the nickname `@reboot`, which does not exist; write @hourly"),
        ("60 * * * *", "the minute field `60`: `60` does not fit; write numbers from 0 to 59"),
        ("0 24 * * *", "the hour field `24`: `24` does not fit; write numbers from 0 to 23"),
        ("0 0 0 * *", "the day of month field `0`: `0` does not fit; write numbers from 1 to 31"),
        ("0 0 L * *", "the day of month field `L`: `L` does not fit"),
        ("0 0 * 13 *", "the month field `13`: `13` does not fit; write numbers from 1 to 12 or names from JAN to DEC"),
        (
            "0 0 * * 8",
            "the day of week field `8`: `8` does not fit; write numbers from 0 to 7 or names from SUN to SAT",
        ),
        ("0 0 ? * 1", "the day of month field `?`: `?` is not known here; write `*`"),
        ("0 0 1, * *", "the day of month field `1,`: a number is missing; write numbers from 1 to 31, or `*`"),
        ("*/0 * * * *", "the step `0` does not fit; write a number from 1 to 59"),
        (
            "*/90 * * * *",
            "the step `90` does not fit; write a number from 1 to 59, or for other distances set an interval",
        ),
        ("5/15 * * * *", "a step needs a range before it; write `5-59/15`"),
        ("0 22-2 * * *", "the hour field `22-2`: the range `22-2` runs backwards; write `22-23,0-2`"),
        ("0 0 * * fri-mon", "the range `fri-mon` runs backwards; write `fri-6,0-mon`"),
        ("0 5-0 * * *", "the range `5-0` runs backwards; write `5-23,0`"),
        ("+5 * * * *", "`+5` does not fit"),
        ("0 0 30 2 *", "`expression` never fires: no date has the day of month `30` and the month `2`; choose a day"),
        ("0 0 31 4,6,9,11 *", "never fires"),
    ];
    for (expression, wanted) in rows {
        let problem = cron(expression, "UTC").unwrap_err();
        assert!(problem.to_string().contains(wanted), "{expression}: {problem}");
        assert_eq!(problem.field(), "expression");
    }
}

#[test]
fn what_a_refusal_suggests_is_accepted() {
    for expression in ["5-59/15 * * * *", "0 22-23,0-2 * * *", "0 0 * * fri-6,0-mon", "0 5-23,0 * * *", "0 0 31 2 1"] {
        assert!(cron(expression, "UTC").is_ok(), "{expression}");
    }
}

#[test]
fn a_zone_or_an_interval_that_cannot_be_is_refused() {
    let problem = cron("0 9 * * *", "Europe/Berln").unwrap_err();
    let wanted = "`time_zone` is `Europe/Berln`, which is no IANA time zone; did you mean `Europe/Berlin`?";
    assert_eq!((problem.field(), problem.to_string().as_str()), ("time_zone", wanted));
    assert!(cron("0 9 * * *", "").unwrap_err().to_string().ends_with("write a name such as `Europe/Berlin` or `UTC`"));
    for (number, unit, most) in [
        (0, Unit::Minutes, "527040 for the unit minutes"),
        (527_041, Unit::Minutes, "527040"),
        (u32::MAX, Unit::Hours, "8784 for the unit hours"),
        (367, Unit::Days, "366 for the unit days"),
    ] {
        let problem = every(number, unit).unwrap_err();
        assert!(problem.to_string().contains(most), "{problem}");
        assert_eq!(problem.field(), "every");
    }
    assert!(every(1, Unit::Minutes).is_ok() && every(366, Unit::Days).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        expression in "[-@*/,?0-9A-Za-z é ]{0,20}|([*0-9/,-]{1,5} ){4}[*0-9/,-]{1,4}",
        zone in "\\PC{0,80}",
    ) {
        prop_assert!(cron(&expression, &zone).is_ok() || !cron(&expression, &zone).unwrap_err().to_string().is_empty());
        if let Ok(plan) = cron(&expression, "Europe/Berlin") {
            prop_assert!(plan.next(0, 0).is_some(), "{expression} was accepted and never fires");
        }
    }

    #[test]
    fn no_instant_makes_it_panic_and_ticks_are_later(after: Millis, anchor: Millis) {
        for plan in [cron("*/5 1 * * *", "Africa/Casablanca").unwrap(), every(7, Unit::Minutes).unwrap()] {
            for (after, anchor) in [(after, anchor), (Millis::MIN, Millis::MAX), (Millis::MAX, Millis::MIN)] {
                prop_assert!(plan.next(after, anchor).is_none_or(|tick| tick > after));
            }
        }
    }
}

#[test]
fn an_expression_has_an_end() {
    let refused = |expression: String| {
        let cron = domain::Schedule::Cron { expression, time_zone: "UTC".to_owned() };
        schedule::Plan::new(&cron).err().map(|problem| (problem.field(), problem.to_string()))
    };
    let minutes = |times: usize| format!("{} * * * *", vec!["1"; times].join(","));
    assert_eq!(refused(minutes(124)), None);
    let (field, told) = refused(minutes(20_000)).unwrap();
    assert!(field == "expression" && told.contains("40007 characters") && told.contains("256"), "{told}");
}
