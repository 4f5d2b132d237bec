//! One new object, wherever it goes.

use crate::Result;
use crate::folder::FileWriter;
use crate::s3::Upload;

/// An object that is being written. Dropped before `finish`, it leaves nothing.
#[derive(Debug)]
pub struct Writer(Target);

#[derive(Debug)]
enum Target {
    File(FileWriter),
    Upload(Box<Upload>),
}

impl Writer {
    pub(crate) fn file(writer: FileWriter) -> Self {
        Self(Target::File(writer))
    }

    pub(crate) fn upload(upload: Upload) -> Self {
        Self(Target::Upload(Box::new(upload)))
    }

    /// Appends bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.0 {
            Target::File(file) => file.write(bytes).await,
            Target::Upload(upload) => upload.write(bytes).await,
        }
    }

    /// Publishes the object under its name, durably. Returns its length.
    pub async fn finish(self) -> Result<u64> {
        match self.0 {
            Target::File(file) => file.finish().await,
            Target::Upload(upload) => upload.finish().await,
        }
    }
}
