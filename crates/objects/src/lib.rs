#![doc = include_str!("../README.md")]

mod error;
mod folder;
mod s3;
mod verify;
mod writer;

use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

pub use crate::error::{Error, Result};
pub use crate::s3::{Failure, S3};
pub use crate::verify::Verified;
pub use crate::writer::Writer;

use crate::folder::{FileWriter, Folder};
use crate::s3::{Bucket, Upload};

/// What a partial file's name has between the name it was to get and a number.
const PARTIAL: &str = ".partial-";

/// Whether what was written survives a loss of power.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    #[default]
    Synced,
    /// For tests: nothing is fsynced.
    Unsynced,
}

/// The objects under a root and a prefix. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    place: Place,
    prefix: String,
    durability: Durability,
}

#[derive(Debug, Clone)]
enum Place {
    Folder(Arc<Folder>),
    Bucket(Arc<Bucket>),
}

/// An object, or a partial file, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub bytes: u64,
    /// Milliseconds since 1970-01-01 UTC, by the storage's clock.
    pub modified: i64,
}

impl Objects {
    /// Objects as files under a folder, which is made if it is missing.
    pub fn local(root: &FilePath) -> Result<Self> {
        let folder = Folder::open(root)?;
        let store = LocalFileSystem::new_with_prefix(folder.root()).map_err(|source| Error::Store {
            action: "open",
            name: root.display().to_string(),
            source,
        })?;
        Ok(Self {
            store: Arc::new(store),
            place: Place::Folder(Arc::new(folder)),
            prefix: String::new(),
            durability: Durability::Synced,
        })
    }

    /// Objects in a bucket. Nothing is asked of it yet: see `verify`.
    pub fn s3(settings: &S3) -> Result<Self> {
        if !settings.prefix.is_empty() {
            check(&settings.prefix)?;
        }
        let bucket = Arc::new(Bucket::open(settings)?);
        Ok(Self {
            store: Arc::clone(&bucket.s3) as Arc<dyn ObjectStore>,
            place: Place::Bucket(bucket),
            prefix: settings.prefix.clone(),
            durability: Durability::Synced,
        })
    }

    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The objects under a prefix of one or more names, say a workspace's.
    pub fn within(&self, prefix: &str) -> Result<Self> {
        check(prefix)?;
        Ok(Self { prefix: self.path(prefix), ..self.clone() })
    }

    /// Creates a whole object. See `create` for large ones.
    pub async fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut writer = self.create(name).await?;
        writer.write(bytes).await?;
        writer.finish().await?;
        Ok(())
    }

    /// Begins a new object, which exists once its writer has finished. A writer that is dropped leaves nothing.
    pub async fn create(&self, name: &str) -> Result<Writer> {
        check_object(name)?;
        match &self.place {
            Place::Folder(folder) => {
                FileWriter::create(Arc::clone(folder), &self.path(name), self.durability).await.map(Writer::file)
            }
            Place::Bucket(bucket) => {
                let upload = Upload::create(Arc::clone(bucket), self.path(name), self.location(name)?);
                Ok(Writer::upload(upload))
            }
        }
    }

    /// A range of an object's bytes, all of it or an error.
    pub async fn read(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        check_object(name)?;
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let path = self.location(name)?;
        if let Place::Bucket(bucket) = &self.place
            && let Some(bytes) = bucket.ahead.read(&bucket.s3, &path, &range).await
        {
            return Ok(bytes);
        }
        let failed = match self.store.get_ranges(&path, std::slice::from_ref(&range)).await {
            Ok(mut parts) if parts.len() == 1 && parts[0].len() as u64 == range.end - range.start => {
                return Ok(parts.swap_remove(0));
            }
            Ok(_) => None,
            Err(source) => Some(source),
        };
        let found = self.len(name).await?;
        match failed {
            Some(source) if found >= range.end => Err(self.failed("read", name, source)),
            _ => Err(Error::Short { name: self.path(name), wanted: range.end, found }),
        }
    }

    /// The length of an object in bytes.
    pub async fn len(&self, name: &str) -> Result<u64> {
        check_object(name)?;
        let found = self.store.head(&self.location(name)?).await;
        found.map(|meta| meta.size).map_err(|source| self.failed("find", name, source))
    }

    /// Everything below a prefix of whole names (empty: everything), partial files included, in no order.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        if !prefix.is_empty() {
            check(prefix)?;
        }
        let path = self.location(prefix)?;
        let own = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        self.store
            .list(Some(&path))
            .map_ok(|meta| Listed {
                name: meta.location.as_ref().get(own..).unwrap_or_default().to_owned(),
                bytes: meta.size,
                modified: meta.last_modified.timestamp_millis(),
            })
            .try_collect()
            .await
            .map_err(|source| self.failed("list", prefix, source))
    }

    /// Deletes an object or a partial file; one that is gone already is fine.
    pub async fn delete(&self, name: &str) -> Result<()> {
        check(name)?;
        let path = self.location(name)?;
        if let Place::Bucket(bucket) = &self.place {
            bucket.ahead.forget(&path);
        }
        match self.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(self.failed("delete", name, source)),
        }
    }

    fn path(&self, name: &str) -> String {
        match (self.prefix.as_str(), name) {
            ("", name) => name.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, name) => format!("{prefix}/{name}"),
        }
    }

    fn location(&self, name: &str) -> Result<Path> {
        Path::parse(self.path(name)).map_err(|_| Error::Name { name: name.to_owned() })
    }

    fn failed(&self, action: &'static str, name: &str, source: object_store::Error) -> Error {
        let name = self.path(name);
        match (&self.place, source) {
            // Who asks for an object of a bucket that is not there is not told that the object is missing.
            (Place::Bucket(bucket), source @ object_store::Error::NotFound { .. })
                if s3::is_missing_bucket(&source) =>
            {
                bucket.failed(action, &name, &source)
            }
            (_, object_store::Error::NotFound { .. }) => Error::Missing { name },
            (Place::Folder(_), source) => Error::Store { action, name, source },
            (Place::Bucket(bucket), source) => bucket.failed(action, &name, &source),
        }
    }
}

/// The name that a partial file was to get, if it is one.
pub fn strip_partial(name: &str) -> Option<&str> {
    let (whole, number) = name.rsplit_once(PARTIAL)?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(whole)
}

/// Names are made of few characters, so that they mean the same in every storage and never leave their folder.
fn check(name: &str) -> Result<()> {
    let good = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    if name.split('/').all(good) { Ok(()) } else { Err(Error::Name { name: name.to_owned() }) }
}

fn check_object(name: &str) -> Result<()> {
    check(name)?;
    if name.contains(PARTIAL) { Err(Error::Name { name: name.to_owned() }) } else { Ok(()) }
}
