//! One key among many outcomes on the local disk: `cargo bench -p testkit --bench find -- --folder F --outcomes N --runs R`.
//! The objects are as runs make them: of 50,000 rows each, in the order of key hashes, with values and messages. They are
//! kept in the folder for the next time.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement tells, and stops when it cannot go on"
)]

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../../outcomes/tests/outcomes/given.rs"]
mod given;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engine::hash::Hash128;
use objects::{Durability, Objects};
use outcomes::{ObjectRef, Reader, RowSummary, Values, encode_rows};
use serde::{Deserialize, Serialize};

/// Of one window.
const ROWS: usize = 50_000;
const LOOK_UPS: u64 = 400;

/// What the store would know of an object.
#[derive(Serialize, Deserialize)]
struct Named {
    object: ObjectRef,
    summary: RowSummary,
}

struct Options {
    folder: PathBuf,
    outcomes: u64,
    /// The outcomes are those of so many runs over the same keys.
    runs: u32,
}

fn main() {
    let Some(options) = options() else {
        println!("find: nothing to do without --folder");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure(&options));
}

fn options() -> Option<Options> {
    let mut options = Options { folder: PathBuf::new(), outcomes: 20_000_000, runs: 1 };
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    for pair in arguments.chunks(2) {
        match (pair[0].as_str(), pair.get(1)) {
            ("--folder", Some(folder)) => options.folder = folder.into(),
            ("--outcomes", Some(number)) => options.outcomes = number.parse().unwrap(),
            ("--runs", Some(number)) => options.runs = number.parse().unwrap(),
            other => panic!("not an option: {other:?}"),
        }
    }
    (!options.folder.as_os_str().is_empty()).then_some(options)
}

async fn measure(options: &Options) {
    let folder = options.folder.join(format!("{}-outcomes-of-{}-runs", options.outcomes, options.runs));
    let objects = Objects::local(&folder).unwrap().durability(Durability::Unsynced);
    let names = folder.join("names.json");
    if !names.exists() {
        make(&objects, &names, options).await;
    }
    let named: Vec<Named> = serde_json::from_slice(&fs::read(&names).unwrap()).unwrap();
    let bytes: u64 = named.iter().map(|named| named.object.bytes).sum();
    let each = bytes as f64 / options.outcomes as f64;
    println!(
        "{} outcomes of {} runs: {} objects, {each:.1} bytes an outcome",
        options.outcomes,
        options.runs,
        named.len()
    );
    let reader = Reader::new(objects);
    for (what, cold) in [("from the disk", true), ("from the page cache", false)] {
        let (mut times, mut read, mut asked) = (Vec::new(), Vec::new(), 0);
        for look_up in 0..LOOK_UPS {
            let key = given::key_hash(look_up * 7_919 % keys(options));
            let may: Vec<&Named> = named.iter().filter(|named| named.summary.may_hold_key(key)).collect();
            asked += may.len();
            for named in &may {
                if cold {
                    forget(&folder.join(&named.object.name));
                } else {
                    look(&reader, named, key).await;
                }
            }
            let (began, before) = (Instant::now(), read_bytes());
            let mut found = 0;
            for named in &may {
                found += look(&reader, named, key).await;
            }
            times.push(began.elapsed());
            read.push(read_bytes() - before);
            assert_eq!(found, options.runs as usize, "each run has one row of the key");
        }
        times.sort_unstable();
        read.sort_unstable();
        let at = |percent: usize| (LOOK_UPS as usize - 1) * percent / 100;
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        println!(
            "  {what}: p50 {:.1} ms, p95 {:.1} ms, most {:.1} ms; {:.0} KiB read, at most {:.0} KiB, of {:.1} objects",
            ms(times[at(50)]),
            ms(times[at(95)]),
            ms(times[at(100)]),
            read[at(50)] as f64 / 1024.0,
            read[at(100)] as f64 / 1024.0,
            asked as f64 / LOOK_UPS as f64,
        );
    }
}

fn keys(options: &Options) -> u64 {
    options.outcomes / u64::from(options.runs)
}

async fn look(reader: &Reader, named: &Named, key: Hash128) -> usize {
    reader.find_key(&named.object, key, Values::Read).await.unwrap().len()
}

async fn make(objects: &Objects, names: &Path, options: &Options) {
    let began = Instant::now();
    let mut keys: Vec<(Hash128, u64)> = (0..keys(options)).map(|id| (given::key_hash(id), id)).collect();
    keys.sort_unstable();
    let mut named = Vec::new();
    for run in 0..options.runs {
        for window in keys.chunks(ROWS) {
            let mut rows = Vec::with_capacity(window.len());
            for (at, (_, id)) in window.iter().enumerate() {
                let mut row = given::delivered(*id..id + 1, true).remove(0);
                let number = named.len() * ROWS + at;
                let shard = row.shard.as_ref().and_then(|shard| shard.rsplit('-').next()).unwrap().parse().unwrap();
                row.sequence_number = Some(given::sequence_number(shard, number as u64).into());
                let put = row.put.as_mut().unwrap();
                (put.call, put.position) = ((number / given::CALL) as u64, (at % given::CALL) as u32);
                row.at += put.call as i64 * 11;
                rows.push(row);
            }
            let mut origin = given::origin(named.len() as u32 + 1);
            origin.epoch += u64::from(run);
            let encoded = encode_rows(origin, &mut rows).unwrap();
            objects.put(&encoded.object.name, &encoded.bytes).await.unwrap();
            named.push(Named { object: encoded.object, summary: encoded.summary });
        }
    }
    fs::write(names, serde_json::to_vec(&named).unwrap()).unwrap();
    // What is not on the disk cannot be dropped from the page cache.
    assert!(Command::new("sync").status().unwrap().success());
    println!("made in {:.0} s", began.elapsed().as_secs_f64());
}

/// Bytes that this process has read, from the page cache too.
fn read_bytes() -> u64 {
    let told = fs::read_to_string("/proc/self/io").unwrap_or_default();
    told.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).unwrap_or_default()
}

/// Drops a file from the page cache.
fn forget(file: &Path) {
    let mut command = Command::new("dd");
    command.arg(format!("if={}", file.display())).args(["iflag=nocache", "count=0"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success(), "dd could not drop {}", file.display());
}
