//! SIGTERM and Ctrl-C: the first drains, the second ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Exit;

pub(super) struct Stop {
    /// Take up nothing new; hand over or finish what is at work.
    pub(super) drain: CancellationToken,
    /// The drain is over.
    pub(super) end: CancellationToken,
}

impl Stop {
    pub(super) fn on_signals() -> std::io::Result<Self> {
        let stop = Self { drain: CancellationToken::new(), end: CancellationToken::new() };
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let drain = stop.drain.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    received = terminate.recv() => if received.is_none() { return },
                    received = interrupt.recv() => if received.is_none() { return },
                }
                if drain.is_cancelled() {
                    // Nothing acknowledged is lost: whoever takes the runs over goes on from their checkpoints.
                    std::process::exit(Exit::Cancelled.code().into());
                }
                drain.cancel();
            }
        });
        Ok(stop)
    }
}
