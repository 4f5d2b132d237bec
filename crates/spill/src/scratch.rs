//! A folder per run. The lock on the file beside it tells a living owner from a dead one: it is taken before the folder is
//! made and kept until it is gone, so a folder without it is nobody's, whenever its owner died.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
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
        let path = lock_of(&folder);
        let lock = loop {
            let lock = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
            let lock = lock.map_err(failed("create", &path))?;
            lock.lock().map_err(failed("lock", &path))?;
            // A sweep may have come between making the file and locking it.
            if is_at(&lock, &path) {
                break lock;
            }
        };
        // A leftover of the same name belongs to a dead attempt: names carry the epoch.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed("remove", &folder))?;
        }
        private_folders().create(&folder).map_err(failed("create", &folder))?;
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
        drop(fs::remove_file(lock_of(&self.path)));
    }
}

/// It stands beside the folder, so that it can be there before the folder and until after it.
fn lock_of(folder: &Path) -> PathBuf {
    folder.with_added_extension(LOCK)
}

const LOCK: &str = "lock";

/// Removes the folders whose process is gone. Returns how many.
pub fn sweep(root: &Path) -> Result<usize, Error> {
    let Ok(entries) = fs::read_dir(root) else { return Ok(0) };
    let mut removed = 0;
    for entry in entries.flatten().map(|entry| entry.path()) {
        let is_lock = entry.extension().is_some_and(|extension| extension == LOCK);
        let folder = if is_lock { entry.with_extension("") } else { entry };
        let path = lock_of(&folder);
        let lock = match File::open(&path) {
            Ok(lock) if lock.try_lock().is_ok() && is_at(&lock, &path) => Some(lock),
            // A folder without one has no owner.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_lock => None,
            _ => continue,
        };
        removed += usize::from(gone(fs::remove_dir_all(&folder), &folder)?);
        if lock.is_some() {
            gone(fs::remove_file(&path), &path)?;
        }
    }
    Ok(removed)
}

/// Whether it is still this file that others find there. Whoever holds its lock may remove it.
fn is_at(lock: &File, path: &Path) -> bool {
    let id = |found: io::Result<Metadata>| found.map(|file| (file.dev(), file.ino())).ok();
    id(lock.metadata()).is_some_and(|ours| id(fs::metadata(path)) == Some(ours))
}

/// Whether something was removed. It may have been by another sweep.
fn gone(removed: io::Result<()>, folder: &Path) -> Result<bool, Error> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Error::Io { step: "remove", path: folder.to_owned(), source }),
    }
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
    use std::sync::atomic::AtomicUsize;

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
        fs::write(root.path().join("dead.lock"), "").unwrap();
        fs::write(root.path().join("dead/rows"), "left over").unwrap();
        assert_eq!(sweep(root.path()).unwrap(), 1);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_folder_of_a_process_that_died_as_it_came_or_went_is_swept() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("came.lock"), "").unwrap();
        fs::create_dir(root.path().join("went")).unwrap();
        fs::write(root.path().join("went/rows"), "left over").unwrap();
        assert_eq!(sweep(root.path()).unwrap(), 1);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn folders_that_come_and_go_beside_sweeps_are_there_as_long_as_they_are_owned() {
        const OWNERS: usize = 3;
        let root = tempfile::tempdir().unwrap();
        let left = AtomicUsize::new(OWNERS);
        std::thread::scope(|scope| {
            for owner in 0..OWNERS {
                let (root, left) = (root.path(), &left);
                scope.spawn(move || {
                    for round in 0..200 {
                        let name = format!("run-{owner}-{round}");
                        let scratch = Scratch::create(root, &name, 10).unwrap();
                        fs::write(scratch.path("rows"), "1").unwrap();
                        std::thread::yield_now();
                        assert_eq!(fs::read_to_string(scratch.path("rows")).unwrap(), "1", "{name}");
                    }
                    left.fetch_sub(1, Ordering::Relaxed);
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    while left.load(Ordering::Relaxed) > 0 {
                        sweep(root.path()).unwrap();
                    }
                });
            }
        });
        sweep(root.path()).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn space_is_bounded() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", 10).unwrap();
        scratch.space().take(10).unwrap();
        assert!(matches!(scratch.space().take(1), Err(Error::Full { limit: 10 })));
    }
}
