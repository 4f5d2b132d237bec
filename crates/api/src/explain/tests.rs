use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::*;

/// The source of a file of another crate, without its tests.
fn source(file: &str) -> String {
    let path = crates().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The first literal after each of these marks, between them nothing but white space and brackets.
fn after<'a>(text: &'a str, marks: &[&str]) -> Vec<&'a str> {
    let one = |rest: &'a str| {
        let rest = rest.trim_start().trim_start_matches(['(', '{']).trim_start();
        rest.strip_prefix('"')?.split('"').next()
    };
    marks.iter().flat_map(|mark| text.split(mark).skip(1).filter_map(one)).collect()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Every literal of a text.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

fn body_of<'a>(text: &'a str, function: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("fn {function}")).unwrap_or_else(|| panic!("no fn {function}"));
    rest.split("\n}\n").next().unwrap()
}

/// What our own crates can say.
fn produced() -> BTreeSet<String> {
    let mut found: BTreeSet<String> = engine::record::Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    let mut add = |words: Vec<&str>| found.extend(words.into_iter().filter(|word| is_word(word)).map(str::to_owned));
    for file in ["engine/src/guard.rs", "runner/src/error.rs", "runner/src/plan/invalid.rs"] {
        add(after(&source(file), &["=> "]));
    }
    add(after(&source("runner/src/plan/unsent.rs"), &["NOT_IN_MODEL: &str = ", "Why("]));
    add(after(&source("runner/src/finish.rs"), &["reason(", "code: "]));
    add(after(&source("runner/src/send.rs"), &["unwrap_or_else(|| "]));
    add(after(&source("runner/src/erase/mod.rs"), &["code: "]));
    add(after(&source("runner/src/log/lost.rs"), &["CODE: &str = "]));
    add(after(&source("kinesis/src/aggregate.rs"), &["SHARD_CHANGED: &str = "]));
    add(after(&source("kinesis/src/batch.rs"), &["error_code().unwrap_or"]));
    let failure = source("kinesis/src/failure.rs");
    let words = ["NO_CREDENTIALS: &str = ", "UNREACHABLE: &str = ", "CONNECTION_LOST: &str = "];
    let marks = [["code: ", "Kind::NoAnswer, ", "Kind::NotSent, "], words].concat();
    add(after(&failure, &marks));
    assert!(failure.contains("format!(\"http-{}\""), "the word for an answer without a code is another one");
    found.insert("http-503".to_owned());
    found
}

/// What the engine knows of AWS.
fn known_of_aws() -> BTreeSet<String> {
    let text = source("engine/src/outcome.rs");
    let is_code = |word: &&str| word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphanumeric);
    let functions = ["throttled", "internal", "by_a_record", "fatal"];
    functions.iter().flat_map(|name| literals(body_of(&text, name)).filter(is_code)).map(str::to_owned).collect()
}

#[test]
fn every_code_that_can_be_told_is_in_the_catalogue() {
    let produced = produced();
    for known in [
        "record-too-large",
        "null-key",
        "removals",
        "took-too-long",
        "unreachable",
        "timed-out",
        "no-result",
        "too-many-rejections",
        "not-in-model",
        "refused",
        "key-not-found",
        "configuration-changed",
    ] {
        assert!(produced.contains(known), "the sources are not read as they should: {known}: {produced:?}");
    }
    let missing: Vec<_> = produced.iter().filter(|code| find(code).is_none()).collect();
    assert!(missing.is_empty(), "give these an entry in explain/codes.rs: {missing:?}");
    let aws = known_of_aws();
    assert!(aws.len() > 25 && aws.contains("KMSDisabledException") && aws.contains("ValidationException"), "{aws:?}");
    // The engine tells some by how they begin.
    let covered =
        |code: &&String| !CODES.iter().any(|known| known.code == **code || known.code.starts_with(code.as_str()));
    let missing: Vec<_> = aws.iter().filter(covered).collect();
    assert!(missing.is_empty(), "give these an entry in explain/codes.rs: {missing:?}");
}

#[test]
fn no_code_of_ours_is_in_the_catalogue_that_nothing_can_tell() {
    let produced = produced();
    // `http-*` is told with a number; a run's own words of these steps are the same as those of jobs.
    let stale = CODES.iter().filter(|known| is_word(known.code) && !produced.contains(known.code));
    let stale: Vec<_> = stale.map(|known| known.code).collect();
    assert!(stale.is_empty(), "nothing tells these: {stale:?}");
}

#[test]
fn each_entry_is_one_of_a_kind_and_in_sentences() {
    let codes: BTreeSet<_> = CODES.iter().map(|known| known.code).collect();
    assert_eq!(codes.len(), CODES.len());
    for known in CODES {
        for text in [known.meaning, known.advice] {
            assert!(
                text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase() || c == '`'),
                "{}: {text}",
                known.code
            );
            assert!(!text.contains("  "), "{}: {text}", known.code);
        }
        assert!(!known.occurs.is_empty(), "{}", known.code);
        assert!(known.source.is_none_or(|link| link.starts_with("https://docs.aws.amazon.com/")), "{}", known.code);
    }
    for code in engine::record::Code::ALL {
        assert!(find(code.as_str()).unwrap().occurs.contains(&Occurs::Rejection));
    }
}

