//! The rows of a COPY on their way past tokio-postgres, which would make a message of each: that costs more than to read
//! it. They are held here until the reader takes many of them at once.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

/// The reader is not woken for less.
const ENOUGH: usize = 128 << 10;
/// With more than this the connection is not read, so the server waits.
const MOST: usize = 512 << 10;
/// A buffer that had a giant row keeps no more memory than this.
const KEPT: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Diverted {
    held: Mutex<Held>,
    arrived: Notify,
}

#[derive(Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    /// How many of them are whole messages.
    whole: usize,
    /// The connection waits for room.
    waiting: Option<Waker>,
    /// Nobody will take anything any more.
    unwanted: bool,
}

impl Diverted {
    /// For the connection: waits until there is room.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut held = self.held();
        if held.unwanted || held.whole < MOST {
            return Poll::Ready(());
        }
        held.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// For the connection: `put` adds what has arrived.
    pub(super) fn add<T>(&self, put: impl FnOnce(&mut Held) -> T) -> T {
        let mut held = self.held();
        let before = held.whole;
        let done = put(&mut held);
        if before < ENOUGH && held.whole >= ENOUGH {
            self.arrived.notify_one();
        }
        done
    }

    /// Waits until there is much to take.
    pub(super) async fn enough(&self) {
        while self.held().whole < ENOUGH {
            self.arrived.notified().await;
        }
    }

    /// Whether there is anything to take.
    pub(super) fn any(&self) -> bool {
        self.held().whole > 0
    }

    /// Takes the bodies of all whole messages, in place of what `out` held.
    pub(super) fn take(&self, out: &mut Vec<u8>) {
        out.clear();
        out.shrink_to(KEPT);
        let mut held = self.held();
        let whole = std::mem::take(&mut held.whole);
        if whole == 0 {
            return;
        }
        std::mem::swap(&mut held.bytes, out);
        held.bytes.extend_from_slice(&out[whole..]);
        out.truncate(whole);
        let waiting = held.waiting.take();
        drop(held);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Nobody takes anything any more: the connection reads on without keeping it.
    pub(super) fn discard(&self) {
        let mut held = self.held();
        *held = Held { unwanted: true, waiting: held.waiting.take(), ..Held::default() };
        let waiting = held.waiting.take();
        drop(held);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// A part of the body of a message.
    pub(super) fn push(&mut self, part: &[u8]) {
        if !self.unwanted {
            self.bytes.extend_from_slice(part);
        }
    }

    /// The message is whole.
    pub(super) fn end(&mut self) {
        self.whole = self.bytes.len();
    }
}

impl fmt::Debug for Diverted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Diverted(..)")
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn put(diverted: &Diverted, part: &[u8], whole: bool) {
        diverted.add(|held| {
            held.push(part);
            if whole {
                held.end();
            }
        });
    }

    #[test]
    fn whole_messages_are_taken_and_a_part_waits_for_its_rest() {
        let (diverted, mut out) = (Diverted::default(), Vec::new());
        put(&diverted, b"one", true);
        put(&diverted, b"tw", false);
        diverted.take(&mut out);
        assert_eq!(out, b"one");
        assert!(!diverted.any());
        put(&diverted, b"o", true);
        diverted.take(&mut out);
        assert_eq!(out, b"two");
    }

    #[test]
    fn a_full_buffer_holds_the_connection_until_it_is_taken_or_nobody_wants_it() {
        let cx = Context::from_waker(Waker::noop());
        for discard in [false, true] {
            let (diverted, mut out) = (Diverted::default(), Vec::new());
            assert!(diverted.enough().now_or_never().is_none());
            assert!(diverted.poll_room(&cx).is_ready());
            put(&diverted, &[1; MOST], true);
            assert!(diverted.poll_room(&cx).is_pending());
            assert!(diverted.enough().now_or_never().is_some());
            if discard {
                diverted.discard();
                put(&diverted, &[1; MOST], true);
            }
            diverted.take(&mut out);
            assert_eq!(out.len(), if discard { 0 } else { MOST });
            assert!(diverted.poll_room(&cx).is_ready());
        }
    }
}
