//! Accepts connections. A client that is slow to send its head, or keeps silent, is hung up on, and there are only so many.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// For the head of a request, and between two requests of a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECTIONS: usize = 10_000;
/// After a failure that is not the client's, such as too many open files.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; is another process there? Choose another address")]
pub(super) struct BindError {
    address: SocketAddr,
    source: io::Error,
}

impl Listener {
    pub(super) async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound.await.map_err(|source| BindError { address, source })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Until `stop`; then no connection is accepted any more, and those that are open end with the request they are at.
    /// A dropped future closes all of them.
    pub(super) async fn serve(self, router: Router, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let graceful = GracefulShutdown::new();
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &places) => accepted,
                () = stop.cancelled() => break,
            };
            let Some((stream, client, place)) = accepted else { continue };
            while connections.try_join_next().is_some() {}
            let service = hyper::service::service_fn({
                let router = router.clone();
                move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(ConnectInfo(client));
                    router.clone().oneshot(request.map(axum::body::Body::new))
                }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
            connections.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%client, "a connection ended: {error}");
                }
                drop(place);
            });
        }
        drop(self.listener);
        graceful.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, client)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%client, "answers may be slow: {error}");
            }
            Some((stream, client, place))
        }
        Err(error) => {
            tracing::warn!("cannot accept a connection, trying again: {error}");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    use super::*;

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_request_at_work_is_answered_after_stop_and_no_new_one_is_accepted() {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
            move |ConnectInfo(client): ConnectInfo<SocketAddr>| async move {
                begun.notify_one();
                go_on.notified().await;
                client.ip().to_string()
            }
        };
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.address();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(listener.serve(Router::new().route("/", get(slow)), stop.clone()));
        let asked = tokio::spawn(async move { ask(address, "/").await });
        begun.notified().await;
        stop.cancel();
        // The socket is closed once the loop has seen it.
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go_on.notify_one();
        let answer = asked.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named() {
        let first = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = Listener::bind(first.address()).await.err().unwrap();
        assert!(error.to_string().contains(&first.address().to_string()));
    }
}
