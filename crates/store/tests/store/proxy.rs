//! Stands between a store and its database: delays answers, and breaks the connection around a COMMIT.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens to the next COMMIT. Then all is well again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks before the database gets it.
    CommitIsLost,
    /// The database commits, and the connection breaks before the answer.
    AnswerIsLost,
    /// The client's connection breaks, and the database gets the COMMIT only after another session has asked for a lock.
    CommitIsLate,
}

#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    url: String,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    delay: Duration,
    fault: Mutex<Option<Fault>>,
    lock_requested: Notify,
}

impl Proxy {
    /// `url`: by TCP. Each answer of the server is held back for `delay`.
    pub(crate) async fn start(url: &str, delay: Duration) -> Self {
        let upstream = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url.replace(&upstream, &listener.local_addr().unwrap().to_string());
        let shared = Arc::new(Shared { upstream, delay, fault: Mutex::new(None), lock_requested: Notify::new() });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&accepting), client));
            }
        });
        Self { shared, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn arm(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = Some(fault);
    }

    pub(crate) fn fired(&self) -> bool {
        self.shared.fault.lock().unwrap().is_none()
    }
}

async fn serve(shared: Arc<Shared>, mut client: TcpStream) {
    client.set_nodelay(true).unwrap();
    let mut server = TcpStream::connect(&shared.upstream).await.unwrap();
    server.set_nodelay(true).unwrap();
    let (mut request, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut asks_for_lock = false;
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(length @ 1..) = read else { return };
                let request = &request[..length];
                let fault = if contains(request, b"COMMIT") { shared.fault.lock().unwrap().take() } else { None };
                if let Some(fault) = fault {
                    return fail(&shared, fault, client, server, request).await;
                }
                server.write_all(request).await.unwrap_or_default();
                if asks_for_lock {
                    // The statement was prepared by the request before and is executed by this one.
                    shared.lock_requested.notify_one();
                }
                asks_for_lock = contains(request, b"for no key update");
            }
            read = server.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                tokio::time::sleep(shared.delay).await;
                client.write_all(&answer[..length]).await.unwrap_or_default();
            }
        }
    }
}

async fn fail(shared: &Shared, fault: Fault, client: TcpStream, mut server: TcpStream, commit: &[u8]) {
    match fault {
        Fault::CommitIsLost => return,
        Fault::AnswerIsLost => {}
        Fault::CommitIsLate => {
            drop(client);
            shared.lock_requested.notified().await;
        }
    }
    server.write_all(commit).await.unwrap();
    // The first byte of the answer: the database has committed.
    server.read_u8().await.unwrap();
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
