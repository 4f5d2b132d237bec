//! What a sweeper does with a sync whose time has come, however late it notices.

use domain::Millis;

use crate::Plan;

/// Missed ticks are counted up to here; the run and the next tick are right beyond it too.
pub const COUNTED: usize = 100_000;

const HOUR: Millis = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The tick to run now: the latest that has come. Running it makes up for all before it, because a run sends
    /// whatever has changed since the last one.
    pub scheduled_for: Millis,
    /// How many earlier ticks pass without a run. [`COUNTED`] means this many or more.
    pub skipped: usize,
    /// The tick to wait for; `None` when the schedule has become manual.
    pub next: Option<Millis>,
}

/// `None` while `next_fire_at` is still to come. One run at most is due, and `next` is later than `now`: a sweeper that
/// stores it does not come back for ticks of the past.
pub fn due(plan: &Plan, next_fire_at: Millis, now: Millis, anchor: Millis) -> Option<Due> {
    if next_fire_at > now {
        return None;
    }
    let later = plan.ticks(next_fire_at, anchor).take_while(|tick| *tick <= now);
    let skipped = later.take(COUNTED).count();
    let scheduled_for = latest(plan, next_fire_at, now, anchor);
    Some(Due { scheduled_for, skipped, next: plan.next(now, anchor) })
}

/// Looks back from now, further each time, so that many ticks or few cost about the same.
fn latest(plan: &Plan, next_fire_at: Millis, now: Millis, anchor: Millis) -> Millis {
    let mut back = HOUR;
    loop {
        let from = now.saturating_sub(back).max(next_fire_at);
        let last = plan.ticks(from, anchor).take_while(|tick| *tick <= now).last();
        match last {
            Some(tick) => return tick,
            None if from == next_fire_at => return next_fire_at,
            None => back = back.saturating_mul(8),
        }
    }
}
