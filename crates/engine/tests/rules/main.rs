//! The delivery rules against every promise, by random walks through a small world: a source, a stream that answers or
//! does not, workers that die, people who change their mind. The product side (`product`, `layers`) does what the
//! runner does and leaves every decision to the engine; the checker (`world`, `close`) knows what was put and read and
//! asks the engine nothing. What must hold:
//!
//! - I1 when faults stop, the lost run goes on, settling passes and one more run ends: the last record of each unit, by
//!   event.sequence and by arrival, says what the source says, as far as watched columns go; but for what was
//!   acknowledged without sending. I2 acknowledged means in the stream.
//! - I3 with crashes alone: at most a window of records per crash that tell the stream nothing new.
//! - I4 one event.sequence of a unit names one content; a unit never has more ids than versions.
//! - I5 the sums of P3 and its words, for each plan and each attempt, killed ones too.
//! - I6 a held unit is never sent. I7 a full resync, wherever interrupted, sends every unit that was present.
//! - I8 no version arrives for the first time after a newer one. I9 one run after settling is enough; the next plans
//!   nothing, whatever columns changed that nobody watches.
//! - I10 `changed` never follows `removed`, nor comes first, unless something was acknowledged without sending.
//! - P6 no removal beyond the caps is put without an approval that covers it. F1 an entry takes another form only if it
//!   is equal in the old one. L1 merging layers changes no unit.
//!
//! Seeds that failed are kept in `seeds.txt` and played first. `ROWCAST_LONG=1` walks a million times.
#![cfg(test)]

mod bend;
mod case;
mod close;
mod layers;
mod mistake;
mod product;
mod random;
mod source;
mod steps;
mod walk;
mod words;
mod worker;
mod world;

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use case::Case;
use mistake::{FURTHER, Mistake, READINGS};
use world::Violation;

const SHORT: u64 = 10_000;
const LONG: u64 = 1_000_000;
/// Walks until a mistake must have been caught.
const PATIENCE: u64 = 20_000;
const SEEDS: &str = include_str!("seeds.txt");
const SEEDS_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rules/seeds.txt");

#[test]
fn walks_keep_every_promise() {
    for line in SEEDS.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let word = line.split_whitespace().next().unwrap();
        let seed = word.parse().unwrap_or_else(|_| panic!("{word} in seeds.txt is not a seed"));
        if let Err(violation) = walk::play(&Case::from_seed(seed), Mistake::Nothing) {
            panic!("a kept seed fails again\n{}", story(seed, Mistake::Nothing, &violation));
        }
    }
    let walks = if long() { LONG } else { SHORT };
    if let Some((seed, violation)) = search(Mistake::Nothing, walks) {
        keep(seed, &violation);
        panic!("{}", story(seed, Mistake::Nothing, &violation));
    }
    println!("{walks} walks, every promise held");
}

#[test]
fn every_wrong_reading_is_caught() {
    let control = search(Mistake::Control, PATIENCE);
    assert!(control.is_none(), "the wrapper breaks what it should only bend: {control:?}");
    let mut missed = String::new();
    for (mistake, name) in READINGS.iter().chain(&FURTHER) {
        match search(*mistake, PATIENCE) {
            Some((seed, violation)) => println!("{name}: caught by {} in walk {}", violation.rule, seed + 1),
            None => writeln!(missed, "{name}: not caught by {PATIENCE} walks").unwrap(),
        }
    }
    assert!(missed.is_empty(), "{missed}");
}

#[test]
fn walks_reach_every_kind_of_event() {
    let mut missing = vec![
        "Acknowledged",
        "Refused, will retry",
        "Applied",
        "Lost",
        "is applied",
        "crash",
        "take-over",
        "is cancelled",
        "paused",
        "the old worker checkpoints",
        "the old worker puts",
        "ticks pass",
        "are merged",
        "its query fails",
        "it needs approval",
        "approved: 1",
        "held: 1",
        "forgotten: 1",
        "re-send",
        "Baseline",
        "FullResync",
        "added: false",
        "changed: false",
        "removed: false",
        "version 2",
        "= held",
        "= absent",
        "1 silent",
        "1 deferred",
        "is rewritten",
        "time is over",
        "form changes: send all",
        "only future changes",
        "older forms cannot be computed",
        "stream changes: send all",
        "stream changes: only future",
        "u5",
    ];
    for seed in 0..SHORT {
        let lines = walk::trace(&Case::from_seed(seed), Mistake::Nothing);
        missing.retain(|words| !lines.iter().any(|line| line.contains(words)));
        if missing.is_empty() {
            return;
        }
    }
    panic!("never happened in {SHORT} walks: {missing:?}");
}

/// `--ignored --nocapture` tells a short history for each mistake.
#[test]
#[ignore = "says nothing new about the rules; for readers"]
fn each_mistake_has_a_story() {
    for (mistake, name) in READINGS.iter().chain(&FURTHER) {
        if let Some((seed, violation)) = search(*mistake, PATIENCE) {
            println!("{name}\n{}", story(seed, *mistake, &violation));
        }
    }
}

/// Walks from seed 0 on, on all processors; the violation with the lowest seed that was met.
fn search(mistake: Mistake, walks: u64) -> Option<(u64, Violation)> {
    const CHUNK: u64 = 100;
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let walk_on = || {
        while !stop.load(Ordering::Relaxed) {
            let from = next.fetch_add(CHUNK, Ordering::Relaxed);
            if from >= walks {
                break;
            }
            for seed in from..(from + CHUNK).min(walks) {
                if let Err(violation) = walk::play(&Case::from_seed(seed), mistake) {
                    stop.store(true, Ordering::Relaxed);
                    return Some((seed, violation));
                }
            }
        }
        None
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(walk_on)).collect();
        workers.into_iter().filter_map(|worker| worker.join().unwrap()).min_by_key(|(seed, _)| *seed)
    })
}

/// A failing walk, made short, in words.
fn story(seed: u64, mistake: Mistake, violation: &Violation) -> String {
    let case = walk::shrink(&Case::from_seed(seed), mistake, violation);
    let mut out = format!("seed {seed} breaks {}; shortened:\n  {:?}\n", violation.rule, case.config);
    for line in walk::trace(&case, mistake) {
        writeln!(out, "  {line}").unwrap();
    }
    out
}

/// Adds a seed to the kept ones; a read-only checkout only loses this convenience.
fn keep(seed: u64, violation: &Violation) {
    let file = std::fs::OpenOptions::new().append(true).open(SEEDS_FILE);
    let kept = file.and_then(|mut file| writeln!(file, "{seed} {}", violation.rule));
    println!("seed {seed} in seeds.txt: {kept:?}");
}

#[expect(clippy::disallowed_methods, reason = "the environment chooses how long this test walks; there is no server")]
fn long() -> bool {
    std::env::var("ROWCAST_LONG").is_ok_and(|value| value == "1")
}
