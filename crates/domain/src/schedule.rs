//! When a sync runs by itself. The crate `schedule` turns these into times.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Only when someone asks for a run.
    #[default]
    Manual,
    /// Each so many minutes, hours or days of 24 hours, counted from when the schedule was set.
    Interval { every: u32, unit: Unit },
    /// Five fields, read in an IANA time zone such as `Europe/Berlin`.
    Cron { expression: String, time_zone: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Minutes,
    Hours,
    Days,
}
