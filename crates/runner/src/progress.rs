//! What a run tells about itself while it works. The newest state replaces the one before: who watches may be slow.

use domain::{Counts, RunId};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the lease of an attempt that died.
    #[default]
    Waiting,
    Reading,
    Comparing,
    Sending,
    Finishing,
}

impl Phase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Reading => "reading",
            Self::Comparing => "comparing",
            Self::Sending => "sending",
            Self::Finishing => "finishing",
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    pub run: Option<RunId>,
    pub phase: Phase,
    pub counts: Counts,
    /// PutRecords calls so far, and records that were throttled at least once.
    pub calls: u64,
    pub throttled: u64,
    /// Bytes written to scratch space.
    pub scratch_bytes: u64,
}

/// The sending side; a run without watchers costs nothing.
#[derive(Debug, Clone)]
pub struct Reporter(watch::Sender<Progress>);

impl Default for Reporter {
    fn default() -> Self {
        Self(watch::Sender::new(Progress::default()))
    }
}

impl Reporter {
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.0.subscribe()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.0.send_modify(change);
    }
}
