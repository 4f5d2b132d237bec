//! Waiting for what has to come true soon.

use std::time::{Duration, Instant};

/// Long enough for a very busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until it holds; `what` is told when it never does.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
