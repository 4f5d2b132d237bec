//! A place in the source of a template.

use crate::MAX_SOURCE;
use crate::problem::Problem;

#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(source: &'a str) -> Result<Self, Problem> {
        if source.len() > MAX_SOURCE {
            return Err(Problem::at(
                source,
                0,
                format!("the template is {} bytes long, and {MAX_SOURCE} are allowed", source.len()),
                "Make it shorter, or put the JSON together in the query and send that column.",
            ));
        }
        Ok(Self { source, at: 0 })
    }

    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    /// The source from an earlier offset up to here.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        self.source.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn starts_with(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    pub(crate) fn bump(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    pub(crate) fn eat(&mut self, text: &str) -> bool {
        let found = self.starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Moves past every character that satisfies `wanted`, and returns them.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        let (taken, _) = rest.split_at(end);
        self.at += taken.len();
        taken
    }

    /// The white space of JSON.
    pub(crate) fn skip_space(&mut self) {
        self.take_while(|character| matches!(character, ' ' | '\t' | '\r' | '\n'));
    }

    pub(crate) fn problem(&self, message: impl Into<String>, advice: impl Into<String>) -> Problem {
        self.problem_at(self.at, message, advice)
    }

    pub(crate) fn problem_at(&self, offset: usize, message: impl Into<String>, advice: impl Into<String>) -> Problem {
        Problem::at(self.source, offset, message, advice)
    }

    /// `{%` begins a tag wherever it stands.
    pub(crate) fn tag_problem(&self) -> Problem {
        self.problem(
            "tags (`{% ... %}`) are not supported yet",
            "Only holes like `{{ row.column }}` can be used; do the rest in the query. \
             To write the characters themselves in a JSON string, write `\\u007b%`.",
        )
    }
}
