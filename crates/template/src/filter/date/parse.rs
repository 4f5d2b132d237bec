//! A moment out of a text: ISO 8601, RFC 3339, RFC 2822, and what people write. Where it is ambiguous, as Ruby reads it:
//! `03/04/2016` is the third of April.

use super::civil::{Day, Moment, to_days};

/// Longer texts are no dates.
const LONGEST: usize = 100;

#[derive(Debug, Default, Clone, Copy)]
struct Clock {
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    offset: Option<i32>,
    /// `UTC` or `Z`, where the time is not only an offset.
    utc: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Number { value: i64, length: usize },
    Month(i64),
    Mark(char),
}

/// `now` in microseconds since 1970. None if it is no date.
pub(super) fn moment(text: &str, now: i64) -> Option<Moment> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let text = text.to_ascii_lowercase();
    if text == "now" || text == "today" {
        let nanos = u32::try_from(now.rem_euclid(1_000_000)).unwrap_or(0) * 1_000;
        return Moment::utc(now.div_euclid(1_000_000), nanos);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Moment::utc(text.parse().ok()?, 0);
    }
    let (clock, rest) = match compact(&text).or_else(|| clock(&text)) {
        Some((clock, rest)) => (Some(clock), rest),
        None => (None, text),
    };
    let mut utc = false;
    let tokens = tokens(&rest, &mut utc)?;
    let today = Day::of(now.div_euclid(86_400_000_000));
    let (year, month, day) = match date(&tokens, &today) {
        Some(date) => date,
        None if tokens.is_empty() && clock.is_some() => (today.year, today.month, today.day),
        None => return None,
    };
    together(year, month, day, clock.unwrap_or_default(), utc)
}

fn together(year: i64, month: i64, day: i64, clock: Clock, utc: bool) -> Option<Moment> {
    let whole_day = clock.hour == 24 && clock.minute == 0 && clock.second == 0;
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (clock.hour < 24 || whole_day)
        && clock.minute < 60
        && clock.second <= 60
        && (-9_999..=9_999).contains(&year);
    if !valid {
        return None;
    }
    let offset = clock.offset.unwrap_or(0);
    let local = to_days(year, month, day) * 86_400 + clock.hour * 3_600 + clock.minute * 60 + clock.second;
    let zone = if offset == 0 || utc || clock.utc { "UTC" } else { "" };
    Moment::new(local - i64::from(offset), clock.nanos, offset, zone)
}

/// `20160314T101500Z`
fn compact(text: &str) -> Option<(Clock, String)> {
    let (date, time) = text.split_once('t')?;
    let end = time.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(time.len());
    let (digits, rest) = time.split_at(end);
    if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 4 | 6) {
        return None;
    }
    let two = |at: usize| digits.get(at..at + 2).and_then(|digits| digits.parse().ok());
    let (hour, minute, second) = (two(0)?, two(2)?, two(4).unwrap_or(0));
    let mut clock = Clock { hour, minute, second, ..Clock::default() };
    let rest = fraction(rest, &mut clock);
    let rest = zone(rest, &mut clock);
    rest.trim().is_empty().then(|| (clock, date.to_owned()))
}

/// A time of day, and the text without it.
fn clock(text: &str) -> Option<(Clock, String)> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let colon = (1..bytes.len()).find(|at| bytes.get(*at) == Some(&b':') && digit(at - 1) && digit(at + 1));
    let Some(colon) = colon else { return clock_in_words(text) };
    let start = if colon >= 2 && digit(colon - 2) { colon - 2 } else { colon - 1 };
    let mut clock = Clock { hour: text.get(start..colon)?.parse().ok()?, ..Clock::default() };
    let mut rest;
    (clock.minute, rest) = leading(text.get(colon + 1..)?, 2)?;
    if let Some((second, after)) = rest.strip_prefix(':').and_then(|after| leading(after, 2)) {
        clock.second = second;
        rest = fraction(after, &mut clock);
    }
    rest = half_of_day(rest, &mut clock)?;
    rest = zone(rest, &mut clock);
    let before = text.get(..start)?;
    // The letter between a date and a time; not the last one of a word.
    let before = match before.strip_suffix('t') {
        Some(date) if date.ends_with(|last: char| last.is_ascii_digit()) => date,
        _ => before,
    };
    Some((clock, format!("{before} {rest}")))
}

