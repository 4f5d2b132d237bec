use serde::{Deserialize, Serialize};

use crate::Operation;

/// Which calls are hit, how often, and what happens to them.
///
/// As JSON: `{"operation": "PutRecords", "stream": "orders", "times": 2, "effect": {"throttle": "all"}}`. All fields
/// but `effect` may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Only calls of this operation; all operations when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Only calls to the stream of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Only calls with a record of this partition key; effects on records hit such records alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_key: Option<String>,
    /// Only calls with a record whose data contains this text; effects on records hit such records alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_contains: Option<String>,
    /// The first calls that match and are let through.
    #[serde(default)]
    pub skip: u64,
    /// How often the rule fires at most; for ever when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Chance that the rule fires for a call that matches; always when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Seed of all that is random in the rule.
    #[serde(default)]
    pub seed: u64,
    pub effect: Effect,
}

/// What happens to a call. Effects on records and latency let later rules act on the same call too; any other ends
/// the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Records fail with ProvisionedThroughputExceededException; a call of STS fails with Throttling.
    Throttle(Selection),
    /// Records fail with InternalFailure; none of them is written.
    InternalFailure(Selection),
    /// Records fail with a code of choice; with `written` they are in the stream all the same.
    FailRecords {
        code: String,
        #[serde(default)]
        message: Option<String>,
        records: Selection,
        #[serde(default)]
        written: bool,
    },
    /// The call is served after this many milliseconds, also when the client left in the meantime.
    Latency { ms: u64 },
    /// Nothing is done and nothing is ever answered.
    Hang,
    /// The connection is reset; nothing is done.
    ResetBefore,
    /// The call is done; then the connection is reset.
    ResetAfter,
    /// The call is done; the connection closes in the middle of the answer.
    CutAnswer,
    /// The call is done only later. Until then the client hears nothing, or its connection is reset at once.
    ApplyLater { delay_ms: u64, answer: LateAnswer },
    /// An HTTP status such as 500 or 503. With `written` the call is done all the same.
    HttpError {
        status: u16,
        #[serde(default)]
        written: bool,
    },
    /// The whole call fails with this code, such as AccessDeniedException or ExpiredTokenException.
    CallError {
        code: String,
        #[serde(default)]
        message: Option<String>,
    },
}

/// Which records of a call fail, among those that match the rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    All,
    /// Each record with this chance.
    Fraction(f64),
    /// The records that belong to this shard.
    Shard(String),
}

/// What the client of a call that is applied later sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateAnswer {
    Nothing,
    Reset,
}

impl Rule {
    /// A rule for every call of this operation.
    #[must_use]
    pub fn on(operation: Operation, effect: Effect) -> Self {
        Self { operation: Some(operation), ..Self::always(effect) }
    }

    /// A rule for every call.
    #[must_use]
    pub fn always(effect: Effect) -> Self {
        Self {
            operation: None,
            stream: None,
            partition_key: None,
            data_contains: None,
            skip: 0,
            times: None,
            probability: None,
            seed: 0,
            effect,
        }
    }

    #[must_use]
    pub fn stream(self, name: impl Into<String>) -> Self {
        let stream = Some(name.into());
        Self { stream, ..self }
    }

    #[must_use]
    pub fn partition_key(self, key: impl Into<String>) -> Self {
        let partition_key = Some(key.into());
        Self { partition_key, ..self }
    }

    #[must_use]
    pub fn data_contains(self, text: impl Into<String>) -> Self {
        let data_contains = Some(text.into());
        Self { data_contains, ..self }
    }

    #[must_use]
    pub fn skip(self, calls: u64) -> Self {
        Self { skip: calls, ..self }
    }

    #[must_use]
    pub fn times(self, calls: u64) -> Self {
        let times = Some(calls);
        Self { times, ..self }
    }

    #[must_use]
    pub fn probability(self, probability: f64) -> Self {
        let probability = Some(probability);
        Self { probability, ..self }
    }

    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

impl Effect {
    #[must_use]
    pub fn call_error(code: impl Into<String>) -> Self {
        Self::CallError { code: code.into(), message: None }
    }

    #[must_use]
    pub fn fail_records(code: impl Into<String>, records: Selection) -> Self {
        Self::FailRecords { code: code.into(), message: None, records, written: false }
    }

    /// The records that fail, and how, if this is an effect on records.
    pub(super) fn on_records(&self) -> Option<(&Selection, crate::api::RecordFault)> {
        let fault = |code: &str, message: Option<&String>, written| crate::api::RecordFault {
            code: code.to_owned(),
            message: message.cloned(),
            written,
        };
        match self {
            Self::Throttle(records) => Some((records, fault("ProvisionedThroughputExceededException", None, false))),
            Self::InternalFailure(records) => Some((records, fault("InternalFailure", None, false))),
            Self::FailRecords { code, message, records, written } => {
                Some((records, fault(code, message.as_ref(), *written)))
            }
            _ => None,
        }
    }
}
