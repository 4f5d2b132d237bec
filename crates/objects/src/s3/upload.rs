//! One new object in a bucket: a single put, or parts that are sent while the next one is filled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, MultipartUpload, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload,
};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::{Bucket, Failure};
use crate::{Error, Result};

/// All parts but the last have this length, as some servers want it.
pub(crate) const PART: usize = 8 << 20;
/// Parts that are on their way while the next one is filled.
const ON_THE_WAY: usize = 2;
/// So long whoever gives up waits for them.
const GIVING_UP: Duration = Duration::from_secs(10);
/// What S3 allows.
const MOST_PARTS: usize = 10_000;
/// Names the writer of an object in its metadata: a put whose answer is lost is told from one of somebody else.
const WRITER: &str = "rowcast-writer";
/// How often a put is tried that met another one of its name, of which nothing is left.
const MOST_CONFLICTS: usize = 5;

#[derive(Debug)]
pub(crate) struct Upload {
    bucket: Arc<Bucket>,
    name: String,
    path: Path,
    writer: String,
    buffer: Vec<u8>,
    bytes: u64,
    parts: Option<Parts>,
    /// A call failed, or its future was dropped: what was sent is not known.
    broken: bool,
}

#[derive(Debug)]
struct Parts {
    /// Never locked: it makes whoever holds an upload fit for several threads.
    upload: Mutex<Box<dyn MultipartUpload>>,
    sending: JoinSet<object_store::Result<()>>,
    count: usize,
}