/// `10am`, `10 pm`
fn clock_in_words(text: &str) -> Option<(Clock, String)> {
    let half = ["am", "pm", "a.m", "p.m"].iter().filter_map(|half| text.find(half)).min()?;
    let before = text.get(..half)?.trim_end();
    let start = before.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    let hour: i64 = before.get(start..).filter(|digits| matches!(digits.len(), 1 | 2))?.parse().ok()?;
    let mut clock = Clock { hour, ..Clock::default() };
    let rest = half_of_day(text.get(half..)?, &mut clock)?;
    let rest = zone(rest, &mut clock);
    Some((clock, format!("{} {rest}", before.get(..start)?)))
}

fn fraction<'a>(text: &'a str, clock: &mut Clock) -> &'a str {
    let Some(digits) = text.strip_prefix(['.', ',']) else { return text };
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 {
        return text;
    }
    let kept = digits.get(..end.min(9)).unwrap_or_default();
    clock.nanos = format!("{kept:0<9}").parse().unwrap_or(0);
    digits.get(end..).unwrap_or_default()
}

/// None for an hour that no such clock shows.
fn half_of_day<'a>(text: &'a str, clock: &mut Clock) -> Option<&'a str> {
    let trimmed = text.trim_start();
    for (word, half) in [("a.m.", 0), ("p.m.", 12), ("am", 0), ("pm", 12), ("a.m", 0), ("p.m", 12)] {
        let Some(rest) = trimmed.strip_prefix(word) else { continue };
        if rest.starts_with(|next: char| next.is_ascii_alphabetic()) {
            continue;
        }
        if clock.hour > 24 {
            return None;
        }
        clock.hour = clock.hour % 12 + half;
        return Some(rest);
    }
    Some(text)
}

const ZONES: [(&str, i32); 12] = [
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("ut", 0),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
];

fn zone<'a>(text: &'a str, clock: &mut Clock) -> &'a str {
    let trimmed = text.trim_start();
    let end = trimmed.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(trimmed.len());
    let (word, after) = trimmed.split_at(end);
    let named = ZONES.iter().find(|(name, _)| *name == word).map(|(_, hours)| hours * 3_600);
    let signed = if word.is_empty() || named == Some(0) { after } else { "" };
    if signed.starts_with(['+', '-']) {
        let end = signed.bytes().skip(1).position(|byte| !byte.is_ascii_digit() && byte != b':');
        let (digits, rest) = signed.split_at(end.map_or(signed.len(), |end| end + 1));
        if let Some(seconds) = offset(digits) {
            clock.offset = Some(seconds);
            clock.utc = digits == "-00:00" || digits == "-0000";
            return rest;
        }
    }
    match named {
        Some(seconds) => {
            clock.offset = Some(seconds);
            clock.utc = seconds == 0;
            after
        }
        None => text,
    }
}

/// `+02:00`, `-0530`, `+1`
pub(super) fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let two = |digits: &str| -> Option<i32> {
        if digits.is_empty() || digits.len() > 2 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok()
    };
    let (hours, minutes, seconds) = if rest.contains(':') {
        let mut parts = rest.split(':');
        let found = (two(parts.next()?)?, two(parts.next()?)?, parts.next().map_or(Some(0), two)?);
        if parts.next().is_some() {
            return None;
        }
        found
    } else {
        match rest.len() {
            1 | 2 => (two(rest)?, 0, 0),
            3 => (two(rest.get(..1)?)?, two(rest.get(1..)?)?, 0),
            4 => (two(rest.get(..2)?)?, two(rest.get(2..)?)?, 0),
            _ => return None,
        }
    };
    (hours < 24 && minutes < 60 && seconds < 60).then_some(sign * (hours * 3_600 + minutes * 60 + seconds))
}

