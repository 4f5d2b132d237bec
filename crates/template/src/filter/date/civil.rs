//! The calendar: days since 1970 and what they are called.

/// A point in time, and where it is looked at from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// Seconds since 1970, UTC.
    pub(super) second: i64,
    pub(super) nanos: u32,
    /// Seconds east of Greenwich.
    pub(super) offset: i32,
    /// `CET`; empty where only the offset is known.
    pub(super) zone: String,
}

/// The years from -9999 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -377_705_116_800..=253_402_300_799;

impl Moment {
    /// None outside of the years that have at most four digits.
    pub(super) fn new(second: i64, nanos: u32, offset: i32, zone: &str) -> Option<Self> {
        let fits = SECONDS.contains(&second) && SECONDS.contains(&second.saturating_add(i64::from(offset)));
        fits.then(|| Self { second, nanos, offset, zone: zone.to_owned() })
    }

    pub(super) fn utc(second: i64, nanos: u32) -> Option<Self> {
        Self::new(second, nanos, 0, "UTC")
    }

    pub(super) const fn local(&self) -> i64 {
        self.second + self.offset as i64
    }
}

/// A day with its names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    /// Sunday is 0.
    pub(super) weekday: i64,
    /// From 1.
    pub(super) of_year: i64,
}

impl Day {
    pub(super) const fn of(days: i64) -> Self {
        let (year, month, day) = from_days(days);
        Self { year, month, day, weekday: (days + 4).rem_euclid(7), of_year: days - to_days(year, 1, 1) + 1 }
    }

    /// The week that begins with `first` (0 for Sunday); days before the first such day are in week 0.
    pub(super) const fn week_from(&self, first: i64) -> i64 {
        (self.of_year - 1 + 7 - (self.weekday - first).rem_euclid(7)) / 7
    }

    /// The year and week of ISO 8601: that of the week's Thursday.
    pub(super) const fn iso_week(&self) -> (i64, i64) {
        let thursday = to_days(self.year, 1, 1) + self.of_year - 1 + 3 - (self.weekday + 6) % 7;
        let (year, _, _) = from_days(thursday);
        (year, (thursday - to_days(year, 1, 1)) / 7 + 1)
    }
}

/// Days since 1970. A day beyond the end of its month is one of the next.
pub(super) const fn to_days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

const fn from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + (month <= 2) as i64, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_go_both_ways() {
        for days in (-4_000_000..3_000_000).step_by(97) {
            let day = Day::of(days);
            assert_eq!(to_days(day.year, day.month, day.day), days);
            assert!((1..=366).contains(&day.of_year), "{day:?}");
        }
        assert_eq!(to_days(1970, 1, 1), 0);
        assert_eq!(to_days(2000, 3, 1), 11_017);
    }
}
