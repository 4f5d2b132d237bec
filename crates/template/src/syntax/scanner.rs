//! The source cut into text, outputs and tags, with whitespace control; and the lines of a `liquid` tag.

use super::ast::Span;
use crate::problem::{Problem, quoted};

#[derive(Debug, Clone)]
pub(super) enum Item {
    Text(Span),
    Output { markup: Span, span: Span },
    Tag { name: Span, markup: Span, span: Span },
    End,
}

#[derive(Debug)]
pub(super) struct Scanner<'a> {
    source: &'a str,
    at: usize,
    /// The tag before takes the white space that follows.
    trim: bool,
    /// The rest of a `liquid` tag, if its lines are being read.
    lines: Option<Span>,
}

/// What is to come back to after the lines of a `liquid` tag.
#[derive(Debug)]
pub(super) struct Before(Option<Span>);

impl<'a> Scanner<'a> {
    pub(super) const fn new(source: &'a str) -> Self {
        Self { source, at: 0, trim: false, lines: None }
    }

    pub(super) const fn in_lines(&self) -> bool {
        self.lines.is_some()
    }

    pub(super) const fn enter_lines(&mut self, lines: Span) -> Before {
        Before(self.lines.replace(lines))
    }

    pub(super) fn leave_lines(&mut self, before: Before) {
        self.lines = before.0;
    }