/// A number of at most so many digits at the start.
fn leading(text: &str, most: usize) -> Option<(i64, &str)> {
    let end = text.bytes().take(most).position(|byte| !byte.is_ascii_digit()).unwrap_or(most.min(text.len()));
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// None if a word is unknown.
fn tokens(text: &str, utc: &mut bool) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let class = |character: char| (character.is_ascii_digit(), character.is_ascii_alphabetic());
        let single = class(first) == (false, false);
        let end = if single { first.len_utf8() } else { rest.find(|c| class(c) != class(first)).unwrap_or(rest.len()) };
        let (piece, after) = rest.split_at(end);
        rest = after;
        if first.is_ascii_digit() {
            tokens.push(Token::Number { value: piece.parse().ok()?, length: piece.len() });
            for suffix in ["st", "nd", "rd", "th"] {
                if let Some(after) = rest.strip_prefix(suffix)
                    && !after.starts_with(|next: char| next.is_ascii_alphanumeric())
                {
                    rest = after;
                    break;
                }
            }
        } else if single {
            match first {
                '-' | '/' | '.' => tokens.push(Token::Mark(first)),
                ',' | '\'' => {}
                space if space.is_whitespace() => {}
                _ => return None,
            }
        } else if let Some(month) = position(&MONTHS, piece) {
            tokens.push(Token::Month(month + 1));
        } else if matches!(piece, "utc" | "gmt" | "z") {
            *utc = true;
        } else if position(&WEEKDAYS, piece).is_none() && !matches!(piece, "at" | "on" | "of" | "the") {
            return None;
        }
    }
    // Marks at the ends and after abbreviations (`Mar. 14`) say nothing.
    while tokens.last().is_some_and(|last| matches!(last, Token::Mark('.' | '-'))) {
        tokens.pop();
    }
    Some(tokens)
}

/// The whole name, its first three letters, or what lies between.
fn position(names: &[&str], word: &str) -> Option<i64> {
    let at = names.iter().position(|name| word.len() >= 3 && name.starts_with(word))?;
    i64::try_from(at).ok()
}

/// What is left out before the first that is given is that of today, what is left out after it is the first.
fn date(tokens: &[Token], today: &Day) -> Option<(i64, i64, i64)> {
    let mut numbers = Vec::new();
    let mut month = None;
    let mut marks = 0;
    for token in tokens {
        match token {
            Token::Number { value, length } => numbers.push((*value, *length)),
            Token::Month(_) if month.is_some() => return None,
            Token::Month(number) => month = Some((*number, numbers.len())),
            Token::Mark(_) => marks += 1,
        }
    }
    let long = |(_, length): (i64, usize)| length >= 3;
    let full = |(value, length): (i64, usize)| match value {
        0..=68 if length <= 2 => value + 2_000,
        69..=99 if length <= 2 => value + 1_900,
        _ => value,
    };
    match (month, numbers.as_slice()) {
        (Some((month, _)), []) => Some((today.year, month, 1)),
        (Some((month, _)), [only]) if long(*only) => Some((only.0, month, 1)),
        (Some((month, _)), [(day, _)]) => Some((today.year, month, *day)),
        (Some((month, _)), [year, day]) if long(*year) => Some((year.0, month, day.0)),
        (Some((month, _)), [(day, _), year]) => Some((full(*year), month, *day)),
        (None, [(value, 8)]) => Some((value / 10_000, value / 100 % 100, value % 100)),
        (None, _) if numbers.len() > 1 && marks + 1 < numbers.len() => None,
        (None, [(month, length), (day, _)]) if *length <= 2 => Some((today.year, *month, *day)),
        (None, [first, (month, _), last]) if long(*last) && !long(*first) => Some((last.0, *month, first.0)),
        (None, [year, (month, _), (day, _)]) => Some((full(*year), *month, *day)),
        _ => None,
    }
}
