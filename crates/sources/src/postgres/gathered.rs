//! A connection that lets bytes gather where many are coming. PostgreSQL sends rows in parts of 8 KiB, and whoever waits
//! for them is woken by each: on one machine the server pays for that, and it is a quarter of what reading a model takes.
//! So once many bytes were read, nobody waits for the next ones: they are looked for a moment later.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::coop;

use super::moment::Moment;

/// Behind fewer bytes the next ones are waited for: they belong to an answer, not to rows.
const MANY: usize = 4 << 10;

pub(super) struct Gathered<S: Stream> {
    state: State<S>,
    /// Bytes since there were none.
    stretch: usize,
    /// Whoever writes waits for room.
    full: bool,
    moment: Option<Moment>,
    /// There can be moments.
    gathers: bool,
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
}

impl<S: Stream> Gathered<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { state: State::Watched(stream), stretch: 0, full: false, moment: None, gathers: true }
    }

    /// Until a moment from now. False: there is no timer for it, and the stream is watched as before.
    fn unwatch(&mut self) -> io::Result<bool> {
        if self.gathers && self.moment.is_none() {
            let made = Moment::new().inspect_err(|error| tracing::debug!(%error, "rows do not gather"));
            self.moment = made.ok();
            self.gathers = self.moment.is_some();
        }
        let Some(moment) = &mut self.moment else { return Ok(false) };
        moment.begin()?;
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Watched(stream) => State::Unwatched(stream.unwatch()?),
            state => state,
        };
        Ok(true)
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
                // There may be more: it is only the turn of others.
                if !coop::has_budget_remaining() {
                    return Poll::Pending;
                }
            }
            let many = std::mem::take(&mut this.stretch) >= MANY;
            if many && !this.full && this.unwatch()? {
                continue;
            }
            match this.state {
                State::Unwatched(_) => this.watched()?,
                _ => return Poll::Pending,
            };
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
        Pin::new(self.get_mut().watched()?).poll_shutdown(cx)
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
}

impl Stream for UnixStream {
    type Plain = unix::net::UnixStream;

    fn unwatch(self) -> io::Result<Self::Plain> {
        self.into_std()
    }

    fn watch(plain: Self::Plain) -> io::Result<Self> {
        Self::from_std(plain)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{TcpListener, TcpStream as Peer};
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;
    use crate::postgres::moment::MOMENT;

    const LONG: Duration = Duration::from_secs(20);

    async fn pair() -> (Gathered<TcpStream>, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Gathered::new(stream), listener.accept().unwrap().0)
    }

    fn unix_pair() -> (Gathered<UnixStream>, unix::net::UnixStream) {
        let (stream, peer) = UnixStream::pair().unwrap();
        let peer = peer.into_std().unwrap();
        peer.set_nonblocking(false).unwrap();
        (Gathered::new(stream), peer)
    }