    fn from(&self, at: usize) -> &'a str {
        self.source.get(at..).unwrap_or_default()
    }

    fn problem(&self, at: usize, message: impl Into<String>, advice: impl Into<String>) -> Problem {
        Problem::at(self.source, at, message, advice)
    }

    pub(super) fn next(&mut self) -> Result<Item, Problem> {
        if self.lines.is_some() {
            return self.line();
        }
        let start = self.at;
        let rest = self.from(start);
        let length = rest
            .match_indices('{')
            .map(|(at, _)| at)
            .find(|at| rest.as_bytes().get(at + 1).is_some_and(|next| matches!(next, b'{' | b'%')));
        let length = match length {
            Some(0) => {
                self.trim = false;
                return if rest.starts_with("{{") { self.output() } else { self.tag() };
            }
            found => found.unwrap_or(rest.len()),
        };
        if rest.is_empty() {
            return Ok(Item::End);
        }
        self.at = start + length;
        let mut text = start..self.at;
        if std::mem::take(&mut self.trim) {
            text.start += length - rest.get(..length).unwrap_or_default().trim_start_matches(is_space).len();
        }
        if self.from(self.at).as_bytes().get(2) == Some(&b'-') {
            text.end = text.start + self.source.get(text.clone()).unwrap_or_default().trim_end_matches(is_space).len();
        }
        if text.is_empty() { self.next() } else { Ok(Item::Text(text)) }
    }

    fn output(&mut self) -> Result<Item, Problem> {
        let start = self.at;
        let rest = self.from(start);
        if let Some(wrong @ ('{' | '%')) = rest.get(2..).and_then(|rest| rest.chars().next()) {
            let (message, advice) = if wrong == '{' {
                (
                    "`{{{` opens no hole",
                    "Write `{{ row.column }}`; where an object begins with a hole, put a space between: `{ {{ row.column }}: 1}`.",
                )
            } else {
                (
                    "a hole cannot begin with `%`",
                    "Write a path, as in `{{ row.column }}`; between a brace of the JSON and a tag, put a space: `{ {% if ... %}`.",
                )
            };
            return Err(self.problem(start + if wrong == '{' { 0 } else { 2 }, message, advice));
        }
        let stop = rest.match_indices(['}', '{']).map(|(at, _)| at).find(|at| {
            let bytes = rest.as_bytes();
            bytes.get(*at) == Some(&b'}') || *at > 1 && bytes.get(at + 1) == Some(&b'%')
        });
        let never = "this hole is never closed";
        let Some(stop) = stop else { return Err(self.problem(start, never, "Write `}}` after the path.")) };
        let end = start + stop;
        if !self.from(end).starts_with("}}") {
            return Err(match self.from(end).chars().nth(1) {
                _ if !self.from(end).starts_with('}') => self.problem(start, never, "Write `}}` after the path."),
                None => self.problem(
                    end,
                    "expected `}}`, found the end",
                    "A hole holds one path or value, and ends with `}}`.",
                ),
                Some(_) => {
                    self.problem(end, "expected `}}`, found `}`", "A hole holds one path or value, and ends with `}}`.")
                }
            });
        }
        let markup = self.delimited(start, end);
        Ok(Item::Output { markup, span: start..self.at })
    }

    /// Without the dashes; `start` and `end` are those of the delimiters.
    fn delimited(&mut self, start: usize, end: usize) -> Span {
        self.at = end + 2;
        let mut markup = start + 2..end;
        let bytes = self.source.as_bytes();
        if end > start + 2 && bytes.get(end - 1) == Some(&b'-') {
            self.trim = true;
            markup.end -= 1;
        }
        if bytes.get(start + 2) == Some(&b'-') && !markup.is_empty() {
            markup.start += 1;
        }
        markup
    }

    fn tag(&mut self) -> Result<Item, Problem> {
        let start = self.at;
        let Some(length) = self.from(start + 2).find("%}") else {
            return Err(self.problem(start, "this tag is never closed", "Write `%}` at its end."));
        };
        let markup = self.delimited(start, start + 2 + length);
        let (name, markup) = split(self.source, markup);
        if name.is_empty() {
            let found = self.from(name.start).chars().next().map_or_else(String::new, |c| quoted(&c.to_string()));
            let message = if markup.is_empty() {
                "this tag is empty".to_owned()
            } else {
                format!("a tag cannot begin with {found}")
            };
            return Err(self.problem(start, message, "Write the name of a tag first, as in `{% if ... %}`."));
        }
        Ok(Item::Tag { name, markup, span: start..self.at })
    }

    fn line(&mut self) -> Result<Item, Problem> {
        while let Some(rest) = self.lines.clone().filter(|lines| !lines.is_empty()) {
            let text = self.source.get(rest.clone()).unwrap_or_default();
            let length = text.find('\n').unwrap_or(text.len());
            self.lines = Some((rest.start + length + 1).min(rest.end)..rest.end);
            let (name, markup) = split(self.source, rest.start..rest.start + length);
            if name.is_empty() && markup.is_empty() {
                continue;
            }
            if name.is_empty() {
                return Err(self.problem(
                    name.start,
                    "this line begins with no tag",
                    "Each line in `liquid` is a tag without its delimiters, as in `assign name = value`; a comment begins with `#`.",
                ));
            }
            return Ok(Item::Tag { span: name.start..markup.end, name, markup });
        }
        Ok(Item::End)
    }

    /// Moves behind the `endraw`, and returns what stands before it as it is.
    pub(super) fn raw(&mut self, opened: usize) -> Result<Span, Problem> {
        let start = self.at;
        let mut from = start;
        while let Some(tag) = self.next_tag(from) {
            if tag.name == "endraw" {
                self.pass(&tag);
                return Ok(start..tag.start);
            }
            from = tag.start + 2;
        }
        Err(self.problem(opened, "this `raw` is never closed", "Write `{% endraw %}` after it."))
    }

    /// Moves behind the end of a `comment` or `doc`; comments in comments have ends of their own.
    pub(super) fn comment(&mut self, opened: usize, name: &str) -> Result<(), Problem> {
        let end = format!("end{name}");
        let (mut depth, mut from) = (1, self.at);
        while let Some(tag) = self.next_tag(from) {
            from = tag.end;
            if tag.name == end {
                depth -= 1;
            } else if tag.name == name && name == "comment" {
                depth += 1;
            } else if tag.name == "raw" && name == "comment" {
                let raw = std::iter::successors(self.next_tag(from), |tag| self.next_tag(tag.start + 2));
                from = raw.into_iter().find(|tag| tag.name == "endraw").map_or(from, |tag| tag.end);
            }
            if depth == 0 {
                self.pass(&tag);
                return Ok(());
            }
        }
        Err(self.problem(opened, format!("this `{name}` is never closed"), format!("Write `{{% {end} %}}` after it.")))
    }

    /// The lines of a comment in a `liquid` tag.
    pub(super) fn comment_lines(&mut self, opened: usize) -> Result<(), Problem> {
        let mut depth = 1;
        loop {
            let Item::Tag { name, .. } = self.line_of_comment() else {
                let advice = "Write `endcomment` on a line of its own, in the same `liquid`.";
                return Err(self.problem(opened, "this `comment` is never closed", advice));
            };
            match self.source.get(name).unwrap_or_default() {
                "comment" => depth += 1,
                "endcomment" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// A line that need not be a tag.
    fn line_of_comment(&mut self) -> Item {
        while self.lines.as_ref().is_some_and(|lines| !lines.is_empty()) {
            if let Ok(item) = self.line() {
                return item;
            }
        }
        Item::End
    }

    const fn pass(&mut self, tag: &Found<'_>) {
        self.at = tag.end;
        self.trim = tag.trim;
    }

    /// The next tag from `from` on, by its name alone.
    fn next_tag(&self, from: usize) -> Option<Found<'a>> {
        let mut at = from;
        loop {
            let start = at + self.from(at).find("{%")?;
            let inside = self.from(start + 2);
            let inside = inside.strip_prefix('-').unwrap_or(inside).trim_start();
            let name = inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            if name.is_empty() {
                at = start + 2;
                continue;
            }
            let close = start + 2 + self.from(start + 2).find("%}")?;
            let trim = self.source.as_bytes().get(close - 1) == Some(&b'-');
            return Some(Found { name, start, end: close + 2, trim });
        }
    }
}

#[derive(Debug)]
struct Found<'a> {
    name: &'a str,
    start: usize,
    end: usize,
    trim: bool,
}

/// The name of a tag, and what follows it.
fn split(source: &str, markup: Span) -> (Span, Span) {
    let text = source.get(markup.clone()).unwrap_or_default();
    let start = markup.start + text.len() - text.trim_start().len();
    let text = text.trim_start();
    let length = match text.strip_prefix('#') {
        Some(_) => 1,
        None => text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len()),
    };
    (start..start + length, start + length..markup.end)
}

/// The white space that `-` takes.
const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\0')
}
