//! What the log of a window costs: `cargo bench -p outcomes`. Prints time and bytes a row, and bytes of each column.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement tells, and stops when it cannot go on")]

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/outcomes/given.rs"]
mod given;

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use outcomes::{encode_calls, encode_rows};
use parquet::file::reader::{FileReader, SerializedFileReader};

const ROWS: u64 = 50_000;
const ROUNDS: u32 = 30;

fn main() {
    for values in [false, true] {
        let mut rows = given::delivered(0..ROWS, values);
        let mut encoded = encode_rows(given::origin(0), &mut rows).unwrap();
        let began = cpu_time();
        for _ in 0..ROUNDS {
            encoded = black_box(encode_rows(given::origin(0), &mut rows).unwrap());
        }
        let time = (cpu_time() - began).as_nanos() as f64 / ROWS as f64 / f64::from(ROUNDS);
        let bytes = encoded.bytes.len() as f64 / ROWS as f64;
        println!(
            "rows, values {values}: {time:.0} ns and {bytes:.1} bytes a row, footer {}",
            encoded.object.footer_bytes
        );
        columns(encoded.bytes);
    }
    let mut calls = given::calls(0..1_000, 0);
    let began = cpu_time();
    let mut bytes = 0;
    for _ in 0..100 {
        bytes = black_box(encode_calls(given::origin(0), &mut calls, usize::MAX).unwrap()).bytes.len();
    }
    println!("calls: {} ns and {} bytes a call", (cpu_time() - began).as_nanos() / 100_000, bytes / 1_000);
}

/// For which this process had a processor, on all its threads, so that neighbors on the machine count little; where the system
/// does not say, the time that passed.
fn cpu_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let statistics = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let numbers = statistics.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: Vec<u64> = numbers.skip(11).take(2).filter_map(|number| number.parse().ok()).collect();
    // A tick is 10 ms in all that the kernel tells.
    if ticks.len() == 2 { Duration::from_millis(10 * (ticks[0] + ticks[1])) } else { START.elapsed() }
}

fn columns(bytes: Vec<u8>) {
    let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let groups = file.metadata().row_groups();
    for column in 0..groups[0].num_columns() {
        let size: i64 = groups.iter().map(|group| group.column(column).compressed_size()).sum();
        println!("  {:>7.2}  {}", size as f64 / ROWS as f64, groups[0].column(column).column_path());
    }
}
