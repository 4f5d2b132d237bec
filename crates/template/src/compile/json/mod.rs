//! A JSON text with outputs and tags. Its structure is checked here, on every path through its branches, so that only
//! values are left to render.

mod cursor;
mod emit;
mod list;
mod members;
mod scalar;
mod string;
mod tags;

use std::ops::Range;

use cursor::{Cursor, Next};
pub(crate) use emit::json;
use members::Members;

use crate::MAX_DEPTH;
use crate::problem::Problem;
use crate::syntax::ast::{Block, Node};

/// A piece of a JSON text whose structure is known to be right.
#[derive(Debug)]
enum Piece<'a> {
    /// Constant text, as it was written.
    Source(Range<usize>),
    Text(&'static str),
    /// A value where JSON expects one.
    Value(&'a Node),
    /// A value in a string.
    Content(&'a Node),
    /// A tag that writes nothing.
    Silent(&'a Node),
    /// The bodies of a node in their order. `exclusive`: of a `case` only the first arm that fits is written.
    Block {
        node: &'a Node,
        bodies: Vec<Vec<Self>>,
        exclusive: bool,
    },
    /// Around members or elements whose number is not known: `Item`s in it are separated by commas.
    List(Vec<Self>),
    Item(Vec<Self>),
    /// An object whose names are compared while rendering.
    Object(Vec<Self>),
    /// The content of a name, between its quotes, that is known only to a row; the object by its number among all.
    Name {
        object: usize,
        content: Vec<Self>,
    },
    /// The name of a member that is not always there.
    Literal {
        object: usize,
        name: String,
    },
}

/// The structure of a template, and what is known of the names of its objects.
#[derive(Debug)]
struct Structure<'a> {
    pieces: Vec<Piece<'a>>,
    objects: Vec<Members>,
}

fn structure<'a>(source: &'a str, block: &'a Block) -> Result<Structure<'a>, Problem> {
    let mut parser = Parser { source, depth: 0, open: 0, loop_at: None, objects: Vec::new() };
    let mut cursor = Cursor::new(source, block, 0, None);
    let mut pieces = Vec::new();
    parser.value(&mut cursor, &mut pieces)?;
    parser.skip(&mut cursor, &mut pieces)?;
    match cursor.next() {
        Next::End => Ok(Structure { pieces, objects: parser.objects }),
        _ => Err(parser.after_value(&mut cursor, "the message ends here, but more follows")),
    }
}

struct Parser<'a> {
    source: &'a str,
    /// How many objects and arrays are open.
    depth: usize,
    /// How many strings, objects, arrays and members are open, ...
    open: usize,
    /// ... and how many were where the innermost loop begins.
    loop_at: Option<usize>,
    objects: Vec<Members>,
}

type Pieces<'a> = Vec<Piece<'a>>;

impl<'a> Parser<'a> {
    fn value(&mut self, cursor: &mut Cursor<'a>, out: &mut Pieces<'a>) -> Result<(), Problem> {
        self.skip(cursor, out)?;
        match cursor.next() {
            Next::Node(node) if tags::writes_value(node) => {
                out.push(Piece::Value(node));
                cursor.step();
                Ok(())
            }
            Next::Node(node) => self.value_block(node, cursor, out),
            Next::Char('{') => self.nested(cursor, |parser, cursor| parser.object(cursor, out)),
            Next::Char('[') => self.nested(cursor, |parser, cursor| parser.array(cursor, out)),
            Next::Char('"') => self.string(cursor, out),
            Next::Char('-' | '0'..='9') => scalar::number(cursor, out),
            Next::Char(_) => scalar::word(cursor, out),
            Next::End => Err(scalar::no_value(cursor)),
        }
    }

    fn nested(
        &mut self,
        cursor: &mut Cursor<'a>,
        inner: impl FnOnce(&mut Self, &mut Cursor<'a>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if self.depth == MAX_DEPTH {
            return Err(cursor.problem(
                format!("objects and arrays are nested more than {MAX_DEPTH} deep"),
                "Make the message flatter, or put the deep part together in the query, as a json column.",
            ));
        }
        self.depth += 1;
        inner(self, cursor)?;
        self.depth -= 1;
        Ok(())
    }

    fn string(&mut self, cursor: &mut Cursor<'a>, out: &mut Pieces<'a>) -> Result<(), Problem> {
        let start = cursor.offset();
        cursor.bump();
        push(out, start..start + 1);
        self.string_content(cursor, start, out, &mut String::new())?;
        let end = cursor.offset();
        cursor.bump();
        push(out, end..end + 1);
        Ok(())
    }

    /// Up to the closing quote, which is left. `decoded` gets what the literal content stands for.
    fn string_content(
        &mut self,
        cursor: &mut Cursor<'a>,
        start: usize,
        out: &mut Pieces<'a>,
        decoded: &mut String,
    ) -> Result<(), Problem> {
        self.open += 1;
        loop {
            if self.content(cursor, out, decoded)? == string::Stop::Quote {
                break;
            }
            match (cursor.next(), cursor.tag) {
                (Next::Char(_), _) => {}
                (Next::Node(node), _) => self.string_tag(node, cursor, out)?,
                (Next::End, None) => {
                    return Err(cursor.problem_at(start, "this string is never closed", "Write the closing quote."));
                }
                (Next::End, Some(tag)) => {
                    return Err(cursor.problem_at(
                        start,
                        format!("this string is opened in `{tag}` and not closed in it"),
                        format!(
                            "Close it before `{tag}` goes on or ends; or put the whole of `{tag}` between two quotes."
                        ),
                    ));
                }
            }
        }
        self.open -= 1;
        Ok(())
    }

    /// One stretch of literal content.
    fn content(
        &self,
        cursor: &mut Cursor<'a>,
        out: &mut Pieces<'a>,
        decoded: &mut String,
    ) -> Result<string::Stop, Problem> {
        let Next::Char(_) = cursor.next() else { return Ok(string::Stop::Text) };
        let from = cursor.offset();
        let stop = string::literal(cursor, decoded)?;
        // The end of this text, not where the next one begins.
        let length = cursor.offset() - from;
        push(out, from..from + length);
        Ok(stop)
    }

    /// White space, and tags that write nothing, between two tokens.
    fn skip(&mut self, cursor: &mut Cursor<'a>, out: &mut Pieces<'a>) -> Result<(), Problem> {
        self.skip_all(cursor, out, |_| true)
    }

    fn skip_all(
        &mut self,
        cursor: &mut Cursor<'a>,
        out: &mut Pieces<'a>,
        may_be: impl Fn(&Node) -> bool,
    ) -> Result<(), Problem> {
        loop {
            match cursor.next() {
                Next::Char(c) if is_space(c) => {
                    let from = cursor.offset();
                    let length = cursor.take_while(is_space).len();
                    push(out, from..from + length);
                }
                Next::Node(node) if may_be(node) && tags::is_silent(self.source, node) => {
                    self.check_jumps(node, cursor)?;
                    out.push(Piece::Silent(node));
                    cursor.step();
                }
                _ => return Ok(()),
            }
        }
    }

    fn after_value(&self, cursor: &mut Cursor<'a>, message: &str) -> Problem {
        let advice = match cursor.next() {
            Next::Char('/' | '#') => "JSON has no comments; remove it, or write it as `{% # ... %}`.",
            Next::Char('{') if cursor.text().starts_with("{#") => "A comment is written `{% # ... %}`.",
            Next::Char(',') => "Remove the comma; members stand between `{` and `}`, elements between `[` and `]`.",
            Next::Char('"' | '{' | '[') | Next::Node(_) => {
                "Write a comma between two values; put a text with holes in one pair of double quotes."
            }
            Next::Char('}' | ']') => "There is a closing bracket too many, or of the wrong kind.",
            _ => "To mix text and holes, put all of it in one pair of double quotes.",
        };
        cursor.problem(message, advice)
    }
}

const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// Constant text; neighboring text becomes one.
fn push(out: &mut Pieces<'_>, range: Range<usize>) {
    if range.is_empty() {
        return;
    }
    match out.last_mut() {
        Some(Piece::Source(last)) if last.end == range.start => last.end = range.end,
        _ => out.push(Piece::Source(range)),
    }
}
