//! The direction of dependencies, checked over what Cargo says. `crates/README.md` explains the layers.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

/// Every crate of ours, and those of ours that it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    // Pure.
    ("domain", &[]),
    ("template", &["domain"]),
    ("engine", &["domain", "template"]),
    ("schedule", &["domain"]),
    // Adapters do not use each other, but for `objects`, the shared floor.
    ("sources", &["domain", "engine"]),
    ("kinesis", &["domain", "engine"]),
    ("store", &["domain", "engine"]),
    ("spill", &["domain", "engine"]),
    ("objects", &["domain"]),
    ("snapshots", &["domain", "engine", "objects"]),
    ("outcomes", &["domain", "engine", "objects"]),
    // The only crate in which pure code meets input and output.
    (
        "runner",
        &[
            "domain",
            "template",
            "engine",
            "sources",
            "kinesis",
            "store",
            "spill",
            "objects",
            "snapshots",
            "outcomes",
            "schedule",
        ],
    ),
    // Opens no connection to a tenant's host: it has neither `sources` nor `kinesis`.
    ("api", &["domain", "template", "engine", "store", "schedule", "objects", "outcomes"]),
    ("embedded", &[]),
    // Uses no other crate of ours, not even in its tests: it must not share their mistakes.
    ("simulator", &[]),
    // Puts everything together, and so speaks everyone's words.
    (
        "server",
        &[
            "api",
            "runner",
            "store",
            "embedded",
            "simulator",
            "domain",
            "template",
            "engine",
            "sources",
            "schedule",
            "kinesis",
            "objects",
        ],
    ),
    // Under its feature `rig` it puts a worker together as the server does.
    // Its bench looks for keys in the debug log.
    ("testkit", &["domain", "embedded", "simulator", "runner", "store", "objects", "outcomes"]),
    ("xtask", &["embedded"]),
    // Its binary is the product as tests kill it; what its tests use is not restricted.
    ("tests", &["server"]),
];

/// What any crate but the simulator may use in its own tests, beside what it may use anyway.
const FOR_TESTS: &[&str] = &["testkit", "embedded", "simulator", "domain", "template", "engine"];

const PURE: &[&str] = &["domain", "template", "engine", "schedule"];

/// Crates that do input and output, or bring a clock or chance: nothing that pure code stands on. (`getrandom` is not
/// here: it comes with features of `uuid` that others need. Nor is `jiff`, which has a clock only with its feature
/// `std`. The text search below sees their use.)
const IMPURE: &[&str] = &[
    "async-std",
    "chrono",
    "fastrand",
    "hyper",
    "mio",
    "quanta",
    "rand",
    "rand_core",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "time",
];
const IMPURE_PREFIXES: &[&str] = &["aws-", "sqlx", "tokio"];

/// How pure code would reach for a clock, chance or a thread without a crate.
const IMPURE_TEXT: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "now_v7",
    "new_v4",
    "thread::spawn",
    "RandomState",
];

fn metadata() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    // What other platforms need was not downloaded for building this test.
    let host_only = vec!["--filter-platform".to_owned(), "host-tuple".to_owned()];
    MetadataCommand::new().manifest_path(manifest).other_options(host_only).exec().unwrap()
}

fn ours(metadata: &Metadata) -> Vec<&Package> {
    metadata.workspace_packages()
}

fn allowed(package: &str) -> &'static [&'static str] {
    let found = ALLOWED.iter().find(|(name, _)| *name == package);
    found.unwrap_or_else(|| panic!("`{package}` is not in the table of crates: give it a layer there")).1
}

