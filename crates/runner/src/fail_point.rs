//! Fail points: named places before and after each durable step, where a test can make the process fail, panic or exit.
//! Without the feature `fail-points` they cost nothing and cannot be armed.

/// Every fail point, in the order in which a run passes them.
pub const ALL: [&str; 18] = [
    "before-plan-written",
    "after-plan-written",
    "before-window-written",
    "after-window-written",
    "before-window-registered",
    "after-window-registered",
    "before-put",
    "after-put",
    "before-acknowledged",
    "after-acknowledged",
    "before-checkpoint-committed",
    "after-checkpoint-committed",
    "before-compacted",
    "after-compacted",
    "before-finished",
    "after-finished",
    "before-collected",
    "after-collected",
];

/// What an armed fail point does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Error,
    Panic,
    Exit,
}

#[cfg(not(feature = "fail-points"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it fails")]
pub(crate) const fn pass(_name: &'static str) -> Result<(), crate::Error> {
    Ok(())
}

#[cfg(feature = "fail-points")]
pub use armed::{arm, passed};

#[cfg(feature = "fail-points")]
pub(crate) use armed::pass;

#[cfg(feature = "fail-points")]
mod armed {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::Mode;
    use crate::Error;

    static PASSED: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());
    static ARMED: Mutex<Option<(String, u64, Mode)>> = Mutex::new(None);

    /// Makes the `nth` passing of `name`, counted from now on, fail in this way. One is armed at a time.
    pub fn arm(name: &str, nth: u64, mode: Mode) {
        lock(&PASSED).clear();
        *lock(&ARMED) = Some((name.to_owned(), nth, mode));
    }

    /// How often each fail point was passed since the last `arm`, or since the start.
    pub fn passed() -> BTreeMap<&'static str, u64> {
        lock(&PASSED).clone()
    }

    pub(crate) fn pass(name: &'static str) -> Result<(), Error> {
        let times = {
            let mut passed = lock(&PASSED);
            let times = passed.entry(name).or_default();
            *times += 1;
            *times
        };
        let mode = match &*lock(&ARMED) {
            Some((armed, nth, mode)) if armed == name && *nth == times => *mode,
            _ => return Ok(()),
        };
        match mode {
            Mode::Error => Err(Error::FailPoint { name }),
            #[expect(clippy::panic, reason = "this is what the test asked for")]
            Mode::Panic => panic!("fail point {name}"),
            Mode::Exit => std::process::exit(99),
        }
    }

    fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
