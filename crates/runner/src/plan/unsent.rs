//! Chosen rows that are not sent, or not dismissed, each with its reason.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use store::NewInvalidRow;

use crate::full_list::LISTED;
use crate::plan::invalid::Reason;

/// Code and message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Why(pub(super) &'static str, pub(super) &'static str);

/// Listed like an invalid row, but it is none: the model has no such row.
pub(super) const NOT_IN_MODEL: &str = "not-in-model";

impl Why {
    pub(super) const GONE: Self = Self(NOT_IN_MODEL, "the model holds no row with this key");
    pub(super) const NULL_IN_KEY: Self =
        Self(NOT_IN_MODEL, "this key has a null, and rows with a null in their key cannot be told from others");
    pub(super) const NO_ELEMENTS: Self =
        Why("no-elements", "the array that the sync fans out by is empty in this row, so there is nothing to send");
    pub(super) const NOT_REJECTED: Self =
        Why("not-rejected", "no rejection of this key stands, so there is nothing to dismiss");
    pub(super) const UNCERTAIN: Self = Why(
        "uncertain",
        "a version of this row may be in the stream, so it is not taken for acknowledged: the next run sends it again",
    );
    pub(super) const NOT_LOGGED: Self =
        Why("not-logged", "the log of the run has no put of this row: the run did not put it, or its key was erased");
    pub(super) const VALUES_NOT_LOGGED: Self =
        Why("values-not-logged", "the log of the run says what became of this row, and has none of its values");
    pub(super) const VALUES_DO_NOT_FIT: Self = Why(
        "values-do-not-fit",
        "the logged values lack a column that the sync uses now, or one has another type or key by now",
    );
    pub(super) const BACK_IN_MODEL: Self =
        Why("back-in-model", "the run sent the removal of this row, and the model holds the row again");

    /// The rows of this key are invalid, and listed as such.
    pub(super) const fn held(reason: Reason) -> Self {
        match reason {
            Reason::DuplicateKey => {
                Self(reason.code(), "several rows of the model have this key, so none of them is sent")
            }
            reason => Self(reason.code(), reason.message()),
        }
    }

    /// Whether it is said of chosen rows alone; the others are invalid whether they are chosen or not.
    fn of_chosen(code: &str) -> bool {
        [
            Self::GONE,
            Self::NOT_REJECTED,
            Self::UNCERTAIN,
            Self::NOT_LOGGED,
            Self::VALUES_NOT_LOGGED,
            Self::VALUES_DO_NOT_FIT,
            Self::BACK_IN_MODEL,
        ]
        .iter()
        .any(|why| why.0 == code)
    }
}

/// A chosen row that was not sent, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct NotSent {
    /// As it was asked for.
    pub key: Json,
    pub code: &'static str,
    pub message: &'static str,
}

/// The first of them, and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    pub(crate) rows: Vec<NotSent>,
    pub(crate) total: u64,
    by_code: BTreeMap<&'static str, u64>,
}

impl Unsent {
    pub(super) fn push(&mut self, key: Json, Why(code, message): Why) {
        self.total += 1;
        *self.by_code.entry(code).or_default() += 1;
        if self.rows.len() < LISTED {
            self.rows.push(NotSent { key, code, message });
        }
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = NewInvalidRow> {
        self.rows.iter().filter(|row| Why::of_chosen(row.code)).map(|row| NewInvalidRow {
            key: row.key.clone(),
            code: row.code.to_owned(),
            message: row.message.to_owned(),
        })
    }

    pub(super) fn by_code(&self) -> impl Iterator<Item = (String, u64)> {
        self.by_code.iter().filter(|(code, _)| Why::of_chosen(code)).map(|(code, count)| ((*code).to_owned(), *count))
    }
}

impl FromIterator<(Json, Why)> for Unsent {
    fn from_iter<T: IntoIterator<Item = (Json, Why)>>(rows: T) -> Self {
        let mut unsent = Self::default();
        rows.into_iter().for_each(|(key, why)| unsent.push(key, why));
        unsent
    }
}
