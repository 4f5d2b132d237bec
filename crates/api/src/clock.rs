//! The wall clock of this process: for showing and setting the times of schedules. Whatever has to agree between processes
//! goes by the database's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Millis;

#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
