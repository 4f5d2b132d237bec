//! The socket under a connection. We open it ourselves, so that what is connected to is what the egress policy has seen,
//! and a request to cancel reaches the very same server.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use domain::egress::{EgressPolicy, Host as Written, parse_host};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};

use super::gathered::Gathered;
use super::settings::{Host, Settings};

pub(super) enum Socket {
    Tcp(Gathered<TcpStream>),
    Unix(Gathered<UnixStream>),
}

/// Names to addresses. Tests play a resolver that changes its mind.
pub(super) type Resolve = fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

pub(super) fn by_the_system(host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    async move { Ok(lookup_host((host, port)).await?.collect()) }.boxed()
}

/// `peer`: the server that was reached before; its name may lead to another one now.
pub(super) async fn dial(settings: &Settings, peer: Option<SocketAddr>) -> io::Result<(Socket, Option<SocketAddr>)> {
    let host = match &settings.host {
        Host::Unix(folder) => {
            settings.egress.check_unix_socket().map_err(forbidden)?;
            let socket = UnixStream::connect(folder.join(format!(".s.PGSQL.{}", settings.port))).await?;
            return Ok((Socket::Unix(Gathered::new(socket)), None));
        }
        Host::Tcp(host) => host,
    };
    let addresses = match peer {
        Some(peer) => vec![peer],
        None => resolve(settings, host).await?,
    };
    let socket = reach(allowed(&settings.egress, addresses)?).await?;
    socket.set_nodelay(true)?;
    let peer = socket.peer_addr()?;
    Ok((Socket::Tcp(Gathered::new(socket)), Some(peer)))
}

async fn resolve(settings: &Settings, host: &str) -> io::Result<Vec<SocketAddr>> {
    if !settings.egress.is_open() {
        let written = parse_host(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        if let Written::Address(address) = written {
            return Ok(vec![SocketAddr::new(address, settings.port)]);
        }
    }
    (settings.resolve)(host.to_owned(), settings.port).await
}

/// More addresses of one host than this are not tried: a name with thousands would have us knock at all of them.
const MOST_ADDRESSES: usize = 8;

fn allowed(policy: &EgressPolicy, mut addresses: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    let mut failure = None;
    addresses.retain(|address| match policy.check(*address) {
        Ok(()) => true,
        Err(refused) => {
            tracing::info!(%refused, "a source leads to an address that is refused");
            failure = Some(refused);
            false
        }
    });
    addresses.truncate(MOST_ADDRESSES);
    match failure {
        Some(refused) if addresses.is_empty() => Err(forbidden(refused)),
        _ => Ok(addresses),
    }
}

fn forbidden(refused: domain::egress::Refused) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, refused)
}

/// Each address was checked.
async fn reach(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::PostgresSource;

    use super::*;

    fn settings(port: u16, resolve: Resolve, policy: EgressPolicy) -> Settings {
        let url = format!("postgres://u:p@db.example.com:{port}/d?sslmode=disable");
        let mut settings = Settings::new(&PostgresSource::default(), Some(url), None).unwrap().egress(policy);
        settings.resolve = resolve;
        settings
    }

    /// Listens on a port of two addresses of the loopback.
    fn two_listeners() -> (u16, TcpListener, TcpListener) {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let second = TcpListener::bind(("127.0.0.2", port)).unwrap();
        second.set_nonblocking(true).unwrap();
        (port, first, second)
    }

    fn first_alone() -> EgressPolicy {
        EgressPolicy::default().allow("127.0.0.1".parse().unwrap())
    }

    fn answer(port: u16, hosts: &[&str]) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let addresses = hosts.iter().map(|host| SocketAddr::new(host.parse().unwrap(), port)).collect();
        std::future::ready(Ok(addresses)).boxed()
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_the_second_time_leads_nowhere() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        fn rebinding(_host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            answer(port, if ASKED.fetch_add(1, Ordering::SeqCst) == 0 { &["127.0.0.1"] } else { &["127.0.0.2"] })
        }
        let (port, _first, second) = two_listeners();
        let settings = settings(port, rebinding, first_alone());
        let (_socket, peer) = dial(&settings, None).await.unwrap();
        assert_eq!((peer.unwrap().ip(), ASKED.load(Ordering::SeqCst)), ("127.0.0.1".parse().unwrap(), 1));

        // A request to cancel goes to the address that was checked, without asking again.
        let (_socket, again) = dial(&settings, peer).await.unwrap();
        assert_eq!((again, ASKED.load(Ordering::SeqCst)), (peer, 1));

        let refused = dial(&settings, None).await.err().unwrap();
        assert_eq!((refused.kind(), ASKED.load(Ordering::SeqCst)), (io::ErrorKind::PermissionDenied, 2));
        assert_eq!(second.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock, "nobody connected");
    }

    #[tokio::test]
    async fn of_several_addresses_only_the_allowed_ones_are_tried() {
        fn mixed(_host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            answer(port, &["127.0.0.2", "169.254.169.254", "::1", "::ffff:127.0.0.1", "10.0.0.1"])
        }
        let (port, _first, second) = two_listeners();
        let (_socket, peer) = dial(&settings(port, mixed, first_alone()), None).await.unwrap();
        assert_eq!(peer.unwrap().ip().to_canonical(), "127.0.0.1".parse::<std::net::IpAddr>().unwrap());
        assert_eq!(second.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock, "nobody connected");
    }

    #[test]
    fn no_more_than_a_few_addresses_are_tried() {
        let many: Vec<SocketAddr> = (1..=50).map(|last| SocketAddr::from(([8, 8, 8, last], 5432))).collect();
        assert_eq!(allowed(&EgressPolicy::default(), many).unwrap().len(), MOST_ADDRESSES);
    }
}
