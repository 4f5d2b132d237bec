//! One new object on the local file system.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Folder;
use crate::{Durability, Error, PARTIAL, Result};

/// How much is held in memory before it is written.
const BUFFER: usize = 1 << 20;

/// An object that is being written. Dropped before `finish`, it leaves nothing.
#[derive(Debug)]
pub(crate) struct FileWriter {
    name: String,
    target: PathBuf,
    partial: PathBuf,
    file: Arc<File>,
    buffer: Vec<u8>,
    bytes: u64,
    durability: Durability,
    /// A write failed, or its future was dropped: what the file holds is not known.
    broken: bool,
    finished: bool,
}

impl FileWriter {
    pub(crate) async fn create(folder: Arc<Folder>, name: &str, durability: Durability) -> Result<Self> {
        let owned = name.to_owned();
        blocking(name, move || {
            let target = folder.root().join(&owned);
            if target.exists() {
                return Err(Error::Exists { name: owned });
            }
            folder.make_way(&target, durability)?;
            let (file, partial) = open_partial(&target)?;
            Ok(Self {
                name: owned,
                target,
                partial,
                file: Arc::new(file),
                buffer: Vec::new(),
                bytes: 0,
                durability,
                broken: false,
                finished: false,
            })
        })
        .await
    }

    /// Appends bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        for part in bytes.chunks(BUFFER) {
            if self.buffer.len() + part.len() > BUFFER {
                self.flush().await?;
            }
            self.buffer.extend_from_slice(part);
            self.bytes += part.len() as u64;
        }
        Ok(())
    }

    /// Publishes the object under its name, durably. Returns its length.
    pub(crate) async fn finish(mut self) -> Result<u64> {
        self.flush().await?;
        let (file, durability, name) = (Arc::clone(&self.file), self.durability, self.name.clone());
        let (partial, target) = (self.partial.clone(), self.target.clone());
        blocking(&self.name, move || publish(&file, &partial, &target, name, durability)).await?;
        self.finished = true;
        Ok(self.bytes)
    }

    async fn flush(&mut self) -> Result<()> {
        if self.broken {
            return Err(Error::Interrupted { name: self.name.clone() });
        }
        let (file, path) = (Arc::clone(&self.file), self.partial.clone());
        let mut buffer = std::mem::take(&mut self.buffer);
        self.broken = true;
        self.buffer = blocking(&self.name, move || {
            (&*file).write_all(&buffer).map_err(|source| Error::io("write", &path, source))?;
            buffer.clear();
            Ok(buffer)
        })
        .await?;
        self.broken = false;
        Ok(())
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be removed now is listed and collected later.
            drop(std::fs::remove_file(&self.partial));
        }
    }
}

fn open_partial(target: &Path) -> Result<(File, PathBuf)> {
    let mut number = 0_u32;
    loop {
        let mut partial = target.as_os_str().to_owned();
        partial.push(format!("{PARTIAL}{number}"));
        let partial = PathBuf::from(partial);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial) {
            Ok(file) => {
                file.set_permissions(Permissions::from_mode(0o600))
                    .map_err(|source| Error::io("close to others", &partial, source))?;
                return Ok((file, partial));
            }
            Err(source) if source.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(Error::io("create", &partial, source)),
        }
    }
}

/// A hard link, because renaming would replace an object that another process published meanwhile.
fn publish(file: &File, partial: &Path, target: &Path, name: String, durability: Durability) -> Result<()> {
    let synced = durability == Durability::Synced;
    if synced {
        file.sync_all().map_err(|source| Error::io("sync", partial, source))?;
    }
    match std::fs::hard_link(partial, target) {
        Ok(()) => {}
        Err(source) if source.kind() == ErrorKind::AlreadyExists => return Err(Error::Exists { name }),
        Err(source) => return Err(Error::io("publish", target, source)),
    }
    std::fs::remove_file(partial).map_err(|source| Error::io("remove", partial, source))?;
    match target.parent() {
        Some(parent) if synced => super::sync(parent),
        _ => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(name: &str, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| Error::Thread { name: name.to_owned(), source })?
}
