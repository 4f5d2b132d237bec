//! The full list of a run's rejections or invalid rows, as lines of JSON on the object storage. The store lists the first
//! 10,000; the file begins when there are more, and then holds them all.

use std::collections::BTreeSet;

use domain::SyncId;
use objects::{Listed, Objects, Writer, strip_partial};
use serde_json::Value;

use crate::Error;

/// So many the store lists.
pub(crate) const LISTED: usize = 10_000;
/// Bytes of a list that are read at once.
const CHUNK: u64 = 1 << 20;
/// Behind the name of a list that is written anew.
const ANEW: &str = ".anew";

pub(crate) struct FullList {
    objects: Objects,
    name: String,
    /// Lines that are in no file yet, while there are no more than the store lists.
    first: Vec<u8>,
    count: usize,
    writer: Option<Writer>,
}

/// The folder of the lists of a sync.
pub(crate) fn folder(sync: SyncId) -> String {
    format!("lists/{sync}")
}

impl FullList {
    pub(crate) fn new(objects: &Objects, claim: &store::Claim, what: &str) -> Self {
        let name = format!("{}/{}-e{:010}-{what}.ndjson", folder(claim.sync), claim.run, claim.epoch);
        Self { objects: objects.clone(), name, first: Vec::new(), count: 0, writer: None }
    }

    /// The same line so many times.
    pub(crate) async fn push(&mut self, line: &Value, times: u64) -> Result<(), Error> {
        let line = format!("{line}\n");
        for _ in 0..times {
            self.write(line.as_bytes()).await?;
        }
        Ok(())
    }

