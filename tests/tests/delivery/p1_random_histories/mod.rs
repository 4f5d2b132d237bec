//! Histories that nobody thought of: edits, faults, crashes, take-overs, triggers and special runs in any order. After
//! each run the sums hold, and in the end the stream says what the model says.

mod chance;
mod faults;
mod history;
mod steps;

use std::sync::atomic::{AtomicU64, Ordering};

use history::History;

/// So many in the short part of the tests; `ROWCAST_LONG=1` takes 500, `ROWCAST_LONG=n` as many that the short part
/// does not have, `ROWCAST_SEED=n` that one alone.
const SHORT: u64 = 24;
const LONG: u64 = 500;
/// They run beside each other.
const LANES: u64 = 4;

#[test]
fn p1_p2_p3_p4_after_any_history_of_faults_and_crashes_the_stream_says_what_the_model_says() {
    tell_all(false);
}

#[test]
fn p1_p2_p3_p4_hold_for_each_element_where_rows_fan_out() {
    tell_all(true);
}

fn tell_all(fans_out: bool) {
    let seeds = match (number("ROWCAST_SEED"), number("ROWCAST_LONG")) {
        (Some(seed), _) => seed..=seed,
        (None, Some(1)) => 1..=LONG,
        (None, Some(so_many)) => SHORT + 1..=SHORT + so_many,
        (None, None) if fans_out => 1..=SHORT / 2,
        (None, None) => 1..=SHORT,
    };
    let next = AtomicU64::new(*seeds.start());
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| seeds.contains(seed)) {
                    alone(History::tell(seed, fans_out));
                }
            });
        }
    });
}

/// On a runtime of its own: histories do not hold each other up, and one that fails ends none of the others.
fn alone(history: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // Boxed: everything that a history does lives in its future.
    runtime.block_on(Box::pin(history));
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how many")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).filter(|number| *number > 0)
}
