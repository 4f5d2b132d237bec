//! Objects in a folder, and in a bucket.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails by a panic, as tests do")]

mod both;
mod bucket;
mod folder;
mod hostile;

use std::time::Duration;

use aws_credential_types::Credentials;
use objects::{Objects, S3};
use tempfile::TempDir;
use testkit::s3::{ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Server};

fn folder() -> (TempDir, Objects) {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::local(&folder.path().join("made/on/the/way")).unwrap();
    (folder, objects.within("ws_1").unwrap())
}

async fn bucket() -> (Server, Objects) {
    let server = Server::start().await;
    let objects = Objects::s3(&settings(&server)).unwrap();
    (server, objects.within("ws_1").unwrap())
}

fn settings(server: &Server) -> S3 {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
    let settings = S3::new(BUCKET, REGION, credentials);
    let (prefix, endpoint) = ("some/where".to_owned(), Some(server.endpoint()));
    S3 { prefix, endpoint, patience: Duration::from_secs(10), ..settings }
}