fn fail_with(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_crate_is_known_and_uses_only_the_crates_below_it() {
    let metadata = metadata();
    let names: BTreeSet<&str> = ours(&metadata).iter().map(|package| package.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in ours(&metadata) {
        let own = package.name.as_str();
        for dependency in package.dependencies.iter().filter(|dependency| names.contains(dependency.name.as_str())) {
            let used = dependency.name.as_str();
            let is_for_tests = dependency.kind == DependencyKind::Development && own != "simulator";
            let fine = allowed(own).contains(&used) || is_for_tests && (own == "tests" || FOR_TESTS.contains(&used));
            if !fine {
                wrong.push(format!("{own} must not use {used} ({:?})", dependency.kind));
            }
        }
    }
    fail_with(&wrong);
}

#[test]
fn the_table_itself_points_in_one_direction() {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut waiting: Vec<_> = ALLOWED.to_vec();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|(name, uses)| {
            let ready = uses.iter().all(|used| done.contains(used));
            if ready {
                done.insert(name);
            }
            !ready
        });
        assert!(waiting.len() < before, "these use each other in a circle: {waiting:?}");
    }
}

#[test]
fn pure_crates_stand_on_nothing_that_does_input_and_output() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in ours(&metadata).iter().filter(|package| PURE.contains(&package.name.as_str())) {
        for (name, path) in everything_below(&metadata, &package.id) {
            if IMPURE.contains(&name.as_str()) || IMPURE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                wrong.push(format!("{} must not depend on {name} (by way of {path})", package.name));
            }
        }
    }
    fail_with(&wrong);
}

#[test]
fn pure_code_asks_no_clock_and_no_chance() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in ours(&metadata).iter().filter(|package| PURE.contains(&package.name.as_str())) {
        for file in sources(folder(package).join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            for word in IMPURE_TEXT.iter().filter(|word| text.contains(*word)) {
                wrong.push(format!("{} contains `{word}`: take the value as an argument", file.display()));
            }
        }
    }
    fail_with(&wrong);
}

#[test]
fn every_crate_has_a_readme_and_the_lints_of_the_workspace() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in ours(&metadata) {
        if !folder(package).join("README.md").is_file() {
            wrong.push(format!("{} has no README.md (purpose, layout, invariants)", package.name));
        }
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        if !manifest.contains("[lints]\nworkspace = true\n") {
            wrong.push(format!("{} does not take the lints of the workspace", package.name));
        }
    }
    fail_with(&wrong);
}

/// What a package is built on, for the name of each a way that leads there. Tests and build scripts do not count.
fn everything_below(metadata: &Metadata, package: &PackageId) -> BTreeMap<String, String> {
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let mut found = BTreeMap::new();
    let mut open = vec![(package.clone(), String::new())];
    while let Some((id, path)) = open.pop() {
        let node = nodes.iter().find(|node| node.id == id).unwrap();
        for dependency in &node.deps {
            let kinds = &dependency.dep_kinds;
            let name = metadata[&dependency.pkg].name.to_string();
            let is_normal = kinds.iter().any(|kind| kind.kind == DependencyKind::Normal && kind.target.is_none());
            let is_macro = metadata[&dependency.pkg].targets.iter().any(|target| target.is_proc_macro());
            if is_normal && !is_macro && !found.contains_key(&name) {
                let path = format!("{path} > {name}");
                found.insert(name, path.clone());
                open.push((dependency.pkg.clone(), path));
            }
        }
    }
    found
}

fn folder(package: &Package) -> PathBuf {
    package.manifest_path.parent().unwrap().as_std_path().to_owned()
}

fn sources(folder: PathBuf) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { sources(path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Decision 0019 says which test answers which risk. A test that is renamed or gone must not go on answering.
#[test]
fn every_test_that_the_list_of_risks_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let list = fs::read_to_string(root.join(".github/decisions/0019-p5-what-answers-which-risk.md")).unwrap();
    let named: BTreeSet<&str> = list
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| text.matches('_').count() >= 3 && !text.contains(['/', '.', ' ']))
        .collect();
    assert!(named.len() > 30, "the list names {} tests only", named.len());
    let files = ["crates", "tests"].into_iter().flat_map(|folder| sources(root.join(folder)));
    let code: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let missing: Vec<String> = named
        .into_iter()
        .filter(|name| !code.contains(&format!("fn {name}(")))
        .map(|name| format!("decision 0019 names the test `{name}`, which does not exist"))
        .collect();
    fail_with(&missing);
}
