use domain::{Destination, Model, Source, Sync};
use serde::{Deserialize, Serialize};

/// All that a run needs to know, in one piece: a run keeps the version it started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub source: Source,
    pub model: Model,
    pub destination: Destination,
    pub sync: Sync,
}

/// A part of a definition that can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    Source,
    Query,
    Key,
    Destination,
    Stream,
    Message,
    PartitionKey,
    HashKey,
    FanOut,
    Triggers,
    FirstRun,
    Watch,
    Values,
    Numbers,
    Missing,
    Guards,
    Limits,
}

impl Definition {
    pub fn changes_from(&self, older: &Self) -> Vec<Part> {
        let (new, old) = (&self.sync, &older.sync);
        let parts = [
            (Part::Source, self.source != older.source),
            (Part::Query, self.model.query != older.model.query),
            (Part::Key, self.model.key != older.model.key),
            (Part::Destination, self.destination != older.destination),
            (Part::Stream, new.stream != old.stream),
            (Part::Message, !same_text(&new.message, &old.message)),
            (Part::PartitionKey, new.partition_key != old.partition_key),
            (Part::HashKey, new.hash_key != old.hash_key),
            (Part::FanOut, new.fan_out != old.fan_out),
            (Part::Triggers, new.triggers != old.triggers),
            (Part::FirstRun, new.first_run != old.first_run),
            (Part::Watch, new.watch != old.watch),
            (Part::Values, new.values != old.values),
            (Part::Numbers, new.numbers != old.numbers),
            (Part::Missing, new.missing != old.missing),
            (Part::Guards, new.guards != old.guards),
            (Part::Limits, new.limits != old.limits),
        ];
        parts.into_iter().filter_map(|(part, changed)| changed.then_some(part)).collect()
    }
}

/// Two JSON constants may be equal and still be written differently: the order of members, the digits of a number.
fn same_text<T: Serialize>(left: &T, right: &T) -> bool {
    matches!((serde_json::to_string(left), serde_json::to_string(right)), (Ok(left), Ok(right)) if left == right)
}
