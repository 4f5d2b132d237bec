//! The wall clock of this process. It is for people and logs; leases and settling go by the database's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Millis;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub(crate) fn now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis)
}

/// With milliseconds, zeros too: the time of a run is as long as its stand-in in a preview.
pub(crate) fn rfc3339(at: Millis) -> String {
    let (seconds, millis) = (at.div_euclid(1000), at.rem_euclid(1000));
    let text = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|at| at.format(&Rfc3339).ok());
    match text.as_deref().and_then(|text| text.strip_suffix('Z')) {
        Some(text) => format!("{text}.{millis:03}Z"),
        None => at.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_as_long_as_any_other() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_700_000_000_120), "2023-11-14T22:13:20.120Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999Z");
    }
}