#[test]
fn a_code_is_found_with_the_name_of_its_service_and_with_any_status() {
    assert_eq!(find("com.amazonaws.kinesis#ResourceNotFoundException").unwrap().code, "ResourceNotFoundException");
    assert_eq!(find("http-502").unwrap().code, "http-*");
    assert!(find("http-x").is_none() && find("SomethingNew").is_none() && find("").is_none());
    assert_eq!(explain("SomethingNew", "what AWS says"), Explained::default());
}

#[test]
fn a_throttled_record_names_its_shard() {
    let text = "Rate exceeded for shard shardId-000000000007 in stream orders under account 111122223333.";
    assert_eq!(shard_in(text), Some("shardId-000000000007"));
    let found = explain("ProvisionedThroughputExceededException", text);
    assert!(found.meaning.unwrap().starts_with("shardId-000000000007 of the stream `orders` got more"));
    assert!(found.advice.unwrap().contains("If shardId-000000000007 stays hot"));
    let without = explain("ProvisionedThroughputExceededException", "Rate exceeded");
    assert!(without.meaning.unwrap().starts_with("A shard, or the stream,"));
}

#[test]
fn a_denied_action_comes_with_the_statement_that_is_missing() {
    let text = "User: arn:aws:sts::111122223333:assumed-role/rowcast/x is not authorized to perform: kinesis:PutRecords on \
                resource: arn:aws:kinesis:eu-west-1:111122223333:stream/orders because no identity-based policy allows \
                the kinesis:PutRecords action";
    let advice = explain("AccessDeniedException", text).advice.unwrap();
    let statement = advice.split('`').nth(1).unwrap();
    let expected = serde_json::json!({
        "Effect": "Allow", "Action": "kinesis:PutRecords", "Resource": "arn:aws:kinesis:eu-west-1:111122223333:stream/orders",
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(statement).unwrap(), expected);
    let denied =
        text.replace("because no identity-based policy allows", "with an explicit deny in a resource-based policy");
    let advice = explain("AccessDeniedException", &denied).advice.unwrap();
    assert!(advice.contains("Find the `Deny`") && !advice.contains("\"Allow\""));
    let role = text.replace("kinesis:PutRecords", "sts:AssumeRole");
    assert!(explain("AccessDenied", &role).advice.unwrap().contains("trust policy"));
    assert!(explain("AccessDenied", "no").advice.unwrap().contains("external id"));
}

#[test]
fn a_record_that_is_too_large_tells_by_how_much_and_by_which_column() {
    let text = "the record has 1200000 bytes with its partition key, and the limit is 1048576; its largest column is `bio` with \
                about 1190000 bytes";
    let found = explain("record-too-large", text);
    assert!(found.meaning.unwrap().contains("1200000 bytes together, and the stream takes records of 1048576 bytes"));
    assert!(found.advice.unwrap().starts_with("Leave out or shorten the column `bio`"));
}

#[test]
fn a_kms_key_that_may_not_be_used_comes_with_the_permission() {
    let text = "The ciphertext refers to a key that you cannot access: arn:aws:kms:eu-west-1:111122223333:key/ab-cd.";
    let advice = explain("KMSAccessDeniedException", text).advice.unwrap();
    assert!(
        advice.contains("kms:GenerateDataKey") && advice.contains("arn:aws:kms:eu-west-1:111122223333:key/ab-cd\"")
    );
    assert!(explain("KMSAccessDeniedException", "").advice.unwrap().contains("kms:GenerateDataKey"));
}

const PAGE: &str = "../../web/docs/error-codes.md";
const START: &str = "<!-- From here on made by the test. -->\n";

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever changes the catalogue says so that the page is to be written")]
fn the_page_has_every_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, _) = page.split_once(START).unwrap();
    let made = format!("{head}{START}{}", sections());
    if std::env::var_os("ROWCAST_REWRITE").is_some() {
        std::fs::write(&path, made).unwrap();
    } else {
        assert!(
            page == made,
            "web/docs/error-codes.md is not what the catalogue says: write it with ROWCAST_REWRITE=1"
        );
    }
}

fn sections() -> String {
    let mut out = String::new();
    for (title, place) in [
        ("Rejections", Occurs::Rejection),
        ("Invalid rows", Occurs::InvalidRow),
        ("Calls", Occurs::Call),
        ("Runs", Occurs::Run),
    ] {
        writeln!(out, "\n## {title}").unwrap();
        for known in CODES.iter().filter(|known| known.occurs.contains(&place)) {
            let link = known.source.map(|link| format!(" [What AWS says]({link}).")).unwrap_or_default();
            let retried = match known.retried {
                Retried::InRun => "Rowcast tries again within the run, and what is left in the next one.",
                Retried::NextRun => "The next run tries again.",
                Retried::No => "Nothing is tried again before somebody does something.",
            };
            writeln!(out, "\n### `{}`\n\n{} {}\n\n{retried}{link}", known.code, known.meaning, known.advice).unwrap();
        }
    }
    out
}
