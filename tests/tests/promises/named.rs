//! The promises that have a test of their name.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PROMISES: [&str; 7] = ["p1", "p2", "p3", "p4", "p6", "p7", "p8"];

/// The promises that the names of a file's functions begin with, as in `p1_p3_the_sums_hold`.
fn named(text: &str, found: &mut BTreeSet<String>) {
    let functions = text.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "))
    });
    for function in functions {
        let name = function.split('(').next().unwrap_or_default();
        let promise = |word: &&str| matches!(word.as_bytes(), [b'p', b'1'..=b'8']);
        found.extend(name.split('_').take_while(promise).map(str::to_owned));
    }
}

fn visit(folder: &Path, of_tests: bool, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, of_tests || entry.file_name() == "tests", found);
        } else if of_tests && path.extension().is_some_and(|extension| extension == "rs") {
            named(&fs::read_to_string(&path).unwrap(), found);
        }
    }
}

#[test]
fn every_promise_has_a_test_of_its_name() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    visit(&package.join("tests"), true, &mut found);
    visit(&package.join("../crates"), false, &mut found);
    let missing: Vec<_> = PROMISES.into_iter().filter(|promise| !found.contains(*promise)).collect();
    assert!(missing.is_empty(), "no test says in its name that it argues for {missing:?}");
}

#[test]
fn a_name_counts_only_where_it_begins_with_a_promise() {
    let mut found = BTreeSet::new();
    named(
        "fn p1_p3_sums() {\n  async fn p4_order() {}\n// fn p6_no() {}\nfn of_p7_no() {}\nfn p1x_p8() {}\nlet p2_x = 1;",
        &mut found,
    );
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["p1", "p3", "p4"]);
}
