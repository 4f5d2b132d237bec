//! A moment as text, in the directives of Ruby's `strftime`.

use super::civil::{Day, Moment};
use crate::fault::Fault;
use crate::filter::Env;
use crate::filter::draft::Draft;
use crate::filter::input::fault;

const MOST_WIDTH: usize = 100;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What stands between `%` and the letter.
#[derive(Debug, Default, Clone, Copy)]
struct Flags {
    /// `-`: no padding.
    bare: bool,
    /// `0` or `_`.
    padding: Option<char>,
    /// `^`
    large: bool,
    /// `#`
    changed: bool,
    colons: usize,
    width: Option<usize>,
}

pub(super) fn format(moment: &Moment, format: &str, env: &mut Env<'_>) -> Result<Draft, Fault> {
    let mut draft = Draft::default();
    written(moment, format, &mut draft, env)?;
    Ok(draft)
}

fn written(moment: &Moment, format: &str, draft: &mut Draft, env: &mut Env<'_>) -> Result<(), Fault> {
    let mut rest = format;
    while let Some(start) = rest.find('%') {
        let (before, from) = rest.split_at(start);
        draft.push(before, env)?;
        env.budget.work(2)?;
        let after = from.get(1..).unwrap_or_default();
        let (flags, directive) = flags(after)?;
        let letter = directive.chars().next();
        let length = 1 + after.len() - directive.len() + letter.map_or(0, char::len_utf8);
        match letter {
            None if !after.ends_with(['E', 'O', ':']) => {
                return Err(fault("the format of `date` ends with a `%` that nothing follows"));
            }
            Some(letter) if known(letter, flags) => directive_text(moment, letter, flags, draft, env)?,
            // What is no directive stays as it was written.
            _ => draft.push(from.get(..length).unwrap_or_default(), env)?,
        }
        rest = from.get(length..).unwrap_or_default();
    }
    draft.push(rest, env)
}

fn known(letter: char, flags: Flags) -> bool {
    if flags.colons > 0 {
        letter == 'z' && flags.colons <= 3
    } else {
        "YCymBbhjdeHkIlPpMSLNzZAauwGgVUWsnt%cDFvxXrRT".contains(letter)
    }
}

fn flags(text: &str) -> Result<(Flags, &str), Fault> {
    let mut flags = Flags::default();
    let mut rest = text;
    while let Some(byte) = rest.as_bytes().first() {
        match byte {
            b'-' => flags.bare = true,
            b'_' => flags.padding = Some(' '),
            b'0' => flags.padding = Some('0'),
            b'^' => flags.large = true,
            b'#' => flags.changed = true,
            b':' => flags.colons += 1,
            // Other spellings of the locale; there is one only.
            b'E' | b'O' => {}
            b'1'..=b'9' => {
                let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
                let width = rest.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX);
                if width > MOST_WIDTH {
                    return Err(fault(format!("`date` cannot pad to more than {MOST_WIDTH} characters")));
                }
                flags.width = Some(width);
                rest = rest.get(end..).unwrap_or_default();
                continue;
            }
            _ => break,
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    Ok((flags, rest))
}

fn directive_text(
    moment: &Moment,
    letter: char,
    flags: Flags,
    draft: &mut Draft,
    env: &mut Env<'_>,
) -> Result<(), Fault> {
    let composite = match letter {
        'c' => "%a %b %e %H:%M:%S %Y",
        'D' | 'x' => "%m/%d/%y",
        'F' => "%Y-%m-%d",
        'T' | 'X' => "%H:%M:%S",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'v' => "%e-%^b-%4Y",
        _ => return simple(moment, letter, flags, draft, env),
    };
    let mut inner = Draft::default();
    written(moment, composite, &mut inner, env)?;
    word(inner.as_str(), flags, false, draft, env)
}

fn simple(moment: &Moment, letter: char, flags: Flags, draft: &mut Draft, env: &mut Env<'_>) -> Result<(), Fault> {
    let day = Day::of(moment.local().div_euclid(86_400));
    let second = moment.local().rem_euclid(86_400);
    let hour = second / 3_600;
    let hour12 = (hour + 11) % 12 + 1;
    let name = |names: &'static [&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
    };
    let year_width = |year: i64| if year < 0 { 5 } else { 4 };
    let (value, width, padding) = match letter {
        'A' => return word(name(&DAYS, day.weekday), flags, false, draft, env),
        'a' => return word(name(&DAYS, day.weekday).get(..3).unwrap_or_default(), flags, false, draft, env),
        'B' => return word(name(&MONTHS, day.month - 1), flags, false, draft, env),
        'b' | 'h' => return word(name(&MONTHS, day.month - 1).get(..3).unwrap_or_default(), flags, false, draft, env),
        'p' => return word(if hour < 12 { "AM" } else { "PM" }, flags, true, draft, env),
        'P' => return word(if hour < 12 { "am" } else { "pm" }, flags, false, draft, env),
        'Z' => return word(&moment.zone, flags, true, draft, env),
        'n' => return word("\n", flags, false, draft, env),
        't' => return word("\t", flags, false, draft, env),
        '%' => return draft.push("%", env),
        'z' => return offset(moment.offset, flags, draft, env),
        'L' | 'N' => {
            return fraction(moment.nanos, flags.width.unwrap_or(if letter == 'L' { 3 } else { 9 }), draft, env);
        }
        'Y' => (day.year, year_width(day.year), '0'),
        'C' => (day.year.div_euclid(100), 2, '0'),
        'y' => (day.year.rem_euclid(100), 2, '0'),
        'm' => (day.month, 2, '0'),
        'd' => (day.day, 2, '0'),
        'e' => (day.day, 2, ' '),
        'j' => (day.of_year, 3, '0'),
        'H' => (hour, 2, '0'),
        'k' => (hour, 2, ' '),
        'I' => (hour12, 2, '0'),
        'l' => (hour12, 2, ' '),
        'M' => (second / 60 % 60, 2, '0'),
        'S' => (second % 60, 2, '0'),
        's' => (moment.second, 1, '0'),
        'u' => ((day.weekday + 6) % 7 + 1, 1, '0'),
        'w' => (day.weekday, 1, '0'),
        'G' => (day.iso_week().0, year_width(day.iso_week().0), '0'),
        'g' => (day.iso_week().0.rem_euclid(100), 2, '0'),
        'V' => (day.iso_week().1, 2, '0'),
        'U' => (day.week_from(0), 2, '0'),
        _ => (day.week_from(1), 2, '0'),
    };
    number(value, width, padding, flags, draft, env)
}

