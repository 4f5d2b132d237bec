//! Listens in on a connection for what tokio-postgres keeps to itself: how many rows a COPY says it has sent. The rows
//! themselves are diverted on their way; all other messages are passed on as they are. It also
//! bounds what tokio-postgres would collect in memory whatever its size: a single message, and all messages that are not
//! the rows of a read. A server is someone's own, and may say anything.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use super::diverted::{Diverted, Held};

/// The largest message, and so the largest row. A Kinesis record has 10 MiB at most.
pub(super) const MESSAGE_LIMIT: u64 = 64 << 20;

/// All that a server may say on a connection beside the rows of a read. A message that is kept takes memory of its own.
const CHATTER_LIMIT: u64 = 64 << 20;
const MESSAGE_COST: u64 = 256;

/// What was overheard.
#[derive(Debug)]
pub(super) struct Overheard {
    /// The rows of a COPY.
    pub(super) rows: Diverted,
    copied: AtomicU64,
    too_large: AtomicU64,
}

const NOTHING: u64 = u64::MAX;

impl Overheard {
    pub(super) fn new() -> Arc<Self> {
        let nothing = || AtomicU64::new(NOTHING);
        Arc::new(Self { rows: Diverted::default(), copied: nothing(), too_large: nothing() })
    }

    /// The row count of the last COPY that the server completed.
    pub(super) fn copied(&self) -> Option<u64> {
        Some(self.copied.load(Ordering::Acquire)).filter(|rows| *rows != NOTHING)
    }

    /// The length of a message that was over the limit.
    pub(super) fn too_large(&self) -> Option<u64> {
        Some(self.too_large.load(Ordering::Acquire)).filter(|bytes| *bytes != NOTHING)
    }
}

/// A stream of the server's messages, without the rows of a COPY.
pub(super) struct Tap<S> {
    stream: S,
    listener: Listener,
    read: Box<[u8]>,
    /// What is to be passed on, and how much of it was.
    passed: Vec<u8>,
    passed_on: usize,
}

const READ: usize = 64 << 10;

impl<S> Tap<S> {
    pub(super) fn new(stream: S, overheard: Arc<Overheard>) -> Self {
        let listener = Listener { overheard, header: [0; 5], known: 0, rest: 0, chatter: 0, tag: Vec::new() };
        Self { stream, listener, read: vec![0; READ].into(), passed: Vec::new(), passed_on: 0 }
    }
}

/// Follows the frames: a letter, a length that counts itself, a body.
struct Listener {
    overheard: Arc<Overheard>,
    header: [u8; 5],
    /// How much of the header was seen.
    known: usize,
    /// How much of the body is to come.
    rest: u64,
    /// What came beside the rows of a read.
    chatter: u64,
    /// The body of a CommandComplete.
    tag: Vec<u8>,
}

const COMMAND_COMPLETE: u8 = b'C';
const COPY_DATA: u8 = b'd';
const LONGEST_TAG: usize = 64;

impl Listener {
    /// Rows go into what is held, all else into what is passed on.
    fn listen(&mut self, bytes: &[u8], passed: &mut Vec<u8>) -> io::Result<()> {
        let overheard = Arc::clone(&self.overheard);
        overheard.rows.add(|held| self.follow(bytes, held, passed))
    }

