//! Why a schedule is refused, in words for the person who wrote it.

use domain::Unit;

#[derive(Debug, Clone, thiserror::Error)]
pub enum Problem {
    #[error(
        "`every` is {every}, and an interval is at least one minute and at most 366 days; \
         write a whole number from 1 to {most} for the unit {}", name_of(*.unit)
    )]
    Every { every: u32, unit: Unit, most: u32 },

    #[error("`time_zone` is `{name}`, which is no IANA time zone; {}", suggestion(.nearest.as_deref()))]
    UnknownZone { name: String, nearest: Option<String> },

    #[error(
        "`time_zone` is `{name}`, whose built-in data cannot be read ({reason}); choose another zone and report this"
    )]
    DamagedZone { name: String, reason: jiff::Error },

    #[error(
        "`expression` has {characters} characters, and at most {most} are read; write steps and ranges, such as `*/5`"
    )]
    TooLong { characters: usize, most: usize },

    #[error(
        "`expression` has the nickname `{name}`, which does not exist; write @hourly, @daily, @midnight, @weekly, \
         @monthly, @yearly or @annually, or five fields"
    )]
    Nickname { name: String },

    #[error(
        "`expression` has {found} fields in place of five; write minute, hour, day of month, month and day of week \
         with spaces between them, such as `0 9 * * 1-5`"
    )]
    FieldCount { found: usize },

    #[error(
        "`expression` has six fields, and schedules have no seconds field; if the first one is seconds, leave it out: \
         `{without_first}`"
    )]
    Seconds { without_first: String },

    #[error("`expression` has the {field} field `{text}`: {wrong}")]
    Field { field: &'static str, text: String, wrong: String },

    #[error(
        "`expression` never fires: no date has the day of month `{days}` and the month `{months}`; choose a day that \
         one of the months has"
    )]
    NeverFires { days: String, months: String },
}

impl Problem {
    /// The field of [`domain::Schedule`] that is to be changed.
    pub fn field(&self) -> &'static str {
        match self {
            Problem::Every { .. } => "every",
            Problem::UnknownZone { .. } | Problem::DamagedZone { .. } => "time_zone",
            _ => "expression",
        }
    }
}

/// What a message repeats of a text that may be of any length.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn name_of(unit: Unit) -> &'static str {
    match unit {
        Unit::Minutes => "minutes",
        Unit::Hours => "hours",
        Unit::Days => "days",
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("did you mean `{name}`?"),
        None => "write a name such as `Europe/Berlin` or `UTC`".to_owned(),
    }
}
