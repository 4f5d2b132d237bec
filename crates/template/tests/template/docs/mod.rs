//! The pages for users. Every example in them is run, and what it gives has to be what the page says.
#![expect(clippy::panic, reason = "the helpers of tests fail as tests do")]

mod page;
mod sample;

use std::collections::BTreeSet;

pub(crate) use page::Page;
use page::{EXAMPLES, code, tables};
pub(crate) use sample::{Outcome, Sample};
use template::Limits;

const LANGUAGE: &str = "templates.md";

#[test]
fn every_example_of_the_language_gives_what_the_page_says() {
    let page = Page::read(LANGUAGE);
    let checked = page.checked(&Sample::read(&page.text));
    assert!(checked.fenced.len() >= 24 && checked.cells >= 150, "{} and {}", checked.fenced.len(), checked.cells);
}

#[test]
fn the_page_has_every_filter_and_every_tag_and_no_other() {
    let page = Page::read(LANGUAGE);
    let (mut filters, mut tags) = (BTreeSet::new(), BTreeSet::new());
    for row in tables(&page.text).filter(|row| row.head.ends_with(EXAMPLES)) {
        let (names, example) = (code(row.cells[0]), code(row.cells[row.cells.len() - 2]).concat());
        if row.head.starts_with("| filter |") {
            assert!(names.iter().any(|name| example.contains(&format!("| {name}"))), "line {}: {example}", row.line);
            filters.extend(names);
        } else if row.head.starts_with("| tag |") {
            tags.extend(names);
        }
    }
    let known = |names: BTreeSet<&'static str>| names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(filters, known(template::filters().collect()));
    assert_eq!(tags, known(template::tags().collect()));
}

#[test]
fn a_key_is_the_same_at_any_time() {
    let sample = Sample::of_language();
    for (source, expected) in [
        (r#"{% assign t = "now" %}{{ t | date: "%F" }}"#, "1970-01-01"),
        (r#"{{ "no" | append: "w" | epoch_seconds }}"#, "0"),
        (r#"{{ "10:15" | date: "%F %R" }}"#, "1970-01-01 10:15"),
    ] {
        assert_eq!(sample.run(source, "key", ""), (Outcome::Text, expected.to_owned()), "{source}");
    }
}

#[test]
fn the_limits_are_those_of_the_page() {
    let text = Page::read(LANGUAGE).text;
    let limits = text.split("## Limits").nth(1).unwrap().split("\n## ").next().unwrap();
    let Limits { source, nesting, nodes, output, work, memory } = Limits::DEFAULT;
    for number in [source, nesting, nodes, output, work, memory, template::MAX_DEPTH] {
        let mut written = number.to_string();
        for at in (1..written.len()).rev().filter(|at| (written.len() - at) % 3 == 0).collect::<Vec<_>>() {
            written.insert(at, ',');
        }
        assert!(limits.contains(&format!("| {written} ")), "{written} is not among the limits");
    }
}
