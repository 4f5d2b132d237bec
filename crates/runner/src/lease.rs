//! The lease of a claim: renewed while the run works, trusted only until some time before it ends. Whatever else ends
//! an attempt is heard here too.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use store::{Claim, Error as StoreError, Scope};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// How a process tells a run to end.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// The run ends as cancelled.
    pub cancel: CancellationToken,
    /// The run is checkpointed and left to another worker.
    pub drain: CancellationToken,
}

impl From<CancellationToken> for Signals {
    fn from(cancel: CancellationToken) -> Self {
        Self { cancel, ..Self::default() }
    }
}

/// Renews in the background until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    /// When this worker stops to trust its lease. Counted from the beginning of the renewal that was answered, so that a
    /// slow answer cannot stretch it.
    trusted_until: watch::Receiver<Instant>,
    state: State,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
struct State {
    lost: CancellationToken,
    /// The first of the reasons that leave the lease as it is.
    why: Arc<OnceLock<Why>>,
    /// Lost, or for a reason.
    ended: CancellationToken,
    /// No renewal is to begin any more, and none is under way.
    quiet: CancellationToken,
    done: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
enum Why {
    Cancelled,
    Drained,
    TookTooLong { limit: Duration },
}

impl Lease {
    /// `claimed`: when the claim was asked for. `limit`: how long the run may take, from its first claim on.
    pub(crate) fn keep(
        scope: Scope,
        claim: &Claim,
        length: Duration,
        claimed: Instant,
        signals: Signals,
        limit: Option<Duration>,
    ) -> Self {
        let (trusted, trusted_until) = watch::channel(claimed + trust(length));
        let state = State::default();
        if claim.cancel_requested {
            state.end(Why::Cancelled);
        }
        let before = Duration::from_millis(u64::try_from(claim.now - claim.started_at).unwrap_or(0));
        let late = limit.map(|limit| (claimed + limit.saturating_sub(before), limit));
        let renewal = Renewal { scope, claim: claim.clone(), length, trusted, state: state.clone(), signals, late };
        let task = tokio::spawn(renewal.run());
        Self { trusted_until, state, task }
    }

    /// For a preview, which holds no claim: it ends when it is dropped.
    pub(crate) fn none() -> Self {
        let trusted_until = watch::channel(Instant::now() + Duration::from_secs(365 * 24 * 60 * 60)).1;
        Self { trusted_until, state: State::default(), task: tokio::spawn(async {}) }
    }

    /// Nothing more may be put or written when this fails.
    pub(crate) fn held(&self) -> Result<(), Error> {
        let lost = self.state.lost.is_cancelled() || *self.trusted_until.borrow() <= Instant::now();
        if lost { Err(Error::LeaseLost) } else { Ok(()) }
    }

    /// Nothing more may begin when this fails. What is known may still be written, if the lease is held.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.held()?;
        match self.state.why.get() {
            None => Ok(()),
            Some(Why::Cancelled) => Err(Error::Cancelled),
            Some(Why::Drained) => Err(Error::Drained),
            Some(Why::TookTooLong { limit }) => Err(Error::TookTooLong { limit: *limit }),
        }
    }

    /// Waits until the attempt has to end, and says why.
    pub(crate) async fn ended(&self) -> Error {
        self.state.ended.cancelled().await;
        self.check().err().unwrap_or(Error::LeaseLost)
    }

    /// Ends the renewals. Afterwards none is on its way that could prolong a lease which is given back.
    pub(crate) async fn quiet(&self) {
        self.state.quiet.cancel();
        self.state.done.cancelled().await;
    }

    /// Puts begin until then, and not after `at_most`.
    pub(crate) fn stop(&self, at_most: Instant) -> kinesis::Stop {
        let trusted = *self.trusted_until.borrow();
        kinesis::Stop::at(trusted.min(at_most), self.state.ended.clone())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn end(&self, why: Why) {
        self.why.get_or_init(|| why);
        self.ended.cancel();
    }
}

struct Renewal {
    scope: Scope,
    claim: Claim,
    length: Duration,
    trusted: watch::Sender<Instant>,
    state: State,
    signals: Signals,
    /// When the run has taken too long, and how long it may take.
    late: Option<(Instant, Duration)>,
}

impl Renewal {
    async fn run(self) {
        let _done = self.state.done.clone().drop_guard();
        tokio::select! {
            () = self.renew() => {}
            () = self.listen() => {}
        }
    }

    /// Apart from the renewals, so that a database that does not answer holds up no signal.
    async fn listen(&self) {
        let late = async {
            match self.late {
                Some((at, limit)) => {
                    sleep_until(at).await;
                    limit
                }
                None => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            () = self.signals.cancel.cancelled() => Why::Cancelled,
            () = self.signals.drain.cancelled() => Why::Drained,
            limit = late => Why::TookTooLong { limit },
        };
        self.state.end(why);
        std::future::pending().await
    }

    async fn renew(&self) {
        let mut pause = self.length / 3;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.state.quiet.cancelled() => return,
            }
            let began = Instant::now();
            let end = *self.trusted.borrow();
            tokio::select! {
                beat = self.scope.heartbeat(&self.claim, self.length.as_millis() as i64) => match beat {
                    Ok(beat) => {
                        self.trusted.send_replace(began + trust(self.length));
                        if beat.cancel_requested {
                            self.state.end(Why::Cancelled);
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
        self.state.lost.cancel();
        self.state.ended.cancel();
    }
}

/// A put that begins at the last moment must have been answered or timed out before anyone else takes over.
fn trust(length: Duration) -> Duration {
    length.mul_f64(0.7)
}
