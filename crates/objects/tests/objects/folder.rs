//! What holds of files alone.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ::objects::{Error, strip_partial};

use crate::folder as objects;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_writer_shows_as_partial_and_leaves_nothing_when_dropped() {
    let (_folder, objects) = objects();
    let writer = objects.create("a/b").await.unwrap();
    let listed = objects.list("").await.unwrap();
    assert_eq!(strip_partial(&listed[0].name), Some("a/b"));
    assert!(matches!(objects.len("a/b").await, Err(Error::Missing { .. })));
    drop(writer);
    assert_eq!(objects.list("").await.unwrap(), []);
    std::mem::forget(objects.create("a/b").await.unwrap());
    objects.put("a/b", b"after a crash").await.unwrap();
    let listed = objects.list("a").await.unwrap();
    let left = listed.iter().find(|listed| strip_partial(&listed.name).is_some()).unwrap();
    objects.delete(&left.name).await.unwrap();
    assert_eq!(objects.list("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn folders_and_files_are_for_the_service_alone() {
    let (folder, objects) = objects();
    objects.put("a/b", b"1").await.unwrap();
    let root = folder.path().join("made/on/the/way");
    for made in ["", "ws_1", "ws_1/a"] {
        assert_eq!(mode(&root.join(made)), 0o700);
    }
    assert_eq!(mode(&folder.path().join("made")), 0o700);
    assert_eq!(mode(&root.join("ws_1/a/b")), 0o600);
}
