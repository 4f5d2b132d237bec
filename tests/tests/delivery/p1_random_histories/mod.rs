//! Histories that nobody thought of: edits, faults, crashes, take-overs, triggers and special runs in any order. After
//! each run the sums hold, and in the end the stream says what the model says.

mod chance;
mod faults;
mod history;
mod steps;

use history::History;

/// So many in the short part of the tests; `ROWCAST_LONG=1` takes more, `ROWCAST_SEED=n` that one alone.
const SHORT: u64 = 24;
const LONG: u64 = 500;
/// They run beside each other.
const LANES: u64 = 2;

async fn lane(lane: u64) {
    let seeds = match (number("ROWCAST_SEED"), number("ROWCAST_LONG")) {
        (Some(seed), _) => seed..=seed,
        (None, Some(_)) => 1..=LONG,
        (None, None) => 1..=SHORT,
    };
    for seed in seeds.filter(|seed| seed % LANES == lane) {
        // Boxed: everything that a history does lives in its future.
        Box::pin(History::tell(seed)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_p2_p3_p4_after_any_history_of_faults_and_crashes_the_stream_says_what_the_model_says() {
    lane(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_p2_p3_p4_after_any_other_history_too() {
    lane(1).await;
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how many")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).filter(|number| *number > 0)
}