    /// Reads all that was sent, and asks for more.
    async fn drain<S: Stream>(gathered: &mut Gathered<S>, bytes: usize) {
        timeout(LONG, gathered.read_exact(&mut vec![0; bytes])).await.unwrap().unwrap();
        let more = std::future::poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut *gathered).poll_read(cx, &mut ReadBuf::new(&mut [0; 10])).is_ready())
        });
        assert!(!more.await);
    }

    /// Waits for some moments, and nothing comes.
    async fn wait_in_vain<S: Stream>(gathered: &mut Gathered<S>) {
        let waiting = timeout(Duration::from_millis(20), gathered.read(&mut [0])).await;
        assert!(waiting.is_err(), "nothing came");
    }

    fn is_watched<S: Stream>(gathered: &Gathered<S>) -> bool {
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
            timeout(LONG, gathered.read_exact(&mut one)).await.unwrap().unwrap();
            assert_eq!((one, is_watched(&gathered)), ([round], false), "the last bytes are looked for");
            wait_in_vain(&mut gathered).await;
            assert!(is_watched(&gathered), "few came");
            peer.write_all(&[round; MANY]).unwrap();
            drain(&mut gathered, MANY).await;
            wait_in_vain(&mut gathered).await;
            assert!(is_watched(&gathered), "a moment went by and nothing came");
        }
    }

    #[tokio::test]
    async fn all_bytes_arrive_however_they_come_and_so_does_the_end() {
        let (gathered, peer) = pair().await;
        all_arrive(gathered, peer).await;
        let (gathered, peer) = unix_pair();
        all_arrive(gathered, peer).await;
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
        timeout(LONG, gathered.read_to_end(&mut read)).await.unwrap().unwrap();
        assert!(read == expected);
        sending.join().unwrap();
    }

    #[tokio::test]
    async fn what_is_written_while_nobody_waits_goes_out_whole() {
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
        let mut written = 0;
        // Nobody reads, and no socket holds so much.
        while let Ok(some) = timeout(Duration::from_millis(20), gathered.write(&many[written..])).await {
            written += some.unwrap();
        }
        assert!(written < many.len() && is_watched(&gathered), "there is no room any more");
        let reading = std::thread::spawn(move || {
            let mut read = Vec::new();
            peer.read_to_end(&mut read).map(|_| read)
        });
        timeout(LONG, gathered.write_all(&many[written..])).await.unwrap().unwrap();
        gathered.shutdown().await.unwrap();
        assert!(reading.join().unwrap().unwrap() == many);
    }

    /// A moment that was cut short by who writes does not cut short the next one.
    #[tokio::test]
    async fn each_moment_is_waited_for_anew() {
        let (mut gathered, mut peer) = pair().await;
        for _ in 0..3 {
            peer.write_all(&[0; MANY]).unwrap();
            drain(&mut gathered, MANY).await;
            assert!(!is_watched(&gathered));
            gathered.watched().unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            let began = Instant::now();
            gathered.unwatch().unwrap();
            let moment = gathered.moment.as_mut().unwrap();
            let over = std::future::poll_fn(|cx| Poll::Ready(moment.poll(cx).is_ready())).await;
            assert!(!over || began.elapsed() >= MOMENT, "it has only begun");
            wait_in_vain(&mut gathered).await;
        }
    }

    #[tokio::test]
    async fn an_end_reaches_the_server_while_nobody_waits() {
        let (mut tcp, mut peer) = pair().await;
        end(&mut tcp, &mut peer).await;
        let (mut unix, mut peer) = unix_pair();
        end(&mut unix, &mut peer).await;
    }

    async fn end<S: Stream>(gathered: &mut Gathered<S>, peer: &mut (impl Read + Write)) {
        peer.write_all(&[0; MANY]).unwrap();
        drain(gathered, MANY).await;
        assert!(!is_watched(gathered));
        gathered.shutdown().await.unwrap();
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
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
        timeout(LONG, written).await.unwrap().unwrap().unwrap();
        drop(taking.join().unwrap().unwrap());
        assert_eq!(timeout(LONG, read).await.unwrap().unwrap().unwrap(), 0, "the end");
    }

    #[tokio::test]
    async fn a_connection_that_is_reset_says_so_while_nobody_waits() {
        let (mut gathered, mut peer) = pair().await;
        peer.write_all(&[0; MANY]).unwrap();
        drain(&mut gathered, MANY).await;
        gathered.write_all(b"unread").await.unwrap();
        peer.peek(&mut [0]).unwrap();
        assert!(!is_watched(&gathered));
        drop(peer);
        let failure = timeout(LONG, gathered.read(&mut [0; 10])).await.unwrap().unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::ConnectionReset);
        gathered.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn without_a_timer_a_stream_is_watched_all_the_time() {
        let (gathered, peer) = pair().await;
        let mut gathered = Gathered { gathers: false, ..gathered };
        (&peer).write_all(&[0; MANY]).unwrap();
        drain(&mut gathered, MANY).await;
        assert!(is_watched(&gathered));
        all_arrive(gathered, peer).await;
    }
}
