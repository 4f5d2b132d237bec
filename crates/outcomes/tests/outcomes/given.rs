//! Rows and calls as a run makes them.

use domain::{Change, RunId, SyncId};
use engine::hash::{Hash128, HashKey, Purpose, event_id, hash};
use engine::shard::hash_partition_key;
use engine::unit::UnitId;
use outcomes::{Body, Call, Origin, Outcome, PutIn, RecordFailure, RowOutcome};
use uuid::Uuid;

pub(crate) const SHARDS: u128 = 8;
/// Records of a call.
pub(crate) const CALL: usize = 500;
const START: i64 = 1_790_000_000_000;

pub(crate) fn origin(number: u32) -> Origin {
    Origin {
        sync: SyncId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)),
        run: RunId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002)),
        epoch: 7,
        number,
    }
}

pub(crate) fn key_hash(id: u64) -> Hash128 {
    hash(&HashKey::new([3; 32]), Purpose::Key, &[&id.to_be_bytes()])
}

/// Delivered rows of the keys `ids`, in the order of their hashes, as one window sends them.
pub(crate) fn delivered(ids: std::ops::Range<u64>, values: bool) -> Vec<RowOutcome<'static>> {
    let mut keys: Vec<(Hash128, u64)> = ids.map(|id| (key_hash(id), id)).collect();
    keys.sort_unstable();
    let row = |(at, (key, id)): (usize, &(Hash128, u64))| {
        let unit = UnitId { key: *key, child: 0 };
        let partition_key = format!("customer-{id}");
        let shard = hash_partition_key(&partition_key) / (u128::MAX / SHARDS + 1);
        let name = format!("shardId-{shard:012}");
        let call = (at / CALL) as u64;
        let values = values.then(|| values_of(*id));
        let record =
            values.as_ref().map(|values| format!(r#"{{"event":{{"type":"changed","sequence":7}},"row":{values}}}"#));
        RowOutcome {
            unit: Some(unit),
            key: format!(r#"{{"id":{id}}}"#).into(),
            op: Some(Change::Changed),
            outcome: Outcome::Delivered,
            event_id: Some(
                event_id(&HashKey::new([3; 32]), origin(0).sync, unit, Change::Changed, 7).to_string().into(),
            ),
            event_sequence: Some(7),
            epoch: 7,
            partition_key: Some(partition_key.into()),
            predicted_shard: Some(name.clone().into()),
            shard: Some(name.into()),
            sequence_number: Some(sequence_number(shard, at as u64).into()),
            put: Some(PutIn { call, position: (at % CALL) as u32 }),
            attempts: 1,
            record_bytes: Some(420 + (id % 61) as u32),
            at: START + call as i64 * 11,
            previous: values.as_ref().map(|values| values.replace("active", "trial").into()),
            row: values.map(Into::into),
            record: record.map(Into::into),
            ..RowOutcome::default()
        }
    };
    keys.iter().enumerate().map(row).collect()
}

fn values_of(id: u64) -> String {
    let random = u128::from_be_bytes(key_hash(id).0);
    format!(
        r#"{{"id":{id},"email":"user{id}@example.com","name":"Ada {:x}","plan":"{}","state":"active","balance":"{}.{:02}","updated_at":"2026-11-21T06:{:02}:{:02}.{:06}Z"}}"#,
        random as u32,
        ["free", "team", "enterprise"][(random % 3) as usize],
        (random >> 40) % 100_000,
        (random >> 60) % 100,
        (random >> 70) % 60,
        (random >> 80) % 60,
        (random >> 90) % 1_000_000,
    )
}

/// Its bits lie as those of Kinesis do: the time of the shard, the number of the record, the time, the shard.
pub(crate) fn sequence_number(shard: u128, number: u64) -> String {
    let high = (2u128 << 56) | (0x19_0000_0000 << 20) | (shard << 16) | u128::from(number >> 48);
    let low = (u128::from(number) << 80) | ((1_790_000_000 + u128::from(number / 5000)) << 40) | (shard << 4) | 2;
    decimal(high, low)
}

/// `high * 2^128 + low` in decimal digits.
fn decimal(high: u128, low: u128) -> String {
    let mut limbs: Vec<u64> =
        [high, low].iter().flat_map(|part| (0..4).rev().map(move |at| (part >> (32 * at)) as u32 as u64)).collect();
    let mut digits = Vec::new();
    while limbs.iter().any(|limb| *limb > 0) {
        let mut rest = 0u64;
        for limb in &mut limbs {
            let value = (rest << 32) | *limb;
            *limb = value / 10;
            rest = value % 10;
        }
        digits.push(b'0' + rest as u8);
    }
    digits.reverse();
    String::from_utf8(digits).unwrap()
}

/// Refused by Kinesis after three puts.
pub(crate) fn rejected(id: u64) -> RowOutcome<'static> {
    let mut row = delivered(id..id + 1, false).remove(0);
    row.outcome = Outcome::Rejected;
    row.code = Some("ProvisionedThroughputExceededException".into());
    row.message = Some(format!("Rate exceeded for {}", row.shard.clone().unwrap()).into());
    row.first_seen = Some(START - 60_000);
    row.times_tried = Some(4);
    (row.shard, row.sequence_number) = (None, None);
    row.earlier_puts = vec![PutIn { call: 3, position: 17 }, PutIn { call: 5, position: 2 }];
    row.put = Some(PutIn { call: 9, position: 0 });
    row.attempts = 3;
    row
}

/// A row with a null in its key.
pub(crate) fn invalid() -> RowOutcome<'static> {
    RowOutcome {
        key: r#"{"id":null}"#.into(),
        outcome: Outcome::Invalid,
        code: Some("null-key".into()),
        epoch: 7,
        at: START,
        ..RowOutcome::default()
    }
}

/// Calls of which every tenth had failures, and every hundredth failed.
pub(crate) fn calls(numbers: std::ops::Range<u64>, body: usize) -> Vec<Call<'static>> {
    let call = |number: u64| {
        let (failed, throttled) = (number % 100 == 99, number % 10 == 3);
        let failure = |position: u32| RecordFailure {
            position,
            code: "ProvisionedThroughputExceededException".into(),
            message: format!("Rate exceeded for shardId-00000000000{}", position % 2).into(),
        };
        let text = format!("{{\"number\":{number},\"x\":\"{}\"}}", "x".repeat(body));
        Call {
            number,
            kind: "PutRecords".into(),
            epoch: 7,
            attempt: 1 + u32::from(throttled),
            started_at: START + number as i64 * 11,
            latency: std::time::Duration::from_micros(9_000 + number % 1_000),
            http_status: if failed { None } else { Some(200) },
            request_id: (!failed).then(|| format!("{:032x}", u128::from_be_bytes(key_hash(number).0)).into()),
            records: 500,
            bytes: 210_000 + number % 977,
            error_code: failed.then(|| "no-answer".into()),
            error_message: failed.then(|| "the connection was reset".into()),
            failures: if throttled { (0..3).map(failure).collect() } else { Vec::new() },
            shards: if failed {
                Vec::new()
            } else {
                vec!["shardId-000000000000".into(), "shardId-000000000001".into()]
            },
            retry_reason: throttled.then(|| "throttled".into()),
            waited: std::time::Duration::from_millis(number % 7),
            request: (body > 0).then(|| Body::whole(text)),
            response: (failed || throttled).then(|| Body::whole("{}")),
        }
    };
    numbers.map(call).collect()
}
