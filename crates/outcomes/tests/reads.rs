//! How much is read for one key. It counts for the whole process, so nothing else is tested here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "outcomes/given.rs"]
mod given;

use given::{delivered, key_hash, origin};
use objects::{Durability, Objects};
use outcomes::{Reader, Values, encode_rows};

#[tokio::test]
async fn a_key_among_a_million_is_found_by_reading_little() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::local(folder.path()).unwrap().durability(Durability::Unsynced);
    let reader = Reader::new(objects.clone());
    let mut keys: Vec<_> = (0..1_000_000u64).map(|id| (key_hash(id), id)).collect();
    keys.sort_unstable();
    let mut list = Vec::new();
    for (number, window) in (0..).zip(keys.chunks(50_000)) {
        // Rows are costly to make without optimization; the keys of a window are what matters.
        let given = delivered(number * 100..number * 100 + 100, true);
        let mut rows: Vec<_> = window
            .iter()
            .zip((0..100).cycle())
            .map(|((key, id), at)| {
                let mut row = given[at].clone();
                row.unit.as_mut().unwrap().key = *key;
                row.key = format!("{{\"id\":{id}}}").into();
                row
            })
            .collect();
        let encoded = encode_rows(origin(number as u32), &mut rows).unwrap();
        objects.put(&encoded.object.name, &encoded.bytes).await.unwrap();
        list.push((encoded.object, encoded.summary));
    }
    for id in [0, 123_456, 999_999] {
        let holding: Vec<_> = list.iter().filter(|(_, summary)| summary.may_hold_key(key_hash(id))).collect();
        let [(object, _)] = holding.as_slice() else { panic!("{} objects may hold one key", holding.len()) };
        let before = bytes_read();
        let found = reader.find_key(object, key_hash(id), Values::Read).await.unwrap();
        let read = bytes_read() - before;
        assert_eq!(found[0].row.key, format!("{{\"id\":{id}}}"));
        println!("{read} bytes were read for one key");
        assert!(read > u64::from(object.footer_bytes) || !cfg!(target_os = "linux"), "reading was not counted");
        assert!(read <= 4 << 20, "{read} bytes were read");
    }
}

/// What this process asked its files for; nothing where the system does not say.
fn bytes_read() -> u64 {
    let counters = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = counters.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}
