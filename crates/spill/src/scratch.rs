//! A folder per run. The lock on its `lock` file tells a living owner from a dead one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// The scratch space of one attempt. Dropping the last clone of it removes the folder.
#[derive(Debug, Clone)]
pub struct Scratch {
    folder: Arc<Folder>,
    space: Arc<Space>,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    _lock: File,
}

/// Bytes written so far, of all files of a scratch folder, and how many there may be.
#[derive(Debug)]
pub(crate) struct Space {
    used: AtomicU64,
    limit: u64,
}

impl Space {
    pub(crate) fn take(&self, bytes: u64) -> Result<(), Error> {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if used > self.limit { Err(Error::Full { limit: self.limit }) } else { Ok(()) }
    }

    pub(crate) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used.load(Ordering::Relaxed))
    }
}

impl Scratch {
    /// Makes `root/name`, readable by this user alone. `limit` bounds the bytes written into it.
    pub fn create(root: &Path, name: &str, limit: u64) -> Result<Self, Error> {
        let folder = root.join(name);
        let failed = |step, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { step, path, source }
        };
        private_folders().create(root).map_err(failed("create", root))?;
        // A leftover of the same name belongs to a dead attempt: names carry the epoch.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed("remove", &folder))?;
        }
        let path = folder.join("lock");
        let lock = loop {
            private_folders().create(&folder).map_err(failed("create", &folder))?;
            let lock = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
            let lock = lock.map_err(failed("create", &path))?;
            lock.lock().map_err(failed("lock", &path))?;
            // A sweep may have come between making the file and locking it.
            if path.exists() {
                break lock;
            }
        };
        let folder = Arc::new(Folder { path: folder, _lock: lock });
        Ok(Self { folder, space: Arc::new(Space { used: AtomicU64::new(0), limit }) })
    }

    /// Bytes written so far; files that were removed since count too.
    pub fn written(&self) -> u64 {
        self.space.used.load(Ordering::Relaxed)
    }

    pub(crate) fn space(&self) -> Arc<Space> {
        Arc::clone(&self.space)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep.
        drop(fs::remove_dir_all(&self.path));
    }
}

/// Removes the folders whose process is gone. Returns how many.
pub fn sweep(root: &Path) -> Result<usize, Error> {
    let Ok(folders) = fs::read_dir(root) else { return Ok(0) };
    let mut removed = 0;
    for folder in folders.flatten().map(|entry| entry.path()) {
        let Ok(lock) = File::open(folder.join("lock")) else { continue };
        if lock.try_lock().is_ok() {
            match fs::remove_dir_all(&folder) {
                Ok(()) => removed += 1,
                // Another sweep came first.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::Io { step: "remove", path: folder, source }),
            }
        }
    }
    Ok(removed)
}

fn private_folders() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_lives_as_long_as_its_owner_and_is_private() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", 10).unwrap();
        assert_eq!(fs::metadata(root.path().join("run")).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(sweep(root.path()).unwrap(), 0, "its owner lives");
        drop(scratch);
        assert!(!root.path().join("run").exists());
    }

    #[test]
    fn the_folder_of_a_dead_process_is_swept() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("dead")).unwrap();
        fs::write(root.path().join("dead/lock"), "").unwrap();
        fs::write(root.path().join("dead/rows"), "left over").unwrap();
        assert_eq!(sweep(root.path()).unwrap(), 1);
        assert!(!root.path().join("dead").exists());
    }

    #[test]
    fn space_is_bounded() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", 10).unwrap();
        scratch.space().take(10).unwrap();
        assert!(matches!(scratch.space().take(1), Err(Error::Full { limit: 10 })));
    }
}
