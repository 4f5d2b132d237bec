//! From the text of an expression. Whatever cron programs disagree about is refused, with what to write in its place.

use super::{Cron, Set};
use crate::Problem;
use crate::problem::shortened;

/// What may stand in one of the five fields.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    /// Of the number `first` and those after it.
    words: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", first: 0, last: 59, words: &[] };
const HOUR: Field = Field { name: "hour", first: 0, last: 23, words: &[] };
const DAY: Field = Field { name: "day of month", first: 1, last: 31, words: &[] };
const MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    words: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
/// Sunday is 7 too, which `read` brings back to 0.
const WEEKDAY: Field =
    Field { name: "day of week", first: 0, last: 6, words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// Characters of an expression. Whatever one can say fits into fewer.
const LONGEST: usize = 256;

const DAYS_OF_MONTHS: [i64; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Cron {
    pub(crate) fn parse(expression: &str) -> Result<Self, Problem> {
        let characters = expression.chars().count();
        if characters > LONGEST {
            return Err(Problem::TooLong { characters, most: LONGEST });
        }
        let expression = expression.trim();
        let expression = if expression.starts_with('@') { nickname(expression)? } else { expression };
        let [minute, hour, day, month, weekday] = five(expression)?;
        let cron = Cron {
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays: WEEKDAY.read(weekday)?,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
            minutes_repeat: minute.contains(['*', '/']),
        };
        if cron.has_a_date() {
            Ok(cron)
        } else {
            Err(Problem::NeverFires { days: shortened(day), months: shortened(month) })
        }
    }

    /// Every date falls on each day of the week some year, so only days that no month has are in the way.
    fn has_a_date(&self) -> bool {
        let mut lengths = (1..).zip(DAYS_OF_MONTHS);
        self.either_day
            || lengths.any(|(month, length)| self.months.contains(month) && self.days.has_one_of(1..=length))
    }
}

fn nickname(name: &str) -> Result<&'static str, Problem> {
    match name.to_lowercase().as_str() {
        "@hourly" => Ok("0 * * * *"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@monthly" => Ok("0 0 1 * *"),
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        _ => Err(Problem::Nickname { name: shortened(name) }),
    }
}

fn five(expression: &str) -> Result<[&str; 5], Problem> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    match *fields.as_slice() {
        [minute, hour, day, month, weekday] => Ok([minute, hour, day, month, weekday]),
        [_, minute, hour, day, month, weekday] => {
            let without_first = shortened(&[minute, hour, day, month, weekday].join(" "));
            Err(Problem::Seconds { without_first })
        }
        _ => Err(Problem::FieldCount { found: fields.len() }),
    }
}

impl Field {
    fn read(&self, text: &str) -> Result<Set, Problem> {
        let mut set = Set::default();
        for item in text.split(',') {
            let added = self.add(item, &mut set);
            added.map_err(|wrong| Problem::Field { field: self.name, text: shortened(text), wrong })?;
        }
        Ok(set)
    }

    /// `*`, `5`, `5-9`, each but the second with a `/2` behind it if wanted.
    fn add(&self, item: &str, set: &mut Set) -> Result<(), String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let (first, last) = if range == "*" {
            (self.first, self.last)
        } else if let Some((first, last)) = range.split_once('-') {
            self.range(first, last)?
        } else {
            let number = self.number(range)?;
            if let Some(step) = step {
                let last = self.last;
                return Err(format!("a step needs a range before it; write `{number}-{last}/{step}`"));
            }
            (number, number)
        };
        let numbers = (first..=last).step_by(step.unwrap_or(1) as usize);
        // Sunday as 7.
        set.add(numbers.map(|number| if number > self.last { number - 7 } else { number }));
        Ok(())
    }

    fn range(&self, first: &str, last: &str) -> Result<(u32, u32), String> {
        let (from, mut to) = (self.number(first)?, self.number(last)?);
        let is_weekday = self.name == WEEKDAY.name;
        if is_weekday && to == 0 && from > 0 {
            to = 7; // As in SAT-SUN.
        }
        if from > to {
            let (low, high, end) = (self.first, self.last, shortened(last));
            let rest = if to == low { format!("{low}") } else { format!("{low}-{end}") };
            let begin = if from == high { format!("{high}") } else { format!("{}-{high}", shortened(first)) };
            return Err(format!("the range `{}-{end}` runs backwards; write `{begin},{rest}`", shortened(first)));
        }
        Ok((from, to))
    }

    fn step(&self, text: &str) -> Result<u32, String> {
        let most = self.last - self.first;
        let step = plain(text).filter(|step| (1..=most).contains(step));
        step.ok_or_else(|| {
            let other = "for other distances set an interval";
            format!("the step `{}` does not fit; write a number from 1 to {most}, or {other}", shortened(text))
        })
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let lower = text.to_lowercase();
        if let Some((number, _)) = (self.first..).zip(self.words).find(|(_, word)| **word == lower) {
            return Ok(number);
        }
        let last = if self.name == WEEKDAY.name { 7 } else { self.last };
        let number = plain(text).filter(|number| (self.first..=last).contains(number));
        number.ok_or_else(|| self.refusal(text, last))
    }

    fn refusal(&self, text: &str, last: u32) -> String {
        let first = self.first;
        let words = match self.words {
            [one, .., other] => format!(" or names from {} to {}", one.to_uppercase(), other.to_uppercase()),
            _ => String::new(),
        };
        match text {
            "" => format!("a number is missing; write numbers from {first} to {last}{words}, or `*`"),
            "?" => "`?` is not known here; write `*`".to_owned(),
            _ => format!("`{}` does not fit; write numbers from {first} to {last}{words}", shortened(text)),
        }
    }
}

/// Digits alone: no sign, which `parse` would take.
fn plain(text: &str) -> Option<u32> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}
