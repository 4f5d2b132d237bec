//! What must be true of a stream, told from its records and from SQL alone. Nothing here is shared with the product: it
//! reads records with the SDK, rows with SQL, and everything as plain JSON.
//!
//! Messages have to say who they are: `{"op", "key": [..], "event": {"id", "sequence"}, "row": {..}, "previous", ..}`,
//! with every column of the model in `row`, as `jsonb` would write it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kinesis::types::{Record, ShardIteratorType};
use serde_json::Value as Json;

use crate::deaggregate::{Consumed, UserRecord, consume};

/// A key's values as JSON text.
pub type Key = String;

/// What the model says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    One(Json),
    /// Several rows have this key: none of them counts, and none of them is gone.
    Held,
}

/// The rows of a model, and how many of them there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    pub rows: BTreeMap<Key, Row>,
    pub queried: u64,
    /// Rows with a null in the key, and all rows of duplicate keys; rows whose elements cannot be told, where rows fan out.
    pub invalid: u64,
    /// Keys of rows that are invalid and fan out: whatever elements they had, none of them is gone.
    pub held: BTreeSet<Key>,
}

impl Model {
    pub async fn read(source: &tokio_postgres::Client, query: &str, key: &[&str]) -> Result<Self, String> {
        let columns = key.iter().map(|column| format!("q.\"{column}\"")).collect::<Vec<_>>().join(", ");
        let nulls = key.iter().map(|column| format!("q.\"{column}\" is null")).collect::<Vec<_>>().join(" or ");
        let statement =
            format!("select jsonb_build_array({columns})::text, to_jsonb(q)::text, {nulls} from (\n{query}\n) q");
        let mut model = Self::default();
        let mut held = HashSet::new();
        for found in source.query(&statement, &[]).await.map_err(|error| error.to_string())? {
            model.queried += 1;
            if found.get(2) {
                model.invalid += 1;
                continue;
            }
            let key = json(found.get(0))?.to_string();
            let row = Row::One(json(found.get(1))?);
            if model.rows.insert(key.clone(), row).is_some() {
                model.invalid += 1 + u64::from(held.insert(key.clone()));
                model.rows.insert(key, Row::Held);
            }
        }
        Ok(model)
    }

