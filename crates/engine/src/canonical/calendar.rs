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

/// What `date` was made of.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    match text {
        "infinity" => return Some(i32::MAX),
        "-infinity" => return Some(i32::MIN),
        _ => {}
    }
    let (text, before_christ) = without_era(text);
    i32::try_from(parse_day(text, before_christ)?).ok()
}

/// What `timestamp` was made of.
pub(super) fn parse_timestamp(text: &str, zone: &str) -> Option<i64> {
    match text {
        "infinity" => return Some(i64::MAX),
        "-infinity" => return Some(i64::MIN),
        _ => {}
    }
    let (text, before_christ) = without_era(text);
    let (day, time) = text.strip_suffix(zone)?.split_once('T')?;
    // The first day that there is begins before the first microsecond.
    let micros = i128::from(parse_day(day, before_christ)?) * i128::from(DAY) + i128::from(parse_time(time)?);
    i64::try_from(micros).ok()
}

/// What `time` was made of.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let micros = (hours * 60 + minutes) * 60 * MICROS + parse_seconds(parts.next()?)?;
    (minutes < 60 && micros <= DAY).then_some(micros)
}

/// What `time_with_zone` was made of.
pub(super) fn parse_time_with_zone(text: &str) -> Option<(i64, i32)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((parse_time(time)?, 0));
    }
    let at = text.rfind(['+', '-'])?;
    let (time, zone) = text.split_at_checked(at)?;
    let mut parts = zone.get(1..)?.splitn(3, ':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let offset = hours * 3600 + minutes * 60 + parts.next().map_or(Some(0), number)?;
    let offset = i32::try_from(offset).ok()?;
    Some((parse_time(time)?, if zone.starts_with('+') { -offset } else { offset }))
}

/// What `interval` was made of.
pub(super) fn parse_interval(text: &str) -> Option<(i32, i32, i64)> {
    match text {
        "infinity" => return Some((i32::MAX, i32::MAX, i64::MAX)),
        "-infinity" => return Some((i32::MIN, i32::MIN, i64::MIN)),
        _ => {}
    }
    let (days, time) = text.strip_prefix('P')?.split_once('T').unwrap_or((text.get(1..)?, ""));
    let (mut months, mut all_days, mut micros) = (0_i64, 0_i64, 0_i128);
    for (value, unit) in interval_parts(days)? {
        match unit {
            'Y' => months += value.parse::<i64>().ok()? * 12,
            'M' => months += value.parse::<i64>().ok()?,
            'D' => all_days += value.parse::<i64>().ok()?,
            _ => return None,
        }
    }
    for (value, unit) in interval_parts(time)? {
        let micros_of =
            |unit: i64| value.parse::<i64>().ok().map(|value| i128::from(value) * i128::from(unit * MICROS));
        micros += match unit {
            'H' => micros_of(3600)?,
            'M' => micros_of(60)?,
            'S' => match value.strip_prefix('-') {
                Some(value) => -i128::from(parse_seconds(value)?),
                None => i128::from(parse_seconds(value)?),
            },
            _ => return None,
        };
    }
    Some((i32::try_from(months).ok()?, i32::try_from(all_days).ok()?, i64::try_from(micros).ok()?))
}

fn interval_parts(mut text: &str) -> Option<Vec<(&str, char)>> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        let at = text.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (value, rest) = text.split_at_checked(at)?;
        parts.push((value, rest.chars().next()?));
        text = rest.get(1..)?;
    }
    Some(parts)
}

fn without_era(text: &str) -> (&str, bool) {
    text.strip_suffix(" BC").map_or((text, false), |text| (text, true))
}

/// Days since 2000-01-01.
fn parse_day(text: &str, before_christ: bool) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    let year = if before_christ { 1 - year } else { year };
    let days = since_1970(year, month, day);
    (civil(days) == (year, month, day)).then_some(days - EPOCH)
}

/// Seconds below a minute, in microseconds.
fn parse_seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 6 {
        return None;
    }
    let micros = if fraction.is_empty() { 0 } else { number(fraction)? };
    let seconds = number(whole)?;
    let digits = u32::try_from(fraction.len()).ok()?;
    (seconds < 60).then(|| seconds * MICROS + micros * 10_i64.pow(6 - digits))
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() < 10 && text.bytes().all(|digit| digit.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// The inverse of `civil`.
const fn since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day, and the era that ends the text.
fn day(since_2000: i64) -> (String, &'static str) {
    let (year, month, day) = civil(since_2000 + EPOCH);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    let mut text = String::with_capacity(32);
    match u64::try_from(year) {
        Ok(year @ 0..10_000) => {
            push_two(&mut text, year / 100);
            push_two(&mut text, year % 100);
        }
        _ => push(&mut text, format_args!("{year:04}")),
    }
    for part in [month, day] {
        text.push('-');
        push_two(&mut text, part.unsigned_abs());
    }
    (text, era)
}

/// Two digits of a number below 100. Formatting would take most of the time of a timestamp.
fn push_two(text: &mut String, number: u64) {
    // A digit always fits.
    let digit = |number: u64| char::from(b'0' + u8::try_from(number % 10).unwrap_or_default());
    text.push(digit(number / 10));
    text.push(digit(number));
}

fn push_time(text: &mut String, micros: i64) {
    let seconds = micros / MICROS;
    let seconds = seconds.unsigned_abs();
    push_two(text, seconds / 3600);
    text.push(':');
    push_two(text, seconds / 60 % 60);
    text.push(':');
    push_two(text, seconds % 60);
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
