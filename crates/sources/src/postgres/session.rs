//! One connection for one purpose, never pooled. Dropped while it runs something, it cancels that on the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::tls::{MakeTlsConnect, NoTls};
use tokio_postgres::{CancelToken, Client, Config, config};

use super::failure;
use super::settings::{Host, Settings};
use super::socket::{Socket, dial};
use super::wire::{MESSAGE_LIMIT, Overheard, Tap, TappedTls};
use crate::Error;

pub(super) struct Session {
    pub(super) client: Client,
    pub(super) overheard: Arc<Overheard>,
    link: Link,
}

/// The task that moves the bytes, and how to cancel what the server does for it.
struct Link {
    settings: Settings,
    peer: Option<SocketAddr>,
    token: CancelToken,
    overheard: Arc<Overheard>,
    /// `None` once it was awaited or given away.
    moving: Option<JoinHandle<Result<(), tokio_postgres::Error>>>,
    runtime: Handle,
}

impl Session {
    pub(super) async fn open(settings: &Settings) -> Result<Self, Error> {
        settings.ready()?;
        let limit = settings.connect_limit();
        let opened = timeout(limit, Self::connect(settings)).await;
        let opened = opened.unwrap_or(Err(Error::Timeout { doing: "connecting", limit }));
        opened.map_err(|error| failure::discreet(settings, error))
    }

    /// What became of a request; a broken connection says why it broke.
    pub(super) async fn explain(&mut self, cause: tokio_postgres::Error, text: Option<failure::Text<'_>>) -> Error {
        if let Some(bytes) = self.overheard.too_large() {
            return Error::RowTooLarge { bytes, limit: MESSAGE_LIMIT };
        }
        if !cause.is_closed() {
            return failure::server(cause, text);
        }
        match self.link.moving.take() {
            Some(moving) => match moving.await {
                // The reading half may have noticed in the meantime.
                Ok(Err(_)) if self.overheard.too_large().is_some() => {
                    Error::RowTooLarge { bytes: self.overheard.too_large().unwrap_or_default(), limit: MESSAGE_LIMIT }
                }
                Ok(Err(why)) => failure::server(why, None),
                Ok(Ok(())) | Err(_) => failure::server(cause, None),
            },
            None => failure::server(cause, None),
        }
    }

    /// Nothing runs any more: dropping the session need not cancel, it just ends the connection.
    pub(super) fn done(&mut self) {
        // Without its handle the task goes on until the client is dropped.
        drop(self.link.moving.take());
    }

    /// Ends the connection when nothing runs on it any more.
    pub(super) async fn close(mut self) {
        let Some(mut moving) = self.link.moving.take() else { return };
        drop(self);
        if timeout(Duration::from_secs(1), &mut moving).await.is_err() {
            moving.abort();
        }
    }

    /// Cancels what runs on the server and waits until it is over, for some seconds at most.
    pub(super) async fn cancel(mut self) {
        let Some(moving) = self.link.moving.take() else { return };
        let stop = self.link.stop(moving);
        drop(self);
        stop.await;
    }

    async fn connect(settings: &Settings) -> Result<Self, Error> {
        let unreachable = |source| Error::Unreachable { address: settings.address(), source };
        let (socket, peer) = dial(settings, None).await.map_err(unreachable)?;
        let failed = |cause| failure::connecting(settings, cause);
        let overheard = Overheard::new();
        let config = config(settings);
        let (client, moving) = match settings.tls.0.clone() {
            None => {
                let tap = Tap::new(socket, Arc::clone(&overheard));
                let (client, connection) = config.connect_raw(tap, NoTls).await.map_err(failed)?;
                (client, tokio::spawn(connection))
            }
            Some(mut maker) => {
                let tls = TappedTls { tls: tls_for(&mut maker, settings)?, overheard: Arc::clone(&overheard) };
                let (client, connection) = config.connect_raw(socket, tls).await.map_err(failed)?;
                (client, tokio::spawn(connection))
            }
        };
        let token = client.cancel_token();
        let (settings, runtime) = (settings.clone(), Handle::current());
        let link = Link { settings, peer, token, overheard: Arc::clone(&overheard), moving: Some(moving), runtime };
        Ok(Self { client, overheard, link })
    }
}

impl Link {
    /// A request to cancel may come before the server has begun, so it is repeated. A server that does not react loses
    /// the connection, which it notices when it sends the next row.
    fn stop(
        &self,
        mut moving: JoinHandle<Result<(), tokio_postgres::Error>>,
    ) -> impl Future<Output = ()> + Send + 'static {
        // The answer to it comes behind all rows that are on their way.
        self.overheard.rows.discard();
        let (settings, peer, token) = (self.settings.clone(), self.peer, self.token.clone());
        async move {
            for wait in [200, 500, 1000, 2000, 4000] {
                let request = timeout(settings.connect_limit(), request_cancel(&settings, peer, &token));
                if let Ok(Err(error)) = request.await {
                    tracing::debug!(%error, "a request to cancel did not reach PostgreSQL");
                }
                if timeout(Duration::from_millis(wait), &mut moving).await.is_ok() {
                    return;
                }
            }
            moving.abort();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(moving) = self.moving.take() {
            let stop = self.stop(moving);
            drop(self.runtime.spawn(stop));
        }
    }
}

async fn request_cancel(settings: &Settings, peer: Option<SocketAddr>, token: &CancelToken) -> Result<(), Error> {
    let unreachable = |source| Error::Unreachable { address: settings.address(), source };
    let (socket, _) = dial(settings, peer).await.map_err(unreachable)?;
    let canceled = match settings.tls.0.clone() {
        None => token.cancel_query_raw(socket, NoTls).await,
        Some(mut maker) => token.cancel_query_raw(socket, tls_for(&mut maker, settings)?).await,
    };
    canceled.map_err(|cause| failure::connecting(settings, cause))
}

type Tls = <tokio_postgres_rustls::MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;

fn tls_for(maker: &mut tokio_postgres_rustls::MakeRustlsConnect, settings: &Settings) -> Result<Tls, Error> {
    let host = match &settings.host {
        Host::Tcp(host) => host.as_str(),
        Host::Unix(_) => "",
    };
    let made = MakeTlsConnect::<Socket>::make_tls_connect(maker, host);
    made.map_err(|error| Error::Settings(format!("the host is no name that TLS can check: {error}")))
}

fn config(settings: &Settings) -> Config {
    let mut config = Config::new();
    config.user(&settings.user).dbname(&settings.database).application_name(&settings.application_name);
    if let Some(password) = &settings.password {
        config.password(password);
    }
    let encrypted = settings.tls.0.is_some();
    config.ssl_mode(if encrypted { config::SslMode::Require } else { config::SslMode::Disable });
    config
}