fn number(
    value: i64,
    width: usize,
    padding: char,
    flags: Flags,
    draft: &mut Draft,
    env: &mut Env<'_>,
) -> Result<(), Fault> {
    let width = if flags.bare { 1 } else { flags.width.unwrap_or(width) };
    let text = match flags.padding.unwrap_or(padding) {
        '0' => format!("{value:0width$}"),
        _ => format!("{value:width$}"),
    };
    draft.push(&text, env)
}

/// `#` turns `AM` small, and everything else large.
fn word(text: &str, flags: Flags, was_large: bool, draft: &mut Draft, env: &mut Env<'_>) -> Result<(), Fault> {
    let text = match (flags.changed, flags.large) {
        (true, _) if was_large => text.to_ascii_lowercase(),
        (true, _) | (_, true) => text.to_ascii_uppercase(),
        _ => text.to_owned(),
    };
    if !flags.bare {
        let missing = flags.width.unwrap_or(0).saturating_sub(text.chars().count());
        for _ in 0..missing {
            draft.push_char(if flags.padding == Some('0') { '0' } else { ' ' }, env)?;
        }
    }
    draft.push(&text, env)
}

/// Digits after the point are cut off, not rounded.
fn fraction(nanos: u32, digits: usize, draft: &mut Draft, env: &mut Env<'_>) -> Result<(), Fault> {
    let all = format!("{nanos:09}");
    draft.push(&format!("{:0<digits$}", all.get(..digits.min(9)).unwrap_or_default()), env)
}

fn offset(offset: i32, flags: Flags, draft: &mut Draft, env: &mut Env<'_>) -> Result<(), Fault> {
    let total = offset.unsigned_abs();
    let (hours, minutes, seconds) = (total / 3_600, total / 60 % 60, total % 60);
    let rest = match flags.colons {
        0 => format!("{minutes:02}"),
        1 => format!(":{minutes:02}"),
        2 => format!(":{minutes:02}:{seconds:02}"),
        _ if seconds > 0 => format!(":{minutes:02}:{seconds:02}"),
        _ if minutes > 0 => format!(":{minutes:02}"),
        _ => String::new(),
    };
    let sign = if offset < 0 { '-' } else { '+' };
    let width = flags.width.unwrap_or(0).saturating_sub(rest.len());
    let text = match flags.padding {
        Some(' ') => format!("{:>width$}{rest}", format!("{sign}{hours}"), width = width.max(3)),
        _ => format!("{sign}{hours:0width$}{rest}", width = width.saturating_sub(1).max(2)),
    };
    draft.push(&text, env)
}
