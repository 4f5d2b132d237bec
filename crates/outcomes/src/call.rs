use std::time::Duration;

use domain::Millis;
use engine::rules::Epoch;
use serde::{Deserialize, Serialize};

use crate::row::Text;

/// One call of the AWS API. README.md says what each column holds and when it is null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call<'a> {
    /// Its number within the run.
    pub number: u64,
    /// The action: `PutRecords`, `ListStreams`, `AssumeRole` ...
    pub kind: Text<'a>,
    /// The attempt of the run.
    pub epoch: Epoch,
    /// How often its records had been put with it, from 1.
    pub attempt: u32,
    pub started_at: Millis,
    /// Whole microseconds are kept.
    pub latency: Duration,
    pub http_status: Option<u16>,
    pub request_id: Option<Text<'a>>,
    pub records: u32,
    /// As Kinesis counts them.
    pub bytes: u64,
    /// The call failed as a whole.
    pub error_code: Option<Text<'a>>,
    pub error_message: Option<Text<'a>>,
    /// Records that failed in a call that did not, by position.
    pub failures: Vec<RecordFailure<'a>>,
    /// The shards that took records of it, or that its failures name.
    pub shards: Vec<Text<'a>>,
    /// Why its records had to be put again.
    pub retry_reason: Option<Text<'a>>,
    /// How long pacing held it back before `started_at`; whole milliseconds are kept.
    pub waited: Duration,
    pub request: Option<Body<'a>>,
    pub response: Option<Body<'a>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordFailure<'a> {
    /// In the request, from 0.
    pub position: u32,
    pub code: Text<'a>,
    pub message: Text<'a>,
}

/// The body of a request or an answer. It holds no credentials: these are in headers, which are never kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body<'a> {
    pub text: Text<'a>,
    /// Of the whole body. It is more than the text has if that was cut.
    pub bytes: u64,
}

/// How failures are stored: one entry for each code and message.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FailureGroup<'a> {
    pub(crate) code: Text<'a>,
    pub(crate) message: Text<'a>,
    pub(crate) positions: Vec<u32>,
}

impl<'a> Body<'a> {
    pub fn whole(text: impl Into<Text<'a>>) -> Self {
        let text = text.into();
        Self { bytes: text.len() as u64, text }
    }

    pub fn is_cut(&self) -> bool {
        self.bytes > self.text.len() as u64
    }

    /// The text without what is beyond a limit, cut between characters.
    pub(crate) fn capped(&self, limit: usize) -> &str {
        &self.text[..self.text.floor_char_boundary(limit)]
    }
}

impl Call<'_> {
    /// The call failed, or some of its records did.
    pub fn failed(&self) -> bool {
        self.error_code.is_some() || !self.failures.is_empty()
    }

    /// Bytes of its longest texts, before compression.
    pub(crate) fn text_bytes(&self) -> usize {
        let body = |body: &Option<Body<'_>>| body.as_ref().map_or(0, |body| body.text.len());
        body(&self.request) + body(&self.response) + 16 * self.failures.len()
    }

    pub(crate) fn groups(&self) -> Vec<FailureGroup<'_>> {
        let mut groups: Vec<FailureGroup<'_>> = Vec::new();
        for RecordFailure { position, code, message } in &self.failures {
            // The newest groups are the likeliest.
            match groups.iter_mut().rev().find(|group| group.code == *code && group.message == *message) {
                Some(group) => group.positions.push(*position),
                None => groups.push(FailureGroup {
                    code: Text::Borrowed(code),
                    message: Text::Borrowed(message),
                    positions: vec![*position],
                }),
            }
        }
        groups
    }
}

impl FailureGroup<'_> {
    pub(crate) fn flatten(groups: Vec<FailureGroup<'_>>) -> Vec<RecordFailure<'static>> {
        let mut failures = Vec::new();
        for FailureGroup { code, message, positions } in groups {
            let (code, message) = (code.into_owned(), message.into_owned());
            failures.extend(positions.into_iter().map(|position| RecordFailure {
                position,
                code: code.clone().into(),
                message: message.clone().into(),
            }));
        }
        failures.sort();
        failures
    }
}
