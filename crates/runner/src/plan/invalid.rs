//! Rows that can never be sent: a null in the key, or a key that occurs twice.

use std::collections::BTreeMap;

use engine::layout::{Layout, values};
use serde_json::json;
use store::NewInvalidRow;

use crate::Error;
use crate::full_list::{FullList, LISTED};
use crate::job::Job;
use crate::key_json::key_json;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    NullKey,
    DuplicateKey,
}

impl Reason {
    const fn code(self) -> &'static str {
        match self {
            Self::NullKey => "null-key",
            Self::DuplicateKey => "duplicate-key",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::NullKey => "a column of the primary key is null; such a row cannot be told from others",
            Self::DuplicateKey => "several rows have this key, so none of them is sent and none is removed",
        }
    }
}

pub(crate) struct InvalidRows {
    /// For the store.
    listed: Vec<NewInvalidRow>,
    /// All of them; a preview keeps none.
    full: Option<FullList>,
}

impl InvalidRows {
    pub(crate) fn new(job: &Job) -> Self {
        let full = (!job.preview).then(|| FullList::new(&job.objects, &job.claim, "invalid-rows"));
        Self { listed: Vec::new(), full }
    }

    pub(crate) async fn push(&mut self, layout: &Layout, row: &[u8], reason: Reason) -> Result<(), Error> {
        let key: Vec<_> = layout.key_columns().cloned().collect();
        let key = key_json(&key, &values(&key, &layout.key_of(row)?)?);
        if let Some(full) = &mut self.full {
            full.push(&json!({ "key": key, "code": reason.code() })).await?;
        }
        if self.listed.len() < LISTED {
            let (code, message) = (reason.code().to_owned(), reason.message().to_owned());
            self.listed.push(NewInvalidRow { key, code, message });
        }
        Ok(())
    }

    /// The name of the full list, if the store does not list them all.
    pub(crate) async fn finish(&mut self) -> Result<Option<String>, Error> {
        match self.full.take() {
            Some(full) => full.finish().await,
            None => Ok(None),
        }
    }

    pub(crate) fn take(&mut self) -> Vec<NewInvalidRow> {
        std::mem::take(&mut self.listed)
    }

    pub(crate) fn by_code(null_keys: u64, invalid: u64) -> BTreeMap<String, u64> {
        [(Reason::NullKey, null_keys), (Reason::DuplicateKey, invalid - null_keys)]
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| (reason.code().to_owned(), count))
            .collect()
    }
}