    /// The same of a model that fans out by a column: keys have the element behind them, and rows have it as `element` in
    /// place of the column.
    pub async fn read_elements(
        source: &tokio_postgres::Client,
        query: &str,
        key: &[&str],
        array: &str,
    ) -> Result<Self, String> {
        let columns = key.iter().map(|column| format!("q.\"{column}\"")).collect::<Vec<_>>().join(", ");
        let nulls = key.iter().map(|column| format!("q.\"{column}\" is null")).collect::<Vec<_>>().join(" or ");
        let statement = format!(
            "select jsonb_build_array({columns})::text, (to_jsonb(q) - '{array}')::text, {nulls},
                    coalesce(jsonb_typeof(fan.whole), 'null'), coalesce(fanned.parts, '{{}}'),
                    coalesce(fanned.wrong, false)
             from (\n{query}\n) q
             cross join lateral (select to_jsonb(q.\"{array}\") whole) fan
             left join lateral (
                 select array_agg(part::text) parts, count(*) <> count(distinct part) or count(*) > 10000
                            or bool_or(jsonb_typeof(part) = 'null') wrong
                 from jsonb_array_elements(case jsonb_typeof(fan.whole) when 'array' then fan.whole else '[]' end) part
             ) fanned on true"
        );
        let mut model = Self::default();
        let mut rows: BTreeMap<Key, Vec<Option<Elements>>> = BTreeMap::new();
        for found in source.query(&statement, &[]).await.map_err(|error| error.to_string())? {
            model.queried += 1;
            if found.get(2) {
                model.invalid += 1;
                continue;
            }
            let kind: &str = found.get(3);
            let valid = matches!(kind, "null" | "array") && !found.get::<_, bool>(5);
            let row = (json(found.get(1))?, found.get(4));
            rows.entry(json(found.get(0))?.to_string()).or_default().push(valid.then_some(row));
        }
        for (key, rows) in rows {
            match &rows[..] {
                [Some((row, elements))] => {
                    for element in elements {
                        let element = json(element)?;
                        let (mut row, mut unit) = (row.clone(), json(&key)?);
                        row["element"] = element.clone();
                        unit.as_array_mut().ok_or("a key is an array")?.push(element);
                        model.rows.insert(unit.to_string(), Row::One(row));
                    }
                }
                several => {
                    model.invalid += several.len() as u64;
                    model.held.insert(key);
                }
            }
        }
        Ok(model)
    }

    fn holds(&self, unit: &Key) -> bool {
        let mut key: Json = serde_json::from_str(unit).unwrap_or_default();
        let element = key.as_array_mut().and_then(Vec::pop);
        element.is_some() && self.held.contains(&key.to_string())
    }
}

/// A message of the stream: a record, or one of those that share one.
#[derive(Debug, Clone)]
pub struct Message {
    pub op: String,
    pub key: Key,
    pub id: String,
    pub sequence: u64,
    pub row: Json,
    pub text: String,
    pub place: Place,
    pub partition_key: String,
    /// Of a record that messages share, with its partition key.
    pub aggregated_bytes: Option<u32>,
}

/// Where a record is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Place {
    pub shard: String,
    pub sequence_number: String,
    /// Among those that share the record.
    pub sub_sequence: Option<u32>,
}

/// All messages in the order of arrival; exact for each key, whose records are in one shard.
#[derive(Debug, Clone, Default)]
pub struct Stream(pub Vec<Message>);

impl Stream {
    /// Reads every shard with GetRecords.
    pub async fn read(endpoint: &str, stream: &str) -> Result<Self, String> {
        let client = client(endpoint);
        let mut messages = Vec::new();
        let shards = client.list_shards().stream_name(stream).send().await.map_err(|error| error.to_string())?;
        for shard in shards.shards() {
            let range = shard.hash_key_range().ok_or("a shard has a range")?;
            let edge = |key: &str| key.parse::<u128>().map_err(|error| error.to_string());
            let range = edge(range.starting_hash_key())?..=edge(range.ending_hash_key())?;
            for record in shard_records(&client, stream, shard.shard_id()).await? {
                let (data, number) = (record.data().as_ref(), record.sequence_number().to_owned());
                let outer_key = record.partition_key().unwrap_or_default();
                let place = Place { shard: shard.shard_id().to_owned(), sequence_number: number, sub_sequence: None };
                match consume(data, &range) {
                    Consumed::Plain => {
                        messages.push(Message { place, partition_key: outer_key.to_owned(), ..message(data)? });
                    }
                    Consumed::Messages(shared) => {
                        let bytes = u32::try_from(data.len() + outer_key.len()).ok();
                        for (at, UserRecord { partition_key, data, .. }) in (0..).zip(shared) {
                            let place = Place { sub_sequence: Some(at), ..place.clone() };
                            messages.push(Message { place, partition_key, aggregated_bytes: bytes, ..message(&data)? });
                        }
                    }
                    Consumed::Dropped => {}
                }
            }
        }
        Ok(Self(messages))
    }

    /// Records whose event.id came before: what a consumer drops.
    pub fn duplicates(&self) -> usize {
        let mut seen = HashSet::new();
        self.0.iter().filter(|message| !seen.insert(message.id.as_str())).count()
    }

    /// The last message of each key by event.sequence.
    pub fn by_sequence(&self) -> BTreeMap<Key, &Message> {
        let mut last: BTreeMap<Key, &Message> = BTreeMap::new();
        for message in &self.0 {
            let newest = last.entry(message.key.clone()).or_insert(message);
            if newest.sequence <= message.sequence {
                *newest = message;
            }
        }
        last
    }

    /// The last message of each key by arrival.
    pub fn by_arrival(&self) -> BTreeMap<Key, &Message> {
        self.0.iter().map(|message| (message.key.clone(), message)).collect()
    }

