//! The debug log as an outsider reads it: its names from SQL, its files with the row API of the `parquet` crate. The
//! format is that of the page for customers, crates/outcomes/README.md; nothing of that crate is used.

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use tokio_postgres::Client;

use crate::rig::files_below;

/// Everything that the store names, of all runs, and what the runs say of themselves.
#[derive(Debug, Clone, Default)]
pub struct Log {
    pub rows: Vec<Row>,
    pub calls: Vec<Call>,
    pub attempts: Vec<Attempt>,
}

/// One line of the row log; the names are those of the columns.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Row {
    /// By which the log finds all rows of a key.
    pub key_hash: Option<String>,
    pub key: String,
    pub element: Option<String>,
    pub op: Option<String>,
    pub outcome: String,
    pub code: Option<String>,
    pub message: Option<String>,
    pub event_id: Option<String>,
    pub event_sequence: Option<u64>,
    pub run: String,
    pub run_epoch: u64,
    pub partition_key: Option<String>,
    pub predicted_shard: Option<String>,
    pub shard: Option<String>,
    pub sequence_number: Option<String>,
    pub call: Option<u64>,
    pub call_position: Option<u32>,
    pub earlier_calls: Option<String>,
    pub attempts: u32,
    pub after_doubt: bool,
    pub record_bytes: Option<u32>,
    pub previous: Option<String>,
    pub row_values: Option<String>,
    pub record: Option<String>,
    pub sub_sequence: Option<u32>,
    pub aggregated_bytes: Option<u32>,
}

/// One line of the call log.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Call {
    pub number: u64,
    pub kind: String,
    pub run: String,
    pub run_epoch: u64,
    pub http_status: Option<u32>,
    pub records: u32,
    pub failed_records: u32,
    pub error_code: Option<String>,
    pub failures: Option<String>,
    pub shards: String,
    pub retry_reason: Option<String>,
    pub request_bytes: Option<u64>,
    pub request_body: Option<String>,
    pub response_body: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Attempt {
    pub run: String,
    pub epoch: u64,
    /// It came to its end, and is not one that was found dead.
    pub ended: bool,
    pub counts: Json,
}

impl Log {
    /// `objects`: the folder of the object storage.
    pub async fn read(store: &Client, objects: &Path) -> Result<Self, String> {
        let failed = |error: tokio_postgres::Error| error.to_string();
        let mut log = Self::default();
        let files = files_below(objects);
        let named = store.query("select name, kind, entries from log_object order by epoch, number", &[]);
        for found in named.await.map_err(failed)? {
            let (name, kind, entries): (String, String, i64) = (found.get(0), found.get(1), found.get(2));
            let file = files.iter().find(|file| file.ends_with(&name)).ok_or_else(|| format!("{name} is gone"))?;
            let file = objects.join(file);
            let lines = match &*kind {
                "rows" => append(&mut log.rows, &file)?,
                _ => append(&mut log.calls, &file)?,
            };
            if i64::try_from(lines) != Ok(entries) {
                return Err(format!("{name} has {lines} lines, and {entries} are said of it"));
            }
        }
        let attempts = "select run_id::text, epoch, outcome is distinct from 'died', counts::text from attempt";
        for found in store.query(attempts, &[]).await.map_err(failed)? {
            let counts = serde_json::from_str(found.get(3)).map_err(|error| error.to_string())?;
            let (run, epoch): (&str, i64) = (found.get(0), found.get(1));
            let run = format!("run_{}", run.replace('-', ""));
            log.attempts.push(Attempt { run, epoch: epoch.cast_unsigned(), ended: found.get(2), counts });
        }
        Ok(log)
    }
}

impl Row {
    /// Every put of its record: call and position, the deciding one last.
    pub fn puts(&self) -> Vec<(u64, u32)> {
        let mut puts = self.earlier_puts();
        puts.extend(self.call.zip(self.call_position));
        puts
    }

    pub fn earlier_puts(&self) -> Vec<(u64, u32)> {
        self.earlier_calls.as_deref().map(|text| serde_json::from_str(text).unwrap_or_default()).unwrap_or_default()
    }

    /// The values of its key, and behind them its element, as messages have them.
    pub fn unit(&self) -> String {
        let key: Map<String, Json> = serde_json::from_str(&self.key).unwrap_or_default();
        let element = self.element.iter().map(|element| serde_json::from_str(element).unwrap_or_default());
        Json::Array(key.into_iter().map(|(_, value)| value).chain(element).collect()).to_string()
    }
}

impl Call {
    /// The code with which the record at this position failed, if it did.
    pub fn failure(&self, position: u32) -> Option<String> {
        if self.error_code.is_some() {
            return self.error_code.clone();
        }
        let groups = self.failed_positions();
        groups.into_iter().find(|(_, positions)| positions.contains(&position)).map(|(code, _)| code)
    }

    /// Codes of records that failed in a call that did not.
    pub fn failed_positions(&self) -> Vec<(String, Vec<u32>)> {
        #[derive(Deserialize)]
        struct Group {
            code: String,
            positions: Vec<u32>,
        }
        let groups: Vec<Group> =
            self.failures.as_deref().map(|text| serde_json::from_str(text).unwrap_or_default()).unwrap_or_default();
        groups.into_iter().map(|group| (group.code, group.positions)).collect()
    }

    /// Whether the record at this position may be in the stream although nobody acknowledged it: the call left, and no
    /// answer says that it was refused.
    pub fn leaves_doubt(&self, position: u32) -> bool {
        match &self.error_code {
            Some(code) => code != "unreachable" && !self.http_status.is_some_and(|status| (400..500).contains(&status)),
            None => self.failure(position).is_some_and(|code| code == "InternalFailure" || code == "shard-changed"),
        }
    }

    pub fn shard_names(&self) -> Vec<String> {
        serde_json::from_str(&self.shards).unwrap_or_default()
    }
}

/// Reads the lines of a file; how many.
fn append<T: DeserializeOwned>(lines: &mut Vec<T>, file: &Path) -> Result<usize, String> {
    let read = lines_of(file)?;
    let count = read.len();
    for line in read {
        lines.push(serde_json::from_value(line).map_err(|error| format!("{}: {error}", file.display()))?);
    }
    Ok(count)
}

/// The lines of a Parquet file, with the names of its columns.
pub fn lines_of(file: &Path) -> Result<Vec<Json>, String> {
    let failed = |error: &dyn std::error::Error| format!("{}: {error}", file.display());
    let open = File::open(file).map_err(|error| failed(&error))?;
    let reader = SerializedFileReader::new(open).map_err(|error| failed(&error))?;
    let mut lines = Vec::new();
    for row in reader.get_row_iter(None).map_err(|error| failed(&error))? {
        let row = row.map_err(|error| failed(&error))?;
        lines.push(Json::Object(row.get_column_iter().map(|(name, field)| (name.clone(), json(field))).collect()));
    }
    Ok(lines)
}

fn json(field: &Field) -> Json {
    match field {
        Field::Bool(value) => Json::from(*value),
        Field::UInt(value) => Json::from(*value),
        Field::ULong(value) => Json::from(*value),
        Field::TimestampMicros(value) => Json::from(*value),
        Field::Str(value) => Json::from(value.as_str()),
        Field::Bytes(value) => Json::from(value.data().iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        _ => Json::Null,
    }
}
