//! Whether a storage does what everything here stands on. Found out at the start, and not by the first run.

use crate::{Error, Objects, Place, Result, Upload};

/// The folder of what is written to find out.
const FOLDER: &str = "probe";

const DAY: i64 = 24 * 60 * 60 * 1000;

/// What a storage that is fit does besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The bucket keeps what is deleted as older versions: nothing is erased before a rule of the bucket removes these.
    pub versioned: bool,
}

impl Objects {
    /// Writes, reads, lists and deletes an object, and tries to replace it, which has to be refused. The error says what is
    /// missing.
    pub async fn verify(&self) -> Result<Verified> {
        let name = format!("{FOLDER}/{}", uuid::Uuid::new_v4().simple());
        // A bucket that is missing or closed is told by this first request, with its reason.
        self.list(FOLDER).await?;
        match self.len(&name).await {
            Err(Error::Missing { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(self.unfit("it has an object that nobody wrote")),
        }
        let written = self.write_once(&name).await;
        let deleted = self.delete(&name).await;
        written.and(deleted)?;
        match self.len(&name).await {
            Err(Error::Missing { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(self.unfit("an object was still there after it had been deleted")),
        }
        let versioned = match &self.place {
            Place::Folder(_) => false,
            Place::Bucket(bucket) => bucket.is_versioned(),
        };
        Ok(Verified { versioned })
    }

    async fn write_once(&self, name: &str) -> Result<()> {
        const BYTES: &[u8] = b"Rowcast checks its storage.";
        self.put(name, BYTES).await?;
        if self.read(name, 0..BYTES.len() as u64).await? != BYTES || self.read(name, 8..14).await? != BYTES[8..14] {
            return Err(self.unfit("what was read is not what was written"));
        }
        match self.put(name, b"another").await {
            Err(Error::Exists { .. }) => {}
            Err(error) => return Err(error),
            Ok(()) => return Err(self.unfit(REPLACED)),
        }
        if let Place::Bucket(bucket) = &self.place {
            let upload = || Ok(Upload::create(bucket.clone(), self.path(name), self.location(name)?));
            let mut given_up: Upload = upload()?;
            given_up.write(b"in parts").await?;
            given_up.in_parts().await?;
            given_up.give_up().await?;
            let mut again: Upload = upload()?;
            again.write(b"in parts").await?;
            again.in_parts().await?;
            match again.finish().await {
                Err(Error::Exists { .. }) => {}
                Err(error) => return Err(error),
                Ok(_) => return Err(self.unfit(REPLACED_BY_PARTS)),
            }
        }
        let listed = self.list(FOLDER).await?;
        let Some(ours) = listed.iter().find(|listed| listed.name == name) else {
            return Err(self.unfit("a listing does not show what was just written"));
        };
        // Of processes that were killed while they tried.
        for left in listed.iter().filter(|left| ours.modified.saturating_sub(left.modified) > DAY) {
            self.delete(&left.name).await?;
        }
        Ok(())
    }

    fn unfit(&self, what: &str) -> Error {
        let bucket = match &self.place {
            Place::Folder(folder) => folder.root().display().to_string(),
            Place::Bucket(bucket) => bucket.name.clone(),
        };
        Error::Unfit { bucket, what: what.to_owned() }
    }
}

const REPLACED: &str = "it let an object be replaced, though it was asked not to (a put with If-None-Match: *); use a server \
                        that knows conditional writes";
const REPLACED_BY_PARTS: &str = "it let an object be replaced by one that was sent in parts, though it was asked not to \
                                 (the completion with If-None-Match: *); use a server that knows conditional writes";