    /// What is wrong with identities and order. `from_empty`: nothing was ever acknowledged without sending, so that no
    /// key may begin with `changed`.
    pub fn faults(&self, from_empty: bool) -> Vec<String> {
        let mut faults = Vec::new();
        let mut by_id: HashMap<&str, &Message> = HashMap::new();
        let mut by_sequence: HashMap<(&Key, u64), &Message> = HashMap::new();
        let mut newest: HashMap<&Key, &Message> = HashMap::new();
        for message in &self.0 {
            let first = *by_id.entry(&message.id).or_insert(message);
            if first.text != message.text {
                faults.push(format!("one event.id, two messages: {} and {}", first.text, message.text));
            }
            let named = *by_sequence.entry((&message.key, message.sequence)).or_insert(message);
            if named.id != message.id {
                faults.push(format!("one event.sequence, two versions: {} and {}", named.text, message.text));
            }
            let arrives_first = std::ptr::eq(first, message);
            let before = newest.get(&message.key).copied();
            if let Some(before) = before.filter(|before| arrives_first && before.sequence > message.sequence) {
                faults.push(format!("{} arrived for the first time after {}", message.text, before.text));
            }
            let follows_a_row = before.is_some_and(|before| before.op != "removed");
            // A removal may come for a row that never came: its put had no answer, so it may have.
            if from_empty && arrives_first && message.op == "changed" && !follows_a_row {
                faults.push(format!("nothing to be changed before {}", message.text));
            }
            if before.is_none_or(|before| before.sequence <= message.sequence) {
                newest.insert(&message.key, message);
            }
        }
        faults
    }
}

/// Where a stream, told by its last messages, does not say what the model says: key by key, with the rest of the story.
pub fn differences(last: &BTreeMap<Key, &Message>, model: &Model) -> BTreeMap<Key, String> {
    let mut wrong = BTreeMap::new();
    for (key, row) in &model.rows {
        let said = last.get(key).filter(|message| message.op != "removed").map(|message| &message.row);
        if let Row::One(row) = row
            && said != Some(row)
        {
            wrong.insert(key.clone(), format!("the model says {row}, the stream {:?}", said.map(Json::to_string)));
        }
    }
    for (key, message) in last {
        if message.op != "removed" && !model.rows.contains_key(key) && !model.holds(key) {
            wrong.insert(key.clone(), format!("it is gone from the model, the stream says {}", message.text));
        }
    }
    wrong
}

/// The sums of promise P3 over the counts of a run or an attempt, one row a unit; what does not add up.
pub fn sums(counts: &Json) -> Vec<String> {
    unequal(counts, &[(&["queried"], &["unchanged", "added", "changed", "repeated", "invalid"])])
}

/// The same where a row is any number of units: the first sum counts rows, the others units.
pub fn sums_of_elements(counts: &Json) -> Vec<String> {
    let units: Side<'_> = (&["units"], &["unchanged", "added", "changed", "repeated"]);
    unequal(counts, &[(&["queried"], &["rows", "invalid"]), units])
}

/// A row without its array, and the elements of that.
type Elements = (Json, Vec<String>);

/// The names of counts that add up to the same on both sides.
type Side<'a> = (&'a [&'a str], &'a [&'a str]);

fn unequal(counts: &Json, first: &[Side<'_>]) -> Vec<String> {
    let count = |name: &str| counts[name].as_u64();
    let sum = |names: &[&str]| names.iter().map(|name| count(name)).sum::<Option<u64>>();
    let others: [Side<'_>; 2] = [
        (&["added", "changed", "removed", "repeated"], &["planned", "not_wanted"]),
        (&["planned"], &["delivered", "rejected", "unanswered", "deferred"]),
    ];
    first
        .iter()
        .chain(&others)
        .filter(|(left, right)| sum(left).is_none() || sum(left) != sum(right))
        .map(|(left, right)| format!("{} is not {} in {counts}", left.join(" + "), right.join(" + ")))
        .collect()
}

fn message(data: &[u8]) -> Result<Message, String> {
    let text = String::from_utf8(data.to_vec()).map_err(|error| error.to_string())?;
    let read = json(&text)?;
    let word = |pointer: &str| read.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
    match (word("/op"), word("/event/id"), read.pointer("/event/sequence").and_then(Json::as_u64)) {
        (Some(op), Some(id), Some(sequence)) => {
            let (place, partition_key) = (Place::default(), String::new());
            Ok(Message {
                op,
                key: read["key"].to_string(),
                id,
                sequence,
                row: read["row"].clone(),
                text,
                place,
                partition_key,
                aggregated_bytes: None,
            })
        }
        _ => Err(format!("a message without op or event: {text}")),
    }
}

fn json(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("oracle", "oracle", None, None, "oracle"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}

async fn shard_records(client: &Client, stream: &str, shard: &str) -> Result<Vec<Record>, String> {
    let iterator = client.get_shard_iterator().stream_name(stream).shard_id(shard);
    let answer = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await;
    let mut iterator = answer.map_err(|error| error.to_string())?.shard_iterator;
    let mut records = Vec::new();
    while let Some(at) = iterator {
        let answer = client.get_records().shard_iterator(at).send().await.map_err(|error| error.to_string())?;
        records.extend(answer.records().iter().cloned());
        iterator = answer.next_shard_iterator.filter(|_| answer.millis_behind_latest.unwrap_or_default() > 0);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(op: &str, key: u32, sequence: u64, value: u32) -> Message {
        let id = format!("{op}-{key}-{sequence}");
        let written = json!({"op": op, "key": [key], "event": {"id": id, "sequence": sequence}, "row": {"v": value}});
        message(written.to_string().as_bytes()).unwrap()
    }

    fn model(rows: &[(u32, u32)]) -> Model {
        let rows = rows.iter().map(|(key, value)| (json!([key]).to_string(), Row::One(json!({"v": value}))));
        Model { rows: rows.collect(), ..Model::default() }
    }

    #[test]
    fn a_stream_that_tells_the_model_has_no_differences() {
        let stream = Stream(vec![
            says("added", 1, 1, 10),
            says("added", 2, 1, 20),
            says("changed", 1, 2, 11),
            says("added", 1, 1, 10),
            says("removed", 2, 3, 20),
        ]);
        assert!(differences(&stream.by_sequence(), &model(&[(1, 11)])).is_empty());
        assert_eq!(stream.faults(true), Vec::<String>::new());
        assert_eq!(stream.duplicates(), 1);
        // By arrival the late duplicate hides the newer version.
        assert_eq!(differences(&stream.by_arrival(), &model(&[(1, 11)])).len(), 1);
    }

    #[test]
    fn every_kind_of_fault_is_found() {
        let cases = [
            (vec![says("changed", 1, 1, 10)], "nothing to be changed"),
            (vec![says("added", 1, 1, 1), says("removed", 1, 2, 1), says("changed", 1, 3, 1)], "nothing to be changed"),
            (vec![says("added", 1, 1, 1), says("added", 1, 1, 2)], "one event.id"),
            (vec![says("added", 1, 1, 1), says("changed", 1, 1, 1)], "one event.sequence"),
            (vec![says("added", 1, 2, 1), says("added", 1, 1, 0)], "after"),
        ];
        for (messages, fault) in cases {
            let faults = Stream(messages).faults(true);
            assert!(faults.iter().any(|found| found.contains(fault)), "{fault}: {faults:?}");
        }
        let stream = Stream(vec![says("added", 1, 1, 1)]);
        for (rows, says) in [(&[(1, 2)][..], "the model says"), (&[][..], "gone"), (&[(1, 1), (2, 1)][..], "None")] {
            let wrong = differences(&stream.by_sequence(), &model(rows));
            assert!(wrong.len() == 1 && wrong.values().all(|text| text.contains(says)), "{wrong:?}");
        }
    }

    #[test]
    fn sums_that_do_not_hold_are_named() {
        let mut counts = json!({"queried": 5, "unchanged": 1, "added": 1, "changed": 1, "repeated": 1, "invalid": 1,
            "removed": 1, "planned": 3, "not_wanted": 1, "delivered": 1, "rejected": 1, "unanswered": 1, "deferred": 0});
        assert_eq!(sums(&counts), Vec::<String>::new());
        counts["deferred"] = json!(1);
        assert_eq!(sums(&counts).len(), 1);
        counts["queried"] = Json::Null;
        assert_eq!(sums(&counts).len(), 2);
    }
}
