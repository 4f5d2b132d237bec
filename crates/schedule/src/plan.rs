//! A schedule that was checked, and its times.

use domain::{Millis, Schedule, Unit};

use crate::Problem;
use crate::cron::Cron;
use crate::walk::Walk;
use crate::zone::Zone;

const MINUTE: Millis = 60_000;
const LONGEST: Millis = 366 * 24 * 60 * MINUTE;

/// What [`Schedule`] says, understood.
#[derive(Debug, Clone)]
pub struct Plan(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Manual,
    Interval { period: Millis },
    Cron { cron: Cron, zone: Zone },
}

impl Plan {
    pub fn new(schedule: &Schedule) -> Result<Self, Problem> {
        let kind = match schedule {
            Schedule::Manual => Kind::Manual,
            Schedule::Interval { every, unit } => Kind::Interval { period: period(*every, *unit)? },
            Schedule::Cron { expression, time_zone } => {
                Kind::Cron { cron: Cron::parse(expression)?, zone: Zone::find(time_zone)? }
            }
        };
        Ok(Self(kind))
    }

    /// The first tick strictly after an instant; `None` when the schedule is manual or time ends. Intervals count from
    /// `anchor`, which is when the schedule was set; cron does not use it.
    pub fn next(&self, after: Millis, anchor: Millis) -> Option<Millis> {
        self.ticks(after, anchor).next()
    }

    /// The ticks strictly after `after` and no later than `until`, the first `at_most` of them.
    pub fn fires(&self, after: Millis, until: Millis, anchor: Millis, at_most: usize) -> Vec<Millis> {
        self.ticks(after, anchor).take_while(|tick| *tick <= until).take(at_most).collect()
    }

    /// The ticks strictly after an instant, without end unless the schedule is manual.
    pub fn ticks(&self, after: Millis, anchor: Millis) -> Ticks<'_> {
        Ticks(match &self.0 {
            Kind::Manual => State::Over,
            Kind::Interval { period } => State::Interval { period: *period, next: first(*period, after, anchor) },
            Kind::Cron { cron, zone } => State::Cron(Walk::new(cron, zone, after.div_euclid(1_000))),
        })
    }
}

/// See [`Plan::ticks`].
#[derive(Debug, Clone)]
pub struct Ticks<'a>(State<'a>);

#[derive(Debug, Clone)]
enum State<'a> {
    Over,
    Interval { period: Millis, next: Option<Millis> },
    Cron(Walk<'a>),
}

impl Iterator for Ticks<'_> {
    type Item = Millis;

    fn next(&mut self) -> Option<Millis> {
        match &mut self.0 {
            State::Over => None,
            State::Interval { period, next } => {
                let tick = *next;
                *next = tick.and_then(|tick| tick.checked_add(*period));
                tick
            }
            State::Cron(walk) => walk.next().map(|second| second * 1_000),
        }
    }
}

fn period(every: u32, unit: Unit) -> Result<Millis, Problem> {
    let one = match unit {
        Unit::Minutes => MINUTE,
        Unit::Hours => 60 * MINUTE,
        Unit::Days => 24 * 60 * MINUTE,
    };
    let period = Millis::from(every) * one;
    if (one..=LONGEST).contains(&period) {
        Ok(period)
    } else {
        let most = u32::try_from(LONGEST / one).unwrap_or(u32::MAX);
        Err(Problem::Every { every, unit, most })
    }
}

/// The anchor is no tick, and none comes before it.
fn first(period: Millis, after: Millis, anchor: Millis) -> Option<Millis> {
    let passed = after.checked_sub(anchor)?.max(0) / period;
    anchor.checked_add((passed + 1).checked_mul(period)?)
}
