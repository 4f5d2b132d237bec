//! What a consumer knows after reading the stream, and whether it may have been sent what it was sent. Written for the
//! tests alone: it must not share a mistake with the product, so it uses none of its code.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use simulator::StoredRecord;

/// What the stream says of a row, or a table: by id.
pub(crate) type Rows = BTreeMap<i64, String>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    id: i64,
    removed: bool,
    body: String,
    sequence: u64,
}

/// A consumer that has read the stream up to some record.
#[derive(Debug, Default)]
pub(crate) struct Consumer {
    read: usize,
    events: HashMap<String, Version>,
    newest: HashMap<i64, Version>,
    last: HashMap<i64, Version>,
    /// Records whose event.id had come before.
    pub(crate) duplicates: usize,
}

impl Consumer {
    /// Reads on. Each event.id names one version of one row, and versions of a row come in their order.
    pub(crate) fn read(&mut self, records: &[StoredRecord]) {
        for record in &records[self.read..] {
            self.take(record);
        }
        self.read = records.len();
    }

    pub(crate) fn records(&self) -> usize {
        self.read
    }

    /// The last version of each row by event.sequence.
    pub(crate) fn by_sequence(&self) -> Rows {
        present(&self.newest)
    }

    /// The last version of each row by arrival.
    pub(crate) fn by_arrival(&self) -> Rows {
        present(&self.last)
    }

    fn take(&mut self, record: &StoredRecord) {
        let message: Value = serde_json::from_slice(&record.data).unwrap();
        let version = Version {
            id: message["id"].as_i64().unwrap(),
            removed: message["op"] == "removed",
            body: message["body"].as_str().unwrap_or_default().to_owned(),
            sequence: message["event"]["sequence"].as_u64().unwrap(),
        };
        let event = message["event"]["id"].as_str().unwrap().to_owned();
        assert_eq!(record.partition_key, version.id.to_string());
        match self.events.get(&event) {
            Some(known) => {
                assert_eq!(*known, version, "one event.id for two versions");
                self.duplicates += 1;
            }
            None => {
                let newest = self.newest.get(&version.id);
                assert!(
                    newest.is_none_or(|newest| newest.sequence < version.sequence),
                    "a version of another event.id that is not newer came after {newest:?}: {version:?}"
                );
                self.events.insert(event, version.clone());
                self.newest.insert(version.id, version.clone());
            }
        }
        self.last.insert(version.id, version);
    }
}

fn present(versions: &HashMap<i64, Version>) -> Rows {
    versions.values().filter(|version| !version.removed).map(|version| (version.id, version.body.clone())).collect()
}
