//! Connections that can be reset, or cut in the middle of an answer, on command.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const OPEN: u8 = 0;
const RESET: u8 = 1;
const CUT: u8 = 2;
const CLOSED: u8 = 3;

/// What is to become of a connection. A request handler sets it; it takes effect when the answer is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate(Arc<AtomicU8>);

impl Fate {
    /// The answer is not sent; the client sees a TCP reset.
    pub(crate) fn reset(&self) {
        self.0.store(RESET, Ordering::Relaxed);
    }

    /// Half of the answer is sent, then the connection closes.
    pub(crate) fn cut(&self) {
        self.0.store(CUT, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Listener>> for Fate {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().fate.clone()
    }
}

pub(crate) struct Listener(pub(crate) TcpListener);

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection was gone before it was served");
                    }
                    let fate = Fate::default();
                    return (Connection { stream, fate }, address);
                }
                Err(error) => {
                    // Out of file descriptors, most likely: others close meanwhile.
                    tracing::warn!(%error, "the simulator cannot accept a connection; it tries again");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    fate: Fate,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

// Vectored writes stay off, so that an answer arrives in one buffer and can be cut in its middle.
impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        match self.fate.0.load(Ordering::Relaxed) {
            OPEN => Pin::new(&mut self.stream).poll_write(context, buffer),
            CUT => {
                let written = Pin::new(&mut self.stream).poll_write(context, &buffer[..buffer.len() / 2]);
                if written.is_ready() {
                    self.fate.0.store(CLOSED, Ordering::Relaxed);
                }
                written
            }
            RESET => {
                // Without lingering, closing the socket sends RST instead of FIN.
                self.stream.set_zero_linger()?;
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            _ => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
