//! The wall clock of this process: for showing and setting the times of schedules. Whatever has to agree between processes
//! goes by the database's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Millis;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// RFC 3339 with milliseconds, zeros too: as long as the time of any run.
pub(crate) fn to_the_millisecond(at: Millis) -> String {
    let (seconds, millis) = (at.div_euclid(1_000), at.rem_euclid(1_000));
    let text = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|at| at.format(&Rfc3339).ok());
    match text.as_deref().and_then(|text| text.strip_suffix('Z')) {
        Some(text) => format!("{text}.{millis:03}Z"),
        None => at.to_string(),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
