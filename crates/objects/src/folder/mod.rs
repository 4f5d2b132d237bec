//! Objects as files: folders that are private and durable.

mod writer;

use std::collections::HashSet;
use std::fs::{DirBuilder, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub(crate) use self::writer::FileWriter;
use crate::{Durability, Error, Result};

#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// Folders whose entry in their parent this process has synced. One that merely exists may have been made by a
    /// process that died before it synced it.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Folder {
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let mut missing = Vec::new();
        let mut at = root;
        while !at.as_os_str().is_empty() && !at.exists() {
            missing.push(at);
            let Some(parent) = at.parent() else { break };
            at = parent;
        }
        for folder in missing.into_iter().rev() {
            make(folder)?;
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            sync(parent.unwrap_or(Path::new(".")))?;
        }
        let root = root.canonicalize().map_err(|source| Error::io("open the folder", root, source))?;
        Ok(Self { root, durable: Mutex::default() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the folders that lead to a file below the root, and syncs the entry of each in its parent.
    pub(crate) fn make_way(&self, file: &Path, durability: Durability) -> Result<()> {
        let below = file.parent().and_then(|parent| parent.strip_prefix(&self.root).ok()).unwrap_or(Path::new(""));
        let mut at = self.root.clone();
        for part in below.components() {
            let parent = at.clone();
            at.push(part);
            if self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(&at) {
                continue;
            }
            make(&at)?;
            if durability == Durability::Synced {
                sync(&parent)?;
                self.durable.lock().unwrap_or_else(PoisonError::into_inner).insert(at.clone());
            }
        }
        Ok(())
    }
}

fn make(folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => std::fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(|source| Error::io("close to others the folder", folder, source)),
        Err(source) if source.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::io("make the folder", folder, source)),
    }
}

pub(crate) fn sync(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| Error::io("sync the folder", folder, source))
}
