//! How a command ended, for scripts.

use std::process::ExitCode;

use domain::RunState;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was planned is in the stream.
    Done,
    /// Something went wrong; nothing more was sent.
    Failed,
    /// The run ended, but rows were rejected or unanswered; the next run tries them again.
    Incomplete,
    /// A person has to decide first; nothing was sent.
    NeedsApproval,
    /// A guard ended the run while it was sending.
    Stopped,
    /// Another process works on this sync.
    Busy,
    Cancelled,
}

impl Exit {
    /// 2 is what the command line itself answers to wrong arguments.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Incomplete => 3,
            Self::NeedsApproval => 4,
            Self::Stopped => 5,
            Self::Busy => 6,
            Self::Cancelled => 130,
        }
    }

    pub const fn of_run(report: &runner::Report) -> Self {
        match report.state {
            RunState::Succeeded if report.counts.rejected + report.counts.unanswered + report.counts.deferred > 0 => {
                Self::Incomplete
            }
            RunState::Succeeded => Self::Done,
            RunState::NeedsApproval => Self::NeedsApproval,
            RunState::Stopped => Self::Stopped,
            RunState::Cancelled => Self::Cancelled,
            RunState::Failed | RunState::Queued | RunState::Running => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
