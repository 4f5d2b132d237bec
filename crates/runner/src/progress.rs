//! What a run tells about itself while it works. The newest state replaces the one before: who watches may be slow.

use domain::{Counts, RunId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

/// Serialised it is what a store keeps of a run that works, and what its watchers are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    pub run: Option<RunId>,
    pub phase: Phase,
    /// So far; `queried` are the rows read. While rows are compared the sums need not hold.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_back_what_it_writes() {
        let run = RunId::from_uuid(uuid::Uuid::from_u128(7));
        let counts = Counts { queried: 12, ..Counts::default() };
        let progress = Progress { run: Some(run), phase: Phase::Comparing, counts, calls: 3, ..Progress::default() };
        let written = serde_json::to_value(progress).unwrap();
        assert_eq!((&written["phase"], &written["counts"]["queried"]), (&"comparing".into(), &12.into()));
        assert_eq!(serde_json::from_value::<Progress>(written).unwrap(), progress);
        assert_eq!(serde_json::from_str::<Progress>("{}").unwrap(), Progress::default());
    }

    #[test]
    fn a_phase_is_called_the_same_everywhere() {
        for phase in [Phase::Waiting, Phase::Reading, Phase::Comparing, Phase::Sending, Phase::Finishing] {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.as_str());
        }
    }
}