    async fn write(&mut self, line: &[u8]) -> Result<(), Error> {
        self.count += 1;
        if let Some(writer) = &mut self.writer {
            return Ok(writer.write(line).await?);
        }
        self.first.extend_from_slice(line);
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

/// Writes the lists of a sync anew without the lines of some keys, and returns how many lines that were. Whoever calls holds
/// the claim; nobody else writes lists then. A list that is written anew lies beside the old one until that is deleted, so
/// that an attempt that dies loses no line of other keys.
pub(crate) async fn erase(objects: &Objects, sync: SyncId, is_erased: impl Fn(&Value) -> bool) -> Result<u64, Error> {
    let mut lists = BTreeSet::new();
    for Listed { name, .. } in objects.list(&folder(sync)).await? {
        if strip_partial(&name).is_some() {
            // Half a file, left by an attempt that died.
            objects.delete(&name).await?;
        } else {
            lists.insert(name.strip_suffix(ANEW).unwrap_or(&name).to_owned());
        }
    }
    let mut lines = 0;
    for list in lists {
        recover(objects, &list).await?;
        lines += erase_in(objects, &list, &is_erased).await?;
    }
    Ok(lines)
}

/// Ends what an attempt began that died: as long as the old list is there, the new one does not count.
async fn recover(objects: &Objects, list: &str) -> Result<(), Error> {
    let anew = format!("{list}{ANEW}");
    match objects.len(list).await {
        Ok(_) => Ok(objects.delete(&anew).await?),
        Err(objects::Error::Missing { .. }) => rename(objects, &anew, list).await,
        Err(error) => Err(error.into()),
    }
}

async fn erase_in(objects: &Objects, list: &str, is_erased: &impl Fn(&Value) -> bool) -> Result<u64, Error> {
    let goes = |line: &[u8]| {
        let line = serde_json::from_slice::<Value>(line).ok();
        line.as_ref().and_then(|line| line.get("key")).is_some_and(is_erased)
    };
    let (mut all, mut gone) = (0, 0);
    let mut lines = Lines::open(objects, list).await?;
    while let Some(line) = lines.next().await? {
        all += 1;
        gone += u64::from(goes(&line));
    }
    if gone == 0 {
        return Ok(0);
    }
    if gone == all {
        objects.delete(list).await?;
        return Ok(gone);
    }
    let anew = format!("{list}{ANEW}");
    let mut writer = objects.create(&anew).await?;
    let mut lines = Lines::open(objects, list).await?;
    while let Some(line) = lines.next().await? {
        if !goes(&line) {
            writer.write(&line).await?;
        }
    }
    writer.finish().await?;
    objects.delete(list).await?;
    rename(objects, &anew, list).await?;
    Ok(gone)
}

async fn rename(objects: &Objects, from: &str, to: &str) -> Result<(), Error> {
    let mut writer = objects.create(to).await?;
    let mut lines = Lines::open(objects, from).await?;
    while let Some(line) = lines.next().await? {
        writer.write(&line).await?;
    }
    writer.finish().await?;
    Ok(objects.delete(from).await?)
}

/// The lines of an object, each with its end.
struct Lines<'a> {
    objects: &'a Objects,
    name: &'a str,
    at: u64,
    len: u64,
    read: Vec<u8>,
    /// Where the next line begins in `read`.
    begin: usize,
}

impl<'a> Lines<'a> {
    async fn open(objects: &'a Objects, name: &'a str) -> Result<Self, Error> {
        let len = objects.len(name).await?;
        Ok(Self { objects, name, at: 0, len, read: Vec::new(), begin: 0 })
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            let rest = &self.read[self.begin..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line = rest[..=end].to_vec();
                self.begin += line.len();
                return Ok(Some(line));
            }
            if self.at == self.len {
                let line = rest.to_vec();
                self.begin = self.read.len();
                return Ok((!line.is_empty()).then_some(line));
            }
            let to = self.len.min(self.at + CHUNK);
            let more = self.objects.read(self.name, self.at..to).await?;
            self.at = to;
            self.read.drain(..self.begin);
            self.begin = 0;
            self.read.extend_from_slice(&more);
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
            list.push(&serde_json::json!({ "n": n }), 1).await.unwrap();
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

    async fn text(objects: &Objects, name: &str) -> String {
        let len = objects.len(name).await.unwrap();
        String::from_utf8(objects.read(name, 0..len).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_key_is_erased_from_the_lists_that_have_it_and_the_others_stay_as_they_are() {
        let root = tempfile::tempdir().unwrap();
        let objects = Objects::local(root.path()).unwrap();
        let sync = SyncId::from_uuid(uuid::Uuid::from_u128(1));
        let name = |file: &str| format!("{}/{file}", folder(sync));
        let line = |id: u64| format!("{{\"key\":{{\"id\":{id}}},\"text\":\"{}\"}}\n", "x".repeat(1000));
        let lines = |from: u64, to: u64| (from..to).map(line).collect::<String>();
        for (file, text) in [
            ("a-rejections.ndjson", lines(0, 3_000)),
            ("b-rejections.ndjson", lines(5, 9)),
            ("c-rejections.ndjson", line(7) + &line(7)),
            ("d-rejections.ndjson", lines(8, 9)),
            // Attempts that died before the old list was deleted, and after.
            ("a-rejections.ndjson.anew", lines(0, 1)),
            ("e-rejections.ndjson.anew", lines(6, 8)),
        ] {
            objects.put(&name(file), text.as_bytes()).await.unwrap();
        }
        let erased = erase(&objects, sync, |key| key["id"] == 7).await.unwrap();
        assert_eq!(erased, 5);
        let mut left = Vec::new();
        for listed in objects.list("").await.unwrap() {
            left.push((listed.name.clone(), text(&objects, &listed.name).await));
        }
        left.sort();
        let kept = [
            ("a-rejections.ndjson", lines(0, 7) + &lines(8, 3_000)),
            ("b-rejections.ndjson", lines(5, 7) + &lines(8, 9)),
            ("d-rejections.ndjson", lines(8, 9)),
            ("e-rejections.ndjson", lines(6, 7)),
        ];
        assert_eq!(left, kept.map(|(file, text)| (name(file), text)));
        assert_eq!(erase(&objects, sync, |key| key["id"] == 7).await.unwrap(), 0);
    }
}
