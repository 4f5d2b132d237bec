//! The log, written and read through real files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod any;
mod calls;
mod damage;
mod export;
mod given;
mod outside;
mod rows;

use objects::{Durability, Objects};
use outcomes::{Encoded, ObjectRef, Reader, RowFound, RowOutcome};

/// Objects in a folder that goes with it.
pub(crate) struct Log {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) objects: Objects,
    pub(crate) reader: Reader,
}

pub(crate) fn log() -> Log {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::local(folder.path()).unwrap().durability(Durability::Unsynced);
    Log { folder, reader: Reader::new(objects.clone()), objects }
}

impl Log {
    pub(crate) async fn put<S>(&self, encoded: &Encoded<S>) -> ObjectRef {
        self.objects.put(&encoded.object.name, &encoded.bytes).await.unwrap();
        encoded.object.clone()
    }

    pub(crate) fn path(&self, object: &ObjectRef) -> std::path::PathBuf {
        self.folder.path().join(&object.name)
    }
}

pub(crate) fn plain(found: Vec<RowFound>) -> Vec<RowOutcome<'static>> {
    found.into_iter().map(|found| found.row).collect()
}

pub(crate) fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