impl Upload {
    pub(crate) fn create(bucket: Arc<Bucket>, name: String, path: Path) -> Self {
        let writer = uuid::Uuid::new_v4().simple().to_string();
        Self { bucket, name, path, writer, buffer: Vec::new(), bytes: 0, parts: None, broken: false }
    }

    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.buffer.len() == PART {
                self.send_part().await?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(PART - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            self.bytes += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    pub(crate) async fn finish(mut self) -> Result<u64> {
        if self.broken {
            return Err(self.interrupted());
        }
        if self.parts.is_none() {
            self.put().await?;
        } else {
            if !self.buffer.is_empty() {
                self.send_part().await?;
            }
            self.complete().await?;
        }
        Ok(self.bytes)
    }

    /// Sends the object in parts, however small it is: the check at the start wants to know that this works.
    pub(crate) async fn in_parts(&mut self) -> Result<()> {
        self.send_part().await
    }

    /// Takes back what was sent, as dropping does, and tells whether that was possible.
    pub(crate) async fn give_up(mut self) -> Result<()> {
        match self.parts.take() {
            Some(parts) => parts.abort().await.map_err(|error| self.bucket.failed("give up", &self.name, &error)),
            None => Ok(()),
        }
    }

    async fn send_part(&mut self) -> Result<()> {
        if self.broken {
            return Err(self.interrupted());
        }
        self.broken = true;
        let parts = match &mut self.parts {
            Some(parts) => parts,
            parts @ None => {
                let options = PutMultipartOptions { attributes: mark(&self.writer), ..PutMultipartOptions::default() };
                let begun = self.bucket.s3.put_multipart_opts(&self.path, options).await;
                let upload = begun.map_err(|error| self.bucket.failed("write", &self.name, &error))?;
                parts.insert(Parts { upload: Mutex::new(upload), sending: JoinSet::new(), count: 0 })
            }
        };
        if parts.count == MOST_PARTS {
            return Err(Error::TooLarge { name: self.name.clone(), most: (PART * MOST_PARTS) as u64 });
        }
        while parts.sending.len() >= ON_THE_WAY {
            parts.sent_one().await.map_err(|error| self.bucket.failed("write", &self.name, &error))?;
        }
        let part = Bytes::from(std::mem::take(&mut self.buffer));
        let sent = parts.upload().put_part(PutPayload::from_bytes(part));
        parts.sending.spawn(sent);
        parts.count += 1;
        self.broken = false;
        Ok(())
    }

    async fn complete(&mut self) -> Result<()> {
        let Some(parts) = &mut self.parts else { return Ok(()) };
        while !parts.sending.is_empty() {
            parts.sent_one().await.map_err(|error| self.bucket.failed("write", &self.name, &error))?;
        }
        match parts.upload().complete().await {
            Ok(result) => self.bucket.written(&result),
            Err(error) => match self.look(&error).await? {
                Found::Ours => {}
                Found::Others if is_refused(&error) => return Err(Error::Exists { name: self.name.clone() }),
                Found::Nothing if is_refused(&error) => return Err(self.interrupted()),
                Found::Others | Found::Nothing => return Err(self.bucket.failed("write", &self.name, &error)),
            },
        }
        // It is an object now, and nothing is to be taken back.
        self.parts = None;
        Ok(())
    }

    async fn put(&mut self) -> Result<()> {
        let payload = PutPayload::from_bytes(Bytes::from(std::mem::take(&mut self.buffer)));
        for _ in 0..MOST_CONFLICTS {
            let options = PutOptions { mode: PutMode::Create, attributes: mark(&self.writer), ..PutOptions::default() };
            let error = match self.bucket.s3.put_opts(&self.path, payload.clone(), options).await {
                Ok(result) => {
                    self.bucket.written(&result);
                    return Ok(());
                }
                Err(error) => error,
            };
            match self.look(&error).await? {
                Found::Ours => return Ok(()),
                Found::Others if is_refused(&error) => return Err(Error::Exists { name: self.name.clone() }),
                // Somebody wrote it at the same time, and failed or deleted it.
                Found::Nothing if is_refused(&error) => {}
                Found::Others | Found::Nothing => return Err(self.bucket.failed("write", &self.name, &error)),
            }
        }
        Err(self.interrupted())
    }

    /// What stands under the name after an answer that was no success. A put may have been applied whose answer was lost;
    /// it was tried again then, and refused because of itself.
    async fn look(&mut self, error: &object_store::Error) -> Result<Found> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.bucket.s3.get_opts(&self.path, options).await {
            Ok(found) => {
                let writer = found.attributes.get(&Attribute::Metadata(WRITER.into()));
                Ok(if writer.is_some_and(|writer| **writer == *self.writer) { Found::Ours } else { Found::Others })
            }
            Err(object_store::Error::NotFound { .. }) => Ok(Found::Nothing),
            Err(unknown) => {
                let seen = Failure::of(&unknown);
                tracing::warn!(name = self.name, %seen, "whether an object was written is not known");
                Err(self.bucket.failed("write", &self.name, error))
            }
        }
    }

    fn interrupted(&self) -> Error {
        Error::Interrupted { name: self.name.clone() }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(parts), Ok(runtime)) = (self.parts.take(), Handle::try_current()) else { return };
        let name = std::mem::take(&mut self.name);
        runtime.spawn(async move {
            // What cannot be taken back now is removed by the bucket's rule for uploads that were never completed.
            if let Err(error) = parts.abort().await {
                tracing::info!(name, error = %Failure::of(&error), "parts of an object that was given up are left");
            }
        });
    }
}

enum Found {
    Ours,
    Others,
    Nothing,
}

impl Parts {
    fn upload(&mut self) -> &mut dyn MultipartUpload {
        self.upload.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut()
    }

    async fn sent_one(&mut self) -> object_store::Result<()> {
        match self.sending.join_next().await {
            Some(Ok(sent)) => sent,
            Some(Err(source)) => Err(object_store::Error::JoinError { source }),
            None => Ok(()),
        }
    }

    async fn abort(mut self) -> object_store::Result<()> {
        // A part could arrive behind the abort and stay, even one that nobody waits for any more.
        let sent = async { while self.sending.join_next().await.is_some() {} };
        if tokio::time::timeout(GIVING_UP, sent).await.is_err() {
            self.sending.shutdown().await;
        }
        self.upload().abort().await
    }
}

/// Whether the storage refused to create, rather than failed to.
fn is_refused(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    matches!(error, E::AlreadyExists { .. } | E::Precondition { .. } | E::NotModified { .. })
}

fn mark(writer: &str) -> Attributes {
    Attributes::from_iter([(Attribute::Metadata(WRITER.into()), writer.to_owned())])
}
