use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// When no put may begin any more. Calls in flight are awaited all the same; their own time-out bounds that.
#[derive(Debug, Clone)]
pub struct Stop {
    cancel: CancellationToken,
    no_put_after: watch::Receiver<Instant>,
}

impl Stop {
    /// The end moves with the lease of the run, which is renewed while the window is sent.
    pub fn new(no_put_after: watch::Receiver<Instant>, cancel: CancellationToken) -> Self {
        Self { cancel, no_put_after }
    }

    pub fn at(no_put_after: Instant, cancel: CancellationToken) -> Self {
        Self::new(watch::channel(no_put_after).1, cancel)
    }

    pub fn is_reached(&self) -> bool {
        self.cancel.is_cancelled() || *self.no_put_after.borrow() <= Instant::now()
    }

    /// Waits until no put may begin.
    pub(crate) async fn reached(&self) {
        let mut end = self.no_put_after.clone();
        while !self.is_reached() {
            let at = *end.borrow_and_update();
            tokio::select! {
                () = self.cancel.cancelled() => {}
                () = sleep_until(at) => {}
                () = moved(&mut end) => {}
            }
        }
    }
}

/// Waits until the end moves; for ever when nobody can move it any more.
async fn moved(end: &mut watch::Receiver<Instant>) {
    if end.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_end_is_reached_by_time_by_cancel_or_by_being_moved() {
        let later = Instant::now() + Duration::from_secs(3600);
        let cancel = CancellationToken::new();
        assert!(!Stop::at(later, cancel.clone()).is_reached());
        Stop::at(Instant::now(), cancel.clone()).reached().await;

        let (end, watch) = watch::channel(later);
        let stop = Stop::new(watch, cancel.clone());
        end.send(Instant::now()).unwrap();
        stop.reached().await;
        end.send(later).unwrap();
        assert!(!stop.is_reached());
        drop(end);
        cancel.cancel();
        stop.reached().await;
    }
}
