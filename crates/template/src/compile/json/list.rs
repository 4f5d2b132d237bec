//! Members of objects and elements of arrays, the tags among them, and their commas.

use super::cursor::{Cursor, Next, tag_name};
use super::members::Path;
use super::tags::{self, Body};
use super::{Parser, Piece, Pieces, push, scalar};
use crate::problem::{Problem, quoted};
use crate::syntax::ast::Node;

/// What stands in an object or array, in its order.
#[derive(Debug)]
enum Entry<'a> {
    Space(Pieces<'a>),
    Silent(&'a Node),
    /// Where it stands.
    Comma(usize),
    Item(Pieces<'a>),
    Block(&'a Node, Vec<Vec<Self>>),
}

#[derive(Debug)]
struct List {
    what: &'static str,
    close: char,
    /// For an object: its number, and the names of its members.
    names: Option<(usize, Path)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Start,
    Comma,
    Item,
    Block,
}

impl<'a> Parser<'a> {
    pub(super) fn object(&mut self, cursor: &mut Cursor<'a>, out: &mut Pieces<'a>) -> Result<(), Problem> {
        let object = self.objects.len();
        self.objects.push(super::Members::default());
        let mut list = List { what: "object", close: '}', names: Some((object, Path::new())) };
        let mut body = Vec::new();
        self.list(cursor, &mut list, &mut body)?;
        let Some((_, path)) = list.names else { return Ok(()) };
        let members = path.finish();
        if members.compared {
            out.push(Piece::Object(body));
        } else {
            append(out, body);
        }
        if let Some(slot) = self.objects.get_mut(object) {
            *slot = members;
        }
        Ok(())
    }

    pub(super) fn array(&mut self, cursor: &mut Cursor<'a>, out: &mut Pieces<'a>) -> Result<(), Problem> {
        self.list(cursor, &mut List { what: "array", close: ']', names: None }, out)
    }

    fn list(&mut self, cursor: &mut Cursor<'a>, list: &mut List, out: &mut Pieces<'a>) -> Result<(), Problem> {
        let start = cursor.offset();
        let (what, close) = (list.what, list.close);
        cursor.bump();
        push(out, start..start + 1);
        self.open += 1;
        let entries = self.entries(cursor, list, true)?;
        self.open -= 1;
        let end = cursor.offset();
        match (cursor.next(), cursor.tag) {
            (Next::Char(found), _) if found == close => {
                cursor.bump();
            }
            (Next::End, None) => {
                return Err(cursor.problem_at(
                    start,
                    format!("this {what} is never closed"),
                    format!("Write `{close}`."),
                ));
            }
            (Next::End, Some(tag)) => {
                return Err(cursor.problem_at(
                    start,
                    format!("this {what} is opened in `{tag}` and not closed in it"),
                    format!("Write its `{close}` before `{tag}` goes on or ends, and the whole {what} in each branch."),
                ));
            }
            _ => return Err(self.after_value(cursor, &format!("expected `,` or `{close}` in this {what}"))),
        }
        if entries.iter().any(|entry| matches!(entry, Entry::Block(..))) {
            let tail = match entries.last() {
                Some(Entry::Space(space)) => space.iter().filter_map(source).next_back(),
                _ => None,
            };
            out.push(Piece::List(arranged(entries)));
            out.extend(tail.map(Piece::Source));
        } else {
            plain(entries, out);
        }
        push(out, end..end + 1);
        Ok(())
    }

    /// Up to a closing bracket or the end of the block. `outer`: of the list itself, not of the body of a tag in it.
    fn entries(&mut self, cursor: &mut Cursor<'a>, list: &mut List, outer: bool) -> Result<Vec<Entry<'a>>, Problem> {
        let mut entries = Vec::new();
        let mut last = Last::Start;
        loop {
            let mut space = Vec::new();
            // A tag that could hold members or elements is one that does, of none.
            self.skip_all(cursor, &mut space, |node| {
                !matches!(node, Node::If { .. } | Node::Case { .. } | Node::For(_))
            })?;
            for piece in space {
                entries.push(match piece {
                    Piece::Silent(node) => Entry::Silent(node),
                    other => Entry::Space(vec![other]),
                });
            }
            last = match cursor.next() {
                Next::End | Next::Char('}' | ']') => return Ok(entries),
                Next::Char(',') => {
                    if last == Last::Comma || (last == Last::Start && outer) {
                        return Err(no_item(cursor, list));
                    }
                    entries.push(Entry::Comma(cursor.offset()));
                    cursor.bump();
                    Last::Comma
                }
                Next::Node(node) if tags::bodies(node).is_some() => {
                    let bodies = self.list_block(node, list, cursor)?;
                    entries.push(Entry::Block(node, bodies));
                    cursor.step();
                    Last::Block
                }
                _ if last == Last::Item => {
                    let message = format!("expected `,` or `{}` in this {}", list.close, list.what);
                    return Err(self.after_value(cursor, &message));
                }
                _ => {
                    let mut item = Vec::new();
                    if list.names.is_some() {
                        self.member(cursor, list, &mut item)?
                    } else {
                        self.value(cursor, &mut item)?
                    }
                    entries.push(Entry::Item(item));
                    Last::Item
                }
            };
        }
    }

    /// The bodies of a tag among members or elements.
    fn list_block(
        &mut self,
        node: &'a Node,
        list: &mut List,
        cursor: &Cursor<'a>,
    ) -> Result<Vec<Vec<Entry<'a>>>, Problem> {
        let tag = tag_name(node);
        if matches!(node, Node::IfChanged { .. } | Node::TableRow(_)) {
            return Err(cursor.problem(
                format!("`{tag}` can stand only in a string here"),
                "Write `if` or `for`, whose bodies may be members or elements.",
            ));
        }
        let (mut found, mut ended) = (Vec::new(), Vec::new());
        for body in tags::bodies(node).unwrap_or_default() {
            let mut inside = Cursor::new(self.source, body.block, body.start, Some(tag));
            if let Some((_, path)) = &mut list.names {
                path.enter(body.looped);
            }
            let entries = self.in_body(&body, |parser| parser.entries(&mut inside, list, false))?;
            if let Next::Char(bracket) = inside.next() {
                return Err(inside.problem(
                    format!("this {} closes what was opened outside of `{tag}`", quoted(&bracket.to_string())),
                    format!("Close in `{tag}` what is opened in it, and nothing else."),
                ));
            }
            if let Some((_, path)) = &mut list.names {
                ended.push(path.leave());
                // More than one arm of a `case` may be rendered, one branch of the others.
                if matches!(node, Node::Case { .. }) {
                    ended.drain(..).for_each(|names| path.settle(names));
                }
            }
            found.push(entries);
        }
        if let Some((_, path)) = &mut list.names {
            ended.into_iter().for_each(|names| path.settle(names));
        }
        Ok(found)
    }

    pub(super) fn in_body<T>(&mut self, body: &Body<'a>, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.loop_at;
        if body.looped {
            self.loop_at = Some(self.open);
        }
        let result = read(self);
        self.loop_at = before;
        result
    }
}

impl<'a> Parser<'a> {
    fn member(&mut self, cursor: &mut Cursor<'a>, list: &mut List, out: &mut Pieces<'a>) -> Result<(), Problem> {
        self.open += 1;
        self.name(cursor, list, out)?;
        self.skip(cursor, out)?;
        let at = match cursor.next() {
            Next::Char(':') => cursor.offset(),
            _ => {
                let message = match (cursor.next(), cursor.tag) {
                    (Next::End, Some(tag)) => format!("`{tag}` goes on or ends between a name and its value"),
                    _ => "a `:` is missing after the name of the member".to_owned(),
                };
                return Err(cursor.problem(message, "Write `\"name\": value`."));
            }
        };
        cursor.bump();
        push(out, at..at + 1);
        self.value(cursor, out)?;
        self.open -= 1;
        Ok(())
    }

    /// The name of a member: a string, with or without outputs in it, or an output.
    fn name(&mut self, cursor: &mut Cursor<'a>, list: &mut List, out: &mut Pieces<'a>) -> Result<(), Problem> {
        let Some((object, path)) = &mut list.names else { return Ok(()) };
        let object = *object;
        match cursor.next() {
            Next::Node(node) if tags::writes_value(node) => {
                out.push(Piece::Text("\""));
                out.push(Piece::Name { object, content: vec![Piece::Content(node)] });
                out.push(Piece::Text("\""));
                path.compared = true;
                cursor.step();
                return Ok(());
            }
            Next::Char('"') => {}
            _ => return Err(scalar::no_name(cursor)),
        }
        let start = cursor.offset();
        cursor.bump();
        let (mut content, mut name) = (Vec::new(), String::new());
        self.string_content(cursor, start, &mut content, &mut name)?;
        let end = cursor.offset();
        cursor.bump();
        push(out, start..start + 1);
        if content.iter().all(|piece| matches!(piece, Piece::Source(_))) {
            if !path.add(&name) {
                return Err(cursor.problem_at(
                    start,
                    format!("the object has a second member {}", quoted(&name)),
                    "Give each member a name of its own.",
                ));
            }
            if path.conditional() {
                out.insert(0, Piece::Literal { object, name });
            }
            append(out, content);
        } else {
            path.compared = true;
            out.push(Piece::Name { object, content });
        }
        push(out, end..end + 1);
        Ok(())
    }
}

fn no_item(cursor: &mut Cursor<'_>, list: &List) -> Problem {
    if list.names.is_some() { scalar::no_name(cursor) } else { scalar::no_value(cursor) }
}

fn source(piece: &Piece<'_>) -> Option<std::ops::Range<usize>> {
    match piece {
        Piece::Source(range) => Some(range.clone()),
        _ => None,
    }
}

fn append<'a>(out: &mut Pieces<'a>, pieces: Pieces<'a>) {
    for piece in pieces {
        match piece {
            Piece::Source(range) => push(out, range),
            other => out.push(other),
        }
    }
}

/// Without tags all is constant but the values; only a comma before the closing bracket goes.
fn plain<'a>(entries: Vec<Entry<'a>>, out: &mut Pieces<'a>) {
    let last = entries.iter().rposition(|entry| matches!(entry, Entry::Item(_))).unwrap_or(0);
    for (at, entry) in entries.into_iter().enumerate() {
        match entry {
            Entry::Space(pieces) | Entry::Item(pieces) => append(out, pieces),
            Entry::Silent(node) => out.push(Piece::Silent(node)),
            Entry::Comma(offset) if at < last => push(out, offset..offset + 1),
            Entry::Comma(_) | Entry::Block(..) => {}
        }
    }
}

/// Runs of members or elements become one item, with the commas and the white space between them as they were written.
fn arranged<'a>(entries: Vec<Entry<'a>>) -> Pieces<'a> {
    let (mut out, mut run, mut between): (Pieces<'a>, Pieces<'a>, Pieces<'a>) = Default::default();
    let flush = |out: &mut Pieces<'a>, run: &mut Pieces<'a>| {
        if !run.is_empty() {
            out.push(Piece::Item(std::mem::take(run)));
        }
    };
    for entry in entries {
        match entry {
            Entry::Space(space) => append(&mut between, space),
            Entry::Comma(at) if !run.is_empty() => push(&mut between, at..at + 1),
            Entry::Comma(_) => {}
            Entry::Item(item) => {
                append(&mut run, std::mem::take(&mut between));
                append(&mut run, item);
            }
            Entry::Silent(node) => {
                between.clear();
                flush(&mut out, &mut run);
                out.push(Piece::Silent(node));
            }
            Entry::Block(node, bodies) => {
                between.clear();
                flush(&mut out, &mut run);
                let bodies = bodies.into_iter().map(arranged).collect();
                out.push(Piece::Block { node, bodies, exclusive: false });
            }
        }
    }
    flush(&mut out, &mut run);
    out
}
