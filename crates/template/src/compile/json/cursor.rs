//! A place in a block: in its constant text, or before one of its nodes.

use crate::problem::Problem;
use crate::syntax::ast::Node;

#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    source: &'a str,
    nodes: &'a [Node],
    /// The node that follows, and how much of it was read if it is text.
    at: usize,
    read: usize,
    /// Where the block begins, to say where it ends if it is empty.
    start: usize,
    /// The tag whose block this is; none for the whole template.
    pub(super) tag: Option<&'static str>,
}

/// What follows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next<'a> {
    Char(char),
    Node(&'a Node),
    End,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(source: &'a str, nodes: &'a [Node], start: usize, tag: Option<&'static str>) -> Self {
        Self { source, nodes, at: 0, read: 0, start, tag }
    }

    pub(super) fn next(&mut self) -> Next<'a> {
        while let Some(node) = self.nodes.get(self.at) {
            if !matches!(node, Node::Text(_)) {
                return Next::Node(node);
            }
            if let Some(character) = self.text().chars().next() {
                return Next::Char(character);
            }
            self.step();
        }
        Next::End
    }

    /// Moves past a node.
    pub(super) const fn step(&mut self) {
        self.at += 1;
        self.read = 0;
    }

    /// What is left of the constant text here. It ends where a tag stands, so that no token goes across one.
    pub(super) fn text(&self) -> &'a str {
        match self.nodes.get(self.at) {
            Some(Node::Text(span)) => self.source.get(span.start + self.read..span.end).unwrap_or_default(),
            _ => "",
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text().chars().next()
    }

    /// Where in the source this is.
    pub(super) fn offset(&self) -> usize {
        match self.nodes.get(self.at) {
            Some(Node::Text(span)) => span.start + self.read,
            Some(node) => node.start(),
            None if self.tag.is_none() => self.source.len(),
            None => match self.nodes.last() {
                Some(Node::Text(span)) => span.end,
                Some(node) => node.start(),
                None => self.start,
            },
        }
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.read += character.len_utf8();
        Some(character)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.text().starts_with(text);
        if found {
            self.read += text.len();
        }
        found
    }

    /// Moves past every character of this text that satisfies `wanted`, and returns them.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let text = self.text();
        let end = text.find(|character| !wanted(character)).unwrap_or(text.len());
        self.read += end;
        text.get(..end).unwrap_or_default()
    }

    pub(super) fn problem(&self, message: impl Into<String>, advice: impl Into<String>) -> Problem {
        self.problem_at(self.offset(), message, advice)
    }

    pub(super) fn problem_at(&self, at: usize, message: impl Into<String>, advice: impl Into<String>) -> Problem {
        Problem::at(self.source, at, message, advice)
    }
}

/// The name of the tag that makes a node, for people; `unless` is told as `if`.
pub(super) const fn tag_name(node: &Node) -> &'static str {
    match node {
        Node::Text(_) => "text",
        Node::Output { .. } => "output",
        Node::Assign { .. } => "assign",
        Node::Capture { .. } => "capture",
        Node::If { .. } => "if",
        Node::Case { .. } => "case",
        Node::For(_) => "for",
        Node::TableRow(_) => "tablerow",
        Node::Cycle { .. } => "cycle",
        Node::Increment { .. } => "increment",
        Node::Decrement { .. } => "decrement",
        Node::IfChanged { .. } => "ifchanged",
        Node::Break { .. } => "break",
        Node::Continue { .. } => "continue",
    }
}
