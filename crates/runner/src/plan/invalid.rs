//! Rows that can never be sent: a null in the key, or a key that occurs twice.

use std::collections::BTreeMap;

use engine::layout::{Layout, values};
use store::NewInvalidRow;

use crate::Error;
use crate::key_json::key_json;

/// So many are listed; all are counted.
const LISTED: usize = 10_000;

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

#[derive(Debug, Default)]
pub(crate) struct InvalidRows {
    listed: Vec<NewInvalidRow>,
}

impl InvalidRows {
    pub(crate) fn full(&self) -> bool {
        self.listed.len() >= LISTED
    }

    pub(crate) fn push(&mut self, layout: &Layout, row: &[u8], reason: Reason) -> Result<(), Error> {
        if self.full() {
            return Ok(());
        }
        let key: Vec<_> = layout.key_columns().cloned().collect();
        let key = key_json(&key, &values(&key, &layout.key_of(row)?)?);
        self.listed.push(NewInvalidRow { key, code: reason.code().to_owned(), message: reason.message().to_owned() });
        Ok(())
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
