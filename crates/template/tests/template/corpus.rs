//! What the fuzzer starts from, and what it once found, in every test run.

#[path = "../../fuzz/src/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut bytes = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let input = fs::read(file.unwrap().path()).unwrap();
        bytes += input.len();
        check(&input);
    }
    assert!((1..100_000).contains(&bytes), "{}: {bytes} bytes; keep it small", folder.display());
}

#[test]
fn the_compiler_takes_every_input_of_the_corpus() {
    replay("compile", checks::compile);
}

#[test]
fn every_input_of_the_corpus_renders_or_ends_with_an_error() {
    replay("render", checks::render);
}
