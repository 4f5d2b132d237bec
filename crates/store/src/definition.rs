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
    Connections,
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
    Aggregate,
    Log,
}

impl Definition {
    pub fn changes_from(&self, older: &Self) -> Vec<Part> {
        let old = &older.sync;
        // Whole, so that a member that comes to it is not forgotten here.
        let Sync {
            stream,
            message,
            partition_key,
            hash_key,
            fan_out,
            triggers,
            first_run,
            watch,
            values,
            numbers,
            missing,
            guards,
            limits,
            aggregate,
            log,
        } = &self.sync;
        let parts = [
            (Part::Source, self.source != older.source),
            (Part::Query, self.model.query != older.model.query),
            (Part::Key, self.model.key != older.model.key),
            (Part::Connections, self.model.connections != older.model.connections),
            (Part::Destination, self.destination != older.destination),
            (Part::Stream, *stream != old.stream),
            (Part::Message, !same_text(message, &old.message)),
            (Part::PartitionKey, *partition_key != old.partition_key),
            (Part::HashKey, *hash_key != old.hash_key),
            (Part::FanOut, *fan_out != old.fan_out),
            (Part::Triggers, *triggers != old.triggers),
            (Part::FirstRun, *first_run != old.first_run),
            (Part::Watch, *watch != old.watch),
            (Part::Values, *values != old.values),
            (Part::Numbers, *numbers != old.numbers),
            (Part::Missing, *missing != old.missing),
            (Part::Guards, *guards != old.guards),
            (Part::Limits, *limits != old.limits),
            (Part::Aggregate, *aggregate != old.aggregate),
            (Part::Log, *log != old.log),
        ];
        parts.into_iter().filter_map(|(part, changed)| changed.then_some(part)).collect()
    }
}

/// Two JSON constants may be equal and still be written differently: the order of members, the digits of a number.
fn same_text<T: Serialize>(left: &T, right: &T) -> bool {
    matches!((serde_json::to_string(left), serde_json::to_string(right)), (Ok(left), Ok(right)) if left == right)
}

#[cfg(test)]
mod tests {
    use domain::LoggedRows;
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_of_the_log_of_aggregation_and_of_reading_are_changes() {
        let older: Definition = serde_json::from_value(json!({
            "source": {"postgres": {"url": {"env": "URL"}}},
            "model": {"query": "select 1 as id", "key": ["id"]},
            "destination": {"region": "eu-central-1", "credentials": {"default_chain": {}}},
            "sync": {"stream": "s", "message": {"json": "{}"}, "partition_key": {"column": "id"}},
        }))
        .unwrap();
        let mut newer = older.clone();
        assert_eq!(newer.changes_from(&older), []);
        newer.sync.log.rows = LoggedRows::None;
        assert_eq!(newer.changes_from(&older), [Part::Log]);
        newer.sync.aggregate = true;
        assert_eq!(newer.changes_from(&older), [Part::Aggregate, Part::Log]);
        newer.model.connections = 2;
        assert_eq!(newer.changes_from(&older), [Part::Connections, Part::Aggregate, Part::Log]);
    }
}
