//! Reads the stream back and compares it with the shop: the last record of each customer, by event.sequence, has to say
//! what the shop says.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use simulator::StoredRecord;

use crate::Result;

#[derive(Debug, Default)]
pub(super) struct Replay {
    pub(super) records: usize,
    /// Records with an event.id that came before: what a consumer drops.
    pub(super) duplicates: usize,
    pub(super) customers: usize,
    /// Customers of whom the stream says something else than the shop.
    pub(super) wrong: Vec<i64>,
}

#[derive(Deserialize)]
struct Message {
    op: String,
    event: Event,
    customer: Customer,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    sequence: u64,
}

#[derive(Deserialize)]
struct Customer {
    id: i64,
    city: Option<String>,
}

pub(super) fn replay(records: &[StoredRecord], shop: &[(i64, Option<String>)]) -> Result<Replay> {
    let mut last: BTreeMap<i64, Message> = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut replay = Replay { records: records.len(), ..Replay::default() };
    for record in records {
        let message: Message = serde_json::from_slice(&record.data)?;
        replay.duplicates += usize::from(!seen.insert(message.event.id.clone()));
        let newer = last.get(&message.customer.id).is_none_or(|known| known.event.sequence <= message.event.sequence);
        if newer {
            last.insert(message.customer.id, message);
        }
    }
    last.retain(|_, message| message.op != "removed");
    replay.customers = last.len();
    let wanted: BTreeMap<i64, &Option<String>> = shop.iter().map(|(id, city)| (*id, city)).collect();
    replay.wrong = wanted
        .iter()
        .filter(|(id, city)| last.get(id).is_none_or(|message| message.customer.city != ***city))
        .map(|(id, _)| *id)
        .chain(last.keys().filter(|id| !wanted.contains_key(id)).copied())
        .collect();
    Ok(replay)
}
