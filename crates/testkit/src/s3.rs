//! A server that speaks S3, by others, over HTTP in the process of the test; with faults on demand, and a log of the requests.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails by a panic, as tests do")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const BUCKET: &str = "objects";
pub const REGION: &str = "eu-central-1";
pub const ACCESS_KEY: &str = "test-key";
pub const SECRET_KEY: &str = "test-secret";

/// One bucket. Dropped, it is gone with all that is in it.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    /// Of all buckets.
    folder: PathBuf,
    faults: Mutex<VecDeque<(Wanted, Fault)>>,
    asked: Mutex<Vec<Asked>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Which requests a fault is for.
pub type Wanted = Box<dyn Fn(&Asked) -> bool + Send>;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// Of its body.
    pub bytes: usize,
}

/// What becomes of one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An answer, without doing anything.
    Answer(StatusCode, String),
    /// The connection ends; nothing was done.
    Reset,
    /// It is done, and the connection ends before the answer.
    ResetAfter,
    /// It is done, but slowly, and whether or not somebody still waits for it.
    Late,
    /// So many bytes of the answer, then the connection ends.
    Cut(usize),
    /// It is done whatever stands under the name, as by a server that ignores conditions.
    Replaces,
}

impl Fault {
    /// An error as S3 writes it.
    pub fn error(status: u16, code: &str) -> Self {
        let body =
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>it says {code}.</Message></Error>");
        Self::Answer(StatusCode::from_u16(status).unwrap(), body)
    }
}

impl Asked {
    pub fn query_has(&self, name: &str) -> bool {
        let query = self.uri.query().unwrap_or_default();
        query.split('&').any(|pair| pair.split('=').next() == Some(name))
    }

    /// A put of a whole object.
    pub fn puts(&self) -> bool {
        self.method == Method::PUT && !self.query_has("uploadId")
    }

    pub fn puts_part(&self) -> bool {
        self.method == Method::PUT && self.query_has("uploadId")
    }

    pub fn completes(&self) -> bool {
        self.method == Method::POST && self.query_has("uploadId")
    }
}

impl Server {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let service = {
            let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
            builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
            builder.build()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { folder: folder.path().to_owned(), faults: Mutex::default(), asked: Mutex::default() });
        let task = tokio::spawn(serve(listener, service, Arc::clone(&shared)));
        Self { folder, address, shared, task }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request that is wanted meets the fault; faults wait in the order in which they were given.
    pub fn fail(&self, wanted: impl Fn(&Asked) -> bool + Send + 'static, fault: Fault) {
        self.shared.faults.lock().unwrap().push_back((Box::new(wanted), fault));
    }

    /// Faults that no request has met.
    pub fn faults_left(&self) -> usize {
        self.shared.faults.lock().unwrap().len()
    }

    /// All requests since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.asked.lock().unwrap())
    }

    /// The bucket's objects, by name.
    pub fn objects(&self) -> Vec<String> {
        let root = self.folder.path().join(BUCKET);
        let mut names: Vec<String> = files(&root)
            .into_iter()
            .map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
            .filter(|name| !name.split('/').any(|part| part.starts_with('.')))
            .collect();
        names.sort();
        names
    }

    /// Parts of uploads that were neither completed nor given up.
    pub fn parts(&self) -> usize {
        let is_part = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().contains(".part-");
        files(self.folder.path()).iter().filter(|path| is_part(path)).count()
    }

    /// Where the server keeps the bytes of an object.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

async fn serve(listener: TcpListener, service: S3Service, shared: Arc<Shared>) {
    // Dropped with the task, and all connections with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (service, shared) = (service.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(service.clone(), Arc::clone(&shared), request));
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// An error ends the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection ends here")]
struct Gone;

type Body = http_body_util::combinators::BoxBody<bytes::Bytes, Gone>;

async fn answer(service: S3Service, shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Gone> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Gone)?.to_bytes();
    let (method, uri, headers) = (parts.method.clone(), parts.uri.clone(), parts.headers.clone());
    let asked = Asked { method, uri, headers, bytes: body.len() };
    shared.asked.lock().unwrap().push(asked.clone());
    let fault = {
        let mut faults = shared.faults.lock().unwrap();
        let at = faults.iter().position(|(wanted, _)| wanted(&asked));
        at.and_then(|at| faults.remove(at)).map(|(_, fault)| fault)
    };
    match &fault {
        Some(Fault::Answer(status, text)) => {
            let body = full(bytes::Bytes::from(text.clone()));
            return Ok(Response::builder().status(*status).body(body).unwrap());
        }
        Some(Fault::Reset) => return Err(Gone),
        Some(Fault::Replaces) => {
            drop(std::fs::remove_file(shared.folder.join(parts.uri.path().trim_start_matches('/'))))
        }
        _ => {}
    }
    let response = if matches!(fault, Some(Fault::Late)) {
        let late = futures::stream::once(async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            Ok::<_, Infallible>(hyper::body::Frame::data(body))
        });
        let body = s3s::Body::http_body_unsync(http_body_util::StreamBody::new(Box::pin(late)));
        let request = http::Request::from_parts(parts, body);
        tokio::spawn(async move { service.call(request).await }).await.map_err(|_| Gone)?
    } else {
        service.call(http::Request::from_parts(parts, s3s::Body::from(body))).await
    };
    let response = response.map_err(|_| Gone)?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Gone)?.to_bytes();
    match fault {
        Some(Fault::ResetAfter) => Err(Gone),
        Some(Fault::Cut(most)) => {
            let begun = Ok(hyper::body::Frame::data(body.slice(..most.min(body.len()))));
            let cut = http_body_util::StreamBody::new(futures::stream::iter([begun, Err(Gone)]));
            Ok(Response::from_parts(parts, BodyExt::boxed(cut)))
        }
        _ => Ok(Response::from_parts(parts, full(body))),
    }
}

fn full(bytes: bytes::Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed()
}
