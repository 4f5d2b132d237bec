//! A moment that is over soon: the timer of the runtime knows no time below a millisecond.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(super) use linux::Moment;

/// What comes meanwhile is less than a socket holds, which may be 200 KiB: else the server would have to wait.
pub(super) const MOMENT: Duration = Duration::from_micros(400);

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;
    use std::task::ready;

    use rustix::io::{Errno, read};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use super::{Context, MOMENT, Poll, io};

    const NEVER: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

    /// A timer of the system.
    pub(in super::super) struct Moment {
        timer: AsyncFd<OwnedFd>,
        runs: bool,
    }

    impl Moment {
        pub(in super::super) fn new() -> io::Result<Self> {
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            #[expect(
                deprecated,
                reason = "what takes its place is unsafe, for types that may change their descriptor: none is owned"
            )]
            let timer = AsyncFd::new(timer)?;
            Ok(Self { timer, runs: false })
        }

        pub(in super::super) fn begin(&mut self) -> io::Result<()> {
            let once = Itimerspec {
                it_interval: NEVER,
                it_value: Timespec { tv_nsec: MOMENT.subsec_nanos().into(), ..NEVER },
            };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
            self.runs = true;
            Ok(())
        }

        /// Whether it is over.
        pub(in super::super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            while self.runs {
                let mut told = ready!(self.timer.poll_read_ready(cx))?;
                match read(&self.timer, &mut [0; 8]) {
                    Ok(_) => self.runs = false,
                    // What was told was the end of one that nobody waited for.
                    Err(Errno::AGAIN) => {}
                    Err(error) => return Poll::Ready(Err(error.into())),
                }
                told.clear_ready();
            }
            Poll::Ready(Ok(()))
        }
    }
}

/// Elsewhere there is no such timer, and nothing gathers.
#[cfg(not(target_os = "linux"))]
pub(super) enum Moment {}

#[cfg(not(target_os = "linux"))]
impl Moment {
    pub(super) fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn begin(&mut self) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}
