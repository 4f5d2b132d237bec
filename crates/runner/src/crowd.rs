//! Whether shards are in each other's way: a window is full of records for few shards, and those of the others find no place
//! behind them. Then a window holds as much of each shard as it takes in the time of the window, and the rest is postponed.

use std::collections::HashMap;
use std::time::Duration;

use engine::pace::{Load, Quotas};
use engine::shard::hash_key;
use kinesis::{PutOutcome, WindowResult, Writer};

use crate::prepared::Window;

/// To the speed of a shard at its limits.
const SLOWEST: f64 = 0.1;

pub(crate) struct Crowd {
    /// What the window before left is for few shards.
    uneven: bool,
    /// Changes that wait for their shards, when this was last known.
    pub(crate) postponed: u64,
    /// How fast the fastest shard took its records.
    speed: f64,
}

/// What a window may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) time: Duration,
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl Crowd {
    pub(crate) const fn new() -> Self {
        Self { uneven: false, postponed: 0, speed: 1.0 }
    }

    pub(crate) const fn is_there(&self) -> bool {
        self.uneven || self.postponed > 0
    }

    /// How much of each shard a window may hold besides what is carried into it. None where that does not matter.
    pub(crate) fn quotas(&self, writer: &Writer, extent: Extent, carried: &Window) -> Option<Quotas> {
        if self.is_there() { with(writer, self.slowed(extent), carried) } else { None }
    }

    /// The same while another window is put before it, when it can only be guessed what that one will leave.
    pub(crate) fn quotas_after(&self, writer: &Writer, extent: Extent, open: &Window) -> Option<Quotas> {
        let mut quotas = self.quotas(writer, extent, open)?;
        quotas.put();
        Some(quotas)
    }

    /// Looks at a window that was put.
    pub(crate) fn look_at(&mut self, window: &Window, result: &WindowResult, time: Duration) {
        self.speed = if self.is_there() { speed(window, result, time) } else { 1.0 };
    }

    /// Looks at what such a window left.
    pub(crate) fn look_at_rest(&mut self, writer: &Writer, extent: Extent, carried: &Window) {
        self.uneven = !carried.is_empty() && with(writer, extent, carried).is_some_and(|quotas| quotas.are_uneven());
    }

    fn slowed(&self, extent: Extent) -> Extent {
        Extent { time: extent.time.mul_f64(self.speed), ..extent }
    }
}

fn with(writer: &Writer, extent: Extent, window: &Window) -> Option<Quotas> {
    let mut quotas = writer.quotas(extent.time, extent.records, extent.bytes)?;
    for (prepared, record) in window.iter() {
        quotas.add(quotas.lane(hash_key(record).unwrap_or_default()), prepared.load(record));
    }
    Some(quotas)
}

/// How fast the fastest shard took records, to its limits, with room for more. Less than it could take is all that a slow
/// connection can carry, and windows that hold more would only be registered again and again.
fn speed(window: &Window, result: &WindowResult, time: Duration) -> f64 {
    let mut shards: HashMap<&str, Load> = HashMap::new();
    for ((prepared, record), outcome) in window.iter().zip(&result.outcomes) {
        if let PutOutcome::Acknowledged { shard, .. } = outcome {
            let load = shards.entry(shard).or_default();
            *load = load.and(prepared.load(record));
        }
    }
    let fastest = shards.values().map(|load| load.seconds()).fold(0.0, f64::max);
    (2.0 * fastest / time.as_secs_f64().max(0.001)).clamp(SLOWEST, 1.0)
}
