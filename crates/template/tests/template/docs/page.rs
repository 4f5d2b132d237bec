//! A page with examples: read, run, and written again.

use std::fmt::Write;
use std::path::PathBuf;

use super::sample::{Outcome, Sample};

/// Where the columns of all examples stand.
pub(super) const SAMPLE: &str = "| column | type | value |";

/// A table with these at the end of its head has an example in each row.
pub(super) const EXAMPLES: &str = "| example | gives |";

/// A page of the documentation.
pub(crate) struct Page {
    name: &'static str,
    pub(super) text: String,
}

/// What was run, and how it ended.
pub(crate) struct Checked {
    pub(crate) fenced: Vec<Outcome>,
    pub(crate) cells: usize,
    /// Examples that end in another way than they should.
    others: String,
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web/docs").join(name)
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says what they do")]
fn rewrites() -> bool {
    std::env::var_os("ROWCAST_REWRITE").is_some_and(|value| value == "1")
}

impl Page {
    pub(crate) fn read(name: &'static str) -> Self {
        let path = path(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name, text }
    }

    /// Runs every example. With `ROWCAST_REWRITE=1` the page gets what they give, else it has to have that already.
    pub(crate) fn checked(&self, sample: &Sample) -> Checked {
        let mut checked = Checked { fenced: Vec::new(), cells: 0, others: String::new() };
        let rewritten = rewritten(&self.text, sample, &mut checked);
        if rewrites() {
            std::fs::write(path(self.name), &rewritten).unwrap();
            assert!(checked.others.is_empty(), "{}{}", self.name, checked.others);
            return checked;
        }
        assert!(checked.others.is_empty(), "{}{}", self.name, checked.others);
        let mut differences = String::new();
        for (at, (is, gives)) in self.text.lines().zip(rewritten.lines()).enumerate() {
            if is != gives {
                write!(differences, "\nline {}: the page says\n    {is}\nand it is\n    {gives}", at + 1).unwrap();
                break;
            }
        }
        assert!(
            self.text == rewritten,
            "{} says what is not so.{differences}\nROWCAST_REWRITE=1 writes what is so; read the difference then.",
            self.name
        );
        checked
    }
}

fn rewritten(page: &str, sample: &Sample, checked: &mut Checked) -> String {
    let mut out = String::new();
    let mut lines = page.lines().enumerate().peekable();
    let mut head = "";
    while let Some((at, line)) = lines.next() {
        if let Some(fence) = line.strip_prefix("```") {
            let mut body = |out: &mut String| -> String {
                let mut body = String::new();
                for (_, line) in lines.by_ref() {
                    writeln!(out, "{line}").unwrap();
                    if line == "```" {
                        return body.trim_end_matches('\n').to_owned();
                    }
                    writeln!(body, "{line}").unwrap();
                }
                panic!("the block of line {} has no end", at + 1);
            };
            writeln!(out, "{line}").unwrap();
            let source = body(&mut out);
            if matches!(fence, "sh" | "yaml") {
                continue;
            }
            let given = fence.strip_prefix("template").unwrap_or_else(|| panic!("line {}: no template before", at + 1));
            let mut row = String::new();
            let mut expected = "";
            while expected.is_empty() {
                let (at, line) = lines.next().unwrap_or_else(|| panic!("line {}: nothing is expected", at + 1));
                match line {
                    "" => out.push('\n'),
                    "```row" => {
                        out.push_str("```row\n");
                        for (_, line) in lines.by_ref() {
                            writeln!(out, "{line}").unwrap();
                            if line == "```" {
                                break;
                            }
                            row.push_str(line);
                        }
                    }
                    "```json" | "```text" | "```error" => {
                        expected = &line[3..];
                        lines.by_ref().find(|(_, line)| *line == "```").unwrap();
                    }
                    other => panic!("line {}: a template without what it gives: {other}", at + 1),
                }
            }
            let (outcome, gives) = sample.run(&written(&source), given.trim(), &row);
            if outcome.fence() != expected {
                write!(checked.others, "\nline {}: {source}\ngives {outcome:?}: {gives}", at + 1).unwrap();
            }
            checked.fenced.push(outcome);
            write!(out, "```{expected}\n{gives}\n```\n").unwrap();
            continue;
        }
        if !line.starts_with('|') {
            head = "";
        } else if head.is_empty() {
            head = line;
        } else if !line.starts_with("|-") && (head.ends_with(EXAMPLES) || head.starts_with(SAMPLE)) {
            out.push_str(&sample.row(head, line, at + 1));
            out.push('\n');
            checked.cells += 1;
            continue;
        }
        writeln!(out, "{line}").unwrap();
    }
    out
}

/// The pieces `⟨65 × x⟩` of a template that is too long for a page.
fn written(source: &str) -> String {
    let mut out = String::new();
    for (at, piece) in source.split('⟨').enumerate() {
        match piece.split_once('⟩').filter(|_| at > 0) {
            Some((repeated, rest)) => {
                let (times, text) = repeated.split_once(" × ").unwrap();
                out += &text.repeat(times.replace(',', "").parse().unwrap());
                out += rest;
            }
            None => out += piece,
        }
    }
    out
}

pub(super) struct TableRow<'a> {
    pub(super) line: usize,
    pub(super) head: &'a str,
    pub(super) cells: Vec<&'a str>,
}

pub(super) fn tables(page: &str) -> impl Iterator<Item = TableRow<'_>> {
    let mut head = "";
    page.lines().enumerate().filter_map(move |(at, line)| {
        if !line.starts_with('|') {
            head = "";
        } else if head.is_empty() {
            head = line;
        } else if !line.starts_with("|-") {
            return Some(TableRow { line: at + 1, head, cells: cells(line) });
        }
        None
    })
}

/// `\|` is a bar in a cell.
pub(super) fn cells(line: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut start = 1;
    for (at, _) in line.match_indices('|').skip(1) {
        if !line[..at].ends_with('\\') {
            cells.push(line[start..at].trim());
            start = at + 1;
        }
    }
    cells
}

/// What stands between backticks.
pub(super) fn code(cell: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), cell);
    while let Some((_, after)) = rest.split_once('`') {
        // Two backticks are around code that has one.
        let (mark, after) = after.strip_prefix('`').map_or(("`", after), |after| ("``", after));
        let (inside, after) = after.split_once(mark).unwrap();
        let inside = if mark == "``" { inside.trim() } else { inside };
        found.push(inside.replace("\\|", "|"));
        rest = after;
    }
    found
}

pub(super) fn cell(text: &str) -> String {
    assert!(!text.contains('\n'), "a table cannot show two lines: {text}");
    let mark = if text.contains('`') { "`` " } else { "`" };
    let end: String = mark.chars().rev().collect();
    format!("{mark}{}{end}", text.replace('|', "\\|"))
}
