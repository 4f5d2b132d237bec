use std::io;

use crate::Failure;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the object `{name}` exists already; objects are never replaced: choose another name")]
    Exists { name: String },
    #[error("the object `{name}` is missing; read the manifest again before giving it up")]
    Missing { name: String },
    #[error("the object `{name}` ends after {found} bytes where {wanted} were expected; it was truncated: repair it")]
    Short { name: String, wanted: u64, found: u64 },
    #[error(
        "`{name}` is not the name of an object; use letters, digits, `_`, `-` and `.`, with `/` between the folders, no \
         folder that begins with a dot, and no `.partial-`"
    )]
    Name { name: String },
    #[error("could not {action} `{path}`; check the disk, its free space and the rights of the service's user")]
    Io { action: &'static str, path: String, source: io::Error },
    #[error("could not {action} `{name}`; check the storage and the rights of the service's user")]
    Store { action: &'static str, name: String, source: object_store::Error },
    #[error("could not {action} `{name}` in the bucket `{bucket}`; {advice}")]
    Bucket { action: &'static str, name: String, bucket: String, advice: String, source: Box<Failure> },
    #[error("objects cannot be kept in the bucket `{bucket}`: {what}")]
    Unfit { bucket: String, what: String },
    #[error("the object `{name}` would be longer than {most} bytes, the most that a bucket takes in our parts")]
    TooLarge { name: String, most: u64 },
    #[error("writing `{name}` was interrupted, so the object was given up; write it again under another name")]
    Interrupted { name: String },
    #[error("the thread that wrote `{name}` ended early")]
    Thread { name: String, source: tokio::task::JoinError },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        Self::Io { action, path: path.display().to_string(), source }
    }
}