    fn follow(&mut self, mut bytes: &[u8], held: &mut Held, passed: &mut Vec<u8>) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.known < self.header.len() {
                let take = bytes.len().min(self.header.len() - self.known);
                self.header[self.known..self.known + take].copy_from_slice(&bytes[..take]);
                self.known += take;
                bytes = &bytes[take..];
                if self.known == self.header.len() {
                    self.begin()?;
                    if self.header[0] != COPY_DATA {
                        passed.extend_from_slice(&self.header);
                    }
                }
            } else {
                let take = usize::try_from(self.rest).map_or(bytes.len(), |rest| rest.min(bytes.len()));
                if self.header[0] == COMMAND_COMPLETE && self.tag.len() + take <= LONGEST_TAG {
                    self.tag.extend_from_slice(&bytes[..take]);
                }
                if self.header[0] == COPY_DATA {
                    held.push(&bytes[..take]);
                } else {
                    passed.extend_from_slice(&bytes[..take]);
                }
                self.rest -= take as u64;
                bytes = &bytes[take..];
            }
            if self.known == self.header.len() && self.rest == 0 {
                self.end(held);
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        let [_, length @ ..] = self.header;
        self.rest = u64::from(u32::from_be_bytes(length)).saturating_sub(4);
        if self.rest > MESSAGE_LIMIT {
            self.overheard.too_large.store(self.rest, Ordering::Release);
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of the server is too large"));
        }
        if self.header[0] != COPY_DATA {
            self.chatter += self.rest + MESSAGE_COST;
        }
        if self.chatter > CHATTER_LIMIT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the server sent far more than it was asked for"));
        }
        Ok(())
    }

    fn end(&mut self, held: &mut Held) {
        if self.header[0] == COPY_DATA {
            held.end();
        } else if self.header[0] == COMMAND_COMPLETE {
            let rows = std::str::from_utf8(&self.tag).ok().and_then(|tag| tag.strip_prefix("COPY "));
            if let Some(rows) = rows.and_then(|rows| rows.trim_end_matches('\0').parse().ok()) {
                self.overheard.copied.store(rows, Ordering::Release);
            }
            self.tag.clear();
        }
        self.known = 0;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, listener, read, passed, passed_on } = &mut *self;
        loop {
            let waiting = &passed[*passed_on..];
            if !waiting.is_empty() {
                let some = waiting.len().min(buf.remaining());
                buf.put_slice(&waiting[..some]);
                *passed_on += some;
                return Poll::Ready(Ok(()));
            }
            passed.clear();
            *passed_on = 0;
            ready!(listener.overheard.rows.poll_room(cx));
            let mut arrived = ReadBuf::new(read);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut arrived))?;
            if arrived.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            listener.listen(arrived.filled(), passed)?;
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Tap<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// Listens behind the encryption.
pub(super) struct TappedTls<T> {
    pub(super) tls: T,
    pub(super) overheard: Arc<Overheard>,
}

impl<S, T> TlsConnect<S> for TappedTls<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
{
    type Stream = Tap<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let connecting = self.tls.connect(stream);
        Box::pin(async move { Ok(Tap::new(connecting.await?, self.overheard)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    #[test]
    fn the_row_count_is_overheard_wherever_reads_are_cut() {
        let bytes = [
            message(b'C', b"BEGIN\0"),
            message(b'd', b"C\0\0\0\x0bCOPY 9\0"),
            message(b'c', b""),
            message(b'C', b"COPY 12\0"),
            message(b'Z', b"T"),
        ]
        .concat();
        for size in 1..=bytes.len() {
            let overheard = Overheard::new();
            let mut tap = Tap::new((), Arc::clone(&overheard));
            let (mut passed, mut rows) = (Vec::new(), Vec::new());
            for part in bytes.chunks(size) {
                tap.listener.listen(part, &mut passed).unwrap();
            }
            assert_eq!(overheard.copied(), Some(12), "cut into {size}");
            overheard.rows.take(&mut rows);
            assert_eq!(rows, b"C\0\0\0\x0bCOPY 9\0", "the rows are diverted");
            let others =
                [message(b'C', b"BEGIN\0"), message(b'c', b""), message(b'C', b"COPY 12\0"), message(b'Z', b"T")];
            assert_eq!(passed, others.concat(), "all else is passed on");
        }
    }

    #[test]
    fn a_message_over_the_limit_breaks_the_connection() {
        let overheard = Overheard::new();
        let mut tap = Tap::new((), Arc::clone(&overheard));
        assert!(tap.listener.listen(&[b'd', 0x10, 0, 0, 0], &mut Vec::new()).is_err());
        assert_eq!(overheard.too_large(), Some(0x0FFF_FFFC));
    }

    #[test]
    fn a_server_that_never_stops_answering_breaks_the_connection_and_rows_do_not_count() {
        let mut tap = Tap::new((), Overheard::new());
        let (row, answer) = (message(b'd', &[0; 1000]).repeat(1000), message(b'D', &[0; 1000]).repeat(1000));
        tap.listener.overheard.rows.discard();
        for _ in 0..100 {
            tap.listener.listen(&row, &mut Vec::new()).unwrap();
        }
        let told = (0..100).take_while(|_| tap.listener.listen(&answer, &mut Vec::new()).is_ok()).count();
        assert_eq!(told, 53, "the limit divided by what a thousand answers cost");
    }
}
