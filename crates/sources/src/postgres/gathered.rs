//! A connection that lets bytes gather where many are coming. PostgreSQL sends rows in parts of 8 KiB, and whoever waits
//! for them is woken by each: on one machine the server pays for that, and it is a quarter of what reading a model takes.
//! So once many bytes were read, nobody waits for the next ones: they are looked for a moment later.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::coop;

/// Behind fewer bytes the next ones are waited for: they belong to an answer, not to rows.
const MANY: usize = 4 << 10;
/// What comes in a moment is less than a socket holds, which may be 200 KiB: else the server would have to wait.
const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 400_000 };

pub(super) struct Gathered<S: Stream> {
    state: State<S>,
    /// Bytes since there were none.
    stretch: usize,
    /// Whoever writes waits for room.
    full: bool,
    moment: Option<Moment>,
}

enum State<S: Stream> {
    /// The runtime is told when something can be read or written.
    Watched(S),
    /// Nobody is told of anything.
    Unwatched(S::Plain),
    /// It could not be brought from one to the other.
    Lost,
}

/// A stream of the runtime that can be taken out of it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Sized {
    type Plain: Read + Write + Unpin;

    fn unwatch(self) -> io::Result<Self::Plain>;

    fn watch(plain: Self::Plain) -> io::Result<Self>;

    fn end(plain: &Self::Plain) -> io::Result<()>;
}

impl<S: Stream> Gathered<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { state: State::Watched(stream), stretch: 0, full: false, moment: None }
    }

    /// Until a moment from now.
    fn unwatch(&mut self) -> io::Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Watched(stream) => State::Unwatched(stream.unwatch()?),
            state => state,
        };
        match &mut self.moment {
            Some(moment) => moment,
            none => none.insert(Moment::new()?),
        }
        .begin()
    }

    fn watched(&mut self) -> io::Result<&mut S> {
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Unwatched(stream) => State::Watched(S::watch(stream)?),
            state => state,
        };
        match &mut self.state {
            State::Watched(stream) => Ok(stream),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }
}

impl<S: Stream> AsyncRead for Gathered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if let State::Unwatched(stream) = &mut this.state {
                if let Some(moment) = &mut this.moment {
                    ready!(moment.poll(cx))?;
                }
                let budget = ready!(coop::poll_proceed(cx));
                match stream.read(buf.initialize_unfilled()) {
                    Ok(read) => {
                        budget.made_progress();
                        buf.advance(read);
                        this.stretch += read;
                        return Poll::Ready(Ok(()));
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() != ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                    Err(_) => {}
                }
            } else {
                let before = buf.filled().len();
                let read = Pin::new(this.watched()?).poll_read(cx, buf)?;
                this.stretch += buf.filled().len() - before;
                if read.is_ready() {
                    return Poll::Ready(Ok(()));
                }
            }
            let many = std::mem::take(&mut this.stretch) >= MANY;
            if many && !this.full {
                this.unwatch()?;
            } else if matches!(this.state, State::Unwatched(_)) {
                this.watched()?;
            } else {
                return Poll::Pending;
            }
        }
    }
}

impl<S: Stream> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let State::Unwatched(stream) = &mut this.state {
            match stream.write(buf) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                written => return Poll::Ready(written),
            }
        }
        let written = Pin::new(this.watched()?).poll_write(cx, buf);
        this.full = written.is_pending();
        written
    }

    /// What is written is on its way.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().state {
            State::Watched(stream) => Pin::new(stream).poll_shutdown(cx),
            State::Unwatched(stream) => Poll::Ready(S::end(stream)),
            State::Lost => Poll::Ready(Ok(())),
        }
    }
}

impl Stream for TcpStream {
    type Plain = std::net::TcpStream;

    fn unwatch(self) -> io::Result<Self::Plain> {
        self.into_std()
    }

    fn watch(plain: Self::Plain) -> io::Result<Self> {
        Self::from_std(plain)
    }

    fn end(plain: &Self::Plain) -> io::Result<()> {
        plain.shutdown(Shutdown::Write)
    }
}

impl Stream for UnixStream {
    type Plain = unix::net::UnixStream;

    fn unwatch(self) -> io::Result<Self::Plain> {
        self.into_std()
    }

    fn watch(plain: Self::Plain) -> io::Result<Self> {
        Self::from_std(plain)
    }

    fn end(plain: &Self::Plain) -> io::Result<()> {
        plain.shutdown(Shutdown::Write)
    }
}

/// A timer of the system: that of the runtime knows no time below a millisecond.
struct Moment {
    timer: AsyncFd<OwnedFd>,
    runs: bool,
}

