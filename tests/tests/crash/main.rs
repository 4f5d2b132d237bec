//! What a crash may cost: at most one window of duplicates, and nothing else. Each test runs the real program as a
//! process, ends it in the worst ways there are, and reads the stream back. `ROWCAST_LONG=1` makes them thorough,
//! `ROWCAST_SEED` repeats one run of the random ones.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and tells"
)]

mod child;
mod embedded_kills;
mod fail_points;
mod place;
mod random;
mod random_kills;
mod replay;
mod signals;
mod waiting;

/// Whether to run the thorough part.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment what to do")]
fn long() -> bool {
    std::env::var_os("ROWCAST_LONG").is_some_and(|value| value == "1")
}
