//! Tags in value position and in strings, and which tags may stand where.

use super::cursor::{Cursor, Next, tag_name};
use super::{Parser, Piece, Pieces, is_space};
use crate::problem::Problem;
use crate::syntax::ast::{Block, Node};

/// The body of a tag, or one of its branches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) block: &'a Block,
    /// Where it begins, about.
    pub(super) start: usize,
    pub(super) looped: bool,
}

/// The bodies of a tag whose bodies are written; none for other nodes.
pub(super) fn bodies(node: &Node) -> Option<Vec<Body<'_>>> {
    let body = |block, start, looped| Body { block, start, looped };
    match node {
        Node::If { branches, otherwise, span } => {
            let mut found: Vec<_> = branches.iter().map(|branch| body(&branch.body, branch.span.end, false)).collect();
            found.extend(otherwise.as_ref().map(|block| body(block, span.start, false)));
            Some(found)
        }
        Node::Case { arms, .. } => Some(arms.iter().map(|arm| body(&arm.body, arm.span.end, false)).collect()),
        Node::For(node) => {
            let mut found = vec![body(&node.body, node.span.end, true)];
            found.extend(node.otherwise.as_ref().map(|block| body(block, node.span.start, false)));
            Some(found)
        }
        Node::TableRow(node) => Some(vec![body(&node.body, node.span.end, true)]),
        Node::IfChanged { body: block, span } => Some(vec![body(block, span.end, false)]),
        _ => None,
    }
}

pub(super) const fn writes_value(node: &Node) -> bool {
    matches!(node, Node::Output { .. } | Node::Cycle { .. } | Node::Increment { .. } | Node::Decrement { .. })
}

/// Writes nothing but white space, so that it may stand between any two tokens.
pub(super) fn is_silent(source: &str, node: &Node) -> bool {
    match node {
        Node::Text(span) => source.get(span.clone()).unwrap_or_default().chars().all(is_space),
        Node::Assign { .. } | Node::Capture { .. } | Node::Break { .. } | Node::Continue { .. } => true,
        Node::TableRow(_) => false,
        other => bodies(other)
            .is_some_and(|bodies| bodies.iter().all(|body| body.block.iter().all(|node| is_silent(source, node)))),
    }
}

/// A `break` or `continue` in the node that ends a loop around it.
fn jump(node: &Node) -> Option<&Node> {
    match node {
        Node::Break { .. } | Node::Continue { .. } => Some(node),
        Node::Capture { body, .. } => body.iter().find_map(jump),
        other => bodies(other)?.iter().filter(|body| !body.looped).find_map(|body| body.block.iter().find_map(jump)),
    }
}

impl<'a> Parser<'a> {
    /// A jump may leave nothing open.
    pub(super) fn check_jumps(&self, node: &'a Node, cursor: &Cursor<'a>) -> Result<(), Problem> {
        let Some(found) = jump(node) else { return Ok(()) };
        let (tag, at) = (tag_name(found), found.start());
        match self.loop_at {
            Some(open) if open == self.open => Ok(()),
            Some(_) => Err(cursor.problem_at(
                at,
                format!("`{tag}` would leave a string, an object or an array open"),
                format!("Write `{tag}` between whole members or elements of the loop, as the first thing in an `if`."),
            )),
            None => Err(cursor.problem_at(
                at,
                format!("`{tag}` stands outside of a loop"),
                "Remove it, or write it into the body of a `for`.",
            )),
        }
    }

    /// A tag where one value is expected: each of its branches gives one.
    pub(super) fn value_block(
        &mut self,
        node: &'a Node,
        cursor: &mut Cursor<'a>,
        out: &mut Pieces<'a>,
    ) -> Result<(), Problem> {
        let tag = tag_name(node);
        match node {
            Node::If { otherwise: Some(_), .. } => {}
            Node::Case { arms, .. } if arms.last().is_some_and(|arm| arm.values.is_none()) => {
                if let Some(early) = arms.iter().rev().skip(1).find(|arm| arm.values.is_none()) {
                    return Err(cursor.problem_at(
                        early.span.start,
                        "`else` stands before the end of `case`, where one value is needed",
                        "Write one `else`, as the last branch.",
                    ));
                }
            }
            Node::If { .. } | Node::Case { .. } => {
                return Err(cursor.problem(
                    format!("a value is needed here, and `{tag}` gives none if no branch fits"),
                    format!(
                        "Write `{{% else %}}null` before `{{% end{tag} %}}`, or put the name of the member into it."
                    ),
                ));
            }
            Node::For(_) => {
                return Err(cursor.problem(
                    "one value is needed here, and `for` gives any number of them",
                    "Put it into `[` and `]`, or, for text, into quotes.",
                ));
            }
            _ => {
                return Err(
                    cursor.problem(format!("one value is needed here, and `{tag}` gives text"), "Put it into quotes.")
                );
            }
        }
        let mut found = Vec::new();
        for body in bodies(node).unwrap_or_default() {
            let mut inside = Cursor::new(self.source, body.block, body.start, Some(tag));
            found.push(self.single(&mut inside)?);
        }
        out.push(Piece::Block { node, bodies: found, exclusive: true });
        cursor.step();
        Ok(())
    }

    fn single(&mut self, cursor: &mut Cursor<'a>) -> Result<Pieces<'a>, Problem> {
        let mut out = Vec::new();
        self.skip(cursor, &mut out)?;
        if let Next::End = cursor.next() {
            return Err(cursor.problem(
                "a value is needed here, and this branch gives none",
                "Write one value in each branch, `null` for example.",
            ));
        }
        self.value(cursor, &mut out)?;
        self.skip(cursor, &mut out)?;
        match cursor.next() {
            Next::End => Ok(out),
            _ => Err(self.after_value(cursor, "one value is needed here, and this branch gives more")),
        }
    }

    pub(super) fn string_tag(
        &mut self,
        node: &'a Node,
        cursor: &mut Cursor<'a>,
        out: &mut Pieces<'a>,
    ) -> Result<(), Problem> {
        if writes_value(node) {
            out.push(Piece::Content(node));
        } else if let Some(inner) = bodies(node) {
            let tag = tag_name(node);
            let mut found = Vec::new();
            for body in inner {
                let mut inside = Cursor::new(self.source, body.block, body.start, Some(tag));
                found.push(self.in_body(&body, |parser| parser.string_body(&mut inside))?);
            }
            out.push(Piece::Block { node, bodies: found, exclusive: false });
        } else {
            self.check_jumps(node, cursor)?;
            out.push(Piece::Silent(node));
        }
        cursor.step();
        Ok(())
    }

    /// The body of a tag in a string.
    fn string_body(&mut self, cursor: &mut Cursor<'a>) -> Result<Pieces<'a>, Problem> {
        let (mut out, mut decoded) = (Vec::new(), String::new());
        loop {
            self.content(cursor, &mut out, &mut decoded)?;
            match cursor.next() {
                Next::End => return Ok(out),
                Next::Node(node) => self.string_tag(node, cursor, &mut out)?,
                Next::Char('"') => {
                    let tag = cursor.tag.unwrap_or("the tag");
                    return Err(cursor.problem(
                        format!("this quote ends a string that was opened outside of `{tag}`"),
                        format!("Close the string after `{tag}`; a quote that belongs to the text is written `\\\"`."),
                    ));
                }
                Next::Char(_) => {}
            }
        }
    }
}