impl Moment {
    fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "what takes its place is unsafe, for types that may change their descriptor: none is owned"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self { timer, runs: false })
    }

    fn begin(&mut self) -> io::Result<()> {
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: MOMENT };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        self.runs = true;
        Ok(())
    }

    /// Whether it is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.runs {
            // To begin it anew makes it unreadable, so it is told of each time that it is over.
            ready!(self.timer.poll_read_ready(cx))?.clear_ready();
            self.runs = false;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream as Peer};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn pair() -> (Gathered<TcpStream>, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Gathered::new(stream), listener.accept().unwrap().0)
    }

    /// Reads all that was sent, and asks for more.
    async fn drain(gathered: &mut Gathered<TcpStream>, bytes: usize) {
        gathered.read_exact(&mut vec![0; bytes]).await.unwrap();
        let more = std::future::poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut *gathered).poll_read(cx, &mut ReadBuf::new(&mut [0; 10])).is_ready())
        });
        assert!(!more.await);
    }

    fn is_watched(gathered: &Gathered<TcpStream>) -> bool {
        matches!(gathered.state, State::Watched(_))
    }

    #[tokio::test]
    async fn behind_many_bytes_nobody_waits_and_behind_few_somebody_does() {
        let (mut gathered, mut peer) = pair().await;
        let mut one = [0];
        for round in 0..3 {
            peer.write_all(&[round; MANY - 1]).unwrap();
            drain(&mut gathered, MANY - 1).await;
            assert!(is_watched(&gathered), "an answer");
            peer.write_all(&[round; MANY]).unwrap();
            drain(&mut gathered, MANY).await;
            assert!(!is_watched(&gathered), "rows");
            peer.write_all(&[round]).unwrap();
            gathered.read_exact(&mut one).await.unwrap();
            assert_eq!((one, is_watched(&gathered)), ([round], false), "the last bytes are looked for");
            drain_nothing(&mut gathered).await;
            assert!(is_watched(&gathered), "nothing comes any more");
        }
    }

    /// Waits a moment for nothing.
    async fn drain_nothing(gathered: &mut Gathered<TcpStream>) {
        let mut nothing = [0];
        let waiting = tokio::time::timeout(Duration::from_millis(20), gathered.read(&mut nothing)).await;
        assert!(waiting.is_err(), "nothing came");
    }

    #[tokio::test]
    async fn all_bytes_arrive_however_they_come_and_so_does_the_end() {
        let (gathered, peer) = pair().await;
        all_arrive(gathered, peer).await;
        let (stream, peer) = UnixStream::pair().unwrap();
        let peer = peer.into_std().unwrap();
        peer.set_nonblocking(false).unwrap();
        all_arrive(Gathered::new(stream), peer).await;
    }

    async fn all_arrive<S: Stream>(mut gathered: Gathered<S>, mut peer: impl Write + Send + 'static) {
        let sizes = [1, 8 << 10, 100, 1 << 20, MANY, 3, 300 << 10, MANY - 1, 2 << 20];
        let sent: Vec<u8> = (0..sizes.iter().sum()).map(|at: usize| (at * 7 + at / 251) as u8).collect();
        let expected = sent.clone();
        let sending = std::thread::spawn(move || {
            let mut rest = &sent[..];
            for (turn, size) in sizes.into_iter().enumerate() {
                peer.write_all(rest.split_off(..size).unwrap()).unwrap();
                std::thread::sleep(Duration::from_millis(turn as u64));
            }
        });
        let mut read = Vec::new();
        tokio::time::timeout(Duration::from_secs(20), gathered.read_to_end(&mut read)).await.unwrap().unwrap();
        assert!(read == expected);
        sending.join().unwrap();
    }

    #[tokio::test]
    async fn what_is_written_while_nobody_waits_goes_out_whole_and_an_end_too() {
        let (mut gathered, mut peer) = pair().await;
        peer.write_all(&[0; MANY]).unwrap();
        drain(&mut gathered, MANY).await;
        assert!(!is_watched(&gathered));
        gathered.write_all(b"few").await.unwrap();
        assert!(!is_watched(&gathered), "there was room");
        let mut few = [0; 3];
        peer.read_exact(&mut few).unwrap();
        assert_eq!(&few, b"few");

        let many = vec![7; 16 << 20];
        let reading = std::thread::spawn(move || {
            let mut read = Vec::new();
            peer.read_to_end(&mut read).map(|_| read)
        });
        tokio::time::timeout(Duration::from_secs(20), gathered.write_all(&many)).await.unwrap().unwrap();
        assert!(is_watched(&gathered), "there was no room any more");
        gathered.shutdown().await.unwrap();
        assert!(reading.join().unwrap().unwrap() == many);
    }

    /// To be told of room is not given up for many bytes.
    #[tokio::test]
    async fn who_waits_for_room_is_told_of_it_though_many_bytes_come() {
        let (gathered, mut peer) = pair().await;
        let (mut reading, mut writing) = tokio::io::split(gathered);
        let written = tokio::spawn(async move { writing.write_all(&vec![7; 16 << 20]).await });
        let read = tokio::spawn(async move {
            let mut rows = vec![0; 4 * MANY];
            for _ in 0..3 {
                reading.read_exact(&mut rows).await.unwrap();
            }
            reading.read(&mut rows).await
        });
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            peer.write_all(&[0; 4 * MANY]).unwrap();
        }
        let taking = std::thread::spawn(move || peer.read_exact(&mut vec![0; 16 << 20]).map(|()| peer));
        tokio::time::timeout(Duration::from_secs(20), written).await.unwrap().unwrap().unwrap();
        drop(taking.join().unwrap().unwrap());
        assert_eq!(read.await.unwrap().unwrap(), 0, "the end");
    }

    #[tokio::test]
    async fn a_connection_that_is_reset_says_so_while_nobody_waits() {
        let (mut gathered, mut peer) = pair().await;
        peer.write_all(&[0; MANY]).unwrap();
        drain(&mut gathered, MANY).await;
        gathered.write_all(b"unread").await.unwrap();
        drop(peer);
        let failure = gathered.read(&mut [0; 10]).await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::ConnectionReset);
    }
}
