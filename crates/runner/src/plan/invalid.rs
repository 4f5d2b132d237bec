//! Rows that can never be sent: a null in the key, a key that occurs twice, or an array that has no clear elements.

use std::collections::BTreeMap;

use domain::Column;
use engine::fan_out::{Flaw, MOST_ELEMENTS};
use engine::layout::values;
use engine::rules::Epoch;
use engine::unit::UnitId;
use outcomes::{Outcome, RowOutcome};
use serde_json::json;
use store::NewInvalidRow;

use crate::full_list::{FullList, LISTED};
use crate::job::Job;
use crate::key_json::key_json;
use crate::log::key_text;
use crate::{Error, clock};

const TOO_MANY: &str = "the array that the sync fans out by has more than 10000 elements, so nothing of this row is sent or \
                        removed";
const _: () = assert!(MOST_ELEMENTS == 10_000, "the message says how many");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    NullKey,
    DuplicateKey,
    Elements(Flaw),
}

impl Reason {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NullKey => "null-key",
            Self::DuplicateKey => "duplicate-key",
            Self::Elements(Flaw::NotAnArray) => "not-an-array",
            Self::Elements(Flaw::NullElement) => "null-element",
            Self::Elements(Flaw::DuplicateElement) => "duplicate-element",
            Self::Elements(Flaw::TooManyElements) => "too-many-elements",
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::NullKey => "a column of the primary key is null; such a row cannot be told from others",
            Self::DuplicateKey => "several rows have this key, so none of them is sent and none is removed",
            Self::Elements(Flaw::NotAnArray) => {
                "the column that the sync fans out by holds JSON that is no array, so nothing of this row is sent or removed"
            }
            Self::Elements(Flaw::NullElement) => {
                "the array that the sync fans out by has a null element, so nothing of this row is sent or removed"
            }
            Self::Elements(Flaw::DuplicateElement) => {
                "the array that the sync fans out by has an element twice, so nothing of this row is sent or removed"
            }
            Self::Elements(Flaw::TooManyElements) => TOO_MANY,
        }
    }
}

pub(crate) struct InvalidRows {
    /// For the store.
    listed: Vec<NewInvalidRow>,
    /// All of them; a preview keeps none.
    full: Option<FullList>,
    by_code: BTreeMap<&'static str, u64>,
    /// For the log: as many as the store lists.
    logged: Vec<RowOutcome<'static>>,
    epoch: Epoch,
}

impl InvalidRows {
    pub(crate) fn new(job: &Job) -> Self {
        let full = (!job.preview).then(|| FullList::new(&job.objects, &job.claim, "invalid-rows"));
        let epoch = job.claim.epoch;
        Self { listed: Vec::new(), full, by_code: BTreeMap::new(), logged: Vec::new(), epoch }
    }

    /// `times` rows. `key`: canonical bytes of the columns of the primary key; a key with a null has no unit.
    pub(crate) async fn push(
        &mut self,
        columns: &[Column],
        key: &[u8],
        unit: Option<UnitId>,
        reason: Reason,
        times: u64,
    ) -> Result<(), Error> {
        let json = key_json(columns, &values(columns, key)?);
        *self.by_code.entry(reason.code()).or_default() += times;
        if let Some(full) = &mut self.full {
            full.push(&json!({ "key": json, "code": reason.code() }), times).await?;
        }
        let room = LISTED - self.listed.len();
        let listed = usize::try_from(times).map_or(room, |times| times.min(room));
        if listed == 0 {
            return Ok(());
        }
        let outcome = RowOutcome {
            unit,
            key: key_text(columns, key)?.0.into(),
            outcome: Outcome::Invalid,
            code: Some(reason.code().into()),
            message: Some(reason.message().into()),
            epoch: self.epoch,
            at: clock::now(),
            ..RowOutcome::default()
        };
        let (code, message) = (reason.code().to_owned(), reason.message().to_owned());
        self.logged.extend(std::iter::repeat_n(outcome, listed));
        self.listed.extend(std::iter::repeat_n(NewInvalidRow { key: json, code, message }, listed));
        Ok(())
    }

    pub(crate) fn take_logged(&mut self) -> Vec<RowOutcome<'static>> {
        std::mem::take(&mut self.logged)
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

    pub(crate) fn by_code(&self) -> impl Iterator<Item = (String, u64)> {
        self.by_code.iter().map(|(code, count)| ((*code).to_owned(), *count))
    }
}
