//! The lease of a claim: renewed while the run works, trusted only until some time before it ends.

use std::time::Duration;

use store::{Claim, Error as StoreError, Scope};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// Renews in the background until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    /// When this worker stops to trust its lease. Counted from the beginning of the renewal that was answered, so that a
    /// slow answer cannot stretch it.
    trusted_until: watch::Receiver<Instant>,
    signals: Signals,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
struct Signals {
    lost: CancellationToken,
    cancelled: CancellationToken,
    /// Either of them.
    ended: CancellationToken,
}

impl Lease {
    /// `claimed`: when the claim was asked for. `cancel`: the process wants to end the run.
    pub(crate) fn keep(
        scope: Scope,
        claim: &Claim,
        length: Duration,
        claimed: Instant,
        cancel: CancellationToken,
    ) -> Self {
        let (trusted, trusted_until) = watch::channel(claimed + trust(length));
        let signals = Signals::default();
        if claim.cancel_requested {
            cancel.cancel();
        }
        let renewal = Renewal { scope, claim: claim.clone(), length, trusted, signals: signals.clone(), cancel };
        let task = tokio::spawn(renewal.run());
        Self { trusted_until, signals, task }
    }

    /// For a preview, which holds no claim: it ends when it is cancelled.
    pub(crate) fn none(cancel: CancellationToken) -> Self {
        let trusted_until = watch::channel(Instant::now() + Duration::from_secs(365 * 24 * 60 * 60)).1;
        let signals = Signals { cancelled: cancel.clone(), ended: cancel, ..Signals::default() };
        let task = tokio::spawn(async {});
        Self { trusted_until, signals, task }
    }

    /// Nothing more may be put or written when this fails.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.signals.lost.is_cancelled() || *self.trusted_until.borrow() <= Instant::now() {
            return Err(Error::LeaseLost);
        }
        if self.signals.cancelled.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Waits until the run has to end: cancelled, or its lease lost.
    pub(crate) async fn ended(&self) {
        self.signals.ended.cancelled().await;
    }

    /// Puts begin until then, and not after `at_most`.
    pub(crate) fn stop(&self, at_most: Instant) -> kinesis::Stop {
        let trusted = *self.trusted_until.borrow();
        kinesis::Stop::at(trusted.min(at_most), self.signals.ended.clone())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Renewal {
    scope: Scope,
    claim: Claim,
    length: Duration,
    trusted: watch::Sender<Instant>,
    signals: Signals,
    cancel: CancellationToken,
}

impl Renewal {
    async fn run(self) {
        let mut pause = self.length / 3;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.cancel.cancelled(), if !self.signals.cancelled.is_cancelled() => {
                    self.signals.cancelled.cancel();
                    self.signals.ended.cancel();
                    continue;
                }
            }
            let began = Instant::now();
            let end = *self.trusted.borrow();
            tokio::select! {
                beat = self.scope.heartbeat(&self.claim, self.length.as_millis() as i64) => match beat {
                    Ok(beat) => {
                        self.trusted.send_replace(began + trust(self.length));
                        if beat.cancel_requested {
                            self.cancel.cancel();
                        }
                        pause = self.length / 3;
                    }
                    Err(StoreError::Fenced { .. }) => break,
                    Err(error) => {
                        tracing::warn!(run = %self.claim.run, %error, "the lease was not renewed, trying again");
                        pause = self.length / 30;
                    }
                },
                () = sleep_until(end) => break,
            }
        }
        self.signals.lost.cancel();
        self.signals.ended.cancel();
    }
}

/// A put that begins at the last moment must have been answered or timed out before anyone else takes over.
fn trust(length: Duration) -> Duration {
    length.mul_f64(0.7)
}
