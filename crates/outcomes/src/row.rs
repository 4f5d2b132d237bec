use std::borrow::Cow;
use std::cmp::Ordering;

use domain::{Change, Millis};
use engine::rules::Epoch;
use engine::shard;
use engine::unit::UnitId;
use serde::{Deserialize, Serialize};

/// Borrowed where rows are encoded, owned where they were read.
pub type Text<'a> = Cow<'a, str>;

/// What became of a row in a run. The words are part of the interface: they never change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The stream acknowledged it.
    Delivered,
    /// It is not in the stream: every put was refused, or it could not be a record.
    Rejected,
    /// It may be in the stream: a put has no answer.
    Unanswered,
    /// It was planned, and is left for a later run.
    #[default]
    Deferred,
    /// Its key is null or occurs twice; it was never planned.
    Invalid,
}

/// A place in the request of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutIn {
    pub call: u64,
    /// From 0, in the order of the request.
    pub position: u32,
}

/// What happened to one row in one run. README.md says what each column holds and when it is null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowOutcome<'a> {
    /// `None`: the key holds a null, so it has no hash.
    pub unit: Option<UnitId>,
    /// JSON.
    pub key: Text<'a>,
    /// JSON.
    pub element: Option<Text<'a>>,
    pub op: Option<Change>,
    pub outcome: Outcome,
    pub code: Option<Text<'a>>,
    pub message: Option<Text<'a>>,
    pub first_seen: Option<Millis>,
    pub times_tried: Option<u32>,
    pub event_id: Option<Text<'a>>,
    pub event_sequence: Option<Epoch>,
    /// The attempt that decided it.
    pub epoch: Epoch,
    pub partition_key: Option<Text<'a>>,
    pub explicit_hash_key: Option<Text<'a>>,
    pub predicted_shard: Option<Text<'a>>,
    pub shard: Option<Text<'a>>,
    pub sequence_number: Option<Text<'a>>,
    /// The call that decided it.
    pub put: Option<PutIn>,
    /// The other calls that held it, oldest first.
    pub earlier_puts: Vec<PutIn>,
    pub attempts: u32,
    /// Delivered, while an earlier put has no answer: it may be in the stream twice.
    pub after_doubt: bool,
    pub record_bytes: Option<u32>,
    /// Its place in the aggregated record of that call.
    pub sub_sequence: Option<u32>,
    /// Of that record.
    pub aggregated_bytes: Option<u32>,
    pub at: Millis,
    /// JSON: the values acknowledged before.
    pub previous: Option<Text<'a>>,
    /// JSON: the values as read.
    pub row: Option<Text<'a>>,
    /// The message.
    pub record: Option<Text<'a>>,
}

impl Outcome {
    pub const ALL: [Self; 5] = [Self::Delivered, Self::Rejected, Self::Unanswered, Self::Deferred, Self::Invalid];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::Unanswered => "unanswered",
            Self::Deferred => "deferred",
            Self::Invalid => "invalid",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

impl RowOutcome<'_> {
    /// The 128-bit hash key by which Kinesis chooses the shard: the explicit one, else MD5 of the partition key. It is not
    /// stored, since it would be a quarter of all bytes.
    pub fn hash(&self) -> Option<u128> {
        match (&self.explicit_hash_key, &self.partition_key) {
            (Some(explicit), _) => shard::parse_explicit(explicit),
            (None, Some(key)) => Some(shard::hash_partition_key(key)),
            (None, None) => None,
        }
    }

    /// Rows without a hash come first.
    pub fn order(&self, other: &Self) -> Ordering {
        self.unit.cmp(&other.unit)
    }

    /// Bytes of its values, before compression.
    pub(crate) fn value_bytes(&self) -> usize {
        let len = |text: &Option<Text<'_>>| text.as_ref().map_or(0, |text| text.len());
        len(&self.previous) + len(&self.row) + len(&self.record)
    }

    /// Bytes of all its texts, before compression.
    pub fn text_bytes(&self) -> usize {
        let texts = [
            &self.element,
            &self.message,
            &self.event_id,
            &self.partition_key,
            &self.explicit_hash_key,
            &self.sequence_number,
        ];
        let len = |text: &Option<Text<'_>>| text.as_ref().map_or(0, |text| text.len());
        self.value_bytes() + self.key.len() + 16 * self.earlier_puts.len() + texts.into_iter().map(len).sum::<usize>()
    }
}
