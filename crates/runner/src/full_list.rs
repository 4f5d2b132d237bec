//! The full list of a run's rejections or invalid rows, as lines of JSON on the object storage. The store lists the first
//! 10,000; the file begins when there are more, and then holds them all.

use objects::{Objects, Writer};
use serde_json::Value;

use crate::Error;

/// So many the store lists.
pub(crate) const LISTED: usize = 10_000;

pub(crate) struct FullList {
    objects: Objects,
    name: String,
    /// Lines that are in no file yet, while there are no more than the store lists.
    first: Vec<u8>,
    count: usize,
    writer: Option<Writer>,
}

/// The folder of the lists of a sync.
pub(crate) fn folder(sync: domain::SyncId) -> String {
    format!("lists/{sync}")
}

impl FullList {
    pub(crate) fn new(objects: &Objects, claim: &store::Claim, what: &str) -> Self {
        let name = format!("{}/{}-e{:010}-{what}.ndjson", folder(claim.sync), claim.run, claim.epoch);
        Self { objects: objects.clone(), name, first: Vec::new(), count: 0, writer: None }
    }

    pub(crate) async fn push(&mut self, line: &Value) -> Result<(), Error> {
        self.count += 1;
        let line = format!("{line}\n");
        if let Some(writer) = &mut self.writer {
            return Ok(writer.write(line.as_bytes()).await?);
        }
        self.first.extend_from_slice(line.as_bytes());
        if self.count > LISTED {
            let mut writer = self.objects.create(&self.name).await?;
            writer.write(&std::mem::take(&mut self.first)).await?;
            self.writer = Some(writer);
        }
        Ok(())
    }

    /// The name of the object, if there is one. It is durable then.
    pub(crate) async fn finish(self) -> Result<Option<String>, Error> {
        match self.writer {
            None => Ok(None),
            Some(writer) => {
                writer.finish().await?;
                Ok(Some(self.name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn list(count: usize) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        let objects = Objects::local(root.path()).unwrap();
        let name = "lists/run-rejections.ndjson".to_owned();
        let mut list = FullList { objects: objects.clone(), name, first: Vec::new(), count: 0, writer: None };
        for n in 0..count {
            list.push(&serde_json::json!({ "n": n })).await.unwrap();
        }
        let name = list.finish().await.unwrap()?;
        let len = objects.len(&name).await.unwrap();
        Some(String::from_utf8(objects.read(&name, 0..len).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_file_is_written_only_when_the_store_cannot_list_them_all() {
        assert_eq!(list(LISTED).await, None);
        let text = list(LISTED + 5).await.unwrap();
        assert_eq!(text.lines().count(), LISTED + 5);
        assert!(text.starts_with("{\"n\":0}\n") && text.ends_with("{\"n\":10004}\n"));
    }
}
