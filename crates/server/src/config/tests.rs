use std::collections::{BTreeMap, BTreeSet};

use super::*;

const EXAMPLE: &str = include_str!("../../rowcast.example.yaml");

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    parse(Some(("rowcast.yaml", text)), &environment)
}

fn problems(text: &str, environment: &[(&str, &str)]) -> String {
    read(text, environment).unwrap_err().to_string()
}

fn entry(loaded: &Loaded, key: &str) -> Entry {
    loaded.entries.iter().find(|entry| entry.key == key).unwrap().clone()
}

fn key_line(id: &str) -> String {
    format!("{id}:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
}

#[test]
fn the_example_names_every_setting_with_its_default() {
    let loaded = read(EXAMPLE, &[]).unwrap();
    for entry in &loaded.entries {
        assert_eq!(entry.value, entry.default, "{}", entry.key);
    }
    let written: BTreeSet<_> = file::read_file("rowcast.example.yaml", EXAMPLE).unwrap().into_keys().collect();
    let known: BTreeSet<_> = loaded.entries.iter().map(|entry| entry.key.to_owned()).collect();
    assert_eq!(written, known);
    // Told by a comment of its own, or in the block of its section.
    let is_section = |line: &str| line.trim_end().ends_with(':');
    let is_setting = |line: &&str| line.starts_with("  ") && !line.trim().starts_with('#') && !is_section(line);
    let bare: Vec<_> = EXAMPLE.lines().filter(is_setting).collect();
    assert_eq!(bare.len(), known.len(), "one line a setting");
}

#[test]
fn no_key_is_read_twice() {
    let loaded = read("", &[]).unwrap();
    let keys: BTreeSet<_> = loaded.entries.iter().map(|entry| entry.key).collect();
    assert_eq!(keys.len(), loaded.entries.len());
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_line_and_key() {
    let text = "\
worker:
  lease: 30
  concurency: 4
http:
  listen: localhost
egress:
  allow: [10.0.0.0/8, everywhere]
accounts:
  sign_up: open
aws:
  identity: default-chain
  service_identity: [ws_0123456789abcdef0123456789abcdef]
";
    let told = problems(text, &[("ROWCAST_QUOTAS__RUNNING_RUNS", "0"), ("ROWCAST_LOG__LEVEL", "info,=")]);
    for line in [
        "rowcast.yaml:2: worker.lease: expected a time with its unit",
        "rowcast.yaml:3: worker.concurency: there is no such setting; did you mean worker.concurrency?",
        "rowcast.yaml:5: http.listen: expected an IP address and a port",
        "rowcast.yaml:7: egress.allow: expected a network",
        "rowcast.yaml:12: aws.service_identity: nobody may use",
        "ROWCAST_QUOTAS__RUNNING_RUNS: quotas.running_runs: expected 1 to 1000, found 0",
        "ROWCAST_LOG__LEVEL: log.level: expected error, warn",
    ] {
        assert!(told.contains(line), "{line}\n--- is not in\n{told}");
    }
    assert_eq!(told.lines().count(), 8, "{told}");
    let first = told.lines().nth(1).unwrap();
    assert!(first.starts_with("  rowcast.yaml:2:"), "in the order of the file: {told}");
}

#[test]
fn the_environment_wins_over_the_file_and_an_empty_variable_says_nothing() {
    let text = "worker: { lease: 10s, jobs: 3 }\negress: { allow: [10.0.0.0/8] }\n";
    let loaded = read(
        text,
        &[
            ("ROWCAST_WORKER__LEASE", "20s"),
            ("ROWCAST_WORKER__JOBS", ""),
            ("ROWCAST_EGRESS__ALLOW", "192.168.0.0/16, fd00::/8"),
            ("ROWCAST_HOME", "/somewhere"),
            ("HOME", "/root"),
        ],
    )
    .unwrap();
    assert_eq!(loaded.config.worker.lease, Duration::from_secs(20));
    assert_eq!(loaded.config.worker.jobs, 3);
    assert_eq!(loaded.config.egress.allow.len(), 2);
    let shown = show(&loaded.entries);
    assert!(shown.contains("worker.lease = 20s  # ROWCAST_WORKER__LEASE\n"), "{shown}");
    assert!(shown.contains("worker.jobs = 3  # rowcast.yaml:1\n"), "{shown}");
    assert!(shown.contains("egress.allow = [192.168.0.0/16, fd00::/8]  # ROWCAST_EGRESS__ALLOW\n"), "{shown}");
    assert!(shown.contains("log.format = text  # default\n"), "{shown}");
}

#[test]
fn unknown_variables_sections_and_forms_are_refused() {
    for (text, variable, told) in [
        (
            "",
            Some(("ROWCAST_DATABSE__URL", "x")),
            "ROWCAST_DATABSE__URL: databse.url: there is no such setting; did you mean database.url?",
        ),
        ("htp: { listen: 127.0.0.1:1 }", None, "did you mean http.listen?"),
        ("nothing_like_it: 3", None, "lists all that there are"),
        ("worker: 3", None, "worker: there is no such setting"),
        ("worker: { lease: [1s] }", None, "worker.lease: expected one value, found a list"),
        ("worker: { lease: { a: 1s } }", None, "worker.lease.a: there is no such setting; did you mean worker.lease?"),
        ("egress: { allow: [[1]] }", None, "egress.allow: expected a list"),
        ("worker: { lease: 1s, lease: 2s }", None, "not valid YAML"),
        ("worker: [", None, "rowcast.yaml:"),
        ("- 1", None, "there is no such setting"),
    ] {
        let error = problems(text, variable.as_slice());
        assert!(error.contains(told), "{text}: {error}");
    }
    assert!(read("worker:\n", &[]).is_ok(), "an empty section");
}

#[test]
fn a_bucket_is_named_whole_or_not_at_all() {
    let whole =
        "objects: { s3: { bucket: our-objects, prefix: rowcast/prod/, region: eu-central-1, access_key_id: AKID } }";
    let secret = ("ROWCAST_OBJECTS__S3__SECRET_ACCESS_KEY", "hush-s3");
    let loaded = read(whole, &[secret]).unwrap();
    let bucket = loaded.config.bucket.as_ref().unwrap();
    assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), ("our-objects", "rowcast/prod"));
    assert_eq!(bucket.access_key.as_ref().unwrap().1.expose(), "hush-s3");
    assert!(loaded.config.warnings().iter().all(|warning| !warning.contains("objects.s3")));
    let shown = show(&loaded.entries) + &format!("{loaded:?}");
    assert!(shown.contains("objects.s3.secret_access_key = (hidden)") && !shown.contains("hush"), "{shown}");
    let chain =
        read("objects: { s3: { bucket: our-objects, region: eu-central-1, endpoint: http://minio:9000 } }", &[]);
    let chain = chain.unwrap().config;
    assert!(chain.bucket.as_ref().unwrap().access_key.is_none());
    assert!(chain.warnings().iter().any(|warning| warning.contains("objects.s3.endpoint is not https")));
    for (text, told) in [
        ("objects: { s3: { region: eu-central-1 } }", "objects.s3.bucket: is missing"),
        ("objects: { s3: { bucket: our-objects } }", "objects.s3.region: is missing"),
        (
            "objects: { folder: /a, s3: { bucket: our-objects, region: a } }",
            "objects.folder: objects.s3.bucket is set too",
        ),
        ("objects: { s3: { bucket: Ours, region: a } }", "objects.s3.bucket: expected the name of a bucket"),
        ("objects: { s3: { bucket: our-objects, region: a, prefix: ../b } }", "objects.s3.prefix: expected names"),
        (
            "objects: { s3: { bucket: our-objects, region: a, endpoint: minio } }",
            "objects.s3.endpoint: expected an address",
        ),
        (
            "objects: { s3: { bucket: our-objects, region: a, access_key_id: b } }",
            "objects.s3.access_key_id: an access key is",
        ),
        ("objects: { s3: { bucket: our-objects, secret_access_key: b } }", "secrets do not belong into this file"),
    ] {
        let error = problems(text, &[]);
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn p5_secrets_come_from_files_or_the_environment_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let url_file = folder.path().join("url");
    std::fs::write(&url_file, "postgres://u:hush-in-file@host/db\n").unwrap();
    let text = format!("database: {{ url_file: {} }}\n", url_file.display());
    let line = key_line("k1");
    let loaded = read(
        &text,
        &[
            ("ROWCAST_DATABASE__WORKER_URL", "postgres://w:hush-in-variable@host/db"),
            ("ROWCAST_MASTER_KEYS__VALUE", &line),
            ("ROWCAST_AWS__IDENTITY", "access-key"),
            ("ROWCAST_AWS__ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("ROWCAST_AWS__SECRET_ACCESS_KEY", "hush-aws"),
            ("ROWCAST_AWS__SESSION_TOKEN", "hush-token"),
        ],
    )
    .unwrap();
    assert_eq!(loaded.config.database.url.as_ref().unwrap().expose(), "postgres://u:hush-in-file@host/db");
    assert_eq!(loaded.config.master_keys.as_ref().unwrap().current_id(), "k1");
    let shown = show(&loaded.entries) + &format!("{loaded:?}");
    assert!(!shown.contains("hush") && !shown.contains("AQEB"), "{shown}");
    assert_eq!(entry(&loaded, "database.url").value, "postgres://u:***@host/db");
    assert_eq!(entry(&loaded, "aws.secret_access_key").value, "(hidden)");
}

#[test]
fn p5_a_secret_in_the_file_is_refused_and_not_repeated() {
    for text in [
        "database: { url: \"postgres://u:hush@host/db\" }",
        "database: { migrate_url: \"postgres:///db?password=hush\" }",
        "master_keys: { value: \"k:hush\" }",
        "aws: { identity: access-key, access_key_id: A, secret_access_key: hush }",
        "aws: { session_token: hush }",
        "master_keys: { value: [hush] }",
    ] {
        let error = problems(text, &[]);
        assert!(!error.contains("hush"), "{error}");
        assert!(error.contains("in the environment") || error.contains("found a list"), "{error}");
    }
    for (name, value) in [("ROWCAST_MASTER_KEYS__VALUE", "k:hush"), ("ROWCAST_DATABASE__URL", "mysql://u:hush@host/db")]
    {
        assert!(!problems("", &[(name, value)]).contains("hush"));
    }
    assert!(read("database: { url: \"postgres://u@host/db\" }", &[]).is_ok(), "an address without a password");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let id = "ws_0123456789abcdef0123456789abcdef";
    for (text, told) in [
        (format!("aws: {{ service_identity: [{id}] }}"), "set aws.identity to default-chain"),
        ("aws: { identity: access-key }".to_owned(), "needs aws.access_key_id"),
        ("aws: { access_key_id: A }".to_owned(), "say access-key here"),
        ("worker: { concurrency: 30 }".to_owned(), "at least 32 connections"),
        ("metrics: { listen: 127.0.0.1:8080 }".to_owned(), "choose another port"),
        ("database: { worker_url: \"postgres://w@host/db\" }".to_owned(), "database.url: is missing"),
        ("scratch: { bytes: 64MiB }\nworker: { plan_memory: 128MiB }".to_owned(), "less than worker.plan_memory"),
        ("master_keys: { file: /nowhere/keys }".to_owned(), "cannot be read"),
    ] {
        let error = problems(&text, &[]);
        assert!(error.contains(told), "{text}: {error}");
    }
    let line = key_line("k1");
    let both = problems("master_keys: { file: /dev/null }", &[("ROWCAST_MASTER_KEYS__VALUE", &line)]);
    assert!(both.contains("set one of them"), "{both}");
}

#[test]
fn objects_outlive_the_backups_that_name_them() {
    let loaded = read("backup: { retention: 30d }", &[]).unwrap();
    assert!(loaded.config.retention.garbage_age() > Duration::from_hours(30 * 24));
    let none = read("backup: { retention: 0s }", &[]).unwrap();
    assert!(none.config.retention.garbage_age() >= Duration::from_hours(24));
}

#[test]
fn prices_are_those_of_the_operator() {
    let loaded = read("prices: { on_demand_gib: 0.104 }", &[("ROWCAST_PRICES__AS_OF", "2027-01-01")]).unwrap();
    let prices = loaded.config.prices;
    assert_eq!((prices.on_demand_gib, prices.as_of.as_str()), (0.104, "2027-01-01"));
    assert_eq!(prices.advantage_gib, api::Prices::default().advantage_gib);
    assert!(problems("prices: { advantage_gib: -1 }", &[]).contains("a price in US dollars"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load(Some(Path::new("/nowhere/rowcast.yaml")), &BTreeMap::new()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/rowcast.yaml") && error.contains("--config"), "{error}");
}

#[test]
fn a_level_of_the_log_that_does_not_exist_is_refused() {
    let told = problems("log: { level: verbose }", &[]);
    assert!(told.contains("log.level") && told.contains("`verbose` is no level"), "{told}");
}

#[test]
fn an_operator_hears_of_settings_by_which_one_workspace_keeps_others_waiting() {
    let warnings = |text: &str| read(text, &[]).unwrap().config.warnings();
    assert_eq!(warnings(""), Vec::<String>::new());
    let found = warnings("quotas: { running_runs: 4 }\nworker: { jobs: 2 }");
    assert!(found[0].contains("quotas.running_runs is 4") && found[1].contains("jobs_per_workspace is 2"), "{found:?}");
    assert_eq!(found.len(), 2);
}
