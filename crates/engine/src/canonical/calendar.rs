//! Dates, times and intervals as text: RFC 3339 where it can say it.
//!
//! The fraction of a second has as many digits as it needs, at most six. Where RFC 3339 has no words, this is how
//! PostgreSQL itself writes JSON: `infinity` and `-infinity`; years after 9999 with all their digits; years before
//! Christ counted as people do and followed by ` BC`, at the very end.

use std::fmt::Write as _;

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;
/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL starts to count.
const EPOCH: i64 = 10_957;

pub(super) fn date(days: i32) -> String {
    match days {
        i32::MAX => return "infinity".to_owned(),
        i32::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    let (mut text, era) = day(i64::from(days));
    text.push_str(era);
    text
}

/// `zone` is what follows the time: nothing, or `Z`.
pub(super) fn timestamp(micros: i64, zone: &str) -> String {
    match micros {
        i64::MAX => return "infinity".to_owned(),
        i64::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    let (mut text, era) = day(micros.div_euclid(DAY));
    text.push('T');
    push_time(&mut text, micros.rem_euclid(DAY));
    text.push_str(zone);
    text.push_str(era);
    text
}

/// The time of a day; 24:00:00 exists. `None` for what is not within a day.
pub(super) fn time(micros: i64) -> Option<String> {
    if !(0..=DAY).contains(&micros) {
        return None;
    }
    let mut text = String::with_capacity(15);
    push_time(&mut text, micros);
    Some(text)
}

/// `west`: seconds west of Greenwich, as PostgreSQL keeps them. Seconds are written only where an offset has them.
pub(super) fn time_with_zone(micros: i64, west: i32) -> Option<String> {
    let mut text = time(micros)?;
    if west == 0 {
        text.push('Z');
        return Some(text);
    }
    let offset = west.unsigned_abs();
    let sign = if west < 0 { '+' } else { '-' };
    push(&mut text, format_args!("{sign}{:02}:{:02}", offset / 3600, offset / 60 % 60));
    if !offset.is_multiple_of(60) {
        push(&mut text, format_args!(":{:02}", offset % 60));
    }
    Some(text)
}

/// An ISO 8601 duration, as PostgreSQL prints it with `IntervalStyle` `iso_8601`. Each part has its own sign.
pub(super) fn interval(months: i32, days: i32, micros: i64) -> String {
    match (months, days, micros) {
        (i32::MAX, i32::MAX, i64::MAX) => return "infinity".to_owned(),
        (i32::MIN, i32::MIN, i64::MIN) => return "-infinity".to_owned(),
        (0, 0, 0) => return "PT0S".to_owned(),
        _ => {}
    }
    let mut text = "P".to_owned();
    let part = |text: &mut String, value: i64, unit: char| {
        if value != 0 {
            push(text, format_args!("{value}{unit}"));
        }
    };
    part(&mut text, i64::from(months / 12), 'Y');
    part(&mut text, i64::from(months % 12), 'M');
    part(&mut text, i64::from(days), 'D');
    if micros != 0 {
        text.push('T');
        part(&mut text, micros / (3600 * MICROS), 'H');
        part(&mut text, micros / (60 * MICROS) % 60, 'M');
        let rest = micros % (60 * MICROS);
        if rest != 0 {
            push(&mut text, format_args!("{}{}", if rest < 0 { "-" } else { "" }, rest.unsigned_abs() / 1_000_000));
            push_fraction(&mut text, rest.unsigned_abs() % 1_000_000);
            text.push('S');
        }
    }
    text
}

/// Year, month and day, and the era that ends the text.
fn day(since_2000: i64) -> (String, &'static str) {
    let (year, month, day) = civil(since_2000 + EPOCH);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    let mut text = String::with_capacity(32);
    push(&mut text, format_args!("{year:04}-{month:02}-{day:02}"));
    (text, era)
}

fn push_time(text: &mut String, micros: i64) {
    let seconds = micros / MICROS;
    push(text, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    push_fraction(text, (micros % MICROS).unsigned_abs());
}

fn push_fraction(text: &mut String, micros: u64) {
    if micros != 0 {
        let digits = format!("{micros:06}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(arguments).unwrap_or_default();
}

/// The proleptic Gregorian date of a day since 1970-01-01. Years are counted in eras of 400 that start on March 1, so
/// that a leap day ends its year.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_across_eras() {
        assert_eq!(date(0), "2000-01-01");
        assert_eq!(date(59), "2000-02-29");
        assert_eq!(date(-730_119), "0001-01-01");
        assert_eq!(date(-730_120), "0001-12-31 BC");
        assert_eq!(date(i32::MAX), "infinity");
        assert_eq!(timestamp(-1, "Z"), "1999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn intervals_keep_the_sign_of_each_part() {
        assert_eq!(interval(-14, 3, -3_600_500_000), "P-1Y-2M3DT-1H-0.5S");
        assert_eq!(interval(0, 0, 0), "PT0S");
        assert_eq!(interval(0, 0, i64::MIN), "PT-2562047788H-54.775808S");
    }
}
